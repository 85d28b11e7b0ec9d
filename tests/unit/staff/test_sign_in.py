"""The one door: who gets in, who does not, and what strangers learn of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, event, select

from provenance.runtime.staff_parts import StaffParts
from provenance.staff.doors import COUNTS, Begun, Refused, RefusedBecause, Visitor
from provenance.staff.passkeys import Site
from provenance.staff.passwords import Passwords
from provenance.staff.roles import Role
from provenance.staff.sessions import Stage
from provenance.staff.tables import accounts, sessions
from tests.factory.staff import PASSWORD, VISITOR, Member, code_at, enrolled, staff_on
from tests.unit.staff.conftest import NOW

STRANGER = Visitor(address="198.51.100.7", agent="Another browser")
LATER = NOW + timedelta(minutes=2)


def password(
    staff: StaffParts, name: str, text: str = PASSWORD, *, now: datetime = LATER, **options: object
) -> Begun | Refused:
    visitor = options.pop("visitor", VISITOR)
    return staff.sign_in.password(name, text, visitor, now=now, **options)  # type: ignore[arg-type]


def code(
    staff: StaffParts, begun: Begun | Refused, text: str, *, now: datetime = LATER,
    visitor: Visitor = VISITOR,
) -> Begun | Refused:  # fmt: skip
    assert isinstance(begun, Begun)
    return staff.sign_in.code(begun.token, text, visitor, now=now)


def because(found: Begun | Refused) -> RefusedBecause:
    assert isinstance(found, Refused), found
    return found.because


def signed_in(staff: StaffParts, member: Member, *, now: datetime = LATER) -> Begun:
    done = code(staff, password(staff, member.id, now=now), code_at(member.secret, now), now=now)
    assert isinstance(done, Begun)
    return done


class TestPasswordAndCode:
    def test_both_are_needed(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        half = password(staff, " Alice ")
        assert isinstance(half, Begun)
        assert half.session.stage is Stage.PASSWORD
        assert half.device is None
        done = code(staff, half, code_at(alice.secret, LATER))
        assert isinstance(done, Begun)
        assert (done.session.stage, done.session.means) == (Stage.FULL, "password+code")
        who = staff.sign_in.who(done.token, now=LATER)
        assert who is not None
        assert (who[0].id, who[0].roles) == ("alice", frozenset({Role.REVIEWER}))

    def test_a_code_without_a_password_opens_nothing(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        text = code_at(alice.secret, LATER)
        refused = staff.sign_in.code("no token", text, VISITOR, now=LATER)
        assert because(refused) is RefusedBecause.OVER
        # Nor does a whole session stand for a half one.
        refused = staff.sign_in.code(alice.begun.token, text, VISITOR, now=LATER)
        assert because(refused) is RefusedBecause.OVER

    def test_an_account_without_a_second_factor_opens_nothing(self, staff: StaffParts) -> None:
        staff.accounts.add("alice", display_name="Alice", roles=[Role.ADMIN], now=NOW)
        link = staff.accounts.invite("alice", now=NOW, lasts=timedelta(hours=1))
        begun = staff.own_account.enrol(link, PASSWORD, VISITOR, now=NOW)
        assert isinstance(begun, Begun)
        assert begun.session.stage is Stage.ENROLLING
        assert because(password(staff, "alice")) is RefusedBecause.CREDENTIALS

    @pytest.mark.parametrize("steps", [-1, 0, 1])
    def test_clocks_may_differ_by_a_step(self, staff: StaffParts, steps: int) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        text = code_at(alice.secret, LATER + timedelta(seconds=30 * steps))
        assert isinstance(code(staff, password(staff, "alice"), text), Begun)

    @pytest.mark.parametrize("steps", [-2, 2])
    def test_and_by_no_more(self, staff: StaffParts, steps: int) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        text = code_at(alice.secret, LATER + timedelta(seconds=30 * steps))
        assert because(code(staff, password(staff, "alice"), text)) is RefusedBecause.CODE

    def test_a_password_made_with_other_parameters_is_made_anew(self, engine: Engine) -> None:
        alice = enrolled(staff_on(engine), "alice", now=NOW)
        dearer = Passwords(bytes, passes=2, memory_kib=64, lanes=1)
        staff = staff_on(engine, passwords=dearer)
        signed_in(staff, alice)
        with engine.connect() as connection:
            kept = connection.execute(select(accounts.c.password)).scalar_one()
        assert "t=2" in kept
        assert not dearer.is_outdated(kept)
        assert isinstance(password(staff, "alice"), Begun)

    def test_what_is_kept_opens_nothing(self, staff: StaffParts, engine: Engine) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        done = signed_in(staff, alice)
        with engine.connect() as connection:
            kept = repr(connection.execute(select(accounts)).all())
            kept += repr(connection.execute(select(sessions)).all())
        for secret in (PASSWORD, alice.secret, done.token, str(done.device)):
            assert secret not in kept


class TestReplay:
    def test_a_code_counts_once(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        text = code_at(alice.secret, LATER)
        assert isinstance(code(staff, password(staff, "alice"), text), Begun)
        again = code(staff, password(staff, "alice"), text)
        assert because(again) is RefusedBecause.CODE
        # Nor does one from before it, which nobody has used.
        before = code_at(alice.secret, LATER - timedelta(seconds=30))
        assert because(code(staff, password(staff, "alice"), before)) is RefusedBecause.CODE
        # The twin: the one after it.
        after = LATER + timedelta(seconds=30)
        done = code(
            staff, password(staff, "alice", now=after), code_at(alice.secret, after), now=after
        )
        assert isinstance(done, Begun)

    def test_the_code_that_ended_enrolment_is_used_up(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        text = code_at(alice.secret, NOW)
        refused = code(staff, password(staff, "alice", now=NOW), text, now=NOW)
        assert because(refused) is RefusedBecause.CODE

    def test_a_recovery_code_counts_once_and_for_its_owner(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        enrolled(staff, "bob", now=NOW)
        codes = staff.own_account.new_recovery_codes(alice.begun.token, now=NOW)
        assert isinstance(codes, list)
        stolen = code(staff, password(staff, "bob"), codes[0])
        assert because(stolen) is RefusedBecause.CODE
        done = code(staff, password(staff, "alice"), codes[0].lower().replace("-", " "))
        assert isinstance(done, Begun)
        assert done.session.means == "password+recovery"
        again = code(staff, password(staff, "alice"), codes[0])
        assert because(again) is RefusedBecause.CODE
        assert staff.own_account.ways_in("alice", now=LATER).recovery_codes == len(codes) - 1

    def test_new_recovery_codes_end_the_old(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        old = staff.own_account.new_recovery_codes(alice.begun.token, now=NOW)
        new = staff.own_account.new_recovery_codes(alice.begun.token, now=NOW)
        assert isinstance(old, list)
        assert isinstance(new, list)
        assert because(code(staff, password(staff, "alice"), old[0])) is RefusedBecause.CODE
        assert isinstance(code(staff, password(staff, "alice"), new[0]), Begun)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is asked of the database inside the block."""
    told: list[str] = []

    def note(*arguments: object) -> None:
        told.append(str(arguments[2]).split("WHERE")[0])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(engine, "before_cursor_execute", note)


class TestEnumeration:
    def test_unknown_wrong_and_disabled_are_one_answer_after_the_same_work(
        self, engine: Engine
    ) -> None:
        hashed: list[str] = []

        class Counting(Passwords):
            def check(self, kept: str | None, password: str) -> bool:
                hashed.append("none" if kept is None else "kept")
                return super().check(kept, password)

        staff = staff_on(engine, passwords=Counting(os.urandom, passes=1, memory_kib=64, lanes=1))
        enrolled(staff, "alice", now=NOW)
        enrolled(staff, "carol", now=NOW)
        staff.accounts.disable("carol", now=NOW)
        staff.accounts.add("dave", display_name="Dave", roles=[], now=NOW)
        answers: list[Begun | Refused] = []
        work: list[list[str]] = []
        for name, text in (
            ("nobody", PASSWORD),
            ("alice", "another password"),
            ("carol", PASSWORD),
            ("dave", PASSWORD),
        ):
            visitor = Visitor(address=f"192.0.2.{len(work)}")
            with statements(engine) as told:
                answers.append(password(staff, name, text, visitor=visitor))
            work.append(told)
        assert {answer.because for answer in answers if isinstance(answer, Refused)} == {
            RefusedBecause.CREDENTIALS
        }
        assert all(isinstance(answer, Refused) for answer in answers)
        assert len({(a.because, a.until) for a in answers if isinstance(a, Refused)}) == 1
        # The same statements in the same order, and one password each.
        assert all(one == work[0] for one in work)
        assert len(hashed) == 4
        # The twin.
        assert isinstance(password(staff, "alice"), Begun)

    def test_a_name_that_is_nobodys_is_locked_like_any_other(self, staff: StaffParts) -> None:
        enrolled(staff, "alice", now=NOW)

        def answers(name: str) -> list[tuple[str, datetime | None]]:
            found = []
            for n in range(COUNTS["name"].free + 3):
                visitor = Visitor(address=f"192.0.2.{n}")
                refused = password(staff, name, "wrong password", visitor=visitor)
                assert isinstance(refused, Refused)
                found.append((refused.because.value, refused.until))
            return found

        assert answers("alice") == answers("nobody")

    def test_the_question_to_a_passkey_tells_nothing_of_accounts(self, staff: StaffParts) -> None:
        enrolled(staff, "alice", now=NOW)
        asked = staff.sign_in.passkey_question(
            Site(origin="http://localhost"), holder="browser", token=None, now=NOW
        )
        assert '"allowCredentials": []' in asked


class TestGuessing:
    def test_a_guessed_password_waits_longer_and_longer_but_never_for_good(
        self, staff: StaffParts
    ) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        now, pauses = NOW, []
        for n in range(40):
            visitor = Visitor(address=f"198.51.100.{n}")
            refused = password(staff, "alice", f"guess number {n}", now=now, visitor=visitor)
            assert isinstance(refused, Refused)
            if refused.until is not None:
                pauses.append(refused.until - now)
                now = refused.until
        assert pauses[0] == timedelta(seconds=30)
        assert max(pauses) == COUNTS["name"].longest
        # While they guess, a browser that she signed in with before does not wait at all.
        hers = Visitor(address="192.0.2.9", device=alice.begun.device)
        done = password(staff, "alice", now=now, visitor=hers)
        assert isinstance(done, Begun)
        # The mark of another account's browser is worth nothing.
        bob = enrolled(staff, "bob", now=NOW)
        other = Visitor(address="192.0.2.10", device=bob.begun.device)
        waits = password(staff, "alice", "yet another guess", now=now, visitor=other)
        assert because(waits) in {RefusedBecause.WAIT, RefusedBecause.CREDENTIALS}
        waits = password(staff, "alice", now=now, visitor=other)
        assert because(waits) is RefusedBecause.WAIT
        # And when the guessing ends, she gets in from anywhere.
        assert isinstance(
            password(staff, "alice", now=now + COUNTS["name"].longest, visitor=other), Begun
        )

    def test_one_address_that_tries_many_names_waits(self, staff: StaffParts) -> None:
        enrolled(staff, "alice", now=NOW)
        found = [
            password(staff, f"name-{n}", "wrong password", visitor=STRANGER) for n in range(25)
        ]
        assert RefusedBecause.WAIT in {because(one) for one in found}
        assert because(password(staff, "alice", visitor=STRANGER)) is RefusedBecause.WAIT
        assert isinstance(password(staff, "alice", visitor=VISITOR), Begun)

    def test_a_brute_forced_code_is_stopped(self, staff: StaffParts) -> None:
        """Who knows the password gets few codes, however often they begin anew."""
        alice = enrolled(staff, "alice", now=NOW)
        right = code_at(alice.secret, LATER)
        tried = 0
        for n in range(50):
            text = f"{(int(right) + 1 + n) % 1_000_000:06}"
            begun = password(staff, "alice", visitor=STRANGER)
            if because_or_none(code(staff, begun, text, visitor=STRANGER)) is RefusedBecause.CODE:
                tried += 1
        assert tried <= COUNTS["code"].free + 1
        # Not even the right one counts now.
        begun = password(staff, "alice", visitor=STRANGER)
        assert because(code(staff, begun, right, visitor=STRANGER)) is RefusedBecause.WAIT
        # Its owner, with her own browser, is not kept out.
        hers = Visitor(address="192.0.2.9", device=alice.begun.device)
        begun = password(staff, "alice", visitor=hers)
        assert isinstance(code(staff, begun, right, visitor=hers), Begun)

    def test_a_day_of_guessing_codes_is_a_few_dozen(self, staff: StaffParts) -> None:
        enrolled(staff, "alice", now=NOW)
        now, tried = NOW, 0
        while now < NOW + timedelta(days=1):
            begun = password(staff, "alice", now=now, visitor=STRANGER)
            found = code(staff, begun, "000000", now=now, visitor=STRANGER)
            assert isinstance(found, Refused)
            if found.until is None:
                tried += 1
            now = found.until or now
        assert tried < 30


def because_or_none(found: Begun | Refused) -> RefusedBecause | None:
    return found.because if isinstance(found, Refused) else None


class TestSessions:
    def test_fixation_every_step_has_a_token_of_its_own(self, staff: StaffParts) -> None:
        """A token planted in a browser before its holder signs in opens nothing after."""
        alice = enrolled(staff, "alice", now=NOW)
        planted = password(staff, "alice")
        assert isinstance(planted, Begun)
        # The victim's browser comes with the attacker's token.
        half = password(staff, "alice", replaces=planted.token)
        done = code(staff, half, code_at(alice.secret, LATER))
        assert isinstance(half, Begun)
        assert isinstance(done, Begun)
        assert len({planted.token, half.token, done.token}) == 3
        for token in (planted.token, half.token):
            assert staff.sign_in.who(token, now=LATER) is None
        assert staff.sign_in.who(done.token, now=LATER) is not None
        later = LATER + timedelta(minutes=1)
        again = staff.sign_in.confirm_code(
            done.token, code_at(alice.secret, later), VISITOR, now=later
        )
        assert isinstance(again, Begun)
        assert staff.sign_in.who(done.token, now=later) is None
        assert staff.sign_in.who(again.token, now=later) is not None

    def test_a_stolen_session_ends_with_the_password(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        stolen = signed_in(staff, alice)
        later = LATER + timedelta(minutes=1)
        hers = signed_in(staff, alice, now=later)
        changed = staff.own_account.change_password(
            hers.token, PASSWORD, "eight yellow umbrellas", VISITOR, now=later
        )
        assert isinstance(changed, Begun)
        for token in (stolen.token, hers.token, alice.begun.token):
            assert staff.sign_in.who(token, now=later) is None
        assert staff.sign_in.who(changed.token, now=later) is not None
        assert because(password(staff, "alice", now=later)) is RefusedBecause.CREDENTIALS
        assert isinstance(password(staff, "alice", "eight yellow umbrellas", now=later), Begun)

    @pytest.mark.parametrize("what", ["disable", "roles", "reset", "unlink", "sign_out"])
    def test_and_with_what_it_rests_on(self, staff: StaffParts, what: str) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        bob = enrolled(staff, "bob", now=NOW)
        if what == "roles":
            staff.accounts.set_roles("alice", [Role.SENIOR], now=NOW)
        elif what == "sign_out":
            staff.sign_in.sign_out(alice.begun.token, now=NOW)
        else:
            getattr(staff.accounts, what)("alice", now=NOW)
        assert staff.sign_in.who(alice.begun.token, now=NOW) is None
        assert staff.sign_in.who(bob.begun.token, now=NOW) is not None

    def test_a_disabled_account_gets_no_further_with_what_was_begun(
        self, staff: StaffParts
    ) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        half = password(staff, "alice")
        staff.accounts.disable("alice", now=LATER)
        refused = code(staff, half, code_at(alice.secret, LATER))
        assert because(refused) is RefusedBecause.OVER
        staff.accounts.enable("alice", now=LATER)
        assert isinstance(
            code(staff, password(staff, "alice"), code_at(alice.secret, LATER)), Begun
        )

    def test_it_ends_when_nobody_uses_it_and_at_last_anyway(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        lengths = staff.sessions.lengths
        token, now = alice.begun.token, NOW
        assert staff.sign_in.who(token, now=NOW + lengths.idle) is None
        while now < NOW + lengths.whole - lengths.idle:
            now += lengths.idle - timedelta(minutes=1)
            assert staff.sign_in.who(token, now=now) is not None
        assert staff.sign_in.who(token, now=NOW + lengths.whole) is None

    def test_a_half_one_ends_sooner(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        half = password(staff, "alice", now=NOW)
        late = NOW + staff.sessions.lengths.partial
        refused = code(staff, half, code_at(alice.secret, late), now=late)
        assert because(refused) is RefusedBecause.OVER

    def test_a_proof_is_fresh_for_a_while(self, staff: StaffParts) -> None:
        alice = enrolled(staff, "alice", now=NOW)
        fresh = staff.sessions.lengths.fresh
        session = alice.begun.session
        assert staff.sessions.is_fresh(session, now=NOW + fresh - timedelta(seconds=1))
        assert not staff.sessions.is_fresh(session, now=NOW + fresh)
        stale = NOW + fresh
        refused = staff.own_account.new_recovery_codes(alice.begun.token, now=stale)
        assert isinstance(refused, Refused)
        assert refused.because is RefusedBecause.STALE
        again = staff.sign_in.confirm_code(
            alice.begun.token, code_at(alice.secret, stale), VISITOR, now=stale
        )
        assert isinstance(again, Begun)
        assert isinstance(staff.own_account.new_recovery_codes(again.token, now=stale), list)

    def test_what_has_ended_is_forgotten(self, staff: StaffParts, engine: Engine) -> None:
        enrolled(staff, "alice", now=NOW)
        password(staff, "nobody", "wrong password", now=NOW)
        staff.sign_in.forget(now=NOW + timedelta(days=2))
        with engine.connect() as connection:
            assert connection.execute(select(sessions)).all() == []


def test_two_at_once_with_one_code_are_one(engine: Engine) -> None:
    staff = staff_on(engine)
    alice = enrolled(staff, "alice", now=NOW)
    halves = [password(staff, "alice") for _ in range(4)]
    text = code_at(alice.secret, LATER)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda half: code(staff, half, text), halves))
    assert sum(isinstance(one, Begun) for one in done) == 1
