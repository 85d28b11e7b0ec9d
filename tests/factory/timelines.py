"""A register of a few videos and tracks in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprints.index import CodeHit, FlatCodeIndex
from provenance.fingerprints.model import Code, MediaFingerprint
from provenance.fingerprints.sound import MIN_SOUND_QUALITY, fingerprint_sound, numbers_from
from provenance.fingerprints.sound_matching import find_sound_at_speeds
from provenance.fingerprints.timelines import TimelineMatch
from provenance.fingerprints.video import MIN_FRAME_QUALITY, fingerprint_video, video_codes
from provenance.fingerprints.video_matching import find_video

__all__ = ["SmallRegister"]


class SmallRegister:
    """As `CodeSearch` and `RegisteredTimelines` ask for it."""

    def __init__(self) -> None:
        self._kept: dict[int, MediaFingerprint] = {}
        self._index = FlatCodeIndex()

    def add(self, owner: int, fingerprint: MediaFingerprint, *, least_quality: int) -> None:
        self._kept[owner] = fingerprint
        self._index.add(owner, [c for c in fingerprint.codes if c.quality >= least_quality])

    def add_video(self, owner: int, data: bytes) -> None:
        fingerprint = fingerprint_video(io.BytesIO(data))
        self.add(owner, fingerprint, least_quality=MIN_FRAME_QUALITY)

    def add_sound(self, owner: int, data: bytes) -> None:
        fingerprint = fingerprint_sound(io.BytesIO(data))
        self.add(owner, fingerprint, least_quality=MIN_SOUND_QUALITY)

    def __len__(self) -> int:
        return len(self._index)

    def search(self, codes: Sequence[Code], *, radius: int, most: int = 100) -> list[CodeHit]:
        return self._index.search(codes, radius=radius, most=most)

    def frames(self, owner: int) -> Sequence[Code]:
        return self._kept[owner].codes

    def sound(self, owner: int) -> NDArray[np.uint32] | None:
        references = self._kept[owner].references
        return numbers_from(references[0]) if references else None

    def find_video(self, data: bytes, *, never: Sequence[bytes] = ()) -> tuple[TimelineMatch, ...]:
        codes = video_codes(io.BytesIO(data), purpose="search").codes
        return find_video(codes, self, self, never=never)

    def find_sound(self, data: bytes, *, never: Sequence[bytes] = ()) -> tuple[TimelineMatch, ...]:
        return find_sound_at_speeds(io.BytesIO(data), self, self, never=never)
