from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provenance.credentials.cose import SignatureAnswer
from provenance.findings import FindingCode
from provenance.verdict import IntegrityState
from provenance.verification.integrity import (
    IntegrityAnswer,
    IntegrityEvidence,
    judge_integrity,
)
from provenance.verification.party import Party

VALID, MISMATCH = SignatureAnswer.VALID, SignatureAnswer.MISMATCH
SIGNED = "claimSignature.validated"
MATCH = "assertion.dataHash.match"
BROKEN = "assertion.dataHash.mismatch"


@pytest.fixture
def judge(makes: Any, reading: Callable[..., Any]) -> Callable[..., IntegrityAnswer]:
    """Judges evidence that is whole, but for what the test says otherwise."""

    def call(
        *,
        signature: SignatureAnswer = VALID,
        manifest: Any = None,
        engine: Any = None,
        **fields: Any,
    ) -> IntegrityAnswer:
        manifest = manifest or makes.manifest("active")
        evidence: dict[str, Any] = {
            "reading": engine or reading(),
            "binding": manifest,
            "signed": [(manifest, Party(signature=signature, algorithm="ES256"))],
            "own_content": None,
            "same_store": True,
            "fully_covered": True,
            "lacks_fragments": False,
        }
        return judge_integrity(IntegrityEvidence(**{**evidence, **fields}))

    return call


Judge = Callable[..., IntegrityAnswer]
Reading = Callable[..., Any]


def _codes(answer: IntegrityAnswer) -> set[FindingCode]:
    return {found.code for found in answer.findings}


def test_all_rungs_present_is_intact(judge: Judge) -> None:
    answer = judge()
    assert answer.state is IntegrityState.INTACT
    assert _codes(answer) == {FindingCode.CLAIM_SIGNATURE_VALID, FindingCode.CONTENT_MATCHES}


def test_an_empty_set_of_codes_is_never_success(judge: Judge, reading: Reading) -> None:
    answer = judge(engine=reading(success=()))
    assert answer.state is IntegrityState.UNREADABLE
    assert _codes(answer) == {FindingCode.CREDENTIALS_INCOMPLETE}


@pytest.mark.parametrize("missing", [SIGNED, MATCH])
def test_a_missing_success_of_the_engine_blocks(
    missing: str, judge: Judge, reading: Reading
) -> None:
    answer = judge(engine=reading(success={SIGNED, MATCH} - {missing}))
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.CREDENTIALS_INCOMPLETE in _codes(answer)


def test_a_store_that_we_read_otherwise_blocks(judge: Judge) -> None:
    answer = judge(same_store=False)
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.ENGINES_DISAGREE in _codes(answer)


def test_another_active_manifest_blocks(judge: Judge, reading: Reading) -> None:
    answer = judge(engine=reading("another"))
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.ENGINES_DISAGREE in _codes(answer)


def test_not_fully_covered_is_partial(judge: Judge) -> None:
    assert judge(fully_covered=False).state is IntegrityState.PARTIAL


@pytest.mark.parametrize(
    ("engine_says", "own", "state", "code"),
    [
        ("valid", VALID, IntegrityState.INTACT, FindingCode.CLAIM_SIGNATURE_VALID),
        ("valid", MISMATCH, IntegrityState.UNREADABLE, FindingCode.ENGINES_DISAGREE),
        ("mismatch", VALID, IntegrityState.UNREADABLE, FindingCode.ENGINES_DISAGREE),
        ("mismatch", MISMATCH, IntegrityState.ALTERED, FindingCode.CLAIM_SIGNATURE_MISMATCH),
        (
            "valid",
            SignatureAnswer.UNSUPPORTED,
            IntegrityState.UNREADABLE,
            FindingCode.ALGORITHM_UNSUPPORTED,
        ),
        (
            "mismatch",
            SignatureAnswer.UNSUPPORTED,
            IntegrityState.UNREADABLE,
            FindingCode.ALGORITHM_UNSUPPORTED,
        ),
    ],
)
def test_only_two_who_agree_accuse_or_acquit_a_signature(  # noqa: PLR0917
    engine_says: str,
    own: SignatureAnswer,
    state: IntegrityState,
    code: FindingCode,
    judge: Judge,
    reading: Reading,
) -> None:
    success = [MATCH] + ([SIGNED] if engine_says == "valid" else [])
    failures = ["claimSignature.mismatch"] if engine_says == "mismatch" else []
    answer = judge(signature=own, engine=reading(success=success, failures=failures))
    assert answer.state is state
    assert code in _codes(answer)


@pytest.mark.parametrize(
    ("engine_matches", "own", "state", "code"),
    [
        (True, True, IntegrityState.INTACT, FindingCode.CONTENT_MATCHES),
        (True, None, IntegrityState.INTACT, FindingCode.CONTENT_MATCHES),
        (True, False, IntegrityState.UNREADABLE, FindingCode.ENGINES_DISAGREE),
        (False, True, IntegrityState.UNREADABLE, FindingCode.ENGINES_DISAGREE),
        (False, False, IntegrityState.ALTERED, FindingCode.CONTENT_MISMATCH),
        (False, None, IntegrityState.ALTERED, FindingCode.CONTENT_MISMATCH),
    ],
)
def test_the_content_by_both(  # noqa: PLR0917
    engine_matches: bool,  # noqa: FBT001 - a column of the table above
    own: bool | None,  # noqa: FBT001
    state: IntegrityState,
    code: FindingCode,
    judge: Judge,
    reading: Reading,
) -> None:
    engine = reading() if engine_matches else reading(success=[SIGNED], failures=[BROKEN])
    answer = judge(own_content=own, engine=engine)
    assert answer.state is state
    assert code in _codes(answer)


def test_a_mismatch_beside_a_match_is_a_mismatch(judge: Judge, reading: Reading) -> None:
    answer = judge(engine=reading(failures=[BROKEN]))
    assert answer.state is IntegrityState.ALTERED
    assert FindingCode.CONTENT_MATCHES not in _codes(answer)


@pytest.mark.parametrize(
    "code",
    [
        "something.new",
        "general.error",
        "claim.malformed",
        "assertion.multipleHardBindings",
        "manifest.update.invalid",
        "assertion.dataHash.malformed",
        "",
    ],
)
def test_a_failure_that_nobody_here_knows_blocks(code: str, judge: Judge, reading: Reading) -> None:
    answer = judge(engine=reading(failures=[code]))
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.CREDENTIALS_INVALID in _codes(answer)


@pytest.mark.parametrize(
    "code",
    [
        "signingCredential.untrusted",
        "signingCredential.expired",
        "signingCredential.ocsp.revoked",
        "timeStamp.mismatch",
        "timeOfSigning.outsideValidity",
        "claimSignature.outsideValidity",
        "cawg.x509.signature.mismatch",
        "ingredient.manifest.missing",
    ],
)
def test_questions_that_are_decided_elsewhere_do_not_block(
    code: str, judge: Judge, reading: Reading
) -> None:
    assert judge(engine=reading(failures=[code])).state is IntegrityState.INTACT


@pytest.mark.parametrize("code", ["claim.hardBindings.missing", "claimSignature.missing"])
def test_something_missing_blocks_and_says_so(code: str, judge: Judge, reading: Reading) -> None:
    answer = judge(engine=reading(failures=[code]))
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.CREDENTIALS_INCOMPLETE in _codes(answer)


def test_an_ingredients_mismatch_is_not_the_files(judge: Judge, reading: Reading) -> None:
    about_other = ("claimSignature.mismatch", "self#jumbf=/c2pa/other/c2pa.signature")
    assert judge(engine=reading(failures=[about_other])).state is IntegrityState.INTACT
    unplaced = ("claimSignature.mismatch", "")
    answer = judge(engine=reading(failures=[unplaced]))
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.ENGINES_DISAGREE in _codes(answer)


def test_fragments_that_are_not_there_accuse_nobody(judge: Judge, reading: Reading) -> None:
    answer = judge(engine=reading(success=[SIGNED], failures=[BROKEN]), lacks_fragments=True)
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.FRAGMENTS_MISSING in _codes(answer)


def test_a_hash_that_nobody_computes_accuses_nobody(judge: Judge, reading: Reading) -> None:
    answer = judge(engine=reading(success=[SIGNED], failures=[BROKEN]), unknown_hash="sha1")
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.ALGORITHM_UNSUPPORTED in _codes(answer)


@pytest.mark.parametrize("count", [0, 2])
def test_none_or_two_hard_bindings_prove_nothing(count: int, judge: Judge, makes: Any) -> None:
    answer = judge(manifest=makes.manifest("active", hard_bindings=count))
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.CREDENTIALS_INCOMPLETE in _codes(answer)


def _changed(makes: Any, *, there: bool = True) -> Any:
    """A manifest one of whose assertions is not what its claim lists."""
    manifest = makes.manifest("active", assertions={"example.note": {"a": 1}})
    other = makes.manifest("other", assertions={"example.note": {"a": 2}})
    manifest.assertions["example.note"] = other.assertions["example.note"]
    if not there:
        del manifest.assertions["example.note"]
    return manifest


def test_a_changed_assertion_needs_two_accusers(judge: Judge, makes: Any, reading: Reading) -> None:
    engine = reading(failures=["assertion.hashedURI.mismatch"])
    both = judge(manifest=_changed(makes), engine=engine)
    assert both.state is IntegrityState.ALTERED
    assert FindingCode.ASSERTION_MISMATCH in _codes(both)

    ours = judge(manifest=_changed(makes))
    assert ours.state is IntegrityState.UNREADABLE
    assert FindingCode.ENGINES_DISAGREE in _codes(ours)

    theirs = judge(engine=engine)
    assert theirs.state is IntegrityState.UNREADABLE
    assert FindingCode.ENGINES_DISAGREE in _codes(theirs)


def test_a_missing_assertion_blocks(judge: Judge, makes: Any) -> None:
    answer = judge(manifest=_changed(makes, there=False))
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.CREDENTIALS_INCOMPLETE in _codes(answer)


@pytest.mark.parametrize(
    ("beneath", "state"),
    [
        (VALID, IntegrityState.INTACT),
        (MISMATCH, IntegrityState.ALTERED),
        (SignatureAnswer.UNSUPPORTED, IntegrityState.UNREADABLE),
    ],
)
def test_the_signature_of_the_manifest_beneath_an_update_counts_too(
    beneath: SignatureAnswer,
    state: IntegrityState,
    judge: Judge,
    makes: Any,
    reading: Reading,
) -> None:
    below = makes.manifest("below")
    update = makes.manifest("active", kind="update", parents=["below"])
    signed = [(update, Party(signature=VALID)), (below, Party(signature=beneath))]
    match = (MATCH, "self#jumbf=/c2pa/below/c2pa.assertions/c2pa.hash.data")
    engine = reading(success=["claimSignature.validated", match])
    assert judge(manifest=below, signed=signed, engine=engine).state is state


def test_a_match_of_another_manifests_binding_is_none_of_ours(
    judge: Judge, makes: Any, reading: Reading
) -> None:
    # The engine may follow another parent than we do: then its match says
    # nothing about the manifest that is judged here.
    below = makes.manifest("below")
    update = makes.manifest("active", kind="update", parents=["below"])
    signed = [(update, Party(signature=VALID)), (below, Party(signature=VALID))]
    match = (MATCH, "self#jumbf=/c2pa/another/c2pa.assertions/c2pa.hash.data")
    engine = reading(success=["claimSignature.validated", match])
    answer = judge(manifest=below, signed=signed, engine=engine)
    assert answer.state is IntegrityState.UNREADABLE
    assert FindingCode.ENGINES_DISAGREE in _codes(answer)


def test_an_accusation_outranks_a_doubt(judge: Judge, reading: Reading) -> None:
    engine = reading(success=[SIGNED], failures=[BROKEN, "something.new"])
    assert judge(engine=engine, own_content=False).state is IntegrityState.ALTERED
