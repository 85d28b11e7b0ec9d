"""Finding private metadata in documents and archives that are ZIP files.

Nothing is taken out of them. What cannot be looked into is named, so that it is refused.

Sources: APPNOTE.TXT 6.3.10 (PKWARE); ECMA-376 part 1 §15.2 and part 2 §8; OpenDocument 1.3
part 2 §4.3; EPUB 3.3 §5.5.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from html import unescape
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers import zip as zip_container
from provenance.media.containers.collector import read_at
from provenance.media.containers.svg import to_single_bytes
from provenance.media.containers.zip_directory import DirectoryEntry, read_directory, split_records
from provenance.media.layout import Segment, SegmentKind
from provenance.media.metadata.bounded_xml import parse_xml
from provenance.media.metadata.model import decode_text
from provenance.media.metadata.namespaces import qualified_name
from provenance.media.privacy.model import Category, Finder, Inside
from provenance.media.privacy.rules import category_of, category_of_value

__all__ = ["look_into_archive"]

_PROPERTIES = re.compile(r"docProps/[^/]+\.xml|meta\.xml|.*\.opf")
_HISTORY = re.compile(
    r"word/(comments\w*|people)\.xml|xl/(comments\d*|threadedComments/.*|persons/.*|revisions/.*)"
    r"|ppt/(comments/.*|commentAuthors|authors)(\.xml)?|xl/comments/.*|Versions/.*|VersionList\.xml"
    r"|ppt/changesInfos/.*"
)
_PREVIEWS = re.compile(r"docProps/thumbnail\.\w+|Thumbnails/.*")
_COMPUTER = re.compile(
    r".*/printerSettings/.*|xl/connections\.xml|(.*/)?(__MACOSX/.*|\._[^/]*|\.DS_Store|desktop\.ini)"
)
# Who bought a book, as a shop writes it into it.
_PURCHASE = re.compile(r"iTunesMetadata(-original)?\.plist")
_MARKUP = re.compile(r".*\.(xml|rels|opf|xhtml|html|vml)")
# Who wrote a tracked change or a note: Word, and OpenDocument.
_AUTHOR = re.compile(
    rb"<w:\w{2,40}\s[^<>]{0,500}?w:author=[\"']([^\"'<]{1,200})"
    rb"|<(?:office:change-info|office:annotation)\b[^<>]{0,500}>\s{0,50}<dc:creator>([^<]{1,200})<"
)
# Office writes the folder of a picture as its description, and that of a book into it
# (`absPath`, whatever drive it is on).
_ATTRIBUTE = re.compile(
    rb"(?<![\w.\-])([\w.\-]{1,80}+)\s?=\s?(?:\"([^\"<]{0,2000})|'([^'<]{0,2000}))"
)
_LINKS = frozenset((b"Target", b"href", b"src"))
_SUSPECT = re.compile(rb"/home/|/Users/|file:|:\\|:&#|&#|absPath")
_FOLDER = re.compile(rb"<(?:\w{1,20}:)?absPath\s[^<>]{0,500}?\burl=[\"']([^\"'<]{1,1000})")
# The printer of OpenDocument, and who a library of documents says wrote it.
_PRINTER = re.compile(rb"config:name=[\"']Printer(?:Name|Setup)[\"'][^<>]{0,200}>([^<]{1,1000})<")
_ACCOUNT = re.compile(
    rb"<(?:\w{1,20}:)?(?:DisplayName|AccountId)(?:\s[^<>]{0,200})?>([^<]{1,200})<"
)
# Who last fetched data into a table, and who reserved a workbook.
_USER = re.compile(rb"\s(?:refreshedBy|userName)\s?=\s?[\"']([^\"'<]{1,200})")
# What may hold metadata of its own, or files, and is not read here.
_UNREAD = tuple(
    (re.compile(pattern, re.DOTALL), what)
    for pattern, what in (
        (rb".{257}ustar", "a tar archive"),
        (rb"\xd0\xcf\x11\xe0", "an OLE file"),
        (rb"\x1f\x8b\x08", "a gzip archive"),
        (rb"7z\xbc\xaf", "a 7z archive"),
        (rb"Rar!", "a RAR archive"),
        (rb"\xfd7zXZ", "an xz archive"),
        (rb"BZh[1-9]1AY&SY", "a bzip2 archive"),
        (rb"\x28\xb5\x2f\xfd", "a Zstandard archive"),
        (rb"SQLite format 3\0", "a database"),
        (rb"OggS\0", "an Ogg file"),
        (rb"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
        (rb"\x30\x26\xb2\x75\x8e\x66", "an ASF file"),
        (rb"FORM.{4}AIF[FC]", "an AIFF file"),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file"),
        (rb"\0\0\0\x0cjP  \r\n", "a JPEG 2000 file"),
        (rb"FUJIFILMCCD-RAW|IIR[OS]\x08\0\0\0|IIU\0", "a raw picture"),
    )
)
_ODF_CREATOR = "container:dc:creator"


def look_into_archive(
    stream: BinaryIO, size_bytes: int, format_name: str, finder: Finder
) -> Iterator[Inside]:
    """Which private fields has this archive itself, and which files in it are to be searched?

    Raises:
        MalformedError, LimitError: Its directory cannot be followed.
    """
    layout = zip_container.parse_layout(stream, size_bytes, finder.limits)
    for problem in layout.problems:
        # Readers may disagree about what it holds, and only one of them is ours.
        finder.unreadable(f"ZIP: {problem}")
    if any(p.kind is SegmentKind.UNKNOWN and _is_gap(stream, p) for p in layout.segments):
        finder.found("zip:gap", Category.HISTORY, "bytes of no entry", removable=False)
    if layout.media_end < size_bytes:
        preview = f"{size_bytes - layout.media_end} bytes after the archive"
        finder.found("trailer", Category.HISTORY, preview, removable=False)
    directory = read_directory(stream, size_bytes, finder.limits)
    comment = decode_text(
        read_at(stream, directory.comment.start, directory.comment.end - directory.comment.start)
    )
    category = category_of_value(comment)
    if category is not None:
        finder.found("zip:comment", category, comment, removable=False)
    for entry in directory.entries:
        if entry.text.endswith("/") or entry.text == zip_container.MANIFEST_NAME:
            continue
        name = f"inside:{entry.text[:100]}"
        data = _content(stream, entry, name, finder)
        if data is None:
            continue
        _look_at_member(entry.text, name, data, finder, is_odf=format_name.startswith("o"))
        yield Inside(name, data)


def _is_gap(stream: BinaryIO, part: Segment) -> bool:
    """Does this part say more than the old directory that the engine leaves behind says?"""
    try:
        split_records(read_at(stream, part.start, part.end - part.start))
    except MalformedError:
        return True
    return False


def _content(stream: BinaryIO, entry: DirectoryEntry, name: str, finder: Finder) -> bytes | None:
    if entry.flags & 1 or entry.flags & 0x40:
        finder.unreadable(f"{name} was not looked into: it is encrypted")
        return None
    if entry.method not in {0, 8}:
        finder.unreadable(f"{name} was not looked into: compression method {entry.method}")
        return None
    if not finder.may_look_into(name, max(entry.compressed_bytes, entry.content_bytes)):
        return None
    try:
        return member_bytes(stream, entry, finder.limits)
    except MalformedError as error:
        finder.unreadable(f"{name} was not looked into: {error}")
        return None


def member_bytes(stream: BinaryIO, entry: DirectoryEntry, limits: Limits) -> bytes:
    """What does this entry hold? It has to be as long as the directory says, no longer.

    Raises:
        MalformedError: It is not there, cannot be inflated, or is longer or shorter.
    """
    head = read_at(stream, entry.local_start, 30) if entry.local_start >= 0 else b""
    if len(head) < 30:
        raise MalformedError("it has no local header")
    names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    raw = read_at(stream, entry.local_start + 30 + names, entry.compressed_bytes)
    if entry.method == 8:
        expected = min(entry.content_bytes, limits.max_inside_bytes)
        try:
            raw = zlib.decompressobj(-15).decompress(raw, expected + 1)
        except zlib.error as error:
            raise MalformedError(f"it cannot be inflated: {error}") from error
    if len(raw) != entry.content_bytes:
        raise MalformedError(f"expected {entry.content_bytes} bytes, got {len(raw)} or more")
    return raw


def _look_at_member(path: str, name: str, data: bytes, finder: Finder, *, is_odf: bool) -> None:
    for start, what in _UNREAD:
        if start.match(data):
            # Whoever knows what is in it may vouch for it by this name: a logo in PostScript
            # belongs into a press kit.
            why = f"was not looked into: {what}"
            finder.found(f"{name}:unread", Category.HISTORY, why, removable=False)
    if category_of_value(f"/{path}") is not None:
        finder.found(f"{name}:name", Category.TOOL, path, removable=False)
    for pattern, category, what in (
        (_PREVIEWS, Category.PREVIEW, "a small picture of a page"),
        (_HISTORY, Category.HISTORY, "comments, earlier states, or who made them"),
        (_COMPUTER, Category.TOOL, "a trace of a computer, its printer or its data"),
        (_PURCHASE, Category.OWNER, "a purchase"),
    ):
        if pattern.fullmatch(path):
            finder.found(name, category, what, removable=False)
    if _PROPERTIES.fullmatch(path):
        _look_at_properties(name, data, finder, is_odf=is_odf)
    if _MARKUP.fullmatch(path):
        _look_at_markup(name, data, finder)


def _look_at_markup(name: str, data: bytes, finder: Finder) -> None:
    data, _, _ = to_single_bytes(data)
    author = _AUTHOR.search(data)
    if author is not None:
        who = decode_text(author[1] or author[2] or b"")
        finder.found(f"{name}:author", Category.HISTORY, who, removable=False)
    for pattern, what, category in (
        (_FOLDER, "folder", Category.TOOL),
        (_PRINTER, "printer", Category.TOOL),
        (_ACCOUNT, "account", Category.OWNER),
        (_USER, "user", Category.OWNER),
    ):
        told = pattern.search(data)
        if told is not None and told[1].strip():
            finder.found(f"{name}:{what}", category, decode_text(told[1]), removable=False)
    if _SUSPECT.search(data) is None:
        return
    told_already: set[str] = set()
    for attribute in _ATTRIBUTE.finditer(data):
        raw = attribute[2] if attribute[2] is not None else attribute[3]
        what = "target" if attribute[1] in _LINKS else "attribute"
        # One of each kind tells; a markup of megabytes may hold a million.
        if what in told_already or _SUSPECT.search(raw) is None:
            continue
        where = unescape(decode_text(raw))
        if category_of_value(where) is not None:
            told_already.add(what)
            finder.found(f"{name}:{what}", Category.TOOL, where, removable=False)


def _look_at_properties(name: str, data: bytes, finder: Finder, *, is_odf: bool) -> None:
    try:
        root = parse_xml(data, what=name, limits=finder.limits)
    except (MalformedError, LimitError) as error:
        finder.unreadable(str(error))
        return
    for element in root.iter():
        value = (element.text or "").strip() or "".join(element.itertext())[:1000].strip()
        named = [qualified_name(element.tag)]
        for key, text in element.attrib.items():
            # A property of one's own is named by an attribute.
            if key.rpartition("}")[2] in {"name", "property"}:
                named.append(text)
            elif key.rpartition("}")[2] == "content":
                value = value or text
        for one in named:
            field = f"container:{one}"
            category = category_of(field)
            if is_odf and field == _ODF_CREATOR:
                # OpenDocument 1.3 part 2 §4.3.2.7: who changed it last; no author.
                category = Category.OWNER
            if category is None and not len(element):
                category = category_of_value(value)
            if category is not None and value:
                finder.found(field, category, value, removable=False)
