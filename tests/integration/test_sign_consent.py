"""`provenance release sign-consent`: the line that it prints is the one that a plan takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from provenance.credentials.consent_signature import artist_signature, check_artist_signature
from provenance.credentials.cose import SignatureAnswer
from provenance.errors import ReleaseError
from provenance.signing.artist_consent import consent_assertion
from provenance.signing.release import load_release
from tests.factory import media, pki
from tests.factory.command_line import Cli
from tests.factory.releases import AI, CONSENT, folder_with, minimal


@pytest.fixture
def key(tmp_path: Path) -> list[str]:
    """The options that name the artist's key."""
    holder = pki.three_tier("NOVA9", organization="NOVA9")[2]
    plain = holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "artist.key").write_bytes(plain)
    (tmp_path / "artist.pem").write_bytes(pki.signer_of(holder).certificate_chain_pem)
    return ["--key", "artist.key", "--certificate", "artist.pem", "--unsafe-plain-key"]


def test_the_line_goes_into_the_manifest(cli: Cli, key: list[str], tmp_path: Path) -> None:
    made = {"path": "a.jpg", "digital_source_type": "trainedAlgorithmicMedia", "ai": dict(AI)}
    consents = [dict(CONSENT), {**CONSENT, "paper_sha256": "6b" * 32}]
    loaded = folder_with(tmp_path, minimal(made, consents=consents), {"a.jpg": media.jpeg()})
    command = ["release", "sign-consent", str(loaded.path), "--artist", "NOVA9", *key]
    several = cli(*command)
    assert several.code == 2
    assert "expected one on record, got 5a5a5a5a5a5a5a5a, 6b6b6b6b6b6b6b6b" in several.err
    done = cli(*command, "--paper", "5a5a")
    assert done.code == 0, done.err
    consents[0] |= yaml.safe_load(done.out)
    signed = folder_with(tmp_path, minimal(made, consents=consents), {}).document
    said = consent_assertion(signed, signed.consents[0])["data"]
    sign1 = artist_signature(said)
    assert sign1 is not None
    assert check_artist_signature(sign1, said) is SignatureAnswer.VALID
    consents[1]["artist_signature"] = consents[0]["artist_signature"]
    moved = load_release(folder_with(tmp_path, minimal(made, consents=consents), {}).path).document
    with pytest.raises(ReleaseError, match="does not belong to it"):
        consent_assertion(moved, moved.consents[1])
