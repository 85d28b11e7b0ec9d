"""A claim signer whose private key is held in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from provenance.errors import SigningKeyError

__all__ = ["ClaimKey", "MemorySigner", "fitting_algorithms"]

ClaimKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_ECDSA = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}
_PSS = {"PS256": hashes.SHA256(), "PS384": hashes.SHA384(), "PS512": hashes.SHA512()}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySigner:
    """Signs claims with a key held in memory; it satisfies `ClaimSigner`.

    Attributes:
        algorithm: COSE name of the algorithm.
        certificate_chain_pem: Certificates in PEM, leaf first, the root left out.
        key: The leaf's private key. It never shows in `repr`.
    """

    algorithm: str
    certificate_chain_pem: bytes
    key: ClaimKey = field(repr=False)

    @classmethod
    def for_chain(
        cls, key: ClaimKey, chain: Sequence[x509.Certificate], *, algorithm: str | None = None
    ) -> MemorySigner:
        """Which signer uses this key with this chain?

        Without `algorithm` the key decides: its curve, EdDSA for Ed25519, PS256 for RSA.

        Raises:
            SigningKeyError: The chain is empty, its leaf is for another key, or the
                algorithm does not fit the key.
        """
        if not chain:
            raise SigningKeyError("certificate chain: expected the leaf at least, got none")
        if key.public_key() != chain[0].public_key():
            raise SigningKeyError("certificate chain: the leaf is not for the signing key")
        fitting = fitting_algorithms(key.public_key())
        if algorithm is None:
            algorithm = fitting[0]
        elif algorithm not in fitting:
            raise SigningKeyError(
                f"signing algorithm: expected {' or '.join(fitting)} for this key, "
                f"got {algorithm!r}"
            )
        pem = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in chain)
        return cls(algorithm=algorithm, certificate_chain_pem=pem, key=key)

    def sign(self, data: bytes) -> bytes:
        """What is the signature over `data`, in the form COSE wants?

        ECDSA gives r and s at the curve's full length, one after the other (RFC 9053
        §2.1); RSA is PSS with a salt as long as the digest (RFC 8230 §2).
        """
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            der = self.key.sign(data, ec.ECDSA(_ECDSA[self.algorithm]))
            r, s = decode_dss_signature(der)
            size_bytes = (self.key.curve.key_size + 7) // 8
            return r.to_bytes(size_bytes, "big") + s.to_bytes(size_bytes, "big")
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        digest = _PSS[self.algorithm]
        return self.key.sign(
            data,
            padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size),
            digest,
        )


def fitting_algorithms(key: object) -> tuple[str, ...]:
    """With which algorithms may claims be signed for this public key, the usual one first?

    Spec: C2PA 2.5, "Digital signatures".

    Raises:
        SigningKeyError: With none.
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        try:
            return (_CURVES[key.curve.name],)
        except KeyError:
            raise SigningKeyError(
                f"signing key: expected curve P-256, P-384 or P-521, got {key.curve.name}"
            ) from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        return ("EdDSA",)
    if isinstance(key, rsa.RSAPublicKey):
        return tuple(_PSS)
    raise SigningKeyError(f"signing key: expected EC, Ed25519 or RSA, got {type(key).__name__}")
