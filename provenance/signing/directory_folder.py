"""The folder in which a directory is kept: draft, samples, keys, journal, and what is served.

keeper.json         how long each role's metadata lasts
draft.json          the directory as it will be published next
journal.jsonl       who changed what, when, and on what evidence; only ever added to
keys/               NAME.pem (private, encrypted) and NAME.pub.pem
samples/AGENCY/     good.* must come back official, bad.* must not
proposed-root.json  a root that waits for signatures
repository/         what a web server serves: metadata/ and targets/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from provenance.errors import DirectoryError
from provenance.trust.directory import LoadedDirectory, parse_directory
from provenance.trust.directory_files import append_line, locked, read_bounded, replace_file

__all__ = [
    "ROLES",
    "Account",
    "JournalEntry",
    "KeeperSettings",
    "WorkingFolder",
    "journal_line",
    "utc",
]

ROLES = ("root", "targets", "snapshot", "timestamp")
_MAX_TEXT_CHARS = 4000
_MAX_SETTINGS_BYTES = 64 * 1024
_MAX_DRAFT_BYTES = 32 * 1024 * 1024
_MAX_JOURNAL_BYTES = 256 * 1024 * 1024

Days = Annotated[int, Field(ge=1, le=3650)]
Text = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT_CHARS)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeeperSettings(_Document):
    """What `init` was told: `keeper.json`.

    Attributes:
        days: By role, how long its metadata lasts.
    """

    schema_version: Literal["1"] = "1"
    days: dict[Literal["root", "targets", "snapshot", "timestamp"], Days]

    def lasts(self, role: str) -> int:
        """For how many days is metadata of this role good?"""
        return dict(self.days)[role]  # type: ignore[index]


class JournalEntry(_Document):
    """One line of the journal.

    Attributes:
        at: When, by the clock of whoever ran the command.
        by: The person who answers for it.
        action: Which command.
        what: What was done, in words.
        evidence: What was checked, by whom, and where it is kept.
        draft_sha256: Digest of the draft afterwards, where the draft changed.
    """

    at: AwareDatetime
    by: Text
    action: Text
    what: Text
    evidence: Annotated[str, Field(max_length=_MAX_TEXT_CHARS)] = ""
    draft_sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who answers for a change, when it was made, and on what evidence.

    Attributes:
        at: Now; aware.
        by: A person, or the name of a job.
        evidence: What was checked, by whom, and where the record of it is.
    """

    at: datetime
    by: str
    evidence: str = ""

    def entry(self, action: str, what: str, *, draft_sha256: str | None = None) -> JournalEntry:
        """Which line of the journal says this?

        Raises:
            DirectoryError: Nobody answers for it, or a text is too long or no Unicode.
        """
        if len(what) > _MAX_TEXT_CHARS:
            what = f"{what[: _MAX_TEXT_CHARS - 3]}..."
        try:
            return JournalEntry(
                at=utc(self.at),
                by=self.by,
                action=action,
                what=what,
                evidence=self.evidence,
                draft_sha256=draft_sha256,
            )
        except ValidationError as error:
            raise DirectoryError(f"journal: {_first(error)}") from error


class WorkingFolder:
    """A folder made by `init`.

    Raises:
        DirectoryError: It is none, or its settings cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys = path / "keys"
        self.samples = path / "samples"
        self.draft = path / "draft.json"
        self.journal = path / "journal.jsonl"
        self.proposal = path / "proposed-root.json"
        self.repository = path / "repository"
        self._staging = path / ".staging"
        settings = path / "keeper.json"
        if not settings.is_file():
            raise DirectoryError(
                f"{path}: expected a folder made by `provenance directory init`, got another"
            )
        try:
            self.settings = KeeperSettings.model_validate_json(
                read_bounded(settings, _MAX_SETTINGS_BYTES)
            )
        except ValidationError as error:
            raise DirectoryError(f"{settings}: {_first(error)}") from error
        missing = [role for role in ROLES if role not in self.settings.days]
        if missing:
            raise DirectoryError(f"{settings}: days: expected an entry for {missing[0]}, got none")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others out while the block changes the folder, and clear what a crash left."""
        with locked(self.path / ".lock"):
            try:
                self._staging.mkdir(exist_ok=True)
                for left in self._staging.iterdir():
                    left.unlink()
            except OSError as error:
                raise DirectoryError(
                    f"{self._staging}: cannot be cleared: {(error.strerror or '').lower()}"
                ) from error
            yield

    def write(self, path: Path, data: bytes) -> None:
        """Give these bytes this name in one step; only inside `locked`."""
        replace_file(path, data, staging=self._staging)

    def load_draft(self) -> LoadedDirectory:
        """Which directory is the draft?

        Raises:
            DirectoryError: It is none; names the file.
        """
        data = read_bounded(self.draft, _MAX_DRAFT_BYTES)
        return parse_directory(data, where=str(self.draft), source="draft")

    def load_journal(self) -> tuple[JournalEntry, ...]:
        """What has been done here, oldest first?

        Raises:
            DirectoryError: A line is no entry; names the file and the line.
        """
        data = read_bounded(self.journal, _MAX_JOURNAL_BYTES)
        entries = []
        for number, line in enumerate(data.split(b"\n"), start=1):
            if not line:
                continue
            try:
                entries.append(JournalEntry.model_validate_json(line))
            except ValidationError as error:
                raise DirectoryError(f"{self.journal}: line {number}: {_first(error)}") from error
        if data and not data.endswith(b"\n"):
            raise DirectoryError(f"{self.journal}: its last line is cut off; complete or remove it")
        return tuple(entries)

    def note(self, entry: JournalEntry) -> None:
        """Add a line to the journal; only inside `locked`."""
        append_line(self.journal, journal_line(entry))

    def check_draft_is_recorded(self) -> LoadedDirectory:
        """Which directory is the draft, if the journal tells how it came to be?

        Raises:
            DirectoryError: Draft or journal cannot be read, or the draft was changed by
                something that left no record.
        """
        loaded = self.load_draft()
        told = [e.draft_sha256 for e in self.load_journal() if e.draft_sha256 is not None]
        if not told or told[-1] != loaded.sha256:
            raise DirectoryError(
                f"{self.draft}: was changed without a line in the journal; record it with "
                "`provenance directory edit`"
            )
        return loaded


def journal_line(entry: JournalEntry) -> bytes:
    """How does an entry stand in the journal? Readable as it is, Korean names too."""
    document: Mapping[str, Any] = entry.model_dump(mode="json", exclude_none=True)
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def utc(moment: datetime) -> datetime:
    """The moment as metadata can hold it: UTC, whole seconds."""
    if moment.tzinfo is None:
        raise ValueError("expected an aware time, got one without a time zone")
    return moment.astimezone(UTC).replace(microsecond=0)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "document"
    return f"{place}: {first['msg']}"
