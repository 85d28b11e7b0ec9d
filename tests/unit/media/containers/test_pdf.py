from __future__ import annotations

import io
import itertools

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.pdf import parse_layout
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange, merge

STORE = b"\0\0\0\x18jumb endstream inside"
SPECIFICATION = b"8 0 obj\n<</AFRelationship/C2PA_Manifest/EF<</F 7 0 R>>/Type/FileSpec>>\nendobj\n"


def stream(dictionary: bytes, data: bytes = STORE, number: bytes = b"7 0") -> bytes:
    return number + b" obj\n<<" + dictionary + b">>stream\n" + data + b"\nendstream\nendobj\n"


EMBEDDED = stream(b"/Length %d" % len(STORE))


def revision(body: bytes, at: int = 0) -> bytes:
    table = b"xref\n0 1\n0000000000 65535 f \ntrailer\n<</Root 1 0 R>>\n"
    return body + table + b"startxref\n%d\n%%%%EOF\n" % (at + len(body))


HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n"
SIGNED = revision(HEADER + EMBEDDED + SPECIFICATION)


def parse(data: bytes) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), Limits())


def payload(data: bytes) -> list[bytes]:
    return [data[r.start : r.end] for r in parse(data).manifest_payload]


def covers(layout: Layout) -> bool:
    top = [s.range for s in layout.segments]
    disjoint = all(a.end <= b.start for a, b in itertools.pairwise(top))
    return disjoint and merge(top) == (ByteRange(0, layout.size_bytes),)


def test_the_manifest_is_the_stream_of_the_associated_file() -> None:
    layout = parse(SIGNED)

    assert payload(SIGNED) == [STORE]
    assert [s.label for s in layout.segments] == ["revision 1", "manifest", "revision 1"]
    whole = layout.manifest[0]
    assert SIGNED[whole.start : whole.end] == EMBEDDED[:-1]
    assert layout.problems == ()
    assert covers(layout)


def test_the_length_may_stand_in_an_object_of_its_own() -> None:
    data = HEADER + stream(b"/Length 17 0 R") + SPECIFICATION
    data = revision(data + b"17 0 obj\n%d\nendobj\n" % len(STORE))

    assert payload(data) == [STORE]


def test_the_embedded_files_may_stand_in_an_object_of_their_own() -> None:
    indirect = SPECIFICATION.replace(b"<</F 7 0 R>>", b" 9 0 R")
    data = revision(HEADER + EMBEDDED + indirect + b"9 0 obj\n<</UF 7 0 R>>\nendobj\n")

    assert payload(data) == [STORE]


def test_a_longer_object_number_is_another_object() -> None:
    other = stream(b"/Length 5", b"other", b"17 0")

    assert payload(revision(HEADER + EMBEDDED + other + SPECIFICATION)) == [STORE]


def test_an_object_written_again_replaces_the_first() -> None:
    first = SIGNED
    second = revision(stream(b"/Length 5", b"newer"), 0)
    second = revision(stream(b"/Length 5", b"newer"), len(first))
    layout = parse(first + second)

    assert payload(first + second) == [b"newer"]
    assert [s.label for s in layout.segments] == ["revision 1", "manifest", "revision 2"]


def test_of_several_manifests_the_last_counts() -> None:
    later = SPECIFICATION.replace(b"8 0 obj", b"10 0 obj").replace(b"7 0 R", b"11 0 R")
    second = revision(stream(b"/Length 5", b"newer", b"11 0") + later, len(SIGNED))
    layout = parse(SIGNED + second)

    assert payload(SIGNED + second) == [b"newer"]
    assert [s.kind for s in layout.segments].count(SegmentKind.MANIFEST) == 2
    assert layout.problems == ("more than one C2PA manifest store",)
    assert covers(layout)


def test_a_compressed_manifest_has_no_payload() -> None:
    data = revision(HEADER + stream(b"/Filter/FlateDecode/Length 5", b"xxxxx") + SPECIFICATION)
    layout = parse(data)

    assert layout.manifest_payload == ()
    assert len(layout.manifest) == 1
    assert layout.problems == (
        f"embedded manifest at offset {data.index(b'7 0 obj')} is compressed",
    )


@pytest.mark.parametrize(
    ("embedded", "problem"),
    [
        (stream(b"/Length 4"), "does not end where it says"),
        (stream(b"/Length 99999"), "has no usable length"),
        (stream(b"/Length 99 0 R"), "has no usable length"),
        (stream(b"/Type/X"), "is no stream with a length"),
        (b"7 0 obj\n<<>>\nendobj\n", "is no stream with a length"),
        (b"", "an embedded manifest file is missing"),
    ],
)
def test_a_manifest_that_cannot_be_followed_is_a_problem(embedded: bytes, problem: str) -> None:
    layout = parse(revision(HEADER + embedded + SPECIFICATION))

    assert layout.manifest == ()
    assert len(layout.problems) == 1
    assert layout.problems[0].endswith(problem)


def test_the_word_alone_is_no_manifest() -> None:
    body = HEADER + EMBEDDED + b"8 0 obj\n(C2PA_Manifest /EF<</F 7 0 R>>)\nendobj\n"

    assert parse(revision(body)).manifest == ()


def test_incremental_updates_are_revisions() -> None:
    one = revision(HEADER)
    two = revision(b"2 0 obj\n<<>>\nendobj\n", len(one))
    layout = parse(one + two)

    assert [s.range for s in layout.segments] == [
        ByteRange(0, len(one)),
        ByteRange(len(one), len(one) + len(two)),
    ]
    assert layout.media_end == len(one) + len(two)


def test_a_linearized_file_is_one_revision() -> None:
    first = HEADER.replace(b"<</Type", b"<</Linearized 1/Type")
    first += b"trailer\n<<>>\nstartxref\n0\n%%EOF\n"
    data = first + revision(b"2 0 obj\n<<>>\nendobj\n", len(first))

    assert [s.label for s in parse(data).segments] == ["revision 1"]


def test_bytes_after_the_last_marker_are_a_trailer() -> None:
    layout = parse(SIGNED + b"appended %%EOF and startxref\n7\n%%EOF")

    assert layout.media_end == len(SIGNED)
    assert layout.segments[-1].kind is SegmentKind.TRAILER


def test_a_manifest_in_the_trailer_does_not_count() -> None:
    plain = revision(HEADER)

    assert parse(plain + EMBEDDED + SPECIFICATION).manifest == ()


def test_bytes_before_the_header_are_a_gap() -> None:
    data = b"#!/bin/sh\n" + revision(HEADER, -10)
    layout = parse(data)

    assert layout.gaps == (ByteRange(0, 10),)
    assert layout.segments[0].label == "stub"


def test_a_file_without_a_marker_says_so() -> None:
    layout = parse(HEADER)

    assert layout.problems == ("no end-of-file marker with a cross-reference offset before it",)
    assert covers(layout)


@pytest.mark.parametrize("data", [b"", b"PK\3\4", bytes(1024) + b"%PDF-1.7"])
def test_no_header_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError, match="no pdf header"):
        parse(data)


def test_markers_without_end_hit_the_limit() -> None:
    with pytest.raises(LimitError, match="too many occurrences of b'%%EOF'"):
        parse(HEADER + b"%%EOF" * 10_001)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_file_gives_what_is_there(tenth: int) -> None:
    cut = SIGNED[: len(SIGNED) * tenth // 10]
    layout = parse(cut)

    assert covers(layout)
    assert layout.problems
