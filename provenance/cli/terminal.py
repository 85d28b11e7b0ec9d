"""Text for a terminal: nothing hidden in it, measured in columns, coloured if wanted."""

from __future__ import annotations

import os
from typing import TextIO

from provenance.columns import clipped, display_width, fitting, printable

__all__ = [
    "COLUMNS",
    "clipped",
    "display_width",
    "paint",
    "printable",
    "quoted",
    "wants_colour",
    "wrap",
]

COLUMNS = 80

_ESCAPES = {"green": "32", "red": "31", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
_QUOTES = str.maketrans(dict.fromkeys('"\u201c\u201d\u201e\u201f\u2033\uff02', "'"))


def quoted(text: str) -> str:
    """How is a stranger's text shown? In quotation marks that it cannot close itself."""
    return f'"{printable(text).translate(_QUOTES)}"'


def wrap(text: str, *, first: str = "", rest: str | None = None) -> list[str]:
    """Which lines of at most `COLUMNS` columns hold this text?

    Args:
        text: Words with spaces between them; a word longer than a line is cut.
        first: What the first line begins with.
        rest: What the others begin with; by default, blanks as wide as `first`.
    """
    rest = " " * display_width(first) if rest is None else rest
    lines, line, empty = [], first, True
    for word in text.split(" "):
        remaining = word
        while True:
            gap = "" if empty else " "
            room = COLUMNS - display_width(line) - len(gap)
            if display_width(remaining) <= room:
                line, empty = line + gap + remaining, False
                break
            if empty:
                # At least one character: a prefix as wide as the screen must not loop.
                count = max(1, fitting(remaining, room))
                line, remaining = line + remaining[:count], remaining[count:]
            lines.append(line.rstrip())
            line, empty = rest, True
    lines.append(line.rstrip())
    return lines


def wants_colour(stream: TextIO | None) -> bool:
    """May this stream be given colour? Only a terminal, and not against NO_COLOR."""
    if stream is None or not stream.isatty():
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str, colour: bool) -> str:
    """What is this text in these styles? Without colour, itself."""
    if not colour or not styles:
        return text
    return f"\x1b[{';'.join(_ESCAPES[style] for style in styles)}m{text}\x1b[0m"
