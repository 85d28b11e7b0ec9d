"""Moderation as a part of the service: on where there is a key, and its roots given out."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import update

from provenance.database.database import Database
from provenance.errors import ConfigurationError, StoreError
from provenance.jws.keys import open_statement
from provenance.moderation.contacts import new_key_line
from provenance.moderation.model import Contact
from provenance.moderation.tables import contacts, policy_versions
from provenance.records.reports import ReportStore, stored
from provenance.report import Resemblance
from provenance.runtime.moderation_parts import ROOT_KIND, ModerationParts, report_lookup
from provenance.runtime.settings import Settings, load_settings
from provenance.verdict import Verdict
from tests.factory.moderation import NOW, about, draft, person
from tests.factory.reports import report_of


def settings(home: Path, **more: str) -> Settings:
    environ = {"PROVENANCE_HOME": str(home), "HOME": str(home), **more}
    return load_settings(environ=environ)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "contacts.key"
    path.write_text(new_key_line(os.urandom, "2026-05"))
    path.chmod(0o600)
    return path


def opened(settings: Settings, database: Database) -> ModerationParts | None:
    engine = database.engine
    return ModerationParts.open(
        settings,
        engine,
        reports=ReportStore(engine),
        released=lambda _: False,
        clock=lambda: NOW,
    )


def test_without_a_key_there_is_none(tmp_path: Path) -> None:
    with Database(tmp_path / "x.db") as database:
        assert opened(settings(tmp_path), database) is None


def test_settings_are_what_the_desks_go_by(tmp_path: Path, key: Path) -> None:
    given = settings(
        tmp_path,
        PROVENANCE_MODERATION_CONTACT_KEY=str(key),
        PROVENANCE_MODERATION_CLAIM_MINUTES="5",
        PROVENANCE_MODERATION_DECIDE_MEDIUM_HOURS="10",
        PROVENANCE_MODERATION_BULK_CAP="3",
        PROVENANCE_MODERATION_ANSWER_DAYS="2",
    )
    with Database(tmp_path / "x.db") as database:
        parts = opened(given, database)
        assert parts is not None
        filed = parts.complaints.file(about(), now=NOW)
        assert filed.due_at == NOW + timedelta(hours=10)
        assert filed.complaint.case is not None
        claimed = parts.cases.claim(filed.complaint.case, person("kim"), now=NOW)
        assert claimed.locked_until == NOW + timedelta(minutes=5)
        assert parts.office.rules.bulk_cap == 3
        assert parts.office.rules.answer_within == timedelta(days=2)


@pytest.mark.parametrize(("days", "counts"), [("0", False), ("1", True), ("366", False)])
def test_nobody_is_waited_for_without_end(tmp_path: Path, days: str, counts: bool) -> None:  # noqa: FBT001
    assert settings(tmp_path).moderation.answer_days == 14
    if counts:
        assert settings(tmp_path, PROVENANCE_MODERATION_ANSWER_DAYS=days).moderation.answer_days
        return
    with pytest.raises(ConfigurationError, match="ANSWER_DAYS: input should be"):
        settings(tmp_path, PROVENANCE_MODERATION_ANSWER_DAYS=days)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path, key: Path) -> None:
    key.chmod(0o640)
    given = settings(tmp_path, PROVENANCE_MODERATION_CONTACT_KEY=str(key))
    with (
        Database(tmp_path / "x.db") as database,
        pytest.raises(ConfigurationError, match=r"only its owner may read \(mode 600\), got"),
    ):
        opened(given, database)


def test_a_policy_that_changed_since_it_was_used_is_refused(tmp_path: Path, key: Path) -> None:
    given = settings(tmp_path, PROVENANCE_MODERATION_CONTACT_KEY=str(key))
    with Database(tmp_path / "x.db") as database:
        parts = opened(given, database)
        assert parts is not None
        case = parts.complaints.file(about(), now=NOW).complaint.case
        assert case is not None
        parts.cases.claim(case, person("kim"), now=NOW)
        parts.cases.decide(case, person("kim"), draft(), now=NOW)
        assert opened(given, database) is not None
        with database.engine.begin() as connection:
            connection.execute(update(policy_versions).values(sha256="0" * 64))
        with pytest.raises(ConfigurationError, match="impersonation@1: decisions were made"):
            opened(given, database)


def test_the_root_of_a_day_is_signed_and_written_and_written_again(
    tmp_path: Path, key: Path
) -> None:
    signing = tmp_path / "signing.pem"
    signing.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    signing.chmod(0o600)
    given = settings(
        tmp_path,
        PROVENANCE_MODERATION_CONTACT_KEY=str(key),
        PROVENANCE_SERVICE_SIGNING_KEY=str(signing),
    )
    with Database(tmp_path / "x.db") as database:
        parts = opened(given, database)
        assert parts is not None
        assert parts.key is not None
        parts.complaints.file(about(), now=NOW)
        parts.pass_time(NOW + timedelta(hours=12, minutes=5))
        assert list(parts.roots.glob("*")) == []
        parts.pass_time(NOW + timedelta(hours=12, minutes=11))
        [root] = parts.audit.roots()
        path = parts.roots / "2026-05-01.json"
        written = json.loads(path.read_text())
        said = open_statement(written.pop("jws"), parts.key.key_set, kind=ROOT_KIND)
        assert said == root.document
        assert written == json.loads(root.document)
        path.unlink()
        parts.pass_time(NOW + timedelta(days=1))
        assert path.exists()


def test_a_root_does_not_wait_for_a_contact_that_does_not_open(tmp_path: Path, key: Path) -> None:
    given = settings(tmp_path, PROVENANCE_MODERATION_CONTACT_KEY=str(key))
    with Database(tmp_path / "x.db") as database:
        before = opened(given, database)
        assert before is not None
        contact = Contact(name="Han Areum", email="areum.han@mail.example")
        before.complaints.file(about(contact=contact), now=NOW)
        with database.engine.begin() as connection:
            connection.execute(update(contacts).values(sealed=b"changed"))
        key.write_text(new_key_line(os.urandom, "2026-06") + key.read_text())
        after = opened(given, database)
        assert after is not None
        with pytest.raises(StoreError, match="does not open"):
            after.pass_time(NOW + timedelta(hours=12, minutes=11))
        assert [path.name for path in after.roots.iterdir()] == ["2026-05-01.json"]


@pytest.mark.parametrize(
    ("found", "likeness"),
    [
        ({"algorithm": "pdq", "distance": 14}, ("pdq", 14)),
        # By local features alone: how far, nobody knows.
        ({"distance": None}, ("features", 256)),
        (None, None),
    ],
)
def test_a_report_tells_which_release_it_resembles(
    tmp_path: Path, found: dict[str, Any] | None, likeness: tuple[str, int] | None
) -> None:
    """What is the release itself resembles none: it leads to no copy."""
    official = report_of()
    changes: dict[str, Any] = {"resemblance": ()}
    if found is not None:
        nearest = Resemblance(release="R2026-014", agency=official.signer.agency, **found)
        none = official.release.model_copy(update={"id": None})
        changes = {"resemblance": (nearest,), "release": none, "verdict": Verdict.LOOKALIKE}
    report = report_of(**changes)
    with Database(tmp_path / "x.db") as database:
        reports = ReportStore(database.engine)
        entry = stored(
            report,
            report.model_dump_json(),
            id="r1",
            owner=None,
            reader=None,
            policy="default@1",
            release_stamp="s",
            now=NOW,
            ends_at=NOW + timedelta(days=30),
        )
        reports.keep(entry, report)
        facts = report_lookup(reports, lambda: NOW)("r1")
    assert facts is not None
    assert facts.likeness == likeness
    if found is not None:
        assert facts.release == "aurora-entertainment/R2026-014"
