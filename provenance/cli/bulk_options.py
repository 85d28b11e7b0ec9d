"""Options and small steps that the commands about archives share."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from provenance.cli.streams import write_text

if TYPE_CHECKING:
    from provenance.bulk.job import Tally
    from provenance.bulk.listing import Source

__all__ = [
    "BatchOption",
    "JobsOption",
    "NoParquetOption",
    "RayOption",
    "ResultsOption",
    "ShardOption",
    "SourceArgument",
    "check_where",
    "progress",
    "summarise",
]


class Counted(Protocol):
    """What a bar shows of a job."""

    @property
    def done(self) -> int:
        """Files of this run."""
        ...

    @property
    def kept(self) -> int:
        """What an earlier run did."""
        ...


SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A folder, or an address that fsspec knows: s3://bucket/photos."
    ),
]
ResultsOption = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="RESULTS",
        help="Folder for the results, in shards. With the same one, a job that was stopped "
        "goes on.",
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Run on this Ray cluster, HOST:PORT of its head. It must be in a network of its "
        "own: whoever reaches it can run code on it.",
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        max=1024,
        help="Files that are worked on at a time on this machine; by default, one a core.",
        show_default=False,
    ),
]
BatchOption = Annotated[
    int,
    typer.Option(
        "--batch", metavar="FILES", min=1, max=10_000, help="Files that are handed out at once."
    ),
]
ShardOption = Annotated[
    int,
    typer.Option(
        "--shard",
        metavar="ROWS",
        min=1,
        max=1_000_000,
        help="Rows in a file of the results. A shard is also written when it is half a "
        "minute old: what is done again when the job is killed, with the batches under way.",
    ),
]
NoParquetOption = Annotated[bool, typer.Option("--no-parquet", help="Write JSON lines alone.")]


def check_where(ray: str | None, jobs: int | None) -> None:
    """Refuse options that contradict each other.

    Raises:
        BadParameter: They do.
    """
    if ray is not None and jobs is not None:
        raise typer.BadParameter("--jobs is for this machine; with --ray the cluster decides")


def summarise(tally: Tally, out: Path, *, kept: str = "answered before") -> None:
    """Say in one line what came of a job."""
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(tally.outcomes.items()))
    parts = [f"{tally.done} files", outcomes, f"{tally.kept} {kept}" * bool(tally.kept)]
    if tally.errors:
        parts.append(f"{tally.errors} without an answer")
    write_text(f"{out}: {', '.join(filter(None, parts))}")


@contextmanager
def progress(source: Source | None) -> Iterator[Callable[[Counted], None]]:
    """Give what is to be called after each batch; a bar shows it on a terminal.

    Args:
        source: Is listed a second time, for the time left; None where that says nothing.
    """
    if not sys.stderr.isatty():
        yield lambda _tally: None
        return
    from provenance.bulk.job import count_files
    from provenance.cli.progress import batch_bar

    stop = threading.Event()
    with batch_bar() as bar:

        def count() -> None:
            if source is not None:
                bar.set_total(count_files(source, stop))

        counter = threading.Thread(target=count, daemon=True)
        counter.start()
        try:
            yield lambda counted: bar.set_done(counted.done, counted.kept)
        finally:
            stop.set()
            counter.join()
