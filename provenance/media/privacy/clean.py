"""Copying a file without its private metadata, and proving that it is gone."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Collection
from typing import BinaryIO

from provenance.errors import PrivateDataError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import MediaFormat
from provenance.media.metadata import MetadataReading, extract_metadata
from provenance.media.privacy.edits import write_edited
from provenance.media.privacy.find import look
from provenance.media.privacy.model import Cleaning, Finder
from provenance.media.privacy.rules import steps_of

__all__ = ["clean_copy"]

_CHUNK_BYTES = 1024 * 1024


def clean_copy(
    source: BinaryIO,
    destination: BinaryIO,
    media_format: MediaFormat,
    *,
    keep: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Cleaning:
    """Copy this file without its private metadata: what was taken out?

    Nothing is encoded again. Afterwards the copy is searched as the source was, and every
    field that was to stay is compared with what it was. The source is only read.

    Args:
        source: The file, seekable.
        destination: An empty stream for reading and writing; after an error what is in it
            is of no use.
        media_format: What the file is, by its bytes.
        keep: Names of private fields that stay, or patterns of them: `xmp:xmpMM:*`.
        limits: Bounds on what is read.

    Raises:
        PrivateDataError: A private field that cannot be taken out, or something that
            cannot be read and might be one.
        MalformedError: The container cannot be followed.
        LimitError: A limit is hit.
    """
    finder = Finder(limits, erase=True, keep=keep)
    edits = look(source, media_format, None, finder)
    fields = finder.reading().fields
    kept = tuple(field for field in fields if finder.keeps(field.name))
    removed = tuple(field for field in fields if not finder.keeps(field.name))
    stuck = [field.name for field in removed if not field.removable]
    if stuck:
        raise PrivateDataError(
            f"private metadata could not be taken out of {media_format.name}: {', '.join(stuck)}"
        )
    size_bytes = source.seek(0, io.SEEK_END)
    source.seek(0)
    if edits:
        write_edited(source, destination, edits, size_bytes)
    else:
        shutil.copyfileobj(source, destination, _CHUNK_BYTES)
        destination.flush()
    again = Finder(limits, erase=False, keep=keep)
    look(destination, media_format, None, again)
    left = [field.name for field in again.reading().fields if not again.keeps(field.name)]
    if left:
        raise PrivateDataError(
            f"private metadata could not be taken out of {media_format.name}: {', '.join(left)}"
        )
    unreadable = again.reading().unreadable
    if unreadable:
        raise PrivateDataError(
            f"metadata of {media_format.name} could not be read: {'; '.join(unreadable)}"
        )
    if edits:
        _compare(source, destination, media_format, {f.name for f in removed}, limits)
    return Cleaning(removed=removed, kept=kept, changed=bool(edits))


def _compare(
    source: BinaryIO,
    destination: BinaryIO,
    media_format: MediaFormat,
    removed: set[str],
    limits: Limits,
) -> None:
    before = _values(extract_metadata(source, media_format, None, limits), removed)
    after = _values(extract_metadata(destination, media_format, None, limits), removed)
    if before != after:
        names = sorted({name for name, _ in (before - after) + (after - before)})
        raise PrivateDataError(
            f"private metadata could not be taken out of {media_format.name} without changing "
            f"other fields: {', '.join(names)}"
        )


def _values(reading: MetadataReading, removed: set[str]) -> Counter[tuple[str, str]]:
    return Counter(
        (field.name, field.value)
        for field in reading.fields
        if field.name not in removed and not removed.intersection(steps_of(field.name))
    )
