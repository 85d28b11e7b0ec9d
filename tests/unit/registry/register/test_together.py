"""Registering, withdrawing and searching at once, in threads and in processes; kill -9."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from provenance.errors import RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.exporting import export_register
from provenance.registry.register.fsck import check_register
from provenance.registry.register.importing import import_register
from provenance.registry.register.register import Register
from provenance.verification.register import RegisteredFile
from tests.factory.registers import AGENCY, AT, Desk, digest_of

NOW = AT + timedelta(days=1)
COUNT = 30
_IMPORT = """\
import sys
from datetime import UTC, datetime
from provenance.registry.register.importing import import_register
from provenance.registry.register.register import Register

with Register(sys.argv[1]) as register, open(sys.argv[2], "rb") as stream:
    def note(count):
        print(count, flush=True)
    import_register(register, stream, now=datetime(2026, 5, 2, 12, tzinfo=UTC), note=note)
print("done", flush=True)
"""


def importing(place: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _IMPORT, place, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def exported(tmp_path: Path, desk: Desk, count: int, name: str) -> Path:
    """An export of so many releases, made in a register of its own."""
    path = tmp_path / f"{name}.jsonl"
    with Register(tmp_path / f"{name}.source.db") as source:
        changes = [desk.plain(f"{name}-{number}") for number in range(count)]
        source.take(changes, at=desk.at)
        with path.open("wb") as stream:
            export_register(source.database, stream)
    return path


def test_threads_register_withdraw_and_look_at_once(  # noqa: C901 - three at once
    register: Register, desk: Desk
) -> None:
    releases = [desk.release(f"NOVA9-{number}") for number in range(COUNT)]
    withdrawals = [desk.withdraw(f"NOVA9-{number}") for number in range(COUNT)]
    errors: list[BaseException] = []
    seen: list[str] = []
    ready = threading.Barrier(3)

    def run(work: Callable[[], None]) -> threading.Thread:
        def body() -> None:
            try:
                ready.wait(30)
                work()
            except BaseException as error:  # noqa: BLE001 - a thread's error is the test's
                errors.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        return thread

    def register_all() -> None:
        for changes in releases:
            register.take(changes, at=NOW)

    def withdraw_all() -> None:
        for number, change in enumerate(withdrawals):
            for _ in range(2_000):
                try:
                    register.take([change], at=NOW)
                    break
                except RegisterError as error:
                    if f"there is no release 'NOVA9-{number}'" not in str(error):
                        raise
                    # Not there yet.
                    time.sleep(0.02)

    def look() -> None:
        view, at = register.view(clock=lambda: NOW), 0
        for _ in range(2_000):
            changes = register.codes.codes_since(at)
            at = changes.upto
            found = view.owners([owned.owner for owned in changes.added], at=NOW)
            # What a search was told of is there, whole.
            assert len(found) == len(changes.added)
            seen.extend(file.sha256 for file in found.values())
            if len(seen) == COUNT:
                break
            time.sleep(0.02)

    for thread in [run(register_all), run(withdraw_all), run(look)]:
        thread.join(120)
    assert errors == []
    assert sorted(seen) == sorted(digest_of(f"NOVA9-{number}") for number in range(COUNT))
    (first,) = register.view(clock=lambda: NOW).files(digest_of("NOVA9-0"), at=NOW)
    assert first.release.state == "withdrawn"
    assert check_register(register.database, agencies=AgencyChecker(None)).findings == ()


def test_two_processes_write_at_once(
    places: Callable[[str], str], tmp_path: Path, desk: Desk
) -> None:
    place = places("register")
    paths = [exported(tmp_path, desk, 100, name) for name in ("left", "right")]
    processes = [importing(place, path) for path in paths]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert out.endswith("done\n"), err
    with Register(place) as register:
        assert register.size == 200
        report = check_register(register.database, agencies=AgencyChecker(None))
        assert (report.changes, report.findings) == (200, ())


def test_two_processes_make_a_register_at_once(tmp_path: Path, desk: Desk) -> None:
    place = str(tmp_path / "new.db")
    paths = [exported(tmp_path, desk, 5, name) for name in ("left", "right")]
    processes = [importing(place, path) for path in paths]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert out.endswith("done\n"), err
    with Register(place) as register:
        assert register.size == 10


def test_an_import_that_is_killed_loses_nothing_and_goes_on(
    places: Callable[[str], str], tmp_path: Path, desk: Desk
) -> None:
    """Killed half-way: whole batches are there, no half of one; done again, all of it is."""
    count = 1_500
    path = exported(tmp_path, desk, count, "NOVA9")
    place = places("register")
    process = importing(place, path)
    assert process.stdout is not None
    told = int(process.stdout.readline())
    process.kill()
    process.communicate()
    with Register(place) as register:
        there = register.size
        assert told <= there < count
        # Each change is there with all that it says.
        assert there % 500 == 0
        assert register.view(clock=lambda: NOW).count(at=NOW) == there
        assert check_register(register.database, agencies=AgencyChecker(None)).findings == ()
        with path.open("rb") as stream:
            done = import_register(register, stream, now=NOW)
        assert (done.changes, done.added) == (count, count - there)
        whole = io.BytesIO()
        export_register(register.database, whole)
        original = path.read_bytes().splitlines()
        assert len(whole.getvalue().splitlines()) == len(original)
        assert register.size == count


def test_a_view_may_be_shared_by_threads(register: Register, desk: Desk) -> None:
    register.take(desk.release("NOVA9-1"), at=NOW)
    view = register.view(clock=lambda: NOW)
    answers: list[tuple[RegisteredFile, ...]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(view.files(digest_of("NOVA9-1"), at=NOW)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({len(answer) for answer in answers}) == 1
    assert answers[0][0].release.agency == AGENCY
    with pytest.raises(RegisterError, match="no release"):
        register.take([desk.withdraw("NOVA9-2")], at=NOW)
