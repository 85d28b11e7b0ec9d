"""`provenance register export | import | fsck | wrong-time | backup | restore`: for its keeper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.options import DirectoryOption
from provenance.cli.register_options import RegisterOption, register_at
from provenance.cli.streams import say, write_text

if TYPE_CHECKING:
    from provenance.registry.log.leaf import Leaf
    from provenance.registry.register.fsck import LogEntries

__all__ = ["register_register_upkeep"]


def register_register_upkeep(group: typer.Typer) -> None:
    """Add these commands to the group."""
    for name, command in (
        ("export", export),
        ("import", import_),
        ("fsck", fsck),
        ("wrong-time", wrong_time),
        ("backup", backup),
        ("restore", restore),
    ):
        group.command(name)(command)


def export(
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where it goes; not overwritten.")
    ],
    place: RegisterOption = None,
) -> None:
    """Write all of the register to one file, which either database can read.

    What is under embargo is in it too. The same register gives the same bytes.
    """
    from provenance.atomic_files import new_file
    from provenance.registry.register.exporting import export_register

    with register_at(place, read_only=True) as register:
        with new_file(out, replace=False, mode=0o600) as stream:
            count = export_register(register.database, stream)
        write_text(f"{out}: {count} changes of {register.name}")


def import_(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.")],
    place: RegisterOption = None,
    directory: DirectoryOption = None,
    believe_times: Annotated[
        bool,
        typer.Option(
            "--believe-times",
            help="Believe when the other register says it took each change, so that a key which "
            "is expired or disowned by now was good then. Only for an export of your own.",
        ),
    ] = False,
) -> None:
    """Take in what another register exported. Every signature is verified.

    What is there already is passed over: an import that stopped is simply done again.
    """
    from provenance.cli.log_options import opened
    from provenance.registry.register.importing import import_register
    from provenance.runtime.clock import system_clock

    with register_at(place, directory) as register, opened(file) as stream:
        done = import_register(register, stream, now=system_clock(), believe_times=believe_times)
        write_text(f"{file}: {done.changes} changes, {done.added} of them new")
        if done.left_out:
            say(
                f"{file}: {done.left_out} references of files mean nothing, and were left out: "
                "these files are found by their codes, and not confirmed by those"
            )


def fsck(
    *,
    place: RegisterOption = None,
    directory: DirectoryOption = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="LOG", help="Hold it against this release log as well."),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Make again what follows from the statements; nothing else."),
    ] = False,
) -> None:
    """Hold all of the register against what agencies signed. Status 1 if something is wrong."""
    from provenance.cli.log_options import agencies_of
    from provenance.registry.register.fsck import check_register
    from provenance.runtime.register_at import open_register

    held: AbstractContextManager[dict[str, LogEntries]]
    held = nullcontext({}) if log is None else _entries_of(log)
    with open_register(place, read_only=not repair) as register, held as logs:
        report = check_register(
            register.database, agencies=agencies_of(directory), repair=repair, logs=logs
        )
        for finding in report.findings:
            done = "repaired" if finding.repaired else "to repair" if finding.derived else "WRONG"
            write_text(f"{done:<9} {finding.what}")
        sound = "sound" if report.is_sound else "not sound"
        write_text(f"{register.name}: {report.changes} changes: {sound}")
    if not report.is_sound:
        raise typer.Exit(ExitCode.NOT_MET)


def wrong_time(
    *,
    time: Annotated[
        str,
        typer.Option("--time", metavar="TIME", help="The last change's, as the refusal names it."),
    ],
    place: RegisterOption = None,
) -> None:
    """Say that a clock was far ahead when the last change was taken: the register goes on.

    A release that was stated for a time to come is shown from then, and takes no other
    statement before.
    """
    from provenance.cli.judge import parse_time
    from provenance.runtime.clock import system_clock
    from provenance.runtime.register_at import open_register

    wrong = parse_time(time, option="--time")
    assert wrong is not None  # noqa: S101 - a text was given
    with open_register(place) as register:
        register.correct_clock(wrong, now=system_clock())
        write_text(f"{register.name}: goes on by the clock, from before {wrong.isoformat()}")


def backup(
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where it goes; not overwritten.")
    ],
    place: RegisterOption = None,
) -> None:
    """Write a backup to one file, while others go on reading and writing."""
    from provenance.registry.register.backup import backup_register

    with register_at(place, read_only=True) as register:
        backup_register(register.database, out)
        write_text(f"{out}: a backup of {register.name}")


def restore(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` or `export` wrote.")],
    place: RegisterOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Make a register from a backup, where there is none."""
    from provenance.cli.log_options import agencies_of
    from provenance.registry.register.backup import restore_register
    from provenance.runtime.clock import system_clock
    from provenance.runtime.register_place import register_place

    count = restore_register(
        file, register_place(place), agencies=agencies_of(directory), now=system_clock()
    )
    write_text(f"{file}: restored, {count} changes")


@contextmanager
def _entries_of(log: Path) -> Iterator[dict[str, LogEntries]]:
    from provenance.registry.log.errors import LogError
    from provenance.registry.log.folder import LogFolder
    from provenance.registry.log.leaf import parse_leaf
    from provenance.registry.log.store import LogStore
    from provenance.registry.register.fsck import LogEntries

    folder = LogFolder.open(log)
    with closing(LogStore(folder.store, read_only=True)) as store:

        def entry(index: int) -> Leaf | None:
            try:
                return parse_leaf(store.record(index), where=f"entry {index}")
            except LogError:
                return None

        yield {folder.origin: LogEntries(size=store.size(), entry=entry)}
