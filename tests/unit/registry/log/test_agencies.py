from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provenance.registry.log.agencies import AgencyAnswer, AgencyChecker, EntryState
from provenance.registry.log.leaf import Leaf, embargo, make_leaf, reveal, sign_statement
from provenance.registry.log.statement import Register, ReleaseFile, Statement
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.directory import parse_directory
from tests.factory.release_log import AT, agencies_of, register, withdraw

SALT = bytes(range(32))


def checker(agency: DevAgency, **changes: Any) -> AgencyChecker:
    """The sample agency's directory, with its agency changed."""
    document = agency.directory_entry()
    document["agencies"][0].update(changes)
    return AgencyChecker(parse_directory(json.dumps(document).encode(), where="d", source="d"))


@pytest.fixture
def leaf_of(agency_signer: MemorySigner) -> Any:
    def make(statement: Statement, *, at: datetime = AT) -> Leaf:
        return make_leaf(sign_statement(statement, agency_signer), logged_at=at)

    return make


def why(answer: AgencyAnswer) -> str:
    assert answer.state is EntryState.KEY
    return answer.why


def test_an_agency_stands_behind_what_it_signed(agency: DevAgency, leaf_of: Any) -> None:
    hidden = register(7)
    for statement in (
        register(1),
        withdraw(1),
        embargo(hidden, SALT, at=AT),
        reveal(hidden, SALT, entry=0, at=AT),
    ):
        answer = agencies_of(agency).check(leaf_of(statement))
        assert answer == AgencyAnswer(state=EntryState.AGENCY)


def test_a_key_that_is_listed_by_itself_counts_too(agency: DevAgency, leaf_of: Any) -> None:
    document = agency.directory_entry(list_anchor=False, list_key=True)
    listed = AgencyChecker(parse_directory(json.dumps(document).encode(), where="d", source="d"))
    assert listed.check(leaf_of(register(1))).state is EntryState.AGENCY


def test_without_a_directory_the_signature_alone_is_checked(leaf_of: Any) -> None:
    nobody = AgencyChecker(None)
    assert not nobody.has_directory
    answer = nobody.check(leaf_of(register(1)))
    assert answer == AgencyAnswer(state=EntryState.NOT_CHECKED, why="no directory was given")
    leaf = leaf_of(register(1))
    forged = replace(leaf, signed=replace(leaf.signed, statement=register(2)))
    assert nobody.check(forged).state is EntryState.SIGNATURE


def test_a_signature_that_does_not_match_is_no_agencys(agency: DevAgency, leaf_of: Any) -> None:
    leaf = leaf_of(register(1))
    forged = replace(leaf, signed=replace(leaf.signed, statement=register(2)))
    answer = agencies_of(agency).check(forged)
    assert (answer.state, answer.why) == (EntryState.SIGNATURE, "the agency's signature: mismatch")


def test_a_key_of_nobody_is_named(agency: DevAgency, leaf_of: Any) -> None:
    empty = checker(agency, anchors=[])
    assert "is not one of aurora-entertainment: signer-unrecognised" in why(
        empty.check(leaf_of(register(1)))
    )


def test_one_agency_does_not_speak_for_another(agency: DevAgency, leaf_of: Any) -> None:
    answer = agencies_of(agency).check(leaf_of(register(1, agency="borealis")))
    assert why(answer).endswith("is of aurora-entertainment, not of borealis")


def test_a_disowned_key_counts_for_what_was_logged_before(agency: DevAgency, leaf_of: Any) -> None:
    since = {"spki_sha256": agency.leaf_spki_sha256, "since": "2026-05-01T12:00:01Z"}
    disowning = checker(agency, revoked=[since])
    assert disowning.check(leaf_of(register(1))).state is EntryState.AGENCY
    late = leaf_of(register(1), at=AT + timedelta(seconds=1))
    assert why(disowning.check(late)).endswith("aurora-entertainment: key-disowned")


def test_a_key_counts_in_its_window_alone(agency: DevAgency, leaf_of: Any) -> None:
    (anchor,) = agency.directory_entry()["agencies"][0]["anchors"]
    ended = checker(agency, anchors=[{**anchor, "not_after": "2026-05-01T11:59:59Z"}])
    assert "key-outside-window" in why(ended.check(leaf_of(withdraw(1))))
    early = leaf_of(register(1), at=datetime(2024, 1, 1, tzinfo=UTC))
    assert why(agencies_of(agency).check(early)) == (
        "the certificate was not valid when the statement was taken"
    )


def test_scopes_are_about_what_is_released(agency: DevAgency, leaf_of: Any) -> None:
    sound = checker(agency, scope={"media_kinds": ["audio"]})
    assert "key-out-of-scope" in why(sound.check(leaf_of(register(1))))
    track = ReleaseFile(sha256="0" * 64, media_type="audio/flac")
    both = Register(
        agency="aurora-entertainment",
        claimed_at=AT,
        release="R",
        files=(track, *register(1).files),
    )
    assert "key-out-of-scope" in why(sound.check(leaf_of(both)))
    assert sound.check(leaf_of(both.model_copy(update={"files": (track,)}))).state is (
        EntryState.AGENCY
    )
    # What is about no media is inside every scope; what is embargoed shows when revealed.
    for statement in (withdraw(1), embargo(register(7), SALT, at=AT)):
        assert sound.check(leaf_of(statement)).state is EntryState.AGENCY
    assert "key-out-of-scope" in why(
        sound.check(leaf_of(reveal(register(7), SALT, entry=0, at=AT)))
    )
    # A scope of another agency's is no excuse.
    stranger = leaf_of(withdraw(1).model_copy(update={"agency": "borealis"}))
    assert "is not one of borealis" in why(sound.check(stranger))
