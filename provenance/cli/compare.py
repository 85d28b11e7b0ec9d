"""`provenance compare`: a copy beside the release that it may come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.moments import release_span_text
from provenance.cli.register_options import split_release_name
from provenance.cli.streams import say, write_text
from provenance.cli.terminal import printable
from provenance.errors import LimitError, MalformedError, SourceError

if TYPE_CHECKING:
    from provenance.registry.search.comparing import ComparedPicture
    from provenance.verification.register import ReleaseMatch

__all__ = ["COMPARE_EXIT_CODES", "compare"]

COMPARE_EXIT_CODES = """\b
Exit status:
  0   the file is shown to be made from the release, or contains some of it
  1   that is not shown
  2   usage, configuration, register, or the file cannot be decoded
  70  internal error
"""


def compare(
    *,
    copy: Annotated[Path, typer.Argument(metavar="COPY", help="Picture, video or track.")],
    release: Annotated[
        str, typer.Option("--release", metavar="AGENCY/RELEASE", help="What it is held against.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PNG",
            help="For a picture: the release and the copy side by side, with what differs marked. "
            "Not overwritten.",
        ),
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(
            "--register",
            metavar="PLACE",
            help="The register; by default that of the settings, else this user's.",
        ),
    ] = None,
) -> None:
    """Say how a copy differs from a release, and where. Nothing here says why.

    What is under embargo is not there to be compared with.
    """
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.media.formats import MediaKind
    from provenance.media.sniff import sniff_stream
    from provenance.media.source import open_source
    from provenance.registry.search.comparing import compare_with_release, stretches_of_release
    from provenance.runtime.clock import system_clock
    from provenance.runtime.register_at import open_register

    name = split_release_name(release)
    now = system_clock()
    with open_register(place, read_only=True) as register, open_source(copy) as opened:
        view = register.view(clock=system_clock)
        media_format = sniff_stream(opened.stream, opened.size_bytes)
        if media_format is None:
            raise SourceError(f"{copy}: expected a picture, video or track")
        if out is not None and media_format.kind is not MediaKind.IMAGE:
            raise typer.BadParameter("--out: only a picture is shown beside its release")
        opened.stream.seek(0)
        try:
            if media_format.kind is MediaKind.IMAGE:
                shown = compare_with_release(
                    view, register.codes, name, opened.stream, media_format, at=now
                )
                found = shown is not None and _picture(shown, release, copy, out)
            else:
                match, why_not = stretches_of_release(
                    view, register.codes, name, opened.stream, media_format, at=now
                )
                for why in why_not:
                    say(f"{copy}: {why}")
                found = match is not None and _stretches(match, release, copy)
        except (MalformedError, LimitError) as error:
            raise SourceError(f"{copy}: cannot be compared: {error}") from error
    if not found:
        write_text(f"{printable(str(copy))}: not shown to be made from {printable(release)}")
        raise typer.Exit(ExitCode.NOT_MET)


def _picture(shown: ComparedPicture, release: str, copy: Path, out: Path | None) -> bool:
    from provenance.atomic_files import new_file

    comparison, picture = shown.comparison, shown.copy
    write_text(f"{printable(str(copy))}: made from a picture of {release}: a lead, not proof")
    write_text(f"  file      {shown.file.sha256}")
    if shown.distance is not None:
        write_text(f"  distance  {shown.distance} of 256 bits")
    write_text(f"  inliers   {comparison.inliers} local features agree on one geometry")
    write_text(f"  edits     {', '.join(comparison.edits) or 'none that could be shown'}")
    for region in comparison.regions:
        left, top = round(region.left * picture.width), round(region.top * picture.height)
        wide, high = round(region.width * picture.width), round(region.height * picture.height)
        write_text(
            f"  differs here: {wide} x {high} pixels at {left}, {top} "
            f"(left {region.left:.3f}, top {region.top:.3f}, width {region.width:.3f}, "
            f"height {region.height:.3f} of the copy)"
        )
    if not comparison.regions:
        write_text("  no place was found in which it differs")
    if out is not None:
        with new_file(out, replace=False) as stream:
            stream.write(shown.png())
        write_text(
            f"{printable(str(out))}: left the release as it lies in the copy, right the copy"
        )
    return True


def _stretches(match: ReleaseMatch, release: str, copy: Path) -> bool:
    write_text(f"{printable(str(copy))}: contains some of {release}: a lead, not proof")
    write_text(f"  file      {match.file.sha256}")
    if match.distance is not None:
        write_text(f"  distance  {match.distance} of 256 bits")
    write_text(f"  matched   {printable(match.confirmed_by)}")
    write_text(f"  edits     {', '.join(match.edits) or 'none that could be shown'}")
    for span in match.spans:
        write_text(f"  {release_span_text(span, match.edits)}")
    return True
