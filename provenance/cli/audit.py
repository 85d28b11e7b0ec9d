"""`provenance audit verify | export | state`: the audit of moderation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.key_options import CertificateOption, KeyOption, UnsafePlainKeyOption
from provenance.cli.register_options import MaybePassphraseFileOption
from provenance.cli.streams import say, write_text
from provenance.cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joserfc.jwk import KeySet

    # The database's library takes long to import: `--help` does without it.
    from provenance.moderation.audit import AuditFault, DayRoot

__all__ = ["AUDIT_EXIT_CODES", "audit"]

AUDIT_EXIT_CODES = """\b
Exit status:
  0  every entry is what and where it was
  1  one is not; which one is said
  2  usage, or a file or database that cannot be read
  4  what was exported does not begin with the first entry
"""
_MAX_ROOTS_BYTES = 16 * 1024**2
_MAX_KEY_BYTES = 1024**2

audit = typer.Typer(help="The audit of moderation.", rich_markup_mode=None)
RegisterOption = Annotated[
    str | None, typer.Option("--register", metavar="PLACE", help="As for `provenance serve`.")
]


@audit.callback()
def group() -> None:
    """Look after the audit of moderation."""


@audit.command("verify", epilog=AUDIT_EXIT_CODES)
def verify(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Exported entries (JSON lines); without it, the database."
        ),
    ] = None,
    roots: Annotated[
        Path | None,
        typer.Option(
            "--roots",
            metavar="PLACE",
            help="Roots of days that you kept: a copy of the service's folder of them, or a file: "
            "one, or one on each line. Without them, whoever may write to the database could have "
            "made the whole chain again.",
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="With --roots: public keys of the service, as for `provenance evidence verify`; "
            "every root has to be signed with one.",
        ),
    ] = None,
    register: RegisterOption = None,
) -> None:
    """Check that no entry was changed, removed, added or moved."""
    if key is not None and roots is None:
        raise typer.BadParameter("expected --key with --roots only")
    given_out = () if roots is None else _roots(roots, key)
    if file is not None:
        if roots is not None:
            raise typer.BadParameter("expected --roots with the database only")
        _verify_export(file)
        return
    from provenance.moderation.audit import AuditLog
    from provenance.runtime.outcome_parts import open_engine

    with open_engine(register) as engine:
        log = AuditLog(engine)
        faults = log.verify(given_out=given_out)
        seq, head = log.head()
    _tell(faults)
    write_text(f"{seq} entries hold; the last is {head}")


@audit.command("export")
def export(
    *,
    since: Annotated[
        int, typer.Option("--since", min=0, max=2**63 - 1, help="Only entries after this number.")
    ] = 0,
    register: RegisterOption = None,
) -> None:
    """Write the entries to stdout, one JSON document a line. They name no complainant."""
    from provenance.moderation.audit import AuditLog
    from provenance.moderation.evidence.audit_export import export_lines
    from provenance.runtime.outcome_parts import open_engine

    with open_engine(register) as engine:
        log = AuditLog(engine)
        after = since
        while events := log.events(after=after):
            for line in export_lines(events):
                write_text(line.decode("utf-8").rstrip("\n"))
            after = events[-1].seq


@audit.command("state")
def state(
    *,
    roots: Annotated[
        Path,
        typer.Argument(
            metavar="ROOTS",
            help="The service's folder of roots, or a file: one, or one on each line.",
        ),
    ],
    agency: Annotated[
        str, typer.Option("--agency", metavar="ID", help="Who states it, by its id.")
    ],
    key: KeyOption,
    certificate: CertificateOption,
    subject: Annotated[
        str | None,
        typer.Option("--subject", metavar="ID", help="Whose audit it is; by default the agency's."),
    ] = None,
    service_key: Annotated[
        Path | None,
        typer.Option(
            "--service-key",
            metavar="FILE",
            help="Public keys of the service: every root has to be signed with one.",
        ),
    ] = None,
    passphrase_file: MaybePassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """Write to stdout, one JSON a line, what `log append` takes: the roots of days, signed.

    A release log that has them shows to everybody that no entry of those days was changed.
    """
    from provenance.cli.register_options import signer_at, stating
    from provenance.registry.log.leaf import sign_statement
    from provenance.runtime.clock import system_clock

    with (
        signer_at(key, certificate, passphrase_file, unsafe_plain=unsafe_plain_key) as signer,
        stating(),
    ):
        at = system_clock().replace(microsecond=0)
        for root in _roots(roots, service_key):
            told = root.statement(agency=agency, subject=subject or agency, at=at)
            write_text(sign_statement(told, signer).encoded.decode("ascii"))


def _verify_export(path: Path) -> None:
    from provenance.cli.log_options import opened
    from provenance.moderation.evidence.audit_export import check_audit_export

    with opened(path) as stream:
        report = check_audit_export(stream)
    _tell(report.faults)
    if not report.entries:
        say(f"{path}: expected entries of an audit, got none")
        raise typer.Exit(ExitCode.USAGE)
    write_text(f"entries {report.first} to {report.last} hold; the last is {report.head}")
    if not report.is_whole:
        write_text(f"what was before entry {report.first} is not in this file")
        raise typer.Exit(ExitCode.UNDETERMINED)


def _tell(faults: Sequence[AuditFault]) -> None:
    for fault in faults:
        write_text(printable(f"entry {fault.seq}: {fault.what}"))
    if faults:
        raise typer.Exit(ExitCode.NOT_MET)


def _roots(place: Path, key: Path | None) -> list[DayRoot]:
    from provenance.atomic_files import read_bounded
    from provenance.errors import SourceError
    from provenance.jws.keys import load_public_keys

    keys = None
    if key is not None:
        keys = load_public_keys(read_bounded(key, _MAX_KEY_BYTES), where=str(key))
    if place.is_dir():
        paths = sorted(place.glob("*.json"))
        texts = [(str(path), read_bounded(path, _MAX_KEY_BYTES)) for path in paths]
    else:
        data = read_bounded(place, _MAX_ROOTS_BYTES)
        lines = [
            (f"{place}: line {number}", line) for number, line in enumerate(data.splitlines(), 1)
        ]
        # As the service wrote it, a root stands on several lines.
        texts = [(str(place), data)] if _is_document(data) else lines
    # None would prove nothing, and pass.
    if not texts:
        form = "YYYY-MM-DD.json" if place.is_dir() else "one, or one on each line"
        raise SourceError(f"{place}: expected roots of days, {form}, got none")
    return [_root(text, keys, where=where) for where, text in texts]


def _is_document(data: bytes) -> bool:
    import json

    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


def _root(data: bytes, keys: KeySet | None, *, where: str) -> DayRoot:
    import json

    from provenance.errors import SourceError
    from provenance.jws.keys import open_statement
    from provenance.moderation.audit import DayRoot
    from provenance.runtime.moderation_parts import ROOT_KIND

    try:
        members = json.loads(data)
        signed = members.pop("jws", None)
        root = DayRoot(**members)
        said = root.document
    except (ValueError, TypeError, AttributeError) as error:
        raise SourceError(f"{where}: expected a root of a day") from error
    if keys is not None and open_statement(str(signed), keys, kind=ROOT_KIND) != said:
        raise SourceError(f"{where}: expected a root that one of these keys signed")
    return root
