from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provenance.cli.render_release import release_text, resemblance_text
from provenance.report import AgencyRef, LogEntryRef, Region, Release, Resemblance, Span
from provenance.verdict import ReleaseState

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
AURORA = AgencyRef(id="aurora", name="Aurora Entertainment", names={})


def test_a_release_that_is_not_known_is_only_that() -> None:
    release = Release(state=ReleaseState.UNKNOWN, why="no register of releases is consulted")
    assert release_text(release) == "unknown: no register of releases is consulted"


def test_a_release_says_what_became_of_it_and_since_when_it_is_stated() -> None:
    release = Release(
        state=ReleaseState.SUPERSEDED,
        why="the agency has released a newer version",
        id="NOVA9-2026-11",
        title={"en": "Starlight", "ko": "별빛"},
        replaced_by="NOVA9-2026-12",
        first_stated_at=AT,
        log=LogEntryRef(origin="log.example", entry=3, logged_at=AT),
    )
    assert release_text(release) == (
        '"Starlight" (NOVA9-2026-11), superseded: the agency has released a newer version; '
        "replaced by NOVA9-2026-12; first stated by the agency on 2026-11-01 12:00:00 UTC; "
        "entry 3 of the log log.example, taken on 2026-11-01 12:00:00 UTC"
    )


def test_a_resemblance_says_what_happened_and_stays_a_lead() -> None:
    lead = Resemblance(
        release="NOVA9-2026-11",
        distance=9,
        agency=AURORA,
        edits=("cropped", "mirrored"),
        differs=(Region(left=0.1, top=0.2, width=0.3, height=0.3),),
    )
    assert resemblance_text(lead) == (
        "NOVA9-2026-11 of Aurora Entertainment, 9 of 256 bits apart; the copy is cropped, "
        "mirrored; it differs in 1 place: a lead, not proof"
    )


def test_a_stretch_of_a_recording_is_given_in_minutes_and_seconds() -> None:
    lead = Resemblance(
        release="X", distance=0, spans=(Span(start_s=61.2, end_s=75.0, release_start_s=0.4),)
    )
    assert "1:01-1:15 is the release from 0:00-0:14" in resemblance_text(lead)


@pytest.mark.parametrize("edit", ["sped up", "slowed down"])
def test_of_a_copy_at_another_speed_no_end_in_the_release_is_made_up(edit: str) -> None:
    span = Span(start_s=60, end_s=120, release_start_s=30)
    lead = Resemblance(release="X", distance=0, edits=("cropped", edit), spans=(span,))
    assert "1:00-2:00 is the release from 0:30 on: a lead" in resemblance_text(lead)
    twin = Resemblance(release="X", distance=0, edits=("cropped",), spans=(span,))
    assert "1:00-2:00 is the release from 0:30-1:30: a lead" in resemblance_text(twin)
