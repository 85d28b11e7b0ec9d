"""Requests for certificates that may sign claims (PKCS #10), for any key that can sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asn1crypto import csr, keys, pem
from asn1crypto import x509 as asn1_x509
from asn1crypto.algos import SignedDigestAlgorithm
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from provenance.credentials.engine_signing import ClaimSigner
from provenance.errors import ConfigurationError, SigningKeyError
from provenance.trust.profile import CLAIM_SIGNING

__all__ = ["PublicKey", "RequestedSubject", "certificate_request"]

_HASHES = {"256": "sha256", "384": "sha384", "512": "sha512"}

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedSubject:
    """Who the certificate is to name.

    Attributes:
        common_name: What is shown as the signer.
        organization: The agency, as the register of companies writes it.
        country: Two letters (ISO 3166-1).
        unit: A department, if one is to be named.
    """

    common_name: str
    organization: str
    country: str
    unit: str | None = None


def certificate_request(
    signer: ClaimSigner,
    public_key: PublicKey,
    *,
    subject: RequestedSubject,
    document_signing: bool = False,
) -> bytes:
    """Which request, in PEM, asks an authority for a certificate that may sign claims?

    It asks for the key usage digitalSignature, critical, and for the extended key usages
    of C2PA claim signing and of e-mail protection. An authority may issue something else:
    `provenance cert check` looks at what came back.

    Spec: RFC 2986; C2PA 2.5, "X.509 Certificates", certificate profile.

    Args:
        signer: Signs the request, which shows that the asker has the key.
        public_key: The signer's.
        subject: Who it is to name.
        document_signing: Ask for document signing (RFC 9336) beside claim signing, where
            the authority gives no e-mail protection.

    Raises:
        ConfigurationError: The subject cannot stand in a certificate.
        SigningKeyError: The signature is not of this key.
    """
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": asn1_x509.Name.load(_name(subject).public_bytes()),
            "subject_pk_info": keys.PublicKeyInfo.load(
                public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            ),
            "attributes": [
                {"type": "extension_request", "values": [_extensions(document_signing)]}
            ],
        }
    )
    signature = signer.sign(info.dump())
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        signature = encode_dss_signature(
            int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        )
    request = csr.CertificationRequest(
        {
            "certification_request_info": info,
            "signature_algorithm": _signature_algorithm(signer.algorithm),
            "signature": signature,
        }
    )
    armoured: bytes = pem.armor("CERTIFICATE REQUEST", request.dump())
    _check(armoured)
    return armoured


def _check(armoured: bytes) -> None:
    """Another library reads what was made here, as the authority will."""
    try:
        valid = x509.load_pem_x509_csr(armoured).is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(f"certificate request: cannot be read back: {error}") from error
    if not valid:
        raise SigningKeyError("certificate request: its signature is not of this public key")


def _name(subject: RequestedSubject) -> x509.Name:
    parts = (
        (NameOID.COUNTRY_NAME, subject.country),
        (NameOID.ORGANIZATION_NAME, subject.organization),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, subject.unit),
        (NameOID.COMMON_NAME, subject.common_name),
    )
    country = subject.country
    if not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
        raise ConfigurationError(f"country: expected two capital letters, got {country!r:.20}")
    found = []
    for oid, text in parts:
        if text is None:
            continue
        # RFC 5280 appendix A.1: ub-common-name and its like are 64 characters.
        if not 0 < len(text) <= 64 or not text.isprintable() or text != text.strip():
            raise ConfigurationError(
                "subject of the certificate: expected 1 to 64 printable characters, "
                f"got {text!r:.80}"
            )
        found.append(x509.NameAttribute(oid, text))
    return x509.Name(found)


def _extensions(document_signing: bool) -> list[dict[str, Any]]:  # noqa: FBT001
    second = "1.3.6.1.5.5.7.3.36" if document_signing else "email_protection"
    return [
        {"extn_id": "key_usage", "critical": True, "extn_value": {"digital_signature"}},
        {
            "extn_id": "extended_key_usage",
            "critical": False,
            "extn_value": [CLAIM_SIGNING.dotted_string, second],
        },
    ]


def _signature_algorithm(name: str) -> SignedDigestAlgorithm:
    if name == "EdDSA":
        return SignedDigestAlgorithm({"algorithm": "ed25519"})
    digest = _HASHES[name[2:]]
    if name.startswith("ES"):
        return SignedDigestAlgorithm({"algorithm": f"{digest}_ecdsa"})
    return SignedDigestAlgorithm(
        {
            "algorithm": "rsassa_pss",
            "parameters": {
                "hash_algorithm": {"algorithm": digest},
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": digest}},
                "salt_length": int(name[2:]) // 8,
            },
        }
    )
