"""Whatever somebody is doing to come in or to stay, an operator who takes everything away wins.

Each thing is done once for each statement that it sends to the database, and at that moment
an operator begins to reset the account. Whichever of the two is first, nothing is left.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from provenance.runtime.staff_parts import StaffParts
from provenance.staff.doors import Begun
from provenance.staff.own_account import NewCodes
from tests.factory.authenticator import Authenticator
from tests.factory.identity_provider import IdentityProvider
from tests.factory.staff import PASSWORD, VISITOR, code_at, enrolled, staff_on
from tests.unit.staff.conftest import NOW, empty
from tests.unit.staff.test_oidc import back, client, query_of, visit
from tests.unit.staff.test_passkeys import BROWSER, SITE, authenticator

LATER = NOW + timedelta(minutes=2)
# Long enough for one who need not wait, and no more than a moment for one who has to.
_HEAD_START_S = 0.1


class Moment:
    """One at which an operator acts: has it come?"""

    def __init__(self, number: int, act: Callable[[], None]) -> None:
        self.thread = threading.Thread(target=act)
        self.come = False
        self._left = number
        self._whose = threading.get_ident()

    def __call__(self, *_: object) -> None:
        """A statement was sent."""
        if self.come or threading.get_ident() != self._whose:
            return
        self._left -= 1
        if self._left == 0:
            self.come = True
            self.thread.start()
            self.thread.join(_HEAD_START_S)


@contextmanager
def acting(engine: Engine, number: int, act: Callable[[], None]) -> Iterator[Moment]:
    """Somebody acts after so many statements of this thread inside the block."""
    moment = Moment(number, act)
    event.listen(engine, "after_cursor_execute", moment)
    try:
        yield moment
    finally:
        event.remove(engine, "after_cursor_execute", moment)
    if moment.come:
        moment.thread.join()


class Scene:
    """Alice, who is enrolled, has a passkey and an identity of the provider."""

    def __init__(self, staff: StaffParts, provider: IdentityProvider) -> None:
        self.staff, self.provider = staff, provider
        alice = enrolled(staff, "alice", now=NOW)
        self.secret = alice.secret
        self.device: Authenticator = authenticator()
        staff.accounts.link("alice", issuer=provider.issuer, subject="subject-1", now=NOW)
        self.token = self._added(alice.begun.token, self.device)

    def _added(self, token: str, device: Authenticator) -> str:
        done = self.adding(token, device)()
        assert isinstance(done, Begun)
        return done.token

    def adding(self, token: str, device: Authenticator) -> Callable[[], object]:
        asked = self.staff.own_account.passkey_question(token, SITE, holder=BROWSER, now=NOW)
        assert isinstance(asked, str)
        made = device.make(asked)
        return lambda: self.staff.own_account.add_passkey(
            token, SITE, made, VISITOR, holder=BROWSER, label="phone", now=NOW
        )


def _password(scene: Scene) -> Callable[[], object]:
    return lambda: scene.staff.sign_in.password("alice", PASSWORD, VISITOR, now=LATER)


def _code(scene: Scene) -> Callable[[], object]:
    half = scene.staff.sign_in.password("alice", PASSWORD, VISITOR, now=LATER)
    assert isinstance(half, Begun)
    text = code_at(scene.secret, LATER)
    return lambda: scene.staff.sign_in.code(half.token, text, VISITOR, now=LATER)


def _passkey(scene: Scene) -> Callable[[], object]:
    asked = scene.staff.sign_in.passkey_question(SITE, holder=BROWSER, token=None, now=NOW)
    answer = scene.device.use(asked)
    return lambda: scene.staff.sign_in.passkey(SITE, answer, VISITOR, holder=BROWSER, now=NOW)


def _provider(scene: Scene) -> Callable[[], object]:
    query = query_of(scene.provider.authorize(visit(scene.staff)))
    return lambda: back(scene.staff, query)


def _confirmed_by_code(scene: Scene) -> Callable[[], object]:
    text = code_at(scene.secret, LATER)
    return lambda: scene.staff.sign_in.confirm_code(scene.token, text, VISITOR, now=LATER)


def _confirmed_by_passkey(scene: Scene) -> Callable[[], object]:
    sign_in = scene.staff.sign_in
    asked = sign_in.passkey_question(SITE, holder=BROWSER, token=scene.token, now=NOW)
    answer = scene.device.use(asked)
    return lambda: sign_in.confirm_passkey(scene.token, SITE, answer, holder=BROWSER, now=NOW)


def _new_password(scene: Scene) -> Callable[[], object]:
    return lambda: scene.staff.own_account.change_password(
        scene.token, PASSWORD, "eight yellow umbrellas", VISITOR, now=NOW
    )


def _new_codes(scene: Scene) -> Callable[[], object]:
    codes = scene.staff.own_account.begin_codes(scene.token, now=NOW)
    assert isinstance(codes, NewCodes)
    text = code_at(codes.secret, NOW)
    return lambda: scene.staff.own_account.finish_codes(scene.token, text, VISITOR, now=NOW)


def _new_passkey(scene: Scene) -> Callable[[], object]:
    return scene.adding(scene.token, authenticator())


def _passkey_less(scene: Scene) -> Callable[[], object]:
    (entry,) = scene.staff.own_account.ways_in("alice", now=NOW).passkeys
    return lambda: scene.staff.own_account.remove_passkey(scene.token, entry.id, VISITOR, now=NOW)


def _new_recovery_codes(scene: Scene) -> Callable[[], object]:
    return lambda: scene.staff.own_account.new_recovery_codes(scene.token, now=NOW)


def _enrolled(scene: Scene) -> Callable[[], object]:
    link = scene.staff.accounts.invite("alice", now=NOW, lasts=timedelta(hours=1))
    return lambda: scene.staff.own_account.enrol(link, PASSWORD, VISITOR, now=NOW)


def _linked(scene: Scene) -> Callable[[], object]:
    link = scene.staff.accounts.invite("alice", now=NOW, lasts=timedelta(hours=1))
    scene.provider.subject = "subject-2"
    query = query_of(scene.provider.authorize(visit(scene.staff, enrolment=link)))
    return lambda: back(scene.staff, query)


@pytest.mark.parametrize(
    "doing",
    [
        _password,
        _code,
        _passkey,
        _provider,
        _confirmed_by_code,
        _confirmed_by_passkey,
        _new_password,
        _new_codes,
        _new_passkey,
        _passkey_less,
        _new_recovery_codes,
        _enrolled,
        _linked,
    ],
)
def test_a_reset_leaves_nothing_whenever_it_comes(
    engine: Engine, provider: IdentityProvider, doing: Callable[[Scene], Callable[[], object]]
) -> None:
    staff = staff_on(engine, client=client(provider))
    for number in itertools.count(1):
        empty(engine)
        provider.subject = "subject-1"
        act = doing(Scene(staff, provider))
        with acting(engine, number, lambda: staff.accounts.reset("alice", now=NOW)) as moment:
            done = act()
        if not moment.come:
            break
        ways = staff.own_account.ways_in("alice", now=NOW)
        account = staff.accounts.get("alice")
        assert account is not None
        left = (ways.sessions, ways.passkeys, ways.recovery_codes, ways.provider)
        assert (*left, account.has_password, account.has_codes) == (
            [],
            [],
            0,
            False,
            False,
            False,
        ), f"after statement {number}"
    # Nobody came in between: it is done.
    assert isinstance(done, Begun | list)
