"""`provenance register`, as its keeper types it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from provenance.signing.dev_agency import DevAgency
from tests.factory import media
from tests.factory.command_line import Cli, Done, command_line
from tests.factory.release_log import ORIGIN

PLAIN = "--unsafe-plain-key"
NAME = "aurora-entertainment/NOVA9-1"


class Keeper:
    """A folder with a register, a key and signed files, and somebody who types."""

    def __init__(self, path: Path, cli: Cli, agency: DevAgency) -> None:
        self.path = path
        self.place = path / "register.db"
        self.log = path / "log"
        self._cli = cli
        self.directory = path / "directory.json"
        self.directory.write_text(json.dumps(agency.directory_entry()))
        self.certificate = path / "chain.pem"
        self.certificate.write_bytes(agency.chain_pem)
        self.key = path / "key.pem"
        pem = agency.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.key.write_bytes(pem)

    def __call__(self, command: str, *arguments: object) -> Done:
        return self._cli("register", command, *map(str, arguments), "--register", str(self.place))

    def stating(self, command: str, *arguments: object) -> Done:
        """A command that needs the key."""
        return self(
            command, *arguments, "--key", self.key, "--certificate", self.certificate,
            "--directory", self.directory, PLAIN,
        )  # fmt: skip

    def file(self, name: str, data: bytes) -> Path:
        path = self.path / name
        path.write_bytes(data)
        return path

    def begin_log(self) -> None:
        done = self._cli("log", "init", str(self.log), "--origin", ORIGIN, PLAIN)
        assert done.code == 0, done.err


@pytest.fixture
def keeper(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    agency: DevAgency,
) -> Keeper:
    return Keeper(tmp_path, command_line(monkeypatch, capsys), agency)


def test_a_release_from_registration_to_withdrawal(
    keeper: Keeper, signed: Callable[..., bytes]
) -> None:
    keeper.begin_log()
    photo = keeper.file("photo.jpg", signed("jpeg"))
    done = keeper.stating(
        "add", photo, "--release", "NOVA9-1", "--channel", "https://aurora.example",
        "--log", keeper.log,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert f"{NAME}: 1 files registered\n" in done.out
    assert "1 entries added" in done.out
    done = keeper("show", NAME)
    assert (done.code, done.err) == (0, "")
    assert f"{NAME}: current since" in done.out
    assert "first stated by the agency on" in done.out
    assert f"in the log {ORIGIN} since" in done.out
    assert "channel: https://aurora.example" in done.out
    # Again: nothing is registered twice.
    done = keeper.stating("add", photo, "--release", "NOVA9-1")
    assert f"{NAME}: 0 files registered, 1 were there already" in done.out
    # A newer version, and a transcode of it that is signed like every file.
    other = keeper.file("other.png", signed("png"))
    assert keeper.stating("add", other, "--release", "NOVA9-2").code == 0
    small = keeper.file("small.mp3", signed("mp3", 2))
    done = keeper.stating("add", small, "--release", "NOVA9-2", "--rendition-of", other)
    assert done.code == 0, done.err
    assert "rendition of" in keeper("show", "aurora-entertainment/NOVA9-2").out
    done = keeper.stating("supersede", NAME, "--by", "NOVA9-2", "--log", keeper.log)
    assert (done.code, done.out) == (0, f"{NAME}: superseded by NOVA9-2\n")
    assert keeper.stating("withdraw", NAME, "--reason", "rights").code == 0
    done = keeper("list")
    assert f"{NAME}: withdrawn (rights) since" in done.out
    assert "NOVA9-2: current since" in done.out
    done = keeper("fsck", "--directory", keeper.directory, "--log", keeper.log)
    assert (done.code, done.out) == (0, f"{keeper.place}: 5 changes: sound\n"), done.err
    done = keeper.stating("withdraw", NAME, "--reason", "rights")
    # Within the same second it is the same statement.
    refused = ("is withdrawn, which is final", "is in the register already")
    assert (done.code, any(why in done.err for why in refused)) == (2, True), done.err


def test_what_is_not_official_is_not_registered(
    keeper: Keeper, signed: Callable[..., bytes], signed_jpeg: bytes
) -> None:
    at = signed_jpeg.rindex(b"\xff\xd9") - 40
    altered = signed_jpeg[:at] + bytes([signed_jpeg[at] ^ 1]) + signed_jpeg[at + 1 :]
    photo = keeper.file("altered.jpg", altered)
    done = keeper.stating("add", photo, "--release", "NOVA9-1")
    assert done.code == 2
    assert "altered.jpg: expected an official release, got altered" in done.err
    nothing = keeper.file("notes.txt", b"no media")
    done = keeper.stating("add", nothing, "--release", "NOVA9-1")
    assert (done.code, "expected an official release, got" in done.err) == (2, True)
    original = keeper.file("photo.jpg", signed("jpeg"))
    assert keeper.stating("add", original, "--release", "NOVA9-1").code == 0
    # A rendition is no exception: without credentials nobody could call it official.
    bare = keeper.file("bare.jpg", media.jpeg(seed=4))
    done = keeper.stating("add", bare, "--release", "NOVA9-1", "--rendition-of", original)
    assert (done.code, "expected an official release, got unverified" in done.err) == (2, True)
    done = keeper.stating("add", photo, "--release", "NOVA9-1", "--rendition-of", original)
    assert "got altered" in done.err
    done = keeper.stating("add", photo, "--release", "NOVA9-1", "--rendition-of", "00" * 32)
    assert "got altered" in done.err


def test_an_embargo_in_register_and_log(keeper: Keeper, signed: Callable[..., bytes]) -> None:
    keeper.begin_log()
    photo = keeper.file("photo.jpg", signed("jpeg"))
    until = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = keeper.stating(
        "add", photo, "--release", "NOVA9-1", "--embargo-until", until, "--log", keeper.log
    )
    assert done.code == 0, done.err
    assert "under embargo until" in done.out
    assert keeper("list").out == ""
    assert "under embargo" in keeper("list", "--agency", "aurora-entertainment").out
    assert ", under embargo" in keeper("show", NAME).out
    logged = b"".join(
        path.read_bytes() for path in (keeper.log / "public").rglob("*") if path.is_file()
    )
    assert b"NOVA9-1" not in logged
    done = keeper.stating("reveal", NAME, "--log", keeper.log)
    assert (done.code, done.out) == (0, f"{NAME}: 1 statements revealed\n"), done.err
    assert f"{NAME}: current since" in keeper("list").out
    done = keeper.stating("reveal", NAME, "--log", keeper.log)
    assert (done.code, "nothing of it is under embargo" in done.err) == (2, True)
    done = keeper("fsck", "--directory", keeper.directory, "--log", keeper.log)
    assert done.code == 0, done.out


def test_what_is_revealed_names_no_newer_version_that_is_hidden(
    keeper: Keeper, signed: Callable[..., bytes]
) -> None:
    keeper.begin_log()
    until = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for number, kind in enumerate(("jpeg", "png"), start=1):
        photo = keeper.file(f"photo.{kind}", signed(kind))
        arguments = ("add", photo, "--release", f"NOVA9-{number}", "--embargo-until", until)
        done = keeper.stating(*arguments, "--log", keeper.log)
        assert done.code == 0, done.err
    done = keeper.stating("supersede", NAME, "--by", "NOVA9-2", "--log", keeper.log)
    assert done.code == 0, done.err

    def logged() -> bytes:
        files = (keeper.log / "public").rglob("*")
        return b"".join(path.read_bytes() for path in files if path.is_file())

    done = keeper.stating("reveal", NAME, "--log", keeper.log)
    assert (done.code, done.out) == (0, f"{NAME}: 1 statements revealed\n"), done.err
    assert "names a release that is under embargo: reveal that one first" in done.err
    assert (b"NOVA9-1" in logged(), b"NOVA9-2" in logged()) == (True, False)
    # Once the newer one is out, the rest may be told.
    newer = NAME.replace("NOVA9-1", "NOVA9-2")
    assert keeper.stating("reveal", newer, "--log", keeper.log).code == 0
    done = keeper.stating("reveal", NAME, "--log", keeper.log)
    assert (done.code, done.out) == (0, f"{NAME}: 1 statements revealed\n"), done.err
    assert b'"type":"supersede"' in logged()


def test_export_import_backup_restore(keeper: Keeper, signed: Callable[..., bytes]) -> None:
    photo = keeper.file("photo.jpg", signed("jpeg"))
    assert keeper.stating("add", photo, "--release", "NOVA9-1").code == 0
    export, backup = keeper.path / "all.jsonl", keeper.path / "backup"
    assert keeper("export", "--out", export).out == f"{export}: 1 changes of {keeper.place}\n"
    assert keeper("backup", "--out", backup).code == 0
    shown = keeper("show", NAME).out
    keeper.place = keeper.path / "second.db"
    done = keeper("import", export, "--directory", keeper.directory)
    assert (done.code, done.out) == (0, f"{export}: 1 changes, 1 of them new\n"), done.err
    assert keeper("show", NAME).out == shown
    keeper.place = keeper.path / "third.db"
    done = keeper("restore", backup, "--directory", keeper.directory)
    assert (done.code, done.out) == (0, f"{backup}: restored, 1 changes\n"), done.err
    assert keeper("show", NAME).out == shown
    assert keeper("fsck", "--repair", "--directory", keeper.directory).code == 0


def test_what_is_not_there_is_said(keeper: Keeper) -> None:
    assert keeper("show", NAME).code == 2
    assert "there is no register here" in keeper("list").err
    assert keeper.stating("withdraw", NAME, "--reason", "rights").code == 2
    assert "not in the register" in keeper("show", NAME).out
    assert keeper("show", NAME).code == 1
    assert "expected AGENCY/RELEASE" in keeper("show", "NOVA9-1").err
    assert "expected error, rights" in keeper.stating("withdraw", NAME, "--reason", "why").err


def test_by_a_directory_that_has_expired_nothing_is_taken_in(
    keeper: Keeper, signed: Callable[..., bytes]
) -> None:
    photo = keeper.file("photo.jpg", signed("jpeg"))
    assert keeper.stating("add", photo, "--release", "NOVA9-1").code == 0
    out = keeper.path / "all.jsonl"
    assert keeper("export", "--out", out).code == 0
    keeper.place = keeper.path / "other.db"
    fresh = keeper.directory.read_text()
    entry = json.loads(fresh)
    entry["expires_at"] = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    keeper.directory.write_text(json.dumps(entry))
    done = keeper("import", out, "--directory", keeper.directory)
    assert (done.code, "has expired: nobody can tell whose keys these are" in done.err) == (2, True)
    keeper.directory.write_text(fresh)
    assert keeper("import", out, "--directory", keeper.directory).code == 0


def test_another_agencys_key_registers_nothing(
    keeper: Keeper, signed: Callable[..., bytes]
) -> None:
    from provenance.signing.dev_agency import create_dev_agency  # noqa: PLC0415 - only here

    other = create_dev_agency(
        name="Borealis", name_ko="보레알리스", organization="Borealis", artists=["NOVA9"],
        at=datetime.now(UTC) - timedelta(days=1),
    )  # fmt: skip
    photo = keeper.file("photo.jpg", signed("jpeg"))
    keeper.certificate.write_bytes(other.chain_pem)
    keeper.key.write_bytes(
        other.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    done = keeper.stating("add", photo, "--release", "NOVA9-1")
    assert done.code == 2
    assert "is not one of aurora-entertainment" in done.err


def test_the_settings_say_where_the_register_is(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from provenance.runtime.register_at import (  # noqa: PLC0415 - only here
        open_configured_register,
        register_place,
    )

    assert keeper("fsck", "--repair").code == 0
    assert open_configured_register() is None
    monkeypatch.setenv("PROVENANCE_REGISTER", str(keeper.place))
    found = open_configured_register()
    assert found is not None
    found.close()
    assert register_place("postgresql://db/x") == "postgresql://db/x"
    config = tmp_path / "config.toml"
    config.write_text('register = "sub/r.db"\n')
    monkeypatch.delenv("PROVENANCE_REGISTER")
    monkeypatch.setenv("PROVENANCE_CONFIG", str(config))
    assert register_place() == str(tmp_path / "sub/r.db")
    monkeypatch.setenv("PROVENANCE_REGISTER", "postgresql://keeper:hunter2@db/x")
    from provenance.runtime.settings import load_settings  # noqa: PLC0415 - only here

    assert "hunter2" not in repr(load_settings())


def test_a_clock_that_was_far_ahead_is_owned_up_to(
    keeper: Keeper, signed: Callable[..., bytes]
) -> None:
    photo = keeper.file("photo.jpg", signed("jpeg"))
    assert keeper.stating("add", photo, "--release", "NOVA9-1").code == 0
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365)
    with closing(sqlite3.connect(keeper.place)) as connection, connection:
        connection.execute("UPDATE register_counter SET clock = ?", [int(ahead.timestamp())])
    other = keeper.file("other.png", signed("png"))
    arguments = ("add", other, "--release", "NOVA9-2")
    done = keeper.stating(*arguments)
    command = f"wrong-time --time {ahead.isoformat()}"
    assert f"`provenance register {command}`" in done.err, done.err
    done = keeper(*command.split())
    assert (done.code, "goes on by the clock" in done.out) == (0, True), done.err
    assert "1 files registered" in keeper.stating(*arguments).out
