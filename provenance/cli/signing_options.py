"""What the commands that sign are told, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.key_options import (
    CertificateOption,
    KeyOption,
    PassphraseFileOption,
    UnsafePlainKeyOption,
    key_spec,
)
from provenance.cli.options import TimeStampListOption
from provenance.cli.streams import say
from provenance.errors import ConfigurationError, TimeStampError

if TYPE_CHECKING:
    from provenance.runtime.sign_worker import SigningSetup
    from provenance.signing.plan import ReleasePlan
    from provenance.signing.release import LoadedRelease

__all__ = [
    "CertificateOption",
    "DirectoryOption",
    "IdentityCertificateOption",
    "IdentityKeyOption",
    "KeyOption",
    "NetworkAllowOption",
    "PassphraseFileOption",
    "RemoteUrlOption",
    "SidecarOption",
    "SigningChoices",
    "TimeStampListOption",
    "TsaOption",
    "UnsafeNoTimestampOption",
    "UnsafePlainKeyOption",
]

DirectoryOption = Annotated[
    Path,
    typer.Option(
        "--directory",
        metavar="PLACE",
        help="Agency directory that lists the key: what is signed has to verify with it.",
    ),
]
IdentityKeyOption = Annotated[
    str | None,
    typer.Option(
        "--identity-key",
        metavar="KEY",
        help="Key of the agency's statement of identity (CAWG), where another signs the claim.",
    ),
]
IdentityCertificateOption = Annotated[
    Path | None,
    typer.Option("--identity-certificate", metavar="FILE", help="Its certificates (PEM)."),
]
TsaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tsa",
        metavar="URL",
        help="Time-stamp authority (RFC 3161); may be given several times: the next one is "
        "asked where one gives no time-stamp that counts.",
    ),
]
NetworkAllowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--network-allow",
        metavar="HOST:PORT",
        help="Ask this time-stamp authority although its address or port is not a public one.",
    ),
]
SidecarOption = Annotated[
    bool,
    typer.Option(
        "--sidecar", help="Leave the credentials out of the files: write them beside, as NAME.c2pa."
    ),
]
RemoteUrlOption = Annotated[
    str | None,
    typer.Option(
        "--remote-url",
        metavar="URL",
        help="Where the credentials will also be; written into the files. {name} stands for the "
        "file's path from the manifest's folder.",
    ),
]
UnsafeNoTimestampOption = Annotated[
    bool,
    typer.Option(
        "--unsafe-no-timestamp",
        help="For trials: sign without a time-stamp. Such a release proves nothing once its "
        "certificate has expired.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningChoices:
    """All of these options together; planning needs no key, and asks nobody for the time."""

    certificate: Path
    directory: Path
    key: str = ""
    passphrase_file: Path | None = None
    unsafe_plain_key: bool = False
    identity_key: str | None = None
    identity_certificate: Path | None = None
    tsa: list[str] | None = None
    time_stamp_list: list[str] | None = None
    network_allow: list[str] | None = None
    unsafe_no_timestamp: bool = False

    def setup(self, loaded: LoadedRelease) -> SigningSetup:
        """All that a process needs to sign this release.

        Raises:
            ConfigurationError, SigningError: Something given cannot be used.
        """
        return self.setup_for(loaded.document.agency)

    def setup_for(self, agency: str) -> SigningSetup:
        """All that a process needs to sign releases of this agency.

        Raises:
            ConfigurationError, SigningError: Something given cannot be used.
        """
        from provenance.cli.judge import time_stamp_lists_of
        from provenance.runtime.sign_worker import SigningSetup, authorities_of

        if not self.tsa and not self.unsafe_no_timestamp:
            raise TimeStampError(
                "expected a time-stamp authority (--tsa URL): without a time-stamp, a release "
                "proves nothing once its certificate has expired"
            )
        if (self.identity_key is None) != (self.identity_certificate is None):
            raise ConfigurationError(
                "--identity-key and --identity-certificate: expected both or none"
            )
        identity = None
        if self.identity_key is not None and self.identity_certificate is not None:
            identity = key_spec(
                self.identity_key,
                self.identity_certificate,
                self.passphrase_file,
                self.unsafe_plain_key,
            )
        lists, allow = time_stamp_lists_of(self.time_stamp_list or (), self.network_allow or ())
        return SigningSetup(
            agency=agency,
            directory=self.directory,
            claim=key_spec(self.key, self.certificate, self.passphrase_file, self.unsafe_plain_key),
            identity=identity,
            authorities=authorities_of(self.tsa or (), allow),
            time_stamp_lists=tuple(lists),
            unsafe_no_timestamp=self.unsafe_no_timestamp,
        )

    def plan(self, loaded: LoadedRelease, *, sidecar: bool, remote_url: str | None) -> ReleasePlan:
        """What becomes public by this release manifest, with these keys.

        Raises:
            ReleaseError: It cannot be released as it is.
            ConfigurationError, SigningError: Something given cannot be used.
        """
        from provenance.runtime.clock import system_clock
        from provenance.runtime.directory_at import load_directory_at
        from provenance.runtime.frame_signatures import make_frame_signatures
        from provenance.runtime.signing_keys import chain_pem
        from provenance.signing.plan import PlanSettings, make_plan

        identity = self.identity_certificate
        plan = make_plan(
            loaded,
            directory=load_directory_at(self.directory),
            claim_chain_pem=chain_pem(self.certificate),
            identity_chain_pem=chain_pem(identity) if identity is not None else None,
            settings=PlanSettings(
                sidecar=sidecar,
                remote_url=remote_url,
                time_stamp_authorities=tuple(self.tsa or ()),
            ),
            at=system_clock(),
            frame_signatures=make_frame_signatures,
        )
        if plan.test:
            say("TEST: a directory or key for trials; nothing signed with it is a release")
        return plan
