"""`provenance bulk sign`: many releases, signed from folders and stores into others."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.bulk_options import (
    JobsOption,
    NoParquetOption,
    RayOption,
    ResultsOption,
    ShardOption,
    check_where,
    progress,
)
from provenance.cli.exit_codes import ExitCode
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
from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.bulk.engine import BulkEngine
    from provenance.bulk.releases import FoundRelease
    from provenance.bulk.sign_job import SignTally
    from provenance.bulk.signing import SignedRelease, SignWork
    from provenance.runtime.sign_worker import SigningSetup
    from provenance.runtime.signing_keys import KeySpec

__all__ = ["BULK_SIGN_EXIT_CODES", "register_sign"]

BULK_SIGN_EXIT_CODES = """\b
Exit status:
  70  internal error
  2   usage, configuration or key
  1   at least one release is not signed whole: see `error` in the rows
  0   every release is signed and verified
"""
_FOLDER = ".signing"


def register_sign(group: typer.Typer) -> None:
    """Add this command to the group."""
    group.command("sign", epilog=BULK_SIGN_EXIT_CODES)(sign)


def sign(  # noqa: PLR0913 - the options of the command
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A release manifest, or a folder of releases: every folder below it with a "
            "release.yaml, .yml or .json. Or an address of either that fsspec knows.",
        ),
    ],
    out: ResultsOption,
    target: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="Where the signed files go, each release into a folder named as in SOURCE: a "
            "folder, or an address that fsspec knows.",
        ),
    ],
    key: KeyOption,
    certificate: CertificateOption,
    directory: DirectoryOption,
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
    ray: RayOption = None,
    jobs: JobsOption = None,
    shard: ShardOption = 1_000,
    no_parquet: NoParquetOption = False,
) -> None:
    """Sign many releases, and write one row for each file and one for each release.

    Every file is signed as by `provenance sign`: time-stamped, verified, and named only if it
    is official. A private key in a file never leaves this machine; with --ray only a key that
    is used where it is kept will do (pkcs11:, python:).
    """
    check_where(ray, jobs)
    from provenance.bulk.listing import shown_path
    from provenance.bulk.portable import job_of
    from provenance.bulk.releases import open_releases
    from provenance.bulk.results import Results
    from provenance.bulk.sign_job import agency_of_first, sign_source
    from provenance.bulk.signing import SignWork
    from provenance.bulk.targets import open_target
    from provenance.limits import DEFAULT_LIMITS
    from provenance.runtime.directory_at import load_directory_at
    from provenance.runtime.signing_keys import chain_pem
    from provenance.runtime.verifier_setup import VerifierSetup
    from provenance.signing.plan import CertificateInPlan

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
    if ray is not None:
        _check_keys(key, identity_key)
    releases, only = open_releases(source)
    place = open_target(target)
    loaded = load_directory_at(directory)
    if loaded.document.test:
        say("TEST: a directory for trials; nothing signed with it is a release")
    agency = agency_of_first(releases, only)
    setup = choices.setup_for(agency)
    work = SignWork(
        agency=agency,
        target=place.name,
        scratch=None if ray is not None else (out / _FOLDER).absolute(),
        sidecar=sidecar,
        remote_url=remote_url,
        max_asset_bytes=DEFAULT_LIMITS.max_asset_bytes,
    )
    more = {
        "target": shown_path(place.name),
        "agency": agency,
        "keys": [
            CertificateInPlan.of(chain_pem(spec.certificate)).spki_sha256
            for spec in (setup.claim, setup.identity)
            if spec is not None
        ],
        "sidecar": sidecar,
        "remote_url": remote_url,
        # Gone on with otherwise, half of it would have none.
        "unsafe_no_timestamp": unsafe_no_timestamp or None,
    }
    job = job_of(
        VerifierSetup(directory=loaded, time_stamp_lists=setup.time_stamp_lists),
        releases.name if only is None else shown_path(f"{releases.name}/{only}"),
        kind="sign",
        more=more,
    )
    with ExitStack() as held:
        results = held.enter_context(
            Results(out, job, parquet=not no_parquet, rows_per_shard=shard)
        )
        engine = _engine(held, setup, work, ray=ray, jobs=jobs)
        show = held.enter_context(progress(None))
        tally = sign_source(releases, only, engine, results, on_progress=show)
    _summarise(tally, out)
    raise typer.Exit(ExitCode.NOT_MET if tally.errors else ExitCode.MET)


def _check_keys(*keys: str | None) -> None:
    """Refuse to send a key to a cluster.

    Raises:
        ConfigurationError: One would have to be.
    """
    from provenance.bulk.signing import stays_where_it_is

    for key in keys:
        if key is not None and not stays_where_it_is(key):
            raise ConfigurationError(
                f"--ray with {key}: every node of the cluster would need the private key, and "
                "whoever reaches the cluster would have it. Sign on this machine (without --ray), "
                "or with a key that is used where it is kept: pkcs11:... or python:MODULE:FUNCTION"
            )


def _engine(
    held: ExitStack, setup: SigningSetup, work: SignWork, *, ray: str | None, jobs: int | None
) -> BulkEngine[FoundRelease, SignedRelease]:
    if ray is None:
        from provenance.bulk.engine import LocalEngine
        from provenance.runtime.signing_workers import SigningWorkers

        workers = held.enter_context(SigningWorkers(setup, jobs or os.cpu_count() or 1))
        # While one release is signed, the next is fetched and planned.
        return LocalEngine(
            workers, work, threads=2, stop=lambda: workers.stop("the job was stopped")
        )
    from dataclasses import replace

    from provenance.bulk.ray_engine import RayEngine
    from provenance.bulk.signing import SigningTools

    portable = replace(
        setup,
        claim=_without_secret(setup.claim),
        identity=None if setup.identity is None else _without_secret(setup.identity),
    )
    engine = RayEngine(ray, SigningTools(setup=portable), work)
    held.callback(engine.close)
    return engine


def _without_secret(spec: KeySpec) -> KeySpec:
    """The key as nodes are told of it: no PIN goes over the cluster.

    Raises:
        ConfigurationError: Nodes could not know its PIN.
    """
    from dataclasses import replace

    from provenance.runtime.signing_keys import secret_of_key

    if secret_of_key(spec.key) is not None:
        raise ConfigurationError(
            f"--ray with {spec.key.partition('?')[0]}: expected pin-source=FILE in the key's URI, "
            "a file on every node: the PIN is not sent to the cluster"
        )
    return replace(spec, passphrase=None)


def _summarise(tally: SignTally, out: Path) -> None:
    if tally.stopped is not None:
        say(f"stopped: {tally.stopped}")
    files = ", ".join(f"{count} {name}" for name, count in sorted(tally.outcomes.items()))
    parts = [
        f"{tally.releases} releases signed whole",
        f"{files} files" if files else "",
        f"{tally.failed} files not signed" * bool(tally.failed),
        f"{tally.kept} releases signed before" * bool(tally.kept),
        f"{tally.errors} releases not whole" * bool(tally.errors),
    ]
    write_text(f"{out}: {', '.join(filter(None, parts))}")
