"""A claim signer whose key is somewhere else: a cloud service, a signing server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.cose import SignatureAnswer, check_raw_signature
from provenance.errors import SigningKeyError
from provenance.signing.memory_signer import fitting_algorithms

__all__ = ["CallableSigner"]

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class CallableSigner:
    """Signs claims by calling a function; it satisfies `ClaimSigner`.

    Every signature is checked against the leaf's key before it is used. Services differ
    in what they want (the bytes, or their digest) and in what they give back (ECDSA as
    r and s, or in DER); a wrong guess would else come out only when somebody verifies.

    Args:
        call: Gets the bytes or their digest, gives the signature.
        chain: Certificates, leaf first, the root left out; empty for a key that is to
            get its certificate yet.
        algorithm: COSE name; may be left out where the leaf's key allows only one.
        takes: `data` or `digest`: what `call` wants. The digest is that of the
            algorithm (ES256: SHA-256). Ed25519 signs data, never a digest.
        name: What the service is called in messages.
        public_key: The key's public half, where there is no chain.

    Raises:
        SigningKeyError: There is neither chain nor public key, the algorithm does not fit
            the key, or Ed25519 is asked to sign a digest.
    """

    def __init__(
        self,
        call: Callable[[bytes], bytes],
        chain: Sequence[x509.Certificate],
        *,
        algorithm: str | None = None,
        takes: Literal["data", "digest"] = "data",
        name: str = "signing service",
        public_key: object | None = None,
    ) -> None:
        key = chain[0].public_key() if chain else public_key
        if key is None:
            raise SigningKeyError(f"{name}: expected the leaf certificate at least, got none")
        fitting = fitting_algorithms(key)
        if algorithm is not None and algorithm not in fitting:
            raise SigningKeyError(
                f"{name}: expected {' or '.join(fitting)} for this key, got {algorithm!r}"
            )
        self.algorithm = algorithm or fitting[0]
        if takes == "digest" and self.algorithm == "EdDSA":
            raise SigningKeyError(f"{name}: Ed25519 signs the data itself, never its digest")
        self.certificate_chain_pem = b"".join(c.public_bytes(Encoding.PEM) for c in chain)
        self._call = call
        self._takes = takes
        self._name = name
        self._key = key

    def __repr__(self) -> str:
        return f"CallableSigner({self._name!r}, {self.algorithm})"

    def sign(self, data: bytes) -> bytes:
        """What is the signature over `data`, in the form COSE wants?

        Raises:
            SigningKeyError: The service gave one that does not belong to the certificate.
            Exception: Whatever the call raises comes out unchanged.
        """
        asked = data if self._takes == "data" else _HASHES[self.algorithm[2:]](data).digest()
        signature = self._call(asked)
        if isinstance(self._key, ec.EllipticCurvePublicKey):
            signature = _raw_ecdsa(signature, (self._key.curve.key_size + 7) // 8)
        answer = check_raw_signature(self.algorithm, self._key, signature, data)
        if answer is not SignatureAnswer.VALID:
            raise SigningKeyError(
                f"{self._name}: its signature ({len(signature)} bytes) does not belong to the "
                f"certificate with {self.algorithm}: another key, another hash, or a digest where "
                "the data is wanted"
            )
        return signature


def _raw_ecdsa(signature: bytes, width: int) -> bytes:
    """Both integers at their full length, one after the other (RFC 9053 §2.1)."""
    if len(signature) == 2 * width:
        return signature
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    except (ValueError, OverflowError):
        # Neither form: the check that follows says so.
        return signature
