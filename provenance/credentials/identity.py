"""A statement of identity (`cawg.identity`): taken apart, and its signature checked.

It says what is written and whether the signature belongs to it, not who the
holder of the key is, nor whether what it refers to is there.

Spec: CAWG identity assertion 1.3, "Assertion definition" and "X.509 certificates
and COSE signatures".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cbor2

from provenance.credentials.cbor import decode_cbor
from provenance.credentials.cbor_slices import slice_of_value
from provenance.credentials.cose import CoseSign1, SignatureAnswer, check_cose_signature
from provenance.credentials.manifest_store import Assertion, HashedUri
from provenance.errors import MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "AGGREGATION",
    "IDENTITY_LABEL",
    "X509_COSE",
    "IdentityAssertion",
    "IdentitySignature",
    "check_identity_signature",
    "parse_identity",
]

IDENTITY_LABEL = "cawg.identity"
"""Label of the assertion; further ones in a manifest are `cawg.identity__1` and so on."""

X509_COSE = "cawg.x509.cose"
AGGREGATION = "cawg.identity_claims_aggregation"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAssertion:
    """One decoded statement of identity.

    Attributes:
        label: Of the assertion, with its instance number.
        references: What the holder signed for, as listed.
        sig_type: What kind of signature it says it has.
        roles: What the holder says to be to the asset; empty where it says nothing.
        signature: The signature's own bytes; a COSE_Sign1 for both known kinds.
        pads_are_zero: Whether the padding holds nothing but zeros, as it must.
        encodings: The signer payload as bytes, as the specification wants it signed
            and as it stands in the assertion, without repetition.
        engine_encoding: The payload as the C2PA engine writes it before it checks
            a signature: known fields alone, in its own order.
    """

    label: str
    references: tuple[HashedUri, ...]
    sig_type: str
    roles: tuple[str, ...]
    signature: bytes
    pads_are_zero: bool
    encodings: tuple[bytes, ...]
    engine_encoding: bytes


@dataclass(frozen=True, slots=True)
class IdentitySignature:
    """Whether a signature belongs to a statement, and which bytes it was found to be over."""

    answer: SignatureAnswer
    payload: bytes | None = None


def parse_identity(assertion: Assertion, limits: Limits = DEFAULT_LIMITS) -> IdentityAssertion:
    """What does this statement of identity say?

    Fields that the specification does not name are left out of account.

    Spec: CAWG identity assertion 1.3, "CBOR schema".

    Raises:
        MalformedError: A required field is missing, or a field has another type.
        LimitError: More CBOR values than the limit.
    """
    where = assertion.label
    content = next((c.content for c in assertion.box.contents if c.type == b"cbor"), None)
    if content is None:
        raise MalformedError(f"{where}: expected a cbor box, got none")
    whole = decode_cbor(content, where=where, limits=limits)
    payload = whole.get("signer_payload") if isinstance(whole, Mapping) else None
    stored = slice_of_value(content, "signer_payload", where=where, limits=limits)
    if not isinstance(whole, Mapping) or not isinstance(payload, Mapping) or stored is None:
        raise MalformedError(f"{where}: expected a map with a signer_payload that is a map")
    signature = whole.get("signature")
    if not isinstance(signature, bytes) or not signature:
        raise MalformedError(f"{where}: expected the signature to be a byte string")
    pad1, pad2 = whole.get("pad1"), whole.get("pad2", b"")
    if not isinstance(pad1, bytes) or not isinstance(pad2, bytes):
        raise MalformedError(f"{where}: expected pad1, and pad2 if any, to be byte strings")
    references = _references(payload.get("referenced_assertions"), where)
    sig_type = payload.get("sig_type")
    if not isinstance(sig_type, str) or not sig_type:
        raise MalformedError(f"{where}: expected sig_type to be text")
    return IdentityAssertion(
        label=assertion.label,
        references=references,
        sig_type=sig_type,
        roles=_roles(payload, where),
        signature=signature,
        pads_are_zero=not pad1.strip(b"\0") and not pad2.strip(b"\0"),
        encodings=_encodings(payload, stored),
        engine_encoding=_as_the_engine_writes(payload, references),
    )


def _references(value: object, where: str) -> tuple[HashedUri, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise MalformedError(f"{where}: expected referenced_assertions to be a filled array")
    found = [HashedUri.of(entry) for entry in value]
    references = tuple(reference for reference in found if reference is not None)
    if len(references) != len(found):
        raise MalformedError(f"{where}: expected every reference to have a url and a hash")
    return references


def _roles(payload: Mapping[Any, Any], where: str) -> tuple[str, ...]:
    if "role" not in payload:
        return ()
    roles = payload["role"]
    filled = isinstance(roles, (list, tuple)) and bool(roles)
    if not filled or not all(isinstance(role, str) and role for role in roles):
        raise MalformedError(f"{where}: expected role to be a filled array of texts")
    return tuple(roles)


def _encodings(payload: Mapping[Any, Any], stored: bytes) -> tuple[bytes, ...]:
    """The two encodings under which the payload may have been signed.

    The specification asks for deterministic encoding (RFC 8949 §4.2.1); the engine
    signs the fields in the order in which it writes them. Both say the same, so a
    signature over either is one over what the statement says.
    """
    try:
        deterministic = cbor2.dumps(payload, canonical=True)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError):
        # Whatever a field that nobody knows holds, it was signed as it stands.
        return (stored,)
    return tuple(dict.fromkeys((deterministic, stored)))


def _as_the_engine_writes(payload: Mapping[Any, Any], references: tuple[HashedUri, ...]) -> bytes:
    fields: dict[str, Any] = {
        "referenced_assertions": [
            {
                "url": reference.url,
                **({} if reference.algorithm is None else {"alg": reference.algorithm}),
                "hash": reference.digest,
            }
            for reference in references
        ],
        "sig_type": payload["sig_type"],
    }
    if "role" in payload:
        fields["role"] = list(payload["role"])
    return cbor2.dumps(fields)


def check_identity_signature(identity: IdentityAssertion, sign1: CoseSign1) -> IdentitySignature:
    """Does an X.509 signature belong to this statement and to the key of its certificate?

    The payload is detached: one inside the signature must be absent or the
    payload itself. Certificates outside the protected header are nobody's: they
    may be exchanged by anybody.

    Spec: CAWG identity assertion 1.3, "Validating the COSE signature"; RFC 9052 §4.4.
    """
    if not sign1.chain_protected:
        return IdentitySignature(SignatureAnswer.MISMATCH)
    answers = []
    for payload in identity.encodings:
        if sign1.payload is not None and sign1.payload != payload:
            answers.append(SignatureAnswer.MISMATCH)
            continue
        answer = check_cose_signature(sign1, payload)
        if answer is SignatureAnswer.VALID:
            return IdentitySignature(answer, payload)
        answers.append(answer)
    unsupported = SignatureAnswer.UNSUPPORTED in answers
    return IdentitySignature(
        SignatureAnswer.UNSUPPORTED if unsupported else SignatureAnswer.MISMATCH
    )
