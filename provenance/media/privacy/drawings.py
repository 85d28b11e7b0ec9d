"""Finding private metadata in the markup of an SVG, and how its attributes are erased.

A drawing may be far larger than what is parsed as XML here, so its tags are read one after
the other, as the layout does, and no tree is made.

Source: SVG 1.1 §5 and §21; what Inkscape and Illustrator add.
"""

from __future__ import annotations

import base64
import re
from html import unescape
from itertools import islice
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from provenance.media.containers.collector import read_at
from provenance.media.containers.svg import to_single_bytes
from provenance.media.layout import Layout, SegmentKind
from provenance.media.metadata.model import decode_text
from provenance.media.metadata.namespaces import property_name
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.rules import category_of, category_of_value

__all__ = ["svg_edits"]

# Possessive, so that a tag that never closes is refused in one pass.
_START_TAG = re.compile(rb"<([^\s/>\"'<]++)((?:[^>\"'<]++|\"[^\"]*+\"|'[^']*+')*+)>")
# Where a run of spaces begins, so that a long one is not tried from each of its places.
_ATTRIBUTE = re.compile(rb"(?<!\s)\s++([^\s=\"'>/]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_DATA = re.compile(rb"data:[\w.+\-]{1,60}/[\w.+\-]{1,90}((?:;[\w=.+\-]{1,90}){0,4}+),")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*+")
_QUOTED = re.compile(rb"[^\"'<>()]*+")
_ENDS = frozenset((b'"', b"'", b")", b"<", b""))
# No value is private without one of these, and drawings have a million of them.
_SUSPECT = re.compile(rb"/home/|/Users/|file:|:\\|:&#|[Pp]rompt|Steps:|&#")
_TEXTS = frozenset((b"metadata", b"desc", b"title", b"style", b"script"))
_MAX_NAMES = 20_000
_MAX_ATTRIBUTES = 2_000_000


def svg_edits(stream: BinaryIO, layout: Layout, finder: Finder) -> list[Edit]:
    """Which private attributes, elements and pictures has this SVG; which attributes go?

    XMP and credentials are left to those who read them.
    """
    text, offset, width = to_single_bytes(read_at(stream, 0, layout.size_bytes))
    blank = bytearray(text)
    for part in layout.segments:
        if part.kind in {SegmentKind.XMP, SegmentKind.MANIFEST}:
            start, end = (part.start - offset) // width, (part.end - offset) // width
            blank[start:end] = b" " * (end - start)
    reader = _Reader(bytes(blank), finder, is_plain=width == 1)
    reader.read()
    return [Edit(offset + start, offset + end, b"") for start, end in reader.cuts]


class _Reader:
    """One pass over the tags, and one over the pictures written into them."""

    def __init__(self, text: bytes, finder: Finder, *, is_plain: bool) -> None:
        self._text = text
        self._finder = finder
        # Letters outside Latin-1 are lost in UTF-16, which no engine signs either.
        self._is_plain = is_plain
        self._uris: dict[bytes, str] = {}
        self._known: dict[bytes, tuple[str, Category | None]] = {}
        self._described = 0
        self._attributes_left = _MAX_ATTRIBUTES
        self._is_spent = False
        self.cuts: list[tuple[int, int]] = []

    def read(self) -> None:
        text, at = self._text, 0
        while (mark := text.find(b"<", at)) >= 0:
            if self._described:
                self._look_at_text(text[at:mark])
            end = self._markup(mark)
            if end is None or len(self._known) > _MAX_NAMES or self._attributes_left < 0:
                self._finder.unreadable("SVG: its markup cannot be followed to the end")
                break
            if self._is_spent or self._finder.budget.attributes_left < 0:
                self._finder.unreadable("SVG: more markup than is looked into, of all drawings")
                break
            at = end
        self._look_at_pictures()

    def _markup(self, mark: int) -> int | None:
        text = self._text
        for opening, closing in ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")):
            if text.startswith(opening, mark):
                end = text.find(closing, mark + len(opening))
                if end < 0:
                    return None
                if opening != b"<![CDATA[" or self._described:
                    self._look_at_text(text[mark:end])
                return end + len(closing)
        if text.startswith((b"</", b"<!"), mark):
            end = text.find(b">", mark)
            name = text[mark + 2 : end].strip().rpartition(b":")[2]
            if text[mark + 1 : mark + 2] == b"/" and name in _TEXTS:
                self._described = max(0, self._described - 1)
            return end + 1 if end >= 0 else None
        tag = _START_TAG.match(text, mark)
        if tag is None:
            return None
        self._look_at_tag(tag)
        return tag.end()

    def _look_at_tag(self, tag: re.Match[bytes]) -> None:
        every = _ATTRIBUTE.finditer(self._text, tag.start(2), tag.end(2))
        attributes = list(islice(every, self._attributes_left + 1))
        self._attributes_left -= len(attributes)
        self._finder.budget.attributes_left -= len(attributes)
        for found in attributes:
            if found[1].startswith(b"xmlns:"):
                uri = found[2] if found[2] is not None else found[3]
                self._uris[found[1][6:]] = unescape(decode_text(uri[:300]))
        name, category = self._named(tag[1])
        if category is not None:
            self._finder.found(name, category, "an element", removable=False)
        for found in attributes:
            if not found[1].startswith(b"xmlns"):
                self._look_at_attribute(found)
        if tag[1].rpartition(b":")[2] in _TEXTS and not tag[2].endswith(b"/"):
            self._described += 1

    def _look_at_attribute(self, found: re.Match[bytes]) -> None:
        raw = found[2] if found[2] is not None else found[3]
        name, category = self._named(found[1])
        if category is None and _SUSPECT.search(raw):
            category = category_of_value(unescape(decode_text(raw)))
        if category is not None and raw.strip():
            value = unescape(decode_text(raw[:1000]))
            if self._finder.found(name, category, value, removable=self._is_plain):
                self.cuts.append(found.span())

    def _look_at_text(self, raw: bytes) -> None:
        if _SUSPECT.search(raw):
            value = unescape(decode_text(raw))
            category = category_of_value(value)
            if category is not None:
                self._finder.found("svg:text", category, value, removable=False)

    def _named(self, tag: bytes) -> tuple[str, Category | None]:
        """How is this element or attribute called, and is it private whatever it says?"""
        key = tag[:200]
        if len(self._known) > _MAX_NAMES:
            return "svg:", None
        if key not in self._known:
            prefix, colon, local = key.rpartition(b":")
            uri = self._uris.get(prefix, decode_text(prefix)) if colon else ""
            name = property_name(uri, decode_text(local))
            self._known[key] = (f"svg:{name}", self._category(name))
        return self._known[key]

    def _category(self, name: str) -> Category | None:
        judged = self._finder.budget.names
        if name not in judged:
            if len(judged) >= self._finder.limits.max_inside_names:
                self._is_spent = True
                return None
            # What an XMP packet may not say, an SVG may not say without one.
            judged[name] = category_of(f"svg:{name}") or category_of(f"xmp:{name}")
        return judged[name]

    def _look_at_pictures(self) -> None:
        """Have every file that stands in a `data:` address searched."""
        for number, found in enumerate(_DATA.finditer(self._text)):
            if number > self._finder.limits.max_inside_files:
                self._finder.unreadable("SVG: more pictures than are looked into")
                return
            is_packed = found[1].lower().endswith(b";base64")
            body = (_BASE64 if is_packed else _QUOTED).match(self._text, found.end())
            raw = b"" if body is None else body[0]
            end = found.end() + len(raw)
            try:
                data = base64.b64decode(raw) if is_packed else unquote_to_bytes(raw)
            except ValueError:
                self._finder.unreadable("SVG: a picture that is not base64")
                continue
            if self._text[end : end + 1] not in _ENDS:
                self._finder.unreadable("SVG: a picture that is not plain base64")
            self._finder.look_inside("inside:data", data)
