"""What a fuzz target is: one parser, what it may raise, and where its inputs begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from provenance.errors import LimitError, MalformedError

__all__ = ["Target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One parser under fuzz.

    Attributes:
        name: What the command line and the folders call it.
        run: Gives the parser one input, and asserts what holds whatever the bytes are.
        seeds: Good inputs to begin with.
        documented: What the parser says it raises; anything else is a crash.
        tokens: Words of the format, for the mutator's dictionary.
        max_bytes: Longest input that is tried.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    documented: tuple[type[Exception], ...] = (MalformedError, LimitError)
    tokens: tuple[bytes, ...] = ()
    max_bytes: int = 64 * 1024

    def __call__(self, data: bytes) -> None:
        """Run one input; returns where the parser answered or refused as it says."""
        try:
            self.run(data)
        except self.documented:
            return
