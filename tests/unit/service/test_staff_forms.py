"""Forms of the staff's pages, as they are read."""

from __future__ import annotations

import pytest

from provenance.service.staff_forms import parse_pairs


@pytest.mark.parametrize("typed", [b"name=ali%00ce&name=b", b"name=alice&name=b"])
def test_what_nobody_types_is_left_out(typed: bytes) -> None:
    """No database takes it; PostgreSQL would fail over it, before anybody is signed in."""
    assert parse_pairs(typed) == (("name", "alice"), ("name", "b"))
