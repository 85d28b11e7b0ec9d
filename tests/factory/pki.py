"""Certificates of every shape, good and bad, for signers, authorities and responders.

Keys on elliptic curves are derived from a label, so two runs (and two workers of one
run) sign with the same key. RSA keys cannot be derived; they are made once a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from hashlib import sha256, sha512

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from provenance.signing.memory_signer import ClaimKey, MemorySigner
from provenance.trust.certificates import TEST_UNIT

__all__ = [
    "CLAIM_SIGNING",
    "DOCUMENT_SIGNING",
    "EMAIL_PROTECTION",
    "NOT_AFTER",
    "NOT_BEFORE",
    "OCSP_SIGNING",
    "TIME_STAMPING",
    "Holder",
    "KeyKind",
    "chain_pem",
    "issue",
    "make_key",
    "name",
    "pem",
    "root",
    "signer_of",
    "spki_sha256",
    "three_tier",
]

CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
EMAIL_PROTECTION = ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string
DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36"
TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING.dotted_string
OCSP_SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string

# The engine reads the machine's clock, so sample certificates are valid for long.
NOT_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2044, 12, 31, tzinfo=UTC)


class KeyKind(StrEnum):
    P256 = "P-256"
    P384 = "P-384"
    P521 = "P-521"
    ED25519 = "Ed25519"
    RSA1024 = "RSA-1024"
    RSA2048 = "RSA-2048"
    RSA3072 = "RSA-3072"


_CURVES: dict[KeyKind, ec.EllipticCurve] = {
    KeyKind.P256: ec.SECP256R1(),
    KeyKind.P384: ec.SECP384R1(),
    KeyKind.P521: ec.SECP521R1(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody with a certificate and its key.

    `chain` is the holder's own certificate and those above it, the root left out;
    for a root it is the root alone.
    """

    certificate: x509.Certificate
    key: ClaimKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def pem(self) -> bytes:
        return pem(self.certificate)

    @property
    def chain_pem(self) -> bytes:
        return chain_pem(self.chain)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


@cache
def make_key(label: str, kind: KeyKind = KeyKind.P256) -> ClaimKey:
    """The key that goes by this label; the same in every run, but for RSA."""
    if kind in _CURVES:
        secret = int.from_bytes(sha512(f"{kind}:{label}".encode()).digest(), "big")
        return ec.derive_private_key(1 + secret % 2**250, _CURVES[kind])
    if kind is KeyKind.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(sha256(label.encode()).digest())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.value[4:]))


def name(
    common_name: str | None = None,
    *,
    organization: str | None = "Aurora Entertainment",
    unit: str | None = TEST_UNIT,
    country: str | None = "KR",
) -> x509.Name:
    """A distinguished name with the parts that are not `None`."""
    parts = (
        (NameOID.COUNTRY_NAME, country),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text is not None])


def issue(  # noqa: C901 - one switch for each thing a certificate can get wrong
    subject: x509.Name | str,
    issuer: Holder | None = None,
    *,
    kind: KeyKind = KeyKind.P256,
    key: ClaimKey | None = None,
    not_before: datetime = NOT_BEFORE,
    not_after: datetime = NOT_AFTER,
    ca: bool = False,
    path_length: int | None = None,
    basic_constraints: bool = True,
    eku: Sequence[str] | None = None,
    eku_critical: bool = False,
    key_usage: Sequence[str] | None = ("digital_signature",),
    key_usage_critical: bool = True,
    authority_key_id: bool = True,
    subject_key_id: bool = True,
    name_constraints: x509.NameConstraints | None = None,
    policies: Sequence[str] = (),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    serial: int | None = None,
    hash_algorithm: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = None,
) -> Holder:
    """A certificate as told, right or wrong, with its key; self-signed without `issuer`.

    `key_usage` lists the bits by their `cryptography` names; `None` leaves the
    extension out. `eku` likewise.
    """
    if isinstance(subject, str):
        subject = name(subject)
    own_key = key or make_key(f"{subject.rfc4514_string()}", kind)
    signing_key = own_key if issuer is None else issuer.key
    issuer_name = subject if issuer is None else issuer.certificate.subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(own_key.public_key())
        .serial_number(serial or _serial(subject, issuer_name, not_before))
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if basic_constraints:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=ca, path_length=path_length), critical=True
        )
    if key_usage is not None:
        builder = builder.add_extension(_key_usage(key_usage), critical=key_usage_critical)
    if eku is not None:
        usages = x509.ExtendedKeyUsage([ObjectIdentifier(oid) for oid in eku])
        builder = builder.add_extension(usages, critical=eku_critical)
    if subject_key_id:
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), critical=False
        )
    if authority_key_id:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
            critical=False,
        )
    if name_constraints is not None:
        builder = builder.add_extension(name_constraints, critical=True)
    if policies:
        builder = builder.add_extension(
            x509.CertificatePolicies(
                [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in policies]
            ),
            critical=False,
        )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    if not isinstance(signing_key, ed25519.Ed25519PrivateKey):
        hash_algorithm = hash_algorithm or hashes.SHA256()
    certificate = builder.sign(signing_key, hash_algorithm)
    above = () if issuer is None else issuer.chain
    chain = (certificate, *(c for c in above if c.issuer != c.subject))
    return Holder(certificate=certificate, key=own_key, chain=chain)


def root(
    subject: x509.Name | str = "Aurora TEST root",
    *,
    kind: KeyKind = KeyKind.P256,
    not_before: datetime = NOT_BEFORE,
    not_after: datetime = NOT_AFTER,
) -> Holder:
    """A self-signed authority."""
    return issue(
        subject,
        kind=kind,
        ca=True,
        key_usage=("key_cert_sign", "crl_sign"),
        not_before=not_before,
        not_after=not_after,
    )


def three_tier(
    label: str = "Aurora",
    *,
    organization: str = "Aurora Entertainment",
    unit: str | None = TEST_UNIT,
    kind: KeyKind = KeyKind.P256,
    eku: Sequence[str] | None = (CLAIM_SIGNING, EMAIL_PROTECTION),
    eku_critical: bool = False,
    not_before: datetime = NOT_BEFORE,
    not_after: datetime = NOT_AFTER,
    ca_not_before: datetime = NOT_BEFORE,
    ca_not_after: datetime = NOT_AFTER + timedelta(days=1),
) -> tuple[Holder, Holder, Holder]:
    """A root, an issuing authority and a leaf that follow the profile.

    The authorities' windows are their own, so an expired leaf can hang under a valid root.
    """
    top = root(
        name(f"{label} TEST root", organization=organization, unit=unit),
        not_before=ca_not_before,
        not_after=ca_not_after,
    )
    issuing = issue(
        name(f"{label} TEST issuing CA", organization=organization, unit=unit),
        top,
        ca=True,
        path_length=0,
        key_usage=("key_cert_sign", "crl_sign"),
        not_before=ca_not_before,
        not_after=ca_not_after,
    )
    leaf = issue(
        name(f"{label} TEST leaf", organization=organization, unit=unit),
        issuing,
        kind=kind,
        eku=eku,
        eku_critical=eku_critical,
        not_before=not_before,
        not_after=not_after,
    )
    return top, issuing, leaf


def signer_of(
    holder: Holder,
    *,
    algorithm: str | None = None,
    chain: Sequence[x509.Certificate] | None = None,
) -> MemorySigner:
    """A claim signer with the holder's key; `chain` replaces the holder's own."""
    certificates = holder.chain if chain is None else chain
    return MemorySigner.for_chain(holder.key, certificates, algorithm=algorithm)


def pem(certificate: x509.Certificate) -> bytes:
    """One certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def chain_pem(certificates: Sequence[x509.Certificate]) -> bytes:
    """Certificates in PEM, in the order given."""
    return b"".join(pem(c) for c in certificates)


def spki_sha256(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate's SubjectPublicKeyInfo, in hexadecimal."""
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return sha256(spki).hexdigest()


def _key_usage(bits: Sequence[str]) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    unknown = set(bits) - set(names)
    if unknown:
        raise ValueError(f"key usage: unknown bits {sorted(unknown)}")
    return x509.KeyUsage(**{bit: bit in bits for bit in names})


def _serial(subject: x509.Name, issuer: x509.Name, not_before: datetime) -> int:
    text = f"{subject.rfc4514_string()}|{issuer.rfc4514_string()}|{not_before.isoformat()}"
    # RFC 5280 §4.1.2.2: positive, at most 20 bytes.
    return int.from_bytes(sha256(text.encode()).digest()[:19], "big") | 1
