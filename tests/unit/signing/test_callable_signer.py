"""A service's signature is used only where it belongs to the certificate."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from provenance.credentials.cose import SignatureAnswer, check_raw_signature
from provenance.errors import SigningKeyError
from provenance.signing.callable_signer import CallableSigner
from tests.factory import pki

LEAF = pki.three_tier()[2]


def der_of_digest(digest: bytes) -> bytes:
    assert isinstance(LEAF.key, ec.EllipticCurvePrivateKey)
    return LEAF.key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def der_of_data(data: bytes) -> bytes:
    assert isinstance(LEAF.key, ec.EllipticCurvePrivateKey)
    return LEAF.key.sign(data, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("call", "takes"),
    [(der_of_digest, "digest"), (der_of_data, "data"), (pki.signer_of(LEAF).sign, "data")],
)
def test_digest_or_data_der_or_raw_becomes_what_cose_wants(call: Any, takes: Any) -> None:
    signer = CallableSigner(call, LEAF.chain, takes=takes)
    signature = signer.sign(b"claim")
    assert len(signature) == 64
    public = LEAF.key.public_key()
    assert check_raw_signature("ES256", public, signature, b"claim") is SignatureAnswer.VALID
    assert "ES256" in repr(signer)


@pytest.mark.parametrize(
    "call", [lambda _: b"", lambda _: bytes(64), pki.signer_of(pki.three_tier("B")[2]).sign]
)
def test_a_signature_that_does_not_belong_is_refused(call: Any) -> None:
    with pytest.raises(SigningKeyError, match="does not belong to the certificate"):
        CallableSigner(call, LEAF.chain).sign(b"claim")


def test_what_cannot_sign_is_refused_at_once() -> None:
    with pytest.raises(SigningKeyError, match="expected the leaf certificate"):
        CallableSigner(der_of_data, ())
    with pytest.raises(SigningKeyError, match="expected ES256 for this key"):
        CallableSigner(der_of_data, LEAF.chain, algorithm="ES384")
    edwards = pki.three_tier(kind=pki.KeyKind.ED25519)[2]
    with pytest.raises(SigningKeyError, match="never its digest"):
        CallableSigner(der_of_data, edwards.chain, takes="digest")
    bare = CallableSigner(der_of_data, (), public_key=LEAF.key.public_key())
    assert len(bare.sign(b"request")) == 64


def test_what_the_service_raises_comes_out() -> None:
    def throttled(_: bytes) -> bytes:
        raise TimeoutError("slow down")

    with pytest.raises(TimeoutError, match="slow down"):
        CallableSigner(throttled, LEAF.chain).sign(b"claim")
