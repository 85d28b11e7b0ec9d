"""Saying which kind of document a ZIP archive is, from the names of its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from provenance.media.formats import FORMATS, Container

__all__ = ["zip_name"]

_Read = Callable[[int, int], bytes]

_MAX_LOCAL_ENTRIES = 64
_MAX_NAME_BYTES = 1024
_TAIL_BYTES = 22 + 65_535
_MAX_DIRECTORY_BYTES = 1024 * 1024
_OFFICE_FOLDERS = {b"word": "docx", b"xl": "xlsx", b"ppt": "pptx"}
_NAME_OF_MIMETYPE = {
    fmt.media_type.encode("ascii"): fmt.name
    for fmt in FORMATS.values()
    if fmt.container is Container.ZIP
}


def zip_name(read: Callable[[int, int], bytes], size_bytes: int) -> str:
    """Which format of the table is this archive? `zip` where its entries do not say.

    EPUB and OpenDocument say it in their first entry, `mimetype`, stored plainly;
    Office documents by `[Content_Types].xml` and the folder beside it. Only names are
    read: first those of the leading local entries, then those of the central directory.

    Spec: APPNOTE.TXT 4.3; OCF 3.3 §4.3; ODF 1.3 part 2 §3.3; ECMA-376 part 2.

    Args:
        read: Gives up to so many bytes from an offset.
        size_bytes: Size of the archive, as far as it can be read.
    """
    first = read(0, 30 + 8 + 128)
    if first[30:38] == b"mimetype" and int.from_bytes(first[26:28], "little") == 8:
        start = 38 + int.from_bytes(first[28:30], "little")
        stop = start + int.from_bytes(first[18:22], "little")
        if first[8:10] == b"\0\0" and first[start:stop] in _NAME_OF_MIMETYPE:
            return _NAME_OF_MIMETYPE[first[start:stop]]
    return _office_name(_local_names(read)) or _office_name(_names(read, size_bytes)) or "zip"


def _office_name(names: Iterator[bytes]) -> str | None:
    has_types, found = False, None
    for name in names:
        folder, slash, _ = name.partition(b"/")
        if name == b"[Content_Types].xml":
            has_types = True
        elif found is None and slash:
            found = _OFFICE_FOLDERS.get(folder)
        if found is None and name.endswith(b".fdseq"):
            found = "oxps"
        if has_types and found:
            return found
    return None


def _local_names(read: _Read) -> Iterator[bytes]:
    at = 0
    for _ in range(_MAX_LOCAL_ENTRIES):
        head = read(at, 30 + _MAX_NAME_BYTES)
        if head[:4] != b"PK\x03\x04" or len(head) < 30:
            return
        name_bytes = int.from_bytes(head[26:28], "little")
        yield head[30 : 30 + name_bytes]
        if head[6] & 0x08:
            # Its size stands after its data, so the next entry cannot be found from here.
            return
        at += 30 + name_bytes + int.from_bytes(head[28:30], "little")
        at += int.from_bytes(head[18:22], "little")


def _names(read: _Read, size_bytes: int) -> Iterator[bytes]:
    tail_at = max(0, size_bytes - _TAIL_BYTES)
    tail = read(tail_at, _TAIL_BYTES)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        return
    length = min(int.from_bytes(tail[end + 12 : end + 16], "little"), _MAX_DIRECTORY_BYTES)
    # Counted back from the end record, so that a stub in front does not matter.
    directory = read(max(0, tail_at + end - length), length)
    at = 0
    while directory[at : at + 4] == b"PK\x01\x02" and len(directory) >= at + 46:
        name_bytes = int.from_bytes(directory[at + 28 : at + 30], "little")
        yield directory[at + 46 : at + 46 + name_bytes]
        extra = int.from_bytes(directory[at + 30 : at + 32], "little")
        comment = int.from_bytes(directory[at + 32 : at + 34], "little")
        at += 46 + name_bytes + extra + comment
