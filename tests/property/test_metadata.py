"""Whatever bytes a file holds, reading its metadata ends soon and raises nothing."""

from __future__ import annotations

import io
import string
import struct
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.limits import Limits
from provenance.media.formats import FORMATS
from provenance.media.metadata import MetadataReading, RawField, extract_metadata
from provenance.media.metadata.model import MAX_VALUE_CHARS
from provenance.verification.metadata_chain import judge_metadata
from provenance.verification.metadata_values import Likeness, compare, read_moment
from tests.factory import media
from tests.factory.metadata import (
    box,
    exif_block,
    iptc_records,
    itunes_list,
    pdf_with_objects,
    ratios,
    text,
    xmp_packet,
)

_LIMITS = Limits(max_metadata_fields=20, max_segments=2_000)
_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def _rich() -> dict[str, bytes]:
    """Files with as much metadata as they can hold."""
    exif = exif_block(
        {0x013B: text("오로라"), 0x0132: text("2026:01:31 12:00:00")},
        {
            0x9003: text("2026:01:31 12:00:00"),
            0x829A: ratios((1, 125)),
            0x9286: (7, 9, b"ASCII\0\0\0x"),
        },
        {1: text("N"), 2: ratios((37, 1), (33, 1)), 3: text("E"), 4: ratios((126, 1))},
    )
    xmp = xmp_packet(
        '<dc:title><rdf:Alt><rdf:li xml:lang="ko">무대</rdf:li></rdf:Alt></dc:title>',
        attributes={"exif:GPSLatitude": "37,33N", "exif:GPSLongitude": "126,58E"},
    )
    picture = media.scene(1, (32, 32))

    def saved(kind: str) -> bytes:
        out = io.BytesIO()
        picture.save(out, kind, exif=b"Exif\0\0" + exif, xmp=xmp)
        return out.getvalue()

    packet = b"<</Type/Metadata/Length %d>>stream\n%s\nendstream" % (len(xmp), xmp)
    position = box(b"\xa9xyz", struct.pack(">HH", 18, 0), b"+37.5665+126.9780/")
    return {
        "jpeg": media.jpeg(1, exif=exif, xmp=xmp, iptc=iptc_records([(80, "오로라")])),
        "png": media.png(1, exif=exif, xmp=xmp, text=(("Title", "무대"),)),
        "webp": saved("WEBP"),
        "avif": saved("AVIF"),
        "tiff": exif,
        "mp4": box(b"ftyp", b"isom", bytes(4))
        + box(b"moov", box(b"udta", position), itunes_list({b"\xa9nam": "무대"})),
        "pdf": pdf_with_objects(
            {1: b"<</Metadata 3 0 R>>", 2: b"<</Author(\\117 a)/Title<FEFF>>>", 3: packet},
            trailer=b"/Root 1 0 R/Info 2 0 R",
            in_object_stream={4: b"<<>>"},
        ),
        **{kind: media.make(kind) for kind in ("gif", "svg", "mp3", "flac", "wav", "docx", "epub")},
    }


def _check(reading: MetadataReading) -> None:
    assert len(reading.fields) <= 4 * _LIMITS.max_metadata_fields
    for field in reading.fields:
        assert len(field.value) <= MAX_VALUE_CHARS
        assert field.range is None or 0 <= field.range.start <= field.range.end


@_SETTINGS
@given(
    kind=st.sampled_from(sorted(_rich())),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=8),
    cut=st.floats(0.1, 1),
)
def test_mutated_files_are_read_without_raising(
    kind: str, changes: list[tuple[float, bytes]], cut: float
) -> None:
    data = bytearray(_rich()[kind])
    for where, change in changes:
        at = int(where * len(data))
        data[at : at + len(change)] = change
    data = data[: int(len(data) * cut) + 1]
    _check(extract_metadata(io.BytesIO(bytes(data)), FORMATS[kind], None, _LIMITS))


@_SETTINGS
@given(
    kind=st.sampled_from(sorted(FORMATS)),
    data=st.binary(max_size=300),
    head=st.sampled_from(
        [
            b"",
            b"II*\0\x08\0\0\0",
            b"MM\0+\0\x08\0\0",
            b"\xff\xd8\xff\xe1\0\x20Exif\0\0",
            b"%PDF-1.4 /Info 1 0 R 1 0 obj",
        ]
    ),
)
def test_random_bytes_are_read_without_raising(kind: str, data: bytes, head: bytes) -> None:
    _check(extract_metadata(io.BytesIO(head + data), FORMATS[kind], None, _LIMITS))


@_SETTINGS
@given(block=st.binary(max_size=400), order=st.sampled_from([b"II*\0", b"MM\0*", b"II+\0"]))
def test_exif_of_random_directories_is_read_without_raising(block: bytes, order: bytes) -> None:
    data = media.png(1, exif=None)
    body = b"eXIf" + order + block
    chunk = struct.pack(">I", len(body) - 4) + body + bytes(4)
    data = data[:33] + chunk + data[33:]
    _check(extract_metadata(io.BytesIO(data), FORMATS["png"], None, _LIMITS))


_VALUES = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=string.digits + "-:T+Z./, NSEW", max_size=30),
    st.datetimes().map(lambda moment: moment.isoformat()),
)


@_SETTINGS
@given(first=_VALUES, second=_VALUES)
def test_likeness_goes_both_ways_and_a_value_is_like_itself(first: str, second: str) -> None:
    assert compare(first, second) is compare(second, first)
    assert compare(first, first) is Likeness.SAME
    read_moment(first)


@_SETTINGS
@given(fields=st.lists(st.tuples(st.text(max_size=30), st.text(max_size=500)), max_size=30))
def test_without_credentials_nothing_is_ever_signed(fields: list[tuple[str, str]]) -> None:
    reading = MetadataReading(
        fields=tuple(
            RawField(name=name, value=value, source="xmp", range=None) for name, value in fields
        )
    )
    verdict = judge_metadata(reading, manifest=None, covered=True, uncovered=(), limits=_LIMITS)
    assert len(verdict.fields) <= _LIMITS.max_metadata_fields
    assert all(field.state == "unsigned" for field in verdict.fields)
    assert all(len(field.value) <= _LIMITS.max_text_chars for field in verdict.fields)
    assert verdict.vouched == ()
