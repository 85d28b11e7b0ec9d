"""Codes that never count: pictures that many releases share and that identify none."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from provenance.fingerprints.index import FlatCodeIndex
from provenance.fingerprints.model import Code

__all__ = ["NegativeBank"]

_SAME_BITS = 31


class NegativeBank:
    """Codes of black frames, text cards, logos, album-cover layouts, ...

    A registered code and a code that is looked up are dropped alike where they are within 31
    bits of one of these.
    """

    def __init__(self, codes: Iterable[Code] = ()) -> None:
        self._index = FlatCodeIndex()
        self._lock = threading.Lock()
        self._next = 0
        self.add(codes)

    def add(self, codes: Iterable[Code]) -> None:
        """Let these never count any more."""
        with self._lock:
            self._index.add(self._next, codes)
            self._next += 1

    def without(self, codes: Sequence[Code]) -> tuple[Code, ...]:
        """Those of the codes that count."""
        if not len(self._index):
            return tuple(codes)
        dropped = {hit.query for hit in self._index.search(codes, radius=_SAME_BITS, most=1)}
        return tuple(code for n, code in enumerate(codes) if n not in dropped)
