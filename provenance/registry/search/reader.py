"""What one reader's search over registered media can be asked, wherever the search is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from provenance.fingerprints.feature_index import FeatureSearch
from provenance.fingerprints.index import CodeSearch
from provenance.fingerprints.model import Algorithm, Reference
from provenance.fingerprints.negatives import NegativeBank
from provenance.fingerprints.timelines import RegisteredTimelines
from provenance.registry.register.view import RegisterView
from provenance.registry.search.projection import SearchProjection
from provenance.registry.search.visible import (
    Visible,
    VisibleCodes,
    VisibleFeatures,
    VisibleTimelines,
)
from provenance.verification.register import RegisteredFile

__all__ = ["LocalSearch", "ReaderSearch"]


class ReaderSearch(Protocol):
    """A search that leads to nothing its reader may not know of. Good for one question."""

    @property
    def codes(self) -> CodeSearch:
        """Codes, by nearness."""
        ...

    @property
    def features(self) -> FeatureSearch:
        """Local features of pictures."""
        ...

    @property
    def timelines(self) -> RegisteredTimelines:
        """What is kept of videos and tracks, for a second look."""
        ...

    @property
    def negatives(self) -> NegativeBank:
        """Codes that never count."""
        ...

    def never(self, algorithm: Algorithm) -> frozenset[bytes]:
        """The bits of those of one algorithm."""
        ...

    def files(self, owners: Iterable[int]) -> dict[int, RegisteredFile]:
        """Whose codes are these?"""
        ...

    def picture(self, owner: int) -> Reference | None:
        """What is kept of a picture, to compare with."""
        ...


class LocalSearch:
    """A search in this process.

    Args:
        projection: What is searched, up to date.
        view: Who asks.
        at: As of when.
    """

    def __init__(self, projection: SearchProjection, view: RegisterView, at: datetime) -> None:
        self._projection = projection
        self._visible = Visible(view, at)
        self.codes = VisibleCodes(projection.codes, self._visible)
        self.features = VisibleFeatures(projection.features, self._visible)
        self.timelines = VisibleTimelines(projection.feed, self._visible)
        self.negatives = projection.negatives

    def never(self, algorithm: Algorithm) -> frozenset[bytes]:
        """See `ReaderSearch.never`."""
        return self._projection.never(algorithm)

    def files(self, owners: Iterable[int]) -> dict[int, RegisteredFile]:
        """See `ReaderSearch.files`."""
        return self._visible.files(owners)

    def sound_reference(self, owner: int) -> Reference | None:
        """What is kept of a track, to lay a copy beside."""
        return self._visible.reference(owner, "sound")

    def picture(self, owner: int) -> Reference | None:
        """See `ReaderSearch.picture`."""
        return self._visible.reference(owner, "picture")
