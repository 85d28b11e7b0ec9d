"""Keys in a real PKCS#11 token (SoftHSM2)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from provenance.credentials.cose import (
    SignatureAnswer,
    check_claim_signature,
    parse_cose_sign1,
)
from provenance.credentials.engine_signing import IdentitySource, Intent, sign_stream
from provenance.credentials.manifest_store import parse_manifest_store
from provenance.errors import SigningKeyError
from provenance.runtime.signing_keys import KeySpec, open_signer
from provenance.signing import pkcs11_signer
from tests.factory import media, pki
from tests.factory.tokens import MODULE, PIN, Tokens, tokens_of_this_process, uri

ALGORITHMS = {
    "ES256": pki.KeyKind.P256,
    "ES384": pki.KeyKind.P384,
    "ES512": pki.KeyKind.P521,
    "PS256": pki.KeyKind.RSA2048,
    "PS384": pki.KeyKind.RSA2048,
    "PS512": pki.KeyKind.RSA2048,
    "EdDSA": pki.KeyKind.ED25519,
}


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    made = tokens_of_this_process()
    made.add("Aurora")
    for kind in dict.fromkeys(ALGORITHMS.values()):
        made.put("Aurora", pki.three_tier(kind=kind)[2].key, kind.value)
    for _ in range(2):
        made.add("twin")
    return made


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "chain.pem"
    path.write_bytes(pki.three_tier()[2].chain_pem)
    return path


def spec(certificate: Path, token: str = "Aurora", name: str = "P-256", **more: str) -> KeySpec:
    return KeySpec(key=uri(token, name, **more), certificate=certificate, passphrase=PIN.encode())


def refusal(given: KeySpec) -> str:
    with pytest.raises(SigningKeyError) as caught, open_signer(given):
        pass
    return str(caught.value)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_file_is_signed_and_its_claim_signature_verifies(
    tokens: Tokens, tmp_path: Path, algorithm: str
) -> None:
    del tokens
    kind = ALGORITHMS[algorithm]
    chain = tmp_path / "chain.pem"
    chain.write_bytes(pki.three_tier(kind=kind)[2].chain_pem)
    given = KeySpec(
        key=uri("Aurora", kind.value),
        certificate=chain,
        passphrase=PIN.encode(),
        algorithm=algorithm,
    )
    with open_signer(given) as signer:
        assert signer.algorithm == algorithm
        assert PIN not in repr(signer) + repr(given)
        store = sign_stream(
            BytesIO(media.make("jpeg", 1)),
            BytesIO(),
            media_type="image/jpeg",
            manifest={},
            signer=signer,
            intent=Intent.CREATE,
        )
    (manifest,) = parse_manifest_store(store).manifests.values()
    sign1 = parse_cose_sign1(manifest.signature or b"")
    assert sign1.algorithm == algorithm
    assert check_claim_signature(sign1, manifest.claim.data) is SignatureAnswer.VALID
    assert check_claim_signature(sign1, manifest.claim.data + b"\0") is SignatureAnswer.MISMATCH


def test_claim_and_identity_share_one_session(tokens: Tokens, certificate: Path) -> None:
    del tokens
    with open_signer(spec(certificate)) as first, open_signer(spec(certificate)) as second:
        (held,) = pkcs11_signer._open.values()
        assert held.users == 2
        store = sign_stream(
            BytesIO(media.make("jpeg", 1)),
            BytesIO(),
            media_type="image/jpeg",
            manifest={},
            signer=first,
            identity=IdentitySource(signer=second),
            intent=Intent.CREATE,
        )
    assert pkcs11_signer._open == {}
    with pytest.raises(SigningKeyError, match="has been closed"):
        first.sign(b"later")
    (manifest,) = parse_manifest_store(store).manifests.values()
    assert any(label.startswith("cawg.identity") for label in manifest.assertions)


def test_a_wrong_pin_is_tried_once(tokens: Tokens, certificate: Path) -> None:
    del tokens
    wrong = KeySpec(key=uri("Aurora", "P-256"), certificate=certificate, passphrase=b"wrong-secret")
    said = refusal(wrong)
    assert "the PIN is wrong; it was tried once" in said
    assert "wrong-secret" not in said
    assert "it is not tried again" in refusal(wrong)
    with open_signer(spec(certificate)) as signer:
        assert len(signer.sign(b"right")) == 64
        assert "already open with another PIN" in refusal(wrong)


def test_of_two_tokens_of_one_name_none_is_taken(tokens: Tokens, certificate: Path) -> None:
    said = refusal(spec(certificate, token="twin"))
    assert "PKCS#11 token 'twin': expected one, got 2; add serial=" in said
    serial = said.rpartition("one of ")[2].split(", ")[0]
    # With the serial number it is one token, which has no key yet.
    assert "expected one private key, got none" in refusal(
        spec(certificate, token="twin", serial=serial)
    )
    del tokens


def test_a_missing_token_key_or_library_is_named(tokens: Tokens, certificate: Path) -> None:
    del tokens
    assert refusal(spec(certificate, token="gone")) == "PKCS#11 token 'gone': not there"
    assert "expected one private key, got none" in refusal(spec(certificate, name="gone"))
    elsewhere = KeySpec(
        key=uri("Aurora", "P-256").replace(str(MODULE), str(certificate)),
        certificate=certificate,
        passphrase=PIN.encode(),
    )
    assert "expected a PKCS#11 library that can be loaded" in refusal(elsewhere)
    without = KeySpec(key=uri("Aurora", "P-256"), certificate=certificate)
    assert "expected its PIN, got none" in refusal(without)


def test_a_key_of_another_certificate_is_refused(tokens: Tokens, tmp_path: Path) -> None:
    del tokens
    other = tmp_path / "other.pem"
    other.write_bytes(pki.three_tier("Other")[2].chain_pem)
    assert "does not belong to the certificate" in refusal(spec(other))


def test_a_forked_process_is_told_to_start_anew(tokens: Tokens, certificate: Path) -> None:
    del tokens
    with open_signer(spec(certificate)) as signer:
        (held,) = pkcs11_signer._open.values()
        held.process, own = -1, held.process
        assert "start it anew" in refusal(spec(certificate))
        with pytest.raises(SigningKeyError, match="opened in another process"):
            signer.sign(b"claim")
        held.process = own
        assert len(signer.sign(b"claim")) == 64


def test_a_token_taken_out_in_the_middle(tokens: Tokens, certificate: Path) -> None:
    tokens.add("stick")
    tokens.put("stick", pki.three_tier()[2].key, "P-256")
    with open_signer(spec(certificate, token="stick")) as signer:
        assert len(signer.sign(b"before")) == 64
        tokens.remove("stick")
        with pytest.raises(SigningKeyError, match="the token did not sign"):
            signer.sign(b"after")
    # The others go on.
    with open_signer(spec(certificate)) as signer:
        assert len(signer.sign(b"again")) == 64
