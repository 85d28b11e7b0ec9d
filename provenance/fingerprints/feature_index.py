"""Which registered pictures have local features like these? For crops that no code foresees.

Each feature of a registered picture is filed under four short keys, each made of 18 of its
256 bits. A feature of a copy meets those that share a key, and counts for a picture only
where 64 other bits agree too. Pictures of which several features lie in the copy as one
picture lies in another, turned and scaled alike, are candidates; what they are is for
`compare_pictures` to say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprints.features import LocalFeatures, local_features
from provenance.media.decoding.pictures import Rgb

__all__ = [
    "FEATURE_MEMORY_BYTES",
    "INDEX_SIDE",
    "FeatureCandidate",
    "FeatureIndex",
    "FeatureSearch",
    "HashedFeatureIndex",
    "Seen",
    "index_features",
    "query_features",
]

INDEX_SIDE = 640
_REGISTERED = 240
_ASKED = 500
_TABLES, _KEY_BITS = 4, 18
FEATURE_MEMORY_BYTES = 8 + 4 + 8 + _TABLES * 8
"""Memory of one feature of a registered picture, of which there are 240."""

_MOST_SIGNATURE_BITS = 12
# A key that this many features share says nothing: a flat corner, a letter of a font.
_CROWDED = 400
_LEAST_WITNESSES = 7
_TURN_BINS, _SCALE_BINS = 24, 24
_REACH = 0.06  # of the copy's longest side
_MOST_VOTED = 24
_REMOVED = -1


def _chosen_bits() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which bits make the keys and which the signature: arbitrary, and always the same."""
    order = np.random.default_rng(20_26).permutation(256)
    keys = order[: _TABLES * _KEY_BITS].reshape(_TABLES, _KEY_BITS)
    return keys, order[_TABLES * _KEY_BITS : _TABLES * _KEY_BITS + 64]


_KEYS, _SIGNATURE = _chosen_bits()


class FeatureCandidate(NamedTuple):
    """A registered picture that may be in the copy.

    Attributes:
        owner: Whose picture.
        witnesses: Features that agree on how it lies in the copy.
        mirrored: Whether in the mirrored copy.
    """

    owner: int
    witnesses: int
    mirrored: bool


Seen = Callable[[Sequence[int]], Collection[int]]
"""Which of these owners may be found? The others are passed over as if they were not there."""


class FeatureSearch(Protocol):
    """What can be asked about local features of registered pictures."""

    def search(
        self, features: LocalFeatures, *, mirrored: bool = False, most: int = 5
    ) -> list[FeatureCandidate]:
        """Which pictures may be in a copy with these features, the likeliest first?

        Args:
            features: The copy's.
            mirrored: Whether they are of the mirrored copy.
            most: Most candidates.
        """
        ...


class FeatureIndex(FeatureSearch, Protocol):
    """Local features of registered pictures. Use from any thread, as `CodeIndex`."""

    def add(self, owner: int, features: LocalFeatures) -> None:
        """Register the features of an owner's picture: a number of at least 0."""
        ...

    def remove(self, owner: int) -> None:
        """Forget the features of an owner."""
        ...

    def search(
        self,
        features: LocalFeatures,
        *,
        mirrored: bool = False,
        most: int = 5,
        seen: Seen | None = None,
    ) -> list[FeatureCandidate]:
        """As `FeatureSearch.search`, among some of the owners.

        Args:
            features: The copy's.
            mirrored: Whether they are of the mirrored copy.
            most: Most candidates.
            seen: Says which owners may be found; None where all may.
        """
        ...


def index_features(rgb: Rgb) -> LocalFeatures:
    """The features by which a registered picture is found."""
    return local_features(rgb, most=_REGISTERED, side=INDEX_SIDE)


def query_features(rgb: Rgb) -> LocalFeatures:
    """The features by which a copy is looked up."""
    return local_features(rgb, most=_ASKED, side=INDEX_SIDE)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Features in one block that never changes, but for owners that are removed.

    `places` are x, y in 1/65535 of the longest side, `shapes` the size and turn.
    """

    owners: NDArray[np.int32]
    signatures: NDArray[np.uint64]
    places: NDArray[np.uint16]
    shapes: NDArray[np.uint16]
    keys: tuple[NDArray[np.uint32], ...]
    rows: tuple[NDArray[np.uint32], ...]


def _segment(
    owners: NDArray[np.int32],
    signatures: NDArray[np.uint64],
    places: NDArray[np.uint16],
    shapes: NDArray[np.uint16],
    keys: NDArray[np.uint32],
) -> _Segment:
    orders = [np.argsort(keys[table], kind="stable").astype(np.uint32) for table in range(_TABLES)]
    return _Segment(
        owners,
        signatures,
        places,
        shapes,
        tuple(keys[table][orders[table]] for table in range(_TABLES)),
        tuple(orders),
    )


def _joined(segments: Iterable[_Segment]) -> _Segment:
    parts = list(segments)
    kept = [segment.owners != _REMOVED for segment in parts]
    keys = []
    for segment, keep in zip(parts, kept, strict=True):
        unsorted = np.zeros((_TABLES, len(segment.owners)), np.uint32)
        for table in range(_TABLES):
            unsorted[table, segment.rows[table]] = segment.keys[table]
        keys.append(unsorted[:, keep])
    return _segment(
        np.concatenate([s.owners[k] for s, k in zip(parts, kept, strict=True)]),
        np.concatenate([s.signatures[k] for s, k in zip(parts, kept, strict=True)]),
        np.concatenate([s.places[k] for s, k in zip(parts, kept, strict=True)]),
        np.concatenate([s.shapes[k] for s, k in zip(parts, kept, strict=True)]),
        np.concatenate(keys, axis=1),
    )


def _hashed(features: LocalFeatures) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    bits = np.unpackbits(features.descriptors, axis=1)
    weights = 1 << np.arange(_KEY_BITS, dtype=np.uint32)
    keys = np.stack([bits[:, chosen].astype(np.uint32) @ weights for chosen in _KEYS])
    packed = np.ascontiguousarray(np.packbits(bits[:, _SIGNATURE], axis=1))
    signatures = packed.view(np.uint64).ravel()
    return keys.astype(np.uint32), signatures


class HashedFeatureIndex:
    """An index in blocks that double: adding costs little, and readers are never waited for.

    Memory: 52 bytes a feature, 12.5 kB a picture; twice that while the largest blocks are
    joined. What was removed is only marked, and goes when its block is joined with another.
    The time of a search grows with the number of features that share a key by chance, one in
    260,000 of all that are registered for each key that is asked for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._segments: tuple[_Segment, ...] = ()
        # Whoever is not here has no features, and no block need be looked through for them.
        self._owners: set[int] = set()

    def add(self, owner: int, features: LocalFeatures) -> None:
        """Register the features of an owner's picture; see `FeatureIndex.add`."""
        if not 0 <= owner < 2**31:
            raise ValueError(f"owner: expected a number from 0 to 2^31, got {owner}")
        if not len(features):
            return
        keys, signatures = _hashed(features)
        longest = max(features.width, features.height)
        places = np.clip(features.points / longest * 65_535, 0, 65_535).astype(np.uint16)
        shapes = np.stack(
            [
                np.clip(np.log2(features.sizes / longest) * 1000 + 20_000, 0, 65_535),
                features.angles * 100,
            ],
            axis=1,
        ).astype(np.uint16)
        owners = np.full(len(features), owner, np.int32)
        with self._lock:
            self._owners.add(owner)
            segments = [*self._segments, _segment(owners, signatures, places, shapes, keys)]
            while len(segments) > 1 and len(segments[-2].owners) <= 2 * len(segments[-1].owners):
                segments[-2:] = [_joined(segments[-2:])]
            self._segments = tuple(segments)

    def remove(self, owner: int) -> None:
        """Forget the features of an owner; see `FeatureIndex.remove`."""
        with self._lock:
            if owner not in self._owners:
                return
            self._owners.remove(owner)
            for segment in self._segments:
                segment.owners[segment.owners == owner] = _REMOVED

    def search(
        self,
        features: LocalFeatures,
        *,
        mirrored: bool = False,
        most: int = 5,
        seen: Seen | None = None,
    ) -> list[FeatureCandidate]:
        """Which pictures may be in a copy with these features? See `FeatureIndex.search`."""
        if not len(features):
            return []
        keys, signatures = _hashed(features)
        met = [_met(segment, keys, signatures) for segment in self._segments]
        met = [pairs for pairs in met if len(pairs.asked)]
        if not met:
            return []
        pairs = _Pairs(*(np.concatenate(parts) for parts in zip(*met, strict=True)))
        candidates = [
            FeatureCandidate(owner, witnesses, mirrored)
            for owner, witnesses in _agreeing(pairs, features, seen)
        ]
        return sorted(candidates, key=lambda one: -one.witnesses)[:most]


class _Pairs(NamedTuple):
    """Features of the copy beside registered ones that are like them."""

    asked: NDArray[np.int64]
    owners: NDArray[np.int32]
    places: NDArray[np.uint16]
    shapes: NDArray[np.uint16]


def _met(segment: _Segment, keys: NDArray[np.uint32], signatures: NDArray[np.uint64]) -> _Pairs:
    asked_parts, row_parts = [], []
    for table in range(_TABLES):
        starts = np.searchsorted(segment.keys[table], keys[table], "left")
        counts = np.searchsorted(segment.keys[table], keys[table], "right") - starts
        counts[counts > _CROWDED] = 0
        asked = np.repeat(np.arange(len(signatures)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = segment.rows[table][np.repeat(starts, counts) + within]
        near = (
            np.bitwise_count(signatures[asked] ^ segment.signatures[rows]) <= _MOST_SIGNATURE_BITS
        )
        asked_parts.append(asked[near])
        row_parts.append(rows[near])
    # A pair that met under two keys is one pair.
    together = np.unique(
        np.concatenate(asked_parts).astype(np.int64) << 32
        | np.concatenate(row_parts).astype(np.int64)
    )
    asked, rows = together >> 32, together & 0xFFFF_FFFF
    owners = segment.owners[rows]
    kept = owners != _REMOVED
    rows = rows[kept]
    return _Pairs(asked[kept], owners[kept], segment.places[rows], segment.shapes[rows])


def _agreeing(pairs: _Pairs, features: LocalFeatures, seen: Seen | None) -> list[tuple[int, int]]:
    """Owners with enough features that lie in the copy as one picture, and how many."""
    longest = max(features.width, features.height)
    turn = (features.angles[pairs.asked] - pairs.shapes[:, 1] / 100.0) % 360
    grown = (
        np.log2(features.sizes[pairs.asked] / longest) - (pairs.shapes[:, 0] - 20_000.0) / 1000.0
    )
    turn_bin = (turn * _TURN_BINS / 360).astype(np.int64) % _TURN_BINS
    scale_bin = np.clip((grown + 6) * 2, 0, _SCALE_BINS - 1).astype(np.int64)
    # First count roughly: pairs of one owner that are turned and scaled about alike.
    votes = (pairs.owners.astype(np.int64) * _TURN_BINS + turn_bin) * _SCALE_BINS + scale_bin
    kinds, counts = np.unique(votes, return_counts=True)
    owners = kinds // (_TURN_BINS * _SCALE_BINS)
    best: dict[int, int] = {}
    for owner, count in zip(owners.tolist(), counts.tolist(), strict=True):
        best[owner] = max(best.get(owner, 0), count)
    likely = _first_seen(sorted(best, key=lambda owner: -best[owner]), seen)
    # Then let each pair say where the whole picture lies, and count who is of its opinion.
    found = []
    points = features.points / longest
    for owner in likely:
        mine = np.flatnonzero(pairs.owners == owner)[:400]
        witnesses = _witnesses(
            pairs.places[mine] / 65_535.0,
            points[pairs.asked[mine]].astype(np.float64),
            np.exp2(grown[mine]),
            np.deg2rad(turn[mine]),
            pairs.asked[mine],
        )
        if witnesses >= _LEAST_WITNESSES:
            found.append((owner, witnesses))
    return found


def _first_seen(owners: list[int], seen: Seen | None) -> list[int]:
    """The first of these that may be found: nobody else may take their places."""
    if seen is None:
        return owners[:_MOST_VOTED]
    found: list[int] = []
    for start in range(0, len(owners), _MOST_VOTED):
        some = owners[start : start + _MOST_VOTED]
        shown = seen(some)
        found += [owner for owner in some if owner in shown]
        if len(found) >= _MOST_VOTED:
            break
    return found[:_MOST_VOTED]


def _witnesses(
    source: NDArray[np.float64],
    target: NDArray[np.float64],
    scale: NDArray[np.float64],
    turn: NDArray[np.float64],
    asked: NDArray[np.int64],
) -> int:
    """How many features agree with the opinion that most agree with?"""
    along, across = scale * np.cos(turn), scale * np.sin(turn)
    away = source[None, :, :] - source[:, None, :]
    x = along[:, None] * away[..., 0] - across[:, None] * away[..., 1] + target[:, None, 0]
    y = across[:, None] * away[..., 0] + along[:, None] * away[..., 1] + target[:, None, 1]
    x -= target[None, :, 0]
    y -= target[None, :, 1]
    near = x * x + y * y < _REACH * _REACH
    doublings = np.log2(scale)
    likewise = np.abs(doublings[:, None] - doublings[None, :]) < 0.6
    opinion = near & likewise
    leader = int(np.argmax(opinion.sum(axis=1)))
    of_its_opinion = opinion[leader]
    # Many features of the copy that are like one registered one are one witness.
    registered = np.unique(np.rint(source[of_its_opinion] * 200), axis=0)
    return min(len(np.unique(asked[of_its_opinion])), len(registered))
