"""Statements of identity that do not hold: the verdict is as if they were not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import Axis, Verdict
from tests.factory import media, surgery
from tests.factory.judging import GOOD, codes
from tests.factory.sign import sign
from tests.factory.stores import Store

Judge = Callable[..., Report]
JPEG = "image/jpeg"

# Statements that can be read and do not hold.
FALSE: dict[str, Any] = {
    "unknown kind": {
        "signer_payload": {"referenced_assertions": [], "sig_type": "example.aurora"},
        "signature": b"\0",
        "pad1": b"",
    },
    "broken COSE": {
        "signer_payload": {"referenced_assertions": [], "sig_type": "cawg.x509.cose"},
        "signature": cbor2.dumps(cbor2.CBORTag(18, [b"", {}, None, b"\0" * 64])),
        "pad1": b"",
    },
}
MALFORMED: dict[str, Any] = {
    "empty": {},
    "no signature": {"signer_payload": {"referenced_assertions": [], "sig_type": "cawg.x509.cose"}},
    "text": {"signer_payload": "Aurora", "signature": "Aurora"},
    "a list": [1, 2, 3],
}


def _with_identity(data: bytes, said: Any, signer: MemorySigner) -> bytes:
    def edit(store: Store) -> None:
        store.add_assertion("cawg.identity", said)

    return surgery.resign(data, JPEG, signer=signer, edit=edit)


@pytest.mark.parametrize("name", FALSE)
@pytest.mark.parametrize("who", ["agency", "stranger"])
def test_a_false_identity_is_left_out_of_account(
    who: str, name: str, agency_signer: MemorySigner, stranger: MemorySigner, judge: Judge
) -> None:
    signer = agency_signer if who == "agency" else stranger
    plain = sign(media.jpeg(), JPEG, signer=signer)
    twin = judge(plain)

    report = judge(_with_identity(plain, FALSE[name], signer))
    assert report.verdict is twin.verdict, report.findings
    added = codes(report) - codes(twin)
    assert {f.axis for f in report.findings if f.code in added} == {Axis.IDENTITY}
    assert added == {FindingCode.IDENTITY_INVALID}
    assert report.summary == twin.summary
    assert "identity" in {check.check for check in report.checks_not_run}


@pytest.mark.parametrize("name", MALFORMED)
def test_an_identity_that_is_none_leaves_the_credentials_unchecked_and_accuses_nobody(
    name: str, signed_jpeg: bytes, agency_signer: MemorySigner, judge: Judge
) -> None:
    # The engine reports a missing field of the manifest as a whole, so this cannot be
    # told from another assertion that is none.
    report = judge(_with_identity(signed_jpeg, MALFORMED[name], agency_signer))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_INCOMPLETE


def test_twin_without_an_identity(signed_jpeg: bytes, judge: Judge) -> None:
    report = judge(signed_jpeg)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD
    assert "identity" not in {check.check for check in report.checks_not_run}
