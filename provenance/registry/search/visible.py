"""A search that leads to nothing its reader may not know of.

What is hidden is left out before it is counted, compared or mentioned: an answer must be
the same as if it were not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from provenance.errors import MalformedError
from provenance.fingerprints.feature_index import FeatureCandidate, FeatureIndex
from provenance.fingerprints.features import LocalFeatures
from provenance.fingerprints.index import CodeHit, CodeIndex
from provenance.fingerprints.model import Code, Reference
from provenance.fingerprints.sound import numbers_from
from provenance.registry.register.feed import CodeFeed
from provenance.registry.register.view import RegisterView
from provenance.verification.register import RegisteredFile

__all__ = ["Visible", "VisibleCodes", "VisibleFeatures", "VisibleTimelines"]

# By so much more is asked for where something hidden was among what was found.
_MORE = 4


class Visible:
    """Which owners of codes may this reader know of, at one moment?

    Args:
        view: The reader's.
        at: As of when.
    """

    def __init__(self, view: RegisterView, at: datetime) -> None:
        self._view = view
        self._at = at
        self._known: dict[int, RegisteredFile | None] = {}

    def files(self, owners: Iterable[int]) -> dict[int, RegisteredFile]:
        """The files of these owners, as far as the reader may know of them."""
        wanted = set(owners)
        asked = [owner for owner in wanted if owner not in self._known]
        if asked:
            found = self._view.owners(asked, at=self._at)
            self._known.update({owner: found.get(owner) for owner in asked})
        return {owner: file for owner in wanted if (file := self._known[owner]) is not None}

    def reference(self, owner: int, kind: str) -> Reference | None:
        """What is kept of an owner's asset, of one kind."""
        if not self.files([owner]):
            return None
        kept = self._view.references(owner, at=self._at)
        return next((reference for reference in kept if reference.kind == kind), None)


class VisibleCodes:
    """A search of codes without what the reader may not know of."""

    def __init__(self, index: CodeIndex, visible: Visible) -> None:
        self._index = index
        self._visible = visible

    def search(self, codes: Sequence[Code], *, radius: int, most: int = 100) -> list[CodeHit]:
        """Which registered codes are near these? See `CodeSearch.search`."""
        asked = most
        while True:
            hits = self._index.search(codes, radius=radius, most=asked)
            seen = self._visible.files(hit.owner for hit in hits)
            shown = [hit for hit in hits if hit.owner in seen]
            # What is hidden must not take the places of what is not.
            had = Counter(hit.query for hit in hits)
            kept = Counter(hit.query for hit in shown)
            if all(had[query] < asked or kept[query] >= most for query in had):
                return _the_first(shown, most)
            asked *= _MORE


def _the_first(hits: Sequence[CodeHit], most: int) -> list[CodeHit]:
    """The first hits for each code that was asked for."""
    count: Counter[int] = Counter()
    first = []
    for hit in hits:
        count[hit.query] += 1
        if count[hit.query] <= most:
            first.append(hit)
    return first


class VisibleFeatures:
    """A search of local features without what the reader may not know of."""

    def __init__(self, index: FeatureIndex, visible: Visible) -> None:
        self._index = index
        self._visible = visible

    def search(
        self, features: LocalFeatures, *, mirrored: bool = False, most: int = 5
    ) -> list[FeatureCandidate]:
        """Which pictures may be in the copy? See `FeatureSearch.search`."""
        return self._index.search(features, mirrored=mirrored, most=most, seen=self._visible.files)


class VisibleTimelines:
    """What is kept of registered videos and tracks, for a second look."""

    def __init__(self, feed: CodeFeed, visible: Visible) -> None:
        self._feed = feed
        self._visible = visible

    def frames(self, owner: int) -> Sequence[Code]:
        """The codes of a video's frames."""
        if not self._visible.files([owner]):
            return ()
        return [code for code in self._feed.codes_of(owner) if code.algorithm == "pdq-frame"]

    def sound(self, owner: int) -> NDArray[np.uint32] | None:
        """The Chromaprint numbers of a track."""
        reference = self._visible.reference(owner, "sound")
        try:
            return None if reference is None else numbers_from(reference)
        except MalformedError:
            # What is kept of one release must not end the look at all others.
            return None
