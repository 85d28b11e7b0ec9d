"""Finding positions in the text tracks of MP4 and MOV files.

Drones write where they are as captions, `GPS(126.9780,37.5665,38)` or `[latitude: 37.5665]`,
one for each moment, in tracks of the kind that holds subtitles. Nothing is taken out.

Source: ISO/IEC 14496-12:2022 §8.7.5 (`stco`, `co64`), §8.8 (fragments); 3GPP TS 26.245 (`tx3g`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from provenance.errors import LimitError
from provenance.media.containers.bmff_runs import track_runs
from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment
from provenance.media.metadata.model import decode_text
from provenance.media.privacy.model import Category, Finder
from provenance.media.ranges import ByteRange

__all__ = ["look_at_captions"]

_TEXT_TRACKS = frozenset({"text", "tx3g", "sbtl", "wvtt", "stpp", "sbtt", "stxt"})
_NUMBER = rb"[-+]?\d{1,3}\.\d{3,12}"
# Three digits after the point are a hundred metres; a song may count degrees in whole ones.
_POSITION = re.compile(
    rb"(?i:\bGPS\s{0,3}\(\s{0,3}"
    + _NUMBER
    + rb"\s{0,3},\s{0,3}"
    + _NUMBER
    + rb"|\b(?:lat|lon|lng|latitude|long(?:i|ti)tude)\s{0,3}[:=]\s{0,3}"
    + _NUMBER
    + rb")"
)
_MAX_PLACES = 500
_MAX_TABLE_BYTES = 1024 * 1024
_MAX_TOTAL_BYTES = 4 * 1024 * 1024
_MAX_PLACE_BYTES = 256 * 1024
_MAX_RUNS_BYTES = 8 * 1024 * 1024


def look_at_captions(stream: BinaryIO, layout: Layout, finder: Finder) -> None:
    """Does a text track of this file say where it was recorded, whole or in fragments?

    Of many captions some are read, spread over the whole: who writes positions writes
    them at every moment.
    """
    entries = [part for part in layout.segments if _is_text_track(part)]
    if not entries:
        return
    tables = {
        part.path.rpartition("/")[0]: part
        for part in layout.segments
        if part.label in {"stco", "co64"}
    }
    runs = _runs(stream, layout, finder)
    left = _MAX_TOTAL_BYTES
    for part in entries:
        holder = part.path.rpartition("/")[0].rpartition("/")[0]
        if left <= 0:
            finder.unreadable("there are more text tracks than are looked into")
            return
        places = [
            *_chunks(stream, tables.get(holder), left),
            *_fragments(runs.get(part.path.partition("/mdia[")[0], ()), layout.size_bytes, left),
        ]
        for place, size in places:
            body = read_at(stream, place, size)
            left -= len(body)
            # Some write two bytes for each letter.
            found = _POSITION.search(body) or _POSITION.search(body.replace(b"\0", b""))
            if found is not None:
                name = f"track:{part.label}"
                finder.found(name, Category.POSITION, decode_text(found[0]), removable=False)
                break


def _is_text_track(part: Segment) -> bool:
    parent = part.path.rpartition("/")[0].rpartition("/")[2]
    return part.label in _TEXT_TRACKS and parent.startswith("stsd[")


def _runs(stream: BinaryIO, layout: Layout, finder: Finder) -> Mapping[str, Sequence[ByteRange]]:
    try:
        return track_runs(stream, layout, most_bytes=_MAX_RUNS_BYTES)
    except LimitError as error:
        finder.unreadable(str(error))
        return {}


def _chunks(stream: BinaryIO, table: Segment | None, left: int) -> Iterator[tuple[int, int]]:
    """Where do chunks of this track begin, and how many bytes are read of each?

    How long they are stands in two more tables. What is read beyond them is of this file too.
    """
    if table is None:
        return
    width = 8 if table.label == "co64" else 4
    size = min(table.end - table.data_start, _MAX_TABLE_BYTES)
    body = read_at(stream, table.data_start, size)
    count = min(int.from_bytes(body[4:8], "big"), (len(body) - 8) // width)
    step = max(1, -(-count // _MAX_PLACES))
    numbers = range(0, count, step)
    for number in numbers:
        at = 8 + number * width
        place = int.from_bytes(body[at : at + width], "big")
        if place < 2**63:
            yield place, min(_MAX_PLACE_BYTES, max(1, left // len(numbers)))


def _fragments(runs: Sequence[ByteRange], size_bytes: int, left: int) -> Iterator[tuple[int, int]]:
    """Which runs of the samples of this track are read, and how many bytes of each?"""
    some = runs[:: max(1, -(-len(runs) // _MAX_PLACES))]
    for run in some:
        if run.start < size_bytes:
            most = min(_MAX_PLACE_BYTES, max(1, left // len(some)))
            yield run.start, min(most, run.size_bytes)
