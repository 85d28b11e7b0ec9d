"""Days and moments, as they are typed and shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provenance.cli.moments import end_of_day, moment_text, span_text
from provenance.errors import ConfigurationError
from provenance.service.staff_forms import end_of_day as end_of_day_in_a_form


@pytest.mark.parametrize("day", ["2027-03-31", "2028-02-29", "1999-12-31"])
def test_a_last_day_ends_alike_at_a_terminal_and_in_a_form(day: str) -> None:
    end = end_of_day(day, option="--until")
    assert end == end_of_day_in_a_form(day)
    assert end.isoformat() == f"{day}T23:59:59+00:00"


@pytest.mark.parametrize("text", ["", "2027-02-29", "31.3.2027", "for ever"])
def test_what_names_no_day_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--until: expected a date like 2027-03-31, got"):
        end_of_day(text, option="--until")


def test_moments_and_stretches_are_shown_as_people_read_them() -> None:
    assert moment_text(datetime(2027, 3, 31, 9, 5, tzinfo=UTC)) == "2027-03-31 09:05:00 UTC"
    assert span_text(59.6, 125) == "1:00-2:05"
