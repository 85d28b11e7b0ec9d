"""`provenance register add | withdraw | supersede | reveal`: what an agency signs."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.key_options import CertificateOption, KeyOption, UnsafePlainKeyOption
from provenance.cli.options import DirectoryOption, TimeStampListOption
from provenance.cli.register_options import (
    EmbargoOption,
    LogKeyFileOption,
    LogOption,
    LogPassphraseFileOption,
    MaybePassphraseFileOption,
    RegisterOption,
    ReleaseArgument,
    fingerprinter,
    give_log,
    known_release,
    register_at,
    signer_at,
    split_release_name,
    stating,
)
from provenance.cli.streams import say, write_text
from provenance.errors import ConfigurationError, RegisterError

if TYPE_CHECKING:
    from datetime import datetime

    from provenance.credentials.engine_signing import ClaimSigner
    from provenance.registry.log.statement import Supersede, Withdraw
    from provenance.registry.register.register import Register
    from provenance.runtime.register_files import ReadFile

__all__ = ["register_register_keeper"]

_FILES_AT_ONCE = 64
_SALT_BYTES = 32


def register_register_keeper(group: typer.Typer) -> None:
    """Add these commands to the group."""
    for name, command in (
        ("add", add),
        ("withdraw", withdraw),
        ("supersede", supersede),
        ("reveal", reveal),
    ):
        group.command(name)(command)


def add(  # noqa: PLR0913 - one parameter for each option
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Signed files.")],
    release: Annotated[
        str, typer.Option("--release", metavar="ID", help="The release's id, the agency's own.")
    ],
    key: KeyOption,
    certificate: CertificateOption,
    place: RegisterOption = None,
    directory: DirectoryOption = None,
    time_stamp_list: TimeStampListOption = None,
    rendition_of: Annotated[
        str | None,
        typer.Option(
            "--rendition-of",
            metavar="SHA256|FILE",
            help="The files are the agency's own transcodes of this registered file; they may "
            "have no credentials.",
        ),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            "--channel", metavar="URL", help="Where the agency publishes it; may be repeated."
        ),
    ] = None,
    embargo_until: EmbargoOption = None,
    log: LogOption = None,
    log_key: LogKeyFileOption = None,
    log_passphrase_file: LogPassphraseFileOption = None,
    passphrase_file: MaybePassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """Register signed files as a release: each is verified, and has to be official.

    A file that this release has already is passed over: what was interrupted can simply be
    done again.
    """
    from provenance.cli.judge import parse_time

    until = parse_time(embargo_until, option="--embargo-until")
    with (
        register_at(place, directory) as register,
        signer_at(key, certificate, passphrase_file, unsafe_plain=unsafe_plain_key) as signer,
        stating(),
    ):
        intake = _Intake(
            register,
            signer,
            release=release,
            embargo_until=until,
            rendition_of=rendition_of,
            channels=tuple(channel or ()),
            directory=directory,
            time_stamp_lists=time_stamp_list or (),
        )
        intake.take(files)
        write_text(intake.summary)
        if log is not None:
            count = give_log(register, log, log_key, log_passphrase_file, plain=unsafe_plain_key)
            write_text(f"{log}: {count} entries added")


def withdraw(  # noqa: PLR0913 - one parameter for each option
    *,
    release: ReleaseArgument,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="CODE",
            help="error, rights, legal, safety or other; a text could name a person.",
        ),
    ],
    key: KeyOption,
    certificate: CertificateOption,
    place: RegisterOption = None,
    directory: DirectoryOption = None,
    log: LogOption = None,
    log_key: LogKeyFileOption = None,
    log_passphrase_file: LogPassphraseFileOption = None,
    passphrase_file: MaybePassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """State that the agency no longer stands by a release. That is final."""
    from provenance.registry.log.statement import Withdraw, WithdrawalReason
    from provenance.runtime.clock import system_clock

    if reason not in set(WithdrawalReason):
        raise typer.BadParameter(f"--reason: expected {', '.join(WithdrawalReason)}")
    with (
        register_at(place, directory) as register,
        signer_at(key, certificate, passphrase_file, unsafe_plain=unsafe_plain_key) as signer,
        stating(),
    ):
        agency, name = known_release(register, release)
        statement = Withdraw(
            agency=agency,
            claimed_at=system_clock().replace(microsecond=0),
            release=name,
            reason=WithdrawalReason(reason),
        )
        _state(register, signer, statement)
        write_text(f"{release}: withdrawn ({reason})")
        if log is not None:
            give_log(register, log, log_key, log_passphrase_file, plain=unsafe_plain_key)


def supersede(  # noqa: PLR0913 - one parameter for each option
    *,
    release: ReleaseArgument,
    newer: Annotated[
        str, typer.Option("--by", metavar="ID", help="The newer release, of the same agency.")
    ],
    key: KeyOption,
    certificate: CertificateOption,
    place: RegisterOption = None,
    directory: DirectoryOption = None,
    log: LogOption = None,
    log_key: LogKeyFileOption = None,
    log_passphrase_file: LogPassphraseFileOption = None,
    passphrase_file: MaybePassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """State that there is a newer version of a release. The older one stays official."""
    from provenance.registry.log.statement import Supersede
    from provenance.runtime.clock import system_clock

    with (
        register_at(place, directory) as register,
        signer_at(key, certificate, passphrase_file, unsafe_plain=unsafe_plain_key) as signer,
        stating(),
    ):
        agency, name = known_release(register, release)
        known_release(register, f"{agency}/{newer}")
        statement = Supersede(
            agency=agency,
            claimed_at=system_clock().replace(microsecond=0),
            release=name,
            replaced_by=newer,
        )
        _state(register, signer, statement)
        write_text(f"{release}: superseded by {newer}")
        if log is not None:
            give_log(register, log, log_key, log_passphrase_file, plain=unsafe_plain_key)


def reveal(  # noqa: PLR0913 - one parameter for each option
    *,
    release: ReleaseArgument,
    log: Annotated[
        Path,
        typer.Option("--log", metavar="LOG", help="The release log that has the commitment."),
    ],
    key: KeyOption,
    certificate: CertificateOption,
    place: RegisterOption = None,
    directory: DirectoryOption = None,
    log_key: LogKeyFileOption = None,
    log_passphrase_file: LogPassphraseFileOption = None,
    passphrase_file: MaybePassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """End a release's embargo now, and tell the log what it has a commitment of.

    The register ends it by itself when its time comes; the log has to be told.
    """
    from provenance.registry.log.folder import LogFolder
    from provenance.registry.register.stating import state_reveal
    from provenance.runtime.clock import system_clock

    with (
        register_at(place, directory) as register,
        signer_at(key, certificate, passphrase_file, unsafe_plain=unsafe_plain_key) as signer,
        stating(),
    ):
        agency, name = split_release_name(release)
        plain = unsafe_plain_key
        give_log(register, log, log_key, log_passphrase_file, plain=plain)
        placed = register.ledger.committed(LogFolder.open(log).origin, agency, name)
        if not placed:
            raise RegisterError(f"{release}: nothing of it is under embargo in {log}")
        now = system_clock().replace(microsecond=0)
        changes = [state_reveal(entry, at=now, signer=signer) for entry in placed]
        register.take(changes, at=system_clock())
        give_log(register, log, log_key, log_passphrase_file, plain=plain)
        write_text(f"{release}: {len(changes)} statements revealed")


def _state(register: Register, signer: ClaimSigner, statement: Withdraw | Supersede) -> None:
    """Sign it and take it in; a log is not to hear of it while the release is hidden."""
    from provenance.registry.register.stating import state_change
    from provenance.runtime.clock import system_clock

    now = system_clock()
    public = register.view(clock=system_clock)
    named = [statement.release, getattr(statement, "replaced_by", statement.release)]
    hidden = any(public.release(statement.agency, name, at=now) is None for name in named)
    salt = secrets.token_bytes(_SALT_BYTES) if hidden else None
    change = state_change(statement, at=statement.claimed_at, signer=signer, salt=salt)
    register.take([change], at=system_clock())


class _Intake:
    """Takes files in, some at a time."""

    def __init__(
        self,
        register: Register,
        signer: ClaimSigner,
        *,
        release: str,
        embargo_until: datetime | None,
        rendition_of: str | None,
        channels: tuple[str, ...],
        directory: Path | None,
        time_stamp_lists: list[str] | tuple[str, ...],
    ) -> None:
        from provenance.cli.judge import make_verifier, setup_of
        from provenance.runtime.register_files import digest_named

        self._register, self._signer = register, signer
        self._release, self._until = release, embargo_until
        self._channels = channels
        self._original = None if rendition_of is None else digest_named(rendition_of)
        self._verifier = make_verifier(
            setup_of(directory=directory, trust_lists=(), time_stamp_lists=time_stamp_lists)
        )
        self._agency: str | None = None
        self._added = self._kept = 0

    @property
    def summary(self) -> str:
        """What became of it."""
        kept = f", {self._kept} were there already" if self._kept else ""
        hidden = "" if self._until is None else f", under embargo until {self._until.isoformat()}"
        return f"{self._agency}/{self._release}: {self._added} files registered{kept}{hidden}"

    def take(self, files: list[str]) -> None:
        """Verify, read, sign and register these files."""
        from provenance.cli.inputs import Notice, find_inputs

        some: list[ReadFile] = []
        for item in find_inputs(files, recursive=False):
            if isinstance(item, Notice):
                if item.failed:
                    raise ConfigurationError(item.message)
                continue
            if item.path is None:
                raise ConfigurationError("expected the names of files, got standard input")
            read = self._read(Path(item.path), item.sidecar, item.shown)
            if read is not None:
                some.append(read)
            if len(some) >= _FILES_AT_ONCE:
                self._write(some)
        self._write(some)

    def _read(self, path: Path, sidecar: str | None, shown: str) -> ReadFile | None:
        from provenance.runtime.register_files import read_for_register

        read = read_for_register(
            path,
            verifier=self._verifier,
            fingerprint=fingerprinter(),
            sidecar=None if sidecar is None else Path(sidecar),
            rendition_of=self._original,
            channels=self._channels,
            name=shown,
        )
        agency = read.agency or self._agency_of_original(shown)
        if self._agency not in {None, agency}:
            raise RegisterError(f"{shown}: expected a file of {self._agency}, got one of {agency}")
        self._agency = agency
        for why in read.why_not:
            say(f"{shown}: {why}")
        if self._has(read.stated.file.sha256, agency):
            self._kept += 1
            return None
        return read

    def _has(self, sha256: str, agency: str) -> bool:
        from provenance.runtime.clock import system_clock

        view = self._register.view(agency, clock=system_clock)
        found = view.files(sha256, at=system_clock())
        return any(
            (file.release.agency, file.release.release) == (agency, self._release) for file in found
        )

    def _agency_of_original(self, shown: str) -> str:
        """Whose is the file that this is a rendition of? Its registration says."""
        owners = self._register.owners_of_file(self._original or "")
        if len(owners) != 1:
            raise RegisterError(f"{shown}: expected a rendition of one agency's registered file")
        return owners[0]

    def _write(self, some: list[ReadFile]) -> None:
        from provenance.registry.register.stating import state_release
        from provenance.runtime.clock import system_clock

        if not some:
            return
        now = system_clock()
        changes = state_release(
            [read.stated for read in some],
            agency=self._agency or "",
            release=self._release,
            at=now.replace(microsecond=0),
            signer=self._signer,
            embargo_until=self._until,
            make_salt=lambda: secrets.token_bytes(_SALT_BYTES),
        )
        self._register.take(changes, at=now)
        self._added += len(some)
        some.clear()
