"""A process that is killed at any instant loses no entry it has answered for, and forks nothing."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from provenance.registry.log.folder import LogFolder
from provenance.registry.log.fsck import check_log
from provenance.registry.log.leaf import parse_leaf, parse_signed_statement
from provenance.registry.log.merkle import is_consistent, prove_consistency
from provenance.registry.log.reader import FolderReader, TileReader
from provenance.registry.log.store import LogStore
from provenance.registry.log.writer import LogWriter
from provenance.signing.memory_signer import MemorySigner
from tests.factory.release_log import Trial, checkpoint_in, note_key, register

# Appends batch after batch, and says which entries it has answered for.
_WRITER = """
import json, sys
from datetime import timedelta
from pathlib import Path
from provenance.registry.log.folder import LogFolder
from provenance.registry.log.leaf import parse_signed_statement
from provenance.registry.log.writer import LogWriter
from tests.factory.release_log import AT, note_key

lines = Path(sys.argv[2]).read_bytes().splitlines()
statements = [parse_signed_statement(line, where="line") for line in lines]
print("ready", flush=True)
with LogWriter(LogFolder.open(Path(sys.argv[1])), note_key()) as writer:
    start = writer.size
    for at in range(start, len(statements), 2):
        done = writer.append(statements[at : at + 2], at=AT + timedelta(seconds=at))
        print(json.dumps([done.indices[-1], done.checkpoint.decode()]), flush=True)
"""

# Dies of SIGKILL before the n-th change of the disk that Python makes.
_DYING = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from provenance.registry.log.folder import LogFolder
from provenance.registry.log.leaf import parse_signed_statement
from provenance.registry.log.writer import LogWriter
from tests.factory.release_log import AT, note_key

lines = Path(sys.argv[2]).read_bytes().splitlines()
statements = [parse_signed_statement(line, where="line") for line in lines]
EVENTS = {
    "sqlite3.connect", "tempfile.mkstemp", "os.rename", "os.remove", "os.mkdir", "os.rmdir"
}

def run(folder, deadly):
    count = 0
    def hook(event, arguments):
        nonlocal count
        if event in EVENTS:
            count += 1
            if count == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    with LogWriter(LogFolder.open(folder), note_key()) as writer:
        writer.append(statements[:260], at=AT + timedelta(hours=1))
    os._exit(0)

for number, folder in enumerate(sorted(Path(sys.argv[1]).iterdir()), start=1):
    child = os.fork()
    if child == 0:
        run(folder, number)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else "done", flush=True)
"""


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory, agency_signer: MemorySigner) -> Path:
    folder = tmp_path_factory.mktemp("statements")
    trial = Trial(folder / "log", agency_signer)
    path = folder / "statements.jsonl"
    signed = trial.sign(*(register(n) for n in range(600)))
    path.write_bytes(b"".join(s.encoded + b"\n" for s in signed))
    return path


def start(script: str, *arguments: Path) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[4]
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, cwd=root
    )


def check_continues(folder: LogFolder, notes: list[bytes]) -> int:
    """Every checkpoint that was ever handed out is one that the log still continues."""
    with LogWriter(folder, note_key()) as writer:
        size = writer.size
    head = checkpoint_in(folder.checkpoint.read_bytes())
    nodes = TileReader(FolderReader(folder.public), size)
    for note in notes:
        old = checkpoint_in(note)
        proof = prove_consistency(old.size, size, nodes)
        assert is_consistent(old.size, size, old.root, head.root, proof)
    report = check_log(folder)
    assert report.findings == ()
    assert report.entries == report.signed == size
    return size


def test_killed_at_random_moments(trial: Trial, statements: Path) -> None:
    rng = random.Random(20260501)
    notes: list[bytes] = []
    answered = -1
    killed = 0
    for _ in range(5):
        process = start(_WRITER, trial.folder.path, statements)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        for line in process.stdout.read().splitlines(keepends=True):
            if line.endswith(b"\n"):
                index, note = json.loads(line)
                answered = max(answered, index)
                notes.append(note.encode())
        killed += process.wait() == -signal.SIGKILL
        process.stdout.close()
        if trial.folder.checkpoint.exists():
            notes.append(trial.folder.checkpoint.read_bytes())
        assert check_continues(trial.folder, notes) > answered
    # A machine may be slow, or fast enough to finish: not every time.
    assert killed
    assert notes
    # What was answered for stands where it was said to stand.
    wanted = statements.read_bytes().splitlines()
    store = LogStore(trial.folder.store, read_only=True)
    for row in store.rows(0, answered + 1):
        assert parse_leaf(row.record, where="l").signed.encoded == wanted[row.index]
    store.close()


def test_killed_between_any_two_changes_of_the_disk(
    trial: Trial, statements: Path, tmp_path: Path
) -> None:
    trial.fill(250)
    folders = tmp_path / "copies"
    folders.mkdir()
    copies = [trial.copy(folders / f"{n:03}") for n in range(1, 36)]
    process = start(_DYING, folders, statements)
    out, _ = process.communicate(timeout=60)
    ends = out.decode().split()
    # The last ones die of nothing: every instant was tried, and only once.
    assert ends == ["killed"] * ends.count("killed") + ["done"] * ends.count("done")
    assert ends.count("killed") > 25
    assert ends[-1] == "done"
    sizes = [check_continues(copy.folder, [trial.checkpoint]) for copy in copies]
    # Before the entries were committed, or after: nothing between.
    assert sizes == sorted(sizes)
    assert set(sizes) == {250, 260}


def test_an_import_that_was_killed_is_repeated(trial: Trial, statements: Path) -> None:
    process = start(_WRITER, trial.folder.path, statements)
    assert process.stdout is not None
    for _ in range(20):
        process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    whole = [
        parse_signed_statement(line, where="l") for line in statements.read_bytes().splitlines()
    ]
    with trial.writing() as writer:
        before = writer.size
        done = writer.append(whole, at=trial.at + timedelta(days=1))
    assert 0 < before < 600
    assert done.indices == tuple(range(600))
    assert done.added == 600 - before
    assert check_log(trial.folder).findings == ()
