"""Keys used beyond what their agency has authorised them for: kind, artist, territory."""

from __future__ import annotations

from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import Verdict
from provenance.verification.policy import Policy
from tests.factory import media
from tests.factory.judging import directory_of, verifier_of
from tests.factory.sign import sign

JPEG = "image/jpeg"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def judged(
    data: bytes, agency: DevAgency, scope: dict[str, Any], *, territory: str | None = None
) -> Report:
    directory = directory_of(agency, entry={"scope": scope})
    return verifier_of(directory, policy=Policy(territory=territory)).verify(data)


def showing(signer: MemorySigner, *artists: str) -> bytes:
    """A signed picture whose signed metadata names these artists."""
    said = {
        "@context": {"Iptc4xmpExt": IPTC},
        "Iptc4xmpExt:PersonInImage": list(artists),
    }
    assertion = {"label": "cawg.metadata", "data": said}
    return sign(media.jpeg(), JPEG, signer=signer, assertions=[assertion])


def outside(report: Report) -> str | None:
    found = [f for f in report.findings if f.code is FindingCode.KEY_OUT_OF_SCOPE]
    return found[0].evidence["outside"] if found else None


@pytest.mark.parametrize(
    ("artists", "verdict"),
    [
        (["NOVA9"], Verdict.OFFICIAL),
        (["nova9 "], Verdict.OFFICIAL),
        (["\uff2e\uff2f\uff36\uff21\uff19"], Verdict.OFFICIAL),  # the same in full width
        (["VEGA5"], Verdict.SIGNED_UNRECOGNISED),
        (["NOVA9", "VEGA5"], Verdict.SIGNED_UNRECOGNISED),
    ],
)
def test_a_key_speaks_only_for_its_agencys_artists(
    artists: list[str], verdict: Verdict, agency: DevAgency, agency_signer: MemorySigner
) -> None:
    report = judged(showing(agency_signer, *artists), agency, {"artists": ["NOVA9"]})
    assert report.verdict is verdict, report.summary
    assert outside(report) == (None if verdict is Verdict.OFFICIAL else "artist")
    if verdict is not Verdict.OFFICIAL:
        assert report.summary.startswith(
            "TEST. Aurora Entertainment has not authorised the key it is signed with for "
            "this artist."
        )


def test_twin_without_a_limit_any_artist_may_be_named(
    agency: DevAgency, agency_signer: MemorySigner
) -> None:
    report = judged(showing(agency_signer, "VEGA5"), agency, {"artists": None})
    assert report.verdict is Verdict.OFFICIAL


def test_a_release_that_names_nobody_says_that_the_limit_was_not_checked(
    signed_jpeg: bytes, agency: DevAgency
) -> None:
    report = judged(signed_jpeg, agency, {"artists": ["NOVA9"]})
    assert report.verdict is Verdict.OFFICIAL
    assert "artist scope" in {check.check for check in report.checks_not_run}


def test_a_name_outside_the_credentials_names_nobody(
    agency: DevAgency, agency_signer: MemorySigner
) -> None:
    # EXIF and XMP of the file may be anybody's; only signed statements count.
    data = sign(media.jpeg(), JPEG, signer=agency_signer)
    report = judged(data, agency, {"artists": []})
    assert report.verdict is Verdict.OFFICIAL
    assert "artist scope" in {check.check for check in report.checks_not_run}


@pytest.mark.parametrize(
    ("territory", "verdict"),
    [("KR", Verdict.OFFICIAL), ("JP", Verdict.SIGNED_UNRECOGNISED), (None, Verdict.OFFICIAL)],
)
def test_a_key_that_is_limited_to_territories(
    territory: str | None, verdict: Verdict, signed_jpeg: bytes, agency: DevAgency
) -> None:
    report = judged(signed_jpeg, agency, {"territories": ["KR"]}, territory=territory)
    assert report.verdict is verdict
    assert outside(report) == ("territory" if territory == "JP" else None)
    not_run = {check.check for check in report.checks_not_run}
    assert ("territory scope" in not_run) is (territory is None)


def test_a_key_that_is_limited_to_another_kind_of_media(
    signed_jpeg: bytes, agency: DevAgency
) -> None:
    report = judged(signed_jpeg, agency, {"media_kinds": ["audio"]})
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert outside(report) == "media kind"
    assert "for this kind of media." in report.summary
