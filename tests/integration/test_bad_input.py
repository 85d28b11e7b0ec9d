"""Broken, cut and hostile files: an answer every time, never `official`, never an exception."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from provenance.findings import FindingCode
from provenance.limits import DEFAULT_LIMITS
from provenance.media.containers import extract_manifest, parse_layout
from provenance.media.ranges import ByteRange, subtract
from provenance.media.sniff import sniff_stream
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import IntegrityState, Verdict
from tests.factory import media, surgery
from tests.factory.judging import directory_of, verifier_of
from tests.factory.sign import ingredient, sign
from tests.factory.stores import parse_store

Signed = Callable[..., bytes]
Verify = Callable[..., Report]
CUT = tuple(kind for kind in media.MEDIA_TYPES if kind not in {"avif", "mov", "avi", "m4a", "epub"})


@pytest.fixture(scope="module")
def verify(agency: DevAgency) -> Verify:
    verifier = verifier_of(directory_of(agency))

    def call(data: bytes, **options: object) -> Report:
        report = verifier.verify(data, **options)  # type: ignore[arg-type]
        assert report.asset.sha256 == hashlib.sha256(data).hexdigest()
        assert report.asset.size_bytes == len(data)
        assert report.summary
        assert Report.model_validate_json(report.model_dump_json()) == report
        return report

    return call


def test_an_empty_file(verify: Verify) -> None:
    report = verify(b"")
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.EMPTY_FILE
    assert report.integrity.state is IntegrityState.UNREADABLE


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 11, 12, 16, 64])
@pytest.mark.parametrize("kind", CUT)
def test_the_first_few_bytes(kind: str, size: int, signed: Signed, verify: Verify) -> None:
    report = verify(signed(kind)[:size])
    assert report.verdict in {Verdict.UNDETERMINED, Verdict.UNVERIFIED}


@pytest.mark.parametrize("tenths", range(1, 10))
@pytest.mark.parametrize("kind", CUT)
def test_a_file_that_was_cut_short(kind: str, tenths: int, signed: Signed, verify: Verify) -> None:
    data = signed(kind)
    report = verify(data[: len(data) * tenths // 10])
    assert report.verdict in {Verdict.UNDETERMINED, Verdict.ALTERED, Verdict.UNVERIFIED}


@pytest.mark.parametrize("kind", CUT)
def test_a_file_without_its_last_byte(kind: str, signed: Signed, verify: Verify) -> None:
    report = verify(signed(kind)[:-1])
    assert report.verdict in {Verdict.UNDETERMINED, Verdict.ALTERED}


def _signed_parts(data: bytes) -> tuple[bytes, ...]:
    """Everything in a file that a signature stands for: all but unsigned headers and space."""
    stream = io.BytesIO(data)
    media_format = sniff_stream(stream, len(data))
    assert media_format is not None
    layout = parse_layout(stream, len(data), media_format, DEFAULT_LIMITS)
    store = parse_store(extract_manifest(stream, layout, DEFAULT_LIMITS))
    protected, _, payload, signature = store.cose
    content = subtract([ByteRange(0, len(data))], layout.manifest)
    exempt = {b"ftyp", b"free", b"skip"}
    kept = [
        data[item.start : item.end]
        for item in content
        if media_format.name != "mp4" or data[item.start + 4 : item.start + 8] not in exempt
    ]
    boxes = [box.to_bytes() for box in store.manifest.children[1:] if box.label != "c2pa.signature"]
    return (*kept, *boxes, protected, payload or b"", signature)


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "wav"])
def test_any_flipped_bit(kind: str, signed: Signed, verify: Verify) -> None:
    data = signed(kind)
    rng = random.Random(f"{kind} 2026")
    verdicts = []
    for _ in range(200):
        at, bit = rng.randrange(len(data)), rng.randrange(8)
        forged = surgery.flip_bit(data, at, bit=bit)
        report = verify(forged)
        verdicts.append(report.verdict)
        if report.verdict is Verdict.OFFICIAL:
            assert _signed_parts(forged) == _signed_parts(data), f"bit {bit} of byte {at}"
        else:
            assert report.verdict in {
                Verdict.ALTERED,
                Verdict.UNDETERMINED,
                Verdict.UNVERIFIED,
            }, f"bit {bit} of byte {at}"
    assert Verdict.ALTERED in verdicts


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "wav"])
def test_any_piece_overwritten_or_moved(kind: str, signed: Signed, verify: Verify) -> None:
    data = signed(kind)
    rng = random.Random(f"{kind} pieces")
    for _ in range(60):
        at, size = rng.randrange(len(data)), rng.randrange(1, 400)
        piece = data[at : at + size]
        forged = rng.choice(
            [
                data[:at] + rng.randbytes(len(piece)) + data[at + size :],
                data[:at] + data[at + size :],
                data[:at] + piece + data[at:],
            ]
        )
        report = verify(forged)
        if report.verdict is Verdict.OFFICIAL:
            assert _signed_parts(forged) == _signed_parts(data)


@pytest.mark.parametrize(("kind", "name"), [("jpeg", "a.png"), ("png", "a.mp4"), ("wav", "a.jpg")])
def test_a_name_that_ends_like_another_type(
    kind: str, name: str, signed: Signed, verify: Verify
) -> None:
    report = verify(signed(kind), name=name)
    assert report.verdict is Verdict.OFFICIAL
    assert report.has(FindingCode.EXTENSION_MISMATCH)
    assert report.asset.format == kind

    twin = verify(signed(kind), name=f"a.{kind}")
    assert not twin.has(FindingCode.EXTENSION_MISMATCH)


def _png_bomb(side: int) -> bytes:
    """A picture of side x side black pixels, which take a few kilobytes packed."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return (
            struct.pack(">I", len(payload))
            + kind
            + payload
            + struct.pack(">I", zlib.crc32(kind + payload))
        )

    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    packed = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def test_a_picture_of_900_million_pixels(agency_signer: MemorySigner, verify: Verify) -> None:
    bomb = _png_bomb(30_000)
    assert len(bomb) < 500_000
    started = time.process_time()
    assert verify(bomb).verdict is Verdict.UNVERIFIED
    assert verify(sign(bomb, "image/png", signer=agency_signer)).verdict is Verdict.OFFICIAL
    # No pixel is decoded: unpacking alone would take longer than this.
    assert time.process_time() - started < 5


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 2**31 + 8])
@pytest.mark.parametrize("kind", [b"moov", b"mdat", b"uuid", b"free"])
def test_a_box_that_says_it_is_huge(kind: bytes, size: int, verify: Verify) -> None:
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom")
    assert verify(head + struct.pack(">I4s", size, kind) + bytes(40)).verdict in {
        Verdict.UNDETERMINED,
        Verdict.UNVERIFIED,
    }
    wide = struct.pack(">I4sQ", 1, kind, 2**63 - 1) + bytes(40)
    assert verify(head + wide).verdict in {Verdict.UNDETERMINED, Verdict.UNVERIFIED}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("png", b"\x89PNG\r\n\x1a\n" + b"\x7f\xff\xff\xffIHDR" + bytes(100)),
        ("caBX", media.png()[:33] + b"\x7f\xff\xff\xffcaBX" + bytes(100)),
        ("wav", b"RIFF\xff\xff\xff\xffWAVEC2PA\xff\xff\xff\xff" + bytes(100)),
        ("webp", b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff" + bytes(100)),
        ("mp3", b"ID3\x03\0\0\x7f\x7f\x7f\x7fGEOB\xff\xff\xff\xff" + bytes(100)),
        ("tiff", b"II*\0\xff\xff\xff\xff" + bytes(100)),
        ("gif", b"GIF89a\xff\xff\xff\xff\xff\0\0" + bytes(100)),
        ("zip", b"PK\x03\x04" + b"\xff" * 26 + b"PK\x05\x06" + b"\xff" * 18),
    ],
)
def test_other_containers_that_say_they_are_huge(name: str, data: bytes, verify: Verify) -> None:
    report = verify(data)
    assert report.verdict in {Verdict.UNDETERMINED, Verdict.UNVERIFIED}, name


_FTYP = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("beside each other", _FTYP + b"\0\0\0\x08free" * 100_000),
        ("just under the most that is listed", _FTYP + b"\0\0\0\x08free" * 99_000),
        (
            "inside another",
            _FTYP + struct.pack(">I4s", 8 * 50_001, b"moov") + b"\0\0\0\x08trak" * 50_000,
        ),
    ],
)
def test_a_film_of_very_many_empty_boxes(name: str, data: bytes, verify: Verify) -> None:
    # The engine would be busy with it for a minute, and nothing could stop it.
    started = time.process_time()
    report = verify(data)
    assert time.process_time() - started < 10, name
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.LIMIT_REACHED
    assert report.integrity.state is IntegrityState.UNREADABLE


def test_a_fragment_of_very_many_empty_boxes(signed_mp4: bytes, verify: Verify) -> None:
    report = verify(signed_mp4, fragments=[b"\0\0\0\x08styp" + b"\0\0\0\x08free" * 50_000])
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.LIMIT_REACHED


def test_twin_a_film_of_some_empty_boxes(signed_mp4: bytes, verify: Verify) -> None:
    report = verify(signed_mp4 + b"\0\0\0\x08free" * 2_000)
    assert report.verdict is Verdict.OFFICIAL


def test_a_history_of_thirty_generations(agency_signer: MemorySigner, verify: Verify) -> None:
    picture = Image.new("RGB", (8, 8))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    data = out.getvalue()
    for _ in range(30):
        source = ingredient(data, "image/jpeg", relationship="parentOf")
        data = sign(out.getvalue(), "image/jpeg", signer=agency_signer, ingredients=[source])
    report = verify(data)
    assert report.verdict is Verdict.OFFICIAL
    assert len(report.ingredients) == 30
    assert [entry.depth for entry in report.ingredients] == list(range(1, 31))
    # The first has no credentials of its own.
    assert {entry.state for entry in report.ingredients} == {"holds", "none"}


@pytest.mark.parametrize("seed", range(40))
def test_noise(seed: int, verify: Verify) -> None:
    rng = random.Random(seed)
    head = rng.choice(
        [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", _FTYP, b"%PDF-1.7\n", b"GIF89a"]
    )
    report = verify(head + rng.randbytes(rng.randrange(1, 4000)))
    assert report.verdict in {Verdict.UNDETERMINED, Verdict.UNVERIFIED}
