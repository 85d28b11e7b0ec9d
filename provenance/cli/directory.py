"""`provenance directory`: the agency directory, for those who keep it and those who use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.directory_entries import register_entries
from provenance.cli.directory_keeper import register_keeper
from provenance.cli.exit_codes import ExitCode
from provenance.cli.streams import write_text
from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from datetime import datetime

    from provenance.trust.directory import LoadedDirectory

__all__ = ["directory"]

directory = typer.Typer(
    help="The agency directory: keep and publish one, or fetch, show and compare it.",
    rich_markup_mode=None,
)
register_keeper(directory)
register_entries(directory)

_Where = Annotated[
    str,
    typer.Argument(
        metavar="PLACE",
        help="A directory (JSON), a client's folder, or a working folder; of a working folder, "
        "WORK@N is version N and WORK@draft the draft.",
    ),
]


@directory.command("update")
def update(
    *,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The client's folder; --directory takes it.")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="At first: https address or folder of the repository.",
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            metavar="FILE",
            help="At first: the root to trust (1.root.json), received by another way.",
        ),
    ] = None,
    root_sha256: Annotated[
        str | None,
        typer.Option(
            "--root-sha256", metavar="HEX", help="At first: what SHA-256 that file must have."
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="HOST:PORT",
            help="At first: may be asked without https; may be repeated.",
        ),
    ] = None,
) -> None:
    """Get the newest version, check it, and keep it for use without a network."""
    from hashlib import sha256

    from provenance.cli.directory_text import age_text
    from provenance.runtime.clock import system_clock
    from provenance.runtime.directory_client import set_up_directory_client, update_directory
    from provenance.trust.directory_files import read_bounded
    from provenance.trust.signed_directory import MAX_ROOT_BYTES

    if (source is None) is not (root is None):
        raise typer.BadParameter(
            "--from goes with --root: where it comes from, and what is trusted"
        )
    if source is None and (allow or root_sha256):
        raise typer.BadParameter("--allow and --root-sha256 go with --from and --root")
    if source is not None and root is not None:
        pinned = read_bounded(root, MAX_ROOT_BYTES)
        digest = sha256(pinned).hexdigest()
        if root_sha256 is not None and root_sha256.lower() != digest:
            raise ConfigurationError(f"{root}: expected SHA-256 {root_sha256}, got {digest}")
        set_up_directory_client(folder, source=source, root=pinned, allow=allow or ())
        write_text(f"{folder}: trusts the root with SHA-256 {digest} from now on")
    done = update_directory(folder)
    version = done.directory.document.version
    if done.before == version:
        write_text(f"{folder}: version {version} is still the newest")
    else:
        before = "none" if done.before is None else str(done.before)
        write_text(f"{folder}: version {version} (before: {before})")
    write_text(f"  {age_text(done.directory, system_clock())}")


@directory.command("show")
def show(*, place: _Where) -> None:
    """Print a directory: how old it is, who is in it, with which keys."""
    from provenance.cli.directory_text import age_text, agency_lines
    from provenance.cli.terminal import printable
    from provenance.runtime.clock import system_clock

    loaded = _load(place)
    document = loaded.document
    test = "TEST, " if document.test else ""
    lines = [
        f"{test}{document.name}, version {document.version} ({loaded.source})",
        f"  {age_text(loaded, system_clock())}",
        f"  SHA-256 {loaded.sha256}",
    ]
    for agency in document.agencies:
        lines += agency_lines(agency)
    if not document.agencies:
        lines.append("no agency yet")
    write_text("\n".join(printable(line) for line in lines))


@directory.command("verify")
def verify(
    *,
    place: _Where,
    time_stamp_list: Annotated[
        list[str] | None,
        typer.Option(
            "--time-stamp-list",
            metavar="[NAME=]FILE",
            help="List (PEM or JSON) that vouches for the time-stamps of samples; may be repeated.",
        ),
    ] = None,
) -> None:
    """Check that a directory holds and is fresh; of a working folder, its draft's samples too.

    Exit status 1 if it has expired.
    """
    from provenance.cli.directory_text import age_text
    from provenance.runtime.clock import system_clock

    now = system_clock()
    work = Path(place)
    if (work / "keeper.json").is_file():
        _verify_draft(work, now, time_stamp_list or ())
        if not (work / "repository" / "metadata" / "timestamp.json").exists():
            write_text(f"{place}: nothing is published yet")
            return
    loaded = _load(place)
    signed = "not signed" if loaded.fresh_until is None else "signatures and digests hold"
    write_text(f"{place}: version {loaded.document.version} ({loaded.source}): {signed}")
    write_text(f"  {age_text(loaded, now)}")
    if loaded.expires_at is not None and now > loaded.expires_at:
        raise typer.Exit(ExitCode.NOT_MET)


def _verify_draft(work: Path, now: datetime, time_stamp_lists: list[str] | tuple[()]) -> None:
    from provenance.cli.directory_keeper import time_stamp_lists_of
    from provenance.signing.directory_folder import WorkingFolder
    from provenance.signing.directory_samples import check_samples

    folder = WorkingFolder(work)
    draft = folder.check_draft_is_recorded()
    lists = time_stamp_lists_of(time_stamp_lists)
    notes = check_samples(draft, folder.samples, at=now, time_stamp_lists=lists)
    for note in notes:
        write_text(f"{work}: draft: {note}")
    write_text(f"{work}: the draft is recorded and judges its samples as it should")


@directory.command("diff")
def diff(*, old: _Where, new: _Where) -> None:
    """Say who gained or lost which key from one directory to another."""
    from provenance.cli.terminal import printable
    from provenance.trust.directory_diff import compare_directories

    changes = compare_directories(_load(old).document, _load(new).document)
    for change in changes:
        write_text(printable(f"{change.kind.value:<9} {change.text}"))
    if not changes:
        write_text("no difference but for version and dates")


def _load(place: str) -> LoadedDirectory:
    from provenance.runtime.directory_at import load_directory_at
    from provenance.signing.directory_folder import WorkingFolder
    from provenance.signing.repository_files import RepositoryFiles
    from provenance.trust.directory import parse_directory

    path, found, version = place.rpartition("@")
    if found and (Path(path) / "keeper.json").is_file():
        folder = WorkingFolder(Path(path))
        if version == "draft":
            return folder.load_draft()
        if not version.isdecimal() or len(version) > 9:
            raise ConfigurationError(f"{place}: expected a version or `draft` after the @")
        _, data = RepositoryFiles(folder.repository).version(int(version))
        return parse_directory(data, where=place, source="published by this folder")
    if (Path(place) / "keeper.json").is_file():
        return RepositoryFiles(WorkingFolder(Path(place)).repository).load()
    return load_directory_at(Path(place))
