"""Parsing XML that a stranger wrote: no DTD, no entities, few elements, not deep."""

from __future__ import annotations

import re
from xml.etree.ElementTree import (  # made by defusedxml, with its checks
    Element,
    ParseError,
    TreeBuilder,
)

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits

__all__ = ["parse_xml"]

_MAX_ELEMENTS = 20_000
_MAX_ATTRIBUTES = 20_000
_MAX_DEPTH = 32
_BLANK = " \t\r\n\0"
_BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_WIDE_STARTS = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
# Every attribute has an equals sign; counted before the parser makes dictionaries of them.
_EQUALS_SIGNS = re.compile(rb"=")
# The parser repeats a namespace's URI with every name in it: a URI of a megabyte and ten
# thousand short elements would be ten gigabytes of names.
_LONG_NAMESPACE = re.compile(rb"xmlns[^=<>\"']{0,100}=\s*(?:\"[^\"]{300}|'[^']{300})")


class _BoundedBuilder(TreeBuilder):
    """A tree builder that gives up early."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._elements_left = _MAX_ELEMENTS
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._elements_left -= 1
        self._depth += 1
        if self._elements_left < 0:
            raise LimitError(f"{self._what}: more than {_MAX_ELEMENTS} elements")
        if self._depth > _MAX_DEPTH:
            raise LimitError(f"{self._what}: elements more than {_MAX_DEPTH} deep")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse_xml(data: bytes, *, what: str, limits: Limits) -> Element:
    """Which elements does this XML text hold?

    UTF-8, or UTF-16 told by its first bytes; the encoding it declares is not asked, since
    that would let a stranger choose among every codec there is.

    Raises:
        MalformedError: Not well-formed, or it has a DTD.
        LimitError: Too large, too many elements or attributes, too deep.
    """
    if len(data) > limits.max_metadata_bytes:
        raise LimitError(f"{what}: more than {limits.max_metadata_bytes} bytes")
    text = _to_utf8(data, what)
    if sum(1 for _ in _EQUALS_SIGNS.finditer(text)) > _MAX_ATTRIBUTES:
        raise LimitError(f"{what}: more than {_MAX_ATTRIBUTES} attributes")
    if _LONG_NAMESPACE.search(text):
        raise LimitError(f"{what}: a namespace of 300 bytes or more")
    parser = DefusedXMLParser(target=_BoundedBuilder(what), encoding="utf-8", forbid_dtd=True)
    try:
        parser.feed(text)
        root = parser.close()
    except DefusedXmlException as error:
        raise MalformedError(f"{what}: it has a DTD, which is not read") from error
    except (ParseError, ValueError) as error:
        raise MalformedError(f"{what}: not well-formed XML: {error}") from error
    if not isinstance(root, Element):
        raise MalformedError(f"{what}: no element")
    return root


def _to_utf8(data: bytes, what: str) -> bytes:
    for mark, encoding in _BYTE_ORDER_MARKS + _WIDE_STARTS:
        if data.startswith(mark):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError as error:
                raise MalformedError(f"{what}: not UTF-16") from error
            return text.lstrip("\ufeff").strip(_BLANK).encode()
    return data.removeprefix(b"\xef\xbb\xbf").strip(_BLANK.encode())
