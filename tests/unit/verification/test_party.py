from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.manifest_store import Manifest, parse_manifest_store
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.lists import ListPurpose
from provenance.trust.recognition import Recogniser
from provenance.trust.revocation import RevocationChecker
from provenance.trust.timestamps import TimeStampChecker
from provenance.verdict import SignerKind, TimeState
from provenance.verification.party import PartyJudge, certificate_facts
from tests.factory import judging, media, pki
from tests.factory.judging import AT, House
from tests.factory.pki import Holder
from tests.factory.sign import sign, store_of
from tests.factory.stores import parse_store
from tests.factory.surgery import edit_store, forge_timestamp
from tests.factory.tsa import make_authority

JPEG = "image/jpeg"
EARLY, LATE = datetime(2025, 2, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def house() -> House:
    return judging.house()


@pytest.fixture(scope="module")
def meridian() -> tuple[Holder, Holder]:
    return make_authority("Meridian")


@pytest.fixture
def judge(
    agency: DevAgency, house: House, meridian: tuple[Holder, Holder]
) -> Callable[..., PartyJudge]:
    def make(**options: object) -> PartyJudge:
        stamps = judging.trust_list("meridian", meridian[0], purpose=ListPurpose.TIME_STAMP)
        whole: dict[str, object] = {"now": AT, "media_kind": "image", "limits": Limits()}
        return PartyJudge(
            Recogniser(judging.directory_of(agency, house.root), ()),
            TimeStampChecker([stamps]),
            RevocationChecker(),
            **{**whole, **options},  # type: ignore[arg-type]
        )

    return make


Judge = Callable[..., PartyJudge]


def _manifest(data: bytes) -> Manifest:
    return parse_manifest_store(store_of(data, JPEG)).active


def _signed_by(signer: MemorySigner, seed: int = 1) -> Manifest:
    return _manifest(sign(media.jpeg(seed), JPEG, signer=signer))


@pytest.fixture(scope="module")
def own(signed_jpeg: bytes) -> Manifest:
    return _manifest(signed_jpeg)


def test_the_agencys_manifest(own: Manifest, judge: Judge, agency: DevAgency) -> None:
    party = judge().judge(own)
    assert party.signature is SignatureAnswer.VALID
    assert party.algorithm == "ES256"
    assert party.leaf is not None
    assert party.leaf.spki_sha256 == agency.leaf_spki_sha256
    assert party.recognition.kind is SignerKind.AGENCY
    assert party.time.state is TimeState.NONE
    assert [f.code for f in party.findings] == [FindingCode.SIGNER_IS_AGENCY]


def test_a_manifest_is_judged_once(own: Manifest, judge: Judge) -> None:
    one = judge()
    assert one.judge(own) is one.judge(own)


def test_a_manifest_without_a_signature(own: Manifest, judge: Judge) -> None:
    party = judge().judge(replace(own, signature=None))
    assert party.signature is SignatureAnswer.UNSUPPORTED
    assert party.why_unreadable == "no signature"
    assert party.leaf is None
    assert party.recognition.kind is SignerKind.NONE


@pytest.mark.parametrize("junk", [b"", b"\xff", b"\xa0", b"\xd2\x84\x40\xa0\xf6\x40"])
def test_a_signature_that_cannot_be_read(junk: bytes, own: Manifest, judge: Judge) -> None:
    party = judge().judge(replace(own, signature=junk))
    assert party.signature is SignatureAnswer.UNSUPPORTED
    assert party.why_unreadable
    assert party.recognition.kind is SignerKind.NONE


def test_more_certificates_than_are_read(own: Manifest, judge: Judge) -> None:
    party = judge(limits=Limits(max_certificates=1)).judge(own)
    assert party.signature is SignatureAnswer.UNSUPPORTED
    assert "max_certificates" in party.why_unreadable


def test_two_of_one_key_of_one_agency_and_of_nobody(
    own: Manifest, judge: Judge, agency_signer: MemorySigner, house: House
) -> None:
    def stranger(label: str) -> MemorySigner:
        return pki.signer_of(pki.three_tier(label, organization=label)[2])

    one = judge()
    again, other_key = _signed_by(agency_signer, 2), _signed_by(house.signer())
    first, second = _signed_by(stranger("First")), _signed_by(stranger("Second"))
    assert one.same_party(own, again)
    assert one.same_party(own, other_key)
    assert one.same_party(first, _signed_by(stranger("First"), 2))
    assert not one.same_party(first, second)
    assert not one.same_party(own, first)


def test_a_signature_that_does_not_hold_makes_nobody_the_same(own: Manifest, judge: Judge) -> None:
    spoiled = replace(own, label="urn:c2pa:spoiled", claim=replace(own.claim, data=b"other"))
    one = judge()
    assert one.judge(spoiled).signature is SignatureAnswer.MISMATCH
    assert not one.same_party(own, spoiled)


def test_of_several_trusted_times_the_earliest_counts(
    signed_jpeg: bytes, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    tokens = [
        parse_store(
            store_of(forge_timestamp(signed_jpeg, JPEG, tsa=meridian[1], gen_time=moment), JPEG)
        ).cose[1]["sigTst2"]["tstTokens"][0]
        for moment in (LATE, EARLY)
    ]
    data = edit_store(
        signed_jpeg,
        JPEG,
        lambda store: store.set_unprotected({"sigTst2": {"tstTokens": tokens}}),
    )
    party = judge().judge(_manifest(data))
    assert party.time.state is TimeState.TRUSTED
    assert party.time.trusted_at == EARLY
    assert party.time.recognised_by == "list:meridian"
    codes = [f.code for f in party.findings]
    assert codes.count(FindingCode.TIME_TRUSTED) == 2


def test_the_kind_of_media_is_asked_of_the_scope(own: Manifest, agency: DevAgency) -> None:
    directory = judging.directory_of(agency, entry={"scope": {"media_kinds": ["audio"]}})
    judged = {
        kind: PartyJudge(
            Recogniser(directory, ()),
            TimeStampChecker([]),
            RevocationChecker(),
            now=AT,
            media_kind=kind,
            limits=Limits(),
        ).judge(own)
        for kind in ("audio", "image")
    }
    assert judged["audio"].recognition.kind is SignerKind.AGENCY
    assert judged["image"].recognition.kind is SignerKind.UNRECOGNISED
    assert FindingCode.KEY_OUT_OF_SCOPE in {f.code for f in judged["image"].findings}


def test_the_facts_of_a_certificate_are_cleaned(judge: Judge) -> None:
    leaf = pki.issue(
        pki.name("Au\u202erora\u200b", organization="Aurora\u2066"),
        pki.three_tier("Evil", organization="Evil")[1],
        eku=(pki.CLAIM_SIGNING,),
    )
    party = judge().judge(_signed_by(pki.signer_of(leaf)))
    assert party.leaf is not None
    facts = certificate_facts(party.leaf, party.algorithm)
    assert (facts.says_common_name, facts.says_organization) == ("Aurora", "Aurora")
    assert certificate_facts(party.leaf, None).algorithm == "unknown"
