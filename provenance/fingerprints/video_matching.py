"""Which registered videos a copy shows, and for which stretch of time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.deadline import NO_END, Deadline
from provenance.fingerprints.index import CodeSearch
from provenance.fingerprints.model import CODE_BYTES, Code
from provenance.fingerprints.timelines import (
    InTime,
    MatchedSpan,
    RegisteredTimelines,
    Shift,
    TimelineMatch,
    Times,
    best_shift,
    fitted,
    times_by_owner,
    without_banned,
)
from provenance.fingerprints.video import (
    MIN_FRAME_QUALITY,
    MIRRORED,
    REGISTER_EVERY_MS,
    SEARCH_EVERY_MS,
)

__all__ = ["FRAME_RADIUS", "find_video"]

FRAME_RADIUS = 48
# What is searched among millions is confirmed against one moment: the bound can be wider.
# Unrelated drawn frames differ by 70 at the nearest, faint ones by 66, and by 128 on average.
_CONFIRM_BITS = 64
# Dark or plain pictures are neither indexed nor searched for, as too many are alike. Between
# clear ones that keep step they count, if they are nearer. Below this there is only noise.
_MIN_FAINT_QUALITY = 20
_FAINT_BITS = FRAME_RADIUS
# Seconds whose pictures differ from each other: a card held for a minute is one.
_MIN_DISTINCT = 3
# Or so many clear ones, with enough faint ones in step to make up for the one that is missing.
_MIN_CLEAR = 2
_MIN_WITH_FAINT = 4
_DISTINCT_BITS = 12
# Frame rates do not move a moment; films sped up for television, and edits, do.
_RATES = (1.0, 25 / 24, 24 / 25, 1.1, 1 / 1.1, 1.25, 1 / 1.25)
_WINDOW_MS = 1000.0
_LEAST_FITTED_MS = 5000.0
_LONGEST_GAP_MS = 4000
_MOST_STRETCHES = 16
_MOST_SEARCHED = 2_400
_NOTHING = 255


def find_video(
    codes: Sequence[Code],
    search: CodeSearch,
    registered: RegisteredTimelines,
    *,
    never: Collection[bytes] = (),
    until: Deadline = NO_END,
    why_not: list[str] | None = None,
) -> tuple[TimelineMatch, ...]:
    """The registered videos that a copy shows, the longest agreement first.

    What the search finds has to keep step with the copy, and is looked at again moment by
    moment, with the pictures too that were too dark or plain to be searched for. A release
    inside a longer copy and a piece of a release are both found, as are several pieces in any
    order. A picture within the picture is not.

    Args:
        codes: The copy's, as `video_codes(..., purpose="search")` makes them.
        search: Over all registered `pdq-frame` codes.
        registered: The register's own codes of one asset.
        never: Codes that count for nothing: logos, cards, countdowns.
        until: When no other release is compared.
        why_not: Told what was left out for that.
    """
    in_time = InTime("video", until, why_not)
    for mirrored in (False, True):
        one_way = [code for code in codes if code.view.endswith(MIRRORED) is mirrored]
        found = _find(_usable(one_way, never), search, registered, never, in_time)
        if found:
            return found
    return ()


def _find(
    codes: Sequence[Code],
    search: CodeSearch,
    registered: RegisteredTimelines,
    never: Collection[bytes],
    in_time: InTime,
) -> tuple[TimelineMatch, ...]:
    copy = _Track.of(codes)
    clear = [code for code in codes if code.quality >= MIN_FRAME_QUALITY]
    moments = np.unique([code.at_ms for code in clear if code.at_ms is not None])
    # An hour need not be searched for four times a second to find three of its seconds.
    step = len(moments) // _MOST_SEARCHED + 1
    searched = set(moments[::step].tolist())
    asked = [code for code in clear if code.at_ms in searched]
    matches = []
    found = times_by_owner(asked, search, radius=FRAME_RADIUS)
    for owner, times in in_time.the_likeliest_first(found):
        # A card or a logo is in many videos; what they keep is not asked for because of one.
        # Two are enough to ask: with the wider bound there may be more in step with them.
        if len(np.unique(times.release_ms)) < _MIN_CLEAR:
            continue
        release = _Track.of(_usable(registered.frames(owner), never))
        match = _match(owner, copy, release, times)
        if match is not None:
            matches.append(match)
    return tuple(sorted(matches, key=lambda match: (-match.agreeing_s, match.distance)))


@dataclass(frozen=True, slots=True)
class _Track:
    """Codes side by side: the moments, and per view the bits of each moment.

    `clear` is where a view has enough in it to be searched for.
    """

    at_ms: NDArray[np.float64]
    bits: dict[str, NDArray[np.uint8]]
    present: dict[str, NDArray[np.bool_]]
    clear: dict[str, NDArray[np.bool_]]

    @classmethod
    def of(cls, codes: Sequence[Code]) -> _Track:
        moments = sorted({code.at_ms for code in codes if code.at_ms is not None})
        place = {at_ms: index for index, at_ms in enumerate(moments)}
        bits: dict[str, NDArray[np.uint8]] = {}
        present: dict[str, NDArray[np.bool_]] = {}
        clear: dict[str, NDArray[np.bool_]] = {}
        for code in codes:
            if code.at_ms is None:
                continue
            if code.view not in bits:
                bits[code.view] = np.zeros((len(moments), CODE_BYTES), dtype=np.uint8)
                present[code.view] = np.zeros(len(moments), dtype=np.bool_)
                clear[code.view] = np.zeros(len(moments), dtype=np.bool_)
            at = place[code.at_ms]
            bits[code.view][at] = np.frombuffer(code.bits, dtype=np.uint8)
            present[code.view][at] = True
            clear[code.view][at] = code.quality >= MIN_FRAME_QUALITY
        return cls(np.array(moments, dtype=np.float64), bits, present, clear)


@dataclass(frozen=True, slots=True)
class _Agreement:
    """What one shift leaves of a release: per moment of it, how near the copy is.

    `_NOTHING` where it does not agree. `clear` is where it does by views with enough in them.
    """

    distance: NDArray[np.int64]
    clear: NDArray[np.bool_]
    copy_at: NDArray[np.intp]
    copy_view: NDArray[np.intp]
    view: NDArray[np.intp]


def _usable(codes: Sequence[Code], never: Collection[bytes]) -> list[Code]:
    good = [code for code in codes if code.quality >= _MIN_FAINT_QUALITY]
    return without_banned(good, never, radius=FRAME_RADIUS)


def _match(owner: int, copy: _Track, release: _Track, times: Times) -> TimelineMatch | None:
    """Every stretch of the copy that keeps step with this release."""
    if not len(release.at_ms):
        return None
    found: list[_Stretch] = []
    for _ in range(_MOST_STRETCHES):
        shift = best_shift(times, rates=_RATES, window_ms=_WINDOW_MS)
        if shift is None:
            break
        for window_ms in (_WINDOW_MS, _WINDOW_MS / 2):
            shift = fitted(shift, times, window_ms=window_ms, least_ms=_LEAST_FITTED_MS)
        explained = times.near(shift, _WINDOW_MS)
        for stretch in _stretches(copy, release, shift):
            if not any(stretch.overlaps(other) for other in found):
                found.append(stretch)
                explained |= (times.copy_ms >= stretch.first_ms) & (
                    times.copy_ms <= stretch.last_ms
                )
        times = times.without(explained)
    if not found:
        return None
    found.sort(key=lambda stretch: stretch.first_ms)
    longest = max(found, key=lambda stretch: len(stretch.seconds))
    return TimelineMatch(
        owner=owner,
        spans=tuple(_span(stretch, copy) for stretch in found),
        distance=min(stretch.distance for stretch in found),
        agreeing_s=len(frozenset().union(*(stretch.seconds for stretch in found))),
        speed=round(longest.shift.rate, 3),
        edits=tuple(sorted(longest.edits)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """One run of moments of the release that the copy shows."""

    shift: Shift
    first_ms: float
    last_ms: float
    seconds: frozenset[int]
    distance: int
    edits: frozenset[str]

    def overlaps(self, other: _Stretch) -> bool:
        return self.first_ms <= other.last_ms and self.last_ms >= other.first_ms


def _stretches(copy: _Track, release: _Track, shift: Shift) -> list[_Stretch]:
    agreement = _agreement(copy, release, shift)
    found = []
    for run in _runs(agreement, copy, release):
        if not _distinct(release, agreement, run):
            continue
        shown = copy.at_ms[agreement.copy_at[run]]
        found.append(
            _Stretch(
                shift=shift,
                first_ms=float(shown.min()),
                last_ms=float(shown.max()),
                seconds=frozenset((release.at_ms[run] // 1000).astype(int).tolist()),
                distance=int(agreement.distance[run].min()),
                edits=_edits(agreement, copy, release, run, shift.rate),
            )
        )
    return found


def _agreement(copy: _Track, release: _Track, shift: Shift) -> _Agreement:
    expected = (release.at_ms - shift.offset_ms) / shift.rate
    count = len(release.at_ms)
    distance = np.full(count, _NOTHING, dtype=np.int64)
    clear = np.zeros(count, dtype=np.bool_)
    copy_at = np.zeros(count, dtype=np.intp)
    copy_view = np.zeros(count, dtype=np.intp)
    view = np.zeros(count, dtype=np.intp)
    behind = np.searchsorted(copy.at_ms, expected)
    for step in (-2, -1, 0, 1):
        index = np.clip(behind + step, 0, len(copy.at_ms) - 1)
        close = np.abs(copy.at_ms[index] - expected) <= SEARCH_EVERY_MS * 1.3
        for q, name in enumerate(copy.bits):
            for r, other in enumerate(release.bits):
                apart = np.bitwise_count(copy.bits[name][index] ^ release.bits[other]).sum(
                    axis=1, dtype=np.int64
                )
                both = close & copy.present[name][index] & release.present[other]
                sure = both & copy.clear[name][index] & release.clear[other]
                agrees = both & (apart <= np.where(sure, _CONFIRM_BITS, _FAINT_BITS))
                clear |= agrees & sure
                better = agrees & (apart < distance)
                distance[better] = apart[better]
                copy_at[better] = index[better]
                copy_view[better] = q
                view[better] = r
    return _Agreement(distance, clear, copy_at, copy_view, view)


def _runs(agreement: _Agreement, copy: _Track, release: _Track) -> list[NDArray[np.intp]]:
    """Stretches of agreeing moments without a long gap, in the release and in the copy."""
    agreeing = np.flatnonzero(agreement.distance < _NOTHING)
    if not len(agreeing):
        return []
    gaps = np.maximum(
        np.diff(release.at_ms[agreeing]), np.diff(copy.at_ms[agreement.copy_at[agreeing]])
    )
    return np.split(agreeing, np.flatnonzero(gaps > _LONGEST_GAP_MS) + 1)


def _distinct(release: _Track, agreement: _Agreement, run: NDArray[np.intp]) -> bool:
    """Do the pictures of this run differ enough from each other to be told apart?"""
    clear = _differing(release, run[agreement.clear[run]])
    if clear >= _MIN_DISTINCT:
        return True
    return clear >= _MIN_CLEAR and _differing(release, run) >= _MIN_WITH_FAINT


def _differing(release: _Track, run: NDArray[np.intp]) -> int:
    """How many pictures of this run differ from each other, as far as that matters?"""
    kept: list[NDArray[np.uint8]] = []
    # Views beside the whole say nothing more about which moments differ.
    name = next(iter(release.bits))
    for index in run:
        if not release.present[name][index]:
            continue
        bits = release.bits[name][index]
        if all(int(np.bitwise_count(bits ^ other).sum()) > _DISTINCT_BITS for other in kept):
            kept.append(bits)
            if len(kept) >= _MIN_WITH_FAINT:
                break
    return len(kept)


def _span(stretch: _Stretch, copy: _Track) -> MatchedSpan:
    rate = stretch.shift.rate
    # A moment of the release stands for the second that it begins.
    end = min(stretch.last_ms + REGISTER_EVERY_MS / rate, float(copy.at_ms[-1]) + SEARCH_EVERY_MS)
    start = stretch.first_ms
    return MatchedSpan(
        start_s=round(start / 1000, 3),
        end_s=round(max(end, start) / 1000, 3),
        release_start_s=round(max(0.0, rate * start + stretch.shift.offset_ms) / 1000, 3),
    )


def _edits(
    agreement: _Agreement, copy: _Track, release: _Track, run: NDArray[np.intp], rate: float
) -> frozenset[str]:
    """What most of a run has in common."""
    copy_views = [list(copy.bits)[index] for index in agreement.copy_view[run]]
    views = [list(release.bits)[index] for index in agreement.view[run]]
    half = len(run) / 2
    said = {
        "mirrored": sum(name.endswith(MIRRORED) for name in copy_views),
        "bordered": sum(name.startswith("trimmed") for name in copy_views)
        - sum(name == "trimmed" for name in views),
        "cropped": sum(name.startswith(("margin", "crop")) for name in views),
        "sped up": len(run) * (rate > 1),
        "slowed down": len(run) * (rate < 1),
    }
    return frozenset(word for word, count in said.items() if count > half)
