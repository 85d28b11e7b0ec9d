"""Every fuzz target for a moment, and the proof that a fault would be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.fuzz.whole import mutate

_ROOT = Path(__file__).parents[2]

_PLANTED = """
import sys
from tests.fuzz import run
from tests.fuzz.target import Target

def planted(data):
    if data[:1] == b"F":
        raise KeyError("a fault that nobody documented")

target = Target(name="planted", run=planted, seeds=tuple)
sys.exit(run.main(["--seconds", "5", "--folder", sys.argv[1]], {"planted": target}))
"""


def _fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=_ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_what_the_target_reads(name: str) -> None:
    """A seed that is refused at the door leads a fuzzer nowhere."""
    target = TARGETS[name]
    read = 0
    for data in target.seeds():
        assert len(data) <= target.max_bytes
        try:
            target.run(data)
        except target.documented:
            continue
        read += 1
    assert read


def test_nothing_comes_out_of_a_short_run(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    done = _fuzz(
        "-m", "tests.fuzz.run", "--runs", "300", "--seconds", "3",
        "--folder", str(tmp_path), "--json", str(table),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(table.read_text("utf-8"))
    assert [row["target"] for row in rows] == list(TARGETS)
    for row in rows:
        assert row["runs"] >= 20, row
        assert row["edges"][1] > 0, row


def test_a_fault_is_found_and_its_input_kept(tmp_path: Path) -> None:
    done = _fuzz("-c", _PLANTED, str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "KeyError" in done.stdout
    (kept,) = (tmp_path / "planted").glob("crash-*")
    assert kept.read_bytes().startswith(b"F")


def test_edits_of_signed_samples_are_spelt_as_said() -> None:
    whole = mutate(b"\0")
    assert mutate(b"\0\0\0\0\2ab") == b"ab" + whole[2:]
    assert mutate(b"\0\1\0\0\2ab") == b"ab" + whole
    assert mutate(b"\0\2\0\0\2ab") == whole[2:]
    assert mutate(b"\0\3\x80\0\0") == whole[: len(whole) // 2]
    assert mutate(b"\0\7\x80\0\2ab") == whole[: len(whole) // 2] + b"ab"
