"""The words of matching in time, and which shift most hits agree on.

A hit says that one moment of a copy is like one moment of a release. Cards, darkness and
repeated shots give hits too, but not hits that keep step with each other: a resemblance needs
several different moments under one shift.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from provenance.deadline import Deadline
from provenance.fingerprints.index import CodeSearch
from provenance.fingerprints.model import Code

__all__ = [
    "InTime",
    "MatchedSpan",
    "RegisteredTimelines",
    "Shift",
    "TimelineMatch",
    "Times",
    "best_shift",
    "fitted",
    "times_by_owner",
    "without_banned",
]

# Of the registered codes near one moment of a copy; one that is near more says little.
_MOST_NEAR = 100


class RegisteredTimelines(Protocol):
    """What the register keeps of an asset, to look again at what the search found."""

    def frames(self, owner: int) -> Sequence[Code]:
        """Its `pdq-frame` codes, all views, of any quality."""
        ...

    def sound(self, owner: int) -> NDArray[np.uint32] | None:
        """Its Chromaprint numbers; None where it has no sound."""
        ...


def without_banned(codes: Sequence[Code], never: Collection[bytes], *, radius: int) -> list[Code]:
    """The codes that are near none of those that never count."""
    if not never:
        return list(codes)
    bank = np.array([np.frombuffer(bits, dtype=np.uint8) for bits in never])
    return [
        code
        for code in codes
        if np.bitwise_count(bank ^ np.frombuffer(code.bits, dtype=np.uint8)).sum(axis=1).min()
        > radius
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedSpan:
    """A stretch of the copy that matches a stretch of the release, in seconds."""

    start_s: float
    end_s: float
    release_start_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineMatch:
    """A registered asset that a copy resembles for some time. A lead, never proof.

    Attributes:
        owner: The registered asset.
        spans: In the order of the copy.
        distance: Bits of 256 that differ, at the nearest.
        agreeing_s: Seconds of the release that agree, all spans together.
        speed: How much faster than the release the copy plays, as far as could be told.
        edits: What happened to the copy: `mirrored`, `bordered`, `cropped`, `sped up`,
            `slowed down`.
    """

    owner: int
    spans: tuple[MatchedSpan, ...]
    distance: int
    agreeing_s: int
    speed: float = 1.0
    edits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """Where a copy lies on a release: `release = rate * copy + offset`, in milliseconds."""

    rate: float
    offset_ms: float


@dataclass(frozen=True, slots=True)
class Times:
    """The moments that hits pair up, in milliseconds: of the copy, and of the release."""

    copy_ms: NDArray[np.float64]
    release_ms: NDArray[np.float64]

    def without(self, explained: NDArray[np.bool_]) -> Times:
        """The pairs that are left once some are explained."""
        return Times(self.copy_ms[~explained], self.release_ms[~explained])

    def near(self, shift: Shift, window_ms: float) -> NDArray[np.bool_]:
        """Which pairs does this shift explain?"""
        apart = self.release_ms - shift.rate * self.copy_ms - shift.offset_ms
        return np.abs(apart) <= window_ms


def times_by_owner(codes: Sequence[Code], search: CodeSearch, *, radius: int) -> dict[int, Times]:
    """What a search finds for these codes: per owner, which moments are near each other."""
    grouped: dict[int, list[tuple[int, int]]] = {}
    for hit in search.search(codes, radius=radius, most=_MOST_NEAR):
        at_ms = codes[hit.query].at_ms
        if at_ms is not None and hit.at_ms is not None:
            grouped.setdefault(hit.owner, []).append((at_ms, hit.at_ms))
    found = {}
    for owner, pairs in grouped.items():
        both = np.array(pairs, dtype=np.float64)
        found[owner] = Times(both[:, 0], both[:, 1])
    return found


class InTime:
    """Which releases are still compared with a copy, and what is said of those that are not.

    Args:
        what: Of the copy is compared: its `video` or `sound`.
        until: When no other release is compared.
        why_not: Told how many were not.
    """

    def __init__(self, what: str, until: Deadline, why_not: list[str] | None) -> None:
        self._what = what
        self._until = until
        self._why_not = why_not

    def the_likeliest_first(self, found: Mapping[int, Times]) -> Iterator[tuple[int, Times]]:
        """Owners and times, those with most moments first, until the time is over."""
        ordered = sorted(found.items(), key=lambda entry: -len(entry[1].copy_ms))
        for number, entry in enumerate(ordered):
            if self._until.passed():
                if self._why_not is not None:
                    self._why_not.append(
                        f"{self._what}: compared with {number} of {len(ordered)} assets of the "
                        f"register in {self._until.seconds:.3g} seconds, and the rest were not"
                    )
                return
            yield entry


def best_shift(times: Times, *, rates: Collection[float], window_ms: float) -> Shift | None:
    """The shift that most hits agree on; None without hits.

    A moment of the copy that is like many moments of the release says little about any of
    them: each moment has one vote, divided among its hits. Another rate than 1 has to
    explain clearly more.
    """
    if not len(times.copy_ms):
        return None
    _, inverse, counts = np.unique(times.copy_ms, return_inverse=True, return_counts=True)
    votes = 1.0 / counts[inverse]
    best: tuple[float, Shift] | None = None
    for rate in rates:
        offsets = times.release_ms - rate * times.copy_ms
        order = np.argsort(offsets, kind="stable")
        ordered = offsets[order]
        sums = np.concatenate(([0.0], votes[order].cumsum()))
        ends = np.searchsorted(ordered, ordered + window_ms, side="right")
        scores = sums[ends] - sums[np.arange(len(ordered))]
        at = int(scores.argmax())
        score = float(scores[at]) * (1.0 if rate == 1.0 else 0.85)
        if best is None or score > best[0]:
            best = (score, Shift(rate, float(np.median(ordered[at : ends[at]]))))
    return best[1] if best else None


def fitted(shift: Shift, times: Times, *, window_ms: float, least_ms: float) -> Shift:
    """The same shift with the rate and offset that its hits have on average.

    A few rates are tried, and any is possible. A stretch shorter than `least_ms` says too
    little about its rate, and one within a hundredth of 1 plays as fast as the release.
    """
    copy_ms = times.copy_ms[times.near(shift, window_ms)]
    release_ms = times.release_ms[times.near(shift, window_ms)]
    if not len(copy_ms) or float(np.ptp(copy_ms)) < least_ms:
        return shift
    middle_ms = float(copy_ms.mean())
    away = copy_ms - middle_ms
    rate = float((away * release_ms).sum() / (away**2).sum())
    if abs(rate - 1) < 0.01:
        return Shift(1.0, float(np.median(release_ms - copy_ms)))
    if not 0.5 < rate < 2:
        return shift
    return Shift(rate, float(release_ms.mean()) - rate * middle_ms)
