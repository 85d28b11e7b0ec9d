"""What a change of directory, lists or policy does to a report whose file is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from provenance.records.judged_with import judged_by
from provenance.records.vouched import JudgedNow, is_still_vouched, signer_stamp
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.directory import LoadedDirectory, parse_directory
from provenance.trust.lists import ListPurpose, TrustList
from provenance.verdict import Verdict
from provenance.verification.policy import Policy
from tests.factory import media, pki
from tests.factory.judging import AT, trust_list, verifier_of
from tests.factory.sign import sign
from tests.factory.surgery import forge_timestamp
from tests.factory.tsa import make_authority

Change = Callable[[dict[str, Any]], object]
DAY = timedelta(days=1)


def _directory(agency: DevAgency, *changes: Change, version: int = 1) -> LoadedDirectory:
    document = agency.directory_entry(list_key=True)
    document["version"] = version
    for change in changes:
        change(document)
    data = json.dumps(document).encode()
    return parse_directory(data, where="directory", source="made by a test")


def _agencys(**fields: Any) -> Change:
    return lambda document: document["agencies"][0].update(fields)


def _keys(**fields: Any) -> Change:
    return lambda document: [
        entry.update(fields) for entry in document["agencies"][0]["keys"] if entry
    ]


def _another(**fields: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        first = document["agencies"][0]
        names = [{"language": "en", "name": "Borealis Records"}]
        empty: dict[str, Any] = {"anchors": [], "keys": [], "channels": [], "contact": {}}
        document["agencies"].append({**first, **empty, "id": "borealis", "names": names, **fields})

    return change


def _now(
    directory: LoadedDirectory | None, *, policy: Policy | None = None, **lists: Any
) -> JudgedNow:
    made = verifier_of(directory, policy=policy, **lists).verify(b"x")
    return JudgedNow(by=judged_by(made.context), directory=directory, policy=policy or Policy())


@pytest.fixture
def official(agency: DevAgency, signed_jpeg: bytes) -> Report:
    report = verifier_of(_directory(agency)).verify(signed_jpeg)
    assert report.verdict is Verdict.OFFICIAL
    return report


def _holds(report: Report, agency: DevAgency, now: JudgedNow, *, at: datetime = AT) -> bool:
    return is_still_vouched(report, signer_stamp(report, _directory(agency)), now, at=at)


HARMLESS: Mapping[str, Change] = {
    "a new version": lambda _: None,
    "another contact": _agencys(contact={"email": "press@aurora.example"}),
    "another channel": _agencys(channels=[]),
    "another agency": _another(),
    "another agency that disowns another key": _another(revoked=[{"spki_sha256": "0" * 64}]),
}
HARMFUL: Mapping[str, Change] = {
    "no agency": lambda document: document.update(agencies=[]),
    "no key": _agencys(keys=[]),
    "a compromised key": _keys(compromised_since="2026-10-01T00:00:00Z"),
    "a window": _keys(not_after="2026-10-01T00:00:00Z"),
    "a narrower scope": _agencys(scope={"media_kinds": ["video"]}),
    "a disowned certificate": _agencys(revoked=[{"spki_sha256": "0" * 64}]),
    "another agency that matches": _another(
        anchors=[
            {
                "id": "theirs",
                "certificate_pem": pki.three_tier("Theirs")[0].pem.decode("ascii"),
                "subject": {"organization": "Aurora Entertainment"},
            }
        ]
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_directory_that_leaves_the_signer_as_it_was(
    name: str, official: Report, agency: DevAgency
) -> None:
    assert _holds(official, agency, _now(_directory(agency, HARMLESS[name], version=2)))


@pytest.mark.parametrize("name", HARMFUL)
def test_a_directory_that_does_not(name: str, official: Report, agency: DevAgency) -> None:
    assert not _holds(official, agency, _now(_directory(agency, HARMFUL[name], version=2)))


def test_no_directory_any_more(official: Report, agency: DevAgency) -> None:
    assert not _holds(official, agency, _now(None))


def test_of_a_report_without_a_stamp_nothing_is_known_once_there_is_news(
    official: Report, agency: DevAgency
) -> None:
    same, newer = _now(_directory(agency)), _now(_directory(agency, version=2))
    assert is_still_vouched(official, None, same, at=AT)
    assert not is_still_vouched(official, None, newer, at=AT)


def test_an_old_directory_calls_nothing_official(official: Report, agency: DevAgency) -> None:
    policy = Policy(max_directory_age=AT - pki.NOT_BEFORE + DAY)
    now = replace(_now(_directory(agency)), policy=policy)
    assert _holds(official, agency, now)
    assert not _holds(official, agency, now, at=AT + 2 * DAY)


def test_a_certificate_that_has_ended_without_a_trusted_time(
    official: Report, agency: DevAgency
) -> None:
    now, certificate = _now(_directory(agency)), official.signer.certificate
    assert certificate is not None
    assert _holds(official, agency, now, at=certificate.not_after)
    assert not _holds(official, agency, now, at=certificate.not_after + DAY)


def test_another_policy_may_say_otherwise(official: Report, agency: DevAgency) -> None:
    now = _now(_directory(agency), policy=Policy(name="default", version="99"))
    assert not _holds(official, agency, now)


@pytest.fixture
def listed() -> tuple[bytes, TrustList]:
    root, _, leaf = pki.three_tier("Acme Cameras", organization="Acme Cameras")
    data = sign(media.jpeg(1), "image/jpeg", signer=pki.signer_of(leaf))
    return data, trust_list("cameras", root)


def test_a_signer_of_a_list_needs_the_list(
    agency: DevAgency, listed: tuple[bytes, TrustList]
) -> None:
    directory = _directory(agency)
    report = verifier_of(directory, trust_lists=[listed[1]]).verify(listed[0])
    assert report.verdict is Verdict.SIGNED
    more = [listed[1], trust_list("others", pki.three_tier("Others")[0])]
    assert _holds(report, agency, _now(directory, trust_lists=more))
    assert not _holds(report, agency, _now(directory))


def test_a_time_stamp_needs_its_list_where_only_it_protects(
    agency: DevAgency, agency_signer: MemorySigner
) -> None:
    root, leaf = make_authority("Meridian")
    lists = [trust_list("tsa", root, purpose=ListPurpose.TIME_STAMP)]
    data = forge_timestamp(
        sign(media.jpeg(1), "image/jpeg", signer=agency_signer),
        "image/jpeg",
        tsa=leaf,
        gen_time=pki.NOT_BEFORE + 31 * DAY,
    )
    stolen = _directory(agency, _keys(compromised_since="2099-01-01T00:00:00Z"))
    plain = _directory(agency)
    for directory, without in ((stolen, False), (plain, True)):
        report = verifier_of(directory, time_stamp_lists=lists).verify(data)
        stamp = signer_stamp(report, directory)
        assert report.time.trusted_at is not None
        for given, holds in ((lists, True), ([], without)):
            now = _now(directory, time_stamp_lists=given)
            assert is_still_vouched(report, stamp, now, at=AT) is holds


def test_what_rests_on_nobodys_word(agency: DevAgency, signed_jpeg: bytes) -> None:
    altered = bytearray(signed_jpeg)
    altered[-100] ^= 0xFF
    report = verifier_of(_directory(agency)).verify(bytes(altered))
    assert report.verdict is Verdict.ALTERED
    assert is_still_vouched(report, None, _now(None), at=AT)
