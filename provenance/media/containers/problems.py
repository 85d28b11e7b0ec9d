"""A bounded list of sentences about what breaks a container's rules."""

from __future__ import annotations

__all__ = ["MAX_PROBLEMS", "Problems"]

MAX_PROBLEMS = 50


class Problems:
    """Sentences, of which only the first `MAX_PROBLEMS` are kept.

    A hostile file can break the same rule a hundred thousand times; nobody
    reads that list, and it would outgrow the file.
    """

    __slots__ = ("_dropped", "_sentences")

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._dropped = 0

    def add(self, sentence: str) -> None:
        """Keep one more sentence while there is room."""
        if len(self._sentences) < MAX_PROBLEMS:
            self._sentences.append(sentence)
        else:
            self._dropped += 1

    def listed(self) -> tuple[str, ...]:
        """Which sentences were kept, and how many more were there?"""
        if not self._dropped:
            return tuple(self._sentences)
        return (*self._sentences, f"{self._dropped} more problems are not listed")
