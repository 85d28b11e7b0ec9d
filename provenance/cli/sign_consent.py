"""`provenance release sign-consent`: the artist's own signature over a consent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.key_options import (
    CertificateOption,
    KeyOption,
    PassphraseFileOption,
    UnsafePlainKeyOption,
    key_spec,
)
from provenance.cli.streams import write_text

__all__ = ["sign_consent"]


def sign_consent(
    *,
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="Release manifest (YAML or JSON).")
    ],
    artist: Annotated[str, typer.Option("--artist", metavar="NAME", help="Whose consent.")],
    key: KeyOption,
    certificate: CertificateOption,
    paper: Annotated[
        str | None,
        typer.Option(
            "--paper",
            metavar="SHA256",
            help="Which consent, where there are several: how the digest of its paper begins.",
        ),
    ] = None,
    passphrase_file: PassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """Sign a consent with the artist's own key, and print the line for the manifest.

    The key stays with the artist: whoever releases needs only the line. It is good for every
    release with exactly this consent.
    """
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.runtime.signing_keys import open_signer
    from provenance.signing.artist_consent import sign_for_artist
    from provenance.signing.release import load_release

    loaded = load_release(manifest)
    spec = key_spec(key, certificate, passphrase_file, unsafe_plain_key)
    with open_signer(spec) as signer:
        signature = sign_for_artist(loaded.document, artist, signer, paper_sha256=paper)
    write_text(f"artist_signature: {signature}")
