"""How fast is the register, and does it lose anything? `python -m tests.benchmarks.register`.

Makes an export of many releases, signed beforehand, and imports it: in a process that is
killed with signal 9 about half-way, and then again from the beginning. What is timed is
checking every signature and key, and writing. Then it is looked into, backed up and checked.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from provenance.registry.log.leaf import sign_statement
from provenance.registry.log.statement import Register as RegisterStatement
from provenance.registry.log.statement import ReleaseFile
from provenance.registry.register.backup import backup_register
from provenance.registry.register.fsck import check_register
from provenance.registry.register.importing import import_register
from provenance.registry.register.register import Register
from provenance.registry.register.transfer_lines import (
    ChangeLine,
    EndLine,
    StartLine,
    encode_line,
)
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from tests.factory import pki
from tests.factory.registers import AGENCY, AT, digest_of
from tests.factory.release_log import agencies_of

__all__ = ["Measured", "main", "measure"]

_LOOK_UPS = 300
_NOW = AT + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came out.

    Attributes:
        releases: How many there are.
        there_after_kill: How many the killed import left, whole.
        registered_per_s: Of the rest, signature and key checked, in batches of 500.
        look_up_ms: Finding a file by its digest, with how its release stands; the median.
        unknown_ms: Not finding one.
        backup_s: A backup.
        check_s: Holding all of it against the signatures.
        file_mb: Size of the database.
    """

    releases: int
    there_after_kill: int
    registered_per_s: float
    look_up_ms: float
    unknown_ms: float
    backup_s: float
    check_s: float
    file_mb: float


def measure(folder: Path, count: int) -> Measured:
    """Measure with so many releases."""
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=pki.NOT_BEFORE,
        validity_days=19 * 365,
        authority_validity_days=20 * 365,
    )
    export, place = folder / "export.jsonl", folder / "register.db"
    _make_export(export, agency, count)
    there = _import_and_kill(export, place, count)
    with Register(place, agencies=agencies_of(agency)) as register, export.open("rb") as stream:
        began = time.perf_counter()
        done = import_register(register, stream, now=_NOW)
        taken_s = time.perf_counter() - began
        if (done.changes, done.added, register.size) != (count, count - there, count):
            raise AssertionError(f"something was lost: {done}, {register.size}")
        view = register.view(clock=lambda: _NOW)
        step = max(1, count // _LOOK_UPS)
        digests = [digest_of(f"NOVA9-{number}") for number in range(0, count, step)]
        look_up_ms = _median_ms(lambda digest: view.files(digest, at=_NOW), digests)
        unknown_ms = _median_ms(lambda digest: view.files(digest[::-1], at=_NOW), digests)
        began = time.perf_counter()
        backup_register(register.database, folder / "backup")
        backup_s = time.perf_counter() - began
        began = time.perf_counter()
        report = check_register(register.database, agencies=agencies_of(agency))
        check_s = time.perf_counter() - began
        if report.findings:
            raise AssertionError(str(report.findings[:3]))
    return Measured(
        releases=count,
        there_after_kill=there,
        registered_per_s=done.added / taken_s,
        look_up_ms=look_up_ms,
        unknown_ms=unknown_ms,
        backup_s=backup_s,
        check_s=check_s,
        file_mb=place.stat().st_size / 1e6,
    )


def _make_export(path: Path, agency: DevAgency, count: int) -> None:
    signer = agency.signer()
    with path.open("wb") as stream:
        stream.write(encode_line(StartLine()))
        for number in range(count):
            name = f"NOVA9-{number}"
            file = ReleaseFile(sha256=digest_of(name), media_type="image/jpeg")
            signed = sign_statement(
                RegisterStatement(agency=AGENCY, claimed_at=AT, release=name, files=(file,)), signer
            )
            line = ChangeLine(signed=signed.document, taken_at=int(AT.timestamp()))
            stream.write(encode_line(line))
        stream.write(encode_line(EndLine(changes=count)))


def _import_and_kill(export: Path, place: Path, count: int) -> int:
    code = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from provenance.registry.register.importing import import_register\n"
        "from provenance.registry.register.register import Register\n"
        "with Register(sys.argv[1]) as register, open(sys.argv[2], 'rb') as stream:\n"
        "    import_register(register, stream, now=datetime(2026, 5, 2, 12, tzinfo=UTC),\n"
        "                    note=lambda n: print(n, flush=True))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(place), str(export)], stdout=subprocess.PIPE, text=True
    )
    if process.stdout is None:
        raise AssertionError("a pipe was asked for")
    with process.stdout:
        for line in process.stdout:
            if int(line) >= count // 2:
                break
        process.kill()
        process.wait()
    with Register(place) as register:
        return register.size


def _median_ms(ask: Callable[[str], object], digests: list[str]) -> float:
    times = []
    for digest in digests:
        began = time.perf_counter()
        ask(digest)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1_000


def main(arguments: list[str] | None = None) -> None:
    """Print what comes out, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=100_000)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), parser.parse_args(arguments).releases)
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")


if __name__ == "__main__":
    main()
