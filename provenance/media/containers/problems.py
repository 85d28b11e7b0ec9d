"""A bounded list of sentences about what breaks a container's rules."""

from __future__ import annotations

__all__ = ["MAX_PROBLEMS", "MULTIPLE_STORES", "Problems"]

MAX_PROBLEMS = 50

MULTIPLE_STORES = "more than one C2PA manifest store"
"""The line in `Layout.problems` that says the manifest is ambiguous.

It is kept however many others there are: it decides, and whoever adds a second store can
break as many rules as it takes to fill the list.
"""


class Problems:
    """Sentences, of which only the first `MAX_PROBLEMS` and `MULTIPLE_STORES` are kept.

    A hostile file can break the same rule a hundred thousand times; nobody
    reads that list, and it would outgrow the file.
    """

    __slots__ = ("_dropped", "_sentences")

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._dropped = 0

    def add(self, sentence: str) -> None:
        """Keep one more sentence while there is room."""
        if len(self._sentences) < MAX_PROBLEMS or sentence == MULTIPLE_STORES:
            self._sentences.append(sentence)
        else:
            self._dropped += 1

    def listed(self) -> tuple[str, ...]:
        """Which sentences were kept, and how many more were there?"""
        if not self._dropped:
            return tuple(self._sentences)
        return (*self._sentences, f"{self._dropped} more problems are not listed")
