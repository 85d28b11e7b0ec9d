"""`provenance directory add-... | revoke-key | set-compromised | edit`: changes of a draft."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from provenance.cli.directory_options import (
    ArtistOption,
    ByOption,
    EvidenceOption,
    KindOption,
    MaybeEvidenceOption,
    NotAfterOption,
    NotBeforeOption,
    WorkArgument,
    account_of,
    limits_of,
    pairs_of,
)
from provenance.cli.streams import write_text
from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.trust.certificates import Certificate

__all__ = ["register_entries"]

_MAX_PEM_BYTES = 1024 * 1024

AgencyArgument = Annotated[str, typer.Argument(metavar="AGENCY", help="Id of the agency.")]
OrganizationOption = Annotated[
    str | None,
    typer.Option(
        "--organization", metavar="O", help="What the subject of a leaf under the CA must say."
    ),
]
CommonNameOption = Annotated[
    str | None, typer.Option("--common-name", metavar="CN", help="The same for the common name.")
]
SpkiOption = Annotated[
    str | None, typer.Option("--spki", metavar="HEX", help="SHA-256 of the public key (DER SPKI).")
]


def register_entries(group: typer.Typer) -> None:
    """Add these commands to the group."""
    for name, command in (
        ("add-agency", add_agency),
        ("add-key", add_key),
        ("add-anchor", add_anchor),
        ("add-product", add_product),
        ("add-sample", add_sample),
        ("revoke-key", revoke_key),
        ("set-compromised", set_compromised),
        ("edit", edit),
    ):
        group.command(name)(command)


def add_agency(  # noqa: PLR0913 - the options of the command
    *,
    work: WorkArgument,
    agency: AgencyArgument,
    name: Annotated[
        list[str],
        typer.Option("--name", metavar="LANG=NAME", help="A name of it, en=...; may be repeated."),
    ],
    by: ByOption,
    evidence: EvidenceOption,
    artist: ArtistOption = None,
    kind: KindOption = None,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", metavar="KIND=URL", help="Where it publishes; may be repeated."),
    ] = None,
    contact: Annotated[
        list[str] | None,
        typer.Option("--contact", metavar="KIND=VALUE", help="Whom to ask; may be repeated."),
    ] = None,
) -> None:
    """Take an agency into the draft."""
    from provenance.signing import directory_draft

    names = pairs_of(name, "--name")
    if len(dict(names)) != len(names):
        raise ConfigurationError("--name: expected one name for a language")
    limits = limits_of(None, None, artist, kind)
    channels = pairs_of(channel or (), "--channel")
    contacts = dict(pairs_of(contact or (), "--contact"))

    def change(document: dict[str, Any]) -> str:
        return directory_draft.add_agency(
            document, agency, names=dict(names), limits=limits, channels=channels, contact=contacts
        )

    _change(work, change, "add-agency", by, evidence)


def add_key(  # noqa: PLR0913 - the options of the command
    *,
    work: WorkArgument,
    agency: AgencyArgument,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Id the key gets.")],
    by: ByOption,
    evidence: EvidenceOption,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="Its certificate (PEM); gives the key, and the window where none is given.",
        ),
    ] = None,
    spki: SpkiOption = None,
    not_before: NotBeforeOption = None,
    not_after: NotAfterOption = None,
    artist: ArtistOption = None,
    kind: KindOption = None,
) -> None:
    """List one signing key of an agency."""
    from dataclasses import replace

    from provenance.signing import directory_draft

    limits = limits_of(not_before, not_after, artist, kind)
    digest = _digest_of(certificate, spki)
    if certificate is not None:
        leaf = _one_certificate(certificate)
        if leaf.is_ca:
            raise ConfigurationError(f"{certificate}: is that of a CA; use add-anchor")
        limits = replace(
            limits,
            not_before=limits.not_before or leaf.not_before,
            not_after=limits.not_after or leaf.not_after,
        )

    def change(document: dict[str, Any]) -> str:
        return directory_draft.add_key(document, agency, key, spki_sha256=digest, limits=limits)

    _change(work, change, "add-key", by, evidence)


def add_anchor(  # noqa: PLR0913 - the options of the command
    *,
    work: WorkArgument,
    agency: AgencyArgument,
    anchor: Annotated[str, typer.Argument(metavar="ANCHOR", help="Id the anchor gets.")],
    certificate: Annotated[
        Path, typer.Option("--certificate", metavar="FILE", help="Certificate of the CA (PEM).")
    ],
    by: ByOption,
    evidence: EvidenceOption,
    organization: OrganizationOption = None,
    common_name: CommonNameOption = None,
    not_before: NotBeforeOption = None,
    not_after: NotAfterOption = None,
    artist: ArtistOption = None,
    kind: KindOption = None,
) -> None:
    """List a CA whose leaves speak for an agency, as far as their subject says so."""
    from dataclasses import replace

    from provenance.signing import directory_draft

    authority = _one_certificate(certificate)
    subject = directory_draft.Subject(organization=organization, common_name=common_name)
    limits = limits_of(not_before, not_after, artist, kind)
    limits = replace(
        limits,
        not_before=limits.not_before or authority.not_before,
        not_after=limits.not_after or authority.not_after,
    )

    def change(document: dict[str, Any]) -> str:
        return directory_draft.add_anchor(
            document, agency, anchor, certificate=authority, subject=subject, limits=limits
        )

    _change(work, change, "add-anchor", by, evidence)


def add_product(  # noqa: PLR0913 - the options of the command
    *,
    work: WorkArgument,
    agency: AgencyArgument,
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="Id the product gets.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What reports call it.")],
    certificate: Annotated[
        list[Path],
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="Certificate it signs claims with, or of the CA that issues them (PEM); may be "
            "repeated.",
        ),
    ],
    by: ByOption,
    evidence: EvidenceOption,
    organization: OrganizationOption = None,
    common_name: CommonNameOption = None,
) -> None:
    """List a product under whose claims an agency's identity counts."""
    from provenance.signing import directory_draft

    certificates = [_one_certificate(path) for path in certificate]
    subject = directory_draft.Subject(organization=organization, common_name=common_name)

    def change(document: dict[str, Any]) -> str:
        return directory_draft.add_product(
            document, agency, product, name=name, certificates=certificates, subject=subject
        )

    _change(work, change, "add-product", by, evidence)


def add_sample(
    *,
    work: WorkArgument,
    agency: AgencyArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file; a copy is kept.")],
    by: ByOption,
    good: Annotated[
        bool, typer.Option("--good/--bad", help="Has to come back official, or must not.")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget the earlier ones of this kind.")
    ] = False,
    evidence: MaybeEvidenceOption = "",
) -> None:
    """Keep a file that every version has to judge as it is known to be."""
    from provenance.signing.directory_changes import add_sample as keep
    from provenance.signing.directory_folder import WorkingFolder

    path = keep(
        WorkingFolder(work),
        agency,
        "good" if good else "bad",
        file,
        replace=replace,
        account=account_of(by, evidence),
    )
    write_text(f"{path}: kept")


def revoke_key(  # noqa: PLR0913 - the options of the command
    *,
    work: WorkArgument,
    agency: AgencyArgument,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="For whoever reads the directory.")
    ],
    by: ByOption,
    evidence: EvidenceOption,
    key: Annotated[
        str | None, typer.Option("--key", metavar="ID", help="A key that is listed.")
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="A certificate with the key (PEM)."),
    ] = None,
    spki: SpkiOption = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="From then on; otherwise it was never good."),
    ] = None,
) -> None:
    """Disown a key, in whatever certificate it stands, listed or not."""
    from provenance.cli.judge import parse_time
    from provenance.signing import directory_draft

    if sum(given is not None for given in (key, certificate, spki)) != 1:
        raise typer.BadParameter("expected one of --key, --certificate, --spki")
    digest = None if key is not None else _digest_of(certificate, spki)
    moment = parse_time(since, option="--since")

    def change(document: dict[str, Any]) -> str:
        return directory_draft.revoke_key(
            document, agency, spki_sha256=digest, key_id=key, since=moment, reason=reason
        )

    _change(work, change, "revoke-key", by, evidence)


def set_compromised(
    *,
    work: WorkArgument,
    agency: AgencyArgument,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="When it may have been stolen.")
    ],
    by: ByOption,
    evidence: EvidenceOption,
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="The key.")] = None,
    anchor: Annotated[
        str | None, typer.Option("--anchor", metavar="ID", help="Or the anchor.")
    ] = None,
) -> None:
    """Let a key or anchor count only with a trusted time-stamp from before it was stolen."""
    from provenance.cli.judge import parse_time
    from provenance.signing import directory_draft

    if (key is None) is (anchor is None):
        raise typer.BadParameter("expected one of --key, --anchor")
    moment = parse_time(since, option="--since")
    assert moment is not None  # noqa: S101 - the option is required

    def change(document: dict[str, Any]) -> str:
        return directory_draft.set_compromised(
            document,
            agency,
            what="keys" if key is not None else "anchors",
            entry_id=key or anchor or "",
            since=moment,
        )

    _change(work, change, "set-compromised", by, evidence)


def edit(
    *,
    work: WorkArgument,
    document: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Directory (JSON) that takes the draft's place."),
    ],
    by: ByOption,
    evidence: EvidenceOption,
) -> None:
    """Replace the draft by one edited by hand, for what no other command changes."""
    from provenance.signing.directory_changes import replace_draft
    from provenance.signing.directory_folder import WorkingFolder
    from provenance.trust.directory_files import read_bounded

    data = read_bounded(document, 32 * 1024 * 1024)
    replace_draft(WorkingFolder(work), data, where=str(document), account=account_of(by, evidence))
    write_text(f"{work}: the draft is {document} now")


def _change(
    work: Path, change: Callable[[dict[str, Any]], str], action: str, by: str, evidence: str
) -> None:
    from provenance.signing.directory_changes import change_draft
    from provenance.signing.directory_folder import WorkingFolder

    account = account_of(by, evidence)
    write_text(change_draft(WorkingFolder(work), change, action=action, account=account))


def _digest_of(certificate: Path | None, spki: str | None) -> str:
    if (certificate is None) is (spki is None):
        raise typer.BadParameter("expected one of --certificate, --spki")
    if certificate is not None:
        return _one_certificate(certificate).spki_sha256
    return (spki or "").lower()


def _one_certificate(path: Path) -> Certificate:
    from provenance.trust.certificates import parse_pem_bundle
    from provenance.trust.directory_files import read_bounded

    data = read_bounded(path, _MAX_PEM_BYTES)
    found = parse_pem_bundle(data.decode("latin-1"), where=str(path))
    if len(found) != 1:
        raise ConfigurationError(f"{path}: expected one certificate, got {len(found)}")
    return found[0]
