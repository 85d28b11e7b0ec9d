"""`provenance log`, as its keepers and those who check it type it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provenance.cli.log_options import log_signer_of
from provenance.registry.log.folder import LogFolder
from provenance.registry.log.leaf import (
    SignedStatement,
    embargo,
    parse_signed_statement,
    reveal,
    sign_statement,
)
from provenance.registry.log.note import parse_note, sign_note
from provenance.registry.log.statement import Statement
from provenance.registry.log.writer import Appended, LogWriter
from provenance.runtime.log_server import LogServer
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.command_line import Cli, Done, command_line
from tests.factory.release_log import ORIGIN, note_key, register, withdraw

NOW = datetime.now(UTC).replace(microsecond=0)
SALT = bytes(range(32))
PLAIN = "--unsafe-plain-key"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return command_line(monkeypatch, capsys)


class Desk:
    """A folder with a log, a directory and statements, and somebody who types."""

    def __init__(self, path: Path, cli: Cli, agency: DevAgency, signer: MemorySigner) -> None:
        self.path = path
        self.log = path / "log"
        self.directory = path / "directory.json"
        self.directory.write_text(json.dumps(agency.directory_entry()))
        self._cli = cli
        self._signer = signer

    def __call__(self, *arguments: object) -> Done:
        return self._cli("log", *map(str, arguments))

    def statements(self, *statements: Statement, name: str = "new.jsonl") -> Path:
        signed = [sign_statement(statement, self._signer) for statement in statements]
        path = self.path / name
        path.write_bytes(b"".join(s.encoded + b"\n" for s in signed))
        return path

    def append(self, *statements: Statement, options: tuple[object, ...] = ()) -> Done:
        path = self.statements(*statements)
        return self("append", self.log, path, "--directory", self.directory, PLAIN, *options)


@pytest.fixture
def desk(tmp_path: Path, cli: Cli, agency: DevAgency, agency_signer: MemorySigner) -> Desk:
    desk = Desk(tmp_path, cli, agency, agency_signer)
    done = desk("init", desk.log, "--origin", ORIGIN, "--url", f"https://{ORIGIN}/", PLAIN)
    assert done.code == 0, done.err
    assert f"the log {ORIGIN} begins, empty" in done.out
    return desk


def first(number: int) -> Statement:
    return register(number, at=NOW)


def test_from_an_empty_log_to_a_proof_that_holds(desk: Desk) -> None:
    done = desk.append(first(1), first(2))
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        f"{desk.path / 'new.jsonl'}: entries 0 .. 1, 2 of 2 new",
    )
    proof, entry, policy = desk.path / "p.tlog-proof", desk.path / "e.json", desk.log / "policy"
    done = desk("prove", desk.log, 1, "--entry", entry, "--out", proof)
    assert (done.code, done.out) == (0, "")
    check = ("verify", proof, "--policy", policy, "--entry", entry, "--directory", desk.directory)
    done = desk(*check)
    assert done.code == 0, done.out
    assert f"holds: {ORIGIN}, 2 entries" in done.out
    assert "no witness signed it: another tree may have been shown to others" in done.out
    assert "the agency aurora-entertainment stands behind the entry" in done.out
    # Without a directory, whose key it is stays open.
    done = desk(*check[:-2])
    assert (done.code, "no directory was given" in done.out) == (4, True)
    entry.write_bytes(entry.read_bytes().replace(b"NOVA9-2", b"NOVA9-3"))
    done = desk(*check)
    assert done.code == 1
    assert "does not hold: " in done.out
    assert "does not prove that this entry is number 1 of" in done.out


def test_a_checkpoint_and_what_continues_it(desk: Desk) -> None:
    desk.append(first(1))
    seen, policy = desk.path / "seen", desk.log / "policy"
    seen.write_bytes((desk.log / "public" / "checkpoint").read_bytes())
    assert desk("verify", seen, "--policy", policy).code == 0
    desk.append(first(2))
    proof = desk.path / "proof"
    assert desk("prove", desk.log, "--since", seen, "--out", proof).code == 0
    done = desk("verify", proof, "--policy", policy, "--since", seen)
    assert (done.code, "continues the tree of 1 entries" in done.out) == (0, True)
    later = desk.log / "public" / "checkpoint"
    done = desk("verify", proof, "--policy", policy, "--since", later)
    assert (done.code, "begins at 1 entries" in done.out) == (1, True)
    done = desk("prove", desk.log, "--since", seen)
    assert done.out.startswith("old 1\n")


def test_a_bundle_proves_a_release_without_a_network(desk: Desk) -> None:
    desk.append(first(1))
    asset, manifest, bundle = (desk.path / name for name in ("a.jpg", "a.c2pa", "release.zip"))
    asset.write_bytes(b"picture 1")
    manifest.write_bytes(b"manifest 1")
    done = desk("bundle", desk.log, 0, "--out", bundle, "--asset", asset, "--manifest", manifest)
    assert (done.code, "proves entry 0 of" in done.out) == (0, True)
    check = ("verify", bundle, "--policy", desk.log / "policy")
    done = desk(*check, "--directory", desk.directory)
    assert done.code == 0, done.out
    assert done.out.count("passed ") == 5
    assert "whether the release was withdrawn later, only the log can tell" in done.out
    done = desk(*check, "--directory", desk.directory, "--asset", manifest)
    assert (done.code, "failed       asset:" in done.out) == (1, True)
    done = desk(*check)
    assert (done.code, "could not be checked in full" in done.out) == (4, True)
    policy = desk.path / "other"
    policy.write_text(f"log {note_key('other').key.text}\nquorum none\n")
    done = desk("verify", bundle, "--policy", policy, "--directory", desk.directory)
    assert (done.code, "failed       inclusion:" in done.out) == (1, True)
    assert desk("bundle", desk.log, 0, "--out", bundle).code == 2


def test_a_proof_is_held_against_the_file_that_is_given(desk: Desk) -> None:
    desk.append(first(1))
    entry, proof = desk.path / "entry.json", desk.path / "one.tlog-proof"
    assert desk("prove", desk.log, 0, "--entry", entry, "-o", proof).code == 0
    good, other = desk.path / "good.jpg", desk.path / "other.jpg"
    good.write_bytes(b"picture 1")
    other.write_bytes(b"picture 2")
    policy = ("--policy", desk.log / "policy", "--directory", desk.directory)
    check = ("verify", proof, *policy, "--entry", entry)
    assert desk(*check).code == 0
    done = desk(*check, "--asset", good)
    assert (done.code, "the entry is about" in done.out) == (0, True)
    done = desk(*check, "--asset", other)
    assert (done.code, "does not hold: " in done.out, "holds: " in done.out) == (1, True, False)
    assert "is not in the entry" in done.out
    # A checkpoint is about no file.
    checkpoint = desk.log / "public" / "checkpoint"
    assert desk("verify", checkpoint, *policy).code == 0
    done = desk("verify", checkpoint, *policy, "--asset", good)
    assert (done.code, "--asset" in done.err) == (2, True)


def test_no_bundle_is_made_of_parts_that_do_not_belong_together(desk: Desk) -> None:
    desk.append(first(1), first(2))
    parts = {}
    for name in ("picture 1", "manifest 1", "picture 2", "manifest 2"):
        parts[name] = desk.path / name
        parts[name].write_bytes(name.encode())

    def made(asset: str, manifest: str) -> Done:
        out = desk.path / "made.zip"
        done = desk(
            "bundle", desk.log, 0, "-o", out,
            "--asset", parts[asset], "--manifest", parts[manifest],
        )  # fmt: skip
        assert out.exists() is (done.code == 0)
        return done

    done = made("picture 2", "manifest 1")
    assert (done.code, "its SHA-256" in done.err, "is not in the entry" in done.err) == (
        2,
        True,
        True,
    )
    done = made("picture 1", "manifest 2")
    assert (done.code, "of the manifest store is not in the entry" in done.err) == (2, True)
    assert made("picture 1", "manifest 1").code == 0


def test_an_embargo_and_what_it_hid(desk: Desk) -> None:
    hidden = register(7, at=NOW)
    desk.append(embargo(hidden, SALT, at=NOW))
    assert desk("show", desk.log, "aurora-entertainment/NOVA9-7").code == 1
    desk.append(reveal(hidden, SALT, entry=0, at=NOW))
    done = desk("show", desk.log, "aurora-entertainment/NOVA9-7")
    assert "first stated by the agency on" in done.out
    assert "entry 0 (under embargo)" in done.out
    bundle = desk.path / "release.zip"
    assert desk("bundle", desk.log, 1, "--out", bundle).code == 0
    done = desk("verify", bundle, "--policy", desk.log / "policy", "--directory", desk.directory)
    assert (done.code, "passed       embargo: was committed to in entry 0" in done.out) == (0, True)


def test_a_watcher_remembers_what_it_saw(desk: Desk) -> None:
    state, policy = desk.path / "state", desk.log / "policy"
    place = ("monitor", desk.log, "--policy", policy, "--state", state)
    watch = (*place, "--directory", desk.directory)
    desk.append(first(1))
    done = desk(*watch)
    assert (done.code, "seen before: nothing" in done.out) == (0, True)
    desk.append(first(2), withdraw(1, at=NOW))
    older = state.read_bytes()
    done = desk(*watch)
    assert (done.code, "2 entries looked at" in done.out) == (0, True)
    checkpoint = desk.log / "public" / "checkpoint"
    newest = checkpoint.read_bytes()
    assert state.read_bytes() == newest
    checkpoint.write_bytes(older)
    done = desk(*watch)
    assert (done.code, "ALARM regression: shows" in done.out) == (1, True)
    # What was seen stays what was seen.
    assert state.read_bytes() == newest
    checkpoint.write_bytes(newest)
    other = desk.path / "other"
    text = parse_note(newest, where="n").text.replace(b"\n3\n", b"\n2\n")
    folder = LogFolder.open(desk.log)
    signer = log_signer_of(folder.keys / "log.pem", ORIGIN, None, plain=True)
    other.write_bytes(sign_note(text, [signer]).encoded)
    done = desk(*watch, "--other", other)
    assert (done.code, "ALARM fork: shows" in done.out) == (1, True)
    done = desk(*place)
    assert "whose keys these are is not checked" in done.err


def test_a_log_is_served_and_watched_over_the_network(desk: Desk) -> None:
    desk.append(first(1))
    folder = LogFolder.open(desk.log)
    state, policy = desk.path / "state", desk.log / "policy"
    with LogServer(folder.public) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        watch = ("monitor", server.url, "--policy", policy, "--state", state)
        assert desk(*watch, "--directory", desk.directory).code == 0
        assert desk("prove", server.url, 0, "--policy", policy).out.startswith("c2sp.org/tlog-pr")
        done = desk("prove", server.url, 0)
        assert (done.code, "--policy: expected one" in done.err) == (2, True)
        server.shutdown()
        thread.join()
    done = desk(*watch, "--directory", desk.directory)
    assert (done.code, "could not be looked at" in done.out) == (4, True)
    done = desk("prove", server.url, 0, "--policy", policy)
    assert (done.code, "cannot be reached" in done.err or "refused" in done.err) == (2, True)


def test_the_files_are_served_on_this_machine_until_interrupted(desk: Desk) -> None:
    desk.append(first(1))
    command = [sys.executable, "-m", "provenance.cli.main", "log", "serve-files", str(desk.log)]
    process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith(f"{ORIGIN}: served at http://127.0.0.1:")
    finally:
        process.send_signal(2)
        assert process.wait(timeout=10) == 130
        process.stdout.close()


def test_what_is_missing_is_made_again(desk: Desk) -> None:
    desk.append(first(1))
    assert desk("fsck", desk.log).out == f"{desk.log}: 1 entries: sound\n"
    (desk.log / "public" / "tile" / "0" / "000.p" / "1").unlink()
    done = desk.append(first(2))
    assert (done.code, "is missing; `provenance log fsck` says" in done.err) == (2, True)
    done = desk("fsck", desk.log)
    assert (done.code, "to repair tile/0/000.p/1: is missing" in done.out) == (1, True)
    done = desk("fsck", desk.log, "--repair")
    assert (done.code, "repaired  tile/0/000.p/1: is missing" in done.out) == (0, True)
    assert desk.append(first(2)).code == 0


def test_an_import_can_be_repeated(desk: Desk) -> None:
    desk.append(first(1))
    done = desk.append(first(1), first(2))
    assert "entries 0 .. 1, 1 of 2 new" in done.out
    assert desk.append().out.startswith(f"{desk.path / 'new.jsonl'}: no statement, 0 of 0 new")


def test_an_older_state_is_not_gone_on_from(desk: Desk) -> None:
    desk.append(first(1))
    before = desk.path / "before"
    subprocess.run(["cp", "-r", desk.log, before], check=True)
    desk.append(first(2))
    seen = desk.path / "seen"
    seen.write_bytes((desk.log / "public" / "checkpoint").read_bytes())
    path = desk.statements(first(3))
    done = desk("append", before, path, "--directory", desk.directory, PLAIN, "--seen", seen)
    assert (done.code, "refuses to sign" in done.err) == (2, True)


def test_others_statements_are_refused(desk: Desk) -> None:
    done = desk.append(register(1, agency="borealis", at=NOW))
    assert (done.code, "is of aurora-entertainment, not of borealis" in done.err) == (2, True)
    done = desk.append(register(1, at=NOW + timedelta(hours=1)))
    assert (done.code, "is claimed for" in done.err) == (2, True)
    bad = desk.path / "bad.jsonl"
    bad.write_bytes(desk.statements(first(1)).read_bytes() + b"{}\n")
    done = desk("append", desk.log, bad, PLAIN)
    assert (done.code, "bad.jsonl, line 2: cose: Field required" in done.err) == (2, True)
    done = desk("append", desk.log, desk.path / "none", PLAIN)
    assert (done.code, "none: cannot be read" in done.err) == (2, True)


def test_by_a_directory_that_has_expired_nothing_is_taken_in(desk: Desk) -> None:
    """Whose keys these are cannot be told: then they must not all count."""
    entry = json.loads(desk.directory.read_text())
    fresh = desk.directory.read_text()
    entry["expires_at"] = (NOW - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    desk.directory.write_text(json.dumps(entry))
    done = desk.append(register(1, agency="borealis", at=NOW))
    assert (done.code, "has expired: nobody can tell whose keys these are" in done.err) == (2, True)
    desk.directory.write_text(fresh)
    assert desk.append(first(1)).code == 0


def test_what_was_looked_at_without_a_fresh_directory_is_looked_at_again(desk: Desk) -> None:
    fresh = desk.directory.read_text()
    entry = json.loads(fresh)
    entry["expires_at"] = (NOW - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    stranger = desk.statements(register(1, agency="borealis", at=NOW))
    assert desk("append", desk.log, stranger, PLAIN).code == 0
    state = desk.path / "state"
    watch = ("monitor", desk.log, "--policy", desk.log / "policy", "--state", state)
    desk.directory.write_text(json.dumps(entry))
    done = desk(*watch, "--directory", desk.directory)
    assert (done.code, "has expired" in done.err, state.exists()) == (4, True, False)
    desk.directory.write_text(fresh)
    done = desk(*watch, "--directory", desk.directory)
    assert (done.code, "ALARM agency-key: entry 0: " in done.out, state.exists()) == (1, True, True)


def test_a_key_with_a_passphrase_is_asked_for(tmp_path: Path, cli: Cli) -> None:
    secret, log = tmp_path / "secret", tmp_path / "log"
    secret.write_text("correct horse battery\n")
    options = ("--origin", ORIGIN)
    assert cli("log", "init", str(log), *options).code == 2
    done = cli("log", "init", str(tmp_path / "a"), *options, "--passphrase-file", str(secret))
    assert done.code == 0, done.err
    assert b"ENCRYPTED" in (tmp_path / "a" / "keys" / "log.pem").read_bytes()
    empty = tmp_path / "none.jsonl"
    empty.touch()
    done = cli("log", "append", str(tmp_path / "a"), str(empty))
    assert (done.code, "is encrypted" in done.err) == (2, True)
    done = cli("log", "append", str(tmp_path / "a"), str(empty), "--passphrase-file", str(secret))
    assert done.code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prove", "LOG"), "expected ENTRY, or --since"),
        (("prove", "LOG", "0", "--since", "LOG/policy"), "expected ENTRY, or --since"),
        (("prove", "LOG", "5"), "entry 5: is not in"),
        (("prove", "none", "5", "--policy", "LOG/policy"), "expected the address or the folder"),
        (("verify", "none", "--policy", "LOG/policy"), "none: cannot be read"),
        (("verify", "LOG/policy", "--policy", "LOG/log.json"), "line 1: expected log KEY"),
        (("verify", "LOG/policy", "--policy", "LOG/policy"), "expected an empty line"),
        (("bundle", "LOG", "5", "--out", "b.zip"), "entry 5: is not in"),
        (("fsck", "none"), "expected the folder of a log"),
        (("show", "none", "a/b"), "expected the folder of a log"),
        (("init", "LOG", "--origin", "x", PLAIN), "expected a new or empty folder"),
        (("serve-files", "LOG", "--host", "203.0.113.1"), "cannot be listened on"),
        (("monitor", "LOG", "--policy", "LOG/policy", "--state", "LOG/policy"), "expected an em"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: tuple[str, ...], message: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.path)
    done = desk(*(argument.replace("LOG", str(desk.log)) for argument in arguments))
    assert (done.code, message in done.err) == (2, True), done.err


def test_statements_are_taken_a_batch_at_a_time_and_read_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a gibibyte of them at once; and of a file with a line that is none, nothing."""
    monkeypatch.setattr("provenance.cli.log_keeper._BATCH", 2)
    sizes: list[int] = []
    held: list[int] = []
    appended = LogWriter.append

    def append(writer: LogWriter, some: Sequence[SignedStatement], *, at: datetime) -> Appended:
        sizes.append(len(some))
        held.append(sum(isinstance(one, SignedStatement) for one in gc.get_objects()))
        return appended(writer, some, at=at)

    monkeypatch.setattr(LogWriter, "append", append)
    done = desk.append(*map(first, range(5)))
    assert "entries 0 .. 4, 5 of 5 new" in done.out, done.err
    assert sizes == [2, 2, 1]
    assert max(held) < 5
    path = desk.path / "new.jsonl"
    data = path.read_bytes()
    path.write_bytes(data + b"{}\n")
    arguments = ("--directory", desk.directory, PLAIN)
    done = desk("append", desk.log, path, *arguments)
    assert (done.code, "line 6" in done.err) == (2, True), done.err
    assert len(sizes) == 3


def test_statements_come_through_a_pipe(desk: Desk) -> None:
    desk.append(first(1), first(2))
    data = (desk.path / "new.jsonl").read_bytes()
    pipe = desk.path / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=pipe.write_bytes, args=(data,))
    thread.start()
    done = desk("append", desk.log, pipe, "--directory", desk.directory, PLAIN)
    thread.join()
    assert f"{pipe}: entries 0 .. 1, 0 of 2 new" in done.out, done.err


def test_a_clock_that_was_far_ahead_is_owned_up_to(desk: Desk) -> None:
    signer = log_signer_of(desk.log / "keys" / "log.pem", ORIGIN, None, plain=True)
    ahead = NOW + timedelta(days=30)
    (line,) = desk.statements(first(1)).read_bytes().splitlines()
    with LogWriter(LogFolder.open(desk.log), signer) as writer:
        writer.append([parse_signed_statement(line, where="line")], at=ahead)
    done = desk.append(first(2))
    command = f"log wrong-time {desk.log} --time {ahead.isoformat()}"
    assert (done.code, f"`provenance {command}`" in done.err) == (2, True), done.err
    done = desk("wrong-time", desk.log, "--time", NOW.isoformat(), PLAIN)
    assert (done.code, "expected the last entry's time" in done.err) == (2, True), done.err
    done = desk(*command.split()[1:], PLAIN)
    assert (done.code, "time stands still until" in done.out) == (0, True), done.err
    assert desk.append(first(2)).code == 0
    assert desk("fsck", desk.log).out == f"{desk.log}: 2 entries: sound\n"
