"""Writing a copy of a file with some of its bytes replaced."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.media.privacy.model import Edit

__all__ = ["write_edited"]

_CHUNK_BYTES = 1024 * 1024


def write_edited(
    source: BinaryIO, destination: BinaryIO, edits: Iterable[Edit], size_bytes: int
) -> None:
    """Copy `source` to `destination` with these edits, in pieces of a megabyte.

    Raises:
        MalformedError: Two edits overlap, since two parts of the file claim the same bytes.
    """
    at = 0
    for edit in sorted(edits, key=lambda item: (item.start, item.end)):
        if edit.start < at or edit.end > size_bytes:
            raise MalformedError(f"two parts of the file share the bytes at offset {edit.start}")
        _copy(source, destination, at, edit.start)
        destination.write(edit.data)
        at = edit.end
    _copy(source, destination, at, size_bytes)
    destination.flush()


def _copy(source: BinaryIO, destination: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    left = end - start
    while left > 0:
        piece = source.read(min(_CHUNK_BYTES, left))
        if not piece:
            raise MalformedError(f"the file ends at offset {end - left}, expected {end}")
        destination.write(piece)
        left -= len(piece)
