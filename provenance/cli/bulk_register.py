"""`provenance bulk register`: an archive of signed files, put into the register."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.bulk_options import (
    BatchOption,
    JobsOption,
    NoParquetOption,
    RayOption,
    ResultsOption,
    ShardOption,
    SourceArgument,
    check_where,
    progress,
    summarise,
)
from provenance.cli.exit_codes import ExitCode
from provenance.cli.key_options import CertificateOption, KeyOption, UnsafePlainKeyOption
from provenance.cli.options import DirectoryOption, TimeStampListOption
from provenance.cli.register_options import (
    EmbargoOption,
    LogKeyFileOption,
    LogOption,
    LogPassphraseFileOption,
    MaybePassphraseFileOption,
    RegisterOption,
    give_log,
    register_at,
    signer_at,
    stating,
)
from provenance.cli.streams import say, write_text
from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    # These take long to import: `--help` does without them.
    from provenance.bulk.engine import BulkEngine
    from provenance.bulk.listing import SourceFile
    from provenance.bulk.reading import Examined
    from provenance.bulk.registering import RegisterDesk
    from provenance.runtime.verifier_setup import VerifierSetup

__all__ = ["BULK_REGISTER_EXIT_CODES", "register_register"]

BULK_REGISTER_EXIT_CODES = """\b
Exit status:
  70  internal error
  2   usage, configuration, key or register; what has a row is registered
  4   there are files without an answer: see `error` in their rows
  1   at least one file may not be registered: see `refusal`
  0   every file is in the register
"""


def register_register(group: typer.Typer) -> None:
    """Add this command to the group."""
    group.command("register", epilog=BULK_REGISTER_EXIT_CODES)(register)


def register(  # noqa: PLR0913 - the options of the command
    *,
    source: SourceArgument,
    out: ResultsOption,
    release: Annotated[
        str,
        typer.Option(
            "--release",
            metavar="ID",
            help="The release's id, the agency's own; {folder} stands for the first folder of "
            "each file's path below SOURCE: a folder a release.",
        ),
    ],
    key: KeyOption,
    certificate: CertificateOption,
    place: RegisterOption = None,
    directory: DirectoryOption = None,
    time_stamp_list: TimeStampListOption = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            "--channel", metavar="URL", help="Where the agency publishes them; may be repeated."
        ),
    ] = None,
    embargo_until: EmbargoOption = None,
    log: LogOption = None,
    log_key: LogKeyFileOption = None,
    log_passphrase_file: LogPassphraseFileOption = None,
    passphrase_file: MaybePassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
    ray: RayOption = None,
    jobs: JobsOption = None,
    batch: BatchOption = 50,
    shard: ShardOption = 1_000,
    no_parquet: NoParquetOption = False,
) -> None:
    """Register every signed file of an archive, and write one row for each.

    Files are verified and read by processes that are shut in, here or on the cluster. This
    command alone has the key, signs the statements, and writes the register. A file that is
    registered already is passed over: what was stopped can simply be done again.
    """
    check_where(ray, jobs)
    from dataclasses import replace

    from provenance.bulk.job import run_job
    from provenance.bulk.listing import open_source, shown_path
    from provenance.bulk.portable import job_of, portable
    from provenance.bulk.registering import (
        RegisterDesk,
        authority_of,
        not_listed_row,
        release_namer,
    )
    from provenance.bulk.results import Results
    from provenance.cli.judge import parse_time, setup_of
    from provenance.runtime.clock import system_clock
    from provenance.trust.directory import LoadedDirectory

    release_of = release_namer(release)
    until = parse_time(embargo_until, option="--embargo-until")
    files = open_source(source, results=out)
    setup = portable(
        setup_of(directory=directory, trust_lists=(), time_stamp_lists=time_stamp_list or ())
    )
    if not isinstance(setup.directory, LoadedDirectory):
        raise ConfigurationError("--directory: expected one, without which nothing is official")
    with ExitStack() as held:
        registry = held.enter_context(register_at(place, directory))
        signer = held.enter_context(
            signer_at(key, certificate, passphrase_file, unsafe_plain=unsafe_plain_key)
        )
        held.enter_context(stating())
        authority = authority_of(signer, setup.directory, at=system_clock())
        desk = RegisterDesk(
            registry,
            signer,
            authority,
            release_of,
            clock=system_clock,
            embargo_until=until,
            channels=tuple(channel or ()),
        )
        more = {
            "register": shown_path(registry.name),
            "agency": authority.agency,
            "release": release,
            # Gone on with without its embargo, a release would be public half-way through.
            "embargo_until": None if until is None else until.isoformat(),
            "channels": channel or None,
        }
        job = job_of(setup, files.name, kind="register", more=more)
        results = held.enter_context(
            Results(out, job, parquet=not no_parquet, rows_per_shard=shard)
        )
        engine = _engine(held, replace(setup, reads=True), desk, ray=ray, jobs=jobs)
        show = held.enter_context(progress(files))
        tally = run_job(
            files,
            engine,
            results,
            desk,
            not_listed=not_listed_row(system_clock),
            batch_files=batch,
            on_progress=show,
        )
        if log is not None:
            count = give_log(registry, log, log_key, log_passphrase_file, plain=unsafe_plain_key)
            write_text(f"{log}: {count} entries added")
    summarise(tally, out)
    if tally.errors:
        raise typer.Exit(ExitCode.UNDETERMINED)
    raise typer.Exit(ExitCode.NOT_MET if tally.outcomes["refused"] else ExitCode.MET)


def _engine(
    held: ExitStack,
    setup: VerifierSetup,
    desk: RegisterDesk,
    *,
    ray: str | None,
    jobs: int | None,
) -> BulkEngine[SourceFile, Examined]:
    from provenance.bulk.reading import ReadWork

    most = setup.limits.max_asset_bytes
    if ray is None:
        from provenance.bulk.engine import LocalEngine, threads_for
        from provenance.cli.judge import make_pool

        pool = held.enter_context(make_pool(setup, jobs=jobs))
        work = ReadWork(max_asset_bytes=most, is_known=desk.is_known)
        return LocalEngine(
            pool, work, threads=threads_for(pool), stop=lambda: pool.close(cancel=True)
        )
    # What cannot be used is said here, once, and not by every node.
    setup.make(say=say)
    from provenance.bulk.engine import PoolTools
    from provenance.bulk.ray_engine import RayEngine
    from provenance.runtime.settings import load_settings

    tools = PoolTools(setup=setup, require_isolation=load_settings().require_isolation)
    engine = RayEngine(ray, tools, ReadWork(max_asset_bytes=most))
    held.callback(engine.close)
    return engine
