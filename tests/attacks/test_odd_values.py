"""Values of a type that nobody expects, by a stranger: the file still gets its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import Verdict
from tests.factory import judging, media, surgery
from tests.factory.sign import sign
from tests.factory.stores import Store

Judge = Callable[..., Report]
JPEG = "image/jpeg"
ROOM = {"label": "example.room", "data": {"pad": "x" * 4000}}


def forged(signer: MemorySigner, edit: Callable[[Store], object]) -> bytes:
    """A picture that this signer signs after the change."""

    def change(store: Store) -> None:
        store.remove_assertion("example.room")
        edit(store)

    carrier = sign(media.jpeg(), JPEG, signer=signer, assertions=[ROOM])
    return surgery.resign(carrier, JPEG, signer=signer, edit=change)


def bound_by(label: str, said: Any) -> Callable[[Store], object]:
    """The same picture with another hard binding."""

    def edit(store: Store) -> None:
        store.remove_assertion("c2pa.hash.data")
        store.add_assertion(label, said)

    return edit


def test_twin_a_picture_that_was_signed_again(stranger: MemorySigner, judge: Judge) -> None:
    report = judge(forged(stranger, lambda _: None))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("c2pa.hash.boxes", {"boxes": [{"names": 7}]}),
        ("c2pa.hash.boxes", {"boxes": [{"names": True}]}),
        (
            "c2pa.hash.bmff.v3",
            {"hash": b"h", "exclusions": [{"xpath": "/free", "data": [{"offset": 8, "value": 9}]}]},
        ),
        (
            "c2pa.hash.bmff.v3",
            {
                "hash": b"h",
                "exclusions": [{"xpath": "/free", "data": [{"offset": 8, "value": 2**50}]}],
            },
        ),
    ],
)
def test_a_hard_binding_whose_parts_have_another_type(
    label: str, said: Any, stranger: MemorySigner, judge: Judge
) -> None:
    report = judge(forged(stranger, bound_by(label, said)))
    assert report.verdict is Verdict.UNDETERMINED, report.summary


@pytest.mark.parametrize("critical", [[[33]], [{33: 1}], [b"x"]])
def test_a_critical_parameter_that_is_no_label(
    critical: Any, agency_signer: MemorySigner, judge: Judge
) -> None:
    data = sign(media.jpeg(), JPEG, signer=agency_signer, assertions=[ROOM])

    def edit(store: Store) -> None:
        size_bytes = len(store.to_bytes())
        protected, *rest = store.cose
        store.cose = [cbor2.dumps({**cbor2.loads(protected), 2: critical}), *rest]
        store.resize(size_bytes)

    report = judge(surgery.edit_store(data, JPEG, edit))
    assert report.verdict is Verdict.UNDETERMINED, report.summary


def test_an_exclusion_by_text_where_the_engine_takes_text_for_bytes(
    stranger: MemorySigner, judge: Judge
) -> None:
    exclusion = {"xpath": "/free", "data": [{"offset": 8, "value": "free"}]}
    said = {"hash": b"h", "exclusions": [exclusion]}
    report = judge(forged(stranger, bound_by("c2pa.hash.bmff.v3", said)))
    assert report.verdict is Verdict.ALTERED, report.summary
    assert not report.has(FindingCode.FULLY_COVERED)


@pytest.mark.parametrize("critical", [[33], [[33]], [{33: 1}]])
def test_a_statement_of_identity_whose_critical_parameter_is_no_label(
    critical: Any, agency_signer: MemorySigner, judge: Judge
) -> None:
    protected = cbor2.dumps({1: -7, 2: critical, 33: b"no certificate"})
    sign1 = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, bytes(64)]))

    def edit(store: Store) -> None:
        binding = next(e for e in store.claim["created_assertions"] if "c2pa.hash" in e["url"])
        payload = {"referenced_assertions": [binding], "sig_type": "cawg.x509.cose"}
        store.add_assertion(
            "cawg.identity", {"signer_payload": payload, "signature": sign1, "pad1": b""}
        )

    report = judge(forged(agency_signer, edit))
    assert report.verdict is Verdict.OFFICIAL, report.findings
    (identity,) = report.identity
    assert identity.state != "verified"


@pytest.mark.parametrize("most", [1000, 500])
@pytest.mark.parametrize("label", ["c2pa.time-stamp", "c2pa.ai-disclosure", "c2pa.ingredient.v3"])
def test_a_statement_of_more_values_than_are_read_says_nothing(
    most: int, label: str, agency: DevAgency, agency_signer: MemorySigner
) -> None:
    def edit(store: Store) -> None:
        said = {"relationship": "componentOf", "dc:title": "a", "many": [0] * 900}
        store.add_assertion(label, said)

    carrier = sign(media.jpeg(), JPEG, signer=agency_signer, assertions=[ROOM])
    data = surgery.resign(carrier, JPEG, signer=agency_signer, edit=edit)
    verifier = judging.verifier_of(judging.directory_of(agency), limits=Limits(max_cbor_items=most))
    report = verifier.verify(data)
    assert report.verdict is Verdict.OFFICIAL, report.findings
    assert not report.has(FindingCode.LIMIT_REACHED)
