"""`provenance log verify`: checking a proof without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.log_options import (
    AssetOption,
    PolicyOption,
    agencies_of,
    opened,
    policy_at,
    read_note,
    readable,
)
from provenance.cli.options import DirectoryOption, TimeStampListOption
from provenance.cli.streams import write_text

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.registry.log.bundle_check import BundleReport
    from provenance.registry.log.policy import CheckedCheckpoint, Policy

__all__ = ["verify"]

_MAX_PROOF_BYTES = 384 * 1024
_MAX_RECORD_BYTES = 65_535


def verify(
    *,
    proof: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A bundle, a .tlog-proof, a proof of --since, or a checkpoint."
        ),
    ],
    policy: PolicyOption,
    entry: Annotated[
        Path | None,
        typer.Option("--entry", metavar="FILE", help="The entry that a .tlog-proof is for."),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option("--since", metavar="FILE", help="The checkpoint that is to be continued."),
    ] = None,
    asset: AssetOption = None,
    directory: DirectoryOption = None,
    time_stamp_list: TimeStampListOption = None,
) -> None:
    """Check a proof without a network.

    Exit status 0 if it holds, 1 if it does not, 4 if something that matters could not be
    checked. It says nothing about what the log took after the proof was made.
    """
    from provenance.registry.log.errors import LogProofError
    from provenance.registry.log.policy import check_checkpoint
    from provenance.registry.log.proof import (
        check_consistency,
        check_inclusion,
        parse_consistency_proof,
        parse_inclusion_proof,
    )

    rules, where = policy_at(policy), str(proof)
    with opened(proof) as stream:
        head = stream.read(4)
    if head.startswith(b"PK"):
        _verify_bundle(proof, rules, asset, directory, time_stamp_list)
        return
    data = _read(proof, _MAX_PROOF_BYTES)
    if asset is not None and not data.startswith(b"c2sp.org/"):
        raise typer.BadParameter("--asset: expected a bundle or a .tlog-proof, which are about one")
    try:
        with readable():
            if head == b"old ":
                if since is None:
                    raise typer.BadParameter("expected --since: the checkpoint to be continued")
                consistency = parse_consistency_proof(data, where=where)
                checked = check_consistency(consistency, read_note(since), rules, where=where)
                says = f"continues the tree of {consistency.old_size} entries"
            elif data.startswith(b"c2sp.org/"):
                if entry is None:
                    raise typer.BadParameter("expected --entry: the entry that it is a proof for")
                inclusion = parse_inclusion_proof(data, where=where)
                record = _read(entry, _MAX_RECORD_BYTES)
                checked = check_inclusion(inclusion, record, rules, where=where)
                says = f"entry {inclusion.index} is {entry}"
                if asset is not None:
                    _check_asset(record, asset)
                    says = f"{says}; the entry is about {asset}"
            else:
                checked = check_checkpoint(data, rules, where=where)
                says = "is signed as the policy asks"
    except LogProofError as error:
        write_text(f"does not hold: {error}")
        raise typer.Exit(ExitCode.NOT_MET) from error
    write_text(f"holds: {checked.checkpoint}: {says}")
    _write_witnesses(checked)
    if data.startswith(b"c2sp.org/") and entry is not None:
        _write_agency(_read(entry, _MAX_RECORD_BYTES), directory)


def _check_asset(record: bytes, asset: Path) -> None:
    """Is this file one that the entry states?

    Raises:
        LogProofError: It is not.
    """
    from hashlib import file_digest

    from provenance.registry.log.errors import LogProofError
    from provenance.registry.log.leaf import parse_leaf
    from provenance.registry.log.statement import files_of

    with opened(asset) as content:
        digest = file_digest(content, "sha256").hexdigest()
    stated = files_of(parse_leaf(record, where="entry").statement)
    if all(file.sha256 != digest for file in stated):
        raise LogProofError(f"{asset}: its SHA-256 {digest} is not in the entry")


def _verify_bundle(
    path: Path,
    policy: Policy,
    asset: Path | None,
    directory: Path | None,
    time_stamp_list: list[str] | None,
) -> None:
    from hashlib import file_digest

    from provenance.cli.directory_keeper import time_stamp_lists_of
    from provenance.registry.log.bundle import read_bundle_file
    from provenance.registry.log.bundle_check import check_bundle
    from provenance.trust.timestamps import TimeStampChecker

    agencies = agencies_of(directory)
    lists = time_stamp_lists_of(time_stamp_list or ())
    digest = None
    if asset is not None:
        with opened(asset) as content:
            digest = file_digest(content, "sha256").hexdigest()
    with readable(), opened(path) as stream:
        read = read_bundle_file(stream, where=str(path))
    report = check_bundle(
        read,
        policy,
        agencies,
        time_stamps=TimeStampChecker(lists) if lists else None,
        asset_sha256=digest,
        where=str(path),
    )
    _write_report(path, report)


def _write_report(path: Path, report: BundleReport) -> None:
    from provenance.cli.terminal import printable

    name = printable(str(path))
    for check in report.checks:
        write_text(printable(f"{check.state.value:<12} {check.name}: {check.text}"))
    if report.is_refuted:
        write_text(f"{name}: does not hold")
        raise typer.Exit(ExitCode.NOT_MET)
    if not report.is_proven:
        write_text(f"{name}: could not be checked in full")
        raise typer.Exit(ExitCode.UNDETERMINED)
    write_text(f"{name}: holds; whether the release was withdrawn later, only the log can tell")


def _write_agency(record: bytes, directory: Path | None) -> None:
    """Whose statement is the entry? A proof of inclusion does not say."""
    from provenance.registry.log.agencies import EntryState
    from provenance.registry.log.leaf import parse_leaf

    with readable():
        leaf = parse_leaf(record, where="entry")
    answer = agencies_of(directory).check(leaf)
    agency = leaf.statement.agency
    if answer.state is EntryState.AGENCY:
        write_text(f"the agency {agency} stands behind the entry")
        return
    write_text(f"the agency {agency}: {answer.why}")
    undecided = answer.state is EntryState.NOT_CHECKED
    raise typer.Exit(ExitCode.UNDETERMINED if undecided else ExitCode.NOT_MET)


def _write_witnesses(checked: CheckedCheckpoint) -> None:
    for name, at in checked.witnesses.items():
        write_text(f"witness {name} signed it at {at.strftime('%Y-%m-%d %H:%M:%S UTC')}")
    if not checked.witnesses:
        write_text("no witness signed it: another tree may have been shown to others")


def _read(path: Path, limit_bytes: int) -> bytes:
    from provenance.atomic_files import read_bounded

    return read_bounded(path, limit_bytes)
