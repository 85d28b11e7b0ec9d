"""Certificate requests ask for the profile of claim signing, for every kind of key."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from provenance.errors import ConfigurationError, SigningKeyError
from provenance.signing.certificate_request import RequestedSubject, certificate_request
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.private_keys import KEY_ALGORITHMS
from tests.factory import pki

KINDS = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
SUBJECT = RequestedSubject(
    common_name="오로라 엔터테인먼트",
    organization="Aurora Entertainment",
    country="KR",
    unit="NOVA9",
)


def bare_signer(algorithm: str = "ES256") -> MemorySigner:
    key = pki.make_key("asks", pki.KeyKind(KINDS.get(algorithm, "RSA-2048")))
    return MemorySigner(algorithm=algorithm, certificate_chain_pem=b"", key=key)


@pytest.mark.parametrize("algorithm", KEY_ALGORITHMS)
def test_another_library_reads_the_request(algorithm: str) -> None:
    signer = bare_signer(algorithm)
    made = x509.load_pem_x509_csr(
        certificate_request(signer, signer.key.public_key(), subject=SUBJECT)
    )
    assert made.is_signature_valid
    assert made.public_key() == signer.key.public_key()
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    extended = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert [oid.dotted_string for oid in extended.value] == [
        pki.CLAIM_SIGNING,
        pki.EMAIL_PROTECTION,
    ]
    assert [(a.oid, a.value) for a in made.subject] == [
        (NameOID.COUNTRY_NAME, "KR"),
        (NameOID.ORGANIZATION_NAME, "Aurora Entertainment"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "NOVA9"),
        (NameOID.COMMON_NAME, "오로라 엔터테인먼트"),
    ]


def test_document_signing_can_stand_for_email() -> None:
    signer = bare_signer()
    made = x509.load_pem_x509_csr(
        certificate_request(signer, signer.key.public_key(), subject=SUBJECT, document_signing=True)
    )
    extended = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [oid.dotted_string for oid in extended] == [pki.CLAIM_SIGNING, pki.DOCUMENT_SIGNING]


def test_the_public_key_of_somebody_else_is_refused() -> None:
    with pytest.raises(SigningKeyError, match="is not of this public key"):
        certificate_request(bare_signer(), pki.make_key("another").public_key(), subject=SUBJECT)


@pytest.mark.parametrize(
    ("country", "name"), [("kr", "NOVA9"), ("KOR", "NOVA9"), ("KR", ""), ("KR", "a\nb")]
)
def test_a_subject_that_no_certificate_can_have_is_refused(country: str, name: str) -> None:
    signer = bare_signer()
    subject = RequestedSubject(common_name=name, organization="Aurora", country=country)
    with pytest.raises(ConfigurationError, match="expected"):
        certificate_request(signer, signer.key.public_key(), subject=subject)
