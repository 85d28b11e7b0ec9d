"""A throw-away agency to try things with: its authorities, its key, its directory.

Nothing made here may vouch for a release. Every certificate says TEST in its subject
and every document carries `"test": true`, which a real directory refuses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from provenance.errors import SigningError
from provenance.signing.memory_signer import ClaimKey, MemorySigner
from provenance.trust.certificates import TEST_UNIT

__all__ = ["TEST_UNIT", "DevAgency", "create_dev_agency"]


# C2PA 2.5, "X.509 certificates": the claim-signing purpose. It stands beside
# emailProtection because verifiers before 2.2 know only that one.
_CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")

_CURVES: dict[str, ec.EllipticCurve] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}
_ALGORITHMS = (*_CURVES, "PS256", "EdDSA")


@dataclass(frozen=True, slots=True, kw_only=True)
class DevAgency:
    """A made-up agency with one signing key.

    Attributes:
        agency_id: Its id in the directory.
        name: Its English name.
        name_ko: Its Korean name.
        organization: The organisation (O) in every certificate's subject.
        artists: Names of the artists it signs for.
        created_at: The moment its certificates begin.
        root: The self-signed root certificate.
        issuing: The certificate of the issuing authority.
        leaf: The claim-signing certificate.
        key: The leaf's private key; never in `repr`.
        algorithm: COSE name of the algorithm the key signs with.
    """

    agency_id: str
    name: str
    name_ko: str
    organization: str
    artists: tuple[str, ...]
    created_at: datetime
    root: x509.Certificate
    issuing: x509.Certificate
    leaf: x509.Certificate
    key: ClaimKey = field(repr=False)
    algorithm: str

    @property
    def root_pem(self) -> bytes:
        """The root certificate in PEM."""
        return _pem(self.root)

    @property
    def issuing_pem(self) -> bytes:
        """The issuing authority's certificate in PEM."""
        return _pem(self.issuing)

    @property
    def leaf_pem(self) -> bytes:
        """The claim-signing certificate in PEM."""
        return _pem(self.leaf)

    @property
    def chain_pem(self) -> bytes:
        """Leaf and issuing certificate in PEM, as they go into a signature."""
        return self.leaf_pem + self.issuing_pem

    @property
    def leaf_spki_sha256(self) -> str:
        """SHA-256 of the leaf's SubjectPublicKeyInfo, in hexadecimal."""
        return _spki_sha256(self.leaf)

    def signer(self) -> MemorySigner:
        """Which claim signer signs as this agency?"""
        return MemorySigner.for_chain(self.key, (self.leaf, self.issuing), algorithm=self.algorithm)

    def directory_entry(
        self, *, list_anchor: bool = True, list_key: bool = False
    ) -> dict[str, Any]:
        """Which directory, marked as a test, lists this agency and nobody else?

        Args:
            list_anchor: List the root, with the organisation that a subject below
                it must carry.
            list_key: List the leaf's key by itself.
        """
        return {
            "schema_version": "1",
            "name": f"{TEST_UNIT}: {self.name}",
            "version": 1,
            "issued_at": _zulu(self.created_at),
            "expires_at": None,
            "test": True,
            "agencies": [
                {
                    "id": self.agency_id,
                    "names": [
                        {"language": "en", "name": self.name},
                        {"language": "ko", "name": self.name_ko},
                    ],
                    "test": True,
                    "keys": [self._key_entry()] if list_key else [],
                    "anchors": [self._anchor_entry()] if list_anchor else [],
                    "revoked": [],
                    "scope": {
                        "artists": list(self.artists),
                        "media_kinds": ["image", "video", "audio", "document"],
                    },
                    "products": [],
                    "channels": [{"kind": "website", "url": f"https://{self._host}"}],
                    "contact": {"email": f"provenance@{self._host}"},
                }
            ],
        }

    @property
    def _host(self) -> str:
        return f"{self.agency_id.partition('-')[0]}.example"

    def _key_entry(self) -> dict[str, Any]:
        return {
            "id": f"{self.agency_id}-test-key",
            "spki_sha256": self.leaf_spki_sha256,
            "not_before": _zulu(self.leaf.not_valid_before_utc),
            "not_after": _zulu(self.leaf.not_valid_after_utc),
            "compromised_since": None,
            "scope": None,
        }

    def _anchor_entry(self) -> dict[str, Any]:
        return {
            "id": f"{self.agency_id}-test-root",
            "certificate_pem": self.root_pem.decode("ascii"),
            "subject": {"organization": self.organization},
            "not_before": _zulu(self.root.not_valid_before_utc),
            "not_after": _zulu(self.root.not_valid_after_utc),
            "compromised_since": None,
            "scope": None,
        }


def create_dev_agency(  # noqa: PLR0913 - keyword-only facts about one agency
    *,
    name: str,
    name_ko: str,
    organization: str,
    artists: Sequence[str],
    at: datetime,
    validity_days: int = 90,
    authority_validity_days: int | None = None,
    algorithm: str = "ES256",
    agency_id: str | None = None,
    country: str = "KR",
) -> DevAgency:
    """Which throw-away agency, with fresh keys, begins at this moment?

    The leaf follows the specification's certificate profile: version 3, not an
    authority, digitalSignature only and critical, the claim-signing purpose, both key
    identifiers.

    Spec: C2PA 2.5, "X.509 certificates" (certificate profile).

    Args:
        name: English name.
        name_ko: Korean name.
        organization: The O of every subject.
        artists: The artists it may sign for.
        at: When the certificates begin; aware. Nothing here reads the clock.
        validity_days: How long the leaf lasts.
        authority_validity_days: How long the two authorities last; by default twice
            as long as the leaf.
        algorithm: COSE name of the algorithm of the leaf's key.
        agency_id: Id in the directory; by default made from `name`.
        country: The C of every subject.

    Raises:
        SigningError: The algorithm is unknown, `at` is naive, or no id can be made
            from the name.
    """
    if at.tzinfo is None:
        raise SigningError("start of the agency: expected an aware date and time, got a naive one")
    identifier = agency_id or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not identifier:
        raise SigningError(f"agency id: expected Latin letters in the name, got {name!r}")
    begin = at.astimezone(UTC).replace(microsecond=0)
    leaf_end = begin + timedelta(days=validity_days)
    end = begin + timedelta(days=authority_validity_days or 2 * validity_days)

    def subject(role: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, country),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, TEST_UNIT),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{name} TEST {role}"),
            ]
        )

    root_key = ec.generate_private_key(ec.SECP384R1())
    issuing_key = ec.generate_private_key(ec.SECP384R1())
    leaf_key = _generate_key(algorithm)
    authority_usage = _key_usage("key_cert_sign", "crl_sign")
    root = _certificate(
        subject("root"), root_key, None, root_key, (begin, end),
        (x509.BasicConstraints(ca=True, path_length=1), True), (authority_usage, True),
    )  # fmt: skip
    issuing = _certificate(
        subject("issuing CA"), issuing_key, root, root_key, (begin, end),
        (x509.BasicConstraints(ca=True, path_length=0), True), (authority_usage, True),
    )  # fmt: skip
    leaf = _certificate(
        subject("claim signing"), leaf_key, issuing, issuing_key, (begin, leaf_end),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([_CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
    )  # fmt: skip
    return DevAgency(
        agency_id=identifier,
        name=name,
        name_ko=name_ko,
        organization=organization,
        artists=tuple(artists),
        created_at=begin,
        root=root,
        issuing=issuing,
        leaf=leaf,
        key=leaf_key,
        algorithm=algorithm,
    )


def _generate_key(algorithm: str) -> ClaimKey:
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm])
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "PS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)
    raise SigningError(
        f"signing algorithm: expected one of {', '.join(_ALGORITHMS)}, got {algorithm!r}"
    )


def _certificate(
    subject: x509.Name,
    key: ClaimKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    window: tuple[datetime, datetime],
    *extensions: tuple[x509.ExtensionType, bool],
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(window[0])
        .not_valid_after(window[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA384())


def _key_usage(*bits: str) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in bits,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign="key_cert_sign" in bits,
        crl_sign="crl_sign" in bits,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _spki_sha256(certificate: x509.Certificate) -> str:
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return sha256(spki).hexdigest()


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
