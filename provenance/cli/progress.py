"""A progress bar on standard error that stays out of the way of the results."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console
from rich.text import Text

from provenance.cli.terminal import clipped, printable

__all__ = ["BatchBar", "Progress", "batch_bar", "batch_progress"]

_REFRESH_S = 0.1


class Progress:
    """How many of the files have been examined, and which one is now.

    Drawn only between results: a bar that a thread redraws would tear them.
    """

    def __init__(self, count: int) -> None:
        self._bar = progress.Progress(
            progress.BarColumn(bar_width=20),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            _NameColumn(),
            console=Console(file=sys.stderr),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=count)
        self._started = 0
        self._drawn_at = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, name: str) -> None:
        """Say that this file is being examined, and the ones before it are done."""
        self._bar.update(self._task, completed=self._started, description=name)
        self._started += 1
        now = time.monotonic()
        if now - self._drawn_at >= _REFRESH_S:
            self._bar.refresh()
            self._drawn_at = now

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leave the screen to what is written in this block."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()


@contextmanager
def batch_progress(count: int) -> Iterator[Callable[[object], None]]:
    """Give what is to be called after each of so many files; a bar shows it on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _result: None
        return
    with progress.Progress(
        progress.BarColumn(bar_width=20),
        progress.MofNCompleteColumn(),
        _RateColumn(),
        progress.TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=count)
        yield lambda _result: bar.advance(task)


class BatchBar:
    """How many files of a job are done, whose number may become known only later."""

    def __init__(self, bar: progress.Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)
        self._kept = 0

    def set_total(self, files: int | None) -> None:
        """Say how many files there are."""
        self._bar.update(self._task, total=files)

    def set_done(self, done: int, kept: int) -> None:
        """Say how many are done; what an earlier run did is no part of the rate."""
        if kept != self._kept:
            self._kept = kept
            self._bar.reset(self._task, completed=kept, total=self._bar.tasks[0].total)
        self._bar.update(self._task, completed=kept + done)


@contextmanager
def batch_bar() -> Iterator[BatchBar]:
    """Show a bar for a job of unknown size; for a terminal."""
    with progress.Progress(
        progress.BarColumn(bar_width=20),
        progress.MofNCompleteColumn(),
        _RateColumn(),
        progress.TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    ) as bar:
        yield BatchBar(bar)


class _RateColumn(progress.ProgressColumn):
    def render(self, task: progress.Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} files/s", no_wrap=True)


class _NameColumn(progress.ProgressColumn):
    def render(self, task: progress.Task) -> Text:
        # A Text object: brackets in a file's name are not markup.
        return Text(clipped(printable(task.description), 24), no_wrap=True)
