"""Reading XMP packets: the properties of one RDF description, flattened to names and text.

Source: XMP part 1 (ISO 16684-1:2019) §7; part 3 for extended XMP in JPEG.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from provenance.errors import LimitError, MalformedError
from provenance.media.metadata.bounded_xml import parse_xml
from provenance.media.metadata.model import FieldCollector
from provenance.media.metadata.namespaces import is_technical, qualified_name
from provenance.media.metadata.positions import POSITION_NAME, coordinate, position_text
from provenance.media.ranges import ByteRange

__all__ = ["add_xmp"]

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XML_NAMESPACE = "{http://www.w3.org/XML/1998/namespace}"
_LANGUAGE = f"{_XML_NAMESPACE}lang"
_DEFAULT_LANGUAGE = "x-default"
_ARRAYS = frozenset(f"{_RDF}{name}" for name in ("Alt", "Seq", "Bag"))
_LATITUDE, _LONGITUDE = "exif:GPSLatitude", "exif:GPSLongitude"


def add_xmp(packet: bytes, out: FieldCollector, where: ByteRange | None) -> None:
    """Which properties does this XMP packet hold?

    A property is named `xmp:` and its namespace's usual prefix, whatever prefix the
    packet gives it. Lists are joined; of a text in several languages the default one
    has the plain name and another the name with its language, `xmp:dc:title[ko]`.
    Structures are followed one level, `xmp:Iptc4xmpExt:LocationShown/Iptc4xmpExt:City`.
    """
    if not out.may_parse_packet():
        return
    try:
        root = parse_xml(packet, what="XMP", limits=out.limits)
    except (MalformedError, LimitError) as error:
        out.unreadable(str(error))
        return
    found: dict[str, str] = {}
    for description in _descriptions(root):
        for name, value in _properties(description):
            # Descriptions may repeat a property; the first one counts, as for most readers.
            found.setdefault(name, value)
    _join_position(found)
    for name, value in found.items():
        if out.is_full:
            out.unreadable("XMP: more properties than are read")
            return
        out.add(f"xmp:{name}", value, "xmp", where)


def _descriptions(root: Element) -> Iterator[Element]:
    rdf = root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")
    if rdf is not None:
        yield from rdf.iterfind(f"{_RDF}Description")


def _properties(description: Element) -> Iterator[tuple[str, str]]:
    """Which names and values do the attributes and children of a description give?"""
    for tag, value in description.attrib.items():
        if _is_property(tag):
            yield qualified_name(tag), value
    for child in description:
        name = qualified_name(child.tag)
        if is_technical(name):
            continue
        yield from _values(name, child)


def _is_property(tag: str) -> bool:
    return not tag.startswith((_RDF, _XML_NAMESPACE)) and not is_technical(qualified_name(tag))


def _values(name: str, element: Element) -> Iterator[tuple[str, str]]:
    array = next((child for child in element if child.tag in _ARRAYS), None)
    if array is None:
        yield from _one_value(name, element)
        return
    items = list(array.iterfind(f"{_RDF}li"))
    if array.tag == f"{_RDF}Alt":
        yield from _alternatives(name, items)
        return
    plain = [text for item in items if (text := _text(item))]
    if plain:
        yield name, "; ".join(plain)
    fields: dict[str, list[str]] = {}
    for item in items:
        for field, value in _structure(item):
            fields.setdefault(field, []).append(value)
    for field, values in fields.items():
        yield f"{name}/{field}", "; ".join(values)


def _alternatives(name: str, items: list[Element]) -> Iterator[tuple[str, str]]:
    by_language: dict[str, str] = {}
    for item in items:
        by_language.setdefault(item.get(_LANGUAGE, _DEFAULT_LANGUAGE), _text(item))
    default = by_language.pop(_DEFAULT_LANGUAGE, None)
    if default is None and len(by_language) == 1:
        default = by_language.popitem()[1]
    if default is not None:
        yield name, default
    for language, text in by_language.items():
        if text != default:
            yield f"{name}[{language.lower()}]", text


def _one_value(name: str, element: Element) -> Iterator[tuple[str, str]]:
    text = _text(element)
    if text:
        yield name, text
    for field, value in _structure(element):
        yield f"{name}/{field}", value


def _text(element: Element) -> str:
    """The simple value of a property or list item: its text or the URI it refers to."""
    inner = element.find(f"{_RDF}Description/{_RDF}value")
    text = element.text if inner is None else inner.text
    return (text or "").strip() or element.get(f"{_RDF}resource", "")


def _structure(element: Element) -> Iterator[tuple[str, str]]:
    """The fields of a structure, in each of the ways RDF has to write one."""
    inner = element.find(f"{_RDF}Description")
    for holder in (element,) if inner is None else (element, inner):
        for tag, value in holder.attrib.items():
            if _is_property(tag):
                yield qualified_name(tag), value
        for child in holder:
            if child.tag.startswith(_RDF) or is_technical(qualified_name(child.tag)):
                continue
            text = _text(child) or "; ".join(
                item_text for item in child.iterfind(f"*/{_RDF}li") if (item_text := _text(item))
            )
            if text:
                yield qualified_name(child.tag), text


def _join_position(found: dict[str, str]) -> None:
    """Make one position of latitude and longitude, where both can be read."""
    for prefix in {name.removesuffix(_LATITUDE) for name in found if name.endswith(_LATITUDE)}:
        latitude = coordinate(found[prefix + _LATITUDE])
        longitude = coordinate(found.get(prefix + _LONGITUDE, ""))
        if latitude is None or longitude is None:
            continue
        position = position_text(latitude, longitude)
        if position is not None:
            del found[prefix + _LATITUDE], found[prefix + _LONGITUDE]
            found[prefix + POSITION_NAME] = position
