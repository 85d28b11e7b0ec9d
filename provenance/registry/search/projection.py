"""All codes of a register in memory: rebuilt from the database, and kept up to date with it.

Everything in here can be made again from the register, and says nothing about who may see
what it leads to.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence

from provenance.errors import MalformedError
from provenance.fingerprints.feature_index import FeatureIndex, HashedFeatureIndex
from provenance.fingerprints.features import LocalFeatures
from provenance.fingerprints.index import CodeIndex, FlatCodeIndex
from provenance.fingerprints.model import Algorithm, Code
from provenance.fingerprints.negatives import NegativeBank
from provenance.fingerprints.pdq import LEAST_QUALITY
from provenance.fingerprints.sound import MIN_SOUND_QUALITY
from provenance.fingerprints.video import MIN_FRAME_QUALITY
from provenance.registry.register.feed import CodeChanges, CodeFeed, OwnedCodes

__all__ = ["SearchProjection"]

_LEAST_QUALITY = {
    Algorithm.PDQ: LEAST_QUALITY,
    Algorithm.PDQ_FRAME: MIN_FRAME_QUALITY,
    Algorithm.CHROMA: MIN_SOUND_QUALITY,
}


class SearchProjection:
    """What a search over a register looks through. Threads may share it.

    A larger deployment may put other engines in the place of the two indexes.

    Args:
        feed: The register's codes.
        codes: Where codes are kept; by default, a flat scan in memory.
        features: Where local features are kept; by default, in memory.
    """

    def __init__(
        self,
        feed: CodeFeed,
        *,
        codes: CodeIndex | None = None,
        features: FeatureIndex | None = None,
    ) -> None:
        self.feed = feed
        self.codes: CodeIndex = FlatCodeIndex() if codes is None else codes
        self.features: FeatureIndex = HashedFeatureIndex() if features is None else features
        self._bank = NegativeBank()
        self._negatives: dict[int, Code] = {}
        self._upto = 0
        self._lock = threading.Lock()

    @classmethod
    def of_owners(cls, feed: CodeFeed, owners: Iterable[int]) -> SearchProjection:
        """One that has the codes of these owners alone, and is not to be updated.

        Raises:
            RegisterError: They cannot be read.
        """
        projection = cls(feed)
        for owner in owners:
            projection.codes.add(owner, _counting(feed.codes_of(owner)))
        return projection

    @property
    def negatives(self) -> NegativeBank:
        """Codes that never count, as of the last update."""
        return self._bank

    @property
    def negative_codes(self) -> tuple[Code, ...]:
        """The same, one by one."""
        return tuple(self._negatives.values())

    def never(self, algorithm: Algorithm) -> frozenset[bytes]:
        """The bits of those of one algorithm."""
        return frozenset(code.bits for code in self.negative_codes if code.algorithm is algorithm)

    def update(self) -> None:
        """Take in what has changed in the register since the last time.

        Raises:
            RegisterError: It cannot be read; what was taken in before stays.
        """
        with self._lock:
            while True:
                changes = self.feed.codes_since(self._upto)
                self._take(changes)
                self._upto = changes.upto
                if not changes.more:
                    return

    def nearest(
        self, algorithm: Algorithm, bits: bytes, *, radius: int, most: int
    ) -> Sequence[tuple[int, int]]:
        """Which owners have a code within the radius? (owner, distance), the nearest first."""
        self.update()
        code = Code(algorithm=algorithm, bits=bits)
        nearest: dict[int, int] = {}
        for hit in self.codes.search([code], radius=radius, most=most):
            nearest.setdefault(hit.owner, hit.distance)
        return sorted(nearest.items(), key=lambda found: (found[1], found[0]))

    def _take(self, changes: CodeChanges) -> None:
        for owned in changes.added:
            # Once more, where an update was cut off half-way.
            self.codes.remove(owned.owner)
            self.codes.add(owned.owner, list(_worth(owned)))
            self._add_features(owned)
        for owner in changes.removed:
            self.codes.remove(owner)
            self.features.remove(owner)
        if changes.negative_added or changes.negative_removed:
            known = dict(self._negatives)
            for negative in changes.negative_added:
                known[negative.id] = Code(algorithm=negative.algorithm, bits=negative.bits)
            for number in changes.negative_removed:
                known.pop(number, None)
            self._negatives, self._bank = known, NegativeBank(known.values())

    def _add_features(self, owned: OwnedCodes) -> None:
        self.features.remove(owned.owner)
        if owned.features is None:
            return
        try:
            features = LocalFeatures.from_bytes(owned.features)
        except MalformedError:
            # Derived from the picture that is kept, and only a second way to find it.
            return
        self.features.add(owned.owner, features)


def _worth(owned: OwnedCodes) -> Iterator[Code]:
    for column in owned.columns:
        yield from _counting(column.codes())


def _counting(codes: Iterable[Code]) -> Iterator[Code]:
    """The codes worth looking through: a black frame is like every other one."""
    return (code for code in codes if code.quality >= _LEAST_QUALITY.get(code.algorithm, 0))
