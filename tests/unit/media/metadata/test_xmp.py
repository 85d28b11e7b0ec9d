from __future__ import annotations

import time

import pytest

from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.metadata.model import FieldCollector, MetadataReading
from provenance.media.metadata.xmp import add_xmp
from tests.factory.metadata import HOSTILE_TEXTS, NAMESPACES, xmp_packet


def _read(packet: bytes, limits: Limits = DEFAULT_LIMITS) -> MetadataReading:
    out = FieldCollector(limits)
    add_xmp(packet, out, None)
    return out.reading()


def _values(packet: bytes) -> dict[str, str]:
    reading = _read(packet)
    assert not reading.unreadable
    return {field.name: field.value for field in reading.fields}


def test_attributes_and_elements_are_properties() -> None:
    packet = xmp_packet(
        "<xmp:CreateDate>2026-01-31T12:00:00+09:00</xmp:CreateDate>",
        attributes={"photoshop:City": "서울"},
    )
    assert _values(packet) == {
        "xmp:photoshop:City": "서울",
        "xmp:xmp:CreateDate": "2026-01-31T12:00:00+09:00",
    }


def test_lists_are_joined_and_languages_kept_apart() -> None:
    packet = xmp_packet(
        "<dc:creator><rdf:Seq><rdf:li>NOVA9</rdf:li><rdf:li>오로라</rdf:li></rdf:Seq></dc:creator>"
        '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Stage</rdf:li>'
        '<rdf:li xml:lang="ko-KR">무대</rdf:li></rdf:Alt></dc:title>'
    )
    assert _values(packet) == {
        "xmp:dc:creator": "NOVA9; 오로라",
        "xmp:dc:title": "Stage",
        "xmp:dc:title[ko-kr]": "무대",
    }


def test_a_property_is_named_by_its_namespace_not_by_its_prefix() -> None:
    # `dc` is bound to a namespace of the author's own; the real one goes by `x1`.
    packet = xmp_packet(
        "<x1:creator>NOVA9</x1:creator><dc:creator>Nobody</dc:creator>",
        prefixes={"x1": NAMESPACES["dc"], "dc": "https://forger.example/"},
    )
    assert _values(packet) == {
        "xmp:dc:creator": "NOVA9",
        "xmp:{https://forger.example/}creator": "Nobody",
    }


@pytest.mark.parametrize(
    "place",
    [
        '<rdf:li rdf:parseType="Resource"><Iptc4xmpExt:City>서울</Iptc4xmpExt:City></rdf:li>',
        '<rdf:li><rdf:Description Iptc4xmpExt:City="서울"/></rdf:li>',
        '<rdf:li Iptc4xmpExt:City="서울"/>',
    ],
)
def test_structures_are_followed_one_level(place: str) -> None:
    packet = xmp_packet(
        "<Iptc4xmpExt:LocationShown><rdf:Bag>" + place + "</rdf:Bag></Iptc4xmpExt:LocationShown>"
    )
    assert _values(packet) == {"xmp:Iptc4xmpExt:LocationShown/Iptc4xmpExt:City": "서울"}


def test_latitude_and_longitude_become_a_position() -> None:
    packet = xmp_packet(
        attributes={"exif:GPSLatitude": "37,33.99N", "exif:GPSLongitude": "126,58,40.8E"}
    )
    assert _values(packet) == {"xmp:exif:GPSPosition": "37.5665, 126.9780"}


def test_a_resource_is_its_address() -> None:
    source = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    packet = xmp_packet(f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{source}"/>')
    assert _values(packet) == {"xmp:Iptc4xmpExt:DigitalSourceType": source}


def test_technical_properties_are_not_listed() -> None:
    packet = xmp_packet(
        "<xmpMM:History><rdf:Seq><rdf:li>saved</rdf:li></rdf:Seq></xmpMM:History>",
        attributes={"tiff:Orientation": "1", "exif:ColorSpace": "1"},
    )
    assert _values(packet) == {}


@pytest.mark.parametrize("hostile", [t for t in HOSTILE_TEXTS if "\x1b" not in t])
def test_hostile_text_is_a_value_like_any_other(hostile: str) -> None:
    assert _values(xmp_packet(attributes={"photoshop:Credit": hostile})) == {
        "xmp:photoshop:Credit": hostile
    }


def test_utf16_and_padding_are_read() -> None:
    packet = xmp_packet(attributes={"photoshop:Credit": "오로라"}).decode()
    assert _values(packet.encode("utf-16")) == {"xmp:photoshop:Credit": "오로라"}
    assert _values(packet.encode() + b"\0 \n" * 1000) == {"xmp:photoshop:Credit": "오로라"}


_BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><x>&c;</x>'
)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (_BOMB, "XMP: it has a DTD, which is not read"),
        (
            b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
            "XMP: it has a DTD, which is not read",
        ),
        (b"<a>" * 100_000, "XMP: elements more than 32 deep"),
        (b"<a>" + b"<b/>" * 100_000 + b"</a>", "XMP: more than 20000 elements"),
        (b"<a " + b' a=""' * 100_000, "XMP: more than 20000 attributes"),
        (
            b'<a xmlns:x="' + b"u" * 1_000_000 + b'">' + b"<x:b/>" * 10_000 + b"</a>",
            "XMP: a namespace of 300 bytes or more",
        ),
        (b" " * 4_194_305, "XMP: more than 4194304 bytes"),
        (b"", "XMP: not well-formed XML: no element found: line 1, column 0"),
        (b"<a>&undefined;</a>", "XMP: not well-formed XML: undefined entity: line 1, column 3"),
        (b"\xff\xfe<\0\x00\xd8", "XMP: not UTF-16"),
    ],
)
def test_hostile_xml_is_refused_quickly(packet: bytes, reason: str) -> None:
    before = time.process_time()
    reading = _read(packet)
    assert time.process_time() - before < 1
    assert reading.unreadable == (reason,)
    assert reading.fields == ()


def test_more_packets_than_any_file_needs_are_not_parsed() -> None:
    out = FieldCollector(DEFAULT_LIMITS)
    for _ in range(10):
        add_xmp(xmp_packet(attributes={"photoshop:City": "Seoul"}), out, None)
    assert len(out.reading().fields) == 8
    assert out.reading().unreadable == ("there are more than 8 XMP packets",)


def test_more_properties_than_are_read_are_noted() -> None:
    packet = xmp_packet("".join(f"<dc:p{i}>v</dc:p{i}>" for i in range(100)))
    reading = _read(packet, Limits(max_metadata_fields=10))
    assert len(reading.fields) == 40
    assert reading.unreadable == ("XMP: more properties than are read",)


def test_a_long_value_is_cut() -> None:
    (field,) = _read(xmp_packet(attributes={"dc:source": "x" * 50_000})).fields
    assert len(field.value) == 10_000
