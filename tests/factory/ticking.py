"""A clock that goes as a test says."""

from __future__ import annotations

__all__ = ["Ticking"]


class Ticking:
    """Seconds since it was made.

    Args:
        each: How much later it is at each look.
    """

    def __init__(self, *, each: float = 0.0) -> None:
        self.now = 0.0
        self._each = each

    def __call__(self) -> float:
        self.now += self._each
        return self.now
