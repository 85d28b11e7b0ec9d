"""Whatever the bytes, a layout parser gives ordered, disjoint parts or one of two errors."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers import extract_manifest, parse_layout
from provenance.media.layout import Layout
from provenance.media.ranges import total_bytes
from provenance.media.sniff import FORMATS, sniff, sniff_stream
from tests.factory import media

_LIMITS = Limits(max_segments=2000, max_manifest_store_bytes=4 * 1024**2)
_KINDS = ("jpeg", "png", "webp", "gif", "tiff", "svg", "avi", "wav", "mp3", "flac")
_PARSED = (*_KINDS, "rf64", "jxl", "jxl-codestream", "dng", "c2pa")
_SEEDS = {
    "jxl": b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl \0\0\0\x10jxlc\xff\x0a123456",
    "rf64": b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + bytes(28) + b"data\xff\xff\xff\xff",
    "tiff": b"II+\0\x08\0\0\0\x10" + bytes(7) + b"\1" + bytes(7) + b"\x4a\1\x10\0\1" + bytes(23),
}

_edits = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "insert", "double"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=8),
    ),
    max_size=6,
)


def _edit(data: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    for what, where, new in edits:
        # Mostly near the start, where the headers are.
        at = int(len(data) * where**3)
        if what == "set":
            data = data[:at] + new + data[at + len(new) :]
        elif what == "cut":
            data = data[:at] + data[at + len(new) * 16 :]
        elif what == "insert":
            data = data[:at] + new + data[at:]
        else:
            data = data[:at] + data[max(0, at - 300) : at] + data[at:]
    return data


def _check(name: str, data: bytes) -> Layout | None:
    stream = io.BytesIO(data)
    try:
        layout = parse_layout(stream, len(data), FORMATS[name], _LIMITS)
    except (MalformedError, LimitError):
        return None
    top = [part for part in layout.segments if part.depth == 0]
    at = 0
    for part in top:
        assert at <= part.start < part.end <= len(data)
        assert part.start <= part.data_start <= part.end
        at = part.end
    assert 0 <= layout.media_end <= len(data)
    pieces = [part.range for part in top] + list(layout.gaps)
    assert sum(piece.size_bytes for piece in pieces) == total_bytes(pieces) == len(data)
    assert len(layout.segments) <= _LIMITS.max_segments
    for piece in (*layout.manifest, *layout.manifest_payload):
        assert 0 <= piece.start < piece.end <= len(data)
    with contextlib.suppress(MalformedError, LimitError):
        extract_manifest(stream, layout, _LIMITS)
    return layout


@pytest.mark.parametrize("kind", _KINDS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=_edits)
def test_an_edited_file_gives_an_ordered_cover_or_an_expected_error(
    kind: str, signed: Callable[..., bytes], edits: list[tuple[str, float, bytes]]
) -> None:
    data = _edit(signed(kind), edits)
    sniff(data[: 64 * 1024])
    sniff_stream(io.BytesIO(data), len(data))
    _check(kind, data)


@pytest.mark.parametrize("name", sorted(_SEEDS))
@settings(max_examples=100, deadline=None)
@given(edits=_edits)
def test_small_files_of_rare_forms_do_too(name: str, edits: list[tuple[str, float, bytes]]) -> None:
    data = _edit(_SEEDS[name], edits)
    sniff_stream(io.BytesIO(data), len(data))
    _check(name, data)


@pytest.mark.parametrize("name", _PARSED)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=400))
def test_random_bytes_behind_a_signature_do_too(name: str, data: bytes) -> None:
    seed = _SEEDS.get(name) or (media.make(name) if name in media.SAMPLES else b"")
    for head in (b"", seed[:12], seed[:40]):
        _check(name, head + data)


@settings(max_examples=300, deadline=None)
@given(
    head=st.sampled_from([b"", b"\xff\xfb\x90\0", b"ID3\4\0\0", b"PK\3\4", b"II+\0", b"<!", b"<?"]),
    data=st.binary(max_size=400),
)
def test_sniffing_never_raises(head: bytes, data: bytes) -> None:
    sniff(head + data)
    sniff_stream(io.BytesIO(head + data), len(head + data))


@pytest.mark.parametrize("kind", _KINDS)
def test_a_file_cut_anywhere_gives_an_ordered_cover(
    kind: str, signed: Callable[..., bytes]
) -> None:
    data = signed(kind)
    for length in {*range(min(len(data), 200)), *range(0, len(data), len(data) // 50 + 1)}:
        _check(kind, data[:length])


class _Counting(io.BytesIO):
    """A file that counts the bytes read from it."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


@pytest.mark.parametrize(
    ("name", "head", "unit"),
    [
        ("jpeg", b"\xff\xd8", b"\xff\xe0\0\2"),
        ("jpeg", b"\xff\xd8", b"\xff\xda\0\2"),
        ("jpeg", b"\xff\xd8", b"\xff" * 400 + b"\xff\xe0\0\2"),
        ("jpeg", b"\xff\xd8\xff\xda\0\2", b"\xff\0"),
        ("png", b"\x89PNG\r\n\x1a\n", b"\0\0\0\0abcd\0\0\0\0"),
        ("gif", b"GIF89a" + bytes(7), b"\x21\xfe\0"),
        ("gif", b"GIF89a" + bytes(7) + b"\x21\xfe", b"\1a"),
        ("wav", b"RIFF\xff\xff\x7f\0WAVE", b"abcd\0\0\0\0"),
        ("avi", b"RIFF\4\0\0\0AVI ", b"RIFF\4\0\0\0AVIX"),
        ("jxl", b"\0\0\0\x0cJXL \r\n\x87\n", b"\0\0\0\x08abcd"),
        ("svg", b"<svg>", b"<a/>"),
        ("svg", b"<svg a", b" '' "),
        ("svg", b"<!DOCTYPE", b"<"),
        ("mp3", b"ID3\4\0\0\3\x7f\x7f\x7f", b"ABCD\0\0\0\0\0\0"),
        ("flac", b"fLaC", b"\1\0\0\0"),
    ],
)
def test_a_file_of_the_smallest_parts_costs_a_few_reads_of_itself(
    name: str, head: bytes, unit: bytes
) -> None:
    size = 512 * 1024
    stream = _Counting(head + unit * ((size - len(head)) // len(unit)))
    total = len(stream.getvalue())
    limits = Limits(max_segments=10_000)
    try:
        layout = parse_layout(stream, total, FORMATS[name], limits)
    except (MalformedError, LimitError):
        pass
    else:
        assert len(layout.segments) <= limits.max_segments
    # Fixed heads are read for each part, whatever its length.
    assert stream.read_bytes <= 3 * total + limits.max_segments * 5 * 1024
