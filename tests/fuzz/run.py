"""Coverage-guided fuzzing of every parser: what `make fuzz` runs.

    python -m tests.fuzz.run [--seconds 600] [--jobs 1] [--list] [TARGET ...]

Each target runs in a process of its own, under libFuzzer by way of atheris, from the
seed corpus and from what earlier runs found. A table at the end says how many inputs
ran, how fast, what coverage grew from and to, and what crashed; 1 is returned where
anything did. The input of a crash stays in `FOLDER/TARGET/`, and

    python -m tests.fuzz.replay TARGET FILE

runs it again without libFuzzer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

if TYPE_CHECKING:
    from tests.fuzz.target import Target

__all__ = ["Outcome", "main"]

_RSS_LIMIT_MB = 2048
# One input may take so long; on a busy machine a tenth of it would be a fault already.
_TIMEOUT_S = 25
# libFuzzer ends by itself; this is for the case that it does not.
_GRACE_S = 120
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one target.

    Attributes:
        target: Its name.
        runs: Inputs that ran.
        per_second: Inputs a second.
        edges: Coverage after the seeds, and at the end.
        found: Inputs that reached something new.
        peak_mb: Most resident memory.
        crash: What went wrong, in a line; empty if nothing did.
    """

    target: str
    runs: int
    per_second: int
    edges: tuple[int, int]
    found: int
    peak_mb: int
    crash: str


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--runs", type=int, default=-1, help="inputs at most for each target")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="targets at once")
    parser.add_argument("--folder", type=Path, default=_ROOT / ".fuzz")
    parser.add_argument("--json", type=Path, help="write the table here too")
    parser.add_argument("--list", action="store_true", help="name the targets")
    return parser.parse_args(argv)


def _load() -> Mapping[str, Target]:
    """The targets, with everything of ours instrumented."""
    # Instrumenting says so for each module, straight to the descriptor.
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a descriptor
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            with atheris.instrument_imports(include=["provenance", "piexif"]):
                from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented here
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    return TARGETS


def _fuzz(target: Target, place: Path, options: Sequence[str]) -> None:
    """In the child: fuzz until libFuzzer ends the process."""
    log = os.open(place / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # What a parser warns of goes to whoever reads the program's errors: unwanted.
    warnings.simplefilter("error")

    def one_input(data: bytes) -> None:
        try:
            target(data)
        except BaseException:
            # libFuzzer keeps the input of a native crash only.
            kept = place / f"crash-{hashlib.sha256(data).hexdigest()[:16]}"
            kept.write_bytes(data)
            print(f"Test unit written to {kept}", file=sys.stderr)
            raise

    atheris.Setup(["fuzz", *options], one_input)
    atheris.Fuzz()


def _start(target: Target, asked: argparse.Namespace) -> int:
    """Begin with one target: the process that fuzzes it."""
    folder: Path = asked.folder
    name = target.name
    place = folder / name
    for corpus in (place / "corpus", folder / "seeds" / name):
        corpus.mkdir(parents=True, exist_ok=True)
    dictionary = folder / "seeds" / f"{name}.dict"
    options = [
        f"-max_total_time={asked.seconds}",
        f"-runs={asked.runs}",
        f"-rss_limit_mb={_RSS_LIMIT_MB}",
        f"-timeout={_TIMEOUT_S}",
        f"-max_len={target.max_bytes}",
        f"-artifact_prefix={place}/",
        *([f"-dict={dictionary}"] if dictionary.exists() else []),
        "-print_final_stats=1",
        "-use_value_profile=1",
        str(place / "corpus"),
        str(folder / "seeds" / name),
    ]
    child = os.fork()
    if child:
        return child
    try:
        _fuzz(target, place, options)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:  # noqa: BLE001 - a child that must not return
        traceback.print_exc()
    os._exit(70)


def _outcome(name: str, place: Path, status: int) -> Outcome:
    log = (place / "log").read_text("utf-8", "replace")

    def last(pattern: str) -> int:
        found = re.findall(pattern, log)
        return int(found[-1]) if found else 0

    runs = last(r"stat::number_of_executed_units:\s*(\d+)")
    crash = "" if runs else "nothing ran"
    if status:
        said = re.findall(
            r"^(?:.*Error\b.*|.*Exception\b.*|==\d+== ?ERROR: .*|.*Warning: .*)$", log, re.MULTILINE
        )
        kept = re.findall(r"Test unit written to (\S+)", log)
        crash = f"status {status}: {(said or ['no message'])[-1].strip()[:160]}"
        crash += f" [{kept[-1]}]" if kept else f" [{place / 'log'}]"
    edges = [int(n) for n in re.findall(r"(?:INITED|DONE|NEW|pulse|REDUCE).* cov: (\d+)", log)]
    return Outcome(
        target=name,
        runs=runs,
        per_second=last(r"stat::average_exec_per_sec:\s*(\d+)"),
        edges=(edges[0], edges[-1]) if edges else (0, 0),
        found=last(r"stat::new_units_added:\s*(\d+)"),
        peak_mb=last(r"stat::peak_rss_mb:\s*(\d+)"),
        crash=crash,
    )


def _run_all(targets: Sequence[Target], asked: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Run the targets, so many at once: each one's name with its exit status."""
    waiting, running = list(targets), dict[int, tuple[str, float]]()
    while waiting or running:
        while waiting and len(running) < asked.jobs:
            target = waiting.pop(0)
            running[_start(target, asked)] = (target.name, time.monotonic())
        for child, (name, begun) in list(running.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                del running[child]
                yield name, os.waitstatus_to_exitcode(status)
            elif time.monotonic() - begun > asked.seconds + _GRACE_S:
                os.kill(child, signal.SIGKILL)
        time.sleep(0.05)


def _print(outcomes: Sequence[Outcome]) -> None:
    print(f"{'target':<20} {'runs':>10} {'exec/s':>7} {'edges':>13} {'new':>6} {'MB':>5}  crash")
    for one in outcomes:
        edges = f"{one.edges[0]}-{one.edges[1]}"
        print(
            f"{one.target:<20} {one.runs:>10} {one.per_second:>7} {edges:>13} "
            f"{one.found:>6} {one.peak_mb:>5}  {one.crash or '-'}"
        )


def main(argv: Sequence[str] | None = None, targets: Mapping[str, Target] | None = None) -> int:
    """Fuzz, print the table, and say whether anything crashed.

    Args:
        argv: The command line.
        targets: Replace all there are, and begin without seeds.
    """
    asked = _arguments(argv)
    asked.folder = asked.folder.resolve()
    seeded = targets is None
    targets = _load() if targets is None else targets
    if asked.list:
        print("\n".join(targets))
        return 0
    names = asked.targets or list(targets)
    unknown = sorted(set(names) - set(targets))
    if unknown:
        print(f"unknown targets: {', '.join(unknown)}; --list names them", file=sys.stderr)
        return 2
    os.environ["FUZZ_SAMPLES"] = str(asked.folder / "samples")
    # Signing starts threads of the engine, which a fork would leave behind.
    if seeded:
        seeds = str(asked.folder / "seeds")
        subprocess.run([sys.executable, "-m", "tests.fuzz.corpus", seeds], check=True, cwd=_ROOT)
    outcomes = []
    for name, status in _run_all([targets[name] for name in names], asked):
        outcomes.append(_outcome(name, asked.folder / name, status))
        print(f"{name}: {outcomes[-1].crash or 'clean'}", file=sys.stderr)
    _print(outcomes)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=2), "utf-8")
    return 1 if any(one.crash for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
