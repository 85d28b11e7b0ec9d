"""Trust lists that the operator keeps: each as it was, with what is known of it beside it."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from provenance.atomic_files import new_file
from provenance.errors import ConfigurationError, TrustListError
from provenance.trust.lists import ListPurpose, TrustList, parse_trust_list

__all__ = ["ListStore", "StoredList"]

_MAX_LIST_BYTES = 10 * 1024 * 1024
_MAX_FACTS_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class _Facts(BaseModel):
    """What is known of a stored list; the document beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1"] = "1"
    name: str
    purpose: ListPurpose
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    source: str
    dated: AwareDatetime | None = None
    added_at: AwareDatetime
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredList:
    """A stored list.

    Attributes:
        trust_list: The list, with source, date and note as they were given.
        added_at: When it was put here.
    """

    trust_list: TrustList
    added_at: datetime


class ListStore:
    """The trust lists in the folder `lists` of the operator's home.

    `NAME.json` says what is known of a list, and names its bytes by their
    digest: they lie in `NAME-SHA256.list`. That document is written last and
    taken away first, so a reader finds a whole list or none.

    Args:
        home: The operator's home; it need not be there.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "lists"

    def names(self) -> tuple[str, ...]:
        """Which lists are there, by name?

        Raises:
            ConfigurationError: The folder cannot be read.
        """
        try:
            files = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _failed(self._folder, "read", error) from error
        names = (name.removesuffix(".json") for name in files if name.endswith(".json"))
        return tuple(sorted(name for name in names if _NAME.fullmatch(name)))

    def add(
        self,
        name: str,
        file: Path,
        *,
        purpose: ListPurpose,
        at: datetime,
        source: str | None = None,
        dated: datetime | None = None,
        note: str | None = None,
        replacing: bool = False,
    ) -> StoredList:
        """Keep a copy of the list in this file.

        Args:
            name: What reports will call it.
            file: The list, in PEM or in the C2PA list's JSON form.
            purpose: What its anchors may vouch for.
            at: Now.
            source: Where it came from, in words; by default, the file's name.
            dated: When it was issued or fetched; by default, what the list says.
            note: What a reader of reports must know about it.
            replacing: Whether a list of that name may be replaced.

        Raises:
            TrustListError: The file is not a usable list; names it and the line.
            ConfigurationError: The name is taken or not usable, or nothing can
                be written.
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                "name of the list: expected letters, digits, dots, dashes and underscores, "
                f"64 at most, got {name!r:.80}"
            )
        before: _Facts | None = None
        if name in self.names():
            if not replacing:
                raise self._taken(name)
            # What was spoilt may be replaced as well.
            with suppress(ConfigurationError):
                before = self._facts(name)
        data = _read(file, _MAX_LIST_BYTES)
        parsed = parse_trust_list(
            data, name=name, purpose=purpose, source=str(file), dated=dated, note=note
        )
        facts = _Facts(
            name=name,
            purpose=purpose,
            sha256=parsed.sha256,
            source=source or file.name,
            dated=parsed.dated,
            added_at=at,
            note=parsed.note,
        )
        document = facts.model_dump_json(indent=2).encode() + b"\n"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._data_path(facts), data, replacing=True)
            _write(self._facts_path(name), document, replacing=replacing)
            if before is not None and before.sha256 != facts.sha256:
                self._data_path(before).unlink(missing_ok=True)
        except OSError as error:
            raise _failed(self._folder, "written", error) from error
        return _stored(facts, parsed)

    def load(self, name: str) -> StoredList:
        """Which list is kept under this name?

        Raises:
            ConfigurationError: There is none, or it is no longer what was added.
        """
        facts = self._facts(name)
        path = self._data_path(facts)
        data = _read(path, _MAX_LIST_BYTES)
        digest = hashlib.sha256(data).hexdigest()
        if digest != facts.sha256:
            raise ConfigurationError(
                f"list {name}: expected {path} with the SHA-256 {facts.sha256}, got {digest}; "
                "add the list again with --replace, or remove it"
            )
        parsed = parse_trust_list(
            data, name=name, purpose=facts.purpose, source=str(path), dated=facts.dated
        )
        return _stored(facts, parsed)

    def load_all(self) -> tuple[StoredList, ...]:
        """Which lists are kept, by name?

        Raises:
            ConfigurationError: One of them cannot be used; to judge with the others
                alone would be to judge by something else than was asked.
        """
        return tuple(self.load(name) for name in self.names())

    def remove(self, name: str) -> None:
        """Take a list away, whatever its state.

        Raises:
            ConfigurationError: There is none of that name, or it cannot be removed.
        """
        if name not in self.names():
            raise self._none(name)
        data: Path | None = None
        with suppress(ConfigurationError):
            data = self._data_path(self._facts(name))
        try:
            self._facts_path(name).unlink(missing_ok=True)
            if data is not None:
                data.unlink(missing_ok=True)
        except OSError as error:
            raise _failed(self._folder, "written", error) from error

    def _facts(self, name: str) -> _Facts:
        if not _NAME.fullmatch(name):
            raise self._none(name)
        path = self._facts_path(name)
        if not path.exists():
            raise self._none(name)
        try:
            facts = _Facts.model_validate_json(_read(path, _MAX_FACTS_BYTES))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "document"
            raise ConfigurationError(
                f"list {name}: {path}: {place}: {first['msg'].removeprefix('Value error, ')}"
            ) from error
        if facts.name != name:
            raise ConfigurationError(
                f"list {name}: {path}: expected the name {name!r}, got {facts.name!r}"
            )
        return facts

    def _taken(self, name: str) -> ConfigurationError:
        return ConfigurationError(
            f"list {name}: there is one of that name already; --replace replaces it"
        )

    def _none(self, name: str) -> ConfigurationError:
        return ConfigurationError(f"list {name!r:.80}: there is none of that name")

    def _facts_path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _data_path(self, facts: _Facts) -> Path:
        return self._folder / f"{facts.name}-{facts.sha256}.list"


def _stored(facts: _Facts, parsed: TrustList) -> StoredList:
    return StoredList(
        trust_list=replace(parsed, source=facts.source, dated=facts.dated, note=facts.note),
        added_at=facts.added_at,
    )


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise _failed(path, "read", error) from error
    if len(data) > most:
        raise TrustListError(f"{path}: expected {most} bytes at most, got more")
    return data


def _failed(path: Path, done: str, error: OSError) -> ConfigurationError:
    reason = (error.strerror or str(error)).lower()
    return ConfigurationError(f"{path}: cannot be {done}: {reason}")


def _write(path: Path, data: bytes, *, replacing: bool) -> None:
    with new_file(path, replace=replacing) as stream:
        stream.write(data)
