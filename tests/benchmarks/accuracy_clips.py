"""How well are video and sound found again? The table of `make accuracy-clips`.

Registers clips and tracks that are drawn and played by code, copies each in every way of
`tests.factory.clips` and `tests.factory.tracks`, and looks the copies up; then looks up as many
that are not registered. `--json FILE` writes the same as a document.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Literal

from provenance.fingerprints.timelines import TimelineMatch
from tests.factory.clips import CLIP_EDITS, EditedClip, clip, encode_clip
from tests.factory.timelines import SmallRegister
from tests.factory.tracks import TRACK_EDITS, EditedTrack, encode_track, track

__all__ = ["Row", "Trial", "main", "measure"]

Kind = Literal["video", "sound"]

# Seeds of what is never registered.
_STRANGERS = 1_000_000
_UNRELATED = "unrelated"
_HEADINGS = (
    "copy",
    "found",
    "right release",
    "wrong releases",
    "start off, s",
    "release time off, s",
    "covered",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One copy that was looked up.

    Attributes:
        edit: What was done to it.
        found: Anything at all.
        right: The right release, before every other.
        wrong: How many other releases.
        start_error_s: How far the first span's start is from the truth; None unless right.
        shift_error_s: How far the release's time is off, at that start.
        covered: How much of the true stretch the spans cover, 0 to 1.
    """

    edit: str
    found: bool
    right: bool
    wrong: int
    start_error_s: float | None = None
    shift_error_s: float | None = None
    covered: float | None = None


@dataclass(slots=True)
class Row:
    """All copies of one edit."""

    kind: Kind
    edit: str
    copies: int = 0
    found: int = 0
    right: int = 0
    wrong: int = 0
    start_error_s: list[float] = field(default_factory=list)
    shift_error_s: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)

    def add(self, trial: Trial) -> None:
        self.copies += 1
        self.found += trial.found
        self.right += trial.right
        self.wrong += trial.wrong
        for name in ("start_error_s", "shift_error_s", "covered"):
            value = getattr(trial, name)
            if value is not None:
                getattr(self, name).append(value)

    def cells(self) -> tuple[str, ...]:
        def middle(values: list[float], form: str) -> str:
            return format(median(values), form) if values else "-"

        share = f"{self.right / self.copies:.0%}" if self.edit != _UNRELATED else "-"
        return (
            self.edit,
            str(self.found),
            share,
            str(self.wrong),
            middle(self.start_error_s, ".2f"),
            middle(self.shift_error_s, ".2f"),
            middle(self.covered, ".0%"),
        )


@cache
def _register(kind: Kind, count: int) -> SmallRegister:
    """Each process fills its own: that is quicker than sending one."""
    register = SmallRegister()
    for seed in range(count):
        if kind == "video":
            register.add_video(seed, encode_clip(clip(seed, venue=seed // 5)))
        else:
            register.add_sound(seed, encode_track(track(seed)))
    return register


def _trials(kind: Kind, seed: int, count: int, edits: Sequence[str] | None) -> list[Trial]:
    register = _register(kind, count)
    find = register.find_video if kind == "video" else register.find_sound
    trials = [
        _judge(name, copy, seed, find(copy.data)) for name, copy in _copies(kind, seed, edits)
    ]
    stranger = _STRANGERS + seed
    # One from the same venue as registered clips, that is like a second camera's.
    data = (
        encode_clip(clip(stranger, venue=seed // 5))
        if kind == "video"
        else encode_track(track(stranger))
    )
    matches = find(data)
    return [*trials, Trial(_UNRELATED, found=bool(matches), right=False, wrong=len(matches))]


def _copies(
    kind: Kind, seed: int, edits: Sequence[str] | None
) -> Iterator[tuple[str, EditedClip | EditedTrack]]:
    if kind == "video":
        frames = clip(seed, venue=seed // 5)
        for name, change in CLIP_EDITS.items():
            if edits is None or name in edits:
                yield name, change(frames, seed)
    else:
        samples = track(seed)
        for name, alter in TRACK_EDITS.items():
            if edits is None or name in edits:
                yield name, alter(samples, seed)


def _judge(
    name: str, copy: EditedClip | EditedTrack, seed: int, matches: tuple[TimelineMatch, ...]
) -> Trial:
    wrong = sum(match.owner != seed for match in matches)
    if not matches or matches[0].owner != seed:
        return Trial(name, found=bool(matches), right=False, wrong=wrong)
    spans = matches[0].spans
    end_s = copy.start_s + copy.seconds
    covered = sum(
        max(0.0, min(span.end_s, end_s) - max(span.start_s, copy.start_s)) for span in spans
    )
    # Where the copy plays faster, its release's time runs faster than its own.
    expected = copy.release_start_s + (spans[0].start_s - copy.start_s) * copy.speed
    return Trial(
        name,
        found=True,
        right=True,
        wrong=wrong,
        start_error_s=abs(spans[0].start_s - copy.start_s),
        shift_error_s=abs(spans[0].release_start_s - expected),
        covered=covered / copy.seconds,
    )


def measure(
    kind: Kind, count: int, *, processes: int = 1, edits: Sequence[str] | None = None
) -> list[Row]:
    """Register so many, copy each in every way, and look the copies up."""
    rows: dict[str, Row] = {}
    run: Callable[..., Any] = map
    with ProcessPoolExecutor(processes) as pool:
        if processes > 1:
            run = pool.map
        jobs = [(kind, seed, count, edits) for seed in range(count)]
        for trials in run(_trials, *zip(*jobs, strict=True)):
            for trial in trials:
                rows.setdefault(trial.edit, Row(kind, trial.edit)).add(trial)
    return list(rows.values())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--tracks", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    counts: dict[Kind, int] = {"video": options.clips, "sound": options.tracks}
    everything: list[Row] = []
    for kind, count in counts.items():
        if not count:
            continue
        rows = measure(kind, count, processes=options.processes)
        everything += rows
        print(f"\n{kind}: {count} registered, {len(rows) - 1} kinds of copies, {count} unrelated\n")
        print(f"| {' | '.join(_HEADINGS)} |\n|{'---|' * len(_HEADINGS)}")
        for row in rows:
            print("| " + " | ".join(row.cells()) + " |", flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in everything], indent=1), "utf-8")


if __name__ == "__main__":
    main()
