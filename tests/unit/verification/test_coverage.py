from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import cbor2
import pytest

from provenance.errors import MalformedError
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.media.containers import parse_layout
from provenance.media.containers.bmff_exclusions import BmffExclusion, DataMatch, SubsetRange
from provenance.media.formats import FORMATS
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.ranges import ByteRange
from provenance.verification.bindings import BmffHash, BoxesHash, CollectionHash, DataHash
from provenance.verification.coverage import CoverageAnswer, judge_coverage, unknown_coverage

LIMITS = Limits()
FULL = {FindingCode.FULLY_COVERED}
C2PA_USER_TYPE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def _codes(answer: CoverageAnswer) -> set[FindingCode]:
    return {found.code for found in answer.findings}


def _uncovered(answer: CoverageAnswer) -> list[tuple[int, int]]:
    return [(part.offset, part.size_bytes) for part in answer.coverage.uncovered]


def _judge(binding: Any, layout: Layout, data: bytes, name: str, **options: Any) -> CoverageAnswer:
    whole: dict[str, Any] = {"store_bytes": 10, "embedded": True, "limits": LIMITS}
    return judge_coverage(
        binding, layout, io.BytesIO(data), media_format=FORMATS[name], **{**whole, **options}
    )


def _segment(start: int, end: int, label: str, kind: SegmentKind) -> Segment:
    return Segment(start=start, end=end, kind=kind, label=label, data_start=start)


def _jpeg(*, trailer: int = 0) -> Layout:
    """SOI, a manifest at 2 to 22 with its store at 12 to 22, a scan, EOI at 98 to 100."""
    parts = [
        _segment(0, 2, "SOI", SegmentKind.STRUCTURE),
        _segment(2, 22, "C2PA", SegmentKind.MANIFEST),
        _segment(22, 98, "SOS", SegmentKind.CONTENT),
        _segment(98, 100, "EOI", SegmentKind.STRUCTURE),
    ]
    if trailer:
        parts.append(_segment(100, 100 + trailer, "trailer", SegmentKind.TRAILER))
    return Layout(
        size_bytes=100 + trailer,
        segments=tuple(parts),
        manifest=(ByteRange(2, 22),),
        manifest_payload=(ByteRange(12, 22),),
        media_end=100,
    )


def _data_hash(*exclusions: tuple[int, int]) -> DataHash:
    return DataHash("c2pa.hash.data", "sha256", b"h", tuple(ByteRange(a, b) for a, b in exclusions))


@pytest.mark.parametrize(
    ("exclusions", "uncovered", "codes"),
    [
        ([(2, 22)], [], FULL),
        ([(12, 22)], [], FULL),
        ([], [], FULL),
        ([(2, 30)], [(22, 8)], {FindingCode.EXTRA_EXCLUSIONS, FindingCode.PARTLY_COVERED}),
        (
            [(2, 22), (40, 60)],
            [(40, 20)],
            {FindingCode.EXTRA_EXCLUSIONS, FindingCode.PARTLY_COVERED},
        ),
        (
            [(0, 10**12)],
            [(0, 2), (22, 78)],
            {FindingCode.EXTRA_EXCLUSIONS, FindingCode.PARTLY_COVERED},
        ),
        ([(95, 2**62)], [(95, 5)], {FindingCode.EXTRA_EXCLUSIONS, FindingCode.PARTLY_COVERED}),
    ],
)
def test_a_data_hash(
    exclusions: list[tuple[int, int]],
    uncovered: list[tuple[int, int]],
    codes: set[FindingCode],
) -> None:
    answer = _judge(_data_hash(*exclusions), _jpeg(), bytes(100), "jpeg")
    assert _uncovered(answer) == uncovered
    assert _codes(answer) == codes
    assert answer.full is (not uncovered)


def test_a_data_hash_covers_what_stands_behind_the_end() -> None:
    # Gain maps and motion photos stand there, inside the hash.
    answer = _judge(_data_hash((2, 22)), _jpeg(trailer=50), bytes(150), "jpeg")
    assert answer.full
    assert answer.coverage.covered_bytes == 130


def test_a_hash_that_covers_nothing_is_never_full() -> None:
    layout = Layout(
        size_bytes=20,
        segments=(_segment(0, 20, "C2PA", SegmentKind.MANIFEST),),
        manifest=(ByteRange(0, 20),),
        manifest_payload=(ByteRange(10, 20),),
        media_end=20,
    )
    answer = _judge(_data_hash((0, 20)), layout, bytes(20), "jpeg")
    assert not answer.full
    assert _codes(answer) == {FindingCode.PARTLY_COVERED}


def _boxes(*names: str, excluded: tuple[str, ...] = ("C2PA",)) -> BoxesHash:
    return BoxesHash("c2pa.hash.boxes", names, excluded)


def test_a_boxes_hash_by_names() -> None:
    whole = _boxes("SOI", "C2PA", "SOS", "EOI")
    assert _codes(_judge(whole, _jpeg(), bytes(100), "jpeg")) == FULL

    without = _judge(_boxes("SOI", "C2PA", "EOI"), _jpeg(), bytes(100), "jpeg")
    assert _uncovered(without) == [(22, 76)]
    assert _codes(without) == {FindingCode.EXTRA_EXCLUSIONS, FindingCode.PARTLY_COVERED}

    left_out = _boxes("SOI", "C2PA", "SOS", "EOI", excluded=("C2PA", "SOS"))
    assert _uncovered(_judge(left_out, _jpeg(), bytes(100), "jpeg")) == [(22, 76)]

    behind = _judge(whole, _jpeg(trailer=50), bytes(150), "jpeg")
    assert _uncovered(behind) == [(100, 50)]
    assert _codes(behind) == {FindingCode.TRAILING_DATA, FindingCode.PARTLY_COVERED}


def test_a_trailer_of_a_listed_name_is_a_trailer() -> None:
    answer = _judge(_boxes("SOI", "SOS", "EOI", "trailer"), _jpeg(trailer=9), bytes(109), "jpeg")
    assert _uncovered(answer) == [(100, 9)]


def test_bytes_between_the_boxes_are_in_none() -> None:
    layout = _jpeg()
    parts = [s for s in layout.segments if s.label != "SOS"]
    parts.insert(2, _segment(22, 80, "SOS", SegmentKind.CONTENT))
    gap = Layout(
        size_bytes=100,
        segments=tuple(parts),
        manifest=layout.manifest,
        manifest_payload=layout.manifest_payload,
        media_end=100,
        gaps=(ByteRange(80, 98),),
    )
    answer = _judge(_boxes("SOI", "C2PA", "SOS", "EOI"), gap, bytes(100), "jpeg")
    assert _uncovered(answer) == [(80, 18)]


@pytest.mark.parametrize(("hidden", "full"), [(b"", True), (bytes(5), True), (b"\0\0x\0", False)])
def test_the_space_behind_the_store(
    hidden: bytes,
    full: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    data = bytes(12) + b"s" * (10 - len(hidden)) + hidden + bytes(78)
    answer = _judge(_data_hash((2, 22)), _jpeg(), data, "jpeg", store_bytes=10 - len(hidden))
    assert answer.full is full
    assert (FindingCode.MANIFEST_SLACK in _codes(answer)) is not full


def test_a_sidecar_leaves_no_space_in_the_file() -> None:
    data = b"x" * 100
    answer = _judge(_data_hash((2, 22)), _jpeg(), data, "jpeg", store_bytes=3, embedded=False)
    assert FindingCode.MANIFEST_SLACK not in _codes(answer)


def _box(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


_FTYP = _box(b"ftyp", b"isom\0\0\0\0isom")
_STORE = _box(b"jumb", bytes(20))
_C2PA = _box(b"uuid", C2PA_USER_TYPE + bytes(4) + b"manifest\0" + bytes(8) + _STORE)
_NODES = {"uniqueId": 1, "localId": 1, "location": 0, "hashes": [bytes(32)]}


def _merkle(nodes: object, rest: bytes = b"") -> bytes:
    return _box(b"uuid", C2PA_USER_TYPE + bytes(4) + b"merkle\0" + cbor2.dumps(nodes) + rest)


_MERKLE = _merkle(_NODES)
_MDAT = _box(b"mdat", bytes(50))


def _bmff_hash(
    *more: BmffExclusion, merkle: bool = False, paths: str = "ftyp free skip mfra"
) -> Any:
    mine = BmffExclusion(xpath="/uuid", data=(DataMatch(8, C2PA_USER_TYPE),))
    others = [BmffExclusion(xpath=f"/{path}") for path in paths.split()]
    return BmffHash("c2pa.hash.bmff.v3", 3, "sha256", b"h", merkle, (mine, *others, *more))


def _film(*boxes: bytes, binding: Any = None, **options: Any) -> CoverageAnswer:
    data = b"".join((_FTYP, _C2PA, _MDAT, *boxes))
    layout = parse_layout(io.BytesIO(data), len(data), FORMATS["mp4"], LIMITS)
    return _judge(binding or _bmff_hash(), layout, data, "mp4", store_bytes=len(_STORE), **options)


def test_a_film_with_its_exempt_boxes() -> None:
    answer = _film(_box(b"free", bytes(9)), _box(b"skip", b"a few bytes"))
    assert answer.full
    assert _codes(answer) == FULL | {FindingCode.EXEMPT_PARTS}
    assert [part.label for part in answer.coverage.exempt] == ["ftyp", "free", "skip"]


@pytest.mark.parametrize(
    ("box", "code"),
    [
        (_box(b"free", b"x" * 70_000), FindingCode.EXEMPT_PART_NOT_HARMLESS),
        (_box(b"mfra", _box(b"free")), FindingCode.EXEMPT_PART_NOT_HARMLESS),
        (_box(b"ftyp", b"isom\0\0\0\0isom"), FindingCode.EXEMPT_PART_NOT_HARMLESS),
        (_box(b"uuid", C2PA_USER_TYPE + bytes(4) + b"own\0x"), FindingCode.EXTRA_EXCLUSIONS),
        (_MERKLE, FindingCode.EXTRA_EXCLUSIONS),
    ],
)
def test_a_film_with_content_in_exempt_boxes(box: bytes, code: FindingCode) -> None:
    answer = _film(box)
    assert not answer.full
    assert code in _codes(answer)
    assert _uncovered(answer) == [(len(_FTYP + _C2PA + _MDAT), len(box))]


def test_a_box_with_a_piece_of_the_tree_needs_a_tree() -> None:
    assert _film(_MERKLE, binding=_bmff_hash(merkle=True)).full
    assert not _film(_MERKLE, binding=_bmff_hash()).full


@pytest.mark.parametrize(
    ("name", "boxes"),
    [
        ("a second box", _MERKLE + _MERKLE),
        ("a key of its own", _merkle({**_NODES, "film": b"x" * 3000})),
        ("bytes behind the nodes", _merkle(_NODES, b"x" * 3000)),
        ("large nodes", _merkle({**_NODES, "hashes": [b"x" * 3000]})),
        ("very many nodes", _merkle({**_NODES, "hashes": [bytes(32)] * 200})),
        ("no map", _merkle([1, 2])),
    ],
)
def test_a_box_of_the_tree_with_something_else_in_it(name: str, boxes: bytes) -> None:
    # The engine looks at the nodes that it needs, and at nothing beside them.
    answer = _film(boxes, binding=_bmff_hash(merkle=True))
    assert not answer.full, name
    assert FindingCode.PARTLY_COVERED in _codes(answer)


def test_what_the_signer_of_a_film_leaves_out() -> None:
    whole = _film(binding=_bmff_hash(BmffExclusion(xpath="/mdat")))
    assert _codes(whole) >= {FindingCode.EXTRA_EXCLUSIONS, FindingCode.PARTLY_COVERED}
    assert _uncovered(whole) == [(len(_FTYP + _C2PA), len(_MDAT))]

    part = _film(binding=_bmff_hash(BmffExclusion(xpath="/mdat", subset=(SubsetRange(20, 10),))))
    assert _uncovered(part) == [(len(_FTYP + _C2PA) + 20, 10)]


def test_an_exempt_box_that_is_hashed_in_part_is_not_excused() -> None:
    binding = _bmff_hash(
        BmffExclusion(xpath="/free", subset=(SubsetRange(8, 4),)), paths="ftyp skip mfra"
    )
    answer = _film(_box(b"free", b"abcdefgh"), binding=binding)
    assert _uncovered(answer) == [(len(_FTYP + _C2PA + _MDAT) + 8, 4)]


def test_the_fragments_of_a_film_are_looked_at_too() -> None:
    def pieces(*more: bytes) -> list[tuple[io.BytesIO, Layout]]:
        data = b"".join((_MERKLE, _box(b"moof"), *more))
        return [
            (
                io.BytesIO(data),
                parse_layout(io.BytesIO(data), len(data), FORMATS["mp4"], LIMITS),
            )
        ]

    binding = _bmff_hash(merkle=True)
    assert _film(binding=binding, fragments=pieces()).full
    assert _film(binding=binding, fragments=pieces(_box(b"free", bytes(9)))).full
    answer = _film(binding=binding, fragments=pieces(_box(b"free", b"x" * 70_000)))
    assert not answer.full
    assert answer.uncovered == ()
    assert [part.label for part in answer.coverage.uncovered] == ["fragment 1: free"]
    assert FindingCode.PARTLY_COVERED in _codes(answer)


def _archive(*, manifest: bool = True) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "first")
        archive.writestr("b", "second")
        if manifest:
            archive.writestr("META-INF/content_credential.c2pa", "0123456789")
    return out.getvalue()


def _collection(data: bytes, *names: str, directory: bool = True) -> CoverageAnswer:
    layout = parse_layout(io.BytesIO(data), len(data), FORMATS["epub"], LIMITS)
    binding = CollectionHash("c2pa.hash.collection.data", names, directory)
    return _judge(binding, layout, data, "epub")


def test_an_archive_by_its_entries() -> None:
    data = _archive()
    assert _codes(_collection(data, "a", "b")) == FULL

    without = _collection(data, "a")
    assert [part.label for part in without.coverage.uncovered] == ["b"]
    assert _codes(without) == {FindingCode.EXTRA_EXCLUSIONS, FindingCode.PARTLY_COVERED}

    open_directory = _collection(data, "a", "b", directory=False)
    assert not open_directory.full
    assert {p.label for p in open_directory.coverage.uncovered} >= {"central directory"}


def test_an_archive_with_something_in_front_or_behind() -> None:
    data = _archive()
    front = _collection(b"#!/bin/sh\n" + data, "a", "b")
    assert FindingCode.LEADING_DATA in _codes(front)
    assert _uncovered(front) == [(0, 10)]
    # Bytes behind are inside the hash of the directory, which runs to the end.
    assert _collection(data + b"behind", "a", "b").full


def test_coverage_that_cannot_be_worked_out_covers_nothing() -> None:
    answer = unknown_coverage(MalformedError("no\u202e end"))
    assert not answer.full
    assert not answer.known
    (found,) = answer.findings
    assert found.code is FindingCode.COVERAGE_UNKNOWN
    assert found.evidence == {"why": "no end"}
