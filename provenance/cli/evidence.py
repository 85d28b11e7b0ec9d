"""`provenance evidence`: a case's evidence checked without a network, and kept from deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.moments import end_of_day, moment_text
from provenance.cli.options import DirectoryOption, TimeStampListOption
from provenance.cli.streams import write_text
from provenance.cli.terminal import printable
from provenance.errors import ConfigurationError, ConflictError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.moderation.evidence.bundle_check import CheckState, EvidenceReport
    from provenance.moderation.evidence.retention import LegalHold, RetentionDesk

__all__ = ["EVIDENCE_EXIT_CODES", "evidence"]

EVIDENCE_EXIT_CODES = """\b
Exit status:
  0  nothing in the bundle was changed since a holder of one of these keys made it
  1  something was; which member is said
  2  usage, or a file that cannot be read
  4  something that matters could not be checked
"""
_MAX_KEY_BYTES = 1024 * 1024

WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="For the audit.")]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's name.")]
RegisterOption = Annotated[
    str | None, typer.Option("--register", metavar="PLACE", help="As for `provenance serve`.")
]

evidence = typer.Typer(help="Evidence of decided cases.", rich_markup_mode=None)


@evidence.callback()
def group() -> None:
    """Evidence of decided cases."""


@evidence.command("verify", epilog=EVIDENCE_EXIT_CODES)
def verify(
    *,
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="An evidence bundle (ZIP).")],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Public keys of the service that made it: a JWK set, as it has it at "
            "/.well-known/provenance-keys.json, or PEM.",
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="Which logs you believe, for log bundles."),
    ] = None,
    directory: DirectoryOption = None,
    time_stamp_list: TimeStampListOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of lines.")
    ] = False,
) -> None:
    """Check an evidence bundle without a network: every byte, and what it says.

    It says what was decided and done up to then. It does not say what was decided later.
    """
    from provenance.cli.directory_keeper import time_stamp_lists_of
    from provenance.cli.log_options import opened, readable
    from provenance.jws.keys import load_public_keys
    from provenance.moderation.audit import event_digest
    from provenance.moderation.evidence.bundle_check import check_evidence
    from provenance.trust.timestamps import TimeStampChecker

    lists = time_stamp_lists_of(time_stamp_list or ())
    keys = None if key is None else load_public_keys(_read(key), where=str(key))
    with readable(), opened(bundle) as stream:
        report = check_evidence(
            stream,
            keys=keys,
            event_digest=event_digest,
            time_stamps=TimeStampChecker(lists) if lists else None,
            log_check=None if policy is None else _log_check(policy, directory, time_stamp_list),
            where=str(bundle),
        )
    _write(bundle, report, as_json=as_json)


@evidence.command("hold")
def hold(
    *,
    case: CaseArgument,
    why: WhyOption,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="DATE", help="Last day: 2027-03-31. Without one until `lift`."
        ),
    ] = None,
    register: RegisterOption = None,
) -> None:
    """Let nothing of a case be deleted. It is written down in the audit."""
    from provenance.runtime.clock import system_clock

    end = None if until is None else end_of_day(until, option="--until")
    with _desk(register) as desk:
        placed = desk.hold(case, why, by="operator", now=system_clock(), until=end)
    write_text(f"{placed.id}: nothing of {placed.case} is deleted {_ending(placed)}")


@evidence.command("holds")
def holds(*, case: CaseArgument, register: RegisterOption = None) -> None:
    """List the holds on a case: name, until when, by whom, why."""
    with _desk(register) as desk:
        for placed in desk.holds(case):
            write_text(f"{placed.id}  {_ending(placed)}  {placed.by}  {printable(placed.reason)}")


@evidence.command("lift")
def lift(
    *,
    name: Annotated[
        str, typer.Argument(metavar="HOLD", help="The hold's name, from `evidence holds`.")
    ],
    why: WhyOption,
    register: RegisterOption = None,
) -> None:
    """End a hold: what is due is then deleted by the service, soon and for good."""
    from provenance.runtime.clock import system_clock

    with _desk(register) as desk:
        lifted = desk.lift(name, why, by="operator", now=system_clock())
    write_text(f"{lifted.id}: lifted; {lifted.case} is deleted when it is due")


def _ending(placed: LegalHold) -> str:
    return "until it is lifted" if placed.end is None else f"until {moment_text(placed.end)}"


@contextmanager
def _desk(register: str | None) -> Iterator[RetentionDesk]:
    import os

    from provenance.moderation.audit import AuditLog
    from provenance.moderation.evidence.retention import RetentionDesk
    from provenance.runtime.outcome_parts import open_engine

    try:
        with open_engine(register) as engine:
            yield RetentionDesk(engine, AuditLog(engine), os.urandom)
    except ConflictError as error:
        raise ConfigurationError(str(error)) from error


def _log_check(
    policy: Path, directory: Path | None, time_stamp_list: list[str] | None
) -> Callable[[bytes, str, str | None], tuple[CheckState, str]]:
    import io

    from provenance.cli.directory_keeper import time_stamp_lists_of
    from provenance.cli.log_options import agencies_of, policy_at
    from provenance.errors import LimitError, MalformedError
    from provenance.moderation.evidence.bundle_check import CheckState
    from provenance.registry.log.bundle import read_bundle_file
    from provenance.registry.log.bundle_check import check_bundle
    from provenance.trust.timestamps import TimeStampChecker

    rules, agencies = policy_at(policy), agencies_of(directory)
    lists = time_stamp_lists_of(time_stamp_list or ())

    def check(data: bytes, name: str, digest: str | None) -> tuple[CheckState, str]:
        try:
            read = read_bundle_file(io.BytesIO(data), where=name)
        except (MalformedError, LimitError) as error:
            return CheckState.FAILED, str(error)
        report = check_bundle(
            read,
            rules,
            agencies,
            time_stamps=TimeStampChecker(lists) if lists else None,
            asset_sha256=digest,
            where=name,
        )
        said = "; ".join(f"{one.name}: {one.text}" for one in report.checks)
        if report.is_refuted:
            return CheckState.FAILED, f"{name}: {said}"
        state = CheckState.PASSED if report.is_proven else CheckState.NOT_CHECKED
        return state, f"{name}: {said}"

    return check


def _write(bundle: Path, report: EvidenceReport, *, as_json: bool) -> None:
    from provenance.moderation.evidence.bundle_check import CheckState, EvidenceAnswer

    if report.is_refuted:
        result, says, code = CheckState.FAILED, "does not hold", ExitCode.NOT_MET
    elif report.is_proven:
        result, says, code = CheckState.PASSED, "holds", ExitCode.MET
    else:
        result, says = CheckState.NOT_CHECKED, "could not be checked in full"
        code = ExitCode.UNDETERMINED
    if as_json:
        answer = EvidenceAnswer(
            file=str(bundle), result=result, checks=report.checks, manifest=report.manifest
        )
        write_text(answer.model_dump_json())
    else:
        for check in report.checks:
            write_text(printable(f"{check.state.value:<12} {check.name}: {check.text}"))
        if report.manifest is not None and report.manifest.test:
            write_text("TEST: made by a service in test mode")
        write_text(printable(f"{bundle}: {says}"))
    if code is not ExitCode.MET:
        raise typer.Exit(code)


def _read(path: Path) -> bytes:
    from provenance.atomic_files import read_bounded

    return read_bounded(path, _MAX_KEY_BYTES)
