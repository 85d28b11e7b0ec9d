"""Accounts: what they may be called, who may enrol, and what is written down."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provenance.errors import ConflictError
from provenance.moderation.audit import SYSTEM
from provenance.runtime.staff_parts import StaffParts
from provenance.staff.doors import Begun, Refused, RefusedBecause
from provenance.staff.passwords import PasswordFault
from provenance.staff.roles import Role
from tests.factory.staff import PASSWORD, VISITOR, code_at, enrolled
from tests.unit.staff.conftest import NOW

HOUR = timedelta(hours=1)


def test_one_is_made_as_it_is_described(staff: StaffParts) -> None:
    made = staff.accounts.add(
        "kim.minji",
        display_name="민지",
        roles=[Role.REVIEWER, Role.LEGAL],
        now=NOW,
        languages=["ko", "en"],
        conflicts=["aurora-entertainment"],
        exposure_cap=5,
    )
    assert staff.accounts.get("kim.minji") == made
    assert made.roles == {Role.REVIEWER, Role.LEGAL}
    assert made.languages == ("en", "ko")
    assert made.conflicts == {"aurora-entertainment"}
    assert (made.exposure_cap, made.trained_until, made.has_password) == (5, None, False)
    until = NOW + timedelta(days=365)
    staff.accounts.train("kim.minji", until, now=NOW)
    staff.accounts.describe("kim.minji", now=NOW, conflicts=[], display_name="Minji")
    changed = staff.accounts.get("kim.minji")
    assert changed is not None
    assert (changed.trained_until, changed.conflicts) == (until, frozenset())
    assert (changed.display_name, changed.languages) == ("Minji", ("en", "ko"))
    assert [event.kind for event in staff.accounts.events("kim.minji")] == [
        "described",
        "trained",
        "added",
    ]
    assert staff.accounts.get("nobody") is None
    assert [account.id for account in staff.accounts.all()] == ["kim.minji"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a", "2 to 32 of a-z"),
        ("Alice", "2 to 32 of a-z"),
        ("operator", "2 to 32 of a-z"),
        # As records call what nobody of the staff did.
        ("provider", "none of operator, provider"),
        (SYSTEM, "and none of"),
        ("reporter", "and none of"),
        ("uploader", "and none of"),
        ("alice\n", "2 to 32 of a-z"),
        ("a" * 33, "2 to 32 of a-z"),
        ("taken", "there is one of this name"),
    ],
)
def test_names_that_cannot_be(staff: StaffParts, name: str, said: str) -> None:
    staff.accounts.add("taken", display_name="x", roles=[], now=NOW)
    with pytest.raises(ConflictError, match=said):
        staff.accounts.add(name, display_name="x", roles=[], now=NOW)
    staff.accounts.add("alice", display_name="x", roles=[], now=NOW)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"display_name": ""}, "display name"),
        ({"display_name": "\x1b[2J"}, "display name"),
        ({"languages": ["Korean language"]}, "language: expected a tag"),
        ({"conflicts": ["Aurora Entertainment"]}, "conflict: expected the id"),
        ({"exposure_cap": -1}, "exposure cap"),
    ],
)
def test_values_that_cannot_be(staff: StaffParts, values: dict[str, object], said: str) -> None:
    staff.accounts.add("alice", display_name="x", roles=[], now=NOW)
    with pytest.raises(ConflictError, match=said):
        staff.accounts.describe("alice", now=NOW, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call",
    [
        lambda accounts: accounts.invite("nobody", now=NOW, lasts=HOUR),
        lambda accounts: accounts.reset("nobody", now=NOW),
        lambda accounts: accounts.disable("nobody", now=NOW),
        lambda accounts: accounts.enable("nobody", now=NOW),
        lambda accounts: accounts.train("nobody", None, now=NOW),
        lambda accounts: accounts.set_roles("nobody", [], now=NOW),
        lambda accounts: accounts.unlink("nobody", now=NOW),
        lambda accounts: accounts.link("nobody", issuer="i", subject="s", now=NOW),
    ],
)
def test_nobodys_account_is_not_changed(staff: StaffParts, call: object) -> None:
    with pytest.raises(ConflictError, match="expected one that is there, got none"):
        call(staff.accounts)  # type: ignore[operator]


def test_a_disabled_one_is_not_invited_nor_disabled_again(staff: StaffParts) -> None:
    enrolled(staff, "alice", now=NOW)
    staff.accounts.disable("alice", now=NOW)
    for call in (
        lambda: staff.accounts.invite("alice", now=NOW, lasts=HOUR),
        lambda: staff.accounts.disable("alice", now=NOW),
    ):
        with pytest.raises(ConflictError, match="got a disabled one"):
            call()


class TestEnrolment:
    def test_a_link_counts_until_the_second_factor_is_there(self, staff: StaffParts) -> None:
        staff.accounts.add("alice", display_name="Alice", roles=[], now=NOW)
        link = staff.accounts.invite("alice", now=NOW, lasts=HOUR)
        first = staff.own_account.enrol(link, PASSWORD, VISITOR, now=NOW)
        # Somebody was called away, and begins again.
        second = staff.own_account.enrol(link, PASSWORD, VISITOR, now=NOW)
        assert isinstance(first, Begun)
        assert isinstance(second, Begun)
        assert staff.sign_in.who(first.token, now=NOW) is None
        codes = staff.own_account.begin_codes(second.token, now=NOW)
        assert not isinstance(codes, Refused)
        wrong = staff.own_account.finish_codes(second.token, "000000", VISITOR, now=NOW)
        assert isinstance(wrong, Refused)
        assert wrong.because is RefusedBecause.CODE
        text = code_at(codes.secret, NOW)
        done = staff.own_account.finish_codes(second.token, text, VISITOR, now=NOW)
        assert isinstance(done, Begun)
        assert staff.own_account.invited(link, now=NOW) is None
        again = staff.own_account.enrol(link, PASSWORD, VISITOR, now=NOW)
        assert isinstance(again, Refused)
        assert again.because is RefusedBecause.LINK

    def test_or_until_its_time_or_the_next_or_the_account_is_disabled(
        self, staff: StaffParts
    ) -> None:
        staff.accounts.add("alice", display_name="Alice", roles=[], now=NOW)
        first = staff.accounts.invite("alice", now=NOW, lasts=HOUR)
        second = staff.accounts.invite("alice", now=NOW, lasts=HOUR)
        assert staff.own_account.invited(first, now=NOW) is None
        assert staff.own_account.invited(second, now=NOW) is not None
        assert staff.own_account.invited(second, now=NOW + HOUR) is None
        begun = staff.own_account.enrol(second, PASSWORD, VISITOR, now=NOW)
        assert isinstance(begun, Begun)
        staff.accounts.disable("alice", now=NOW)
        found = staff.own_account.begin_codes(begun.token, now=NOW)
        assert isinstance(found, Refused)
        staff.accounts.enable("alice", now=NOW)
        assert staff.own_account.invited(second, now=NOW) is None

    def test_a_link_taken_back_ends_what_was_begun_with_it(self, staff: StaffParts) -> None:
        staff.accounts.add("alice", display_name="Alice", roles=[], now=NOW)
        link = staff.accounts.invite("alice", now=NOW, lasts=HOUR)
        begun = staff.own_account.enrol(link, PASSWORD, VISITOR, now=NOW)
        assert isinstance(begun, Begun)
        staff.accounts.invite("alice", now=NOW, lasts=HOUR)
        found = staff.own_account.begin_codes(begun.token, now=NOW)
        assert isinstance(found, Refused)
        assert found.because is RefusedBecause.LINK

    def test_a_password_that_is_easy_to_guess_is_not_taken(self, staff: StaffParts) -> None:
        staff.accounts.add("alice", display_name="Alice", roles=[], now=NOW)
        link = staff.accounts.invite("alice", now=NOW, lasts=HOUR)
        for text, fault in (
            ("short", PasswordFault.TOO_SHORT),
            ("x" * 257, PasswordFault.TOO_LONG),
            ("alicealicealice1", PasswordFault.TOO_COMMON),
            ("PasswordPassword12", PasswordFault.TOO_COMMON),
            ("abababababababab", PasswordFault.TOO_COMMON),
        ):
            assert staff.own_account.enrol(link, text, VISITOR, now=NOW) is fault
        assert isinstance(staff.own_account.enrol(link, PASSWORD, VISITOR, now=NOW), Begun)


def test_a_reset_takes_every_way_in(staff: StaffParts) -> None:
    alice = enrolled(staff, "alice", now=NOW)
    codes = staff.own_account.new_recovery_codes(alice.begun.token, now=NOW)
    assert isinstance(codes, list)
    staff.accounts.link("alice", issuer="https://id.example", subject="s", now=NOW)
    staff.accounts.reset("alice", now=NOW)
    ways = staff.own_account.ways_in("alice", now=NOW)
    assert (ways.passkeys, ways.recovery_codes, ways.provider, ways.sessions) == ([], 0, False, [])
    found = staff.accounts.get("alice")
    assert found is not None
    assert (found.has_password, found.has_codes) == (False, False)


def test_a_person_ends_their_own_sessions_and_nobody_elses(staff: StaffParts) -> None:
    alice, bob = (enrolled(staff, name, now=NOW) for name in ("alice", "bob"))
    assert not staff.own_account.end_session("alice", bob.begun.session.id, now=NOW)
    assert staff.sign_in.who(bob.begun.token, now=NOW) is not None
    half = staff.sign_in.password("alice", PASSWORD, VISITOR, now=NOW)
    assert isinstance(half, Begun)
    assert len(staff.own_account.ways_in("alice", now=NOW).sessions) == 2
    staff.own_account.end_other_sessions("alice", alice.begun.session.id, now=NOW)
    assert [one.id for one in staff.own_account.ways_in("alice", now=NOW).sessions] == [
        alice.begun.session.id
    ]
    assert staff.own_account.end_session("alice", alice.begun.session.id, now=NOW)
    assert staff.sign_in.who(alice.begun.token, now=NOW) is None


def test_the_old_password_is_asked_for_and_guessing_it_is_counted(staff: StaffParts) -> None:
    alice = enrolled(staff, "alice", now=NOW)
    found = [
        staff.own_account.change_password(
            alice.begun.token, f"guess number {n}", "eight yellow umbrellas", VISITOR, now=NOW
        )
        for n in range(8)
    ]
    told = [one.because for one in found if isinstance(one, Refused)]
    assert told[0] is RefusedBecause.CREDENTIALS
    assert told[-1] is RefusedBecause.WAIT
