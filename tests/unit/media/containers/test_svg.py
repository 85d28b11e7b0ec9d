from __future__ import annotations

import base64
import io

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import extract_manifest
from provenance.media.containers.svg import parse_layout
from provenance.media.layout import Layout, SegmentKind
from tests.factory import media

_STORE = bytes(range(256))
_TEXT = base64.b64encode(_STORE)
_ELEMENT = b"<c2pa:manifest>" + _TEXT + b"</c2pa:manifest>"


def _layout(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def _svg(inside: bytes) -> bytes:
    return b'<?xml version="1.0"?><svg xmlns="a">' + inside + b"<rect/></svg>\n"


def _extract(data: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes:
    return extract_manifest(io.BytesIO(data), _layout(data, limits), limits)


def test_the_payload_is_base64_text_and_is_decoded_when_extracted() -> None:
    data = _svg(b"<metadata>" + _ELEMENT + b"</metadata>")
    layout = _layout(data)
    assert data[layout.manifest[0].start : layout.manifest[0].end] == _ELEMENT
    (payload,) = layout.manifest_payload
    assert data[payload.start : payload.end] == _TEXT
    assert _extract(data) == _STORE
    assert [part.label for part in layout.segments] == [
        "prolog",
        "svg",
        "c2pa:manifest",
        "svg",
        "white space",
    ]
    assert layout.problems == ()


@pytest.mark.parametrize(
    "inside",
    [
        _ELEMENT,
        b"<g><metadata>" + _ELEMENT + b"</metadata></g>",
        b"<metadata><g>" + _ELEMENT + b"</g></metadata>",
        b"<!--<metadata>" + _ELEMENT + b"</metadata>-->",
        b"<metadata><![CDATA[" + _ELEMENT + b"]]></metadata>",
        b"<metadata/>" + _ELEMENT,
        b"<rect a='<metadata>' b=\"" + _ELEMENT + b'"/>',
    ],
)
def test_an_element_in_another_place_is_no_manifest(inside: bytes) -> None:
    assert _layout(_svg(inside)).manifest == ()


def test_two_manifest_elements_are_a_problem() -> None:
    data = _svg(b"<metadata>" + _ELEMENT + b"</metadata><metadata>" + _ELEMENT + b"</metadata>")
    assert _layout(data).problems == ("more than one C2PA manifest store",)
    with pytest.raises(MalformedError, match="more than one C2PA manifest store"):
        _extract(data)


def test_a_manifest_cut_by_a_comment_is_noted() -> None:
    element = b"<c2pa:manifest>" + _TEXT[:80] + b"<!-- -->" + _TEXT[80:] + b"</c2pa:manifest>"
    layout = _layout(_svg(b"<metadata>" + element + b"</metadata>"))
    assert layout.problems == ("the manifest element holds more than one text",)


def test_text_that_is_not_base64_is_refused() -> None:
    data = _svg(b"<metadata><c2pa:manifest>&lt;</c2pa:manifest></metadata>")
    with pytest.raises(MalformedError, match="the manifest is not base64"):
        _extract(data)


def test_an_xmp_packet_is_told_apart_and_never_hides_the_manifest() -> None:
    packet = b"<?xpacket begin='' id='W5M0'?><x:xmpmeta/><?xpacket end='w'?>"
    layout = _layout(_svg(b"<metadata>" + packet + _ELEMENT + b"</metadata>"))
    assert [part.kind for part in layout.segments][2:4] == [SegmentKind.XMP, SegmentKind.MANIFEST]
    wrapped = packet.replace(b"<x:xmpmeta/>", _ELEMENT)
    assert len(_layout(_svg(b"<metadata>" + wrapped + b"</metadata>")).manifest) == 1


def test_entities_are_never_expanded() -> None:
    entities = b'<!ENTITY a "' + b"b" * 100 + b'"><!ENTITY c "&a;&a;">'
    data = b"<!DOCTYPE svg [" + entities + b"]><svg>&c;<metadata>" + _ELEMENT
    data += b"</metadata></svg>"
    assert _extract(data) == _STORE


def test_what_follows_the_root_is_a_trailer() -> None:
    data = media.make("svg").rstrip()
    layout = _layout(data + b"<script/>")
    assert layout.media_end == len(data)
    assert layout.segments[-1].kind is SegmentKind.TRAILER


def test_offsets_in_utf_16_are_those_of_the_file() -> None:
    text = "<svg>ü🎤<metadata>" + _ELEMENT.decode() + "</metadata></svg>"
    data = text.encode("utf-16")
    (whole,) = _layout(data).manifest
    assert data[whole.start : whole.end].decode("utf-16-le") == _ELEMENT.decode()


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_file_is_noted_or_no_svg(tenth: int) -> None:
    data = _svg(b"<metadata>" + _ELEMENT + b"</metadata>")
    data = data[: len(data) * tenth // 10]
    layout = _layout(data)
    assert layout.media_end == len(data)
    assert layout.problems[0].startswith("SVG: ")
    assert bool(layout.manifest) is (b"<c2pa:manifest>" in data)


@pytest.mark.parametrize(
    "data",
    [b"", b"<html></html>", b"text<svg/>", b"<!-- ", b"<a", b"</svg>", b"<!DOCTYPE" + b"<" * 100],
)
def test_what_is_no_svg_raises(data: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^SVG: "):
        _layout(data)


@pytest.mark.parametrize("unit", [b"<a>", b"<a/>", b"<!---->", b"<?a?>"])
def test_more_tags_than_allowed_are_refused(unit: bytes) -> None:
    with pytest.raises(LimitError, match="too many tags"):
        _layout(b"<svg>" + unit * 10_000, Limits(max_segments=1000))


def test_a_text_or_a_store_larger_than_allowed_is_refused() -> None:
    data = _svg(b"<metadata>" + _ELEMENT + b"</metadata>")
    with pytest.raises(LimitError, match="SVG: expected at most 200 bytes"):
        _layout(data, Limits(max_manifest_store_bytes=100))
    limits = Limits(max_manifest_store_bytes=250)
    with pytest.raises(LimitError, match="manifest store: expected at most 250 bytes"):
        _extract(data, limits)
