"""Content that nobody signed, put where no hash looks."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import cbor2
import pytest
from PIL import Image

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import IntegrityState, Verdict
from tests.factory import media, surgery
from tests.factory.bindings import box_hashed_jpeg, box_hashed_png, excluded_pixels_png
from tests.factory.judging import GOOD, codes
from tests.factory.sign import sign
from tests.factory.stores import parse_store
from tests.factory.surgery import place_of_store

Judge = Callable[..., Report]
Signed = Callable[..., bytes]
JPEG, PNG, MP4 = "image/jpeg", "image/png", "video/mp4"
EXEMPT = GOOD | {FindingCode.EXEMPT_PARTS}
PARTLY = GOOD - {FindingCode.FULLY_COVERED} | {FindingCode.PARTLY_COVERED}
C2PA_USER_TYPE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_USER_TYPE = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("run.sh", "#!/bin/sh\n")
    return out.getvalue()


TAILS = {
    "a ZIP archive": _zip(),
    "a web page": b"<html><script>alert(1)</script></html>",
    "another picture": media.jpeg(2),
    "one byte": b"\n",
}


def _partial(report: Report, *why: FindingCode) -> None:
    assert report.verdict is Verdict.UNDETERMINED
    assert report.integrity.state is IntegrityState.PARTIAL
    assert report.reason is FindingCode.PARTLY_COVERED
    assert codes(report) - {FindingCode.EXEMPT_PARTS, FindingCode.CONTAINER_DAMAGED} == (
        PARTLY | set(why)
    )


def _official(report: Report, expected: frozenset[FindingCode] = GOOD) -> None:
    assert report.verdict is Verdict.OFFICIAL
    assert report.integrity.state is IntegrityState.INTACT
    assert codes(report) == expected
    assert report.coverage.uncovered == ()


@pytest.mark.parametrize(("make", "kind"), [(box_hashed_jpeg, "jpeg"), (box_hashed_png, "png")])
@pytest.mark.parametrize("tail", TAILS)
def test_bytes_behind_the_end_of_a_box_hashed_picture(
    tail: str,
    make: Callable[..., bytes],
    kind: str,
    agency_signer: MemorySigner,
    judge: Judge,
) -> None:
    data = make(media.make(kind), signer=agency_signer)
    _official(judge(data))

    report = judge(data + TAILS[tail])
    _partial(report, FindingCode.TRAILING_DATA)
    (part,) = report.coverage.uncovered
    assert (part.offset, part.size_bytes) == (len(data), len(TAILS[tail]))
    assert (
        report.summary == "TEST. Could not be checked: the signature covers only part of the file."
    )


def test_a_fill_byte_behind_the_scan_of_a_box_hashed_picture(
    agency_signer: MemorySigner, judge: Judge
) -> None:
    """The engine hashes a scan without it, and so says nothing about it."""
    data = box_hashed_jpeg(media.make("jpeg"), signer=agency_signer)
    _official(judge(data))

    report = judge(data[:-2] + b"\xff" + data[-2:])
    _partial(report, FindingCode.EXTRA_EXCLUSIONS)
    (part,) = report.coverage.uncovered
    assert (part.offset, part.size_bytes, part.label) == (len(data) - 2, 1, "fill")


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_bytes_behind_the_end_of_an_ordinary_picture_alter_it(
    kind: str, tail: str, signed: Signed, judge: Judge
) -> None:
    report = judge(signed(kind) + TAILS[tail])
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH


def test_another_picture_inside_a_second_exclusion(
    agency_signer: MemorySigner, judge: Judge
) -> None:
    shown, hashed = media.png(2, compress_level=0), media.png(1, compress_level=0)
    data = excluded_pixels_png(shown, hashed, signer=agency_signer)
    assert Image.open(io.BytesIO(data)).tobytes() == Image.open(io.BytesIO(shown)).tobytes()

    report = judge(data)
    _partial(report, FindingCode.EXTRA_EXCLUSIONS)
    assert {part.label for part in report.coverage.uncovered} == {"IDAT"}

    _official(judge(sign(hashed, PNG, signer=agency_signer)))


def test_segments_of_listed_names_behind_the_last_one_that_is_listed(
    agency_signer: MemorySigner, judge: Judge
) -> None:
    # The engine compares the list with the file as far as the list goes.
    data = box_hashed_jpeg(media.jpeg(), signer=agency_signer, leave_out=["EOI"])
    table = data[data.index(b"\xff\xdb") :][:69]
    _partial(judge(data), FindingCode.EXTRA_EXCLUSIONS)
    report = judge(data[:-2] + table + data[-2:])
    assert report.verdict is Verdict.UNDETERMINED
    assert report.integrity.state is IntegrityState.PARTIAL


def test_a_segment_that_a_box_hash_does_not_list(agency_signer: MemorySigner, judge: Judge) -> None:
    report = judge(box_hashed_jpeg(media.jpeg(), signer=agency_signer, leave_out=["APP0"]))
    # The engine calls it a mismatch, and a box hash is not recomputed here.
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH


@pytest.mark.parametrize(
    ("kind", "brand"), [("mp4", b"mp42"), ("mp4", b"iso6"), ("heic", b"mif1"), ("heic", b"heix")]
)
def test_another_known_brand_is_harmless(
    kind: str, brand: bytes, signed: Signed, judge: Judge
) -> None:
    _official(judge(signed(kind)), EXEMPT)
    _official(judge(surgery.rename_brand(signed(kind), brand)), EXEMPT)


@pytest.mark.parametrize("kind", ["mp4", "heic"])
def test_an_unknown_brand(kind: str, signed: Signed, judge: Judge) -> None:
    report = judge(surgery.rename_brand(signed(kind), b"xyz1"))
    _partial(report, FindingCode.EXEMPT_PART_NOT_HARMLESS)
    assert [part.label for part in report.coverage.uncovered] == ["ftyp"]


@pytest.mark.parametrize("kind", ["mp4", "heic"])
@pytest.mark.parametrize("box", [b"free", b"skip"])
def test_free_space_that_is_filled(box: bytes, kind: str, signed: Signed, judge: Judge) -> None:
    data = signed(kind)
    _official(judge(surgery.append_box(data, box, bytes(1_000_000))), EXEMPT)
    _official(judge(surgery.append_box(data, box, b"x" * 1000)), EXEMPT)

    report = judge(surgery.append_box(data, box, media.jpeg(2) * 200))
    _partial(report, FindingCode.EXEMPT_PART_NOT_HARMLESS)
    assert [part.label for part in report.coverage.uncovered] == [box.decode()]


@pytest.mark.parametrize("kind", ["mp4", "heic"])
def test_content_cut_into_free_boxes_that_pass_one_by_one(
    kind: str, signed: Signed, judge: Judge
) -> None:
    data = signed(kind)
    for _ in range(6):
        data = surgery.append_box(data, b"free", b"\xff" * 60 * 1024)
    report = judge(data)
    _partial(report, FindingCode.EXEMPT_PART_NOT_HARMLESS)
    assert len(report.coverage.uncovered) == 5

    _official(judge(surgery.append_box(signed(kind), b"free", b"\xff" * 60 * 1024)), EXEMPT)


def _mfra(*children: tuple[bytes, bytes]) -> bytes:
    """The content of a random-access box: these boxes, then its size."""
    body = b"".join(struct.pack(">I4s", len(p) + 8, kind) + p for kind, p in children)
    return body + struct.pack(">I4sII", 16, b"mfro", 0, len(body) + 24)


@pytest.mark.parametrize(
    "content",
    [
        _mfra((b"free", b"another film")),
        _mfra((b"tfra", bytes(16) + b"another film")),
        _mfra((b"tfra", bytes(16)))[:-1] + b"\0",
    ],
)
def test_a_random_access_box_with_other_content(
    content: bytes, signed_mp4: bytes, judge: Judge
) -> None:
    twin = _mfra((b"tfra", bytes(16)))
    _official(judge(surgery.append_box(signed_mp4, b"mfra", twin)), EXEMPT)

    report = judge(surgery.append_box(signed_mp4, b"mfra", content))
    _partial(report, FindingCode.EXEMPT_PART_NOT_HARMLESS)
    assert [part.label for part in report.coverage.uncovered] == ["mfra"]


def test_a_random_access_box_that_is_no_box(signed_mp4: bytes, judge: Judge) -> None:
    report = judge(surgery.append_box(signed_mp4, b"mfra", b"junk" * 100))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_UNREADABLE


@pytest.mark.parametrize(
    ("name", "box", "payload"),
    [
        ("mdat", b"mdat", b"another film"),
        ("moov", b"moov", b"\0\0\0\x08free"),
        ("wide", b"wide", b""),
        ("uuid", b"uuid", bytes(16) + b"hidden"),
        ("XMP", b"uuid", XMP_USER_TYPE + b"<x/>"),
    ],
)
def test_a_box_that_nothing_exempts_alters_the_file(
    name: str, box: bytes, payload: bytes, signed_mp4: bytes, judge: Judge
) -> None:
    report = judge(surgery.append_box(signed_mp4, box, payload))
    assert report.verdict is Verdict.ALTERED, name
    assert report.reason is FindingCode.CONTENT_MISMATCH


MERKLE = {"uniqueId": 1, "localId": 1, "location": 0, "hidden": b"another film"}


def _c2pa_box(purpose: bytes, content: bytes) -> bytes:
    return C2PA_USER_TYPE + bytes(4) + purpose + content


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("unknown purpose", _c2pa_box(b"secret\0", b"another film")),
        ("Merkle box without a tree", _c2pa_box(b"merkle\0", cbor2.dumps(MERKLE))),
    ],
)
def test_content_in_a_box_of_the_credentials_own_type(
    name: str, payload: bytes, signed_mp4: bytes, judge: Judge
) -> None:
    report = judge(surgery.append_box(signed_mp4, b"uuid", payload))
    _partial(report, FindingCode.EXTRA_EXCLUSIONS)
    assert [part.label for part in report.coverage.uncovered] == ["uuid"], name


@pytest.mark.parametrize("kind", ["docx", "epub"])
def test_a_program_in_front_of_a_document(kind: str, signed: Signed, judge: Judge) -> None:
    # Signing leaves the directory that was there before in the archive; the
    # container's parser mentions it, and coverage has looked at it.
    _official(judge(signed(kind)), EXEMPT)

    report = judge(surgery.prepend(signed(kind)))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.UNSUPPORTED_TYPE
    assert codes(report) == {FindingCode.UNSUPPORTED_TYPE}


@pytest.mark.parametrize("kind", ["docx", "epub"])
@pytest.mark.parametrize("stub", [b"PK\3\4" + bytes(60), TAILS["a ZIP archive"]])
def test_another_archive_in_front_of_a_document(
    stub: bytes, kind: str, signed: Signed, judge: Judge
) -> None:
    report = judge(surgery.prepend(signed(kind), stub))
    _partial(report, FindingCode.LEADING_DATA)
    (part,) = report.coverage.uncovered
    assert (part.offset, part.size_bytes) == (0, len(stub))


@pytest.mark.parametrize("kind", ["docx", "epub"])
@pytest.mark.parametrize("tail", TAILS)
def test_bytes_behind_a_document(kind: str, tail: str, signed: Signed, judge: Judge) -> None:
    report = judge(signed(kind) + TAILS[tail])
    assert report.verdict is not Verdict.OFFICIAL
    assert report.integrity.state is not IntegrityState.INTACT


def _with_slack(data: bytes, media_type: str, hidden: bytes) -> bytes:
    """The store shorter by its pad, and other bytes in the room it leaves."""
    start, end = place_of_store(data, media_type)
    store = parse_store(data[start:end])
    store.resize(end - start - len(hidden))
    return surgery.replace_store(data, media_type, store.to_bytes() + hidden)


@pytest.mark.parametrize(
    "kind",
    ["jpeg", "png", "mp4", "heic", "m4a", "mov", "wav", "webp", "avi", "mp3", "flac", "tiff"],
)
def test_data_in_the_space_behind_the_manifest_store(
    kind: str, signed: Signed, judge: Judge
) -> None:
    media_type = media.MEDIA_TYPES[kind]
    twin = judge(_with_slack(signed(kind), media_type, bytes(500)))
    assert twin.verdict is Verdict.OFFICIAL

    report = judge(_with_slack(signed(kind), media_type, b"\x01" * 500))
    _partial(report, FindingCode.MANIFEST_SLACK)
    (part,) = report.coverage.uncovered
    assert (part.label, part.size_bytes) == ("manifest", 500)


def test_the_engine_leaves_eight_bytes_of_a_bigtiff_unsigned(
    agency_signer: MemorySigner, judge: Judge
) -> None:
    def tiff(**options: bool) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (16, 16)).save(out, "TIFF", **options)
        return sign(out.getvalue(), "image/tiff", signer=agency_signer)

    _official(judge(tiff()))
    report = judge(tiff(big_tiff=True))
    _partial(report, FindingCode.EXTRA_EXCLUSIONS)
    (part,) = report.coverage.uncovered
    assert (part.label, part.size_bytes) == ("IFD0", 8)
