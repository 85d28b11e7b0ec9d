from __future__ import annotations

import re

import pytest

from provenance.findings import MEANINGS, FindingCode, Meaning, Severity
from provenance.status import ENGINE_FAILURES, FAILURE, INFORMATIONAL, SUCCESS
from provenance.verdict import Axis, Obstacle

# C2PA 2.5 appendix D and CAWG identity assertion 1.3, with what the engine adds. The
# tables of `provenance.status` have tests of their own against the specifications.
_SPECIFIED = SUCCESS | INFORMATIONAL | FAILURE | ENGINE_FAILURES
# Recorded by signers under C2PA 1.x, or written by the engine under the name of 1.x.
_FORMER = {"ingredient.hashedURI.mismatch"}


def test_every_code_has_a_meaning_and_nothing_else_has() -> None:
    assert set(MEANINGS) == set(FindingCode)


@pytest.mark.parametrize("code", FindingCode)
def test_a_meaning_is_complete(code: FindingCode) -> None:
    meaning = MEANINGS[code]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code.value)
    assert isinstance(meaning.axis, Axis)
    assert isinstance(meaning.severity, Severity)
    assert re.fullmatch(r"[A-Z].{10,}\.", meaning.says)
    assert len(set(meaning.stems_from)) == len(meaning.stems_from)


@pytest.mark.parametrize("code", FindingCode)
def test_the_words_never_pass_judgement_on_what_is_shown(code: FindingCode) -> None:
    assert not re.search(r"\b(fake|real|true|genuine)\b", MEANINGS[code].says, re.IGNORECASE)


@pytest.mark.parametrize("code", FindingCode)
def test_a_finding_stems_from_codes_of_the_specifications(code: FindingCode) -> None:
    assert set(MEANINGS[code].stems_from) <= _SPECIFIED | _FORMER


def test_what_stands_in_the_way_is_a_failure() -> None:
    blocked = {code for code, meaning in MEANINGS.items() if meaning.obstacle is not None}
    assert {MEANINGS[code].severity for code in blocked} == {Severity.FAILURE}


def test_the_reason_is_ours_exactly_where_the_file_is_not_to_blame() -> None:
    ours = {code.value for code, m in MEANINGS.items() if m.obstacle is Obstacle.OURS}
    assert ours == {
        "changed-while-read",
        "limit-reached",
        "engine-failed",
        "time-exhausted",
        "memory-exhausted",
        "scratch-exhausted",
        "check-crashed",
        "engines-disagree",
        "directory-too-old",
    }


def test_an_accusation_is_no_obstacle() -> None:
    # `altered` outranks every obstacle, so these carry none.
    for code in ("content-mismatch", "assertion-mismatch", "claim-signature-mismatch"):
        assert MEANINGS[FindingCode(code)].obstacle is None
        assert MEANINGS[FindingCode(code)].severity is Severity.FAILURE


def test_a_success_stems_from_successes_alone() -> None:
    for code, meaning in MEANINGS.items():
        if meaning.severity is Severity.PASSED:
            assert set(meaning.stems_from) <= SUCCESS, code


def test_a_mismatch_stems_from_failures_alone() -> None:
    for code in (FindingCode.CONTENT_MISMATCH, FindingCode.CLAIM_SIGNATURE_MISMATCH):
        assert set(MEANINGS[code].stems_from) <= FAILURE


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        MEANINGS[FindingCode.EMPTY_FILE] = MEANINGS[FindingCode.NO_DIRECTORY]  # type: ignore[index]
    meaning: Meaning = MEANINGS[FindingCode.EMPTY_FILE]
    with pytest.raises(AttributeError):
        meaning.obstacle = None  # type: ignore[misc]
