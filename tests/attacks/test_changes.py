"""A signed file that was changed: in its content, its statements, its claim, its signature."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import IntegrityState, SignerKind, Verdict
from tests.factory import media, surgery
from tests.factory.judging import GOOD, codes
from tests.factory.sign import sign, store_of
from tests.factory.stores import Box, Store, parse_store

Judge = Callable[..., Report]
Signed = Callable[..., bytes]
JPEG, PNG = "image/jpeg", "image/png"
KINDS = tuple(media.MEDIA_TYPES)
# What coverage says is left out where the bytes do not match.
OTHER = GOOD - {FindingCode.FULLY_COVERED}
# What an intact file of some container has beside it.
ASIDE = {FindingCode.EXEMPT_PARTS, FindingCode.CONTAINER_DAMAGED}


@pytest.mark.parametrize("kind", KINDS)
def test_twin_the_file_as_it_was_signed(kind: str, signed: Signed, judge: Judge) -> None:
    report = judge(signed(kind))
    assert report.verdict is Verdict.OFFICIAL
    assert report.integrity.state is IntegrityState.INTACT
    assert codes(report) - ASIDE == GOOD


@pytest.mark.parametrize("kind", KINDS)
def test_one_bit_of_the_content(kind: str, signed: Signed, judge: Judge) -> None:
    report = judge(surgery.flip_in_media(signed(kind), media.MEDIA_TYPES[kind]))
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH
    assert codes(report) - ASIDE == OTHER - {FindingCode.CONTENT_MATCHES} | {
        FindingCode.CONTENT_MISMATCH
    }
    assert report.summary == "TEST. Its credentials do not match this file."


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "wav", "pdf", "heic", "mp3", "tiff"])
@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (surgery.flip_in_assertion, FindingCode.ASSERTION_MISMATCH),
        (surgery.flip_in_claim, FindingCode.CLAIM_SIGNATURE_MISMATCH),
        (surgery.corrupt_signature, FindingCode.CLAIM_SIGNATURE_MISMATCH),
    ],
)
def test_one_bit_of_the_credentials(
    kind: str,
    forge: Callable[[bytes, str], bytes],
    code: FindingCode,
    signed: Signed,
    judge: Judge,
) -> None:
    report = judge(forge(signed(kind), media.MEDIA_TYPES[kind]))
    assert report.verdict is Verdict.ALTERED
    assert report.reason is code
    assert code in codes(report)
    assert FindingCode.CONTENT_MISMATCH not in codes(report)


@pytest.mark.parametrize(
    "forge", [surgery.flip_in_claim, surgery.corrupt_signature], ids=["claim", "signature"]
)
def test_a_signature_that_does_not_hold_names_nobody(
    forge: Callable[[bytes, str], bytes], signed_jpeg: bytes, judge: Judge
) -> None:
    report = judge(forge(signed_jpeg, JPEG))
    assert report.signer.kind is SignerKind.NONE
    assert report.signer.agency is None
    assert report.signer.certificate is None
    assert "Aurora" not in report.summary


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4"])
def test_the_credentials_of_another_file(kind: str, signed: Signed, judge: Judge) -> None:
    media_type = media.MEDIA_TYPES[kind]
    moved = surgery.embed_store(media.make(kind, 2), media_type, store_of(signed(kind), media_type))
    report = judge(moved)
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH
    assert codes(report) == OTHER - {FindingCode.CONTENT_MATCHES} | {FindingCode.CONTENT_MISMATCH}


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "heic"])
def test_credentials_cut_out_leave_an_unverified_file(
    kind: str, signed: Signed, judge: Judge
) -> None:
    report = judge(surgery.strip_store(signed(kind), media.MEDIA_TYPES[kind]))
    assert report.verdict is Verdict.UNVERIFIED
    assert report.integrity.state is IntegrityState.ABSENT
    assert codes(report) == frozenset()


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "wav"])
def test_the_pad_of_the_signature_is_signed_by_nobody_and_means_nothing(
    kind: str, signed: Signed, judge: Judge
) -> None:
    def flip(store: Store) -> None:
        protected, unprotected, payload, signature = store.cose
        changed = {
            key: b"\xa5" * len(value) if key in ("pad", "pad2") else value
            for key, value in unprotected.items()
        }
        assert changed != unprotected
        store.cose = [protected, changed, payload, signature]

    report = judge(surgery.edit_store(signed(kind), media.MEDIA_TYPES[kind], flip))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) - ASIDE == GOOD


def _twice(data: bytes, kind: str, store: bytes) -> bytes:
    """The file with one more manifest store in its container's own way."""
    media_type = media.MEDIA_TYPES[kind]
    start, end = surgery.place_of_store(data, media_type) if kind != "gif" else (0, 0)
    if kind == "png":
        return data[: start - 8] + data[start - 8 : end + 4] + data[start - 8 :]
    if kind == "jpeg":
        head = b"JP" + struct.pack(">HI", 99, 1)
        segment = b"\xff\xeb" + struct.pack(">H", len(head) + len(store) + 2) + head + store
        return data[:2] + segment + data[2:]
    if kind == "wav":
        more = b"C2PA" + struct.pack("<I", len(store)) + store + bytes(len(store) % 2)
        whole = data + more
        return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]
    if kind == "mp3":
        at = data.rindex(b"GEOB", 0, start)
        frame = data[at:end]
        size = 0
        for byte in data[6:10]:
            size = size << 7 | byte
        size += len(frame)
        head = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
        return data[:6] + head + data[10:at] + frame + data[at:]
    at = data.index(b"\x21\xff\x0bC2PA_GIF")
    end = at + 14
    while data[end]:
        end += data[end] + 1
    return data[:at] + data[at : end + 1] * 2 + data[end + 1 :]


@pytest.mark.parametrize("kind", ["png", "jpeg", "wav", "mp3", "gif"])
def test_two_manifest_stores(kind: str, signed: Signed, judge: Judge) -> None:
    media_type = media.MEDIA_TYPES[kind]
    report = judge(_twice(signed(kind), kind, store_of(signed(kind), media_type)))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.SEVERAL_MANIFEST_STORES
    assert codes(report) - ASIDE == {FindingCode.SEVERAL_MANIFEST_STORES}


def _box_of(label: str, uuid: bytes, *children: Box) -> Box:
    description = Box(b"jumd", uuid + b"\x03" + label.encode() + b"\0")
    return Box(b"jumb", children=[description, *children])


def test_two_assertions_under_one_label(signed_jpeg: bytes, judge: Judge) -> None:
    def edit(store: Store) -> None:
        size = len(store.to_bytes())
        store.assertions.children.insert(1, store.assertions.child("c2pa.actions.v2"))
        store.resize(size)

    report = judge(surgery.edit_store(signed_jpeg, JPEG, edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_UNREADABLE
    assert codes(report) == {FindingCode.CREDENTIALS_UNREADABLE}


def test_two_manifests_under_one_label(signed_jpeg: bytes, judge: Judge) -> None:
    def edit(store: Store) -> None:
        size = len(store.to_bytes())
        other = _box_of(store.label, b"c2ma" + bytes(12))
        store.root.children.insert(1, other)
        store.resize(size)

    report = judge(surgery.edit_store(signed_jpeg, JPEG, edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_UNREADABLE


def test_an_assertion_that_the_claim_does_not_list(signed_jpeg: bytes, judge: Judge) -> None:
    def edit(store: Store) -> None:
        size, claim = len(store.to_bytes()), store.claim_box.children[1].payload
        store.add_assertion("example.aurora.note", {"says": "exclusive"})
        store.claim_box.children[1].payload = claim
        store.resize(size)

    report = judge(surgery.edit_store(signed_jpeg, JPEG, edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_UNREADABLE
    assert codes(report) == {FindingCode.CREDENTIALS_UNREADABLE}


def test_an_assertion_that_was_taken_out(signed_jpeg: bytes, judge: Judge) -> None:
    def edit(store: Store) -> None:
        size, claim = len(store.to_bytes()), store.claim_box.children[1].payload
        store.remove_assertion("c2pa.actions.v2")
        store.claim_box.children[1].payload = claim
        store.resize(size)

    report = judge(surgery.edit_store(signed_jpeg, JPEG, edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_INCOMPLETE


def test_no_hard_binding_at_all(agency_signer: MemorySigner, judge: Judge) -> None:
    data = sign(media.jpeg(), JPEG, signer=agency_signer)

    def edit(store: Store) -> None:
        store.remove_assertion("c2pa.hash.data")

    report = judge(surgery.resign(data, JPEG, signer=agency_signer, edit=edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_UNREADABLE
    assert codes(report) == {FindingCode.CREDENTIALS_UNREADABLE}


def test_two_hard_bindings(agency_signer: MemorySigner, judge: Judge) -> None:
    data = sign(media.jpeg(), JPEG, signer=agency_signer)

    def edit(store: Store) -> None:
        binding = store.assertion("c2pa.hash.data")
        store.add_assertion("c2pa.hash.data__1", binding)

    report = judge(surgery.resign(data, JPEG, signer=agency_signer, edit=edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.integrity.state is IntegrityState.UNREADABLE
    assert report.reason is FindingCode.CREDENTIALS_INCOMPLETE
    assert FindingCode.CONTENT_MATCHES not in codes(report)


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "none"])
def test_a_hash_that_nobody_computes_proves_nothing_and_accuses_nobody(
    algorithm: str, agency_signer: MemorySigner, judge: Judge
) -> None:
    data = sign(media.jpeg(), JPEG, signer=agency_signer)

    def edit(store: Store) -> None:
        binding = store.assertion("c2pa.hash.data")
        start, length = (binding["exclusions"][0][key] for key in ("start", "length"))
        kept = data[:start] + data[start + length :]
        weak = b"" if algorithm == "none" else hashlib.new(algorithm, kept).digest()
        store.set_assertion("c2pa.hash.data", {**binding, "alg": algorithm, "hash": weak})

    report = judge(surgery.resign(data, JPEG, signer=agency_signer, edit=edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.ALGORITHM_UNSUPPORTED
    assert FindingCode.CONTENT_MISMATCH not in codes(report)


def test_the_rewritten_claim_of_a_stranger(
    signed_jpeg: bytes, stranger: MemorySigner, judge: Judge
) -> None:
    report = judge(surgery.resign(signed_jpeg, JPEG, signer=stranger))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == GOOD - {FindingCode.SIGNER_IS_AGENCY} | {
        FindingCode.SIGNER_UNRECOGNISED
    }
    assert report.signer.agency is None


def test_twin_a_store_taken_apart_and_put_together_is_the_store(signed_jpeg: bytes) -> None:
    store = store_of(signed_jpeg, JPEG)
    assert parse_store(store).to_bytes() == store
