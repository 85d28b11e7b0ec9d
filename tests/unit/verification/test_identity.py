"""Statements of identity, judged beside an engine that says what the test wants it to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.engine import EngineReading, EngineState, EngineStatus
from provenance.credentials.manifest_store import ManifestStore, parse_manifest_store
from provenance.findings import FindingCode
from provenance.limits import DEFAULT_LIMITS
from provenance.signing.dev_agency import DevAgency
from provenance.trust.directory import About
from provenance.trust.identities import IdentityRecogniser
from provenance.trust.revocation import RevocationChecker
from provenance.trust.timestamps import TimeStampChecker
from provenance.verification.identity import IdentityAnswer, IdentityEvidence, IdentityJudge
from provenance.verification.identity_holder import HolderJudge
from provenance.verification.party import Party
from provenance.verification.selection import Judged
from tests.factory import judging, media
from tests.factory.identity import add_identity
from tests.factory.sign import sign, store_of
from tests.factory.stores import Store, parse_store

JPEG = "image/jpeg"
MISMATCH, VALIDATED = "cawg.x509.signature.mismatch", "cawg.x509.signature.validated"


@pytest.fixture(scope="module")
def judge(agency: DevAgency) -> Callable[..., IdentityAnswer]:
    """Judges a store that the agency signed, beside an engine that gives these codes."""
    recogniser = IdentityRecogniser(judging.directory_of(agency), ())
    holders = HolderJudge(
        recogniser,
        TimeStampChecker(()),
        RevocationChecker(None),
        now=judging.AT,
        limits=DEFAULT_LIMITS,
    )
    identities = IdentityJudge(recogniser, holders, now=judging.AT, limits=DEFAULT_LIMITS)

    def call(store: ManifestStore, *codes: str, about: str = "cawg.identity") -> IdentityAnswer:
        active = store.active
        url = f"self#jumbf=/c2pa/{active.label}/c2pa.assertions/{about}"
        failures = tuple(EngineStatus(code, url, "") for code in codes if code != VALIDATED)
        success = tuple(EngineStatus(code, url, "") for code in codes if code == VALIDATED)
        return identities.judge(
            IdentityEvidence(
                judged=Judged(manifest=active, binding=active),
                store=store,
                party=Party(signature=SignatureAnswer.VALID, about=About(media_kind="image")),
                reading=EngineReading(
                    state=EngineState.MANIFEST, success=success, failures=failures
                ),
                holds=True,
            )
        )

    return call


def _store(
    agency: DevAgency,
    *,
    count: int = 1,
    edit: Callable[[Store], object] | None = None,
    **fields: Any,
) -> ManifestStore:
    data = sign(media.jpeg(1, size=(64, 48)), JPEG, signer=agency.signer())
    store = parse_store(store_of(data, JPEG))
    for number in range(count):
        label = f"cawg.identity__{number}" if number else "cawg.identity"
        add_identity(store, agency.signer(), label=label, **fields)
    if edit is not None:
        edit(store)
    return parse_manifest_store(store.to_bytes())


@pytest.mark.parametrize("codes", [(), (VALIDATED,), ("cawg.x509.credential.untrusted",)])
def test_twin_an_engine_that_agrees_or_says_nothing_of_the_signature(
    codes: tuple[str, ...], agency: DevAgency, judge: Callable[..., IdentityAnswer]
) -> None:
    (identity,) = judge(_store(agency), *codes).identities
    assert identity.state == "verified"


def test_two_answers_about_the_same_bytes_leave_the_identity_invalid(
    agency: DevAgency, judge: Callable[..., IdentityAnswer]
) -> None:
    answer = judge(_store(agency), MISMATCH)
    (identity,) = answer.identities
    assert (identity.state, identity.agency) == ("invalid", None)
    assert identity.why == "two independent checks of its signature differ"
    (found,) = answer.findings
    assert found.code is FindingCode.IDENTITY_INVALID
    assert (found.evidence["own"], found.evidence["engine"]) == ("valid", "mismatch")
    assert found.evidence["engine_codes"] == [MISMATCH]


def test_an_answer_of_the_engine_about_other_bytes_is_no_answer(
    agency: DevAgency, judge: Callable[..., IdentityAnswer]
) -> None:
    (identity,) = judge(_store(agency, canonical=True), MISMATCH).identities
    assert identity.state == "verified"


def test_an_answer_of_the_engine_about_another_statement_is_no_answer(
    agency: DevAgency, judge: Callable[..., IdentityAnswer]
) -> None:
    (identity,) = judge(_store(agency), MISMATCH, about="cawg.identity__1").identities
    assert identity.state == "verified"


def test_an_assertion_that_is_not_as_it_was_signed_is_not_there(
    agency: DevAgency, judge: Callable[..., IdentityAnswer]
) -> None:
    def spoil(store: Store) -> None:
        store.set_assertion("c2pa.actions.v2", {"actions": []})

    references = ("c2pa.hash.data", "c2pa.actions.v2")
    (twin,) = judge(_store(agency, references=references)).identities
    assert twin.state == "verified"
    (identity,) = judge(_store(agency, references=references, edit=spoil)).identities
    assert identity.state == "invalid"
    assert identity.why == (
        "it refers to an assertion that is not there as it was signed: c2pa.actions.v2"
    )


def test_what_is_not_looked_at_is_said(
    agency: DevAgency, judge: Callable[..., IdentityAnswer]
) -> None:
    answer = judge(_store(agency, count=33))
    assert len(answer.identities) == 32
    assert "of 33 statements of identity 32 were looked at" in {
        check.why for check in answer.checks_not_run
    }


def test_revocation_that_nobody_answered_for_is_said(
    agency: DevAgency, judge: Callable[..., IdentityAnswer]
) -> None:
    checks = {check.check for check in judge(_store(agency)).checks_not_run}
    assert checks == {"revocation of an identity's certificate"}
