"""Signers who are not who they say, or who may not sign claims at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.lists import ListPurpose
from provenance.verdict import SignerKind, Verdict
from tests.factory import judging, media, pki
from tests.factory.judging import GOOD, House, codes
from tests.factory.pki import Holder, KeyKind
from tests.factory.sign import sign
from tests.factory.stores import Store
from tests.factory.surgery import edit_store, sign_unchecked

Judge = Callable[..., Report]
JPEG = "image/jpeg"
ANY = "2.5.29.37.0"
SERVER = "1.3.6.1.5.5.7.3.1"
UNVOUCHED = GOOD - {FindingCode.SIGNER_IS_AGENCY}
# The certificate says the agency's name, and the key is not the agency's.
NAMED_ALIKE = UNVOUCHED | {FindingCode.IMPOSTOR_NAME}


def _signed_by(signer: MemorySigner) -> bytes:
    return sign_unchecked(media.jpeg(), JPEG, signer=signer)


@pytest.mark.parametrize(
    "eku",
    [
        (pki.CLAIM_SIGNING,),
        (pki.EMAIL_PROTECTION,),
        (pki.DOCUMENT_SIGNING,),
        (pki.EMAIL_PROTECTION, SERVER),
    ],
)
def test_twin_a_leaf_issued_for_claims_signs_for_the_agency(
    eku: tuple[str, ...], house: House, judge: Judge
) -> None:
    report = judge(_signed_by(house.signer("Purpose", eku=eku)))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD


@pytest.mark.parametrize(
    ("name", "eku"),
    [
        ("timeStamping", (pki.TIME_STAMPING,)),
        ("OCSPSigning", (pki.OCSP_SIGNING,)),
        ("anyExtendedKeyUsage", (ANY,)),
        ("serverAuth", (SERVER,)),
        ("none", None),
        ("claims and timeStamping", (pki.CLAIM_SIGNING, pki.TIME_STAMPING)),
        ("claims and OCSPSigning", (pki.EMAIL_PROTECTION, pki.OCSP_SIGNING)),
        ("claims and any", (pki.CLAIM_SIGNING, ANY)),
    ],
)
def test_a_leaf_of_the_agencys_own_authority_for_another_purpose_signs_nothing(
    name: str, eku: tuple[str, ...] | None, house: House, judge: Judge
) -> None:
    report = judge(_signed_by(house.signer(f"Purpose {name}", eku=eku)))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == UNVOUCHED | {FindingCode.CERTIFICATE_PROFILE}
    assert report.signer.kind is SignerKind.UNRECOGNISED
    assert report.signer.agency is None


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("short RSA key", {"kind": KeyKind.RSA1024}),
        ("authority", {"ca": True, "key_usage": ("digital_signature", "key_cert_sign")}),
        ("no signature usage", {"key_usage": ("key_agreement",)}),
        ("no key usage", {"key_usage": None}),
        ("no authority key id", {"authority_key_id": False}),
    ],
)
def test_a_leaf_of_the_agencys_own_authority_against_the_profile_signs_nothing(
    name: str, fields: dict[str, Any], house: House, judge: Judge
) -> None:
    report = judge(_signed_by(house.signer(name, **fields)))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == UNVOUCHED | {FindingCode.CERTIFICATE_PROFILE}


def test_a_critical_condition_that_nobody_here_checks(house: House, judge: Judge) -> None:
    condition = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.7"), b"\x05\0")
    strict = house.signer("Strict", extensions=[(condition, True)])
    lax = house.signer("Lax", extensions=[(condition, False)])
    assert codes(judge(_signed_by(lax))) == GOOD
    report = judge(_signed_by(strict))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == NAMED_ALIKE | {FindingCode.CERTIFICATE_PROFILE}


def test_another_organisation_under_the_agencys_anchor(house: House, judge: Judge) -> None:
    report = judge(_signed_by(house.signer("Press", organization="Aurora Entertainment Inc")))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == NAMED_ALIKE | {FindingCode.SIGNER_UNRECOGNISED}


def _impostor(agency: DevAgency) -> Holder:
    """Certificates with all the agency's names, from root to leaf, on the forger's keys."""
    top = pki.issue(
        agency.root.subject,
        key=pki.make_key("impostor root"),
        ca=True,
        key_usage=("key_cert_sign", "crl_sign"),
        serial=agency.root.serial_number,
    )
    issuing = pki.issue(
        agency.issuing.subject,
        top,
        key=pki.make_key("impostor issuing"),
        ca=True,
        path_length=0,
        key_usage=("key_cert_sign", "crl_sign"),
        serial=agency.issuing.serial_number,
    )
    return pki.issue(
        agency.leaf.subject,
        issuing,
        key=pki.make_key("impostor leaf"),
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
        serial=agency.leaf.serial_number,
    )


@pytest.mark.parametrize("chain", ["own", "agency's", "own and root", "leaf alone"])
def test_a_self_made_authority_with_the_agencys_exact_names(
    chain: str, agency: DevAgency, judge: Judge
) -> None:
    leaf = _impostor(agency)
    chains = {
        "own": leaf.chain,
        # The true authorities stand above a leaf they never signed.
        "agency's": (leaf.certificate, agency.issuing),
        "own and root": (*leaf.chain, agency.root),
        "leaf alone": (leaf.certificate,),
    }
    report = judge(_signed_by(pki.signer_of(leaf, chain=chains[chain])))

    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == NAMED_ALIKE | {FindingCode.SIGNER_UNRECOGNISED}
    assert report.signer.agency is None
    assert report.signer.disowned_by is None
    assert report.summary == "TEST. Signed by someone we cannot identify."
    # The names are repeated only as what the certificate says.
    assert report.signer.certificate is not None
    assert report.signer.certificate.says_organization == "Aurora Entertainment"


def test_twin_the_agencys_own_names_on_its_own_key(signed_jpeg: bytes, judge: Judge) -> None:
    report = judge(signed_jpeg)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD
    assert report.summary == "TEST. Official release of Aurora Entertainment."


def test_a_leaf_that_issues_a_leaf(house: House, judge: Judge) -> None:
    middle = pki.issue(
        pki.name("Middle TEST leaf"), house.issuing, eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION)
    )
    below = pki.issue(
        pki.name("Below TEST leaf"), middle, eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION)
    )
    assert codes(judge(_signed_by(pki.signer_of(middle)))) == GOOD
    report = judge(_signed_by(pki.signer_of(below)))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == NAMED_ALIKE | {FindingCode.SIGNER_UNRECOGNISED}


def test_the_time_stamp_roots_vouch_for_no_claim_signer(
    judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    leaf = pki.issue(
        pki.name("Meridian TEST press"),
        meridian[0],
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
    )
    report = judge(_signed_by(pki.signer_of(leaf)))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == NAMED_ALIKE | {FindingCode.SIGNER_UNRECOGNISED}


def test_a_list_cannot_be_given_for_the_other_purpose(
    agency: DevAgency, meridian: tuple[Holder, Holder]
) -> None:
    directory = judging.directory_of(agency)
    claims = judging.trust_list("claims", meridian[0])
    stamps = judging.trust_list("stamps", meridian[0], purpose=ListPurpose.TIME_STAMP)
    with pytest.raises(ValueError, match="a list of claim signers cannot vouch for time-stamp"):
        judging.verifier_of(directory, time_stamp_lists=[claims])
    with pytest.raises(ValueError, match="a list of time-stamp authorities cannot vouch for"):
        judging.verifier_of(directory, trust_lists=[stamps])


def test_a_listed_product_is_not_an_agency(
    agency: DevAgency, stranger: MemorySigner, signed_jpeg: bytes
) -> None:
    product_root, _, leaf = pki.three_tier("Vantage", organization="Vantage Cameras")
    verifier = judging.verifier_of(
        judging.directory_of(agency), trust_lists=[judging.trust_list("products", product_root)]
    )
    report = verifier.verify(sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf)))
    assert report.verdict is Verdict.SIGNED
    assert codes(report) == UNVOUCHED | {FindingCode.SIGNER_LISTED}
    assert report.signer.recognised_by == "list:products"

    assert verifier.verify(signed_jpeg).verdict is Verdict.OFFICIAL
    other = verifier.verify(sign(media.jpeg(), JPEG, signer=stranger))
    assert other.verdict is Verdict.SIGNED_UNRECOGNISED


def _swap_unprotected(certificate: bytes, key: object) -> Callable[[Store], None]:
    def edit(store: Store) -> None:
        unprotected = {k: v for k, v in store.cose[1].items() if k not in ("pad", "pad2")}
        store.set_unprotected({**unprotected, key: [certificate]})

    return edit


def test_a_strangers_chain_beside_the_signed_one_names_nobody_else(
    agency: DevAgency, signed_jpeg: bytes, stranger: MemorySigner, judge: Judge
) -> None:
    der = x509.load_pem_x509_certificates(stranger.certificate_chain_pem)[0]
    edit = _swap_unprotected(der.public_bytes(Encoding.DER), 33)
    report = judge(edit_store(signed_jpeg, JPEG, edit))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD
    assert report.signer.certificate is not None
    assert report.signer.certificate.spki_sha256 == agency.leaf_spki_sha256


def test_the_agencys_chain_beside_a_strangers_lends_him_no_name(
    agency: DevAgency, stranger: MemorySigner, judge: Judge
) -> None:
    edit = _swap_unprotected(agency.leaf.public_bytes(Encoding.DER), 33)
    report = judge(edit_store(sign(media.jpeg(), JPEG, signer=stranger), JPEG, edit))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == UNVOUCHED | {FindingCode.SIGNER_UNRECOGNISED}


def test_a_second_chain_under_the_old_text_key_cannot_be_read(
    agency: DevAgency, signed_jpeg: bytes, judge: Judge
) -> None:
    # Two chains for one signature: the engine refuses to choose, and so nobody accuses.
    edit = _swap_unprotected(agency.leaf.public_bytes(Encoding.DER), "x5chain")
    report = judge(edit_store(signed_jpeg, JPEG, edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_UNREADABLE
    assert codes(report) == {FindingCode.CREDENTIALS_UNREADABLE}


def test_the_agencys_leaf_over_a_strangers_signature_is_a_mismatch(
    agency: DevAgency, stranger: MemorySigner, judge: Judge
) -> None:
    borrowed = MemorySigner(
        algorithm="ES256",
        certificate_chain_pem=agency.chain_pem,
        key=stranger.key,
    )
    report = judge(_signed_by(borrowed))
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CLAIM_SIGNATURE_MISMATCH
    assert report.signer.kind is SignerKind.NONE
    assert report.signer.agency is None
    assert "Aurora" not in report.summary


def test_a_pinned_key_whose_certificate_somebody_else_wrote(
    agency: DevAgency, stranger: MemorySigner
) -> None:
    # A pinned key is the agency's whoever issued the certificate; the certificate's
    # names are nobody's then, and a certificate cannot pin another's key.
    verifier = judging.verifier_of(
        judging.directory_of(
            agency, keys=[{"id": "pinned", "spki_sha256": agency.leaf_spki_sha256}]
        )
    )
    own = pki.issue(
        pki.name("Anybody TEST", organization="Anybody"),
        key=agency.key,
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
    )
    report = verifier.verify(_signed_by(pki.signer_of(own, chain=[own.certificate])))
    assert report.verdict is Verdict.OFFICIAL
    assert report.signer.recognised_by == "key:pinned"
    assert report.summary == "TEST. Official release of Aurora Entertainment."

    report = verifier.verify(sign(media.jpeg(), JPEG, signer=stranger))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED


def test_an_authority_that_has_ended_vouches_for_nobody(agency: DevAgency) -> None:
    root, _, leaf = pki.three_tier("Ended", ca_not_after=datetime(2026, 6, 1, tzinfo=UTC))
    verifier = judging.verifier_of(judging.directory_of(agency, root))
    data = _signed_by(pki.signer_of(leaf))
    before = verifier.verify(data, at=datetime(2026, 5, 1, tzinfo=UTC))
    assert before.verdict is Verdict.OFFICIAL
    report = verifier.verify(data)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == UNVOUCHED | {FindingCode.SIGNER_UNRECOGNISED}
