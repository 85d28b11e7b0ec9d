"""Which registered sounds a copy plays, and from where."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from provenance.deadline import NO_END, Deadline
from provenance.fingerprints.chromaprint import NUMBER_S, NUMBER_SPAN
from provenance.fingerprints.index import CodeSearch
from provenance.fingerprints.sound import (
    CODE_NUMBERS,
    MIN_SOUND_QUALITY,
    SEARCH_EVERY,
    says_something,
    sound_codes,
    sound_numbers,
)
from provenance.fingerprints.timelines import (
    InTime,
    MatchedSpan,
    RegisteredTimelines,
    Shift,
    TimelineMatch,
    Times,
    best_shift,
    times_by_owner,
    without_banned,
)
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = ["SOUND_RADIUS", "SPEEDS", "find_sound_at_speeds"]

SOUND_RADIUS = 48
# Undone one after the other: each covers about 1.2 per cent to either side.
SPEEDS = (1.0, 1.025, 1 / 1.025, 1.05, 1 / 1.05)

# Numbers on end, and how many of 32 bits may differ on average: the longer, the more. Songs in
# one key agree for a second or two better than chance has it.
_CONFIRM = ((16, 5.5), (24, 6.5), (64, 8.0))
# What is shorter than so many numbers (5 s, 10 s) may differ in so many bits on average, all of
# it together: songs that share some seconds of chords get through one window.
_TOGETHER = ((40, 5.0), (80, 6.5))
_OUTERMOST_BITS = 12
# Edits that keep the pitch change the tempo alone.
_TEMPOS = (1.0, 1.02, 1 / 1.02, 1.05, 1 / 1.05)
_SHIFT_WINDOW_MS = 400.0
_LONGEST_GAP = 16
_MOST_STRETCHES = 16
_MOST_SEARCHED = 4_800
_LEAST_MOVING = 12
_NUMBER_MS = NUMBER_S * 1000


def find_sound_at_speeds(
    stream: BinaryIO,
    search: CodeSearch,
    registered: RegisteredTimelines,
    *,
    never: Collection[bytes] = (),
    speeds: Collection[float] = SPEEDS,
    limits: Limits = DEFAULT_LIMITS,
    until: Deadline = NO_END,
    why_not: list[str] | None = None,
) -> tuple[TimelineMatch, ...]:
    """The registered sounds that a copy plays, at the first of these speeds that finds any.

    A copy that plays more than six per cent faster or slower than its release, with its
    pitch moved along, is not found.

    Args:
        stream: The copy, seekable.
        search: Over all registered `chroma` codes.
        registered: The register's own numbers of one asset.
        never: Codes that count for nothing: jingles, drum loops that are sold to everyone.
        speeds: To be tried, in this order.
        limits: As for `open_sound`.
        until: When no more of the copy is heard, and no other speed tried.
        why_not: Told what was left out for that.

    Raises:
        MalformedError: No sound in it.
    """
    left_out = [] if why_not is None else why_not
    in_time = InTime("sound", until, left_out)
    for tried, speed in enumerate(speeds):
        if tried and until.passed():
            left_out.append(f"sound: heard at {tried} of {len(speeds)} speeds, to be done in time")
            break
        numbers, cut = sound_numbers(stream, at_speed=speed, limits=limits, until=until)
        if until.passed():
            left_out += cut
        found = _find(numbers, search, registered, never, speed=speed, in_time=in_time)
        if found:
            return found
    return ()


def _find(
    numbers: NDArray[np.uint32],
    search: CodeSearch,
    registered: RegisteredTimelines,
    never: Collection[bytes],
    *,
    speed: float,
    in_time: InTime,
) -> tuple[TimelineMatch, ...]:
    """The registered sounds that a copy plays, the longest agreement first."""
    moving = [
        code
        for code in sound_codes(numbers, every=SEARCH_EVERY)
        if code.quality >= MIN_SOUND_QUALITY
    ]
    # Hours need not be searched for four times a second to find ten of their seconds. The
    # register's codes stand eight numbers apart: an odd step meets each of their places.
    step = len(moving) // _MOST_SEARCHED + 1
    asked = moving[:: step + (step % 2 == 0)]
    codes = without_banned(asked, never, radius=SOUND_RADIUS)
    found = times_by_owner(codes, search, radius=SOUND_RADIUS)
    matches = [
        match
        for owner, times in in_time.the_likeliest_first(found)
        if (release := registered.sound(owner)) is not None
        and (match := _match(owner, numbers, release, times, speed=speed))
    ]
    return tuple(sorted(matches, key=lambda match: (-match.agreeing_s, match.distance)))


def _match(
    owner: int,
    numbers: NDArray[np.uint32],
    release: NDArray[np.uint32],
    times: Times,
    *,
    speed: float,
) -> TimelineMatch | None:
    """Every stretch of the copy that keeps step with this release."""
    found: list[_Stretch] = []
    for _ in range(_MOST_STRETCHES):
        shift = best_shift(times, rates=_TEMPOS, window_ms=_SHIFT_WINDOW_MS)
        if shift is None:
            break
        explained = times.near(shift, _SHIFT_WINDOW_MS)
        for stretch in _stretches(numbers, release, shift):
            if not any(stretch.overlaps(other) for other in found):
                found.append(stretch)
                explained |= (times.copy_ms >= stretch.first * _NUMBER_MS) & (
                    times.copy_ms < stretch.end * _NUMBER_MS
                )
        times = times.without(explained)
    if not found:
        return None
    found.sort(key=lambda stretch: stretch.first)
    longest = max(found, key=lambda stretch: stretch.end - stretch.first)
    played = speed * longest.tempo
    return TimelineMatch(
        owner=owner,
        spans=tuple(_span(stretch, speed) for stretch in found),
        distance=min(stretch.distance for stretch in found),
        agreeing_s=round(sum(stretch.end - stretch.first for stretch in found) * NUMBER_S),
        speed=round(played, 4),
        edits=() if played == 1.0 else ("sped up" if played > 1 else "slowed down",),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """Numbers of the copy, first to end, that agree with those of the release from a place on."""

    first: int
    end: int
    place: int
    tempo: float
    distance: int

    def overlaps(self, other: _Stretch) -> bool:
        return self.first < other.end and self.end > other.first


def _span(stretch: _Stretch, speed: float) -> MatchedSpan:
    return MatchedSpan(
        start_s=round(stretch.first * NUMBER_S / speed, 3),
        # The last number is made of all the sound that it looks ahead to.
        end_s=round((stretch.end - 1 + NUMBER_SPAN) * NUMBER_S / speed, 3),
        release_start_s=round(stretch.place * NUMBER_S, 3),
    )


def _stretches(
    numbers: NDArray[np.uint32], release: NDArray[np.uint32], shift: Shift
) -> list[_Stretch]:
    """What agrees under this shift, at the offset nearby where most agrees."""
    best: list[_Stretch] = []
    most = 0
    about = round(shift.offset_ms / _NUMBER_MS)
    at = np.round(np.arange(len(numbers)) * shift.rate).astype(np.int64)
    for step in sorted(range(-4, 5), key=abs):
        places = at + about + step
        inside = (places >= 0) & (places < len(release))
        apart = np.full(len(numbers), 32, dtype=np.int64)
        apart[inside] = np.bitwise_count(numbers[inside] ^ release[places[inside]])
        runs = _runs(apart, numbers)
        same = sum(int((32 - apart[first:end]).sum()) for first, end in runs)
        if same > most:
            most = same
            best = [
                _Stretch(
                    first=first,
                    end=end,
                    place=int(places[first]),
                    tempo=shift.rate,
                    distance=int(
                        np.convolve(apart[first:end], np.ones(CODE_NUMBERS), mode="valid").min()
                    ),
                )
                for first, end in runs
            ]
    return best


def _runs(apart: NDArray[np.int64], numbers: NDArray[np.uint32]) -> list[tuple[int, int]]:
    """Stretches of the copy that agree, and move enough to mean something."""
    agreeing = np.zeros(len(apart), dtype=np.bool_)
    for window, bits in _CONFIRM:
        if len(apart) < window:
            break
        means = np.convolve(apart, np.ones(window) / window, mode="valid")
        starts = np.zeros(len(apart) + 1, dtype=np.int64)
        np.add.at(starts, np.flatnonzero(means <= bits), 1)
        np.add.at(starts, np.flatnonzero(means <= bits) + window, -1)
        agreeing |= starts.cumsum()[:-1] > 0
    # The outermost windows reach beyond the end of the agreement.
    agreeing &= apart <= _OUTERMOST_BITS
    inside = np.flatnonzero(agreeing)
    if not len(inside):
        return []
    moving = says_something(numbers)
    pieces = np.split(inside, np.flatnonzero(np.diff(inside) > _LONGEST_GAP) + 1)
    runs = [(int(piece[0]), int(piece[-1]) + 1) for piece in pieces]
    return [
        (first, end)
        for first, end in runs
        # Silence agrees with silence.
        if int(moving[first:end].sum()) >= _LEAST_MOVING and _says_enough(apart[first:end])
    ]


def _says_enough(apart: NDArray[np.int64]) -> bool:
    """Do these numbers agree better than those of two songs that are merely alike?"""
    bits = next((bits for most, bits in _TOGETHER if len(apart) < most), None)
    return bits is None or float(apart.mean()) <= bits
