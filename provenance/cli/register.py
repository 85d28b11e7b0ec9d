"""`provenance register`: releases and what became of them, for those who look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.register_keeper import register_register_keeper
from provenance.cli.register_options import (
    RegisterOption,
    ReleaseArgument,
    moment_text,
    register_at,
    split_release_name,
)
from provenance.cli.register_upkeep import register_register_upkeep
from provenance.cli.streams import write_text
from provenance.cli.terminal import printable

if TYPE_CHECKING:
    from provenance.verification.register import RegisteredRelease

__all__ = ["register"]

register = typer.Typer(
    help="The register of releases: keep one, look into it, mend it.", rich_markup_mode=None
)
register_register_keeper(register)
register_register_upkeep(register)


@register.command("show")
def show(*, release: ReleaseArgument, place: RegisterOption = None) -> None:
    """Print a release: how it stands, its files, when it was first stated.

    For the keeper of the register: what is under embargo is shown too, and said to be.
    """
    from provenance.runtime.clock import system_clock

    agency, name = split_release_name(release)
    now = system_clock()
    with register_at(place, read_only=True) as found:
        view = found.view(agency, clock=system_clock)
        shown = view.release(agency, name, at=now)
        if shown is None:
            write_text(f"{release}: not in the register")
            raise typer.Exit(ExitCode.NOT_MET)
        public = found.view(clock=system_clock)
        files = view.files_of_release(agency, name, at=now)
        seen = {
            (file.sha256, file.rendition_of)
            for file in public.files_of_release(agency, name, at=now)
        }
    write_text(_standing(shown))
    for language, title in sorted(shown.title.items()):
        write_text(f"  title ({language}): {printable(title)}")
    for channel in shown.channels:
        write_text(f"  channel: {printable(channel)}")
    write_text(f"  first stated by the agency on {moment_text(shown.first_stated_at)}")
    if shown.log is not None:
        write_text(
            f"  in the log {shown.log.origin} since {moment_text(shown.log.logged_at)}, entry "
            f"{shown.log.entry}: provenance log bundle LOG {shown.log.entry} proves it offline"
        )
    for file in files:
        rendition = "" if file.rendition_of is None else f", rendition of {file.rendition_of}"
        hidden = "" if (file.sha256, file.rendition_of) in seen else ", under embargo"
        write_text(f"  {file.sha256}  {file.media_type}{rendition}{hidden}")


@register.command("list")
def list_releases(
    *,
    place: RegisterOption = None,
    agency: Annotated[
        str | None,
        typer.Option(
            "--agency",
            metavar="ID",
            help="Only this agency's, with those under embargo; otherwise what everybody may know.",
        ),
    ] = None,
) -> None:
    """Print one line for each release."""
    from provenance.runtime.clock import system_clock

    now = system_clock()
    with register_at(place, read_only=True) as found:
        view = found.view(agency, clock=system_clock)
        public = found.view(clock=system_clock)
        after = ("", "")
        while releases := view.releases(at=now, agency=agency, after=after):
            for release in releases:
                known = agency is None or public.release(release.agency, release.release, at=now)
                hidden = "" if known else ", under embargo"
                write_text(f"{_standing(release)}{hidden}")
            after = (releases[-1].agency, releases[-1].release)


def _standing(release: RegisteredRelease) -> str:
    reason = "" if release.reason is None else f" ({release.reason})"
    newer = "" if release.replaced_by is None else f", replaced by {release.replaced_by}"
    return (
        f"{release.agency}/{release.release}: {release.state.value}{reason} since "
        f"{moment_text(release.changed_at)}{newer}"
    )
