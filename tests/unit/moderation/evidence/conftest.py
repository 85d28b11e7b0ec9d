"""Everything here runs on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine


@pytest.fixture
def engine(either_engine: Engine) -> Engine:
    """An empty database of each kind."""
    return either_engine
