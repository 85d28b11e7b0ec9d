"""Finding private texts in every information dictionary of a PDF, of every revision.

A programme that saves a PDF again may leave the earlier state in it (an incremental update)
and add a dictionary of its own, or one with some entries changed; any entry may be there.

Source: ISO 32000-2 §7.5.6 (incremental updates), §7.5.7 (object streams), §14.3.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from provenance.media.metadata.pdf import MAX_TEXTS, texts_of
from provenance.media.privacy.model import Category, Finder
from provenance.media.privacy.rules import category_of, category_of_value

__all__ = ["Information", "ObjectName", "find_objects", "object_name", "packed_objects"]

ObjectName = tuple[int, int]
"""The number and the generation of an object."""

_INFO = re.compile(rb"/Info\s{1,10}(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b")
_NUMBERS = re.compile(rb"(?<!\d)(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}$")
_FIRST = re.compile(rb"/First\s{1,10}(\d{1,9})\b")
# A palette is an array too, but begins with a name.
_TEXTS = re.compile(rb"\[\s{0,4}(?:[(]|<(?!<))")
_OBJECT_BYTES = 64 * 1024
_MAX_OBJECTS = 1_000
_MAX_MARKS = 2_000_000
_MAX_TOTAL_BYTES = 2 * 1024 * 1024


def object_name(file: bytes, at: int) -> ObjectName | None:
    """Which object begins with the keyword `obj` at this offset?"""
    found = _NUMBERS.search(file[max(0, at - 32) : at])
    return None if found is None else (int(found[1]), int(found[2]))


def find_objects(file: bytes, wanted: Iterable[ObjectName]) -> dict[ObjectName, list[bytes]]:
    """What is written after each `n g obj` of these objects, once for each revision?

    One pass over the file. Object streams are not opened. Where there is more than is
    kept, the object is left out altogether, so that nobody takes a part for the whole.
    """
    found: dict[ObjectName, list[bytes]] = {name: [] for name in wanted}
    left, marks_left = _MAX_TOTAL_BYTES, _MAX_MARKS
    at = file.find(b"obj") if found else -1
    while at >= 0:
        marks_left -= 1
        if marks_left < 0:
            return {}
        # Half of them end an object, and need no second look.
        is_start = file[max(0, at - 10) : at].rstrip()[-1:].isdigit()
        name = object_name(file, at) if is_start else None
        if name in found:
            stop = at + 3 + _OBJECT_BYTES
            end = file.find(b"endobj", at + 3, stop)
            body = file[at + 3 : end if end >= 0 else stop]
            left -= len(body)
            is_whole = end >= 0 or len(body) < _OBJECT_BYTES
            if left < 0 or not is_whole:
                del found[name]
            else:
                found[name].append(body)
        at = file.find(b"obj", at + 3)
    return {name: bodies for name, bodies in found.items() if bodies}


def packed_objects(
    content: bytes, dictionary: bytes, at_most: int
) -> list[tuple[ObjectName, bytes]] | None:
    """Which objects does this object stream hold?

    None where they are more than `at_most`, or overlap: then copying them had no bound.
    """
    told = _FIRST.search(dictionary)
    first = min(int(told[1]), len(content)) if told is not None else 0
    header = content[:first].split(maxsplit=2 * at_most)
    if len(header) > 2 * at_most:
        return None
    if not all(number.isdigit() and len(number) < 11 for number in header):
        return []
    offsets = [first + int(number) for number in header[1::2]]
    ends = [*offsets[1:], len(content)]
    places = [
        (start, min(end, start + _OBJECT_BYTES)) for start, end in zip(offsets, ends, strict=False)
    ]
    if sum(max(0, end - start) for start, end in places) > len(content):
        return None
    return [
        ((int(number), 0), content[start:end])
        for number, (start, end) in zip(header[::2], places, strict=False)
    ]


class Information:
    """The information dictionaries of one PDF: gathered first, judged when all are there."""

    def __init__(self, file: bytes) -> None:
        """Find those that stand in the file itself."""
        names = {(int(m[1]), int(m[2])): None for m in _INFO.finditer(file)}
        self._is_complete = len(names) <= _MAX_OBJECTS
        self._wanted = frozenset(list(names)[:_MAX_OBJECTS])
        self._file = file
        plain = find_objects(file, self._wanted)
        self._dictionaries = [body for bodies in plain.values() for body in bodies]
        self._missing = set(self._wanted.difference(plain))
        self._texts: dict[ObjectName, list[bytes]] = {}
        self._left = _MAX_TOTAL_BYTES

    def take_from(self, objects: Iterable[tuple[ObjectName, bytes]]) -> None:
        """Keep the dictionaries that this object stream holds, and texts they may refer to."""
        if not self._wanted:
            return
        for name, body in objects:
            head = body[:8].lstrip()
            is_text = head[:1] == b"(" or (head[:1] == b"<" and head[:2] != b"<<")
            is_text = is_text or _TEXTS.match(head) is not None
            if name not in self._wanted and not is_text:
                continue
            self._left -= len(body)
            if self._left < 0:
                self._is_complete = False
                return
            if name in self._wanted:
                self._dictionaries.append(body)
                self._missing.discard(name)
            else:
                self._texts.setdefault(name, []).append(body)

    def judge(self, finder: Finder) -> None:
        """Which of their entries are private, or tell who wrote an earlier revision?"""
        entries: list[tuple[str, str]] = []
        elsewhere: dict[ObjectName, str] = {}
        for body in self._dictionaries:
            self._read(body, entries, elsewhere)
        # As macOS writes them: each text in an object of its own.
        plain = find_objects(self._file, elsewhere)
        for name, key in elsewhere.items():
            bodies = [*plain.get(name, ()), *self._texts.get(name, ())]
            if not bodies:
                finder.unreadable(f"PDF: /{key} of an information dictionary was not found")
            for body in bodies:
                found = [text for _, text in texts_of(body) if isinstance(text, str)]
                entries += [(key, "; ".join(found))] if found else []
        if self._missing:
            finder.unreadable("PDF: the information dictionary was not found")
        if not self._is_complete:
            finder.unreadable("PDF: more in information dictionaries than is read")
        self._look_at(entries, finder)

    def _read(
        self, body: bytes, entries: list[tuple[str, str]], elsewhere: dict[ObjectName, str]
    ) -> None:
        """Add what this dictionary says, and where texts of it stand that are elsewhere."""
        texts = list(texts_of(body))
        authors = [v for key, v in texts if key == "Author" and isinstance(v, str)]
        for key, value in texts:
            if not isinstance(value, str):
                elsewhere.setdefault(value, key)
            elif key != "Author":
                entries.append((key, value))
        # Several in an array wrote it together: none of them replaced another.
        entries += [("Author", "; ".join(authors))] if authors else []
        if len(texts) >= MAX_TEXTS or len(elsewhere) > _MAX_OBJECTS:
            self._is_complete = False

    def _look_at(self, entries: list[tuple[str, str]], finder: Finder) -> None:
        authors: dict[str, None] = {}
        for key, value in entries:
            text = value.strip(" \0")
            if not text:
                continue
            category = category_of(f"pdf:{key}") or category_of_value(text)
            if category is not None:
                finder.found(f"pdf:{key}", category, text, removable=False)
            if key == "Author":
                authors[text] = None
        if len(authors) > 1:
            # Authors stay; one whom somebody replaced was not to.
            finder.found("pdf:Author", Category.HISTORY, "; ".join(authors), removable=False)
