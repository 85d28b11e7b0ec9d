"""How long something may go on, by a clock that never goes back."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

__all__ = ["NO_END", "Deadline"]


class Deadline:
    """The end of some time that began when this was made.

    Args:
        seconds: How long; endless where nothing is said.
        clock: Of seconds.
    """

    def __init__(
        self, seconds: float = math.inf, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._begun = clock()

    def part(self, share: float) -> Deadline:
        """The end of this share of the time, which began when the whole did."""
        part = Deadline(self.seconds * share, clock=self._clock)
        part._begun = self._begun
        return part

    def used(self) -> float:
        """Which share of the time is over? From 1 on, all of it."""
        if self.seconds <= 0:
            return math.inf
        return (self._clock() - self._begun) / self.seconds

    def passed(self) -> bool:
        """Is the time over?"""
        return self.used() >= 1


NO_END = Deadline()
"""For what takes as long as it takes."""
