"""The desk of a bulk registration: the one place that has the key and writes the register.

Files come here as what others have read of them. They wait until there are enough for a
batch, which is signed and taken in whole; only then has each of them its row.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from provenance.bulk.listing import SourceFile
from provenance.bulk.reading import Examined
from provenance.bulk.rows import RegisterRow, Row
from provenance.credentials.engine_signing import ClaimSigner
from provenance.errors import ConfigurationError, RegisterError
from provenance.registry.log.statement import Register as RegisterStatement
from provenance.registry.log.statement import ReleaseId
from provenance.registry.register.records import Change
from provenance.registry.register.register import Register
from provenance.registry.register.stated_lines import read_stated
from provenance.registry.register.stating import StatedFile, state_release
from provenance.trust.certificates import parse_pem_bundle
from provenance.trust.directory import About, LoadedDirectory
from provenance.trust.recognition import Recogniser
from provenance.verdict import ReleaseState, SignerKind, Verdict

__all__ = ["Authority", "RegisterDesk", "authority_of", "not_listed_row", "release_namer"]

_FILES_AT_ONCE = 64
_BYTES_AT_ONCE = 64 * 1024**2
_LONGEST_WAIT_S = 20.0
_SALT_BYTES = 32
_FOLDER = "{folder}"
_KINDS = ("image", "video", "audio", "document")
_RELEASE_ID: TypeAdapter[str] = TypeAdapter(ReleaseId)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """For whom a key speaks, by the directory.

    Attributes:
        agency: The agency's id.
        kinds: The kinds of media about which it may state something.
    """

    agency: str
    kinds: frozenset[str]


def authority_of(signer: ClaimSigner, directory: LoadedDirectory, *, at: datetime) -> Authority:
    """For whom does this key speak?

    Raises:
        ConfigurationError: For no agency of the directory.
    """
    pem = signer.certificate_chain_pem.decode("ascii", "replace")
    chain = parse_pem_bundle(pem, where="certificate of the key")
    recogniser = Recogniser(directory, ())
    kinds: dict[str, set[str]] = {}
    for kind in _KINDS:
        found = recogniser.recognise(chain, at=at, trusted_time=at, about=About(media_kind=kind))
        if found.kind is SignerKind.AGENCY and found.agency is not None:
            kinds.setdefault(found.agency.id, set()).add(kind)
    if not kinds or not chain[0].is_valid_at(at):
        raise ConfigurationError(
            f"key {chain[0].spki_sha256}: expected one that an agency of the directory has now"
        )
    agency = next(iter(kinds))
    return Authority(agency=agency, kinds=frozenset(kinds[agency]))


def release_namer(pattern: str) -> Callable[[SourceFile], str]:
    """To which release belongs a file? `{folder}` stands for the first folder of its path.

    The function that is returned raises `RegisterError` for a file that has none.

    Raises:
        ConfigurationError: It would name no release.
    """
    if _FOLDER not in pattern:
        _check_id(pattern, ConfigurationError("--release"))
        return lambda _file: pattern

    def name(file: SourceFile) -> str:
        folder, slash, _ = file.inside.partition("/")
        if not slash:
            raise RegisterError("it lies in no folder that could name its release")
        named = pattern.replace(_FOLDER, folder)
        _check_id(named, RegisterError("the name of its release"))
        return named

    return name


def _check_id(name: str, error: ConfigurationError | RegisterError) -> None:
    try:
        _RELEASE_ID.validate_python(name)
    except ValidationError as problem:
        raise type(error)(
            f"{error}: expected letters, digits and . _ - (100 at most), got {name!r:.120}"
        ) from problem


@dataclass(frozen=True, slots=True)
class _Waiting:
    file: SourceFile
    examined: Examined
    release: str
    # None for another copy of a file that waits too.
    stated: StatedFile | None
    why_not: tuple[str, ...] = ()


class RegisterDesk:
    """States files and has them taken in, a batch at a time; used by one thread.

    Args:
        register: Where. It must take this key.
        signer: Signs the statements.
        authority: For whom.
        release_of: To which release a file belongs; raises `RegisterError`.
        clock: What time it is.
        embargo_until: Until when nobody but the agency is to hear of them.
        channels: Where the agency publishes them.
    """

    def __init__(
        self,
        register: Register,
        signer: ClaimSigner,
        authority: Authority,
        release_of: Callable[[SourceFile], str],
        *,
        clock: Callable[[], datetime],
        embargo_until: datetime | None = None,
        channels: tuple[str, ...] = (),
    ) -> None:
        self._register, self._signer, self._authority = register, signer, authority
        self._release_of = release_of
        self._clock = clock
        self._until = embargo_until
        self._channels = channels
        self._view = register.view(authority.agency, clock=clock)
        self._waiting: list[_Waiting] = []
        self._stated: set[tuple[str, str]] = set()
        self._bytes = 0
        self._since = 0.0

    def is_known(self, file: SourceFile, sha256: str) -> bool:
        """Has its release this file already? May be asked by any thread."""
        try:
            return self._has(self._release_of(file), sha256)
        except RegisterError:
            # What stands in the way is said when its turn comes.
            return False

    def add(self, file: SourceFile, examined: Examined) -> Iterator[tuple[SourceFile, Row]]:
        """Take up one file; gives the rows that are final by that.

        Raises:
            RegisterError: The register cannot be written, or the clock has gone back.
            SigningKeyError, SigningError: The key cannot be used.
        """
        if examined.verdict is None:
            yield file, self._row(file, examined, error=examined.says)
            return
        try:
            waiting = self._looked_at(file, examined)
        except RegisterError as error:
            yield file, self._row(file, examined, state="refused", refusal=str(error))
            return
        if isinstance(waiting, Row):
            yield file, waiting
            return
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(waiting)
        self._bytes += len(examined.stated or b"")
        if (
            len(self._waiting) >= _FILES_AT_ONCE
            or self._bytes >= _BYTES_AT_ONCE
            or time.monotonic() - self._since >= _LONGEST_WAIT_S
        ):
            yield from self.finish()

    def finish(self) -> Iterable[tuple[SourceFile, Row]]:
        """State what waits, and take it in, all of it or nothing; gives its rows.

        Raises:
            RegisterError: The register cannot be written, or the clock has gone back.
            SigningKeyError, SigningError: The key cannot be used.
        """
        waiting, self._waiting = self._waiting, []
        self._stated.clear()
        self._bytes = 0
        if not waiting:
            return []
        changes = list(self._changes(waiting))
        taken = self._register.take(changes, at=self._clock())
        numbers = dict(_numbers(changes, taken.numbers))
        return [(one.file, self._taken_row(one, numbers)) for one in waiting]

    def _looked_at(self, file: SourceFile, examined: Examined) -> _Waiting | RegisterRow:
        """May this file be stated? Its row, where nothing is left to do.

        Raises:
            RegisterError: It may not.
        """
        if examined.verdict is not Verdict.OFFICIAL or examined.agency is None:
            verdict = examined.verdict.value if examined.verdict else "nothing"
            raise RegisterError(f"expected an official release, got {verdict}: {examined.says}")
        mine = self._authority.agency
        if examined.agency != mine:
            raise RegisterError(f"expected a file of {mine}, got one of {examined.agency}")
        release, sha256 = self._release_of(file), examined.sha256 or ""
        if examined.known or self._has(release, sha256):
            return self._row(file, examined, state="known", release=release)
        held = self._view.release(mine, release, at=self._clock())
        if held is not None and held.state is ReleaseState.WITHDRAWN:
            raise RegisterError(f"{mine}/{release} is withdrawn, which is final")
        if (release, sha256) in self._stated:
            return _Waiting(file, examined, release, None)
        if examined.stated is None:
            return self._row(file, examined, error="nothing was read of it")
        try:
            read = read_stated(examined.stated, where=file.shown)
        except RegisterError as error:
            # Not the file's fault: whoever read it was not itself.
            return self._row(file, examined, error=str(error))
        if read.stated.file.sha256 != sha256:
            return self._row(file, examined, error="changed while it was read")
        kind = read.stated.file.media_type.partition("/")[0]
        kind = kind if kind in _KINDS else "document"
        if kind not in self._authority.kinds:
            raise RegisterError(f"the directory does not let this key speak about {kind} files")
        self._stated.add((release, sha256))
        stated = StatedFile(
            # What only the agency says is not taken from whoever read the file.
            file=read.stated.file.model_copy(update={"rendition_of": None}),
            facts=replace(read.stated.facts, channels=self._channels),
        )
        return _Waiting(file, examined, release, stated, read.why_not)

    def _has(self, release: str, sha256: str) -> bool:
        found = self._view.files(sha256, at=self._clock())
        names = {(file.release.agency, file.release.release) for file in found}
        return (self._authority.agency, release) in names

    def _changes(self, waiting: Sequence[_Waiting]) -> Iterator[Change]:
        now = self._clock()
        until = self._until if self._until is not None and self._until > now else None
        by_release: dict[str, list[StatedFile]] = {}
        for one in waiting:
            if one.stated is not None:
                by_release.setdefault(one.release, []).append(one.stated)
        for release, files in by_release.items():
            yield from state_release(
                files,
                agency=self._authority.agency,
                release=release,
                at=now.replace(microsecond=0),
                signer=self._signer,
                embargo_until=until,
                make_salt=lambda: secrets.token_bytes(_SALT_BYTES),
            )

    def _taken_row(self, one: _Waiting, numbers: Mapping[tuple[str, str], int]) -> RegisterRow:
        return self._row(
            one.file,
            one.examined,
            state="known" if one.stated is None else "registered",
            release=one.release,
            change=numbers[one.release, one.examined.sha256 or ""],
            not_made="; ".join(one.why_not) or None,
        )

    def _row(self, file: SourceFile, examined: Examined, **more: Any) -> RegisterRow:
        return RegisterRow(
            path=file.shown,
            size_bytes=file.size_bytes,
            version=file.version,
            answered_at=self._clock(),
            sha256=examined.sha256,
            verdict=examined.verdict,
            agency=examined.agency,
            **more,
        )


def not_listed_row(clock: Callable[[], datetime]) -> Callable[[SourceFile, str], RegisterRow]:
    """Makes the row of a folder that could not be listed."""
    return lambda place, why: RegisterRow(
        path=place.shown,
        size_bytes=place.size_bytes,
        version=place.version,
        answered_at=clock(),
        error=why,
    )


def _numbers(
    changes: Sequence[Change], numbers: Sequence[int]
) -> Iterator[tuple[tuple[str, str], int]]:
    for change, number in zip(changes, numbers, strict=True):
        statement = change.signed.statement
        if isinstance(statement, RegisterStatement):
            for file in statement.files:
                yield (statement.release, file.sha256), number
