"""`provenance cert`: asking for a signing certificate, and checking the one that came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.key_options import (
    CertificateOption,
    KeyOption,
    PassphraseFileOption,
    UnsafePlainKeyOption,
    key_spec,
)
from provenance.cli.options import AtOption
from provenance.cli.streams import write_document, write_text
from provenance.cli.terminal import printable
from provenance.errors import SigningError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.runtime.signing_keys import KeySpec
    from provenance.signing.preflight import CertificateCheck

__all__ = ["cert"]

cert = typer.Typer(help="Ask for a signing certificate, and check one.", rich_markup_mode=None)

AlgorithmOption = Annotated[
    str | None,
    typer.Option("--algorithm", metavar="NAME", help="For RSA keys: PS256, PS384 or PS512."),
]


@cert.command("request")
def request(  # noqa: PLR0913 - the options of the command
    *,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The request (PEM); not overwritten.")],
    key: KeyOption,
    common_name: Annotated[
        str, typer.Option("--common-name", metavar="NAME", help="What is shown as the signer.")
    ],
    organization: Annotated[
        str, typer.Option("--organization", metavar="NAME", help="The agency's registered name.")
    ],
    country: Annotated[
        str, typer.Option("--country", metavar="XX", help="Two letters (ISO 3166-1).")
    ],
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="NAME", help="A department, if any.")
    ] = None,
    document_signing: Annotated[
        bool,
        typer.Option(
            "--document-signing", help="Ask for document signing in place of e-mail protection."
        ),
    ] = False,
    public_key: Annotated[
        Path | None,
        typer.Option(
            "--public-key",
            metavar="FILE",
            help="Public half (PEM) of a key that is in a token or a service.",
        ),
    ] = None,
    algorithm: AlgorithmOption = None,
    passphrase_file: PassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """Write a certificate request (PKCS #10) with the profile that claims need."""
    from provenance.atomic_files import new_file
    from provenance.runtime.signing_keys import open_uncertified
    from provenance.signing.certificate_request import RequestedSubject, certificate_request

    # There is no certificate yet; nobody reads this path.
    spec = key_spec(key, out, passphrase_file, unsafe_plain_key, algorithm=algorithm)
    with open_uncertified(spec, public_key) as (signer, known):
        made = certificate_request(
            signer,
            known,
            subject=RequestedSubject(
                common_name=common_name, organization=organization, country=country, unit=unit
            ),
            document_signing=document_signing,
        )
    with new_file(out, replace=False) as stream:
        stream.write(made)
    write_text(f"certificate request: {out}")


@cert.command("check", epilog="Exit status: 0 may sign (perhaps with warnings), 1 may not.")
def check(
    *,
    certificate: CertificateOption,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="Its key, as for `sign`: then a trial signature is made."
        ),
    ] = None,
    at: AtOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    algorithm: AlgorithmOption = None,
    passphrase_file: PassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """Say what is wrong with a certificate before anything is signed with it."""
    from provenance.cli.judge import parse_time
    from provenance.runtime.clock import system_clock
    from provenance.runtime.signing_keys import read_chain
    from provenance.signing.preflight import CheckState, check_chain

    found = list(check_chain(read_chain(certificate), at=parse_time(at) or system_clock()))
    if key is not None:
        found += _with_key(
            key_spec(key, certificate, passphrase_file, unsafe_plain_key, algorithm=algorithm)
        )
    faults = sum(one.state is CheckState.FAULT for one in found)
    if as_json:
        checks = [{"name": c.name, "state": c.state.value, "says": c.says} for c in found]
        write_document(json.dumps({"usable": not faults, "checks": checks}, ensure_ascii=False))
    else:
        lines = [f"{c.state.value:8}{c.name}: {printable(c.says)}" for c in found]
        lines.append(f"{certificate}: {f'{faults} faults' if faults else 'may sign'}")
        write_text("\n".join(lines))
    raise typer.Exit(ExitCode.NOT_MET if faults else ExitCode.MET)


def _with_key(spec: KeySpec) -> list[CertificateCheck]:
    """Does the key open, belong to the certificate, and sign?"""
    from provenance.runtime.signing_keys import open_signer
    from provenance.signing.preflight import CertificateCheck, CheckState, probe

    try:
        with open_signer(spec) as signer:
            belongs = CertificateCheck(
                name="key", state=CheckState.OK, says="the first certificate is for this key"
            )
            return [belongs, probe(signer)]
    except SigningError as error:
        return [CertificateCheck(name="key", state=CheckState.FAULT, says=str(error))]
