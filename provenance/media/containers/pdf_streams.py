"""How a stream of a PDF begins, and how long it says it is.

Source: ISO 32000-2 §7.3.8.
"""

from __future__ import annotations

import re

__all__ = ["AFTER_DICTIONARY", "OPENING", "object_mark", "stream_length"]

OPENING = re.compile(rb"(?<!end)stream(?:\r\n|\n|\r)")
"""The keyword with the end of its line; the data start where it ends."""

AFTER_DICTIONARY = re.compile(rb">>\s*" + OPENING.pattern)
"""The same, for who has to know where the dictionary ends."""

_LENGTH = re.compile(rb"/Length\s{1,10}(\d{1,15})\b(?:\s{1,10}(\d{1,5})\s{1,10}(R)\b)?")


def object_mark(number: bytes, generation: bytes) -> bytes:
    """How does the object begin that a reference with these two numbers means?"""
    return b"%d %d obj" % (int(number), int(generation))


def stream_length(dictionary: bytes) -> int | bytes | None:
    """How long is the stream by its dictionary?

    Returns:
        A number of bytes; or the mark of the object that holds it, `7 0 obj`; or None,
        where the dictionary does not say.
    """
    found = _LENGTH.search(dictionary)
    if found is None:
        return None
    return object_mark(found[1], found[2]) if found[3] else int(found[1])
