from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers import bmff, pdf
from provenance.media.containers import zip as zip_container
from provenance.media.containers.bmff_exclusions import BmffExclusion, DataMatch, SubsetRange
from provenance.media.containers.exempt import check_exempt_box, check_old_directory
from provenance.media.hashing import UnsupportedBindingError, hash_bmff, hash_ranges
from provenance.media.layout import Layout, LayoutParser
from provenance.media.ranges import ByteRange, subtract
from tests.factory.media import MEDIA_TYPES
from tests.factory.sign import store_of
from tests.factory.stores import Store, parse_store

LIMITS = Limits()


def box(kind: bytes, payload: bytes = b"") -> bytes:
    return (8 + len(payload)).to_bytes(4) + kind + payload


FTYP = box(b"ftyp", b"isom" + bytes(4))
FREE = box(b"free", b"x")
MOOV = box(b"moov", box(b"mvhd", b"abcdefgh"))
MDAT = box(b"mdat", b"frames")
DATA = FTYP + FREE + MOOV + MDAT
DEFAULTS = tuple(BmffExclusion(xpath=path) for path in ("/ftyp", "/mfra", "/free", "/skip"))


def own_hash(data: bytes, *exclusions: BmffExclusion, version: int = 3) -> bytes:
    stream = io.BytesIO(data)
    layout = bmff.parse_layout(stream, len(data), LIMITS)
    return hash_bmff(stream, layout, exclusions, "sha256", version=version)


def sha256(*parts: bytes | int) -> bytes:
    return hashlib.sha256(
        b"".join(p.to_bytes(8) if isinstance(p, int) else p for p in parts)
    ).digest()


@pytest.mark.parametrize("version", [2, 3])
def test_each_box_that_is_kept_is_preceded_by_its_offset(version: int) -> None:
    at = len(FTYP + FREE)
    expected = sha256(at, MOOV, at + len(MOOV), MDAT)

    assert own_hash(DATA, *DEFAULTS, version=version) == expected


def test_version_1_has_no_offsets() -> None:
    assert own_hash(DATA, *DEFAULTS, version=1) == sha256(MOOV, MDAT)


def test_a_box_left_out_in_part_keeps_its_offset() -> None:
    at = len(FTYP + FREE)
    head = BmffExclusion(xpath="/moov", subset=(SubsetRange(0, 8),))
    inner = BmffExclusion(xpath="/moov/mvhd", subset=(SubsetRange(8, 2),))

    assert own_hash(DATA, *DEFAULTS, head) == sha256(at, MOOV[8:], at + len(MOOV), MDAT)
    assert own_hash(DATA, *DEFAULTS, inner) == sha256(
        at, MOOV[:16], MOOV[18:], at + len(MOOV), MDAT
    )


def test_bytes_that_are_no_box_are_hashed_without_an_offset() -> None:
    at = len(FTYP + FREE)
    expected = sha256(at, MOOV, at + len(MOOV), MDAT, b"tail")

    assert own_hash(DATA + b"tail", *DEFAULTS) == expected


def test_a_moved_box_changes_the_hash() -> None:
    shifted = FTYP + FREE + FREE + MOOV + MDAT

    assert own_hash(shifted, *DEFAULTS) != own_hash(DATA, *DEFAULTS)
    assert own_hash(shifted, *DEFAULTS, version=1) == own_hash(DATA, *DEFAULTS, version=1)


def test_ranges_are_hashed_in_the_order_given() -> None:
    ranges = [ByteRange(4, 6), ByteRange(0, 2), ByteRange(3, 3)]

    assert hash_ranges(io.BytesIO(b"abcdefgh"), ranges, "sha384") == (
        hashlib.sha384(b"efab").digest()
    )


def test_large_files_are_hashed_in_pieces() -> None:
    data = bytes(range(256)) * 10_000

    assert hash_ranges(io.BytesIO(data), [ByteRange(1, len(data))], "sha512") == (
        hashlib.sha512(data[1:]).digest()
    )


def test_a_short_stream_is_malformed_not_another_hash() -> None:
    with pytest.raises(MalformedError, match="expected 10 bytes at offset 0, got 8"):
        hash_ranges(io.BytesIO(b"abcdefgh"), [ByteRange(0, 10)], "sha256")


def test_what_is_not_recomputed_is_named() -> None:
    stream = io.BytesIO(DATA)
    layout = bmff.parse_layout(stream, len(DATA), LIMITS)

    with pytest.raises(UnsupportedBindingError, match="merkle map"):
        hash_bmff(stream, layout, (), "sha256", version=3, has_merkle=True)
    with pytest.raises(UnsupportedBindingError, match="expected 1 to 3, got 4"):
        hash_bmff(stream, layout, (), "sha256", version=4)
    with pytest.raises(UnsupportedBindingError, match="got 'md5'"):
        hash_ranges(stream, (), "md5")


# The engine's own signatures: what it hashed must be what is hashed here.


def active(data: bytes, parser: LayoutParser, kind: str) -> tuple[Layout, Store]:
    layout = parser(io.BytesIO(data), len(data), LIMITS)
    payload = b"".join(data[r.start : r.end] for r in layout.manifest_payload)
    assert payload == store_of(data, MEDIA_TYPES[kind])
    return layout, parse_store(payload)


def exclusion(entry: dict[str, Any]) -> BmffExclusion:
    data = entry.get("data")
    return BmffExclusion(
        xpath=entry["xpath"],
        data=tuple(DataMatch(d["offset"], d["value"]) for d in data) if data else None,
    )


@pytest.mark.parametrize("kind", ["mp4", "mov", "m4a", "heic", "avif"])
def test_agrees_with_the_engine_on_bmff_files(kind: str, signed: Callable[..., bytes]) -> None:
    data = signed(kind)
    layout, store = active(data, bmff.parse_layout, kind)
    binding = store.assertion("c2pa.hash.bmff.v3")
    exclusions = [exclusion(entry) for entry in binding["exclusions"]]
    stream = io.BytesIO(data)

    assert set(binding) == {"alg", "exclusions", "hash", "name"}
    assert [e.xpath for e in exclusions] == ["/uuid", "/ftyp", "/mfra", "/free", "/skip"]
    assert hash_bmff(stream, layout, exclusions, binding["alg"], version=3) == binding["hash"]
    for part in layout.segments:
        if part.depth == 0 and part.label in {"ftyp", "mfra", "free", "skip"}:
            assert check_exempt_box(stream, layout, part).harmless
    assert layout.problems == ()


def test_agrees_with_the_engine_on_pdf_files(signed: Callable[..., bytes]) -> None:
    data = signed("pdf")
    layout, store = active(data, pdf.parse_layout, "pdf")
    binding = store.assertion("c2pa.hash.data")
    holes = [ByteRange(e["start"], e["start"] + e["length"]) for e in binding["exclusions"]]
    kept = subtract([ByteRange(0, len(data))], holes)

    assert tuple(holes) == layout.manifest_payload
    assert hash_ranges(io.BytesIO(data), kept, binding["alg"]) == binding["hash"]


@pytest.mark.parametrize("kind", ["docx", "epub"])
def test_agrees_with_the_engine_on_zip_files(kind: str, signed: Callable[..., bytes]) -> None:
    data = signed(kind)
    stream = io.BytesIO(data)
    layout, store = active(data, zip_container.parse_layout, kind)
    binding = store.assertion("c2pa.hash.collection.data")
    covered = zip_container.collection_ranges(stream, len(data), LIMITS)

    found = hash_ranges(stream, covered.directory, binding["alg"])
    assert found == binding["zip_central_directory_hash"]
    hashes = {name: hash_ranges(stream, [where], binding["alg"]) for name, where in covered.entries}
    # The folder of the manifest is added after hashing, and covered by nothing.
    assert hashes.keys() - binding["uris"].keys() == {"META-INF/"}
    assert {name: entry["hash"] for name, entry in binding["uris"].items()}.items() <= (
        hashes.items()
    )
    # So is the directory from before signing, which stays where it was.
    (hole,) = layout.gaps
    assert check_old_directory(stream, len(data), hole, LIMITS).harmless
