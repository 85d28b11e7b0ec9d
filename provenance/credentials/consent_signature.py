"""The artist's own signature over a statement of consent, made before anything is released.

It stands inside the statement, as a detached COSE_Sign1 over all of its other members. So
the artist signs once, with a key that no release desk ever holds; which files the consent
is used for, the agency says. (A second statement of identity would have to be about the
file, and the engine writes one alone.)

Spec: RFC 9052 §4.4; RFC 8785 for the form that is signed; C2PA 2.5, "Credentials in COSE".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import cbor2
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.consent import CONSENT_LABEL, ConsentStatement
from provenance.credentials.cose import (
    ALGORITHMS,
    CoseSign1,
    SignatureAnswer,
    check_cose_signature,
    parse_cose_sign1,
)
from provenance.errors import MalformedError, SigningError
from provenance.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    # It brings all that signs, for a name.
    from provenance.credentials.engine_signing import ClaimSigner

__all__ = ["MEMBER", "artist_signature", "check_artist_signature", "sign_consent"]

MEMBER = "artistSignature"
"""Member of the assertion that holds it, in base64."""

_ALG, _X5CHAIN = 1, 33
_TAG_SIGN1 = 18
_ALGORITHM_IDS = {name: number for number, name in ALGORITHMS.items()}


def sign_consent(statement: ConsentStatement, signer: ClaimSigner) -> ConsentStatement:
    """The statement, with the signature of this key over it.

    Raises:
        SigningError: The algorithm is not known, or the certificates are not PEM.
        Exception: Whatever `signer.sign` raises.
    """
    if signer.algorithm not in _ALGORITHM_IDS:
        raise SigningError(f"signing algorithm: expected one of COSE, got {signer.algorithm!r}")
    try:
        chain = x509.load_pem_x509_certificates(signer.certificate_chain_pem)
    except ValueError as error:
        raise SigningError("the certificate chain is not PEM") from error
    ders = [certificate.public_bytes(Encoding.DER) for certificate in chain]
    protected = cbor2.dumps(
        {
            _ALG: _ALGORITHM_IDS[signer.algorithm],
            _X5CHAIN: ders[0] if len(ders) == 1 else ders,
        }
    )
    payload = _payload(statement.assertion()["data"])
    to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload])
    parts: list[Any] = [protected, {}, None, signer.sign(to_be_signed)]
    encoded = cbor2.dumps(cbor2.CBORTag(_TAG_SIGN1, parts))
    return statement.model_copy(update={"artist_signature": base64.b64encode(encoded).decode()})


def artist_signature(data: Mapping[str, Any], limits: Limits = DEFAULT_LIMITS) -> CoseSign1 | None:
    """Which signature stands in this statement? None where there is none.

    Raises:
        MalformedError, LimitError: It is no COSE_Sign1 in base64, or has a payload inside.
    """
    text = data.get(MEMBER)
    if text is None:
        return None
    try:
        encoded = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"{MEMBER}: expected base64: {error}") from error
    parsed = parse_cose_sign1(encoded, limits)
    if parsed.payload is not None or not parsed.chain_protected:
        raise MalformedError(f"{MEMBER}: expected it detached, with its certificates protected")
    return parsed


def check_artist_signature(sign1: CoseSign1, data: Mapping[str, Any]) -> SignatureAnswer:
    """Does the signature belong to this statement, member by member, and to its certificate?

    It does not say whose certificate that is.
    """
    try:
        payload = _payload(data)
    except (ValueError, TypeError, RecursionError):
        # A byte string, say: what has no canonical form was never signed.
        return SignatureAnswer.MISMATCH
    return check_cose_signature(sign1, payload)


def _payload(data: Mapping[str, Any]) -> bytes:
    """What is signed: the label, so that it is nothing else, and all other members."""
    said = {name: value for name, value in data.items() if name != MEMBER}
    return CONSENT_LABEL.encode() + b"\n" + rfc8785.dumps(said)
