"""`provenance bulk`: archives of any size, on this machine or on a Ray cluster."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

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
from provenance.cli.bulk_register import register_register
from provenance.cli.bulk_sign import register_sign
from provenance.cli.exit_codes import ExitCode
from provenance.cli.options import (
    AtOption,
    DirectoryOption,
    FetchOption,
    IdentityListOption,
    MaxDirectoryAgeOption,
    NetworkAllowOption,
    NoStoredListsOption,
    SecondEngineOption,
    TimeStampListOption,
    TrustListOption,
)
from provenance.cli.streams import say

if TYPE_CHECKING:
    # These take long to import: `--help` does without them.
    from datetime import datetime

    from provenance.bulk.engine import BulkEngine
    from provenance.bulk.listing import SourceFile
    from provenance.bulk.rows import BulkRow
    from provenance.runtime.verifier_setup import VerifierSetup

__all__ = ["BULK_EXIT_CODES", "bulk"]

BULK_EXIT_CODES = """\b
Exit status:
  70  internal error
  2   usage or configuration
  4   there are files without an answer: see `error` in their rows
  0   every file has an answer, whatever it is
"""

bulk = typer.Typer(
    help="Archives of any size: folders and object stores, on this machine or on a Ray cluster.",
    rich_markup_mode=None,
)


register_register(bulk)
register_sign(bulk)


@bulk.command("verify", epilog=BULK_EXIT_CODES)
def verify(  # noqa: PLR0913 - the options of the command
    *,
    source: SourceArgument,
    out: ResultsOption,
    directory: DirectoryOption = None,
    max_directory_age: MaxDirectoryAgeOption = None,
    trust_list: TrustListOption = None,
    time_stamp_list: TimeStampListOption = None,
    identity_list: IdentityListOption = None,
    no_stored_lists: NoStoredListsOption = False,
    at: AtOption = None,
    fetch: FetchOption = False,
    network_allow: NetworkAllowOption = None,
    second_engine: SecondEngineOption = False,
    ray: RayOption = None,
    jobs: JobsOption = None,
    batch: BatchOption = 50,
    shard: ShardOption = 1_000,
    no_parquet: NoParquetOption = False,
) -> None:
    """Verify every file of an archive, and write one row for each.

    A file that was answered already, and has not changed since, is left out.
    """
    if network_allow and not fetch:
        raise typer.BadParameter("--network-allow goes with --fetch")
    check_where(ray, jobs)
    from provenance.bulk.job import verify_source
    from provenance.bulk.listing import open_source
    from provenance.bulk.portable import job_of, portable
    from provenance.bulk.results import Results
    from provenance.cli.judge import parse_time, setup_of

    moment = parse_time(at)
    place = open_source(source, results=out)
    setup = portable(
        setup_of(
            directory=directory,
            max_directory_age_days=max_directory_age,
            trust_lists=trust_list or (),
            time_stamp_lists=time_stamp_list or (),
            identity_lists=identity_list or (),
            stored_lists=not no_stored_lists,
            fetch=fetch,
            network_allow=network_allow or (),
            second_engine=second_engine,
        )
    )
    job = job_of(setup, place.name, at=moment)
    with ExitStack() as held:
        results = held.enter_context(
            Results(out, job, parquet=not no_parquet, rows_per_shard=shard)
        )
        engine = _engine(held, setup, moment, ray=ray, jobs=jobs)
        show = held.enter_context(progress(place))
        tally = verify_source(place, engine, results, batch_files=batch, on_progress=show)
    summarise(tally, out)
    raise typer.Exit(ExitCode.UNDETERMINED if tally.errors else ExitCode.MET)


def _engine(
    held: ExitStack,
    setup: VerifierSetup,
    at: datetime | None,
    *,
    ray: str | None,
    jobs: int | None,
) -> BulkEngine[SourceFile, BulkRow]:
    from provenance.bulk.work import VerifyWork

    work = VerifyWork(at=at, max_asset_bytes=setup.limits.max_asset_bytes)
    if ray is None:
        from provenance.bulk.engine import LocalEngine, threads_for
        from provenance.cli.judge import make_pool

        pool = held.enter_context(make_pool(setup, jobs=jobs, at=at))
        return LocalEngine(
            pool, work, threads=threads_for(pool), stop=lambda: pool.close(cancel=True)
        )
    # What cannot be used is said here, once, and not by every node.
    setup.make(say=say, at=at)
    from provenance.bulk.engine import PoolTools
    from provenance.bulk.ray_engine import RayEngine
    from provenance.runtime.settings import load_settings

    tools = PoolTools(setup=setup, require_isolation=load_settings().require_isolation)
    engine = RayEngine(ray, tools, work)
    held.callback(engine.close)
    return engine
