"""Finding and erasing private properties of an XMP packet, at the size it has.

The packet is not written anew: elements and attributes are cut out of its text, and
spaces before its end make up for them. What stays, stays byte for byte.

Source: XMP part 1 (ISO 16684-1:2019) §7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from provenance.errors import LimitError, MalformedError
from provenance.media.metadata.bounded_xml import parse_xml
from provenance.media.metadata.model import decode_text
from provenance.media.metadata.namespaces import property_name
from provenance.media.privacy.model import Category, Finder
from provenance.media.privacy.rules import category_of, category_of_value, public_name
from provenance.media.ranges import ByteRange, merge

__all__ = ["erase_xmp"]

# The packet is known to be well-formed when this looks at it.
_TOKEN = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|</[^>]*>"
    rb"|<(?P<tag>[^\s/>!?]+)(?P<attributes>(?:[^>\"']|\"[^\"]*\"|'[^']*')*?)(?P<empty>/?)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rb"\s+([^\s=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_MARKUP = re.compile(rb"<[^>]*>")
_SPECIAL = ("rdf:", "{adobe:ns:meta/}", "{http://www.w3.org/XML/1998/namespace}")
_WIDE = (
    *((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")),
    *((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")),
)
_PAD_LINE = 100


def erase_xmp(packet: bytes, finder: Finder) -> bytes:
    """Which private properties does this packet hold, and how is it without them?

    A property is erased with all that is in it, wherever it stands. What comes back has
    the packet's size; where nothing is to be erased, it is the same.
    """
    try:
        parse_xml(packet, what="XMP", limits=finder.limits)
    except (MalformedError, LimitError) as error:
        finder.unreadable(str(error))
        return packet
    encoding = next((code for mark, code in _WIDE if packet.startswith(mark)), None)
    if encoding is None:
        cuts = list(_cuts(packet, finder))
        return _without(packet, cuts, b" ") if cuts else packet
    text = packet.decode(encoding).encode()
    cuts = list(_cuts(text, finder))
    if not cuts:
        return packet
    shorter = _without(text, cuts, b"").decode().encode(encoding)
    end = shorter.rfind("<?xpacket".encode(encoding))
    end = len(shorter) if end < 0 else end
    spaces = " ".encode(encoding) * ((len(packet) - len(shorter)) // 2)
    return shorter[:end] + spaces + shorter[end:]


def _without(packet: bytes, cuts: list[tuple[int, int]], pad: bytes) -> bytes:
    parts, at = [], 0
    # A property may be named by an attribute inside an element that goes as a whole.
    for start, end in merge(ByteRange(*cut) for cut in cuts):
        parts.append(packet[at:start])
        at = end
    shorter = b"".join([*parts, packet[at:]])
    if not pad:
        return shorter
    missing = len(packet) - len(shorter)
    filler = (b" " * (_PAD_LINE - 1) + b"\n") * (missing // _PAD_LINE) + pad * (missing % _PAD_LINE)
    end = shorter.rfind(b"<?xpacket")
    # A packet without a trailer, or one with nothing but its header.
    end = end if end > shorter.rfind(b"</") else len(shorter.rstrip(b"\0"))
    return shorter[:end] + filler + shorter[end:]


def _cuts(  # noqa: C901  # one loop over tags
    text: bytes, finder: Finder
) -> Iterator[tuple[int, int]]:
    """The parts of the text to be taken out, in order."""
    prefixes: list[dict[bytes, str]] = [{}]
    starts: list[tuple[str, int, int]] = []
    skip_depth: int | None = None
    skip_start = 0
    for token in _TOKEN.finditer(text):
        tag = token["tag"]
        if tag is None:
            if not token[0].startswith(b"</") or not starts:
                continue
            name, start, inner = starts.pop()
            prefixes.pop()
            if skip_depth is not None:
                if len(starts) == skip_depth:
                    yield skip_start, token.end()
                    skip_depth = None
            elif _is_private_text(name, text[inner : token.start()], finder):
                yield start, token.end()
            continue
        attributes = list(_ATTRIBUTE.finditer(token["attributes"]))
        scope = _scope(prefixes[-1], attributes)
        name = _name(tag, scope)
        whole = token["empty"] != b"/"
        if skip_depth is None:
            category = category_of(public_name(name))
            if category is not None and finder.found(
                public_name(name), category, _preview(text, token.end(), attributes)
            ):
                if whole:
                    skip_depth, skip_start = len(starts), token.start()
                else:
                    yield token.span()
            else:
                yield from _attribute_cuts(attributes, scope, token, finder)
        if whole:
            starts.append((name, token.start(), token.end()))
            prefixes.append(scope)


def _scope(outer: dict[bytes, str], attributes: list[re.Match[bytes]]) -> dict[bytes, str]:
    own = {
        match[1].removeprefix(b"xmlns").removeprefix(b":"): unescape(
            decode_text(match[2] if match[2] is not None else match[3])
        )
        for match in attributes
        if match[1] == b"xmlns" or match[1].startswith(b"xmlns:")
    }
    return {**outer, **own} if own else outer


def _name(tag: bytes, scope: dict[bytes, str], *, is_attribute: bool = False) -> str:
    prefix, colon, local = tag.rpartition(b":")
    uri = "" if is_attribute and not colon else scope.get(prefix, "")
    return f"xmp:{property_name(uri, decode_text(local))}"


def _attribute_cuts(
    attributes: list[re.Match[bytes]],
    scope: dict[bytes, str],
    token: re.Match[bytes],
    finder: Finder,
) -> Iterator[tuple[int, int]]:
    base = token.start("attributes")
    for match in attributes:
        if match[1] == b"xmlns" or match[1].startswith((b"xmlns:", b"xml:")):
            continue
        name = public_name(_name(match[1], scope, is_attribute=True))
        raw = match[2] if match[2] is not None else match[3]
        value = unescape(decode_text(raw))
        category: Category | None = category_of(name)
        if category is None and not name.removeprefix("xmp:").startswith(_SPECIAL):
            category = category_of_value(value)
        if category is not None and finder.found(name, category, value):
            yield base + match.start(), base + match.end()


def _is_private_text(name: str, content: bytes, finder: Finder) -> bool:
    """Is a simple value private for what it says?"""
    if b"<" in content or name.removeprefix("xmp:").startswith(("rdf:RDF", "rdf:Description")):
        return False
    value = unescape(decode_text(content))
    category = category_of_value(value)
    return category is not None and finder.found(name, category, value)


def _preview(text: bytes, at: int, attributes: list[re.Match[bytes]]) -> str:
    values = b" ".join(m[2] or m[3] or b"" for m in attributes if b"parseType" not in m[1])
    inner = _MARKUP.sub(b" ", text[at : at + 600].partition(b"</rdf:Description")[0])
    return unescape(decode_text(values + b" " + inner))
