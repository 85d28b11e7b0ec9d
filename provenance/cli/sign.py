"""`provenance sign` and `provenance release plan`: official releases, nothing unseen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.register_options import LogKeyFileOption, LogOption, LogPassphraseFileOption
from provenance.cli.sign_consent import sign_consent
from provenance.cli.signing_options import (
    CertificateOption,
    DirectoryOption,
    IdentityCertificateOption,
    IdentityKeyOption,
    KeyOption,
    NetworkAllowOption,
    PassphraseFileOption,
    RemoteUrlOption,
    SidecarOption,
    SigningChoices,
    TimeStampListOption,
    TsaOption,
    UnsafeNoTimestampOption,
    UnsafePlainKeyOption,
)
from provenance.cli.streams import say, write_text
from provenance.errors import ConfigurationError, PlanError

if TYPE_CHECKING:
    from provenance.runtime.sign_batch import BatchResult
    from provenance.signing.plan import ReleasePlan

__all__ = ["SIGN_EXIT_CODES", "release", "sign"]

SIGN_EXIT_CODES = """\b
Exit status:
  0   every file is signed and verified
  1   at least one file is not
  2   usage, configuration, key, or something is not as it was planned
  70  internal error
"""

release = typer.Typer(
    help="Plan a release: see what becomes public before it is signed.", rich_markup_mode=None
)


@release.callback()
def _group() -> None:
    """Plan a release: see what becomes public before it is signed."""


@release.command("plan")
def plan_release(
    *,
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="Release manifest (YAML or JSON).")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="PLAN", help="Where the plan goes; not overwritten.")
    ],
    certificate: CertificateOption,
    directory: DirectoryOption,
    identity_certificate: IdentityCertificateOption = None,
    tsa: TsaOption = None,
    sidecar: SidecarOption = False,
    remote_url: RemoteUrlOption = None,
) -> None:
    """Say, file by file, exactly what signing makes public. Nothing is signed.

    `provenance sign --plan PLAN` then signs that and nothing else.
    """
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.atomic_files import new_file
    from provenance.cli.render_plan import render_plan
    from provenance.signing.release import load_release

    choices = SigningChoices(
        certificate=certificate,
        directory=directory,
        identity_certificate=identity_certificate,
        tsa=tsa,
    )
    plan = choices.plan(load_release(manifest), sidecar=sidecar, remote_url=remote_url)
    with new_file(out, replace=False) as stream:
        stream.write(plan.model_dump_json(indent=2).encode() + b"\n")
    write_text(render_plan(plan))
    write_text(f"Nothing is signed yet. To sign exactly this: provenance sign --plan {out} ...")


release.command("sign-consent")(sign_consent)


def sign(  # noqa: PLR0913 - one parameter for each option
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the signed files.")],
    key: KeyOption,
    certificate: CertificateOption,
    directory: DirectoryOption,
    manifest: Annotated[
        Path | None,
        typer.Option("--release", metavar="MANIFEST", help="Sign this release without a plan."),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="PLAN",
            help="Sign what `provenance release plan` wrote, and refuse if anything has changed.",
        ),
    ] = None,
    passphrase_file: PassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
    identity_key: IdentityKeyOption = None,
    identity_certificate: IdentityCertificateOption = None,
    tsa: TsaOption = None,
    time_stamp_list: TimeStampListOption = None,
    network_allow: NetworkAllowOption = None,
    sidecar: SidecarOption = False,
    remote_url: RemoteUrlOption = None,
    unsafe_no_timestamp: UnsafeNoTimestampOption = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, max=256, help="Processes that sign; by default, one a core."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar="FILE",
            help="Result file, one JSON document a line; by default .provenance-results.jsonl in "
            "the output folder. Run again with the same one, signing goes on where it stopped.",
        ),
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(
            "--register",
            metavar="PLACE",
            help="Also register what is signed, with the same key: a file (SQLite), or "
            "postgresql://... ; until the release manifest's embargo ends, for the agency alone.",
        ),
    ] = None,
    log: LogOption = None,
    log_key: LogKeyFileOption = None,
    log_passphrase_file: LogPassphraseFileOption = None,
) -> int:
    """Sign a release: every output is verified, and kept only if it is official.

    The sources are not changed. Whatever stops it, run it again: what is signed is kept, and
    what is registered too.
    """
    from contextlib import ExitStack

    from provenance.cli.progress import batch_progress
    from provenance.cli.register_options import give_log, register_at
    from provenance.cli.sign_register import register_signed
    from provenance.runtime.sign_batch import JOURNAL_NAME, sign_plan
    from provenance.signing.plan import plan_differences
    from provenance.signing.release import load_release

    if log is not None and place is None:
        raise ConfigurationError("--log: expected --register PLACE too, from which it is given")
    if (manifest is None) == (plan is None):
        raise ConfigurationError("expected either --release MANIFEST or --plan PLAN")
    choices = SigningChoices(
        key=key,
        certificate=certificate,
        passphrase_file=passphrase_file,
        unsafe_plain_key=unsafe_plain_key,
        identity_key=identity_key,
        identity_certificate=identity_certificate,
        directory=directory,
        tsa=tsa,
        time_stamp_list=time_stamp_list,
        network_allow=network_allow,
        unsafe_no_timestamp=unsafe_no_timestamp,
    )
    planned = None if plan is None else _load_plan(plan)
    loaded = load_release(manifest or Path(planned.manifest if planned else ""))
    if planned is not None:
        sidecar, remote_url = planned.settings.sidecar, planned.settings.remote_url
    # What is missing is said before thousands of files are read.
    setup = choices.setup(loaded)
    now = choices.plan(loaded, sidecar=sidecar, remote_url=remote_url)
    if planned is not None:
        differences = plan_differences(planned, now)
        if differences:
            listed = "\n".join(f"  {difference}" for difference in differences[:50])
            raise PlanError(f"{plan}: something is not as it was planned:\n{listed}")
    journal = results or out / JOURNAL_NAME
    with ExitStack() as held:
        # One that cannot be used is said to be before anything is signed.
        register = None if place is None else held.enter_context(register_at(place, directory))
        with batch_progress(len(now.files)) as note:
            found = sign_plan(
                now,
                setup,
                source_folder=loaded.folder,
                out_folder=out,
                results=journal,
                jobs=jobs or os.cpu_count() or 1,
                on_result=note,
            )
        status = _summarise(found, now, journal)
        if register is not None:
            register_signed(register, setup, now, loaded, found, out_folder=out)
            if log is not None:
                count = give_log(
                    register, log, log_key, log_passphrase_file, plain=unsafe_plain_key
                )
                write_text(f"{log}: {count} entries added")
    return status


def _summarise(found: tuple[BatchResult, ...], plan: ReleasePlan, journal: Path) -> int:
    for result in found:
        if result.why is not None:
            say(f"{result.path}: {result.state}: {result.why}")
    counts = dict.fromkeys(("signed", "kept", "failed", "not-tried"), 0)
    for result in found:
        counts[result.state] += 1
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    mark = "TEST, not a release: " if plan.test else ""
    write_text(f"{mark}{plan.release_id}: {said}; each step is in {journal}")
    return ExitCode.MET if counts["signed"] + counts["kept"] == len(found) else ExitCode.NOT_MET


def _load_plan(path: Path) -> ReleasePlan:
    from pydantic import ValidationError

    from provenance.atomic_files import read_bounded
    from provenance.signing.plan import ReleasePlan

    try:
        return ReleasePlan.model_validate_json(read_bounded(path, 512 * 1024 * 1024))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise PlanError(f"{path}: expected a plan: {place}: {first['msg']}") from error
