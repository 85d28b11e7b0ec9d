"""Entries of the log: what an agency stated and signed, and when the log took it.

An entry is canonical JSON of these members:

    v          1
    logged_at  when the log took it, by its own clock; never before the entry above it
    statement  what is stated
    cose       COSE_Sign1 of the agency over the statement's canonical bytes, which are
               detached; its protected header holds algorithm, content type and chain

Spec: RFC 8785, RFC 9052 §4.2, RFC 9360 (x5chain).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import cbor2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provenance.credentials.cbor import decode_cbor
from provenance.credentials.cose import (
    ALGORITHMS,
    CoseSign1,
    SignatureAnswer,
    check_cose_signature,
    parse_cose_sign1,
)
from provenance.errors import LimitError, MalformedError, SigningError
from provenance.limits import DEFAULT_LIMITS
from provenance.registry.log.statement import (
    Embargo,
    Moment,
    Register,
    Reveal,
    Statement,
    Supersede,
    Withdraw,
    canonical_json,
    commitment_to,
    parse_canonical_json,
    parse_statement,
    validation_text,
)
from provenance.trust.certificates import Certificate, load_der_chain, parse_pem_bundle

if TYPE_CHECKING:
    # Loads the engine, which signing a statement has no need of.
    from provenance.credentials.engine_signing import ClaimSigner

__all__ = [
    "CONTENT_TYPE",
    "MAX_EMBARGOED_BYTES",
    "MAX_LEAF_BYTES",
    "Leaf",
    "SignedStatement",
    "embargo",
    "make_leaf",
    "parse_leaf",
    "parse_signed_statement",
    "reveal",
    "sign_statement",
]

MAX_LEAF_BYTES = 4_096
MAX_EMBARGOED_BYTES = 1_600
"""Longest statement, in canonical form, that still fits an entry when it is revealed."""

CONTENT_TYPE = "application/vnd.provenance.statement+json; version=1"
_ALG, _CONTENT_TYPE, _X5CHAIN, _TAG_SIGN1 = 1, 3, 33, 18
_ALGORITHM_IDS = {name: number for number, name in ALGORITHMS.items()}
# {"cose":"","logged_at":"2026-05-01T12:00:00Z","statement":,"v":1}
_AROUND_BYTES = 70


class _SignedDocument(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cose: Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")]
    statement: dict[str, Any]


class _LeafDocument(_SignedDocument):
    # Not a literal: for pydantic, true is the same as 1.
    v: Annotated[int, Field(ge=1, le=1)]
    logged_at: Moment


_Document = TypeVar("_Document", bound=_SignedDocument)


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement with its agency's signature, of which nothing is known to be right.

    Attributes:
        statement: What is stated.
        cose: The COSE_Sign1, as bytes.
        sign1: The same, taken apart.
    """

    statement: Statement
    cose: bytes
    sign1: CoseSign1

    @property
    def document(self) -> dict[str, Any]:
        """Its JSON."""
        statement = self.statement.model_dump(mode="json", exclude_none=True)
        return {"cose": _text_of(self.cose), "statement": statement}

    @property
    def encoded(self) -> bytes:
        """How an agency hands it to a log: canonical JSON."""
        return canonical_json(self.document)

    @property
    def digest(self) -> bytes:
        """What tells it from others: the statement, the key and the chain.

        Neither the time at which a log took it nor the signature is part of it: with most
        algorithms one key makes another signature each time, over the same statement.
        """
        return sha256(self.sign1.to_be_signed(canonical_json(self.statement))).digest()

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """The signer's certificates, leaf first, as far as they link up.

        Raises:
            MalformedError: There is none, or the first is not a certificate.
        """
        return load_der_chain(self.sign1.chain, where="statement's signature")

    def check_signature(self) -> SignatureAnswer:
        """Does the signature belong to the statement and to the key in it?

        Not whose key that is.
        """
        return check_cose_signature(self.sign1, canonical_json(self.statement))


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry of a log.

    Attributes:
        logged_at: When the log says it took it.
        signed: What the agency stated.
        record: The entry's bytes.
    """

    logged_at: datetime
    signed: SignedStatement
    record: bytes

    @property
    def statement(self) -> Statement:
        """What is stated."""
        return self.signed.statement


def sign_statement(
    statement: Statement, signer: ClaimSigner, *, whole_chain: bool = False
) -> SignedStatement:
    """Which signed statement does this key make?

    The certificates above the leaf are left out where they would make the entry too long;
    then the directory has to list the key itself, not an authority above it.

    Args:
        statement: What is stated.
        signer: The agency's key.
        whole_chain: Leave none of its certificates out: too long is too long.

    Raises:
        LimitError: The entry would be too long even so.
        SigningError: The signer's chain or algorithm cannot be used.
    """
    algorithm = _ALGORITHM_IDS.get(signer.algorithm)
    if algorithm is None:
        raise SigningError(f"signing algorithm: expected one of COSE, got {signer.algorithm!r}")
    try:
        pem = signer.certificate_chain_pem.decode("ascii")
    except UnicodeDecodeError as error:
        raise SigningError("the certificate chain is not PEM") from error
    chain = [certificate.der for certificate in parse_pem_bundle(pem, where="certificate chain")]
    payload = canonical_json(statement)
    for certificates in (chain,) if whole_chain else (chain, chain[:1]):
        # x5chain is an array only if there are several (RFC 9360 §2).
        x5chain = certificates if len(certificates) > 1 else certificates[0]
        protected = cbor2.dumps(
            {_ALG: algorithm, _CONTENT_TYPE: CONTENT_TYPE, _X5CHAIN: x5chain}, canonical=True
        )
        signature = signer.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
        cose = _encode(protected, signature)
        length = len(payload) + len(_text_of(cose)) + _AROUND_BYTES
        if length <= MAX_LEAF_BYTES:
            return SignedStatement(statement, cose, parse_cose_sign1(cose))
    raise LimitError(
        f"log entry: expected {MAX_LEAF_BYTES} bytes at most, got {length}; "
        "state the release in several parts"
    )


def embargo(statement: Register | Withdraw | Supersede, salt: bytes, *, at: datetime) -> Embargo:
    """Which statement stands for this one until it is revealed?

    Args:
        statement: What is embargoed; kept with its salt until it is revealed.
        salt: 32 random bytes, for this statement alone.
        at: When the agency says it states this.

    Raises:
        LimitError: It is so long that no entry could reveal it.
    """
    length = len(canonical_json(statement))
    if length > MAX_EMBARGOED_BYTES:
        raise LimitError(
            f"embargo: expected a statement of {MAX_EMBARGOED_BYTES} bytes at most, got {length}; "
            "state the release in several parts"
        )
    commitment = commitment_to(statement, salt)
    return Embargo(agency=statement.agency, claimed_at=at, commitment=commitment)


def reveal(
    statement: Register | Withdraw | Supersede, salt: bytes, *, entry: int, at: datetime
) -> Reveal:
    """Which statement reveals what was embargoed with this salt?

    Args:
        statement: What was put under embargo.
        salt: With which salt.
        entry: Number of the entry that did so.
        at: When the agency says it states this.
    """
    return Reveal(
        agency=statement.agency,
        claimed_at=at,
        commitment=commitment_to(statement, salt),
        entry=entry,
        salt=salt.hex(),
        statement=statement,
    )


def make_leaf(signed: SignedStatement, *, logged_at: datetime) -> Leaf:
    """Which entry does this statement make, taken at this moment?

    Raises:
        LimitError: It is too long.
    """
    moment = logged_at.replace(microsecond=0)
    text = _LeafDocument(v=1, logged_at=moment, **signed.document).model_dump(mode="json")
    record = canonical_json(text)
    _check_length(record, "log entry")
    return Leaf(moment, signed, record)


def parse_signed_statement(data: bytes, *, where: str) -> SignedStatement:
    """Which signed statement is this? Nothing about it is checked.

    Raises:
        MalformedError: It is none, or not in canonical form.
        LimitError: It is too long.
    """
    return _signed(_read(_SignedDocument, data, where), where)


def parse_leaf(record: bytes, *, where: str) -> Leaf:
    """Which entry is this? Nothing about it is checked.

    Raises:
        MalformedError: It is none, or not in canonical form.
        LimitError: It is too long.
    """
    document = _read(_LeafDocument, record, where)
    return Leaf(document.logged_at, _signed(document, where), record)


def _read(model: type[_Document], data: bytes, where: str) -> _Document:
    _check_length(data, where)
    try:
        return model.model_validate(parse_canonical_json(data, where=where))
    except ValidationError as error:
        raise MalformedError(f"{where}: {validation_text(error)}") from error


def _signed(document: _SignedDocument, where: str) -> SignedStatement:
    statement = parse_statement(document.statement, where=f"{where}: statement")
    # Values have one spelling each, so the model gives back the bytes that were signed.
    if statement.model_dump(mode="json", exclude_none=True) != document.statement:
        raise MalformedError(f"{where}: statement: expected its one spelling")
    cose = _bytes_of(document.cose, where)
    sign1 = parse_cose_sign1(cose)
    # What nobody signed could say anything: no unprotected header, one encoding.
    if cose != _encode(sign1.protected, sign1.signature):
        raise MalformedError(
            f"{where}: cose: expected a tagged COSE_Sign1 with a detached payload and an empty "
            "unprotected header"
        )
    protected = decode_cbor(sign1.protected, where=f"{where}: cose", limits=DEFAULT_LIMITS)
    # A signature made for something else must not become a statement.
    if protected.get(_CONTENT_TYPE) != CONTENT_TYPE or not sign1.chain_protected:
        raise MalformedError(
            f"{where}: cose: expected content type {CONTENT_TYPE!r} and a protected chain"
        )
    return SignedStatement(statement, cose, sign1)


def _encode(protected: bytes, signature: bytes) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(_TAG_SIGN1, [protected, {}, None, signature]))


def _check_length(data: bytes, where: str) -> None:
    if len(data) > MAX_LEAF_BYTES:
        raise LimitError(f"{where}: expected {MAX_LEAF_BYTES} bytes at most, got {len(data)}")


def _text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes_of(text: str, where: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"{where}: cose: expected base64url") from error
    if _text_of(data) != text:
        raise MalformedError(f"{where}: cose: expected base64url in its one spelling")
    return data
