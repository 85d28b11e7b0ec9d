"""To everybody but its agency, what is under embargo is unknown, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from provenance.errors import RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.leaf import sign_statement
from provenance.registry.log.statement import Embargo
from provenance.registry.register.bindings import BindingDesk
from provenance.registry.register.fsck import check_register
from provenance.registry.register.records import Change, LogSecret
from provenance.registry.register.register import Register
from provenance.registry.register.stating import state_change, state_reveal
from provenance.registry.register.view import RegisterView
from tests.factory.registers import AGENCY, AT, ISCC, Desk, digest_of, stated_file

UNTIL = AT + timedelta(days=7)
BEFORE, AFTER = UNTIL - timedelta(seconds=1), UNTIL
LABEL = "the label"


class Search:
    """Finds whatever there is."""

    def __init__(self, register: Register) -> None:
        self.found = [(codes.owner, 3) for codes in register.codes.codes_since().added]

    def nearest(self, *_: object, **__: object) -> list[tuple[int, int]]:
        return self.found


# Every public method that says anything about releases.
QUESTIONS: dict[str, Callable[[RegisterView, Any, str], Any]] = {
    "files": lambda v, at, _: v.files(digest_of("a"), at=at),
    "files_of_manifest": lambda v, at, label: v.files_of_manifest(label, at=at),
    "manifests_for_bytes": lambda v, at, _: v.manifests_for_bytes(digest_of("a"), at=at),
    "manifests": lambda v, at, label: v.manifests(label, at=at),
    "manifests_for_binding": lambda v, at, _: v.manifests_for_binding("io.iscc.v0", ISCC, at=at),
    "release": lambda v, at, _: v.release(AGENCY, "NOVA9-1", at=at),
    "files_of_release": lambda v, at, _: v.files_of_release(AGENCY, "NOVA9-1", at=at),
    "releases": lambda v, at, _: v.releases(at=at),
    "count": lambda v, at, _: v.count(at=at),
    "owners": lambda v, at, _: v.owners(list(range(1, 9)), at=at),
    "owners_of_release": lambda v, at, _: v.owners_of_release(AGENCY, "NOVA9-1", at=at),
    "references": lambda v, at, _: v.references(1, at=at),
    "picture": lambda v, at, _: v.picture(digest_of("a"), at=at),
}
# Numbers of changes are for the service itself, of releases that the view has shown it.
NOT_ABOUT_RELEASES = {"has_changed", "newest_change", "name", "resembling"}
DESK_QUESTIONS: dict[str, Callable[[BindingDesk, str], Any]] = {
    "manifests": lambda d, label: d.manifests(label),
    "find": lambda d, _: d.find("io.iscc.v0", ISCC),
    "bindings_of": lambda d, label: d.bindings_of(label),
}
DESK_WRITES = {"store", "remove", "bind", "repoint", "unbind"}


@pytest.fixture
def hidden(register: Register, desk: Desk, store: tuple[str, bytes]) -> Register:
    """A register that has nothing but one release under embargo."""
    file = stated_file("a", store=store, iscc=ISCC)
    register.take(desk.release("NOVA9-1", file, embargo_until=UNTIL), at=AT + timedelta(hours=1))
    return register


def test_a_log_is_never_given_what_is_under_embargo(register: Register, desk: Desk) -> None:
    """Without a commitment to give instead, a log would get the statement itself."""
    (change,) = desk.release("NOVA9-1", embargo_until=UNTIL)
    plain = Change(signed=change.signed, facts=change.facts)
    with pytest.raises(RegisterError, match="is under embargo, and there is no commitment to it"):
        register.take([plain], at=AT + timedelta(hours=1))
    register.take([change], at=AT + timedelta(hours=1))
    (waiting,) = register.ledger.waiting("log")
    assert isinstance(waiting.signed.statement, Embargo)


def test_every_question_is_asked_here() -> None:
    methods = {name for name in vars(RegisterView) if not name.startswith("_")}
    assert methods == QUESTIONS.keys() | NOT_ABOUT_RELEASES
    methods = {name for name in vars(BindingDesk) if not name.startswith("_")}
    assert methods == DESK_QUESTIONS.keys() | DESK_WRITES


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("reader", [None, "borealis", AGENCY])
def test_what_is_under_embargo_is_unknown_until_it_ends(
    hidden: Register, store: tuple[str, bytes], question: str, reader: str | None
) -> None:
    ask = QUESTIONS[question]

    def answer(agency: str | None, now: Any, at: Any) -> Any:
        view = hidden.view(agency, clock=lambda: now, search=Search(hidden))
        return ask(view, at, store[0])

    # Also where a time is asked about at which it will have ended.
    assert bool(answer(reader, BEFORE, BEFORE)) is (reader == AGENCY)
    assert bool(answer(reader, BEFORE, AFTER + timedelta(days=1))) is (reader == AGENCY)
    # Nor is it known in hindsight what was a secret at the time.
    assert bool(answer(reader, AFTER, BEFORE)) is (reader == AGENCY)
    assert answer(reader, AFTER, AFTER)


@pytest.mark.parametrize("question", DESK_QUESTIONS)
@pytest.mark.parametrize("reader", [None, "borealis", AGENCY])
def test_soft_bindings_are_under_embargo_too(
    hidden: Register, store: tuple[str, bytes], question: str, reader: str | None
) -> None:
    ask = DESK_QUESTIONS[question]
    before = ask(hidden.bindings(reader, clock=lambda: BEFORE), store[0])
    assert bool(before) is (reader == AGENCY)
    assert ask(hidden.bindings(reader, clock=lambda: AFTER), store[0])


WATERMARK = "com.example.watermark"


def play(register: Register, stores: tuple[tuple[str, bytes], ...]) -> list[Any]:
    """What another agency and everybody are told, when that agency puts something in."""
    other = register.bindings("borealis", clock=lambda: BEFORE)
    public = register.bindings(clock=lambda: BEFORE)
    told: list[Any] = []

    def ask() -> None:
        view = register.view("borealis", clock=lambda: BEFORE)
        for reader in (other, public):
            told.extend(reader.manifests(label) for label, _ in stores)
            told.extend(reader.bindings_of(label) for label, _ in stores)
            told.append(reader.find("io.iscc.v0", ISCC))
            told.append(reader.find(WATERMARK, "17"))
        told.append(view.manifests_for_binding("io.iscc.v0", ISCC, at=BEFORE))

    def attempt(what: Callable[..., object], *arguments: object) -> None:
        try:
            told.append(what(*arguments))
        except RegisterError as error:
            told.append(str(error))
        ask()

    digests = [sha256(data).hexdigest() for _, data in stores]
    for digest in digests:
        attempt(other.bind, WATERMARK, "16", digest)
    for _, data in stores:
        attempt(other.store, data)
    for digest in digests:
        attempt(other.unbind, "io.iscc.v0", ISCC, digest)
        attempt(other.bind, "io.iscc.v0", ISCC, digest)
        attempt(other.bind, WATERMARK, "17", digest)
        attempt(other.unbind, "io.iscc.v0", ISCC, digest)
    attempt(other.repoint, WATERMARK, "17", *digests)
    for label, _ in stores:
        attempt(other.remove, label)
        attempt(other.remove, label)
    return told


def test_another_agency_learns_nothing_by_writing(
    hidden: Register,
    opened: Callable[..., Register],
    store: tuple[str, bytes],
    other_store: tuple[str, bytes],
) -> None:
    """Whoever has the bytes puts them in as if nobody had: the twin has nothing at all."""
    hidden.bindings(AGENCY, clock=lambda: BEFORE).bind(
        WATERMARK, "17", sha256(store[1]).hexdigest()
    )
    told = play(hidden, (store, other_store))
    assert told == play(opened("empty"), (store, other_store))
    # Something was told: what it put in is shown, to itself and to everybody.
    assert any(isinstance(entry, tuple) and entry for entry in told)
    own = hidden.bindings(AGENCY, clock=lambda: BEFORE)
    assert [kept.store for kept in own.manifests(store[0])] == [store[1]]
    (bound,) = own.find("io.iscc.v0", ISCC)
    assert bound.stated
    assert [found.added_by for found in own.find(WATERMARK, "17")] == [AGENCY]
    public = hidden.bindings(clock=lambda: AFTER)
    assert [kept.store for kept in public.manifests(store[0])] == [store[1]]


def test_what_was_there_first_is_not_hidden_by_somebody_elses_embargo(
    register: Register, desk: Desk, store: tuple[str, bytes]
) -> None:
    """Its disappearing would tell of it. What the agency itself put in is under its embargo."""
    label, data = store
    release = desk.release("NOVA9-1", stated_file("a", store=store, iscc=ISCC), embargo_until=UNTIL)
    other, own, public = (
        register.bindings(agency, clock=lambda: BEFORE) for agency in ("borealis", AGENCY, None)
    )
    kept = other.store(data)
    other.bind("io.iscc.v0", ISCC, kept.sha256)
    before = other.manifests(label), other.find("io.iscc.v0", ISCC)
    seen = public.manifests(label), public.find("io.iscc.v0", ISCC)
    register.take(release, at=AT + timedelta(hours=1))
    assert (other.manifests(label), other.find("io.iscc.v0", ISCC)) == before
    assert (public.manifests(label), public.find("io.iscc.v0", ISCC)) == seen
    assert other.remove(label)
    assert public.manifests(label) == other.manifests(label) == ()
    own.store(data)
    assert public.manifests(label) == ()
    assert own.manifests(label) == (kept,)
    # What follows from the statement outlives the one who had added the same.
    (bound,) = register.bindings(clock=lambda: AFTER).find("io.iscc.v0", ISCC)
    assert bound.stated
    assert check_register(register.database, agencies=AgencyChecker(None)).findings == ()


def test_a_release_shows_only_what_is_out(register: Register, desk: Desk) -> None:
    """A teaser is out; what else the release has, its title and its first date, is not."""
    secret = stated_file("film", title={"en": "The secret title"})
    register.take(desk.release("NOVA9-1", secret, embargo_until=UNTIL), at=AT + timedelta(hours=1))
    hidden_since = desk.at
    register.take(desk.release("NOVA9-1", "teaser"), at=AT + timedelta(hours=1))
    public = register.view(clock=lambda: BEFORE)
    release = public.release(AGENCY, "NOVA9-1", at=BEFORE)
    assert release is not None
    assert release.title["en"] == "teaser"
    assert release.first_stated_at == desk.at
    assert [f.sha256 for f in public.files_of_release(AGENCY, "NOVA9-1", at=BEFORE)] == [
        digest_of("teaser")
    ]
    own = register.view(AGENCY, clock=lambda: BEFORE).release(AGENCY, "NOVA9-1", at=BEFORE)
    assert own is not None
    assert own.first_stated_at == hidden_since


def test_the_name_of_a_hidden_newer_version_is_not_told(register: Register, desk: Desk) -> None:
    register.take(desk.release("NOVA9-1"), at=AT + timedelta(hours=1))
    register.take(desk.release("NOVA9-2", embargo_until=UNTIL), at=AT + timedelta(hours=1))
    register.take([desk.supersede("NOVA9-1", "NOVA9-2")], at=AT + timedelta(hours=1))

    def seen(agency: str | None, now: Any) -> tuple[str, str | None]:
        (file,) = register.view(agency, clock=lambda: now).files(digest_of("NOVA9-1"), at=now)
        return file.release.state.value, file.release.replaced_by

    assert seen(None, BEFORE) == ("current", None)
    assert seen(AGENCY, BEFORE) == ("superseded", "NOVA9-2")
    assert seen(None, AFTER) == ("superseded", "NOVA9-2")


def test_the_agency_can_reveal_sooner(hidden: Register, desk: Desk) -> None:
    ledger = hidden.ledger
    (waiting,) = ledger.waiting("log")
    assert isinstance(waiting.signed.statement, Embargo)
    ledger.place("log", [(waiting.number, 7)], logged_at=AT)
    assert ledger.waiting("log") == []
    (placed,) = ledger.committed("log", AGENCY, "NOVA9-1")
    now = desk.later()
    hidden.take([state_reveal(placed, at=now, signer=desk.signer)], at=AT + timedelta(hours=1))
    assert ledger.committed("log", AGENCY, "NOVA9-1") == []
    early = now - timedelta(seconds=1)
    assert hidden.view(clock=lambda: early).files(digest_of("a"), at=early) == ()
    (file,) = hidden.view(clock=lambda: now).files(digest_of("a"), at=now)
    assert file.release.log is not None
    assert (file.release.log.origin, file.release.log.entry) == ("log", 7)
    # The log gets what was revealed as it stands.
    (reveal,) = ledger.waiting("log")
    assert reveal.signed.statement.type == "reveal"


def test_revealing_what_is_not_hidden_is_refused(
    register: Register, hidden: Register, desk: Desk
) -> None:
    (waiting,) = hidden.ledger.waiting("log")
    hidden.ledger.place("log", [(waiting.number, 0)], logged_at=AT)
    (placed,) = hidden.ledger.committed("log", AGENCY, "NOVA9-1")
    told = state_reveal(placed, at=desk.later(), signer=desk.signer)
    statement = told.signed.statement
    assert statement.type == "reveal"
    other = Desk(desk.signer, at=desk.at).release("NOVA9-2")
    register.take(other, at=AT + timedelta(hours=1))
    wrong = placed.signed.statement.model_copy(update={"release": "NOVA9-2"})
    assert wrong.type == "register"
    from provenance.registry.log.leaf import reveal  # noqa: PLC0415 - beside its forged use

    forged = reveal(wrong, placed.salt, entry=0, at=desk.later())
    with pytest.raises(RegisterError, match="reveals what the register does not have"):
        register.take(
            [Change(signed=sign_statement(forged, desk.signer))], at=AT + timedelta(hours=1)
        )


def test_a_commitment_to_something_else_is_refused(register: Register, desk: Desk) -> None:
    (good,) = desk.release("NOVA9-1", embargo_until=UNTIL)
    (other,) = desk.release("NOVA9-2", embargo_until=UNTIL)
    assert good.secret is not None
    assert other.secret is not None
    for secret in (
        LogSecret(salt=good.secret.salt, commitment=other.secret.commitment),
        LogSecret(salt=other.secret.salt, commitment=good.secret.commitment),
        LogSecret(salt=good.secret.salt, commitment=good.signed),
    ):
        with pytest.raises(RegisterError, match="salt and statement do not open the commitment"):
            register.take([Change(signed=good.signed, secret=secret)], at=AT + timedelta(hours=1))
    short = LogSecret(salt=b"short", commitment=good.secret.commitment)
    with pytest.raises(RegisterError, match="expected 32 bytes, got 5"):
        register.take([Change(signed=good.signed, secret=short)], at=AT + timedelta(hours=1))


def test_a_withdrawal_of_something_hidden_is_hidden_too(hidden: Register, desk: Desk) -> None:
    statement = desk.withdraw("NOVA9-1").signed.statement
    assert statement.type == "withdraw"
    change = state_change(statement, at=desk.at, signer=desk.signer, salt=desk.salt())
    hidden.take([change], at=AT + timedelta(hours=1))
    assert hidden.view(clock=lambda: BEFORE).release(AGENCY, "NOVA9-1", at=BEFORE) is None
    (_, second) = hidden.ledger.waiting("log")
    assert second.signed.statement.type == "embargo"
    release = hidden.view(clock=lambda: AFTER).release(AGENCY, "NOVA9-1", at=AFTER)
    assert release is not None
    assert release.state == "withdrawn"
