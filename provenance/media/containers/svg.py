"""The layout of an SVG file: where its manifest element and its XMP packet lie."""

from __future__ import annotations

import base64
import binascii
import re
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import MULTIPLE_STORES, PartCollector, read_at
from provenance.media.layout import Layout, SegmentKind

__all__ = ["MANIFEST_LABEL", "decode_manifest", "doctype_end", "parse_layout", "to_single_bytes"]

MANIFEST_LABEL = "c2pa:manifest"
"""Label of the segments whose payload is base64 text."""

_TAGS_PER_SEGMENT = 4
_MAX_DOCTYPE_BYTES = 64 * 1024
# Possessive, so that a tag that never closes is refused in one pass.
_START_TAG = re.compile(rb"<([^\s/>\"'<]++)(?:[^>\"'<]++|\"[^\"]*+\"|'[^']*+')*+>")
_ANGLE = re.compile(rb"[<>]")
_BLANK = b" \t\r\n"
_PATH = (b"svg", b"metadata", b"c2pa:manifest")


def parse_layout(  # noqa: C901  # places what one walk found
    stream: BinaryIO, size_bytes: int, limits: Limits
) -> Layout:
    """Where in this SVG do its manifest and its XMP packet lie?

    The text is cut by markup only: entities are never expanded and nothing is
    decoded. The manifest is the element `c2pa:manifest` inside `metadata` inside the
    root `svg`, names taken literally as the C2PA engine takes them. **Its payload
    ranges are base64 text**, see `decode_manifest`. Text after the root element is
    the trailer. In UTF-16 offsets are those of the file's bytes; the engine reads no
    UTF-16, so such a file holds no manifest for it.

    Spec: C2PA 2.2 A.3.7 (SVG).

    Raises:
        MalformedError: The markup cannot be followed, or its root is not `svg`.
        LimitError: More than four times `max_segments` tags, a text more than twice as
            large as the largest manifest store, or too large a manifest store.
    """
    longest = 2 * limits.max_manifest_store_bytes
    if size_bytes > longest:
        raise LimitError(f"SVG: expected at most {longest} bytes, got {size_bytes}")
    text, offset, width = to_single_bytes(read_at(stream, 0, size_bytes))
    parts = PartCollector(size_bytes, limits)
    walk = _Walk(text, limits.max_segments * _TAGS_PER_SEGMENT)
    try:
        walk.run()
    except MalformedError as error:
        # Without a root it is no SVG at all; one that breaks off is still one.
        if walk.root_start is None:
            raise
        parts.problem(str(error))
        walk.break_off()
    if walk.root_start is None or walk.root_end is None:
        raise MalformedError("SVG: expected a root element svg")

    def place(index: int) -> int:
        return offset + width * index

    parts.add(0, place(walk.root_start), SegmentKind.STRUCTURE, "prolog")
    at = walk.root_start
    for start, end, kind, label in sorted(walk.found):
        if start < at:
            continue
        parts.add(place(at), place(start), SegmentKind.CONTENT, "svg")
        whole = parts.add(place(start), place(end), kind, label)
        if kind is SegmentKind.MANIFEST:
            parts.add_manifest(whole)
        at = end
    for start, end in walk.payload:
        parts.add_payload(place(start), place(end))
    if walk.stores > 1:
        parts.problem(MULTIPLE_STORES)
    if walk.payload_texts > walk.stores:
        parts.problem("the manifest element holds more than one text")
    parts.add(place(at), place(walk.root_end), SegmentKind.CONTENT, "svg")
    rest = text[walk.root_end :]
    if not rest.strip(_BLANK):
        parts.add(place(walk.root_end), size_bytes, SegmentKind.PADDING, "white space")
        return parts.finish(size_bytes)
    return parts.finish(place(walk.root_end))


def decode_manifest(text: bytes, limits: Limits) -> bytes:
    """Which manifest store does this base64 text hold?

    White space is skipped, everything else must be base64.

    Raises:
        MalformedError: It is not base64.
        LimitError: It decodes to more than `max_manifest_store_bytes`.
    """
    packed = b"".join(text.split())
    if len(packed) // 4 * 3 > limits.max_manifest_store_bytes + 3:
        raise LimitError(
            f"manifest store: expected at most {limits.max_manifest_store_bytes} bytes"
        )
    try:
        return base64.b64decode(packed, validate=True)
    except binascii.Error as error:
        raise MalformedError(f"SVG: the manifest is not base64: {error}") from error


def to_single_bytes(data: bytes) -> tuple[bytes, int, int]:
    """How does this XML read with one byte for each code unit?

    Gives the text, the offset of its first code unit and the width of one in bytes.
    UTF-8 stays as it is; in UTF-16 everything outside Latin-1 becomes a question mark,
    since no markup lies there.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:], 3, 1
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            body = data[2 : len(data) & ~1]
            text = body.decode(encoding, "surrogatepass")
            text = re.sub("[\U00010000-\U0010ffff]", "??", text)
            return text.encode("latin-1", "replace"), 2, 2
    return data, 0, 1


def doctype_end(text: bytes, start: int) -> int | None:
    """Where does the declaration `<!DOCTYPE` that starts here end?

    Its internal subset is skipped by counting angle brackets, never read. None where
    it does not end within 64 KiB.
    """
    depth = 0
    for match in _ANGLE.finditer(text, start, start + _MAX_DOCTYPE_BYTES):
        depth += 1 if match.group() == b"<" else -1
        if depth == 0:
            return match.end()
    return None


class _Walk:
    """One pass over the markup of an SVG."""

    def __init__(self, text: bytes, max_tags: int) -> None:
        self._text = text
        self._tags_left = max_tags
        # How many elements are open, and how many of them are the path to the manifest.
        self._depth = 0
        self._on_path = 0
        self._manifest_start = -1
        self._xmp_start: int | None = None
        self.root_start: int | None = None
        self.root_end: int | None = None
        self.stores = 0
        self.payload_texts = 0
        self.payload: list[tuple[int, int]] = []
        self.found: list[tuple[int, int, SegmentKind, str]] = []

    def run(self) -> None:
        """Follow the markup to the end of the root element."""
        text, at = self._text, 0
        while self.root_end is None:
            mark = text.find(b"<", at)
            if mark < 0:
                raise MalformedError("SVG: the root element does not end")
            if self.root_start is None and text[at:mark].strip(_BLANK):
                raise MalformedError("SVG: text before the root element")
            if self._on_path == 3 and self._depth == 3 and text[at:mark].strip(_BLANK):
                self.payload.append((at, mark))
                self.payload_texts += 1
            at = self._markup(mark)

    def break_off(self) -> None:
        """Let the root element, and a manifest left open in it, end with the text."""
        self.root_end = len(self._text)
        if self._on_path == 3:
            self.stores += 1
            self.found.append(
                (self._manifest_start, self.root_end, SegmentKind.MANIFEST, MANIFEST_LABEL)
            )

    def _markup(self, mark: int) -> int:
        text = self._text
        self._tags_left -= 1
        if self._tags_left < 0:
            raise LimitError("SVG: too many tags")
        following = text[mark + 1 : mark + 2]
        if following == b"!":
            return self._declaration(mark)
        if following == b"?":
            end = _after(text, b"?>", mark + 2)
            self._instruction(mark, end)
            return end
        if following == b"/":
            end = _after(text, b">", mark)
            self._close(end)
            return end
        match = _START_TAG.match(text, mark)
        if not match:
            raise MalformedError("SVG: a tag does not end")
        self._open(match.group(1), mark)
        if text[match.end() - 2 : match.end()] == b"/>":
            self._close(match.end())
        return match.end()

    def _declaration(self, mark: int) -> int:
        text = self._text
        if text.startswith(b"<!--", mark):
            return _after(text, b"-->", mark + 4)
        if text.startswith(b"<![CDATA[", mark) and self._depth:
            return _after(text, b"]]>", mark + 9)
        if self.root_start is None and text[mark + 2 : mark + 9].upper() == b"DOCTYPE":
            end = doctype_end(text, mark)
            if end is not None:
                return end
        raise MalformedError("SVG: a declaration that does not belong there or does not end")

    def _instruction(self, mark: int, end: int) -> None:
        if not self._text.startswith(b"<?xpacket", mark):
            return
        if self._xmp_start is None:
            self._xmp_start = mark
        else:
            self.found.append((self._xmp_start, end, SegmentKind.XMP, "xpacket"))
            self._xmp_start = None

    def _open(self, name: bytes, mark: int) -> None:
        if self.root_start is None:
            if name.rpartition(b":")[2] != b"svg":
                raise MalformedError("SVG: expected a root element svg")
            self.root_start = mark
        if self._on_path == self._depth < 3 and name == _PATH[self._depth]:
            self._on_path += 1
            if self._on_path == 3:
                self._manifest_start = mark
        self._depth += 1

    def _close(self, end: int) -> None:
        self._depth -= 1
        if self._depth < 0:
            raise MalformedError("SVG: an end tag without its start tag")
        if self._depth < self._on_path:
            self._on_path -= 1
            if self._on_path == 2:
                self.stores += 1
                label, kind = MANIFEST_LABEL, SegmentKind.MANIFEST
                self.found.append((self._manifest_start, end, kind, label))
                # A packet that wraps the manifest would hide it.
                self._xmp_start = None
        if self._depth == 0:
            self.root_end = end


def _after(text: bytes, closing: bytes, start: int) -> int:
    end = text.find(closing, start)
    if end < 0:
        raise MalformedError("SVG: a comment, section or tag does not end")
    return end + len(closing)
