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
    from provenance.credentials.engine_signing import ClaimSigner
    from provenance.registry.log.statement import Supersede, Withdraw
    from provenance.registry.register.register import Register
    from provenance.runtime.registering import Registration

__all__ = ["register_register_keeper"]

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
            help="The files are the agency's own transcodes of this registered file, signed "
            "like every file.",
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
    from provenance.cli.judge import make_verifier, parse_time, setup_of
    from provenance.runtime.clock import system_clock
    from provenance.runtime.register_files import digest_named
    from provenance.runtime.registering import Registration

    until = parse_time(embargo_until, option="--embargo-until")
    with (
        register_at(place, directory) as register,
        signer_at(key, certificate, passphrase_file, unsafe_plain=unsafe_plain_key) as signer,
        stating(),
    ):
        intake = Registration(
            register,
            signer,
            make_verifier(
                setup_of(
                    directory=directory, trust_lists=(), time_stamp_lists=time_stamp_list or ()
                )
            ),
            release=release,
            clock=system_clock,
            say=say,
            embargo_until=until,
            rendition_of=None if rendition_of is None else digest_named(rendition_of),
            channels=tuple(channel or ()),
        )
        _take_in(intake, files)
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
    from provenance.registry.log.statement import Supersede
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
        public = register.view(clock=system_clock)
        changes = []
        for entry in placed:
            told = entry.signed.statement
            if (
                isinstance(told, Supersede)
                and public.release(agency, told.replaced_by, at=now) is None
            ):
                say(
                    f"{release}: that it was superseded names a release that is under embargo: "
                    "reveal that one first, then this one again"
                )
                continue
            changes.append(state_reveal(entry, at=now, signer=signer))
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


def _take_in(intake: Registration, files: list[str]) -> None:
    from provenance.cli.inputs import Notice, find_inputs

    for item in find_inputs(files, recursive=False):
        if isinstance(item, Notice):
            if item.failed:
                raise ConfigurationError(item.message)
            continue
        if item.path is None:
            raise ConfigurationError("expected the names of files, got standard input")
        sidecar = None if item.sidecar is None else Path(item.sidecar)
        intake.add(Path(item.path), sidecar=sidecar, name=item.shown)
    intake.finish()
