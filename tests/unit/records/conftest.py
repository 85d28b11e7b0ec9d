"""A database of its own for each test, and a clock and chance that are told what to say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from provenance.database.database import Database
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.trust.directory import parse_directory
from provenance.verification.verifier import Verifier

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    with Database(tmp_path / "records.db") as database:
        yield database.engine


@pytest.fixture
def random() -> Callable[[int], bytes]:
    """Bytes that are other ones each time, and the same in each test."""
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


@pytest.fixture(scope="session")
def make_report(directory_bytes: bytes) -> Callable[[bytes], Report]:
    """Judges bytes by the sample agency's directory."""
    directory = parse_directory(directory_bytes, where="test", source="test")
    verifier = Verifier(directory=directory, clock=lambda: NOW)
    return verifier.verify


@pytest.fixture(scope="session")
def directory_bytes(agency: DevAgency) -> bytes:
    """The sample agency's directory."""
    return json.dumps(agency.directory_entry()).encode()
