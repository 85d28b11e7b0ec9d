"""Update manifests: who may add to a release without becoming its author, and who may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.lists import ListPurpose
from provenance.verdict import SignerKind, Verdict
from tests.factory import judging, media, pki, surgery
from tests.factory.judging import GOOD, House, codes
from tests.factory.pki import Holder
from tests.factory.sign import sign
from tests.factory.stores import Store
from tests.factory.updates import timestamp_update, update

Judge = Callable[..., Report]
Signed = Callable[..., bytes]
JPEG = "image/jpeg"
C2PA_USER_TYPE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
STAMPED = datetime(2025, 2, 1, tzinfo=UTC)
ASIDE = {FindingCode.EXEMPT_PARTS}
BY_OTHERS = (
    GOOD - {FindingCode.SIGNER_IS_AGENCY}
    | {FindingCode.MADE_FROM_RELEASE}
    | {FindingCode.SIGNER_UNRECOGNISED, FindingCode.UPDATED_BY_OTHERS}
)
NOTE = {"label": "example.aurora.note", "data": {"says": "exclusive"}}


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "heic"])
def test_twin_an_update_by_the_same_agency(
    kind: str, signed: Signed, agency_signer: MemorySigner, judge: Judge
) -> None:
    data = update(signed(kind), media.MEDIA_TYPES[kind], signer=agency_signer)
    report = judge(data)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) - ASIDE == GOOD
    assert report.manifest is not None
    assert report.manifest.kind == "standard"


def test_an_update_by_another_key_of_the_same_agency(
    signed_jpeg: bytes, house: House, judge: Judge
) -> None:
    report = judge(update(signed_jpeg, JPEG, signer=house.signer()))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "heic"])
def test_an_update_by_a_stranger_is_judged_as_the_strangers(
    kind: str, signed: Signed, stranger: MemorySigner, judge: Judge
) -> None:
    data = update(signed(kind), media.MEDIA_TYPES[kind], signer=stranger)
    report = judge(data)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED, report.findings
    assert codes(report) - ASIDE == BY_OTHERS
    assert report.signer.kind is SignerKind.UNRECOGNISED
    assert report.signer.agency is None
    assert report.summary == (
        "TEST. Signed by someone we cannot identify. "
        "It says it was made from a release of Aurora Entertainment."
    )


def test_an_update_by_the_agency_over_an_update_by_a_stranger(
    signed_jpeg: bytes, stranger: MemorySigner, agency_signer: MemorySigner, judge: Judge
) -> None:
    # The agency's update would carry the stranger's statements upwards.
    between = update(signed_jpeg, JPEG, signer=stranger, assertions=[NOTE])
    report = judge(update(between, JPEG, signer=agency_signer))
    assert report.manifest is not None
    assert report.manifest.kind == "update"
    assert FindingCode.UPDATED_BY_OTHERS in codes(report)


def test_an_update_by_the_agency_over_a_strangers_file_takes_it_over(
    stranger: MemorySigner, agency_signer: MemorySigner, judge: Judge
) -> None:
    # Judged by the updater: the agency signs that it stands by these bytes.
    data = sign(media.jpeg(), JPEG, signer=stranger)
    assert judge(data).verdict is Verdict.SIGNED_UNRECOGNISED
    report = judge(update(data, JPEG, signer=agency_signer))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.UPDATED_BY_OTHERS}


def _status_only(store: Store) -> None:
    store.remove_assertion("c2pa.actions.v2")


@pytest.mark.parametrize("who", ["stranger", "agency"])
@pytest.mark.parametrize("by", ["recognised", "home-made"])
def test_an_update_that_adds_only_a_time_stamp_leaves_the_release_as_it_was(  # noqa: PLR0917
    who: str,
    by: str,
    signed_jpeg: bytes,
    stranger: MemorySigner,
    agency_signer: MemorySigner,
    meridian: tuple[Holder, Holder],
    home_made: Holder,
    judge: Judge,
) -> None:
    signer = stranger if who == "stranger" else agency_signer
    tsa = meridian[1] if by == "recognised" else home_made
    data = timestamp_update(signed_jpeg, JPEG, signer=signer, tsa=tsa, gen_time=STAMPED)
    report = judge(surgery.resign(data, JPEG, signer=signer, edit=_status_only))
    assert report.verdict is Verdict.OFFICIAL, report.findings
    assert report.manifest is not None
    assert report.manifest.kind == "standard"
    if by == "recognised":
        assert codes(report) == GOOD | {FindingCode.TIME_TRUSTED}
        assert report.time.trusted_at == STAMPED
    else:
        assert codes(report) == GOOD | {
            FindingCode.TIME_STAMP_UNTRUSTED,
            FindingCode.TIME_CLAIMED,
        }
        assert report.time.trusted_at is None


@pytest.mark.parametrize(("by", "revived"), [("recognised", True), ("home-made", False)])
def test_only_a_recognised_stamp_in_an_update_keeps_an_expired_release_alive(  # noqa: PLR0917
    by: str,
    revived: bool,  # noqa: FBT001 - a column of the table above
    house: House,
    stranger: MemorySigner,
    meridian: tuple[Holder, Holder],
    home_made: Holder,
    judge: Judge,
) -> None:
    expired = house.signer("Past", not_after=datetime(2025, 3, 1, tzinfo=UTC))
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=expired)
    tsa = meridian[1] if by == "recognised" else home_made
    data = timestamp_update(data, JPEG, signer=stranger, tsa=tsa, gen_time=STAMPED)
    report = judge(surgery.resign(data, JPEG, signer=stranger, edit=_status_only))
    assert report.verdict is (Verdict.OFFICIAL if revived else Verdict.UNDETERMINED)
    assert report.reason is (None if revived else FindingCode.CERTIFICATE_EXPIRED)


def test_a_status_update_that_brings_an_unlisted_statement(
    signed_jpeg: bytes, stranger: MemorySigner, meridian: tuple[Holder, Holder], judge: Judge
) -> None:
    data = timestamp_update(signed_jpeg, JPEG, signer=stranger, tsa=meridian[1], gen_time=STAMPED)
    report = judge(data)  # the engine's own actions assertion is in it
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED, report.findings
    assert codes(report) == BY_OTHERS


@pytest.mark.parametrize("who", ["agency", "stranger"])
def test_an_update_does_not_revive_an_expired_manifest(
    who: str,
    house: House,
    agency_signer: MemorySigner,
    stranger: MemorySigner,
    judge: Judge,
) -> None:
    expired = house.signer("Past", not_after=datetime(2025, 3, 1, tzinfo=UTC))
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=expired)
    assert judge(data).reason is FindingCode.CERTIFICATE_EXPIRED
    signer = agency_signer if who == "agency" else stranger
    report = judge(update(data, JPEG, signer=signer))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CERTIFICATE_EXPIRED
    assert FindingCode.UPDATED_BY_OTHERS in codes(report)

    twin = judge(update(data, JPEG, signer=agency_signer), at=STAMPED)
    assert twin.verdict is Verdict.OFFICIAL


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (surgery.flip_in_claim, FindingCode.CLAIM_SIGNATURE_MISMATCH),
        (surgery.corrupt_signature, FindingCode.CLAIM_SIGNATURE_MISMATCH),
    ],
)
def test_a_broken_update_by_the_agency(
    forge: Callable[[bytes, str], bytes],
    code: FindingCode,
    signed_jpeg: bytes,
    agency_signer: MemorySigner,
    judge: Judge,
) -> None:
    report = judge(forge(update(signed_jpeg, JPEG, signer=agency_signer), JPEG))
    assert report.verdict is Verdict.ALTERED
    assert report.reason is code


def test_the_content_changed_under_an_update(
    signed_jpeg: bytes, agency_signer: MemorySigner, judge: Judge
) -> None:
    data = update(signed_jpeg, JPEG, signer=agency_signer)
    report = judge(surgery.flip_bit(data, -40))
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH


def test_an_update_whose_beneath_was_exchanged(
    signed: Signed, agency_signer: MemorySigner, judge: Judge
) -> None:
    data = update(signed("jpeg"), JPEG, signer=agency_signer)

    def edit(store: Store) -> None:
        beneath = store.root.children[-2]
        for box in beneath.child("c2pa.assertions").children[1:]:
            if box.label == "c2pa.actions.v2":
                payload = box.children[1].payload
                box.children[1].payload = payload[:-1] + bytes([payload[-1] ^ 1])

    report = judge(surgery.edit_store(data, JPEG, edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_INCOMPLETE


@pytest.mark.parametrize("kind", ["mp4", "heic"])
def test_data_behind_either_store_of_an_updated_film(
    kind: str, signed: Signed, agency_signer: MemorySigner, judge: Judge
) -> None:
    media_type = media.MEDIA_TYPES[kind]
    data = update(signed(kind), media_type, signer=agency_signer)
    hidden = data + b"hidden in the box of the update"
    at = data.rindex(C2PA_USER_TYPE) - 8
    size = int.from_bytes(data[at : at + 4]) + len(hidden) - len(data)
    report = judge(hidden[:at] + size.to_bytes(4) + hidden[at + 4 :])
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.PARTLY_COVERED
    assert FindingCode.MANIFEST_SLACK in codes(report)


@pytest.mark.parametrize("stamped", [True, False])
def test_an_update_by_whoever_has_stolen_the_agencys_key_is_the_thiefs(
    stamped: bool,  # noqa: FBT001 - a column of the table above
    agency: DevAgency,
    house: House,
    meridian: tuple[Holder, Holder],
) -> None:
    signer = house.signer("Stolen")
    (leaf, *_) = x509.load_pem_x509_certificates(signer.certificate_chain_pem)
    theft = STAMPED + timedelta(days=9)
    revoked = {"spki_sha256": pki.spki_sha256(leaf), "since": theft.isoformat()}
    verifier = judging.verifier_of(
        judging.directory_of(agency, house.root, entry={"revoked": [revoked]}),
        time_stamp_lists=[
            judging.trust_list("meridian", meridian[0], purpose=ListPurpose.TIME_STAMP)
        ],
    )
    release = surgery.forge_timestamp(
        sign(media.jpeg(), JPEG, signer=signer), JPEG, tsa=meridian[1], gen_time=STAMPED
    )
    assert verifier.verify(release).verdict is Verdict.OFFICIAL
    data = update(release, JPEG, signer=signer, assertions=[NOTE])
    if stamped:
        # The agency's own, before the theft.
        data = surgery.forge_timestamp(
            data, JPEG, tsa=meridian[1], gen_time=theft - timedelta(days=1)
        )
    report = verifier.verify(data)
    assert report.verdict is (Verdict.OFFICIAL if stamped else Verdict.SIGNED_UNRECOGNISED)
    assert report.has(FindingCode.UPDATED_BY_OTHERS) is not stamped
    assert report.has(FindingCode.KEY_DISOWNED) is not stamped
