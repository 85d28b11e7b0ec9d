"""`provenance log`: the release log, for those who keep it and those who check it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.log_keeper import register_log_keeper
from provenance.cli.log_options import (
    AllowOption,
    AssetOption,
    MaybePolicyOption,
    OutOption,
    PolicyOption,
    SourceArgument,
    agencies_of,
    opened,
    policy_at,
    policy_for,
    read_note,
    readable,
    write_file,
)
from provenance.cli.log_verify import verify
from provenance.cli.options import DirectoryOption
from provenance.cli.streams import write_text
from provenance.errors import ConfigurationError, FetchError

__all__ = ["log"]

log = typer.Typer(
    help="The release log: keep one, prove what is in it, watch it.", rich_markup_mode=None
)
register_log_keeper(log)
log.command("verify")(verify)

_MAX_MANIFEST_BYTES = 64 * 1024**2


@log.command("prove")
def prove(
    *,
    source: SourceArgument,
    index: Annotated[
        int | None, typer.Argument(metavar="[ENTRY]", help="Number of the entry.", min=0)
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since",
            metavar="FILE",
            help="Prove instead that the log continues this checkpoint.",
        ),
    ] = None,
    entry: Annotated[
        Path | None, typer.Option("--entry", metavar="FILE", help="Write the entry here.")
    ] = None,
    out: OutOption = None,
    policy: MaybePolicyOption = None,
    allow: AllowOption = None,
) -> None:
    """Make a proof that can be checked without the log (c2sp.org/tlog-proof)."""
    from provenance.registry.log.errors import LogProofError
    from provenance.registry.log.prove import make_consistency_proof, make_inclusion_proof
    from provenance.runtime.log_reader import open_log_reader

    if (index is None) is (since is None) or (entry is not None and since is not None):
        raise typer.BadParameter("expected ENTRY, or --since")
    rules = policy_for(source, policy)
    try:
        with readable():
            reader = open_log_reader(source, allow=allow or ())
            if since is not None:
                data = make_consistency_proof(reader, read_note(since), rules).encoded
            else:
                record, proof = make_inclusion_proof(reader, index or 0, rules)
                data = proof.encoded
                if entry is not None:
                    write_file(entry, record)
    except LogProofError as error:
        raise ConfigurationError(f"{source}: {error}") from error
    if out is None:
        write_text(data.decode("utf-8").rstrip("\n"))
    else:
        write_file(out, data)


@log.command("bundle")
def bundle(
    *,
    source: SourceArgument,
    index: Annotated[int, typer.Argument(metavar="ENTRY", help="Number of the entry.", min=0)],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The bundle (ZIP).")],
    asset: AssetOption = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", metavar="FILE", help="Its manifest store (.c2pa)."),
    ] = None,
    policy: MaybePolicyOption = None,
    allow: AllowOption = None,
) -> None:
    """Put everything that proves a release into one file, to be checked without a network."""
    from hashlib import file_digest

    from provenance.atomic_files import new_file, read_bounded
    from provenance.registry.log.agencies import AgencyChecker
    from provenance.registry.log.bundle import Bundle, ReadBundle, write_bundle_file
    from provenance.registry.log.bundle_check import CheckState, check_bundle
    from provenance.registry.log.errors import LogProofError
    from provenance.registry.log.leaf import parse_leaf
    from provenance.registry.log.policy import check_checkpoint
    from provenance.registry.log.prove import make_inclusion_proof
    from provenance.registry.log.statement import Reveal
    from provenance.registry.log.time_stamps import read_time_stamp
    from provenance.runtime.log_reader import open_log_reader

    rules = policy_for(source, policy)
    try:
        with readable():
            reader = open_log_reader(source, allow=allow or ())
            record, proof = make_inclusion_proof(reader, index, rules)
            head = check_checkpoint(proof.checkpoint, rules, where="checkpoint").checkpoint
            statement = parse_leaf(record, where=f"entry {index}").statement
            embargo = None
            if isinstance(statement, Reveal):
                earlier, earlier_proof = make_inclusion_proof(reader, statement.entry, rules)
                embargo = (earlier, earlier_proof.encoded)
            parts = Bundle(
                entry=record,
                proof=proof.encoded,
                policy=rules.text.encode("utf-8", "surrogateescape"),
                embargo=embargo,
                time_stamp=read_time_stamp(reader, head),
                manifest=None if manifest is None else read_bounded(manifest, _MAX_MANIFEST_BYTES),
            )
            with ExitStack() as stack:
                content = digest = None
                if asset is not None:
                    content = stack.enter_context(opened(asset))
                    digest = file_digest(content, "sha256").hexdigest()
                    content.seek(0)
                # Whose key it is, and when, is for whoever checks it.
                made = ReadBundle(bundle=parts, asset_sha256=digest)
                report = check_bundle(made, rules, AgencyChecker(None), where=f"entry {index}")
                wrong = [c.text for c in report.checks if c.state is CheckState.FAILED]
                if wrong:
                    raise ConfigurationError(f"{out}: would prove nothing: {'; '.join(wrong)}")
                stream = stack.enter_context(new_file(out, replace=False))
                write_bundle_file(stream, parts, content)
    except LogProofError as error:
        raise ConfigurationError(f"{source}: {error}") from error
    write_text(f"{out}: proves entry {index} of {head}")


@log.command("monitor")
def monitor(
    *,
    source: SourceArgument,
    policy: PolicyOption,
    state: Annotated[
        Path,
        typer.Option(
            "--state",
            metavar="FILE",
            help="Where the checkpoint seen last is kept between looks. Without it, the whole "
            "log is read.",
        ),
    ],
    other: Annotated[
        list[Path] | None,
        typer.Option(
            "--other",
            metavar="FILE",
            help="A checkpoint that somebody else has seen; may be repeated.",
        ),
    ] = None,
    directory: DirectoryOption = None,
    allow: AllowOption = None,
) -> None:
    """Look at a log once: does it continue what was seen, and is what it took in order?

    Exit status 0 if nothing is wrong, 1 on an alarm, 4 if it could not be looked at, or not
    at whose keys these are, since the directory has expired: then they are looked at again.
    Without independent witnesses, only such looks find out a log that shows people
    different entries: run it often, and compare with others.
    """
    from provenance.atomic_files import replace_file
    from provenance.registry.log.errors import LogProofError
    from provenance.registry.log.monitor import LogMonitor
    from provenance.runtime.clock import system_clock
    from provenance.runtime.log_reader import open_log_reader
    from provenance.runtime.settings import load_settings

    rules, agencies = policy_at(policy), agencies_of(directory)
    expired = load_settings(directory=directory).directory and not agencies.has_directory
    seen = read_note(state) if state.exists() else None
    others = [read_note(path) for path in other or ()]
    watcher = LogMonitor(open_log_reader(source, allow=allow or ()), rules, agencies)
    try:
        with readable():
            report = watcher.look(seen, now=system_clock(), others=others)
    except LogProofError as error:
        raise ConfigurationError(f"{state}: {error}") from error
    except ConfigurationError as error:
        if not isinstance(error.__cause__, FetchError):
            raise
        write_text(f"{source}: could not be looked at: {error}")
        raise typer.Exit(ExitCode.UNDETERMINED) from error
    for alarm in report.alarms:
        write_text(f"ALARM {alarm.kind.value}: {alarm.text}")
    if report.next_seen is not None and report.next_seen != seen and not expired:
        replace_file(state, report.next_seen, staging=state.absolute().parent)
    before = "nothing" if report.seen is None else str(report.seen)
    now = "nothing that counts" if report.current is None else str(report.current.checkpoint)
    write_text(f"{source}: seen before: {before}")
    write_text(f"{source}: shows now:   {now}; {report.entries} entries looked at")
    if report.alarms:
        raise typer.Exit(ExitCode.NOT_MET)
    if expired:
        raise typer.Exit(ExitCode.UNDETERMINED)
