from __future__ import annotations

import hashlib
import io
import struct
import sys
from collections.abc import Callable

import pytest

from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import IntegrityState, Verdict
from provenance.verification.policy import Policy
from provenance.verification.second_opinion import CHECK, KNOWN_DIFFERENCES
from tests.factory import judging, media, pki, surgery
from tests.factory.fragments import sign_fragments
from tests.factory.pki import KeyKind
from tests.factory.sign import sidecar, sign
from tests.factory.stores import Store
from tests.factory.surgery import resign, sign_unchecked
from tests.factory.updates import update

JPEG = "image/jpeg"
BOTH = Policy(name="two engines", version="1", second_engine=True)
Judge = Callable[..., Report]


@pytest.fixture(scope="module")
def judge(
    agency: DevAgency,
) -> Judge:
    return judging.verifier_of(judging.directory_of(agency), policy=BOTH).verify


def _why_not(report: Report) -> str | None:
    return next((entry.why for entry in report.checks_not_run if entry.check == CHECK), None)


def _agrees(report: Report) -> bool:
    return report.has(FindingCode.SECOND_ENGINE_AGREES)


def test_it_is_asked_only_where_the_policy_says_so(agency: DevAgency, signed_jpeg: bytes) -> None:
    report = judging.verifier_of(judging.directory_of(agency)).verify(signed_jpeg)
    assert not _agrees(report)
    assert _why_not(report) is None
    assert report.context.second_engine is None


def test_agreement_is_written_down(signed_jpeg: bytes, judge: Judge) -> None:
    report = judge(signed_jpeg)
    assert report.verdict is Verdict.OFFICIAL
    (found,) = [f for f in report.findings if f.code is FindingCode.SECOND_ENGINE_AGREES]
    assert found.evidence == {
        "state": "matches",
        "claim signature": "matches",
        "assertions": "matches",
        "content": "matches",
    }
    assert _why_not(report) is None
    assert report.context.second_engine is not None
    assert report.context.second_engine.name == "encypher-c2pa"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (surgery.flip_in_media, FindingCode.CONTENT_MISMATCH),
        (surgery.flip_in_assertion, FindingCode.ASSERTION_MISMATCH),
        (surgery.flip_in_claim, FindingCode.CLAIM_SIGNATURE_MISMATCH),
        (surgery.corrupt_signature, FindingCode.CLAIM_SIGNATURE_MISMATCH),
    ],
)
def test_both_accuse(
    spoil: Callable[[bytes, str], bytes], code: FindingCode, signed_jpeg: bytes, judge: Judge
) -> None:
    report = judge(spoil(signed_jpeg, JPEG))
    assert report.verdict is Verdict.ALTERED
    assert report.reason is code
    assert _agrees(report)


def test_both_find_nothing(judge: Judge) -> None:
    report = judge(media.jpeg())
    assert report.verdict is Verdict.UNVERIFIED
    assert _agrees(report)


def test_a_sidecar_is_held_against_the_same_bytes(
    agency_signer: MemorySigner, judge: Judge
) -> None:
    store = sidecar(media.jpeg(), JPEG, signer=agency_signer)
    report = judge(media.jpeg(), sidecar=store)
    assert report.verdict is Verdict.OFFICIAL
    assert _agrees(report)
    assert _agrees(judge(media.jpeg(2), sidecar=store))


def test_an_update_and_what_it_updates(agency_signer: MemorySigner, judge: Judge) -> None:
    data = update(sign(media.jpeg(), JPEG, signer=agency_signer), JPEG, signer=agency_signer)
    report = judge(data)
    assert report.verdict is Verdict.OFFICIAL
    assert _agrees(report)


def test_a_contradiction_leaves_no_answer(signed_jpeg: bytes, judge: Judge) -> None:
    report = judge(_with_a_forbidden_label(signed_jpeg))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.ENGINES_DISAGREE
    assert report.integrity.state is IntegrityState.UNREADABLE
    assert not _agrees(report)
    (found,) = [f for f in report.findings if f.code is FindingCode.ENGINES_DISAGREE]
    assert found.evidence["about"] == "second engine"
    assert found.evidence["first"]["state"] == "intact"
    assert found.evidence["second"]["state"] == "missing"


def test_twin_without_the_second_engine_the_first_one_decides(
    agency: DevAgency, signed_jpeg: bytes
) -> None:
    verifier = judging.verifier_of(judging.directory_of(agency))
    report = verifier.verify(_with_a_forbidden_label(signed_jpeg))
    assert report.integrity.state is IntegrityState.INTACT


def _with_a_forbidden_label(data: bytes) -> bytes:
    """An assertion whose label the JUMBF standard forbids; one engine reads it, one does not."""

    def edit(store: Store) -> None:
        store.add_assertion("c2pa.actions.v2 a;b", {"actions": []})

    return resign(data, JPEG, signer=_stranger(), edit=edit)


def _stranger() -> MemorySigner:
    return pki.signer_of(pki.three_tier("Stranger", organization="Stranger")[2])


def test_a_file_that_is_too_large_for_it(agency: DevAgency, signed_jpeg: bytes) -> None:
    verifier = judging.verifier_of(
        judging.directory_of(agency), policy=BOTH, limits=Limits(max_second_engine_bytes=1000)
    )
    report = verifier.verify(signed_jpeg)
    assert report.verdict is Verdict.OFFICIAL
    assert not _agrees(report)
    assert _why_not(report) == f"{len(signed_jpeg)} bytes exceed max_second_engine_bytes"


def test_where_it_is_missing_the_check_is_not_run(
    monkeypatch: pytest.MonkeyPatch, agency: DevAgency, signed_jpeg: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "encypher_c2pa", None)
    report = judging.verifier_of(judging.directory_of(agency), policy=BOTH).verify(signed_jpeg)
    assert report.verdict is Verdict.OFFICIAL
    assert not _agrees(report)
    assert _why_not(report) == "it is not installed"
    assert report.context.second_engine is None


@pytest.mark.parametrize("data", [b"", b"plain text", b"\0" * 100])
def test_nothing_to_examine_is_nothing_to_agree_on(data: bytes, judge: Judge) -> None:
    report = judge(data)
    assert not _agrees(report)
    assert _why_not(report) == "there is nothing to compare"


def test_a_file_that_the_first_engine_cannot_read(signed_png: bytes, judge: Judge) -> None:
    report = judge(signed_png[: len(signed_png) // 3])
    assert report.verdict is Verdict.UNDETERMINED
    assert not _agrees(report)
    assert _why_not(report) == "there is no answer of the first engine to compare with"


def test_every_known_difference_has_a_reason_and_a_test() -> None:
    assert {entry.name for entry in KNOWN_DIFFERENCES} == {
        "fragment-leaves",
        "collection-map",
        "refused-certificate",
        "short-tail",
        "first-bmff-binding",
    }
    assert all(len(entry.reason) > 40 for entry in KNOWN_DIFFERENCES)


def test_known_difference_first_bmff_binding(agency_signer: MemorySigner, judge: Judge) -> None:
    data = sign(media.mp4(), "video/mp4", signer=agency_signer)

    def edit(store: Store) -> None:
        binding = store.assertion("c2pa.hash.bmff.v3")
        store.remove_assertion("c2pa.hash.bmff.v3")
        # Of all that is hashed, the first version leaves out where each box begins.
        store.add_assertion("c2pa.hash.bmff", {**binding, "hash": _hash_of_boxes(data)})

    report = judge(resign(data, "video/mp4", signer=agency_signer, edit=edit))
    assert report.integrity.state is IntegrityState.INTACT
    assert report.integrity.binding == "c2pa.hash.bmff"
    assert "known difference first-bmff-binding" in (_why_not(report) or "")


def _hash_of_boxes(data: bytes) -> bytes:
    digest = hashlib.sha256()
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind not in {b"ftyp", b"mfra", b"free", b"skip", b"uuid"}:
            digest.update(data[at : at + size])
        at += size
    return digest.digest()


@pytest.mark.parametrize("kind", ["docx", "epub"])
def test_known_difference_collection_map(
    kind: str, signed: Callable[..., bytes], judge: Judge
) -> None:
    report = judge(signed(kind))
    assert report.verdict is Verdict.OFFICIAL
    assert "known difference collection-map" in (_why_not(report) or "")
    assert not _agrees(report)


def test_known_difference_fragment_leaves(agency_signer: MemorySigner, judge: Judge) -> None:
    start, fragments = sign_fragments(*media.fragmented_mp4(), signer=agency_signer)
    report = judge(start, fragments=fragments)
    assert report.verdict is Verdict.OFFICIAL
    assert "known difference fragment-leaves" in (_why_not(report) or "")


def test_known_difference_refused_certificate(agency: DevAgency) -> None:
    house = judging.house()
    weak = house.signer("Weak", kind=KeyKind.RSA1024)
    directory = judging.directory_of(agency, house.root)
    data = sign_unchecked(media.jpeg(), JPEG, signer=weak)
    report = judging.verifier_of(directory, policy=BOTH).verify(data)
    assert report.integrity.state is IntegrityState.INTACT
    assert "known difference refused-certificate" in (_why_not(report) or "")


def test_known_difference_short_tail(signed_mp4: bytes, judge: Judge) -> None:
    report = judge(signed_mp4 + b"\0")
    assert report.verdict is Verdict.ALTERED
    assert "known difference short-tail" in (_why_not(report) or "")
    # A whole box more is not overlooked.
    assert _why_not(judge(signed_mp4 + b"\0" * 8)) != _why_not(report)


def test_the_stream_is_left_usable(signed_jpeg: bytes, judge: Judge) -> None:
    report = judge(io.BytesIO(signed_jpeg))
    assert report.asset.sha256 is not None
    assert report.asset.size_bytes == len(signed_jpeg)
