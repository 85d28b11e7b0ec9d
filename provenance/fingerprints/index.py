"""Which registered assets have a code near this one? An exact index in memory.

A scan over every code, one thread, recall 1 at any radius. Indexes that look at a part of
the codes only are faster and miss most of these: codes of pictures do not cluster.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from provenance.fingerprints.model import CODE_BYTES, Algorithm, Code

__all__ = ["CODE_MEMORY_BYTES", "CodeHit", "CodeIndex", "CodeSearch", "FlatCodeIndex"]

CODE_MEMORY_BYTES = CODE_BYTES + 8 + 4
"""Memory of one code; while the index grows or is compacted, up to three times that."""

_FIRST_ROOM = 1024
_REMOVED = -1
_NO_TIME = -1
# So many distances at a time, with the codes they belong to, stay in the processor's cache.
_DISTANCES = 65_536
_ASKED_AT_ONCE = 32
_COMPACT_ABOVE = 0.25
_COMPACT_ROWS = 4096


class CodeHit(NamedTuple):
    """A registered code near one that was asked for.

    Attributes:
        query: Position of the code that was asked for.
        owner: Whose code it is.
        distance: Bits that differ, 0 to 256.
        at_ms: Where in the owner's video or track the code begins; None for a picture.
    """

    query: int
    owner: int
    distance: int
    at_ms: int | None = None


class CodeSearch(Protocol):
    """What can be asked about registered codes. Those of different algorithms never meet."""

    def search(self, codes: Sequence[Code], *, radius: int, most: int = 100) -> list[CodeHit]:
        """Which registered codes are at most `radius` bits from these, the nearest first?

        Args:
            codes: What to look for.
            radius: Most bits that may differ.
            most: Most hits for each code asked for; of more, the nearest.
        """
        ...


class CodeIndex(CodeSearch, Protocol):
    """Registered codes, by nearness.

    Adding, removing and searching may happen at the same time from any thread. A search
    sees all of an addition that has returned, and nothing of a removal that has.
    """

    def __len__(self) -> int:
        """How many codes are registered?"""
        ...

    def add(self, owner: int, codes: Iterable[Code]) -> None:
        """Register further codes of an owner: a number of at least 0."""
        ...

    def remove(self, owner: int) -> int:
        """Forget every code of an owner; how many were there?"""
        ...


@dataclass(frozen=True, slots=True)
class _Rows:
    """Codes, owners and times side by side.

    Rows below `count` never move. Only `owners` is written again, when one is removed: one
    aligned number at a time, so a reader sees the owner or that it was removed.
    """

    codes: NDArray[np.uint8]
    owners: NDArray[np.int64]
    times: NDArray[np.int32]
    count: int


class _Table:
    """The codes of one algorithm.

    Writers hold the lock and publish a whole new `_Rows` at the end; readers take the
    current one without a lock and are never in a writer's way. An array that became too
    small is copied, never resized: a reader goes on with the old one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._removed = 0
        # Whoever is not here has no rows: whether an owner is new, which is asked for each one
        # that is added to a search, must not be a look at every row.
        self._owners: set[int] = set()
        self.rows = _Rows(
            np.zeros((_FIRST_ROOM, CODE_BYTES), np.uint8),
            np.zeros(_FIRST_ROOM, np.int64),
            np.zeros(_FIRST_ROOM, np.int32),
            0,
        )

    def __len__(self) -> int:
        with self._lock:
            return self.rows.count - self._removed

    def add(self, owner: int, codes: Sequence[Code]) -> None:
        with self._lock:
            rows = self._with_room(len(codes))
            start, end = rows.count, rows.count + len(codes)
            rows.codes[start:end] = np.frombuffer(
                b"".join(code.bits for code in codes), np.uint8
            ).reshape(-1, CODE_BYTES)
            rows.owners[start:end] = owner
            rows.times[start:end] = [
                _NO_TIME if code.at_ms is None else code.at_ms for code in codes
            ]
            self._owners.add(owner)
            # Readers see the new rows only now, when they are complete.
            self.rows = _Rows(rows.codes, rows.owners, rows.times, end)

    def remove(self, owner: int) -> int:
        with self._lock:
            if owner not in self._owners:
                return 0
            self._owners.remove(owner)
            rows = self.rows
            places = np.flatnonzero(rows.owners[: rows.count] == owner)
            rows.owners[places] = _REMOVED
            self._removed += len(places)
            if self._removed > max(_COMPACT_ROWS, _COMPACT_ABOVE * rows.count):
                kept = rows.owners[: rows.count] != _REMOVED
                self.rows = _Rows(
                    rows.codes[: rows.count][kept],
                    rows.owners[: rows.count][kept],
                    rows.times[: rows.count][kept],
                    int(kept.sum()),
                )
                self._removed = 0
            return len(places)

    def _with_room(self, wanted: int) -> _Rows:
        rows = self.rows
        if rows.count + wanted <= len(rows.codes):
            return rows
        room = max(_FIRST_ROOM, rows.count + wanted, len(rows.codes) * 3 // 2)
        codes = np.zeros((room, CODE_BYTES), np.uint8)
        owners, times = np.zeros(room, np.int64), np.zeros(room, np.int32)
        codes[: rows.count] = rows.codes[: rows.count]
        owners[: rows.count] = rows.owners[: rows.count]
        times[: rows.count] = rows.times[: rows.count]
        return _Rows(codes, owners, times, rows.count)


class FlatCodeIndex:
    """Every code side by side in memory, 44 bytes each, all of them looked at each time."""

    def __init__(self) -> None:
        self._tables = {algorithm: _Table() for algorithm in Algorithm}

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    def add(self, owner: int, codes: Iterable[Code]) -> None:
        """Register further codes of an owner; see `CodeIndex.add`."""
        if owner < 0:
            raise ValueError(f"owner: expected a number of at least 0, got {owner}")
        by_algorithm: dict[Algorithm, list[Code]] = {}
        for code in codes:
            by_algorithm.setdefault(code.algorithm, []).append(code)
        for algorithm, some in by_algorithm.items():
            self._tables[algorithm].add(owner, some)

    def remove(self, owner: int) -> int:
        """Forget every code of an owner; see `CodeIndex.remove`."""
        if owner < 0:
            return 0
        return sum(table.remove(owner) for table in self._tables.values())

    def search(self, codes: Sequence[Code], *, radius: int, most: int = 100) -> list[CodeHit]:
        """Which registered codes are near these? See `CodeIndex.search`."""
        hits: list[CodeHit] = []
        for algorithm, table in self._tables.items():
            places = [n for n, code in enumerate(codes) if code.algorithm is algorithm]
            if places:
                hits += _search(table.rows, codes, places, radius, most)
        return sorted(hits, key=lambda hit: (hit.distance, hit.query, hit.owner))


def _search(
    rows: _Rows, codes: Sequence[Code], places: Sequence[int], radius: int, most: int
) -> list[CodeHit]:
    wanted = np.frombuffer(b"".join(codes[n].bits for n in places), np.uint8)
    found = [
        (queries + first, labels, distances)
        for first in range(0, len(places), _ASKED_AT_ONCE)
        for queries, labels, distances in _scan(
            rows, wanted.reshape(-1, CODE_BYTES)[first : first + _ASKED_AT_ONCE], radius
        )
    ]
    if not found:
        return []
    queries, labels, distances = (np.concatenate(parts) for parts in zip(*found, strict=True))
    owners = rows.owners[labels]
    kept = owners != _REMOVED
    queries, labels, distances, owners = (
        part[kept] for part in (queries, labels, distances, owners)
    )
    hits = []
    for n, place in enumerate(places):
        mine = np.flatnonzero(queries == n)
        mine = mine[np.argsort(distances[mine], kind="stable")[:most]]
        for row in mine:
            at_ms = int(rows.times[labels[row]])
            hits.append(
                CodeHit(
                    place,
                    int(owners[row]),
                    int(distances[row]),
                    None if at_ms == _NO_TIME else at_ms,
                )
            )
    return hits


def _scan(
    rows: _Rows, wanted: NDArray[np.uint8], radius: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]]:
    """Which of these codes, which rows are near it, and how near: piece by piece."""
    # A setting of the calling thread: several scans at once share the cores by themselves.
    faiss.omp_set_num_threads(1)
    asked = len(wanted)
    size = _DISTANCES // asked
    distances = np.empty(_DISTANCES, np.int32)
    asked_at, distances_at = faiss.swig_ptr(wanted), faiss.swig_ptr(distances)
    for start in range(0, rows.count, size):
        block = rows.codes[start : min(start + size, rows.count)]
        # All distances, and then a look at the least, are a third faster than a search that
        # collects what is near: mostly nothing is.
        faiss.hammings(  # type: ignore[attr-defined]
            asked_at,
            faiss.swig_ptr(block),
            asked,
            len(block),
            CODE_BYTES,
            distances_at,
        )
        every = distances[: asked * len(block)].reshape(asked, len(block))
        for query in np.flatnonzero(every.min(axis=1) <= radius):
            near = np.flatnonzero(every[query] <= radius)
            yield np.full(len(near), query, np.int64), near + start, every[query, near]
