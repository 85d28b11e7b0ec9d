"""False times: stamps by nobody, stamps for something else, stamps at the wrong moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.lists import ListPurpose
from provenance.verdict import TimeState, Verdict
from tests.factory import judging, media, pki, surgery
from tests.factory.judging import GOOD, House, codes
from tests.factory.pki import Holder
from tests.factory.sign import sign, store_of
from tests.factory.stores import Store, parse_store
from tests.factory.surgery import forge_timestamp, sign_unchecked
from tests.factory.tsa import make_token

Judge = Callable[..., Report]
JPEG = "image/jpeg"
INSIDE = datetime(2025, 2, 1, tzinfo=UTC)
END = datetime(2025, 3, 1, tzinfo=UTC)
AFTER = datetime(2025, 6, 1, tzinfo=UTC)

TRUSTED = GOOD | {FindingCode.TIME_TRUSTED}
AGENCY = {FindingCode.SIGNER_IS_AGENCY}
NOBODY = {FindingCode.SIGNER_UNRECOGNISED}
DISOWNED = Verdict.SIGNED_UNRECOGNISED
CLAIMED = GOOD | {FindingCode.TIME_CLAIMED, FindingCode.TIME_STAMP_UNTRUSTED}


@pytest.fixture(scope="module")
def expired(house: House) -> MemorySigner:
    """A signer of the agency whose certificate ended on 1 March 2025."""
    return house.signer("Past", not_after=END)


@pytest.fixture(scope="module", params=[1, 2])
def plain(request: pytest.FixtureRequest, agency_signer: MemorySigner) -> bytes:
    """A signed picture without a stamp, its claim of either version."""
    return sign(media.jpeg(), JPEG, signer=agency_signer, claim_version=request.param)


@pytest.fixture(scope="module", params=[1, 2])
def dead(request: pytest.FixtureRequest, expired: MemorySigner) -> bytes:
    """The same by the signer whose certificate has ended."""
    return sign_unchecked(media.jpeg(), JPEG, signer=expired, claim_version=request.param)


def test_twin_a_recognised_authority_proves_the_time(
    plain: bytes, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    report = judge(forge_timestamp(plain, JPEG, tsa=meridian[1], gen_time=INSIDE))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == TRUSTED
    assert report.time.state is TimeState.TRUSTED
    assert report.time.trusted_at == INSIDE
    assert report.time.claimed_at is None


def test_a_stamp_swapped_for_a_home_made_one_dates_nothing(
    plain: bytes, judge: Judge, home_made: Holder
) -> None:
    report = judge(forge_timestamp(plain, JPEG, tsa=home_made, gen_time=INSIDE))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == CLAIMED
    assert report.time.state is TimeState.CLAIMED
    assert report.time.trusted_at is None
    assert report.time.claimed_at == INSIDE


def test_twin_a_trusted_stamp_keeps_a_file_alive_after_its_certificate(
    dead: bytes, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    report = judge(forge_timestamp(dead, JPEG, tsa=meridian[1], gen_time=INSIDE))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == TRUSTED


def test_a_home_made_stamp_does_not_revive_an_expired_file(
    dead: bytes, judge: Judge, home_made: Holder
) -> None:
    report = judge(forge_timestamp(dead, JPEG, tsa=home_made, gen_time=INSIDE))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CERTIFICATE_EXPIRED
    assert codes(report) == CLAIMED - AGENCY | NOBODY | {FindingCode.CERTIFICATE_EXPIRED}
    assert report.time.claimed_at == INSIDE


def test_an_expired_file_without_a_stamp_is_not_altered_and_not_official(
    dead: bytes, judge: Judge
) -> None:
    report = judge(dead)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CERTIFICATE_EXPIRED
    assert codes(report) == GOOD - AGENCY | NOBODY | {FindingCode.CERTIFICATE_EXPIRED}


def test_twin_the_same_file_before_its_certificate_ended(dead: bytes, judge: Judge) -> None:
    report = judge(dead, at=INSIDE)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD


def test_a_trusted_stamp_from_after_the_end_says_so(
    dead: bytes, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    report = judge(forge_timestamp(dead, JPEG, tsa=meridian[1], gen_time=AFTER))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.TIME_OUTSIDE_VALIDITY
    assert codes(report) == TRUSTED - AGENCY | NOBODY | {FindingCode.TIME_OUTSIDE_VALIDITY}


def test_a_certificate_that_is_not_valid_yet(house: House, judge: Judge) -> None:
    signer = house.signer("Future", not_before=datetime(2027, 1, 1, tzinfo=UTC))
    data = sign_unchecked(media.jpeg(), JPEG, signer=signer)

    report = judge(data)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CERTIFICATE_NOT_YET_VALID
    assert codes(report) == GOOD - AGENCY | NOBODY | {FindingCode.CERTIFICATE_NOT_YET_VALID}

    twin = judge(data, at=datetime(2027, 2, 1, tzinfo=UTC))
    assert twin.verdict is Verdict.OFFICIAL
    assert codes(twin) == GOOD


def test_a_stamp_made_for_another_file_is_worth_nothing(
    plain: bytes, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    token = make_token(bytes(32), tsa=meridian[1], gen_time=INSIDE)

    def swap(store: Store) -> None:
        header = "sigTst" if store.claim_box.label == "c2pa.claim" else "sigTst2"
        store.set_unprotected({header: {"tstTokens": [{"val": token}]}})

    report = judge(surgery.edit_store(plain, JPEG, swap))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.TIME_STAMP_INVALID}
    assert report.time.state is TimeState.NONE


@pytest.mark.parametrize(
    "options",
    [
        {"spoil_signature": True},
        {"signed_digest": bytes(32)},
        {"name_signing_certificate": False},
        {"certificates": ()},
    ],
)
def test_a_damaged_stamp_of_a_recognised_authority_is_worth_nothing(
    options: dict[str, object], plain: bytes, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    report = judge(forge_timestamp(plain, JPEG, tsa=meridian[1], gen_time=INSIDE, **options))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.TIME_STAMP_INVALID}
    assert report.time.state is TimeState.NONE


@pytest.mark.parametrize("header", ["sigTst", "sigTst2"])
def test_a_stamp_under_the_other_versions_header_is_about_other_bytes(
    header: str, judge: Judge, agency_signer: MemorySigner, meridian: tuple[Holder, Holder]
) -> None:
    version = 2 if header == "sigTst" else 1
    data = sign(media.jpeg(), JPEG, signer=agency_signer, claim_version=version)
    stamped = forge_timestamp(data, JPEG, tsa=meridian[1], gen_time=INSIDE)

    def rename(store: Store) -> None:
        (value,) = (v for k, v in store.cose[1].items() if str(k).startswith("sigTst"))
        store.set_unprotected({header: value})

    assert codes(judge(stamped)) == TRUSTED
    report = judge(surgery.edit_store(stamped, JPEG, rename))
    assert codes(report) == GOOD | {FindingCode.TIME_STAMP_INVALID}


def test_an_authority_outside_its_own_validity_dates_nothing(
    plain: bytes, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    early = datetime(2024, 6, 1, tzinfo=UTC)
    report = judge(forge_timestamp(plain, JPEG, tsa=meridian[1], gen_time=early))
    assert codes(report) == CLAIMED


@pytest.mark.parametrize(
    ("eku", "critical"),
    [
        (["1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.4"], True),
        (["1.3.6.1.5.5.7.3.8"], False),
        (["1.3.6.1.5.5.7.3.4"], True),
        (["2.5.29.37.0"], True),
        (None, False),
    ],
)
def test_the_recognised_root_vouches_for_no_leaf_that_may_not_stamp(
    eku: list[str] | None,
    critical: bool,  # noqa: FBT001 - a column of the table above
    plain: bytes,
    judge: Judge,
    meridian: tuple[Holder, Holder],
) -> None:
    leaf = pki.issue(
        pki.name("Meridian TEST other", organization="Meridian Time"),
        meridian[0],
        eku=eku,
        eku_critical=critical,
    )
    report = judge(forge_timestamp(plain, JPEG, tsa=leaf, gen_time=INSIDE))
    assert codes(report) == CLAIMED
    assert report.time.trusted_at is None


def test_the_agencys_own_root_vouches_for_no_time_stamp(
    plain: bytes, judge: Judge, house: House
) -> None:
    # The anchors of claims and of time-stamps are kept apart: an agency may not date
    # its own releases, nor may whoever steals its authority.
    leaf = pki.issue("Aurora TEST time", house.root, eku=[pki.TIME_STAMPING], eku_critical=True)
    report = judge(forge_timestamp(plain, JPEG, tsa=leaf, gen_time=INSIDE))
    assert codes(report) == CLAIMED
    assert report.time.trusted_at is None


def test_of_two_stamps_only_the_trusted_one_counts(
    plain: bytes, judge: Judge, meridian: tuple[Holder, Holder], home_made: Holder
) -> None:
    def values(data: bytes) -> tuple[str, list[object]]:
        store = parse_store(store_of(data, JPEG))
        ((name, value),) = (i for i in store.cose[1].items() if str(i[0]).startswith("sigTst"))
        return name, list(value["tstTokens"])

    name, trusted = values(forge_timestamp(plain, JPEG, tsa=meridian[1], gen_time=AFTER))
    _, forged = values(forge_timestamp(plain, JPEG, tsa=home_made, gen_time=INSIDE))

    def both(store: Store) -> None:
        store.set_unprotected({name: {"tstTokens": [*forged, *trusted]}})

    report = judge(surgery.edit_store(plain, JPEG, both))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == TRUSTED | {FindingCode.TIME_STAMP_UNTRUSTED}
    assert report.time.trusted_at == AFTER


@pytest.mark.parametrize(("version", "verdict"), [(1, DISOWNED), (2, Verdict.OFFICIAL)])
def test_a_stamp_of_the_claim_alone_is_no_proof_that_the_key_was_used_before_its_theft(
    version: int,
    verdict: Verdict,
    agency: DevAgency,
    agency_signer: MemorySigner,
    meridian: tuple[Holder, Holder],
) -> None:
    # Whoever means to steal a key can write his claims before, and have them stamped: in
    # version 1 the stamp is about the claim, and the signature comes when he has the key.
    data = sign(media.jpeg(), JPEG, signer=agency_signer, claim_version=version)
    stolen = {"spki_sha256": agency.leaf_spki_sha256, "since": END.isoformat()}
    verifier = judging.verifier_of(
        judging.directory_of(agency, entry={"revoked": [stolen]}),
        time_stamp_lists=[
            judging.trust_list("meridian", meridian[0], purpose=ListPurpose.TIME_STAMP)
        ],
    )
    report = verifier.verify(forge_timestamp(data, JPEG, tsa=meridian[1], gen_time=INSIDE))
    assert report.verdict is verdict, report.findings
    assert report.has(FindingCode.KEY_DISOWNED) is (verdict is DISOWNED)
    assert report.time.trusted_at == INSIDE
