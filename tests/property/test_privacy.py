"""Whatever bytes a file holds, looking for private metadata raises only what it says."""

from __future__ import annotations

import io
import zipfile
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.errors import LimitError, MalformedError, PrivateDataError
from provenance.limits import Limits
from provenance.media.formats import FORMATS
from provenance.media.privacy import clean_copy, find_private
from tests.factory import media
from tests.factory.metadata import exif_block, iptc_records, ratios, text, xmp_packet
from tests.fuzz.seeds import nesting_samples

_nesting = nesting_samples().values
_KINDS = (
    *("jpeg", "png", "webp", "mp4", "mov", "m4a", "mp3", "flac", "wav", "heic", "avi"),
    *("epub", "docx", "pdf", "svg"),
)
_LIMITS = Limits(max_metadata_fields=20, max_segments=2_000)


@cache
def _rich() -> dict[str, bytes]:
    exif = exif_block(
        {0x013C: text("host")},
        {0xA431: text("SERIAL77"), 0x927C: (7, 20, b"m" * 20)},
        {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))},
    )
    xmp = xmp_packet(
        "<xmpMM:History><rdf:Seq><rdf:li>x</rdf:li></rdf:Seq></xmpMM:History>",
        attributes={"exif:GPSLatitude": "37,33N", "exif:GPSLongitude": "126,58E"},
    )
    return {
        "jpeg": media.jpeg(1, exif=exif, xmp=xmp, iptc=iptc_records([(118, "x@aurora.example")])),
        "png": media.png(1, exif=exif, xmp=xmp, text=(("parameters", "Steps: 2"),)),
        **{k: media.make(k) for k in ("webp", "mp4", "mov", "m4a", "flac", "heic", "avi", "epub")},
        **nesting_samples(),
    }


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(_KINDS),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=8),
    cut=st.floats(0.1, 1),
)
def test_mutated_files_are_cleaned_or_refused(
    kind: str, changes: list[tuple[float, bytes]], cut: float
) -> None:
    data = bytearray(_rich()[kind])
    for where, change in changes:
        at = int(where * len(data))
        data[at : at + len(change)] = change
    _clean_or_refuse(kind, bytes(data[: int(len(data) * cut) + 1]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["zip", "docx", "epub", "odt"]),
    members=st.dictionaries(
        st.sampled_from(["docProps/core.xml", "meta.xml", "content.opf", "a.rels", "a", "b/"])
        | st.text(
            st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=20
        ),
        st.sampled_from(list(_nesting())) | st.binary(max_size=200),
        max_size=4,
    ),
    deflate=st.booleans(),
    small=st.booleans(),
)
def test_archives_of_anything_are_cleaned_or_refused(
    kind: str, members: dict[str, bytes], *, deflate: bool, small: bool
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflate else 0) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    limits = Limits(max_inside_files=2, max_inside_bytes=300) if small else _LIMITS
    _clean_or_refuse(kind, out.getvalue(), limits)


def _clean_or_refuse(kind: str, hostile: bytes, limits: Limits = _LIMITS) -> None:
    find_private(io.BytesIO(hostile), FORMATS[kind], None, limits)
    out = io.BytesIO()
    try:
        clean_copy(io.BytesIO(hostile), out, FORMATS[kind], limits=limits)
    except (MalformedError, LimitError, PrivateDataError):
        return
    left = find_private(out, FORMATS[kind], None, limits)
    assert (left.fields, left.unreadable) == ((), ())
