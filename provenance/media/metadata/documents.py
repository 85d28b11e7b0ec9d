"""Reading the properties of documents that are ZIP archives: Office, OpenDocument, EPUB.

Sources: ECMA-376 part 2 §8 (core properties); OpenDocument 1.3 part 2 §4.3; EPUB 3.3 §5.5.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO
from xml.etree.ElementTree import Element

from provenance.errors import LimitError, MalformedError
from provenance.media.containers.collector import read_at
from provenance.media.containers.zip_directory import DirectoryEntry, read_directory
from provenance.media.metadata.bounded_xml import parse_xml
from provenance.media.metadata.model import FieldCollector
from provenance.media.metadata.namespaces import qualified_name
from provenance.media.ranges import ByteRange

__all__ = ["add_document_properties"]

_EPUB_CONTAINER = "META-INF/container.xml"
# Where the properties of the other formats stand, and in which element.
_PLACES = (("docProps/core.xml", ""), ("meta.xml", "{*}meta"))
_ROOT_FILE = "{*}rootfiles/{*}rootfile"


def add_document_properties(stream: BinaryIO, size_bytes: int, out: FieldCollector) -> None:
    """Which properties does this document give of itself?

    Names are those of the properties, `container:dc:creator`, `container:dcterms:created`.
    """
    try:
        entries = {e.text: e for e in read_directory(stream, size_bytes, out.limits).entries}
        for name, holder in _PLACES:
            if name in entries:
                root, where = _xml(stream, entries[name], out)
                _add_children(root.find(holder) if holder else root, out, where)
        if _EPUB_CONTAINER in entries:
            root, _ = _xml(stream, entries[_EPUB_CONTAINER], out)
            package = root.find(_ROOT_FILE)
            path = "" if package is None else package.get("full-path", "")
            if path in entries:
                root, where = _xml(stream, entries[path], out)
                _add_children(root.find("{*}metadata"), out, where)
    except (MalformedError, LimitError) as error:
        out.unreadable(f"document properties: {error}")


def _xml(stream: BinaryIO, entry: DirectoryEntry, out: FieldCollector) -> tuple[Element, ByteRange]:
    what = f"entry {entry.text[:80]!r}"
    largest = out.limits.max_metadata_bytes
    head = read_at(stream, entry.local_start, 30) if entry.local_start >= 0 else b""
    if len(head) < 30:
        raise MalformedError(f"{what} has no local header")
    names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    start = entry.local_start + 30 + names
    if max(entry.compressed_bytes, entry.content_bytes) > largest:
        raise LimitError(f"{what}: more than {largest} bytes")
    if entry.flags & 1:
        raise MalformedError(f"{what} is encrypted")
    data = read_at(stream, start, entry.compressed_bytes)
    if entry.method == 8:
        data = _inflate(data, largest, what)
    elif entry.method != 0:
        raise MalformedError(f"{what}: compression method {entry.method} is not read")
    end = start + entry.compressed_bytes
    return parse_xml(data, what=what, limits=out.limits), ByteRange(entry.local_start, end)


def _inflate(data: bytes, largest: int, what: str) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        content = inflater.decompress(data, largest)
    except zlib.error as error:
        raise MalformedError(f"{what} cannot be inflated: {error}") from error
    if inflater.unconsumed_tail:
        raise LimitError(f"{what}: more than {largest} bytes")
    return content


def _add_children(holder: Element | None, out: FieldCollector, where: ByteRange) -> None:
    found: dict[str, list[str]] = {}
    for child in () if holder is None else holder:
        text = (child.text or "").strip()
        if text and child.tag.startswith("{"):
            found.setdefault(qualified_name(child.tag), []).append(text)
    for name, texts in found.items():
        # EPUB's own `meta` elements are named by an attribute, and mostly technical.
        if not name.startswith("{"):
            out.add(f"container:{name}", "; ".join(texts), "container", where)
