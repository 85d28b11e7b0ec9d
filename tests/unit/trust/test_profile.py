from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448
from cryptography.x509.oid import ObjectIdentifier

from provenance.trust.profile import Purpose, check_leaf_profile, profile_faults
from tests.factory import pki
from tests.factory.pki import Holder, KeyKind

_, ISSUING, _ = pki.three_tier()
ANY_USAGE = "2.5.29.37.0"
SERVER = "1.3.6.1.5.5.7.3.1"


def _signer(**fields: object) -> x509.Certificate:
    options = {"eku": [pki.CLAIM_SIGNING], **fields}
    return pki.issue("Profile TEST leaf", ISSUING, **options).certificate  # type: ignore[arg-type]


def _clock(**fields: object) -> x509.Certificate:
    return _signer(**{"eku": [pki.TIME_STAMPING], "eku_critical": True, **fields})


def _faults(leaf: x509.Certificate, purpose: Purpose = Purpose.CLAIM_SIGNING) -> list[str]:
    return [fault.clause for fault in profile_faults(leaf, purpose=purpose)]


def test_every_clause_is_answered_in_order() -> None:
    clauses = check_leaf_profile(_signer(), purpose=Purpose.CLAIM_SIGNING)
    assert [c.clause for c in clauses] == [
        "version is 3",
        "certificate is not a CA",
        "key usage is present",
        "key usage has digitalSignature",
        "key usage lacks keyCertSign",
        "extended key usage is not anyExtendedKeyUsage",
        "extended key usage allows claims",
        "extended key usage is neither timeStamping nor OCSPSigning",
        "key is RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519",
        "no critical extension is unknown",
        "authority key identifier is present",
    ]
    assert all(clause.kept for clause in clauses)


ALLOWS = "extended key usage allows claims"
EXCLUDES = "extended key usage is neither timeStamping nor OCSPSigning"
IS_ANY = "extended key usage is not anyExtendedKeyUsage"


@pytest.mark.parametrize(
    ("eku", "faults"),
    [
        ([pki.CLAIM_SIGNING], []),
        ([pki.EMAIL_PROTECTION], []),
        ([pki.DOCUMENT_SIGNING], []),
        ([SERVER, pki.EMAIL_PROTECTION], []),
        ([SERVER], [ALLOWS]),
        ([ANY_USAGE], [IS_ANY, ALLOWS]),
        ([ANY_USAGE, pki.CLAIM_SIGNING], [IS_ANY]),
        ([pki.TIME_STAMPING], [ALLOWS, EXCLUDES]),
        ([pki.OCSP_SIGNING], [ALLOWS, EXCLUDES]),
        ([pki.TIME_STAMPING, pki.CLAIM_SIGNING], [EXCLUDES]),
        ([pki.OCSP_SIGNING, pki.EMAIL_PROTECTION], [EXCLUDES]),
        (None, ["extended key usage is present"]),
    ],
)
def test_which_purposes_allow_claim_signing(eku: list[str] | None, faults: list[str]) -> None:
    assert _faults(_signer(eku=eku)) == faults


@pytest.mark.parametrize(
    ("eku", "critical", "faults"),
    [
        ([pki.TIME_STAMPING], True, []),
        ([pki.TIME_STAMPING], False, ["extended key usage is critical"]),
        (
            [pki.TIME_STAMPING, pki.EMAIL_PROTECTION],
            True,
            ["extended key usage is timeStamping alone"],
        ),
        ([pki.CLAIM_SIGNING], True, ["extended key usage is timeStamping alone"]),
        ([ANY_USAGE], True, [IS_ANY, "extended key usage is timeStamping alone"]),
        (None, True, ["extended key usage is present"]),
    ],
)
def test_which_purposes_allow_time_stamping(
    eku: list[str] | None, faults: list[str], *, critical: bool
) -> None:
    leaf = _clock(eku=eku, eku_critical=critical)
    assert _faults(leaf, Purpose.TIME_STAMPING) == faults


def test_a_signer_is_no_clock_and_a_clock_no_signer() -> None:
    assert _faults(_signer()) == _faults(_clock(), Purpose.TIME_STAMPING) == []
    assert _faults(_signer(), Purpose.TIME_STAMPING)
    assert _faults(_clock())


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, None),
        ({"ca": True}, "certificate is not a CA"),
        ({"basic_constraints": False}, None),
        ({"key_usage": None}, "key usage is present"),
        ({"key_usage": ("content_commitment",)}, "key usage has digitalSignature"),
        ({"key_usage": ("digital_signature", "content_commitment")}, None),
        ({"key_usage": ("digital_signature", "key_cert_sign")}, "key usage lacks keyCertSign"),
        ({"key_usage_critical": False}, None),
    ],
)
def test_what_a_leaf_may_do(fields: dict[str, object], fault: str | None, purpose: Purpose) -> None:
    leaf = (_signer if purpose is Purpose.CLAIM_SIGNING else _clock)(**fields)
    assert _faults(leaf, purpose) == ([fault] if fault else [])


def test_a_signer_names_the_key_of_its_issuer_unless_it_is_its_own() -> None:
    fault = "authority key identifier is present"
    assert _faults(_signer(authority_key_id=True)) == []
    assert _faults(_signer(authority_key_id=False)) == [fault]
    alone = pki.issue("Alone TEST", eku=[pki.CLAIM_SIGNING], authority_key_id=False)
    assert _faults(alone.certificate) == []
    assert _faults(_clock(authority_key_id=False), Purpose.TIME_STAMPING) == []


@pytest.mark.parametrize(
    ("extension", "known"),
    [
        (x509.SubjectAlternativeName([x509.DNSName("aurora.example")]), True),
        (x509.UnrecognizedExtension(ObjectIdentifier("2.999.1"), b"\5\0"), False),
        (x509.NameConstraints([x509.DNSName("aurora.example")], None), False),
        (x509.InhibitAnyPolicy(0), False),
    ],
)
def test_a_condition_that_nobody_checks_may_not_be_critical(
    extension: x509.ExtensionType, *, known: bool
) -> None:
    assert _faults(_signer(extensions=[(extension, False)])) == []
    faults = [] if known else ["no critical extension is unknown"]
    assert _faults(_signer(extensions=[(extension, True)])) == faults


@pytest.mark.parametrize("kind", KeyKind)
def test_which_keys_are_strong_enough(kind: KeyKind) -> None:
    faults = _faults(_signer(kind=kind))
    assert bool(faults) is (kind is KeyKind.RSA1024)


def _with_key(
    key: ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey | dsa.DSAPrivateKey,
) -> x509.Certificate:
    """Kinds of keys that the factory does not make, because nothing may be signed with them."""
    holder: Holder = ISSUING
    builder = (
        x509.CertificateBuilder()
        .subject_name(pki.name("Odd TEST key"))
        .issuer_name(holder.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(pki.NOT_BEFORE)
        .not_valid_after(pki.NOT_BEFORE + timedelta(days=1))
    )
    for extension in _signer().extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(holder.key, hashes.SHA256())


@pytest.mark.parametrize(
    ("key", "got"),
    [
        (ec.generate_private_key(ec.SECP256R1()), None),
        (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        (ec.generate_private_key(ec.BrainpoolP256R1()), "brainpoolP256r1"),
        (ed448.Ed448PrivateKey.generate(), "Ed448PublicKey"),
    ],
)
def test_other_curves_are_not_for_claims(
    key: ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey, got: str | None
) -> None:
    faults = profile_faults(_with_key(key), purpose=Purpose.CLAIM_SIGNING)
    assert [fault.got for fault in faults] == ([got] if got else [])


def test_a_fault_says_what_was_got() -> None:
    (fault,) = profile_faults(_signer(kind=KeyKind.RSA1024), purpose=Purpose.CLAIM_SIGNING)
    assert (fault.kept, fault.got) == (False, "RSA 1024")
    (fault,) = profile_faults(_signer(eku=[SERVER]), purpose=Purpose.CLAIM_SIGNING)
    assert fault.got == SERVER
