"""What would be wrong with a signature by this key, before anything is signed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from io import BytesIO
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import SignatureAlgorithmOID

from provenance.credentials.cose import (
    SignatureAnswer,
    check_claim_signature,
    parse_cose_sign1,
)
from provenance.credentials.engine_signing import ClaimSigner, Intent, sign_stream
from provenance.credentials.manifest_store import parse_manifest_store
from provenance.errors import LimitError, MalformedError, SigningError
from provenance.trust.certificates import TEST_UNIT, is_for_trials
from provenance.trust.profile import ClauseResult, Purpose, check_leaf_profile

__all__ = ["EXPIRY_WARNING_DAYS", "CertificateCheck", "CheckState", "check_chain", "probe"]

EXPIRY_WARNING_DAYS = (7, 30, 60)
"""Whoever signs is warned when a certificate has no more than so many days left."""

_SIGNATURES = {
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    SignatureAlgorithmOID.RSA_WITH_SHA256,
    SignatureAlgorithmOID.RSA_WITH_SHA384,
    SignatureAlgorithmOID.RSA_WITH_SHA512,
    SignatureAlgorithmOID.RSASSA_PSS,
    SignatureAlgorithmOID.ED25519,
}

# One black pixel: the smallest picture there is.
_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)


class CheckState(StrEnum):
    """What one check came to."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCheck:
    """One thing that was looked at.

    Attributes:
        name: What: `chain`, `root`, `extended key usage`, ...
        state: Whether one may sign with it.
        says: What was found, in words.
    """

    name: str
    state: CheckState
    says: str


def check_chain(
    chain: Sequence[x509.Certificate], *, at: datetime, public_key: object | None = None
) -> tuple[CertificateCheck, ...]:
    """Can releases be signed with this chain, and what is wrong with it?

    Says nothing about trust: whether anybody knows the issuer, or whether a certificate
    was revoked.

    Spec: C2PA 2.5, "X.509 Certificates", certificate profile; RFC 5280 §6.1.

    Args:
        chain: As its file has it, the leaf first if all is well.
        at: Aware UTC time to judge by.
        public_key: Of the key that is to sign.

    Returns:
        One result a subject, in the order of the list below. Never empty.
    """
    if not chain:
        return (_fault("chain", "there is no certificate"),)
    leaf = chain[0]
    return (
        _order(chain),
        _root(chain),
        *_profile(leaf),
        _algorithms(chain),
        _validity(chain, at),
        *([_trial()] if is_for_trials(leaf.subject) else []),
        *([] if public_key is None else [_key(leaf, public_key)]),
    )


def probe(signer: ClaimSigner) -> CertificateCheck:
    """Does a real signature come out of this signer?

    A picture of one pixel is signed in memory, and its claim signature checked without
    the engine. Nothing of it is kept.

    Raises:
        Exception: Whatever `signer.sign` raises that is no `SigningError`.
    """
    name = "trial signature"
    try:
        store = sign_stream(
            BytesIO(_PICTURE),
            BytesIO(),
            media_type="image/png",
            manifest={"claim_generator_info": [{"name": "provenance cert check"}]},
            signer=signer,
            intent=Intent.CREATE,
        )
    except SigningError as error:
        return _fault(name, str(error))
    try:
        (manifest,) = parse_manifest_store(store).manifests.values()
        answer = check_claim_signature(
            parse_cose_sign1(manifest.signature or b""), manifest.claim.data
        )
    except (MalformedError, LimitError) as error:
        return _fault(name, str(error))
    if answer is not SignatureAnswer.VALID:
        return _fault(name, f"{signer.algorithm}: the signature of a trial claim is {answer}")
    return _ok(name, f"{signer.algorithm}: a trial picture was signed, and the signature is valid")


def _ok(name: str, says: str) -> CertificateCheck:
    return CertificateCheck(name=name, state=CheckState.OK, says=says)


def _warning(name: str, says: str) -> CertificateCheck:
    return CertificateCheck(name=name, state=CheckState.WARNING, says=says)


def _fault(name: str, says: str) -> CertificateCheck:
    return CertificateCheck(name=name, state=CheckState.FAULT, says=says)


def _trial() -> CertificateCheck:
    return _warning("purpose", f"made for trials ({TEST_UNIT}): it signs no release")


def _order(chain: Sequence[x509.Certificate]) -> CertificateCheck:
    """Is the leaf first, and each certificate issued by the one after it?"""
    name = "chain"
    if len(chain) > 1 and _is_ca(chain[0]) and any(not _is_ca(c) for c in chain):
        return _fault(name, "wrong order: the first certificate is an authority's, not the leaf")
    for number, (lower, upper) in enumerate(pairwise(chain), 1):
        if lower.issuer != upper.subject:
            elsewhere = any(c.subject == lower.issuer for c in chain)
            return _fault(
                name,
                f"{'wrong order' if elsewhere else 'gap'}: certificate {number} was issued by "
                f"{lower.issuer.rfc4514_string()!r:.200}, but the next is "
                f"{upper.subject.rfc4514_string()!r:.200}",
            )
        if not _is_ca(upper):
            return _fault(name, f"certificate {number + 1} may not issue certificates (no CA)")
        try:
            lower.verify_directly_issued_by(upper)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            return _fault(
                name, f"certificate {number} is not signed with the key of certificate {number + 1}"
            )
    leaf = chain[0]
    if len(chain) == 1 and leaf.subject != leaf.issuer:
        return _warning(
            name,
            "the leaf stands alone: if its issuer is an intermediate authority, that has to follow",
        )
    return _ok(name, f"{len(chain)} certificates, the leaf first, each issued by the next")


def _is_ca(certificate: x509.Certificate) -> bool:
    return any(isinstance(e.value, x509.BasicConstraints) and e.value.ca
               for e in certificate.extensions)  # fmt: skip


def _root(chain: Sequence[x509.Certificate]) -> CertificateCheck:
    name = "root"
    if len(chain) == 1 and chain[0].subject == chain[0].issuer:
        return _warning(name, "the leaf is self-signed: nobody vouches for it")
    if any(c.subject == c.issuer for c in chain):
        return _warning(name, "the chain includes its root, which is left out when signing")
    return _ok(name, "left out, as it should be")


_SUBJECTS = (
    ("version", "version"),
    ("certificate is not a CA", "no authority"),
    ("key usage", "key usage"),
    ("extended key usage", "extended key usage"),
    ("key is", "key type"),
    ("no critical extension", "critical extensions"),
    ("authority key identifier", "authority key identifier"),
)


def _profile(leaf: x509.Certificate) -> Iterator[CertificateCheck]:
    """The clauses of the certificate profile, one result for those of one subject."""
    by_name: dict[str, list[ClauseResult]] = {}
    for result in check_leaf_profile(leaf, purpose=Purpose.CLAIM_SIGNING):
        name = next((n for start, n in _SUBJECTS if result.clause.startswith(start)), "profile")
        by_name.setdefault(name, []).append(result)
    for name, results in by_name.items():
        broken = [r for r in results if not r.kept]
        if broken:
            says = "; ".join(f"expected: {r.clause}; got: {r.got:.200}" for r in broken)
            yield _fault(name, says)
        else:
            yield _ok(name, "; ".join(r.clause for r in results))


def _algorithms(chain: Sequence[x509.Certificate]) -> CertificateCheck:
    """Is every certificate signed with an algorithm that the specification lists?"""
    name = "algorithm"
    for number, certificate in enumerate(chain, 1):
        oid = certificate.signature_algorithm_oid
        if oid not in _SIGNATURES:
            return _fault(
                name,
                f"certificate {number} is signed with {oid.dotted_string}, which is not allowed: "
                "expected ECDSA or RSA with SHA-2, or Ed25519",
            )
    return _ok(name, "signed with algorithms that are allowed")


def _validity(chain: Sequence[x509.Certificate], at: datetime) -> CertificateCheck:
    """Is every certificate valid now, and for long enough?"""
    name = "validity"
    for number, certificate in enumerate(chain, 1):
        if at < certificate.not_valid_before_utc:
            return _fault(
                name,
                f"certificate {number} is not yet valid, only from "
                f"{_day(certificate.not_valid_before_utc)} on",
            )
        if at > certificate.not_valid_after_utc:
            return _fault(
                name, f"certificate {number} expired on {_day(certificate.not_valid_after_utc)}"
            )
    number, first = min(enumerate(chain, 1), key=lambda pair: pair[1].not_valid_after_utc)
    left = first.not_valid_after_utc - at
    for days in EXPIRY_WARNING_DAYS:
        if left <= timedelta(days=days):
            return _warning(
                name,
                f"certificate {number} expires in {left.days} days, on "
                f"{_day(first.not_valid_after_utc)} (warning at {days} days)",
            )
    return _ok(name, f"valid until {_day(first.not_valid_after_utc)}, {left.days} days")


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _key(leaf: x509.Certificate, public_key: object) -> CertificateCheck:
    if leaf.public_key() != public_key:
        return _fault("key", "the first certificate is for another key than the one given")
    return _ok("key", "the first certificate is for this key")
