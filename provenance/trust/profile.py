"""The certificate profile: may this leaf sign for this purpose at all?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

__all__ = ["ClauseResult", "Purpose", "check_leaf_profile", "profile_faults"]

CLAIM_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_CLAIM_PURPOSES = {CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING}
_EXCLUSIVE = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.OCSP_SIGNING}
_CURVES = {"secp256r1", "secp384r1", "secp521r1"}
_MIN_RSA_BITS = 2048

# Extensions a leaf may mark critical. Another critical one is a condition that
# nobody here checks, so the certificate may not be used (RFC 5280 §4.2).
_UNDERSTOOD_CRITICAL = {
    x509.BasicConstraints.oid,
    x509.KeyUsage.oid,
    x509.ExtendedKeyUsage.oid,
    x509.AuthorityKeyIdentifier.oid,
    x509.SubjectKeyIdentifier.oid,
    x509.CertificatePolicies.oid,
    x509.SubjectAlternativeName.oid,
    x509.CRLDistributionPoints.oid,
    x509.AuthorityInformationAccess.oid,
}


class Purpose(StrEnum):
    """What a signature is for; the two exclude each other."""

    CLAIM_SIGNING = "claim signing"
    TIME_STAMPING = "time stamping"


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """One clause of the profile, and whether the certificate keeps it."""

    clause: str
    kept: bool
    got: str


def _key_usage(leaf: x509.Certificate) -> tuple[ClauseResult, ...]:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return (ClauseResult("key usage is present", False, "none"),)  # noqa: FBT003
    return (
        ClauseResult("key usage is present", True, "present"),  # noqa: FBT003
        ClauseResult(
            "key usage has digitalSignature", usage.digital_signature, str(usage.digital_signature)
        ),
        ClauseResult(
            "key usage lacks keyCertSign", not usage.key_cert_sign, str(usage.key_cert_sign)
        ),
    )


def _extended_key_usage(leaf: x509.Certificate, purpose: Purpose) -> tuple[ClauseResult, ...]:
    try:
        extension = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return (ClauseResult("extended key usage is present", False, "none"),)  # noqa: FBT003
    oids = set(extension.value)
    got = ", ".join(sorted(oid.dotted_string for oid in oids)) or "empty"
    any_usage = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in oids
    clauses = [
        ClauseResult("extended key usage is not anyExtendedKeyUsage", not any_usage, got),
    ]
    if purpose is Purpose.CLAIM_SIGNING:
        clauses.append(
            ClauseResult("extended key usage allows claims", bool(oids & _CLAIM_PURPOSES), got)
        )
        clauses.append(
            ClauseResult(
                "extended key usage is neither timeStamping nor OCSPSigning",
                not oids & _EXCLUSIVE,
                got,
            )
        )
    else:
        # RFC 3161 §2.3: exactly this usage, and critical.
        clauses.append(
            ClauseResult(
                "extended key usage is timeStamping alone",
                oids == {ExtendedKeyUsageOID.TIME_STAMPING},
                got,
            )
        )
        clauses.append(
            ClauseResult(
                "extended key usage is critical", extension.critical, str(extension.critical)
            )
        )
    return tuple(clauses)


def _key(leaf: x509.Certificate) -> ClauseResult:
    clause = "key is RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519"
    key = leaf.public_key()
    match key:
        case rsa.RSAPublicKey():
            return ClauseResult(clause, key.key_size >= _MIN_RSA_BITS, f"RSA {key.key_size}")
        case ec.EllipticCurvePublicKey():
            return ClauseResult(clause, key.curve.name in _CURVES, key.curve.name)
        case ed25519.Ed25519PublicKey():
            return ClauseResult(clause, True, "Ed25519")  # noqa: FBT003
        case _:
            return ClauseResult(clause, False, type(key).__name__)  # noqa: FBT003


def check_leaf_profile(leaf: x509.Certificate, *, purpose: Purpose) -> tuple[ClauseResult, ...]:
    """May a certificate sign for this purpose at all?

    Looks at the leaf alone: version, key usage, extended key usage, key type
    and size. It does not say who the signer is, nor that any anchor vouches
    for the certificate.

    Spec: C2PA 2.5, "X.509 Certificates", certificate profile; RFC 3161 §2.3.

    Args:
        leaf: End-entity certificate.
        purpose: What the signature is for.

    Returns:
        One result per clause, in the clause order of the specification. Never empty.
    """
    extensions = leaf.extensions
    ca = any(isinstance(e.value, x509.BasicConstraints) and e.value.ca for e in extensions)
    unknown = [
        e.oid.dotted_string for e in extensions if e.critical and e.oid not in _UNDERSTOOD_CRITICAL
    ]
    authority = any(isinstance(e.value, x509.AuthorityKeyIdentifier) for e in extensions)
    self_signed = leaf.subject == leaf.issuer
    clauses = [
        ClauseResult("version is 3", leaf.version is x509.Version.v3, leaf.version.name),
        ClauseResult("certificate is not a CA", not ca, f"cA {ca}"),
        *_key_usage(leaf),
        *_extended_key_usage(leaf, purpose),
        _key(leaf),
        ClauseResult("no critical extension is unknown", not unknown, ", ".join(unknown) or "none"),
    ]
    if purpose is Purpose.CLAIM_SIGNING:
        clauses.append(
            ClauseResult(
                "authority key identifier is present",
                authority or self_signed,
                "present" if authority else "none",
            )
        )
    return tuple(clauses)


def profile_faults(leaf: x509.Certificate, *, purpose: Purpose) -> tuple[ClauseResult, ...]:
    """Which clauses of the profile does the certificate break?"""
    return tuple(c for c in check_leaf_profile(leaf, purpose=purpose) if not c.kept)
