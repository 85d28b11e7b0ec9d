"""`provenance directory`, as its keepers and its users type it."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from provenance.cli.main import run
from provenance.signing.dev_agency import DevAgency
from tests.factory import media
from tests.factory.keepers import Keepers, now


class Done(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Done]
BY = ("--by", "Kim", "--evidence", "minutes 7")
PASS = ("--passphrase-file", "pass.txt")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Runs `provenance` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "xdg"))
    (tmp_path / "pass.txt").write_text("correct horse battery\n", "utf-8")

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["provenance", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        code = run()
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


@pytest.fixture
def directory(cli: Cli) -> Cli:
    """Runs `provenance directory`, which has to work."""

    def call(*arguments: str) -> Done:
        done = cli("directory", *arguments)
        assert (done.code, done.err) == (0, ""), (arguments, done.err)
        return done

    return call


@pytest.fixture
def keepers(tmp_path: Path, agency: DevAgency, signed_jpeg: bytes) -> Keepers:
    made = Keepers(tmp_path / "work")
    made.take_in(agency, signed_jpeg)
    made.publish()
    return made


def test_a_ceremony_from_the_first_key_to_a_client(
    directory: Cli, cli: Cli, agency: DevAgency, signed_jpeg: bytes
) -> None:
    holders = ("alice", "bora", "chan")
    for name in holders:
        assert f"{name}.pub.pem (hand it on)" in directory("new-key", name, *PASS).out
    keys = [part for name in holders for part in ("--root-key", f"{name}.pub.pem")]
    begun = directory("init", "work", "--name", "Trial", "--test", *BY, *keys, *PASS)
    assert "root: 2 of 3 keys" in begun.out
    assert "signed by nobody yet; 2 more needed" in begun.out
    assert sorted(path.name for path in Path("work/keys").glob("root*")) == []
    directory("sign-root", "work", "--key", "alice.pem", "--by", "Alice", *PASS)
    shutil.copy("work/proposed-root.json", "usb.json")
    assert (
        "targets: 2 of 2 keys" in directory("sign-root", "usb.json", "--key", "bora.pem", *PASS).out
    )
    done = directory("sign-root", "work", "--signed", "usb.json", "--by", "Kim")
    assert "in force: work/repository/metadata/1.root.json" in done.out

    Path("root.pem").write_bytes(agency.root_pem)
    Path("leaf.pem").write_bytes(agency.leaf_pem)
    Path("good.jpg").write_bytes(signed_jpeg)
    Path("bad.jpg").write_bytes(media.jpeg(9))
    directory(
        "add-agency", "work", "aurora", "--name", "en=Aurora Entertainment",
        "--name", "ko=오로라 엔터테인먼트", "--artist", "NOVA9", "--kind", "image",
        "--channel", "website=https://aurora.example", "--contact", "email=a@aurora.example", *BY,
    )  # fmt: skip
    directory(
        "add-anchor", "work", "aurora", "root", "--certificate", "root.pem",
        "--organization", "Aurora Entertainment", *BY,
    )  # fmt: skip
    directory("add-key", "work", "aurora", "leaf", "--certificate", "leaf.pem", *BY)
    directory(
        "add-product", "work", "aurora", "room", "--name", "Press Room", "--certificate",
        "leaf.pem", *BY,
    )  # fmt: skip
    directory("add-sample", "work", "aurora", "good.jpg", "--good", "--by", "Kim")
    directory("add-sample", "work", "aurora", "bad.jpg", "--bad", "--by", "Kim")
    assert "nothing is published yet" in directory("verify", "work").out
    done = directory("publish", "work", "--by", "Kim", *PASS)
    assert "gained    Aurora Entertainment (aurora) gains anchor root" in done.out
    assert "work/repository: version 1 is published" in done.out

    pinned = "work/repository/metadata/1.root.json"
    done = directory("update", "client", "--from", "work/repository", "--root", pinned)
    assert "client: version 1 (before: none)" in done.out
    assert "version 1 is still the newest" in directory("update", "client").out
    shown = directory("show", "client").out
    assert shown.startswith("TEST, Trial, version 1 (TUF, version 1)\n  it is 0 days old; it exp")
    assert "aurora: Aurora Entertainment (en), 오로라 엔터테인먼트 (ko)" in shown
    assert "signatures and digests hold" in directory("verify", "client").out
    judged = cli("verify", "--json", "--directory", "client", "good.jpg")
    assert (judged.code, judged.err) == (0, "")
    context = json.loads(judged.out)["context"]["directory"]
    assert (context["source"], context["age_days"]) == ("TUF, version 1", 0)
    assert "0 days old, expires" in re.sub(
        r"\s+", " ", cli("verify", "-v", "--directory", "client", "good.jpg").out
    )

    directory("renew", "work", "--by", "nightly job", *PASS)
    assert "version 1 is still the newest" in directory("update", "client").out
    directory(
        "set-compromised", "work", "aurora", "--key", "leaf", "--since", "2026-01-01T00:00:00Z", *BY
    )
    words = directory("diff", "work@1", "work@draft").out
    assert words.startswith("disowned  Aurora Entertainment (aurora) disowns key leaf (SHA-256")
    directory("rollback", "work", "1", *BY)
    assert "no difference" in directory("diff", "work@1", "work@draft").out
    directory("revoke-key", "work", "aurora", "--key", "leaf", "--reason", "stolen", *BY)
    refused = cli("directory", "publish", "work", "--by", "Kim", *PASS)
    assert refused.code == 2
    assert "good.jpg: expected official of aurora, got signed-unrecognised (key-disowned)" in (
        refused.err
    )


def test_a_directory_that_expired_is_said_to_be_so_in_one_line(
    cli: Cli, tmp_path: Path, agency: DevAgency, signed_jpeg: bytes
) -> None:
    begun = now() - timedelta(days=20)
    keepers = Keepers(tmp_path / "work", at=begun)
    keepers.take_in(agency, signed_jpeg)
    keepers.publish()
    done = cli("directory", "verify", "work")
    assert done.code == 1
    assert "it is 20 days old; it expired at" in done.out
    Path("good.jpg").write_bytes(signed_jpeg)
    Path("directory.json").write_text(published_document(keepers), "utf-8")
    old = ("--directory", "directory.json")
    assert cli("verify", *old, "good.jpg").err == ""
    done = cli("verify", "--json", *old, "--max-directory-age", "19", "good.jpg")
    assert (done.code, json.loads(done.out)["reason"]) == (4, "directory-too-old")
    assert done.err == (
        "provenance: agency directory directory.json: it is 20 days old: nothing can be called "
        "official; get a newer one\n"
    )
    at = (begun + timedelta(days=18)).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = cli("verify", *old, "--max-directory-age", "19", "--at", at, "good.jpg")
    assert (done.code, done.err) == (0, "")
    assert cli("inspect", *old, "--max-directory-age", "19", "good.jpg").err != ""


def published_document(keepers: Keepers) -> str:
    """The directory that is published, as a plain file."""
    (path,) = (keepers.repository / "targets").iterdir()
    return path.read_text("utf-8")


@pytest.mark.usefixtures("keepers")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("show gone.json", "gone.json: cannot be read"),
        ("show .", ".: expected a folder made by `provenance directory update`"),
        ("show work@9", "9.targets.json: cannot be read"),
        ("show work@x", "expected a version or `draft` after the @"),
        ("publish elsewhere --by Kim", "elsewhere: expected a folder made by `provenance"),
        ("publish work", "--by"),
        ("update client", "client: expected a folder made by"),
        ("update client --from work/repository", "--from goes with --root"),
        ("update client --allow a:1", "--allow and --root-sha256 go with"),
        (
            "update client --from http://mirror.example --root ROOT",
            "expected https",
        ),
        (
            "update client --from work --root ROOT --root-sha256 00",
            "expected SHA-256 00, got",
        ),
        ("update client --from work/repository --root pass.txt", "expected root metadata"),
        ("init work --name x --by Kim --passphrase-file pass.txt", "work: expected a new or empty"),
        ("init new --name x --by Kim", "key root-1: expected a passphrase, got none"),
        ("init new --name x --by Kim --root 3/2", "--root: expected K/N with K at most N"),
        ("init new --name x --by Kim --days x=3", "--days: expected one of"),
        ("init new --name x --by Kim --days root=0", "--days: expected a number"),
        ("init new --name x --by Kim --root-key pass.txt", "pass.txt: expected a public key"),
        ("add-agency work A --name en=A --by Kim --evidence x", "agencies.1.id"),
        ("add-agency work a --name A --by Kim --evidence x", "--name: expected NAME=VALUE"),
        ("add-agency work a --name en=A --by Kim", "--evidence"),
        ("add-key work nova k --spki 00 --by Kim --evidence x", "agency nova: is not in the draft"),
        ("add-key work aurora-entertainment k --spki 00 --by Kim --evidence x", "spki_sha256"),
        ("add-key work a k --by Kim --evidence x", "expected one of --certificate, --spki"),
        ("set-compromised work a --since x --key k --by Kim --evidence x", "--since: expected"),
        ("sign-root work --by Kim", "expected one of --key, --signed"),
        ("sign-root work --key pass.txt --by Kim", "pass.txt: expected a private key"),
        ("sign-root work --key work/keys/root-1.pem --by Kim", "no root waits for signatures"),
        ("propose-root work --remove web=x --by Kim --evidence x", "--remove: expected root, tar"),
        ("propose-root work --remove root=x --by Kim --evidence x", "key x: expected one such key"),
        ("rollback work 1 --by Kim", "--evidence"),
        ("edit work pass.txt --by Kim --evidence x", "pass.txt: document: Invalid JSON"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(cli: Cli, arguments: str, words: str) -> None:
    pinned = "work/repository/metadata/1.root.json"
    done = cli("directory", *arguments.replace("ROOT", pinned).split())
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert words in done.err


def test_online_keys_rotate_by_command(cli: Cli, directory: Cli, keepers: Keepers) -> None:
    old = keepers.keys("timestamp")[0].public_key.keyid[:12]
    directory("new-key", "work/keys/timestamp-2", *PASS)
    proposed = directory(
        "propose-root", "work", "--add", "timestamp=work/keys/timestamp-2.pub.pem",
        "--remove", f"timestamp={old}", *BY,
    )  # fmt: skip
    assert "root version 2" in proposed.out
    directory("sign-root", "work", "--key", "work/keys/root-1.pem", "--by", "Alice")
    done = directory("sign-root", "work", "--key", "work/keys/root-2.pem", "--by", "Bora")
    assert "takes effect with the next `provenance directory publish`" in done.out
    without = cli("directory", "publish", "work", "--by", "Kim")
    assert without.code == 2
    assert "timestamp-2.pem: is encrypted; expected its passphrase, got none" in without.err
    directory("publish", "work", "--by", "Kim", *PASS)
    assert Path("work/repository/metadata/2.root.json").exists()
    pinned = "work/repository/metadata/1.root.json"
    directory("update", "client", "--from", "work/repository", "--root", pinned)
