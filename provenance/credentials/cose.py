"""The claim signature: a detached COSE_Sign1, taken apart and checked without the engine.

Spec: RFC 9052 §4.2 and §4.4; C2PA 2.5, "Digital signatures".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from provenance.credentials.cbor import decode_cbor
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "ALGORITHMS",
    "SIGNATURE_STAMP",
    "CoseSign1",
    "SignatureAnswer",
    "TimeStampToken",
    "check_claim_signature",
    "check_cose_signature",
    "check_raw_signature",
    "parse_cose_sign1",
]

_ALG, _CRIT, _X5CHAIN = 1, 2, 33
# Header parameters that are acted upon here, so that a signer may call them critical.
_UNDERSTOOD = frozenset({_ALG, _X5CHAIN, "x5chain"})
_TAG_SIGN1 = 18

# COSE algorithm identifiers, RFC 9053 §2 and RFC 8230 §2. EdDSA (-8) means
# Ed25519 here: C2PA allows no other curve.
ALGORITHMS: Mapping[int, str] = {
    -7: "ES256",
    -35: "ES384",
    -36: "ES512",
    -37: "PS256",
    -38: "PS384",
    -39: "PS512",
    -8: "EdDSA",
}

SIGNATURE_STAMP = "sigTst2"
"""The header whose time-stamps are about the signature; those of `sigTst` are about the claim."""


class SignatureAnswer(StrEnum):
    """Does the signature belong to the data, by our own check?"""

    VALID = "valid"
    MISMATCH = "mismatch"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class TimeStampToken:
    """A time-stamp found in the unprotected header.

    Attributes:
        header: `sigTst` (claims of version 1; stamps the claim) or `sigTst2`
            (stamps the signature).
        token: DER of an RFC 3161 TimeStampResp or TimeStampToken.
    """

    header: str
    token: bytes


@dataclass(frozen=True, slots=True)
class CoseSign1:
    """One decoded COSE_Sign1.

    Attributes:
        protected: The protected header as the bytes that were signed.
        algorithm: Name of the algorithm, or None where it is not one we know.
        algorithm_id: What the header says.
        chain: DER certificates, leaf first.
        chain_protected: Whether the chain stands in the protected header.
        signature: Raw bytes, r || s for ECDSA.
        time_stamps: Tokens in the order of the headers.
        ocsp_responses: DER of stapled OCSP responses.
    """

    protected: bytes
    algorithm: str | None
    algorithm_id: object
    chain: tuple[bytes, ...]
    chain_protected: bool
    signature: bytes
    payload: bytes | None
    time_stamps: tuple[TimeStampToken, ...]
    ocsp_responses: tuple[bytes, ...]

    def to_be_signed(self, payload: bytes, *, context: str = "Signature1") -> bytes:
        """Which bytes does the signature cover for this payload?

        Spec: RFC 9052 §4.4, Sig_structure with an empty external_aad.
        """
        return cbor2.dumps([context, self.protected, b"", payload])

    def to_be_stamped(self, claim: bytes | None = None) -> bytes:
        """Which bytes does a time-stamp of this signature have to be about?

        The frame of a counter-signature: around the signature as an encoded byte string
        (`sigTst2`), or around the claim where one is given (`sigTst`, of claims of
        version 1).

        Spec: C2PA 2.5, "Time-stamps"; RFC 9052 §4.4 for the frame.
        """
        payload = cbor2.dumps(self.signature) if claim is None else claim
        return self.to_be_signed(payload, context="CounterSignature")


def _chain_of(value: object, limits: Limits) -> tuple[bytes, ...]:
    # cbor2 builds tuples instead of lists inside a tag, and COSE_Sign1 is one.
    items = value if isinstance(value, (list, tuple)) else [value]
    if len(items) > limits.max_certificates:
        raise LimitError(f"claim signature: {len(items)} certificates exceed max_certificates")
    if not all(isinstance(item, bytes) for item in items):
        raise MalformedError("claim signature: expected x5chain to hold byte strings")
    return tuple(items)


def _find_chain(
    protected: Mapping[Any, Any], unprotected: Mapping[Any, Any], limits: Limits
) -> tuple[tuple[bytes, ...], bool]:
    # The protected header wins: the other may be replaced by anybody. Older
    # generators wrote the chain unprotected, or under a text key.
    for header, is_protected in ((protected, True), (unprotected, False)):
        for key in (_X5CHAIN, "x5chain"):
            if key in header:
                return _chain_of(header[key], limits), is_protected
    return (), False


def _time_stamps(unprotected: Mapping[Any, Any]) -> tuple[TimeStampToken, ...]:
    found = []
    for header in (SIGNATURE_STAMP, "sigTst"):
        container = unprotected.get(header)
        tokens = container.get("tstTokens") if isinstance(container, Mapping) else None
        for entry in tokens if isinstance(tokens, (list, tuple)) else ():
            value = entry.get("val") if isinstance(entry, Mapping) else None
            if isinstance(value, bytes):
                found.append(TimeStampToken(header, value))
    return tuple(found)


def _ocsp(unprotected: Mapping[Any, Any]) -> tuple[bytes, ...]:
    container = unprotected.get("rVals")
    values = container.get("ocspVals") if isinstance(container, Mapping) else None
    if not isinstance(values, (list, tuple)):
        return ()
    return tuple(value for value in values if isinstance(value, bytes))


def _check_critical(protected: Mapping[Any, Any]) -> None:
    """Refuse a signature that asks for something nobody here does (RFC 9052 §3.1)."""
    if _CRIT not in protected:
        return
    critical = protected[_CRIT]
    if not isinstance(critical, (list, tuple)) or not critical:
        raise MalformedError("protected header: expected crit to list parameters")
    # A list or map is no label, and in no set.
    unknown = [
        str(label)[:40]
        for label in critical
        if not isinstance(label, (int, str)) or label not in _UNDERSTOOD
    ]
    if unknown:
        raise MalformedError(f"protected header: critical parameters not understood: {unknown}")


def parse_cose_sign1(data: bytes, limits: Limits = DEFAULT_LIMITS) -> CoseSign1:
    """What does this COSE_Sign1 hold?

    Args:
        data: CBOR of a tagged (18) or untagged COSE_Sign1.
        limits: Bounds on nesting and on the number of certificates.

    Raises:
        MalformedError: Not a COSE_Sign1.
        LimitError: More certificates than the limit.
    """
    item = decode_cbor(data, where="claim signature", limits=limits)
    if isinstance(item, cbor2.CBORTag):
        if item.tag != _TAG_SIGN1:
            raise MalformedError(f"claim signature: expected CBOR tag 18, got {item.tag}")
        item = item.value
    if not isinstance(item, (list, tuple)) or len(item) != 4:
        raise MalformedError("claim signature: expected an array of 4 items")
    protected_bytes, unprotected, payload, signature = item
    if not (
        isinstance(protected_bytes, bytes)
        and isinstance(unprotected, Mapping)
        and (payload is None or isinstance(payload, bytes))
        and isinstance(signature, bytes)
    ):
        raise MalformedError("claim signature: an item of COSE_Sign1 has the wrong type")
    protected: Any = (
        decode_cbor(protected_bytes, where="protected header", limits=limits)
        if protected_bytes
        else {}
    )
    if not isinstance(protected, Mapping):
        raise MalformedError("protected header: expected a map")
    _check_critical(protected)
    chain, chain_protected = _find_chain(protected, unprotected, limits)
    algorithm_id = protected.get(_ALG)
    return CoseSign1(
        protected=protected_bytes,
        algorithm=ALGORITHMS.get(algorithm_id) if isinstance(algorithm_id, int) else None,
        algorithm_id=algorithm_id,
        chain=chain,
        chain_protected=chain_protected,
        signature=signature,
        payload=payload,
        time_stamps=_time_stamps(unprotected),
        ocsp_responses=_ocsp(unprotected),
    )


_Verify = Callable[[Any, bytes, bytes], None]


def _ecdsa(hash_algorithm: hashes.HashAlgorithm) -> _Verify:
    def verify(key: Any, signature: bytes, data: bytes) -> None:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        width = (key.curve.key_size + 7) // 8
        if len(signature) != 2 * width:
            raise InvalidSignature
        r = int.from_bytes(signature[:width], "big")
        s = int.from_bytes(signature[width:], "big")
        key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hash_algorithm))

    return verify


def _pss(hash_algorithm: hashes.HashAlgorithm) -> _Verify:
    def verify(key: Any, signature: bytes, data: bytes) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidSignature
        # RFC 8230 §2: the salt is as long as the hash.
        scheme = padding.PSS(padding.MGF1(hash_algorithm), hash_algorithm.digest_size)
        key.verify(signature, data, scheme, hash_algorithm)

    return verify


def _eddsa(key: Any, signature: bytes, data: bytes) -> None:
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise InvalidSignature
    key.verify(signature, data)


_VERIFIERS: Mapping[str, _Verify] = {
    "ES256": _ecdsa(hashes.SHA256()),
    "ES384": _ecdsa(hashes.SHA384()),
    "ES512": _ecdsa(hashes.SHA512()),
    "PS256": _pss(hashes.SHA256()),
    "PS384": _pss(hashes.SHA384()),
    "PS512": _pss(hashes.SHA512()),
    "EdDSA": _eddsa,
}


def check_raw_signature(
    algorithm: str | None, public_key: object, signature: bytes, data: bytes
) -> SignatureAnswer:
    """Does this signature, as it stands in a COSE structure, belong to this key and data?

    `unsupported` is an algorithm or key that cannot be used here; it accuses nobody.

    Spec: RFC 9053 §2, RFC 8230 §2.
    """
    verify = _VERIFIERS.get(algorithm or "")
    if verify is None:
        return SignatureAnswer.UNSUPPORTED
    try:
        verify(public_key, signature, data)
    except InvalidSignature:
        return SignatureAnswer.MISMATCH
    except (ValueError, UnsupportedAlgorithm):
        return SignatureAnswer.UNSUPPORTED
    return SignatureAnswer.VALID


def check_cose_signature(sign1: CoseSign1, payload: bytes) -> SignatureAnswer:
    """Does this signature belong to this payload and to the key of the chain's leaf?

    It does not say who the signer is. No certificate is a mismatch, since
    there is no key that the signature could belong to. A certificate or
    algorithm that cannot be used here is `unsupported`, which accuses nobody.

    Spec: RFC 9052 §4.4.
    """
    if sign1.algorithm is None:
        return SignatureAnswer.UNSUPPORTED
    if not sign1.chain:
        return SignatureAnswer.MISMATCH
    try:
        with warnings.catch_warnings():
            # The chain is judged elsewhere: what is odd about it is said there, not on stderr.
            warnings.simplefilter("ignore")
            key = x509.load_der_x509_certificate(sign1.chain[0]).public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return SignatureAnswer.UNSUPPORTED
    return check_raw_signature(sign1.algorithm, key, sign1.signature, sign1.to_be_signed(payload))


def check_claim_signature(sign1: CoseSign1, claim: bytes) -> SignatureAnswer:
    """Does the claim signature belong to this claim?

    The claim is detached: a payload inside the signature must be absent or the
    claim itself (C2PA 2.5, "Signing a claim").
    """
    if sign1.payload is not None and sign1.payload != claim:
        return SignatureAnswer.MISMATCH
    return check_cose_signature(sign1, claim)
