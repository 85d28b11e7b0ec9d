"""Finding pages of a PDF whose description a later revision took away, and left in the file.

Source: ISO 32000-2 §7.5.6 (incremental updates), §7.7.3.3 (page objects).
"""

from __future__ import annotations

import re
from bisect import bisect_right

from provenance.media.privacy.pdf_information import ObjectName, object_name

__all__ = ["Pages"]

_PAGE = re.compile(rb"/Type\s{0,10}/Page(?![\w.])")
_CONTENTS = re.compile(rb"/Contents\s{0,10}(\[[^\]]{0,4000}\]|\d{1,10}\s{1,10}\d{1,5}\s{1,10}R\b)")
_REFERENCE = re.compile(rb"(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b")
_OBJECT_BYTES = 16 * 1024
_MAX_PAGES = 100_000


class Pages:
    """The pages that the revisions of one PDF name, each with the streams that describe it."""

    def __init__(self) -> None:
        """Begin with none."""
        self._told: list[tuple[int, ObjectName, frozenset[bytes]]] = []

    def note(self, at: int, name: ObjectName | None, body: bytes) -> None:
        """Is this object, at this place in the file, a page? Then keep what describes it."""
        if name is None or len(self._told) >= _MAX_PAGES or _PAGE.search(body) is None:
            return
        found = _CONTENTS.search(body)
        streams = frozenset(m[1] for m in _REFERENCE.finditer(found[1] if found else b""))
        self._told.append((at, name, streams))

    def note_plain(self, file: bytes) -> None:
        """Keep the pages that stand in the file itself."""
        for _, mark in zip(range(_MAX_PAGES), _PAGE.finditer(file), strict=False):
            head = file.rfind(b"obj", max(0, mark.start() - _OBJECT_BYTES), mark.start())
            end = file.find(b"endobj", mark.end(), mark.end() + _OBJECT_BYTES)
            if head >= 0 and end >= 0:
                self.note(head, object_name(file, head), file[head:end])

    def replaced(self, inside: list[tuple[int, int]]) -> ObjectName | None:
        """Which page lost a stream that described it, in a later revision?

        Streams that are added, as whoever stamps a page does, take nothing away. `inside` are
        the streams of the file, in order: a page in one of them is that of an attached file.
        """
        starts = [start for start, _ in inside]
        last: dict[ObjectName, frozenset[bytes]] = {}
        for at, name, streams in sorted(self._told, key=lambda told: told[0]):
            number = bisect_right(starts, at) - 1
            if number >= 0 and at < inside[number][1]:
                continue
            if not last.get(name, streams) <= streams:
                return name
            last[name] = streams
        return None
