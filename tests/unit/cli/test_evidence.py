"""`provenance evidence`, `audit` and `blocklist`, as auditors and operators type them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text, update

from provenance.database.database import Database
from provenance.jws.keys import ServiceKey, load_service_key
from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.outcomes.hash_list import HashAlgorithm, HashList
from provenance.moderation.tables import audit
from provenance.runtime.moderation_parts import write_root
from provenance.signing.dev_agency import DevAgency
from tests.factory.command_line import Cli, command_line
from tests.factory.moderation_rows import NOW, CaseOfRows
from tests.factory.service_keys import service_key_pem
from tests.unit.moderation.evidence.test_bundle import PARTS, written

SCHEMAS = Path(__file__).parents[3] / "schemas"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return command_line(monkeypatch, capsys)


@pytest.fixture
def key() -> ServiceKey:
    return load_service_key(service_key_pem(), where="test")


@pytest.fixture
def bundle(tmp_path: Path, key: ServiceKey) -> Path:
    path = tmp_path / "case.zip"
    path.write_bytes(written(PARTS, key=key))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.public]}))
    return path


class TestEvidence:
    def test_one_that_holds(self, cli: Cli, bundle: Path) -> None:
        done = cli("evidence", "verify", str(bundle), "--key", str(bundle.parent / "keys.json"))
        assert done.code == 0, done
        lines = done.out.splitlines()
        assert lines[-1] == f"{bundle}: holds"
        assert lines[0].startswith("passed       form: holds 4 members")
        assert any(line.startswith("passed       signature: ") for line in lines)

    def test_as_json(self, cli: Cli, bundle: Path) -> None:
        keys = str(bundle.parent / "keys.json")
        done = cli("evidence", "verify", str(bundle), "--key", keys, "--json")
        document = json.loads(done.out)
        schema = json.loads((SCHEMAS / "evidence-check.schema.json").read_text("utf-8"))
        jsonschema.validate(document, schema)
        assert document["result"] == "passed"
        assert document["manifest"]["case"] == "case"

    def test_one_byte_changed_and_its_member_named(self, cli: Cli, bundle: Path) -> None:
        data = bytearray(bundle.read_bytes())
        at = data.index(b"case.json") + 200
        data[at] ^= 1
        bundle.write_bytes(data)
        keys = str(bundle.parent / "keys.json")
        done = cli("evidence", "verify", str(bundle), "--key", keys)
        assert done.code == 1
        assert "failed       form: " in done.out
        assert done.out.splitlines()[-1] == f"{bundle}: does not hold"
        done = cli("evidence", "verify", str(bundle), "--key", keys, "--json")
        assert done.code == 1
        assert json.loads(done.out)["result"] == "failed"

    def test_without_a_key_it_stays_open(self, cli: Cli, bundle: Path) -> None:
        done = cli("evidence", "verify", str(bundle))
        assert done.code == 4
        assert "not-checked  signature: no key was given" in done.out
        assert done.out.splitlines()[-1] == f"{bundle}: could not be checked in full"

    def test_what_cannot_be_read(self, cli: Cli, tmp_path: Path, bundle: Path) -> None:
        assert cli("evidence", "verify", str(tmp_path / "none.zip")).code == 2
        assert cli("evidence", "verify", str(bundle), "--key", str(tmp_path / "none")).code == 2
        other = tmp_path / "other.zip"
        other.write_bytes(b"no zip at all")
        assert cli("evidence", "verify", str(other)).code == 1


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A register's database with an audit of three entries and a blocked file."""
    monkeypatch.setenv("PROVENANCE_HOME", str(tmp_path))
    path = tmp_path / "register.db"
    with Database(path) as database:
        log = AuditLog(database.engine)
        for number in range(3):
            with writing(database.engine) as connection:
                log.append(
                    connection, at=NOW, actor="kim", verb="case.claimed", object=f"case:{number}"
                )
                if not number:
                    HashList.add(
                        connection,
                        id="entry",
                        decision="decision",
                        case="case",
                        subject="subject",
                        algorithm=HashAlgorithm.SHA256,
                        value="ab" * 32,
                        ends_at=None,
                        now=NOW,
                    )
    return path


@pytest.fixture
def held(place: Path) -> Path:
    """The same with a case."""
    with Database(place) as database, writing(database.engine) as connection:
        CaseOfRows(connection)
    return place


class TestHolds:
    def test_a_case_is_held_and_let_go(self, cli: Cli, held: Path) -> None:
        del held
        placed = cli("evidence", "hold", "case", "--why", "Court 7", "--until", "2999-12-31")
        assert placed.code == 0
        name, said = placed.out.split(": ", 1)
        assert said == "nothing of case is deleted until 2999-12-31 23:59:59 UTC\n"
        other = cli("evidence", "hold", "case", "--why", "Court 8").out
        assert "nothing of case is deleted until it is lifted" in other
        assert cli("evidence", "holds", "case").out.splitlines() == [
            f"{name}  until 2999-12-31 23:59:59 UTC  operator  Court 7",
            f"{other.split(':')[0]}  until it is lifted  operator  Court 8",
        ]
        assert cli("evidence", "lift", name, "--why", "It is over").out.startswith(
            f"{name}: lifted"
        )
        assert cli("evidence", "lift", name, "--why", "It is over").code == 2
        verbs = [json.loads(line)["verb"] for line in cli("audit", "export").out.splitlines()]
        assert verbs[-3:] == ["hold.placed", "hold.placed", "hold.lifted"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("hold", "none", "--why", "w"), "expected one, got none"),
            (("hold", "case", "--why", " "), "expected a reason"),
            (("hold", "case", "--why", "w", "--until", "soon"), "--until: expected a date"),
            (("hold", "case", "--why", "w", "--until", "2001-01-01"), "an end that is to come"),
            (("lift", "none", "--why", "w"), "expected one, got none"),
        ],
    )
    def test_what_cannot_be_done(
        self, cli: Cli, held: Path, arguments: tuple[str, ...], said: str
    ) -> None:
        del held
        done = cli("evidence", *arguments)
        assert (done.code, said in done.err) == (2, True), done


class TestAudit:
    def test_of_the_database(self, cli: Cli, place: Path) -> None:
        done = cli("audit", "verify")
        assert done.code == 0, done
        assert done.out.startswith("3 entries hold; the last is ")
        assert cli("audit", "verify", "--register", str(place)).code == 0

    def test_an_edited_row_is_found(self, cli: Cli, place: Path) -> None:
        with Database(place) as database, database.engine.begin() as connection:
            for name in _triggers(connection.execute(text(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' "
                "AND tbl_name = 'moderation_audit'")).scalars()):  # fmt: skip
                connection.execute(text(f'DROP TRIGGER "{name}"'))
            connection.execute(update(audit).where(audit.c.seq == 2).values(actor="lee"))
        done = cli("audit", "verify")
        assert done.code == 1
        assert "entry 2: was changed" in done.out

    def test_exported_and_checked_elsewhere(self, cli: Cli, place: Path, tmp_path: Path) -> None:
        del place
        exported = cli("audit", "export").out
        schema = json.loads((SCHEMAS / "audit-entry.schema.json").read_text("utf-8"))
        for line in exported.splitlines():
            jsonschema.validate(json.loads(line), schema)
        file = tmp_path / "audit.jsonl"
        file.write_text(exported)
        done = cli("audit", "verify", str(file))
        assert (done.code, done.out.splitlines()[0][:19]) == (0, "entries 1 to 3 hold")
        lines = exported.splitlines(keepends=True)
        file.write_text(lines[0] + lines[2])
        done = cli("audit", "verify", str(file))
        assert (done.code, done.out) == (1, "entry 2: expected this entry, got 3\n")
        file.write_text("".join(lines[1:]))
        assert cli("audit", "verify", str(file)).code == 4
        assert cli("audit", "export", "--since", "1").out == "".join(lines[1:])
        file.write_text("")
        assert cli("audit", "verify", str(file)).code == 2

    def test_with_roots_that_somebody_kept(self, cli: Cli, place: Path, tmp_path: Path) -> None:
        with Database(place) as database:
            (root,) = AuditLog(database.engine).close_days(now=NOW.replace(day=2))
        kept = tmp_path / "roots.jsonl"
        kept.write_bytes(root.document + b"\n")
        assert cli("audit", "verify", "--roots", str(kept)).code == 0
        other = {**json.loads(root.document), "root": "ab" * 32}
        kept.write_text(json.dumps(other))
        done = cli("audit", "verify", "--roots", str(kept))
        assert (done.code, "does not fit the root of 2026-05-01" in done.out) == (1, True)
        for nothing in ("no root", ""):
            kept.write_text(nothing)
            assert cli("audit", "verify", "--roots", str(kept)).code == 2

    def test_with_the_folder_in_which_the_service_wrote_them(
        self, cli: Cli, place: Path, tmp_path: Path, key: ServiceKey
    ) -> None:
        keys = tmp_path / "keys.json"
        keys.write_text(json.dumps({"keys": [key.public]}))
        folder = tmp_path / "roots"
        folder.mkdir()
        verify = ("audit", "verify", "--roots", str(folder))
        nothing = cli(*verify)
        assert nothing.code == 2
        assert "expected roots of days, YYYY-MM-DD.json, got none" in nothing.err
        with Database(place) as database:
            (root,) = AuditLog(database.engine).close_days(now=NOW.replace(day=2))
        write_root(root, folder, key)
        assert cli(*verify).code == 0
        assert cli(*verify, "--key", str(keys)).code == 0
        (kept,) = folder.iterdir()
        unsigned = {**json.loads(kept.read_text()), "jws": "a.b.c"}
        kept.write_text(json.dumps(unsigned))
        done = cli(*verify, "--key", str(keys))
        assert (done.code, "that one of these keys signed" in done.err) == (2, True)
        kept.write_text(json.dumps({**unsigned, "root": "ab" * 32}))
        assert cli(*verify).code == 1
        assert cli("audit", "verify", "--key", str(keys)).code == 2

    def test_roots_are_stated_for_a_release_log(
        self,
        cli: Cli,
        place: Path,
        tmp_path: Path,
        key: ServiceKey,
        agency: DevAgency,
    ) -> None:
        folder, mine = tmp_path / "roots", tmp_path / "keys"
        folder.mkdir()
        mine.mkdir()
        with Database(place) as database:
            (root,) = AuditLog(database.engine).close_days(now=NOW.replace(day=2))
        write_root(root, folder, key)
        (mine / "key.pem").write_bytes(
            agency.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (mine / "key.pem").chmod(0o600)
        (mine / "chain.pem").write_bytes(agency.chain_pem)
        (mine / "service.json").write_text(json.dumps({"keys": [key.public]}))
        (mine / "directory.json").write_text(json.dumps(agency.directory_entry()))
        by = ("--key", str(mine / "key.pem"), "--certificate", str(mine / "chain.pem"),
              "--unsafe-plain-key")  # fmt: skip
        state = ("audit", "state", str(folder), "--agency", agency.agency_id, *by)
        done = cli(*state, "--service-key", str(mine / "service.json"))
        assert done.code == 0, done
        statements = tmp_path / "roots.jsonl"
        statements.write_text(done.out)
        log = str(tmp_path / "log")
        assert cli("log", "init", log, "--origin", "log.example/a", "--url",
                   "https://log.example/", "--unsafe-plain-key").code == 0  # fmt: skip
        taken = cli("log", "append", log, str(statements), "--directory",
                    str(mine / "directory.json"), "--unsafe-plain-key")  # fmt: skip
        assert taken.code == 0, taken
        assert taken.out.splitlines()[0].endswith("entries 0 .. 0, 1 of 1 new")
        (line,) = statements.read_text().splitlines()
        told = json.loads(line)["statement"]
        assert (told["type"], told["root"], told["count"]) == ("audit-root", root.root, 3)
        assert (told["since"], told["until"]) == ("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
        # One file, as the service wrote it, says the same.
        (kept,) = folder.iterdir()
        one = cli("audit", "state", str(kept), "--agency", agency.agency_id, *by)
        assert json.loads(one.out)["statement"]["root"] == root.root
        assert cli("audit", "verify", "--roots", str(kept)).code == 0
        # A root that the service did not sign is not stated in anybody's name.
        kept.write_bytes(root.document)
        refused = cli(*state, "--service-key", str(mine / "service.json"))
        assert (refused.code, refused.out) == (2, "")
        assert "expected a root that one of these keys signed" in refused.err
        assert cli(*state, "--subject", "not an id").code == 2


def _triggers(names: object) -> list[str]:
    return [str(name) for name in names]  # type: ignore[attr-defined]


class TestBlocklist:
    def test_one_command_stops_an_entry_and_is_written_down(self, cli: Cli, place: Path) -> None:
        assert cli("blocklist", "list").out.startswith("entry  active  sha-256  abab")
        done = cli("blocklist", "disable", "entry", "--why", "a mistake")
        assert (done.code, done.out) == (0, "entry: disabled\n")
        with Database(place) as database:
            assert not HashList(database.engine).check(sha256="ab" * 32, now=NOW).blocked
            (event,) = [
                one for one in AuditLog(database.engine).events()
                if one.verb == "hash-entry.disabled"
            ]  # fmt: skip
            assert (event.actor, event.object) == ("operator", "case:case")
        assert cli("blocklist", "enable", "entry").out == "entry: active\n"
        assert cli("blocklist", "disable", "entry", "--why", "x", "--hours", "2").code == 0
        done = cli("blocklist", "disable", "none", "--why", "x")
        assert (done.code, "expected one of the list, got none" in done.err) == (2, True)
        assert cli("blocklist", "disable", "entry", "--why", " ").code == 2
        assert os.environ["PROVENANCE_HOME"]
