"""Reports made by hand, so that rendering is tested without verifying anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provenance.report import Report
from tests.factory.reports import report_of


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """An official report of the sample agency; keywords replace whole fields."""
    return report_of
