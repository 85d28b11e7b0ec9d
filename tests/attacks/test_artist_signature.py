"""The artist's own signature on a consent: of another one, over other words, by nobody known.

Each attack has its twin. Under an agency's claim only the agency could do it; still, what
contradicts itself counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.render import render_report
from provenance.credentials.consent_signature import MEMBER
from provenance.errors import ReleaseError
from provenance.findings import FindingCode
from provenance.media.sniff import sniff
from provenance.report import Report
from provenance.signing.artist_consent import sign_for_artist
from provenance.signing.claim_content import ClaimContent
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.release import LoadedRelease
from provenance.signing.release_content import claim_content
from provenance.trust.lists import ListPurpose
from provenance.verdict import ConsentState, Verdict
from tests.factory import judging, media, pki
from tests.factory.judging import AT, House
from tests.factory.pki import Holder
from tests.factory.releases import (
    AI,
    CONSENT,
    SIGNED_AT,
    folder_with,
    minimal,
    sign_with_identity,
    the_file,
)

LABEL = "org.provenance-verifier.consent"
MADE = {"path": "a.jpg", "digital_source_type": "trainedAlgorithmicMedia", "ai": dict(AI)}
Load = Callable[..., LoadedRelease]
Judged = Callable[..., Report]


@pytest.fixture(scope="module")
def studio() -> Holder:
    """An authority that identifies artists."""
    return pki.root(pki.name("Studio TEST root", organization="Studio Identity"))


@pytest.fixture(scope="module")
def artist(studio: Holder) -> MemorySigner:
    """The artist's own key."""
    leaf = pki.issue(
        pki.name("NOVA9 TEST", organization="NOVA9"), studio, eku=(pki.DOCUMENT_SIGNING,)
    )
    return pki.signer_of(leaf)


@pytest.fixture(scope="module")
def press(house: House) -> MemorySigner:
    """The agency's key for identities."""
    return house.signer("Identity", eku=(pki.DOCUMENT_SIGNING,))


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A release with this consent on record."""

    def make(**fields: Any) -> LoadedRelease:
        release = minimal(MADE, consents=[{**CONSENT, **fields}])
        return folder_with(tmp_path, release, {"a.jpg": media.jpeg(1)})

    return make


@pytest.fixture
def judged(
    agency: DevAgency,
    house: House,
    studio: Holder,
    press: MemorySigner,
    agency_signer: MemorySigner,
) -> Judged:
    """What is said of a picture with this content."""
    verifier = judging.verifier_of(
        judging.directory_of(agency, house.root),
        identity_lists=[judging.trust_list("studio", studio, purpose=ListPurpose.IDENTITY)],
    )

    def call(content: ClaimContent) -> Report:
        data = sign_with_identity(media.jpeg(1), content, signer=agency_signer, identity=press)
        report = verifier.verify(data, at=AT)
        assert report.verdict is Verdict.OFFICIAL, report.summary
        return report

    return call


def content_of(loaded: LoadedRelease) -> ClaimContent:
    kind = sniff(media.jpeg(1))
    assert kind is not None
    return claim_content(loaded, the_file(loaded), media_format=kind, at=SIGNED_AT)


def edited(content: ClaimContent, **members: object) -> ClaimContent:
    """The same, with other members in the consent than the artist signed."""
    (entry,) = [e for e in content.manifest["assertions"] if e["label"] == LABEL]
    entry["data"].update(members)
    return content


def signers(report: Report) -> list[tuple[str, str, str | None]]:
    (consent,) = report.ai.consents
    return [(s.kind, s.recognised_by, s.says_name) for s in consent.signed_by]


AGENCY = ("agency", "anchor:second-0", "Aurora Entertainment")


def test_twin_the_artist_signed_this_consent(
    load: Load, artist: MemorySigner, judged: Judged
) -> None:
    signature = sign_for_artist(load().document, "nova9", artist)
    report = judged(content_of(load(artist_signature=signature)))
    assert report.ai.consent is ConsentState.ON_RECORD
    assert signers(report) == [AGENCY, ("listed", "list:studio", "NOVA9")]
    text = " ".join(render_report(report, name="a.jpg", colour=False).split())
    assert 'vouched for by list:studio (certificate says "NOVA9")' in text


def test_twin_without_the_artists_signature_the_agencys_word_counts(
    load: Load, judged: Judged
) -> None:
    report = judged(content_of(load()))
    assert report.ai.consent is ConsentState.ON_RECORD
    assert signers(report) == [AGENCY]


@pytest.mark.parametrize(
    "change",
    [
        {"uses": ["voice", "likeness"]},
        {"valid_until": "2030-05-31T23:59:59+09:00"},
        {"paper_sha256": "6b" * 32},
        {"territories": ["KR"]},
        {"identifier": "C-2026-0118"},
    ],
)
def test_the_signature_of_another_consent(
    change: Mapping[str, Any], load: Load, artist: MemorySigner, judged: Judged
) -> None:
    signature = sign_for_artist(load(**change).document, "NOVA9", artist)
    # The release desk cannot even plan it ...
    with pytest.raises(ReleaseError, match="the artist's signature does not belong to it"):
        content_of(load(artist_signature=signature))
    # ... and whoever writes it all the same has written what counts for nothing.
    report = judged(edited(content_of(load()), **{MEMBER: signature}))
    assert report.ai.consents[0].state == "signature-mismatch"
    assert report.has(FindingCode.CONSENT_SIGNATURE_MISMATCH)
    assert report.ai.consent is ConsentState.NOT_ATTRIBUTED
    assert signers(report) == [AGENCY]


@pytest.mark.parametrize(
    "members",
    [
        {"uses": ["voice", "likeness"]},
        {"artist": "NOVA"},
        {"somethingNew": "that nobody signed"},
        {"territories": ["KR"]},
    ],
)
def test_a_consent_that_was_changed_after_the_artist_signed(
    members: Mapping[str, Any], load: Load, artist: MemorySigner, judged: Judged
) -> None:
    signature = sign_for_artist(load().document, "NOVA9", artist)
    report = judged(edited(content_of(load(artist_signature=signature)), **members))
    assert report.ai.consents[0].state == "signature-mismatch"
    assert report.has(FindingCode.CONSENT_SIGNATURE_MISMATCH)
    assert not report.has(FindingCode.CONSENT_ON_RECORD)


def test_a_signature_by_a_key_that_nobody_lists(
    load: Load, stranger: MemorySigner, judged: Judged
) -> None:
    """The agency's word counts as it did; the stranger is named nowhere as the artist."""
    signature = sign_for_artist(load().document, "NOVA9", stranger)
    report = judged(content_of(load(artist_signature=signature)))
    assert report.ai.consent is ConsentState.ON_RECORD
    assert signers(report) == [AGENCY]
    assert report.has(FindingCode.CONSENT_SIGNER_UNKNOWN)


def test_the_agencys_own_key_is_not_the_artists(
    load: Load, press: MemorySigner, judged: Judged
) -> None:
    signature = sign_for_artist(load().document, "NOVA9", press)
    report = judged(content_of(load(artist_signature=signature)))
    assert signers(report) == [AGENCY]
    (found,) = [f for f in report.findings if f.code is FindingCode.CONSENT_SIGNER_UNKNOWN]
    assert found.evidence["consents"][0]["why"] == "its key is an agency's, not an artist's"


@pytest.mark.parametrize("text", ["AAAA", "0oRBoKBAQA=="])
def test_what_is_no_signature(text: str, load: Load, judged: Judged) -> None:
    with pytest.raises(ReleaseError, match="consent of NOVA9: "):
        content_of(load(artist_signature=text))
    report = judged(edited(content_of(load()), **{MEMBER: text}))
    assert report.ai.consents[0].state == "signature-mismatch"


def test_which_consent_is_signed_has_to_be_clear(load: Load, artist: MemorySigner) -> None:
    with pytest.raises(ReleaseError, match="consent of SOLAR: expected one on record, got none"):
        sign_for_artist(load().document, "SOLAR", artist)
    with pytest.raises(ReleaseError, match="expected one on record, got none"):
        sign_for_artist(load().document, "NOVA9", artist, paper_sha256="ff")
    assert sign_for_artist(load().document, "NOVA9", artist, paper_sha256="5a5a")
