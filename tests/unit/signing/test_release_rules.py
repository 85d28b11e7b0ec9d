from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.errors import ReleaseError
from provenance.signing.dev_agency import DevAgency
from provenance.signing.release_model import Release
from provenance.signing.release_rules import check_release, consent_needs, release_faults
from provenance.trust.directory import Agency
from tests.factory.judging import directory_of
from tests.factory.releases import AI, CONSENT, SIGNED_AT, minimal

MADE = {"path": "a.jpg", "digital_source_type": "trainedAlgorithmicMedia", "ai": dict(AI)}


def entry(agency: DevAgency, **scope: Any) -> Agency:
    limits = {"artists": ["NOVA9"], **scope}
    return directory_of(agency, entry={"scope": limits}).document.agencies[0]


def release(*files: dict[str, Any], **fields: Any) -> Release:
    return Release.model_validate(minimal(*files, **fields))


def faults(document: Release, agency: Agency | None = None) -> tuple[str, ...]:
    return release_faults(document, at=SIGNED_AT, agency=agency)


def test_a_release_without_faults(agency: DevAgency) -> None:
    assert faults(release(), entry(agency)) == ()
    assert faults(release(MADE, consents=[dict(CONSENT)]), entry(agency)) == ()
    assert faults(release(MADE, consents=[dict(CONSENT)])) == ()


def test_another_agencys_release(agency: DevAgency) -> None:
    found = faults(release(agency="borealis"), entry(agency))
    assert found == ("agency: expected aurora-entertainment, got borealis",)


def test_an_artist_whom_the_directory_does_not_list(agency: DevAgency) -> None:
    document = release(artists=[{"name": "NOVA9"}, {"name": "VEGA5"}])
    assert faults(document, entry(agency)) == (
        (
            "artists[1]: the directory does not list VEGA5 for Aurora Entertainment: its files "
            "would not be official"
        ),
    )
    assert faults(document, entry(agency, artists=None)) == ()


@pytest.mark.parametrize("territories", ["worldwide", ["KR", "JP"]])
def test_territories_beyond_those_of_the_directory(agency: DevAgency, territories: Any) -> None:
    listed = entry(agency, territories=["KR"])
    assert faults(release(territories=territories), listed) == (
        "territories: the directory lists Aurora Entertainment for KR only",
    )
    assert faults(release(territories=["KR"]), listed) == ()


def test_a_use_without_consent_names_the_artist_and_the_use() -> None:
    with pytest.raises(ReleaseError) as raised:
        check_release(release(MADE), at=SIGNED_AT, agency=None, where="release.yaml")
    assert str(raised.value) == (
        "release.yaml: files[0].ai[0]: voice of NOVA9: no consent is on record"
    )


def test_consent_is_asked_for_at_the_time_of_publication_too() -> None:
    consent = {**CONSENT, "valid_until": "2026-11-15T00:00:00Z"}
    document = release(MADE, consents=[consent], publication_date="2026-11-30T00:00:00Z")
    (found,) = faults(document)
    assert "over when it is published" in found


def test_consent_that_has_ended_since_the_plan_was_made() -> None:
    document = release(MADE, consents=[dict(CONSENT)])
    later = datetime(2028, 6, 1, tzinfo=UTC)
    assert faults(document) == ()
    assert "expired" in release_faults(document, at=later, agency=None)[0]


def test_an_artist_of_another_name_is_the_same() -> None:
    document = release(
        {**MADE, "ai": {**AI, "artists": ["노바나인"]}}, consents=[{**CONSENT, "artist": "nova9"}]
    )
    assert faults(document) == ()
    (needed,) = consent_needs(document, tuple(document.declarations()))
    assert needed.artist == "NOVA9"


def test_an_artist_whom_nobody_knows(agency: DevAgency) -> None:
    document = release(
        {**MADE, "ai": {**AI, "artists": ["VEGA5"]}}, consents=[{**CONSENT, "artist": "VEGA5"}]
    )
    assert "VEGA5 is neither among the artists of the release" in faults(document)[0]
    assert faults(document, entry(agency, artists=["NOVA9", "VEGA5"])) == ()


def test_each_use_of_each_artist_needs_its_own() -> None:
    artists = [{"name": "NOVA9"}, {"name": "VEGA5"}]
    ai = {**AI, "used_for": ["voice", "likeness", "other"], "artists": ["NOVA9", "VEGA5"]}
    document = release({**MADE, "ai": ai}, artists=artists, consents=[dict(CONSENT)])
    assert [found.split(": ")[1] for found in faults(document)] == [
        "likeness of NOVA9",
        "voice of VEGA5",
        "likeness of VEGA5",
    ]


def test_what_concerns_nobody_needs_no_consent() -> None:
    for fields in (
        {"used_for": ["other"], "artists": []},
        {"used_for": ["translation"], "artists": []},
        {"used_for": ["voice"], "artists": [], "invented": True},
    ):
        assert faults(release({**MADE, "ai": {**AI, **fields}})) == ()


def test_faults_are_told_up_to_a_number() -> None:
    files = [{**MADE, "path": f"{number}.jpg"} for number in range(30)]
    with pytest.raises(ReleaseError) as raised:
        check_release(release(*files), at=SIGNED_AT, agency=None, where="r")
    lines = str(raised.value).splitlines()
    assert (len(lines), lines[-1]) == (21, "r: and 10 more faults")
