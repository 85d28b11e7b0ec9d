"""Measure the curves and draw them: `python -m tests.benchmarks.curves [--limit N]`.

Writes `batch.svg`, `register.svg`, `video.svg`, `clients.svg` and all numbers as
`curves.json` into this folder, which the README shows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.curves.drawing import Curve, Line, draw
from tests.benchmarks.curves.measuring import SIZES, Point, measured

__all__ = ["main"]

_TITLES = {
    "batch": ("Files in a batch", "small signed files, 2 isolated processes"),
    "register": ("Codes in the register", "codes (17 for a picture at most)"),
    "video": ("Size of a video", "MB"),
    "clients": ("Clients of the service", "clients at once, 2 worker processes, pictures of 1 MB"),
}
_NAMES = {
    "ms_a_file": "ms a file",
    "ms": "ms to search for 8 codes",
    "seconds": "seconds to verify",
    "per_s": "files a second",
    "median_ms": "median answer, ms",
    "resident_mb": "resident MB",
}


def _drawn(name: str, points: Sequence[Point], note: str) -> str:
    title, across = _TITLES[name]
    lines = tuple(
        Line(name=_NAMES[what], points=tuple((point["size"], point[what]) for point in points))
        for what in points[0]
        if what != "size"
    )
    return draw(Curve(title=title, across=across, lines=lines, note=note))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, each curve in a process of its own, and draw."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.curves", description=__doc__)
    parser.add_argument(
        "--limit", type=int, help="leave out sizes above this: files, codes, MB, clients"
    )
    parser.add_argument("--only", nargs="+", choices=sorted(SIZES), default=list(SIZES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    record = given.out / "curves.json"
    known = json.loads(record.read_text("utf-8")) if record.exists() else {}
    for name in given.only:
        sizes = [size for size in SIZES[name] if given.limit is None or size <= given.limit]
        if not sizes:
            continue
        # What one leaves in memory is not to be in the next one's curve.
        with multiprocessing.get_context("spawn").Pool(1) as process:
            points = process.apply(measured, (name, sizes))
        load = os.getloadavg()[0]
        day = datetime.now(UTC).date().isoformat()
        note = f"{len(os.sched_getaffinity(0))} cores, load {load:.1f} in the end, {day}"
        known[name] = {"note": note, "points": points}
        (given.out / f"{name}.svg").write_text(_drawn(name, points, note), "utf-8")
        sys.stdout.write(json.dumps({name: points}) + "\n")
        sys.stdout.flush()
    record.write_text(json.dumps(known, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
