"""Names that look like an agency's, on keys that are not the agency's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.verdict import Verdict
from tests.factory import judging, media, pki
from tests.factory.identity import engine_signed
from tests.factory.judging import GOOD, House, codes
from tests.factory.manifests import json_ld
from tests.factory.sign import sign
from tests.factory.surgery import sign_unchecked

Judge = Callable[..., Report]
JPEG = "image/jpeg"
STRANGER = (GOOD - {FindingCode.SIGNER_IS_AGENCY}) | {FindingCode.SIGNER_UNRECOGNISED}
NAME, KOREAN = "Aurora Entertainment", "오로라 엔터테인먼트"

DISGUISES = {
    "plain copy": (NAME, ["same"]),
    "small letters": ("aurora entertainment", ["case"]),
    "Cyrillic": ("Аurоrа Entertainment", ["skeleton"]),  # noqa: RUF001 - the attack
    "Greek": ("Αurora Εntertainment", ["skeleton"]),  # noqa: RUF001 - the attack
    "one for i": ("Aurora Enterta1nment", ["skeleton"]),
    "r n for m": ("Aurora Entertainrnent", ["skeleton"]),
    "full width": ("Ａｕｒｏｒａ　Ｅｎｔｅｒｔａｉｎｍｅｎｔ", ["compatibility-form"]),  # noqa: RUF001
    "bidi override": ("\u202etnemniatretnE aroruA", ["hidden-characters"]),
    "bidi isolates": ("\u2066Aurora\u2069 Entertainment\u200f", ["hidden-characters"]),
    "zero width": ("Au\u200bro\u200cra\ufeff Entertainment", ["hidden-characters"]),
    "suffix": ("Aurora Entertainment Co., Ltd.", ["suffix"]),
    "official": ("Aurora Entertainment Official", ["suffix"]),
    "Korean suffix": ("㈜오로라 엔터테인먼트", ["compatibility-form", "suffix"]),
    "Korean prefix": ("주식회사 오로라 엔터테인먼트", ["suffix"]),
    "no space": ("오로라엔터테인먼트", ["spacing"]),
    "other spaces": ("Aurora\u2003-\u2003Entertainment", ["spacing"]),
    "transliteration": ("Orora Enteoteinmeonteu", ["transliteration"]),
    "all at once": (
        "Ａurоra\u200bEntertainment, lnc.",  # noqa: RUF001 - the attack
        ["hidden-characters", "compatibility-form", "skeleton", "suffix", "spacing"],
    ),
}
UNRELATED = (
    "Aurora Borealis",
    "Aurora Records",
    "Aurelia Entertainment",
    "Entertainment",
    "Official",
    "NOVA",
    "오로라 뮤직",
)


@pytest.fixture(scope="module")
def judge(agency: DevAgency, house: House) -> Judge:
    entry = {"transliterations": ["Orora Enteoteinmeonteu"]}
    directory = judging.directory_of(agency, house.root, entry=entry)
    strangers = judging.trust_list("products", pki.three_tier("Vantage", organization="Vantage")[0])
    return judging.verifier_of(directory, trust_lists=[strangers]).verify


def _impostors(report: Report) -> list[dict[str, Any]]:
    return [f.evidence for f in report.findings if f.code is FindingCode.IMPOSTOR_NAME]


def _stranger(text: str, attribute: str = "organization") -> bytes:
    names = {"organization": "Nobody", "unit": "Nobody", "common_name": "Nobody", attribute: text}
    subject = pki.name(names.pop("common_name"), **names)
    issuing = pki.three_tier("Elsewhere", organization="Elsewhere")[1]
    leaf = pki.issue(subject, issuing, eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION))
    return sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf))


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_strangers_certificate(disguise: str, judge: Judge) -> None:
    text, how = DISGUISES[disguise]
    report = judge(_stranger(text))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == STRANGER | {FindingCode.IMPOSTOR_NAME}
    (evidence,) = _impostors(report)
    assert evidence["where"] == "certificate, organisation"
    assert evidence["looks_like"] in {NAME, KOREAN, "Orora Enteoteinmeonteu"}
    assert evidence["agency"] == "aurora-entertainment"
    assert evidence["how"] == how


@pytest.mark.parametrize("disguise", DISGUISES)
def test_twin_the_agency_itself_may_write_its_name_as_it_likes(
    disguise: str, house: House, judge: Judge
) -> None:
    text = DISGUISES[disguise][0]
    data = sign(
        media.jpeg(),
        JPEG,
        signer=house.signer("Press"),
        title=text,
        claim_generator_info=[{"name": text}],
    )
    assert codes(judge(data)) == GOOD


@pytest.mark.parametrize("text", UNRELATED)
def test_twin_an_unrelated_name(text: str, judge: Judge) -> None:
    assert codes(judge(_stranger(text))) == STRANGER


@pytest.mark.parametrize(
    ("attribute", "where"),
    [
        ("common_name", "certificate, common name"),
        ("organization", "certificate, organisation"),
        ("unit", "certificate, organisational unit"),
    ],
)
def test_every_part_of_the_subject_is_looked_at(attribute: str, where: str, judge: Judge) -> None:
    (evidence,) = _impostors(judge(_stranger(KOREAN, attribute)))
    assert (evidence["where"], evidence["says"]) == (where, KOREAN)


def test_an_issuer_of_the_agencys_name(judge: Judge) -> None:
    _, _, leaf = pki.three_tier("Elsewhere", organization="Aurora Entertainment LLC")
    below = pki.issue(
        pki.name("Leaf", organization="Nobody"),
        pki.three_tier("Elsewhere", organization="Aurora Entertainment LLC")[1],
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
    )
    for holder, places in (
        (below, {"certificate, issuer, organisation"}),
        (leaf, {"certificate, organisation", "certificate, issuer, organisation"}),
    ):
        report = judge(sign(media.jpeg(), JPEG, signer=pki.signer_of(holder)))
        assert {evidence["where"] for evidence in _impostors(report)} == places


def _titled(**fields: Any) -> bytes:
    leaf = pki.three_tier("Elsewhere", organization="Elsewhere")[2]
    return sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf), **fields)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"title": NAME}, "claim, title"),
        ({"claim_generator_info": [{"name": NAME, "version": "2"}]}, "claim generator"),
        (
            {"assertions": [json_ld(dc__creator=["Somebody", NAME])]},
            "cawg.metadata, dc:creator",
        ),
        (
            {"assertions": [json_ld(dc__publisher=NAME)]},
            "cawg.metadata, dc:publisher",
        ),
    ],
)
def test_what_the_claim_and_the_metadata_say(
    fields: dict[str, Any], where: str, judge: Judge
) -> None:
    (evidence,) = _impostors(judge(_titled(**fields)))
    assert evidence == {
        "where": where,
        "says": NAME,
        "looks_like": NAME,
        "agency": "aurora-entertainment",
        "how": ["same"],
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"title": f"{NAME} at the harbour"},
        {"claim_generator_info": [{"name": "Aurora TEST Press Room"}]},
        # About the agency, not by it.
        {"assertions": [json_ld(dc__subject=NAME)]},
    ],
)
def test_twin_what_speaks_about_the_agency(fields: dict[str, Any], judge: Judge) -> None:
    assert _impostors(judge(_titled(**fields))) == []


def test_an_identity_in_the_agencys_name(judge: Judge) -> None:
    claim = pki.three_tier("Vantage", organization="Vantage")[2]
    forged = pki.three_tier("Elsewhere", organization=NAME)[2]
    report = judge(engine_signed(media.jpeg(), JPEG, claim=claim, identity=forged))
    assert report.verdict is Verdict.SIGNED
    assert {e["where"] for e in _impostors(report)} == {
        "identity certificate, organisation",
        "identity certificate, issuer, organisation",
    }


def test_twin_the_agencys_own_identity(house: House, judge: Judge) -> None:
    claim = pki.three_tier("Vantage", organization="Vantage")[2]
    own = pki.issue(pki.name("Publisher TEST leaf"), house.issuing, eku=(pki.EMAIL_PROTECTION,))
    data = engine_signed(
        media.jpeg(),
        JPEG,
        claim=claim,
        identity=own,
        assertions=[json_ld(dc__publisher=NAME)],
    )
    report = judge(data)
    assert [entry.state for entry in report.identity] == ["verified"]
    assert _impostors(report) == []


def test_twin_an_expired_certificate_of_the_agency(house: House, judge: Judge) -> None:
    signer = house.signer("Old", not_after=judging.AT.replace(month=2))
    report = judge(sign_unchecked(media.jpeg(), JPEG, signer=signer))
    assert FindingCode.CERTIFICATE_EXPIRED in codes(report)
    assert _impostors(report) == []


def test_twin_a_disowned_key_is_named_as_that(agency: DevAgency, house: House) -> None:
    lost = pki.issue(
        pki.name("Lost TEST leaf"), house.issuing, eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION)
    )
    entry = {"revoked": [{"spki_sha256": pki.spki_sha256(lost.certificate)}]}
    directory = judging.directory_of(agency, house.root, entry=entry)
    data = sign(media.jpeg(), JPEG, signer=pki.signer_of(lost))
    report = judging.verifier_of(directory).verify(data)
    assert FindingCode.KEY_DISOWNED in codes(report)
    assert _impostors(report) == []


def test_an_altered_file_is_not_accused_of_names_as_well(judge: Judge) -> None:
    data = bytearray(_stranger(NAME))
    data[-10] ^= 1
    report = judge(bytes(data))
    assert report.verdict is Verdict.ALTERED
    # Its signature holds, so the name in the certificate was signed for.
    assert len(_impostors(report)) == 1


def test_without_a_directory_nobody_is_an_impostor() -> None:
    report = judging.verifier_of(None).verify(_stranger(NAME))
    assert _impostors(report) == []
