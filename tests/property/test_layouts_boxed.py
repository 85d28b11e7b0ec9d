"""Containers made of boxes, entries and objects: hostile bytes never escape the two errors."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers import bmff, pdf
from provenance.media.containers import zip as zip_container
from provenance.media.containers.bmff_exclusions import (
    BmffExclusion,
    DataMatch,
    SubsetRange,
    excluded_ranges,
)
from provenance.media.containers.exempt import check_exempt_box, check_old_directory
from provenance.media.containers.pieces import find_all
from provenance.media.hashing import hash_bmff
from provenance.media.layout import Layout, LayoutParser
from provenance.media.ranges import ByteRange, merge

LIMITS = Limits(max_segments=200, max_box_depth=6)


def box(kind: bytes, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return (8 + len(payload)).to_bytes(4) + kind + payload


def mp4() -> bytes:
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stco", bytes(8))))))
    store = box(b"jumb", box(b"jumd", b"c2pa"))
    return b"".join(
        (
            box(b"ftyp", b"isom", bytes(4), b"isommp42"),
            box(b"uuid", bmff.C2PA_USER_TYPE, bytes(4), b"manifest\0", bytes(8), store, bytes(4)),
            box(b"uuid", bmff.XMP_USER_TYPE, b"<x/>"),
            box(b"free", bytes(4)),
            box(b"moov", track, box(b"udta", box(b"meta", box(b"hdlr", bytes(8))))),
            box(b"meta", bytes(4), box(b"iinf", bytes(6), box(b"infe", bytes(4)))),
            box(b"mdat", b"frames"),
            box(b"mfra", box(b"tfra", bytes(16)), box(b"mfro", bytes(8))),
        )
    )


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(zipfile.ZipInfo("mimetype"), b"application/epub+zip")
        target.writestr(zipfile.ZipInfo(zip_container.MANIFEST_NAME), b"a store")
        target.comment = b"comment"
    return buffer.getvalue()


def document() -> bytes:
    body = (
        b"%PDF-1.7\n7 0 obj\n<</Length 9 0 R>>stream\nstore\nendstream\nendobj\n"
        b"8 0 obj\n<</AFRelationship/C2PA_Manifest/EF<</F 7 0 R>>>>\nendobj\n"
        b"9 0 obj\n5\nendobj\n"
    )
    return body + b"xref\n0 0\ntrailer\n<<>>\nstartxref\n%d\n%%%%EOF\n" % len(body)


CONTAINERS: dict[str, tuple[LayoutParser, bytes]] = {
    "bmff": (bmff.parse_layout, mp4()),
    "zip": (zip_container.parse_layout, archive()),
    "pdf": (pdf.parse_layout, document()),
}

mutations = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 2000), st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("cut"), st.integers(0, 2000), st.just(b"")),
        st.tuples(st.just("insert"), st.integers(0, 2000), st.binary(max_size=40)),
        st.tuples(st.just("drop"), st.integers(0, 2000), st.binary(min_size=1, max_size=30)),
    ),
    max_size=6,
)


def mutate(data: bytes, steps: list[tuple[str, int, bytes]]) -> bytes:
    for what, where, value in steps:
        at = where % (len(data) + 1)
        if what == "set":
            data = data[:at] + value + data[at + len(value) :]
        elif what == "cut":
            data = data[:at]
        elif what == "insert":
            data = data[:at] + value + data[at:]
        else:
            data = data[:at] + data[at + len(value) :]
    return data


def check(layout: Layout, data: bytes) -> None:
    """The promises of `Layout` that hold whatever the bytes are."""
    top = [s.range for s in layout.segments if s.depth == 0]
    assert all(a.end <= b.start for a, b in itertools.pairwise(top))
    assert merge((*top, *layout.gaps)) == merge([ByteRange(0, len(data))])
    for segment in layout.segments:
        assert 0 <= segment.start <= segment.data_start <= segment.end <= len(data)
    for part in (*layout.manifest, *layout.manifest_payload):
        assert 0 <= part.start <= part.end <= len(data)
    assert 0 <= layout.media_end <= len(data)
    assert len(layout.problems) <= 51


def parsed(parser: LayoutParser, data: bytes) -> Layout | None:
    try:
        layout = parser(io.BytesIO(data), len(data), LIMITS)
    except (MalformedError, LimitError):
        return None
    check(layout, data)
    return layout


@pytest.mark.parametrize("name", CONTAINERS)
@given(steps=mutations)
def test_a_mutated_file_gives_a_layout_or_one_of_two_errors(
    name: str, steps: list[tuple[str, int, bytes]]
) -> None:
    parser, sample = CONTAINERS[name]
    data = mutate(sample, steps)
    layout = parsed(parser, data)
    if layout is None:
        return
    stream = io.BytesIO(data)
    if name == "bmff":
        for segment in layout.segments:
            assert check_exempt_box(stream, layout, segment).why
    if name == "zip":
        for gap in layout.gaps:
            assert check_old_directory(stream, len(data), gap, LIMITS).why


@pytest.mark.parametrize("name", CONTAINERS)
@given(noise=st.binary(max_size=300), at=st.integers(0, 100))
def test_random_bytes_behind_a_good_beginning(name: str, noise: bytes, at: int) -> None:
    parser, sample = CONTAINERS[name]
    parsed(parser, sample[: len(sample) * at // 100] + noise)
    parsed(parser, noise)


names = st.sampled_from(["ftyp", "uuid", "moov", "trak", "mdia", "free", "mdat", "mfra", "zzzz"])
steps_of_path = st.builds(
    lambda name, index: f"/{name}" + (f"[{index}]" if index else ""), names, st.integers(0, 3)
)
exclusions = st.builds(
    BmffExclusion,
    xpath=st.one_of(st.lists(steps_of_path, min_size=1, max_size=3).map("".join), st.text()),
    length=st.none() | st.integers(-1, 60),
    data=st.none()
    | st.lists(st.builds(DataMatch, st.integers(-1, 2**64), st.binary(max_size=8)), max_size=2).map(
        tuple
    ),
    subset=st.none()
    | st.lists(
        st.builds(SubsetRange, st.integers(-1, 2**64), st.integers(0, 2**64)), max_size=3
    ).map(tuple),
    version=st.none() | st.integers(0, 2),
    flags=st.none() | st.binary(min_size=2, max_size=3),
    exact=st.none() | st.booleans(),
)


@given(entries=st.lists(exclusions, max_size=4), steps=mutations)
def test_any_exclusion_list_stays_inside_the_file(
    entries: list[BmffExclusion], steps: list[tuple[str, int, bytes]]
) -> None:
    data = mutate(mp4(), steps)
    layout = parsed(bmff.parse_layout, data)
    if layout is None:
        return
    stream = io.BytesIO(data)
    try:
        ranges = excluded_ranges(layout, entries, stream)
        digest = hash_bmff(stream, layout, entries, "sha256", version=3)
    except (MalformedError, LimitError):
        return
    assert ranges == merge(ranges)
    assert all(0 <= r.start < r.end <= len(data) for r in ranges)
    assert len(digest) == 32


@given(
    data=st.text(alphabet="ab", max_size=200).map(str.encode),
    needles=st.sets(
        st.text(alphabet="ab", min_size=1, max_size=4).map(str.encode), min_size=1, max_size=3
    ),
    piece=st.integers(1, 9),
)
def test_finding_in_pieces_is_finding_in_the_whole(
    data: bytes, needles: set[bytes], piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("provenance.media.containers.pieces.PIECE_BYTES", piece)
        found = find_all(
            io.BytesIO(data), ByteRange(0, len(data)), tuple(sorted(needles)), at_most=1000
        )
    expected: Callable[[bytes], list[int]] = lambda n: [  # noqa: E731
        i for i in range(len(data)) if data.startswith(n, i)
    ]
    assert found == {n: expected(n) for n in sorted(needles)}
