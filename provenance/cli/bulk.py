"""`provenance bulk`: archives of any size, on this machine or on a Ray cluster."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from provenance.cli.streams import say, write_text

if TYPE_CHECKING:
    # These take long to import: `--help` does without them.
    from datetime import datetime

    from provenance.bulk.engine import BulkEngine
    from provenance.bulk.job import Tally
    from provenance.bulk.listing import Source
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


@bulk.callback()
def _group() -> None:
    """Keep `verify` a subcommand, though it is the only one."""


@bulk.command("verify", epilog=BULK_EXIT_CODES)
def verify(  # noqa: PLR0913 - the options of the command
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A folder, or an address that fsspec knows: s3://bucket/photos."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="RESULTS",
            help="Folder for the results, in shards. With the same one, a job that was stopped "
            "goes on.",
        ),
    ],
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
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Run on this Ray cluster, HOST:PORT of its head. It must be in a network of its "
            "own: whoever reaches it can run code on it.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            max=1024,
            help="Files that are examined at a time on this machine; by default, one a core.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[
        int,
        typer.Option(
            "--batch", metavar="FILES", min=1, max=10_000, help="Files that are handed out at once."
        ),
    ] = 50,
    shard: Annotated[
        int,
        typer.Option(
            "--shard",
            metavar="ROWS",
            min=1,
            max=1_000_000,
            help="Rows in a file of the results. A shard is also written when it is half a "
            "minute old: what is lost when the job is killed.",
        ),
    ] = 1_000,
    no_parquet: Annotated[
        bool, typer.Option("--no-parquet", help="Write JSON lines alone.")
    ] = False,
) -> None:
    """Verify every file of an archive, and write one row for each.

    A file that was answered already, and has not changed since, is left out.
    """
    if network_allow and not fetch:
        raise typer.BadParameter("--network-allow goes with --fetch")
    if ray is not None and jobs is not None:
        raise typer.BadParameter("--jobs is for this machine; with --ray the cluster decides")
    from provenance.bulk.job import verify_source
    from provenance.bulk.listing import open_source
    from provenance.bulk.portable import job_of, portable
    from provenance.bulk.results import Results
    from provenance.cli.judge import parse_time, setup_of

    moment = parse_time(at)
    place = open_source(source)
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
        show = held.enter_context(_progress(place))
        tally = verify_source(place, engine, results, batch_files=batch, on_progress=show)
    _summarise(tally, out)
    raise typer.Exit(ExitCode.UNDETERMINED if tally.errors else ExitCode.MET)


def _engine(
    held: ExitStack,
    setup: VerifierSetup,
    at: datetime | None,
    *,
    ray: str | None,
    jobs: int | None,
) -> BulkEngine:
    from provenance.bulk.work import VerifyWork

    work = VerifyWork(at=at, max_asset_bytes=setup.limits.max_asset_bytes)
    if ray is None:
        from provenance.bulk.engine import LocalEngine
        from provenance.cli.judge import make_pool

        return LocalEngine(held.enter_context(make_pool(setup, jobs=jobs, at=at)), work)
    # What cannot be used is said here, once, and not by every node.
    setup.make(say=say, at=at)
    from provenance.bulk.ray_engine import RayEngine
    from provenance.runtime.settings import load_settings

    engine = RayEngine(ray, setup, work, require_isolation=load_settings().require_isolation)
    held.callback(engine.close)
    return engine


def _summarise(tally: Tally, out: Path) -> None:
    verdicts = ", ".join(f"{count} {name}" for name, count in sorted(tally.verdicts.items()))
    parts = [f"{tally.done} files", verdicts, f"{tally.kept} answered before" * bool(tally.kept)]
    if tally.errors:
        parts.append(f"{tally.errors} without an answer")
    write_text(f"{out}: {', '.join(filter(None, parts))}")


@contextmanager
def _progress(source: Source) -> Iterator[Callable[[Tally], None]]:
    """Give what is to be called after each batch; a bar shows it on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _tally: None
        return
    from provenance.bulk.job import count_files
    from provenance.cli.progress import batch_bar

    stop = threading.Event()
    with batch_bar() as bar:
        # The source is listed a second time, for the time left.
        counter = threading.Thread(
            target=lambda: bar.set_total(count_files(source, stop)), daemon=True
        )
        counter.start()
        try:
            yield lambda tally: bar.set_done(tally.done, tally.kept)
        finally:
            stop.set()
            counter.join()
