"""Ingredients: an agency's file used by somebody else, and histories that do not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import SignerKind, Verdict
from tests.factory import media, surgery
from tests.factory.judging import GOOD, codes
from tests.factory.sign import ingredient, sign
from tests.factory.stores import Box, Store

Judge = Callable[..., Report]
JPEG = "image/jpeg"
# The engine knows no trust list when it takes an ingredient, and records that.
FROM_RELEASE = {FindingCode.MADE_FROM_RELEASE}
NOBODY = {FindingCode.SIGNER_UNRECOGNISED}


@pytest.fixture(scope="module")
def remade(signed_jpeg: bytes, agency_signer: MemorySigner) -> bytes:
    """The agency's own file made from another of its releases."""
    return sign(
        media.jpeg(2),
        JPEG,
        signer=agency_signer,
        ingredients=[ingredient(signed_jpeg, JPEG)],
    )


def test_twin_the_agency_uses_its_own_release(remade: bytes, judge: Judge) -> None:
    report = judge(remade)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | FROM_RELEASE
    (used,) = report.ingredients
    assert used.state == "holds"
    assert used.agency is not None


@pytest.mark.parametrize("relationship", ["parentOf", "componentOf", "inputTo"])
def test_a_stranger_who_signs_anew_with_the_release_as_ingredient_is_the_stranger(
    relationship: str, signed_jpeg: bytes, stranger: MemorySigner, judge: Judge
) -> None:
    source = ingredient(signed_jpeg, JPEG, relationship=relationship, title="Aurora release")
    report = judge(sign(media.jpeg(2), JPEG, signer=stranger, ingredients=[source]))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == GOOD - {FindingCode.SIGNER_IS_AGENCY} | NOBODY | FROM_RELEASE
    assert report.signer.kind is SignerKind.UNRECOGNISED
    assert report.signer.agency is None
    assert report.summary == (
        "TEST. Signed by someone we cannot identify. "
        "It says it was made from a release of Aurora Entertainment."
    )


def _edit_first(change: Callable[[Box], None]) -> Callable[[Store], None]:
    """Change the ingredient's manifest, which stands before the active one."""

    def edit(store: Store) -> None:
        change(store.root.children[1])

    return edit


def _rename(manifest: Box) -> None:
    claim = next(b for b in manifest.children[1:] if b.label.startswith("c2pa.claim"))
    claim.children[1].payload = claim.children[1].payload.replace(b"TEST", b"TESU")


def _change_actions(manifest: Box) -> None:
    actions = manifest.child("c2pa.assertions").child("c2pa.actions.v2").children[1]
    actions.payload = surgery.flip_bit(actions.payload, -1)


@pytest.mark.parametrize("change", [_rename, _change_actions], ids=["claim", "assertion"])
def test_a_broken_ingredient_says_so_and_decides_nothing(
    change: Callable[[Box], None], remade: bytes, judge: Judge
) -> None:
    report = judge(surgery.edit_store(remade, JPEG, _edit_first(change)))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.INGREDIENT_FAILED}
    (used,) = report.ingredients
    assert used.state == "failed"
    assert used.agency is None
    assert used.failures


def test_a_broken_release_lends_a_stranger_no_origin(
    signed_jpeg: bytes, stranger: MemorySigner, judge: Judge
) -> None:
    data = sign(media.jpeg(2), JPEG, signer=stranger, ingredients=[ingredient(signed_jpeg, JPEG)])
    report = judge(surgery.edit_store(data, JPEG, _edit_first(_rename)))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert FindingCode.MADE_FROM_RELEASE not in codes(report)
    assert "Aurora" not in report.summary


def test_an_altered_release_as_ingredient(
    signed_jpeg: bytes, stranger: MemorySigner, judge: Judge
) -> None:
    altered = surgery.flip_in_media(signed_jpeg, JPEG)
    source = ingredient(altered, JPEG)
    report = judge(sign(media.jpeg(2), JPEG, signer=stranger, ingredients=[source]))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    (used,) = report.ingredients
    assert "assertion.dataHash.mismatch" in used.recorded_failures
    assert FindingCode.INGREDIENT_RECORDED_FAILURE in codes(report)


def test_an_ingredient_whose_manifest_is_gone(remade: bytes, judge: Judge) -> None:
    def edit(store: Store) -> None:
        size = len(store.to_bytes())
        del store.root.children[1]
        store.resize(size)

    report = judge(surgery.edit_store(remade, JPEG, edit))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.INGREDIENT_MISSING}
    (used,) = report.ingredients
    assert used.state == "missing"


def _recorded(codes_: list[str], style: str) -> dict[str, Any]:
    failures = [{"code": code, "url": "self#jumbf=c2pa.signature"} for code in codes_]
    active = {"success": [], "informational": [], "failure": failures}
    if style == "validationStatus":
        return {"validationStatus": failures}
    return {"validationResults": {"activeManifest": active}}


@pytest.mark.parametrize("style", ["validationResults", "validationStatus"])
def test_failures_that_the_signer_wrote_down_are_shown(
    style: str, remade: bytes, agency_signer: MemorySigner, judge: Judge
) -> None:
    def edit(store: Store) -> None:
        said = store.assertion("c2pa.ingredient.v3")
        said.pop("validationResults", None)
        said |= _recorded(["assertion.dataHash.mismatch", "claimSignature.mismatch"], style)
        store.set_assertion("c2pa.ingredient.v3", said)

    report = judge(surgery.resign(remade, JPEG, signer=agency_signer, edit=edit))
    assert report.verdict is Verdict.OFFICIAL, report.findings
    assert FindingCode.INGREDIENT_RECORDED_FAILURE in codes(report)
    (used,) = report.ingredients
    assert used.recorded_failures == ("assertion.dataHash.mismatch", "claimSignature.mismatch")


def test_an_ingredient_that_names_itself_as_its_source(
    remade: bytes, agency_signer: MemorySigner, judge: Judge
) -> None:
    def edit(store: Store) -> None:
        said = store.assertion("c2pa.ingredient.v3")
        said["activeManifest"]["url"] = f"self#jumbf=/c2pa/{store.label}"
        store.set_assertion("c2pa.ingredient.v3", said)

    report = judge(surgery.resign(remade, JPEG, signer=agency_signer, edit=edit))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_UNREADABLE
    assert report.ingredients == ()


def test_a_redacted_statement_of_an_ingredient_is_not_a_failure(
    agency_signer: MemorySigner, judge: Judge
) -> None:
    note = {"label": "example.aurora.note", "data": {"place": "backstage"}}
    first = sign(media.jpeg(), JPEG, signer=agency_signer, assertions=[note])

    def edit(store: Store) -> None:
        beneath = store.root.children[1]
        listed = beneath.child("c2pa.assertions")
        listed.children.remove(listed.child("example.aurora.note"))
        claim = store.claim
        claim["redacted_assertions"] = [
            f"self#jumbf=/c2pa/{beneath.label}/c2pa.assertions/example.aurora.note"
        ]
        store.claim = claim

    data = sign(media.jpeg(2), JPEG, signer=agency_signer, ingredients=[ingredient(first, JPEG)])
    report = judge(surgery.resign(data, JPEG, signer=agency_signer, edit=edit))
    assert report.verdict is Verdict.OFFICIAL, report.findings
    assert codes(report) == GOOD | FROM_RELEASE
    assert report.ingredients[0].state == "holds"
