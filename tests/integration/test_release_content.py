"""Releases signed as their manifests say: by our verifier, the bare engine and the second one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from c2pa import Context, Reader

from provenance.findings import FindingCode, Severity
from provenance.media.sniff import sniff
from provenance.report import Report
from provenance.signing.claim_content import ClaimContent
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.release import LoadedRelease
from provenance.signing.release_content import claim_content
from provenance.signing.release_files import ReleaseFile, expand_files
from provenance.trust.directory import Agency
from provenance.verdict import AiState, ConsentState, Verdict
from provenance.verification.policy import Policy
from provenance.verification.verifier import Verifier
from tests.factory import judging, media
from tests.factory.releases import (
    AI,
    CONSENT,
    SIGNED_AT,
    example_folder,
    folder_with,
    minimal,
    sign_content,
    sign_with_identity,
    the_file,
)
from tests.factory.sign import OFFLINE

# The second engine cannot read the binding of these; the verifier's own list says so.
WITHOUT_SECOND = {"docx", "epub"}
# Said of any file of a trial; and the engine's exempt boxes, whoever signs.
EXPECTED = {FindingCode.TEST_DIRECTORY}


@pytest.fixture(scope="module")
def entry(agency: DevAgency) -> Agency:
    return judging.directory_of(agency).document.agencies[0]


@pytest.fixture(scope="module")
def verifier(agency: DevAgency) -> Verifier:
    policy = Policy(name="two engines", version="1", second_engine=True)
    return judging.verifier_of(judging.directory_of(agency), policy=policy)


@pytest.fixture
def example(tmp_path: Path) -> LoadedRelease:
    return example_folder(tmp_path)


def content_of(loaded: LoadedRelease, file: ReleaseFile, **options: Any) -> ClaimContent:
    kind = sniff(file.source.read_bytes())
    assert kind is not None
    return claim_content(loaded, file, media_format=kind, at=SIGNED_AT, **options)


def concerns(report: Report) -> set[FindingCode]:
    """Findings that ask for attention, but for those of a trial."""
    serious = {Severity.WARNING, Severity.FAILURE}
    return {f.code for f in report.findings if f.severity in serious} - EXPECTED


def engine_says(data: bytes, media_type: str, root: bytes) -> tuple[str, set[str]]:
    """The bare engine's state and failures, with the root for claims and for identities."""
    trust = {
        "anchors": [
            {"trust_anchors": root.decode(), "trust_kind": kind, "trust_uri": f"urn:test:{kind}"}
            for kind in ("manifest", "cawg")
        ],
        "trust_config": "1.3.6.1.4.1.62558.2.1\n1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n",
    }
    with (
        Context.from_dict({**OFFLINE, "trust": trust}) as context,
        Reader(media_type, io.BytesIO(data), context=context) as reader,
    ):
        document = json.loads(reader.json())
    failures = document["validation_results"]["activeManifest"]["failure"]
    return document["validation_state"], {status["code"] for status in failures}


@pytest.mark.parametrize("path", ["concept/01.jpg", "teaser.mp4", "track.mp3"])
def test_the_example_is_official_everywhere(  # noqa: PLR0917 - fixtures
    path: str,
    example: LoadedRelease,
    entry: Agency,
    agency: DevAgency,
    agency_signer: MemorySigner,
    verifier: Verifier,
) -> None:
    file = next(f for f in expand_files(example) if f.path == path)
    content = content_of(example, file, agency=entry)
    asset = file.source.read_bytes()
    kind = sniff(asset)
    assert kind is not None
    assert kind.engine_type is not None
    data = sign_with_identity(asset, content, signer=agency_signer, identity=agency_signer)
    assert engine_says(data, kind.engine_type, agency.root_pem) == ("Trusted", set())
    report = verifier.verify(data)
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert concerns(report) == set()
    assert report.has(FindingCode.SECOND_ENGINE_AGREES)
    (identity,) = report.identity
    assert identity.state == "verified"
    assert identity.roles == ("cawg.publisher",)
    assert set(identity.covers) >= set(content.referenced)
    unattributed = next(
        f for f in report.findings if f.code is FindingCode.IDENTITY_VERIFIED
    ).evidence["does_not_cover"]
    assert unattributed == []


def test_what_the_desk_entered_is_shown_as_signed(
    example: LoadedRelease, entry: Agency, agency_signer: MemorySigner, verifier: Verifier
) -> None:
    files = {file.path: file for file in expand_files(example)}
    said: dict[str, dict[str, str]] = {}
    for path, file in files.items():
        content = content_of(example, file, agency=entry)
        data = sign_with_identity(
            file.source.read_bytes(), content, signer=agency_signer, identity=agency_signer
        )
        fields = verifier.verify(data).metadata
        assert {f.state for f in fields if f.source == "assertion"} == {"signed"}
        said[path] = {f.name: f.value for f in fields if f.source == "assertion"}
    assert said["concept/02.jpg"]["dc:title[ko]"] == "콘셉트 사진 2"
    assert said["concept/01.jpg"]["Iptc4xmpExt:PersonInImage"] == "NOVA9"
    assert said["concept/01.jpg"]["dc:publisher"] == "Aurora Entertainment"
    assert said["track.mp3"]["schema:isrcCode"] == "KRA1B2600001"
    assert said["track.mp3"]["xmpDM:artist"] == "NOVA9"
    assert said["teaser.mp4"]["Iptc4xmpExt:AISystemUsed"] == "Aurora Voice 3"
    assert said["teaser.mp4"]["prism:embargoDate"] == "2026-11-30T18:00:00+09:00"


def test_the_example_says_how_it_was_made_and_with_whose_consent(
    example: LoadedRelease, entry: Agency, agency_signer: MemorySigner, verifier: Verifier
) -> None:
    file = next(f for f in expand_files(example) if f.path == "teaser.mp4")
    content = content_of(example, file, agency=entry)
    data = sign_with_identity(
        file.source.read_bytes(), content, signer=agency_signer, identity=agency_signer
    )
    report = verifier.verify(data)
    assert report.ai.state is AiState.PARTLY
    assert report.ai.models == ("Aurora Voice 3",)
    assert report.ai.consent is ConsentState.ON_RECORD
    assert [(use.use, use.artist) for use in report.ai.uses] == [
        ("voice", "NOVA9"),
        ("translation", "NOVA9"),
    ]
    (ingredient,) = report.ingredients
    assert (ingredient.relationship, ingredient.title) == ("componentOf", "stage photograph")
    assert report.summary.endswith("with the consent of NOVA9 on record.")


@pytest.mark.parametrize("kind", sorted(media.SAMPLES))
def test_a_release_with_everything_in_every_format(  # noqa: PLR0917 - fixtures
    kind: str,
    tmp_path: Path,
    agency: DevAgency,
    agency_signer: MemorySigner,
    entry: Agency,
    verifier: Verifier,
) -> None:
    edit = {
        "action": "c2pa.edited",
        "digital_source_type": "trainedAlgorithmicMedia",
        "when": "2026-10-01T00:00:00+09:00",
        "software": {"name": "편집기", "version": "1"},
    }
    file: Mapping[str, Any] = {
        "path": f"a.{kind}",
        "digital_source_type": "digitalCreation",
        "actions": [edit, {"action": "c2pa.published"}],
        "ai": dict(AI),
        "ingredients": [{"path": "b.jpg", "relationship": "componentOf"}],
        "languages": ["ko"],
    }
    names = {f"a.{kind}": media.make(kind), "b.jpg": media.jpeg(9)}
    loaded = folder_with(tmp_path, minimal(file, consents=[dict(CONSENT)]), names)
    content = content_of(loaded, the_file(loaded), agency=entry, with_identity=False)
    data = sign_content(media.make(kind), content, signer=agency_signer)
    state = engine_says(data, media.MEDIA_TYPES[kind], agency.root_pem)
    assert state == ("Trusted", set())
    report = verifier.verify(data)
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert report.ai.consent is ConsentState.ON_RECORD
    assert report.has(FindingCode.SECOND_ENGINE_AGREES) is (kind not in WITHOUT_SECOND)
    # Titles and authors that the sample itself has are for the release desk to look at.
    assert concerns(report) <= {FindingCode.METADATA_CONTRADICTS, FindingCode.LOCATION_PUBLISHED}


def test_a_release_that_was_signed_before_keeps_its_history(
    tmp_path: Path,
    signed: Callable[..., bytes],
    agency: DevAgency,
    agency_signer: MemorySigner,
    verifier: Verifier,
) -> None:
    before = signed("jpeg")
    crop = {"action": "c2pa.cropped", "digital_source_type": "humanEdits"}
    file = {"path": "a.jpg", "actions": [crop], "all_actions": True}
    loaded = folder_with(tmp_path, minimal(file), {"a.jpg": before})
    content = content_of(loaded, the_file(loaded), has_credentials=True)
    data = sign_with_identity(before, content, signer=agency_signer, identity=agency_signer)
    assert engine_says(data, "image/jpeg", agency.root_pem) == ("Trusted", set())
    report = verifier.verify(data)
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert concerns(report) == set()
    (parent,) = report.ingredients
    assert (parent.relationship, parent.state) == ("parentOf", "holds")
    assert parent.agency is not None
    assert report.manifest is not None
    assert [action.action for action in report.manifest.actions] == ["c2pa.opened", "c2pa.cropped"]
