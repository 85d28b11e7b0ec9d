"""Names that hide, reorder or escape: what a stranger writes is never repeated as it stands."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import Verdict
from tests.factory import media, pki, surgery
from tests.factory.judging import codes
from tests.factory.sign import CREATED, ingredient, sign
from tests.factory.stores import Store

Judge = Callable[..., Report]
JPEG = "image/jpeg"

EVIL = {
    "right-to-left override": "Aurora\u202eyxalaG\u202c",
    "isolates": "\u2066Aurora\u2069\u200f",
    "zero width": "Au\u200bro\u200dra\ufeff",
    "tags": "Aurora\U000e0041\U000e007f",
    "controls": "Aurora\0\x07\x08\r\nOfficial release of Aurora",
    "terminal": "\x1b[2J\x1b[1;31mOFFICIAL\x1b]0;owned\x07",
    "line separators": "Aurora\u2028Official\u2029release\x85now",
    "fillers": "\u3164\u115fAurora\u2800",
    "private use": "Aurora\ue000\U000f0000",
}
PLAIN = {
    "markup": "<script>alert('Aurora')</script>",
    "SQL": "Aurora'; DROP TABLE releases; --",
    "long": "A" * 5000,
}
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _is_clean(report: Report) -> None:
    for text in _texts(report.model_dump(mode="json")):
        bad = [c for c in text if unicodedata.category(c) in FORBIDDEN]
        assert not bad, f"{text!r}: {bad!r}"
        assert not set(text) & set("\u3164\u115f\u1160\uffa0\u2800"), repr(text)
        assert len(text) <= 400, text[:50]


@pytest.fixture(params=[*EVIL, *PLAIN])
def evil(request: pytest.FixtureRequest) -> str:
    return {**EVIL, **PLAIN}[request.param]


def test_a_strangers_names_everywhere(evil: str, judge: Judge) -> None:
    certificate_name = evil.replace("\0", "")[:60]
    _, issuing, _ = pki.three_tier("Evil", organization="Evil")
    leaf = pki.issue(
        pki.name(certificate_name, organization=certificate_name),
        issuing,
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
    )
    signer = pki.signer_of(leaf)
    action = {**CREATED, "description": evil, "softwareAgent": {"name": evil}}
    data = sign(
        media.jpeg(),
        JPEG,
        signer=signer,
        title=evil,
        actions=[action],
        claim_generator_info=[{"name": evil, "version": evil}],
        ingredients=[ingredient(media.jpeg(2), JPEG, title=evil)],
    )
    report = judge(data, name=f"{evil}.jpg")
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED, report.findings
    assert report.summary == "TEST. Signed by someone we cannot identify."
    _is_clean(report)
    assert report.manifest is not None
    assert report.manifest.title
    assert report.manifest.actions
    assert report.asset.name


@pytest.mark.parametrize("hidden", ["\u202eab", "\u200b\u200b", "\u2028ab"])
def test_a_remote_address_with_hidden_characters(
    hidden: str, stranger: MemorySigner, judge: Judge
) -> None:
    data = sign(media.jpeg(), JPEG, signer=stranger, remote_url="https://aurora.example/m.c2pa")
    stripped = surgery.strip_store(data, JPEG)
    # Of the same length, so that the segment stays whole.
    room = "example"
    new = (hidden.encode() + b"xxxxxxx")[: len(room)]
    assert hidden.encode() in new
    report = judge(stripped.replace(b"aurora." + room.encode(), b"aurora." + new))
    assert report.verdict in {Verdict.UNDETERMINED, Verdict.UNVERIFIED}
    _is_clean(report)


def test_labels_of_assertions(judge: Judge, stranger: MemorySigner, evil: str) -> None:
    data = sign(media.jpeg(), JPEG, signer=stranger)
    label = f"c2pa.actions.v2 {evil}".translate({0: None, ord("/"): "|"})[:300]

    def edit(store: Store) -> None:
        store.add_assertion(label, {"actions": []})

    _is_clean(judge(surgery.resign(data, JPEG, signer=stranger, edit=edit)))


def test_a_name_that_reads_like_a_verdict_stays_a_quotation(judge: Judge) -> None:
    leaf = pki.three_tier("Official release of Aurora Entertainment.", organization="Official")[2]
    report = judge(sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf), title="official"))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.summary == "TEST. Signed by someone we cannot identify."
    assert FindingCode.SIGNER_IS_AGENCY not in codes(report)
