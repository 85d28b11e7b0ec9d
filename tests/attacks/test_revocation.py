"""Revocation: answers that count, and answers that are stale, replayed, forged or for another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import (
    OCSPCertStatus,
    OCSPResponderEncoding,
    OCSPResponseBuilder,
)

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import RevocationState, SignerKind, Verdict
from tests.factory import media, ocsp, pki
from tests.factory.judging import AT, GOOD, House, codes
from tests.factory.pki import Holder, KeyKind
from tests.factory.reading import read
from tests.factory.sign import sign
from tests.factory.surgery import forge_timestamp, sign_unchecked

Judge = Callable[..., Report]
JPEG = "image/jpeg"
STAMPED = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)

TIMED = GOOD | {FindingCode.TIME_TRUSTED}
NOT_REVOKED = {FindingCode.CERTIFICATE_NOT_REVOKED}
BY_NOBODY = {FindingCode.SIGNER_IS_AGENCY}
REVOKED = {FindingCode.CERTIFICATE_REVOKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One release of the agency's second authority, and what its issuer says about it."""

    house: House
    signer: MemorySigner
    plain: bytes
    stamped: bytes

    @property
    def leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificates(self.signer.certificate_chain_pem)[0]

    def answer(self, **options: Any) -> bytes:
        """By the issuing authority about the leaf; good from the stamped time on."""
        options.setdefault("this_update", STAMPED)
        return ocsp.make_response(self.leaf, self.house.issuing, **options)

    def with_answers(self, *responses: bytes) -> bytes:
        return ocsp.staple(self.stamped, JPEG, *responses)


@pytest.fixture(scope="module")
def case(house: House, meridian: tuple[Holder, Holder]) -> Case:
    signer = house.signer("Revocable")
    # Room for what is stapled: the header that is not signed lies inside the store.
    room = {"label": "example.aurora.room", "data": {"pad": "x" * 8000}}
    plain = sign(media.jpeg(), JPEG, signer=signer, assertions=[room])
    return Case(
        house=house,
        signer=signer,
        plain=plain,
        stamped=forge_timestamp(plain, JPEG, tsa=meridian[1], gen_time=STAMPED),
    )


def unchecked(report: Report) -> str:
    """Why revocation was not checked; the release stays official without a word about it."""
    assert report.verdict is Verdict.OFFICIAL
    assert not {f.code for f in report.findings} & (NOT_REVOKED | REVOKED)
    assert report.revocation.state is RevocationState.NOT_CHECKED
    (said,) = (c.why for c in report.checks_not_run if c.check == "revocation")
    assert said == report.revocation.why
    return said


def assert_good(report: Report) -> None:
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == TIMED | NOT_REVOKED
    assert report.revocation.state is RevocationState.GOOD
    assert "revocation" not in {check.check for check in report.checks_not_run}


def assert_revoked(report: Report, *, found: frozenset[FindingCode] = TIMED) -> None:
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == found - BY_NOBODY | REVOKED
    assert report.revocation.state is RevocationState.REVOKED
    assert report.signer.kind is SignerKind.UNRECOGNISED
    assert report.signer.agency is None
    assert report.signer.recognised_by is None
    assert report.summary == "TEST. Signed with a key that its issuer has revoked."
    assert "revocation" not in {check.check for check in report.checks_not_run}


def test_without_an_answer_nothing_is_said(case: Case, judge: Judge) -> None:
    report = judge(case.stamped)
    assert codes(report) == TIMED
    assert unchecked(report) == "offline; no answer of its issuer travels with the file"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"this_update": STAMPED - DAY},
        {"id_hash": "sha256", "by_key": True},
        # Stale by now, but it says of a later time that nothing had happened.
        {"this_update": STAMPED + 10 * DAY},
        {"this_update": STAMPED + 10 * DAY, "valid_for": None},
        {"valid_for": None},
    ],
)
def test_twin_a_good_answer_for_the_attested_time_or_later(
    options: dict[str, Any], case: Case, judge: Judge
) -> None:
    report = judge(case.with_answers(case.answer(**options)))
    assert_good(report)
    assert report.revocation.source == "stapled"
    assert report.revocation.produced_at == options.get("this_update", STAMPED)
    assert report.revocation.revoked_at is None


def test_a_leaf_revoked_before_the_attested_time(case: Case, judge: Judge) -> None:
    since = STAMPED - DAY
    answer = case.answer(revoked_at=since, reason="key_compromise")
    report = judge(case.with_answers(answer))
    assert_revoked(report)
    assert report.revocation.revoked_at == since
    assert report.revocation.reason == "key_compromise"
    (found,) = (f for f in report.findings if f.code is FindingCode.CERTIFICATE_REVOKED)
    assert found.evidence["matched"] == "anchor:second-0"
    assert found.evidence["says_responder"] == "Aurora second TEST issuing CA"
    assert found.evidence["responder"] == "the issuer"


def test_a_leaf_revoked_after_the_attested_time_was_good_then(case: Case, judge: Judge) -> None:
    since = STAMPED + DAY
    answer = case.answer(this_update=since, revoked_at=since, reason="key_compromise")
    report = judge(case.with_answers(answer))
    assert_good(report)
    assert report.revocation.revoked_at == since
    assert "revoked it as of 2026-03-02" in report.revocation.why


def test_a_revocation_at_the_very_moment_counts(case: Case, judge: Judge) -> None:
    assert_revoked(judge(case.with_answers(case.answer(revoked_at=STAMPED))))


@pytest.mark.parametrize(
    ("invalid_since", "counts"), [(STAMPED - DAY, True), (STAMPED + DAY, False)]
)
def test_a_key_known_later_to_have_been_stolen_before(
    invalid_since: datetime,
    counts: bool,  # noqa: FBT001 - a column of the table above
    case: Case,
    judge: Judge,
) -> None:
    answer = case.answer(
        this_update=STAMPED + 5 * DAY,
        revoked_at=STAMPED + 5 * DAY,
        reason="key_compromise",
        dates={"invalidity_date": invalid_since},
    )
    report = judge(case.with_answers(answer))
    (assert_revoked if counts else assert_good)(report)


def test_without_a_trusted_time_any_revocation_counts(
    case: Case, judge: Judge, home_made: Holder
) -> None:
    since = AT - DAY
    answer = case.answer(this_update=since, revoked_at=since)
    assert_revoked(judge(ocsp.staple(case.plain, JPEG, answer)), found=GOOD)
    # A thief dates his signature back with an authority of his own.
    forged = forge_timestamp(case.plain, JPEG, tsa=home_made, gen_time=STAMPED)
    assert_revoked(
        judge(ocsp.staple(forged, JPEG, answer)),
        found=GOOD | {FindingCode.TIME_CLAIMED, FindingCode.TIME_STAMP_UNTRUSTED},
    )


def test_without_a_trusted_time_an_answer_has_to_be_right_for_now(case: Case, judge: Judge) -> None:
    fresh = judge(ocsp.staple(case.plain, JPEG, case.answer(this_update=AT - DAY)))
    assert fresh.revocation.state is RevocationState.GOOD
    assert codes(fresh) == GOOD | NOT_REVOKED

    # Played again by whoever stole the key since then.
    old = judge(ocsp.staple(case.plain, JPEG, case.answer()))
    assert "it is stale: it was right until 2026-03-08" in unchecked(old)
    assert codes(old) == GOOD


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"this_update": STAMPED - 20 * DAY}, "it is stale: it was right until 2026-02-16"),
        (
            {"this_update": STAMPED - DAY, "valid_for": None},
            "it is stale: it was right until 2026-02-28",
        ),
        ({"this_update": AT + DAY}, "it is dated 2026-11-02T12:00:00+00:00, in the future"),
        (
            {"this_update": AT + DAY, "revoked_at": STAMPED - DAY},
            "it is dated 2026-11-02T12:00:00+00:00, in the future",
        ),
        ({"valid_for": -DAY}, "it ends before it begins"),
        ({"unknown": True}, "the responder does not know the certificate"),
        ({"critical": True}, "it carries a critical extension, unknown here"),
        ({"spoil_signature": True}, "its signature does not hold"),
        ({"signed_with": "sha1"}, "expected a signature with SHA-2, got sha1"),
        ({"id_hash": "sha384"}, "it is about another certificate"),
    ],
)
def test_an_answer_that_does_not_count(
    options: dict[str, Any], why: str, case: Case, judge: Judge
) -> None:
    report = judge(case.with_answers(case.answer(**options)))
    assert codes(report) == TIMED
    told = unchecked(report)
    assert told.startswith("offline; the answer that travels with the signature does not count: ")
    assert why in told


@pytest.mark.parametrize(
    ("der", "why"),
    [
        (ocsp.refusal(), "the responder gave no answer, status try_later"),
        (b"", "cannot be read"),
        (b"0", "cannot be read"),
    ],
)
def test_what_is_no_answer_at_all(der: bytes, why: str, case: Case, judge: Judge) -> None:
    assert why in unchecked(judge(case.with_answers(der)))


@pytest.mark.parametrize(
    ("options", "state"),
    [
        # A good answer outside its window, and a revocation after the attested time.
        ({"this_update": STAMPED - 20 * DAY}, RevocationState.NOT_CHECKED),
        ({"this_update": STAMPED + DAY, "revoked_at": STAMPED + DAY}, RevocationState.GOOD),
    ],
)
def test_what_the_engine_wrongly_calls_revoked(
    options: dict[str, Any],
    state: RevocationState,
    case: Case,
    judge: Judge,
    meridian: tuple[Holder, Holder],
) -> None:
    responder = ocsp.delegate(case.house.issuing)
    data = case.with_answers(case.answer(responder=responder, **options))
    engine = read(data, JPEG, anchors=[case.house.root], tsa_anchors=[meridian[0]])
    assert engine.failure == {"signingCredential.ocsp.revoked"}
    report = judge(data)
    assert report.verdict is Verdict.OFFICIAL
    assert report.revocation.state is state


def test_a_signer_cannot_answer_for_himself(
    case: Case, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    # Whoever stole the key says that it was not revoked. The engine believes it.
    own = pki.Holder(
        certificate=case.leaf,
        key=pki.make_key(case.leaf.subject.rfc4514_string()),
        chain=(case.leaf,),
    )
    data = case.with_answers(case.answer(responder=own))
    engine = read(data, JPEG, anchors=[case.house.root], tsa_anchors=[meridian[0]])
    assert "signingCredential.ocsp.notRevoked" in engine.success
    assert "is not one for OCSP signing" in unchecked(judge(data))


def test_an_answer_about_another_certificate_of_the_same_issuer(case: Case, judge: Judge) -> None:
    other = pki.issue("Aurora TEST other leaf", case.house.issuing)
    for revoked_at in (None, STAMPED - DAY):
        answer = ocsp.make_response(
            other.certificate, case.house.issuing, this_update=STAMPED, revoked_at=revoked_at
        )
        assert "about another certificate" in unchecked(judge(case.with_answers(answer)))


def test_an_answer_about_the_same_number_of_another_issuer(case: Case, judge: Judge) -> None:
    elsewhere = pki.three_tier("Elsewhere")[1]
    twin = pki.issue("Elsewhere TEST leaf", elsewhere, serial=case.leaf.serial_number)
    answer = ocsp.make_response(
        twin.certificate, elsewhere, this_update=STAMPED, revoked_at=STAMPED - DAY
    )
    assert "about another certificate" in unchecked(judge(case.with_answers(answer)))


def test_twin_a_responder_that_the_issuer_authorised(case: Case, judge: Judge) -> None:
    for no_check, said in ((True, "exempt from revocation"), (False, "its revocation not checked")):
        responder = ocsp.delegate(case.house.issuing, no_check=no_check)
        report = judge(case.with_answers(case.answer(responder=responder)))
        assert_good(report)
        (found,) = (f for f in report.findings if f.code in NOT_REVOKED)
        assert found.evidence["responder"] == f"authorised by the issuer, {said}"


@pytest.mark.parametrize("kind", [KeyKind.P384, KeyKind.ED25519, KeyKind.RSA2048])
def test_twin_responders_with_other_keys(kind: KeyKind, case: Case, judge: Judge) -> None:
    responder = ocsp.delegate(case.house.issuing, f"Aurora TEST {kind} responder", kind=kind)
    assert_good(judge(case.with_answers(case.answer(responder=responder))))


def test_twin_an_answer_that_another_library_made(case: Case, judge: Judge) -> None:
    issuing = case.house.issuing
    builder = OCSPResponseBuilder().add_response(
        cert=case.leaf,
        issuer=issuing.certificate,
        algorithm=hashes.SHA256(),
        cert_status=OCSPCertStatus.REVOKED,
        this_update=STAMPED,
        next_update=STAMPED + DAY,
        revocation_time=STAMPED - DAY,
        revocation_reason=x509.ReasonFlags.superseded,
    )
    builder = builder.responder_id(OCSPResponderEncoding.HASH, issuing.certificate)
    made = builder.sign(issuing.key, hashes.SHA256()).public_bytes(Encoding.DER)
    # That library dates an answer by the machine's clock.
    report = judge(case.with_answers(made), at=datetime.now(UTC))
    assert_revoked(report)
    assert report.revocation.reason == "superseded"
    assert "in the future" in unchecked(judge(case.with_answers(made), at=STAMPED))


_OTHER = "its responder was not authorised by the issuer of the certificate"
_PURPOSE = "its responder's certificate is not one for OCSP signing"


def _imitation(house: House) -> Holder:
    subject = house.issuing.certificate.subject
    return pki.issue(subject, key=pki.make_key("imitation"), ca=True)


def _delegated(**fields: Any) -> Callable[[House], Holder]:
    return lambda house: ocsp.delegate(house.issuing, **fields)


_WRONG_RESPONDERS: dict[str, tuple[Callable[[House], Holder], str]] = {
    "self-made": (lambda _: pki.issue("Aurora TEST responder", eku=[pki.OCSP_SIGNING]), _OTHER),
    "self-made in the issuer's name": (_imitation, _OTHER),
    "of another authority": (lambda _: ocsp.delegate(pki.three_tier("Elsewhere")[1]), _OTHER),
    "of the root above": (lambda house: ocsp.delegate(house.root), _OTHER),
    "for another purpose": (_delegated(eku=[pki.EMAIL_PROTECTION]), _PURPOSE),
    "for any purpose": (_delegated(eku=["2.5.29.37.0"]), _PURPOSE),
    "for no purpose": (_delegated(eku=None), _PURPOSE),
    "that may not sign": (
        _delegated(key_usage=("key_agreement",)),
        "its responder's key may not sign answers",
    ),
    "whose time was over": (
        _delegated(not_after=STAMPED - DAY),
        "its responder's certificate was not valid when it answered",
    ),
}


@pytest.mark.parametrize("which", _WRONG_RESPONDERS)
@pytest.mark.parametrize("revoked_at", [None, STAMPED - DAY])
def test_an_answer_by_the_wrong_responder(
    which: str, revoked_at: datetime | None, case: Case, judge: Judge
) -> None:
    make, why = _WRONG_RESPONDERS[which]
    answer = case.answer(responder=make(case.house), revoked_at=revoked_at)
    report = judge(case.with_answers(answer))
    assert codes(report) == TIMED
    assert why in unchecked(report)


def test_a_responder_named_but_not_signing(case: Case, judge: Judge) -> None:
    # Its certificate lies in the answer, somebody else's key signed.
    right = ocsp.delegate(case.house.issuing)
    thief = pki.Holder(certificate=right.certificate, key=pki.make_key("thief"), chain=right.chain)
    assert "its signature does not hold" in unchecked(
        judge(case.with_answers(case.answer(responder=thief)))
    )


def test_a_removed_revocation_is_good_again(case: Case, judge: Judge) -> None:
    lifted = case.answer(revoked_at=STAMPED - 2 * DAY, reason="remove_from_crl")
    report = judge(case.with_answers(lifted))
    assert_good(report)
    assert report.revocation.revoked_at is None
    # The removal has to be right for the time, like any other good answer.
    stale = case.answer(
        this_update=STAMPED - 20 * DAY, revoked_at=STAMPED - 30 * DAY, reason="remove_from_crl"
    )
    assert "stale" in unchecked(judge(case.with_answers(stale)))


def test_only_a_hold_is_lifted_by_a_later_answer(case: Case, judge: Judge) -> None:
    def held(reason: str, days: int) -> bytes:
        when = STAMPED + days * DAY
        return case.answer(this_update=when, revoked_at=STAMPED - DAY, reason=reason)

    good = case.answer(this_update=STAMPED + 2 * DAY)
    assert_revoked(judge(case.with_answers(held("certificate_hold", 0))))
    assert_good(judge(case.with_answers(held("certificate_hold", 0), good)))
    assert_good(judge(case.with_answers(good, held("certificate_hold", 0))))
    assert_revoked(judge(case.with_answers(good, held("certificate_hold", 2))))
    assert_revoked(judge(case.with_answers(good, held("certificate_hold", 3))))
    assert_revoked(judge(case.with_answers(held("key_compromise", 0), good)))
    assert_revoked(judge(case.with_answers(good, held("key_compromise", 0))))


def test_bad_answers_do_not_hide_one_that_counts(case: Case, judge: Judge) -> None:
    assert_good(judge(case.with_answers(b"junk", ocsp.refusal(), case.answer())))
    revoked = case.answer(revoked_at=STAMPED - DAY)
    assert_revoked(judge(case.with_answers(b"junk", case.answer(), revoked)))


@pytest.mark.parametrize(
    ("dates", "counts"),
    [
        ({}, False),
        ({"archive_cutoff": datetime(2025, 1, 1, tzinfo=UTC)}, True),
        ({"archive_cutoff": AT + 15 * DAY}, False),
    ],
)
def test_a_responder_may_have_forgotten_a_certificate_that_has_ended(
    dates: dict[str, datetime],
    counts: bool,  # noqa: FBT001 - a column of the table above
    case: Case,
    judge: Judge,
    meridian: tuple[Holder, Holder],
) -> None:
    signer = case.house.signer("Short", not_after=AT + 10 * DAY)
    room = {"label": "example.aurora.room", "data": {"pad": "x" * 4000}}
    data = sign_unchecked(media.jpeg(), JPEG, signer=signer, assertions=[room])
    stamped = forge_timestamp(data, JPEG, tsa=meridian[1], gen_time=STAMPED)
    (leaf, *_) = x509.load_pem_x509_certificates(signer.certificate_chain_pem)
    answer = ocsp.make_response(leaf, case.house.issuing, this_update=AT + 20 * DAY, dates=dates)
    report = judge(ocsp.staple(stamped, JPEG, answer), at=AT + 21 * DAY)
    if counts:
        assert_good(report)
    else:
        assert "it was made after the certificate's end" in unchecked(report)


def test_a_revoked_authority_takes_its_leaves_along(case: Case, judge: Judge) -> None:
    def about_the_authority(since: datetime) -> bytes:
        return ocsp.make_response(
            case.house.issuing.certificate,
            case.house.root,
            this_update=STAMPED + 3 * DAY,
            revoked_at=since,
            reason="ca_compromise",
        )

    # Its own word that the leaf is good is worth nothing any more.
    report = judge(case.with_answers(about_the_authority(STAMPED - DAY), case.answer()))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == TIMED - BY_NOBODY | {FindingCode.CERTIFICATE_CHAIN}
    assert report.signer.kind is SignerKind.UNRECOGNISED
    assert report.revocation.state is RevocationState.NOT_CHECKED
    assert "an authority above it was revoked" in report.revocation.why
    (found,) = (f for f in report.findings if f.code is FindingCode.CERTIFICATE_CHAIN)
    assert found.evidence["revoked_at"] == (STAMPED - DAY).isoformat()
    assert found.evidence["reason"] == "ca_compromise"

    assert_good(judge(case.with_answers(about_the_authority(STAMPED + DAY), case.answer())))


def test_an_authority_does_not_revoke_itself(case: Case, judge: Judge) -> None:
    answer = ocsp.make_response(
        case.house.issuing.certificate,
        case.house.root,
        responder=case.house.issuing,
        this_update=STAMPED,
        revoked_at=STAMPED - DAY,
    )
    unchecked(judge(case.with_answers(answer)))


@pytest.mark.parametrize("by", ["the agency", "a stranger"])
def test_an_update_manifest_brings_the_answer(
    by: str, case: Case, judge: Judge, stranger: MemorySigner
) -> None:
    signer = case.signer if by == "the agency" else stranger
    good = judge(ocsp.status_update(case.stamped, JPEG, case.answer(), signer=signer))
    assert good.verdict is Verdict.OFFICIAL
    assert good.revocation.state is RevocationState.GOOD
    assert good.revocation.source == "manifest"

    since = STAMPED - DAY
    bad = judge(
        ocsp.status_update(case.stamped, JPEG, case.answer(revoked_at=since), signer=signer)
    )
    assert bad.verdict is Verdict.SIGNED_UNRECOGNISED
    assert bad.revocation.state is RevocationState.REVOKED
    assert bad.revocation.source == "manifest"
    assert FindingCode.CERTIFICATE_REVOKED in codes(bad)

    old = case.answer(this_update=STAMPED - 20 * DAY)
    stale = judge(ocsp.status_update(case.stamped, JPEG, old, signer=signer))
    assert stale.verdict is Verdict.OFFICIAL
    assert "the answer that a later manifest brought does not count" in stale.revocation.why


def test_a_revocation_in_a_later_manifest_outweighs_a_stapled_good(
    case: Case, judge: Judge, stranger: MemorySigner
) -> None:
    stapled = case.with_answers(case.answer())
    revoked = case.answer(this_update=AT - DAY, revoked_at=STAMPED - DAY)
    report = judge(ocsp.status_update(stapled, JPEG, revoked, signer=stranger))
    assert report.revocation.state is RevocationState.REVOKED
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED


def test_of_a_stranger_nobody_is_asked(judge: Judge, meridian: tuple[Holder, Holder]) -> None:
    top, issuing, leaf = pki.three_tier("Stranger", organization="Stranger")
    room = {"label": "example.aurora.room", "data": {"pad": "x" * 4000}}
    data = sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf), assertions=[room])
    stamped = forge_timestamp(data, JPEG, tsa=meridian[1], gen_time=STAMPED)
    # His own authority says what he likes: good is not repeated, nor is revoked.
    for revoked_at in (None, STAMPED - DAY):
        answer = ocsp.make_response(
            leaf.certificate, issuing, this_update=STAMPED, revoked_at=revoked_at
        )
        report = judge(ocsp.staple(stamped, JPEG, answer))
        assert report.verdict is Verdict.SIGNED_UNRECOGNISED
        assert report.revocation.state is RevocationState.NOT_CHECKED
        assert report.revocation.why == "the signing key is not recognised"
        assert codes(report) == TIMED - BY_NOBODY | {FindingCode.SIGNER_UNRECOGNISED}
    assert top.certificate.subject == issuing.certificate.issuer


@pytest.mark.parametrize("hides", [True, False])
def test_an_authority_of_the_issuers_name_hides_no_revocation(
    hides: bool,  # noqa: FBT001 - a column of the table above
    house: House,
    judge: Judge,
) -> None:
    # Whoever has the revoked key writes the chain: beside the issuer stands one of the
    # same name, which answers for nobody and about which the issuer says nothing.
    leaf = pki.issue(
        pki.name("Hidden TEST leaf"), house.issuing, eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION)
    )
    between = pki.issue(
        house.issuing.certificate.subject,
        key=pki.make_key("between"),
        ca=True,
        key_usage=("key_cert_sign", "crl_sign"),
        subject_key_id=False,
    )
    above = [between.certificate] if hides else []
    signer = pki.signer_of(leaf, chain=[leaf.certificate, *above, house.issuing.certificate])
    room = {"label": "example.aurora.room", "data": {"pad": "x" * 8000}}
    data = sign_unchecked(media.jpeg(), JPEG, signer=signer, assertions=[room])
    answer = ocsp.make_response(
        leaf.certificate, house.issuing, this_update=AT - DAY, revoked_at=AT - 2 * DAY
    )
    report = judge(ocsp.staple(data, JPEG, answer))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED, report.summary
    assert report.signer.agency is None
    nobody = {FindingCode.SIGNER_UNRECOGNISED, FindingCode.IMPOSTOR_NAME}
    assert codes(report) == GOOD - BY_NOBODY | (nobody if hides else REVOKED)
