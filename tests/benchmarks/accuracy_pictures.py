"""How often are copies of registered pictures found, confirmed and called by the right name?

Scenes are drawn, registered, copied in every way of `tests.factory.copies`, and looked up; so
are scenes that were never registered, and further frames of registered bursts. Printed as a
table, and as JSON with `--json FILE`. `make accuracy` runs it at full size, for hours.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import ProvenanceError
from provenance.fingerprints.feature_index import HashedFeatureIndex, index_features
from provenance.fingerprints.index import FlatCodeIndex
from provenance.fingerprints.matching import PictureAnswer, PictureMatcher
from provenance.fingerprints.model import Reference
from provenance.fingerprints.pictures import fingerprint_picture
from provenance.media.decoding.encoding import scaled_down
from provenance.media.decoding.pictures import (
    DECODED_FORMATS,
    DecodedPicture,
    decode_picture,
)
from provenance.media.sniff import sniff_stream
from provenance.report import Region
from tests.factory.copies import BEYOND, COPIES, REPLACEMENTS, Copy, replaced
from tests.factory.scenes import photo

__all__ = ["Register", "Tally", "best_overlap", "main", "measure_copies", "picture_of"]

Rgb = NDArray[np.uint8]
T = TypeVar("T")
R = TypeVar("R")
_SLICE = 500
_SIZE = (640, 427)
_UNRELATED_FROM, _BURSTS_FROM = 1_000_000, 2_000_000


def picture_of(rgb: Rgb) -> DecodedPicture:
    """Pixels as the decoder would hand them on."""
    return DecodedPicture(rgb=scaled_down(rgb, 1024), width=rgb.shape[1], height=rgb.shape[0])


class Register:
    """Registered pictures in memory, each an owner of its own."""

    def __init__(self) -> None:
        self.codes = FlatCodeIndex()
        self.features = HashedFeatureIndex()
        self.references: dict[int, Reference] = {}
        self.matcher = PictureMatcher(
            codes=self.codes, references=self.references.get, features=self.features
        )

    def add(self, owner: int, rgb: Rgb) -> None:
        """Register a picture."""
        picture = picture_of(rgb)
        fingerprint = fingerprint_picture(picture)
        self.codes.add(owner, fingerprint.codes)
        self.features.add(owner, index_features(picture.rgb))
        self.references[owner] = fingerprint.references[0]

    def look_up(self, rgb: Rgb) -> PictureAnswer:
        """Which registered pictures was this one made from?"""
        return self.matcher.match(picture_of(rgb))


@dataclass(slots=True)
class Tally:
    """What became of one kind of copy.

    Attributes:
        copies: How many were looked up.
        by_code: Led back by a code.
        confirmed: Confirmed as a copy of the picture they were made from.
        right: With that picture first.
        others: Further pictures that were confirmed, wrongly.
        boxed: With a region marked although nothing was replaced or laid over.
        overlaps: Of each replaced or covered part, with the best box: intersection over union.
    """

    copies: int = 0
    by_code: int = 0
    confirmed: int = 0
    right: int = 0
    others: int = 0
    boxed: int = 0
    overlaps: tuple[float, ...] = ()

    def count(self, owner: int, answer: PictureAnswer, copy: Copy) -> None:
        """Count one look-up."""
        self.copies += 1
        mine = next((match for match in answer.matches if match.owner == owner), None)
        self.others += sum(match.owner != owner for match in answer.matches)
        self.right += bool(answer.matches) and answer.matches[0].owner == owner
        if mine is not None:
            self.confirmed += 1
            self.by_code += mine.distance is not None
        regions = mine.comparison.regions if mine is not None else ()
        if copy.changed is None:
            self.boxed += bool(regions)
        else:
            self.overlaps = (*self.overlaps, best_overlap(regions, copy))


def best_overlap(regions: Sequence[Region], copy: Copy) -> float:
    """Intersection over union of the changed part and the box nearest to it."""
    if copy.changed is None:
        return 0.0
    height, width = copy.rgb.shape[:2]
    left, top, wide, high = copy.changed
    best = 0.0
    for region in regions:
        x, y = region.left * width, region.top * height
        w, h = region.width * width, region.height * height
        across = max(0.0, min(left + wide, x + w) - max(left, x))
        down = max(0.0, min(top + high, y + h) - max(top, y))
        best = max(best, across * down / (wide * high + w * h - across * down))
    return best


class Kind(NamedTuple):
    """A way of copying, and whether it is among those that must be found."""

    name: str
    change: Callable[[Rgb, np.random.Generator], Copy]
    must: bool


def kinds() -> list[Kind]:
    """Every way of copying that is measured."""
    return [
        *(Kind(name, change, must=True) for name, change in COPIES.items()),
        *(Kind(name, replaced(area), must=True) for name, area in REPLACEMENTS.items()),
        *(Kind(name, change, must=False) for name, change in BEYOND.items()),
    ]


def measure_copies(
    register: Register,
    originals: Sequence[tuple[int, Rgb]],
    some: Sequence[Kind],
    *,
    processes: int = 1,
) -> dict[str, Tally]:
    """Copy each original in each way, and look the copies up."""

    def look_up(kind: Kind) -> Tally:
        tally = Tally()
        for owner, rgb in originals:
            copy = kind.change(rgb, np.random.default_rng((owner, len(kind.name))))
            tally.count(owner, register.look_up(copy.rgb), copy)
        return tally

    tallies = {}
    for kind, tally in zip(some, _each(look_up, some, processes), strict=True):
        tallies[kind.name] = tally
        _say(f"{kind.name}: {tally.right} of {tally.copies}")
    return tallies


def measure_unrelated(register: Register, queries: range, *, processes: int = 1) -> int:
    """How many confirmed matches do pictures get that were never registered?

    Six queries are made of each scene: the whole, a mirrored half, quarters.
    """
    false = 0
    slices = [queries[n : n + _SLICE] for n in range(0, len(queries), _SLICE)]
    answers = _each(lambda numbers: _look_up_strangers(register, numbers), slices, processes)
    for done, found in zip(slices, answers, strict=True):
        false += found
        _say(f"unrelated: {false} of {done.stop - queries.start}")
    return false


_work: Callable[[Any], Any]
_items: Sequence[Any]


def _each(work: Callable[[T], R], items: Sequence[T], processes: int) -> Iterator[R]:
    """What `work` makes of each, in order, by so many processes.

    They are forked with the work and its items: a register is too large to be sent.
    """
    global _work, _items
    if processes == 1:
        yield from map(work, items)
        return
    _work, _items = work, items
    with get_context("fork").Pool(processes) as pool:
        yield from pool.imap(_do, range(len(items)))


def _do(number: int) -> Any:
    return _work(_items[number])


@lru_cache(maxsize=1)
def _stranger(scene: int) -> Rgb:
    return photo(_UNRELATED_FROM + scene, size=_SIZE)


def _look_up_strangers(register: Register, numbers: range) -> int:
    """Confirmed matches of some of them."""
    false = 0
    for number in numbers:
        rgb = _stranger(number // 6)
        height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
        part = (
            rgb,
            rgb[:height, ::-1],
            rgb[height:, :width],
            rgb[:, width:],
            rgb[height:, width:],
            rgb[:height, :width],
        )[number % 6]
        false += len(register.look_up(np.ascontiguousarray(part)).matches)
    return false


def measure_bursts(register: Register, bursts: int) -> dict[str, int]:
    """Three frames of each burst are registered: which one is a copy of the second called?"""
    for burst in range(bursts):
        for frame in range(3):
            rgb = photo(_BURSTS_FROM + burst, frame, size=_SIZE)
            register.add(_BURSTS_FROM + 3 * burst + frame, rgb)
    counted = {"copies": 0, "right_frame": 0, "other_frame": 0, "not_told_apart": 0}
    counted |= {"frames_never_registered": 0, "confirmed_as_a_sibling": 0, "and_told_apart": 0}
    for burst in range(bursts):
        rgb = photo(_BURSTS_FROM + burst, 1, size=_SIZE)
        copy = COPIES["repost chain"](rgb, np.random.default_rng(burst))
        matches = register.look_up(copy.rgb).matches
        counted["copies"] += 1
        if matches and not matches[0].told_apart:
            counted["not_told_apart"] += 1
        elif matches and matches[0].owner == _BURSTS_FROM + 3 * burst + 1:
            counted["right_frame"] += 1
        elif matches:
            counted["other_frame"] += 1
        matches = register.look_up(photo(_BURSTS_FROM + burst, 7, size=_SIZE)).matches
        counted["frames_never_registered"] += 1
        counted["confirmed_as_a_sibling"] += bool(matches)
        counted["and_told_apart"] += bool(matches) and matches[0].told_apart
    return counted


def corpus_photographs(folder: Path) -> list[Rgb]:
    """Real photographs of a folder of files, one of each: the same picture comes in many."""
    found: list[Rgb] = []
    codes = FlatCodeIndex()
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            media_format = sniff_stream(file, path.stat().st_size)
            if media_format is None or media_format.name not in DECODED_FORMATS:
                continue
            try:
                picture = decode_picture(file, media_format)
            except ProvenanceError:
                continue
        if min(picture.width, picture.height) < 400:
            continue
        whole = fingerprint_picture(picture).codes[:1]
        if not codes.search(whole, radius=40):
            codes.add(len(found), whole)
            found.append(picture.rgb)
    return found


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(title: str, tallies: dict[str, Tally]) -> None:
    print(f"{title:24} {'copies':>6} {'by code':>8} {'confirmed':>9} {'right':>6} {'boxed':>6}")
    for name, tally in tallies.items():
        share = [100 * n / tally.copies for n in (tally.by_code, tally.confirmed, tally.right)]
        row = f"{name:24} {tally.copies:6} {share[0]:7.1f}% {share[1]:8.1f}% {share[2]:5.1f}%"
        if tally.overlaps:
            good = sum(overlap >= 0.5 for overlap in tally.overlaps)
            print(f"{row}        box on it, IoU >= 0.5: {100 * good / len(tally.overlaps):.1f}%")
        else:
            print(f"{row} {100 * tally.boxed / tally.copies:5.1f}%")
    print()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the JSON twin if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--registered", type=int, default=2000)
    parser.add_argument("--copies", type=int, default=200, help="of each kind")
    parser.add_argument("--unrelated", type=int, default=30_000)
    parser.add_argument(
        "--unrelated-from", type=int, default=0, help="leave out those before, measured already"
    )
    parser.add_argument("--bursts", type=int, default=100)
    parser.add_argument("--photographs", type=int, default=100, help="of TEST_CORPUS")
    parser.add_argument("--processes", type=int, default=2, help="that look up")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    begin = time.monotonic()
    register, originals = Register(), []
    for seed in range(options.registered):
        rgb = photo(seed, size=_SIZE)
        register.add(seed, rgb)
        if seed < options.copies:
            originals.append((seed, rgb))
    corpus = os.environ.get("TEST_CORPUS")
    real = corpus_photographs(Path(corpus))[: options.photographs] if corpus else []
    for number, rgb in enumerate(real):
        register.add(options.registered + number, rgb)
    pictures, codes = len(register.references), len(register.codes)
    _say(f"{pictures} pictures registered, {codes} codes")
    bursts = measure_bursts(register, options.bursts)
    photographs = [(options.registered + n, rgb) for n, rgb in enumerate(real)]
    drawn = measure_copies(
        register, originals, kinds() if originals else [], processes=options.processes
    )
    if originals:
        _print("drawn scenes", drawn)
    photographed = measure_copies(
        register, photographs, kinds() if real else [], processes=options.processes
    )
    if real:
        _print("photographs", photographed)
    strangers = range(options.unrelated_from, options.unrelated)
    false = measure_unrelated(register, strangers, processes=options.processes)
    print(f"registered: {pictures} pictures and {3 * options.bursts} frames of bursts")
    print(f"codes: {len(register.codes)}")
    print(f"unrelated: {false} confirmed in {len(strangers)} look-ups")
    print(f"bursts: {bursts}")
    if options.json:
        document: dict[str, Any] = {
            "registered_pictures": len(register.references),
            "registered_codes": len(register.codes),
            "unrelated_look_ups": len(strangers),
            "unrelated_confirmed": false,
            "bursts": bursts,
            "drawn": {name: asdict(tally) for name, tally in drawn.items()},
            "photographs": {name: asdict(tally) for name, tally in photographed.items()},
            "took_s": round(time.monotonic() - begin),
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
