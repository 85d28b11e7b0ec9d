"""Complaints: who may file what, who gets in again, who is counted, who is answered."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, insert, or_, select

from provenance.database.metadata import METADATA
from provenance.errors import (
    ConflictError,
    NotFoundError,
    PermissionRefusedError,
    TooOftenError,
)
from provenance.moderation.model import Contact, Locator, Reviewer
from provenance.moderation.office import Rules
from provenance.moderation.references import (
    new_pin,
    new_reference,
    parse_reference,
    shown_reference,
)
from provenance.moderation.tables import attempts, cases, complaints, similarities, subjects
from provenance.moderation.views import Filed, NewComplaint, ReportFacts
from provenance.moderation.vocabulary import (
    ActionType,
    CaseState,
    Category,
    Channel,
    ClockKind,
    ComplaintState,
    Queue,
    ReporterRole,
    Role,
    Severity,
)
from provenance.records.keys import ApiKey
from provenance.records.scopes import Scope
from provenance.records.tables import reports
from tests.factory.moderation import (
    ADDRESS,
    CONTACT,
    NOW,
    Desks,
    about,
    draft,
    linked,
    nothing_found,
    open_desks,
    person,
    random_bytes,
)

KEY = ApiKey(
    id="platform1",
    label="A platform",
    scopes=frozenset({Scope.COMPLAINTS}),
    agency=None,
    test=False,
    created_at=NOW,
)
KIM, LEE = person("kim"), person("lee")
MINUTE = timedelta(minutes=1)
PARK = person("park", Role.SENIOR)


def own(**changes: object) -> NewComplaint:
    """A request by the person shown, with all that the law asks for."""
    made = about(
        Category.INTIMATE_IMAGE,
        role=ReporterRole.DEPICTED_PERSON,
        contact=CONTACT,
        good_faith=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def case_of(filed: Filed) -> str:
    assert filed.complaint.case is not None
    return filed.complaint.case


# References and PINs.


@given(seed=st.integers(0, 2**64 - 1))
def test_a_reference_is_read_back_however_it_is_typed(seed: int) -> None:
    numbers = itertools.count(seed)
    ref = new_reference(lambda size: (next(numbers) % 2**64).to_bytes(size, "big"))
    shown = shown_reference(ref)
    assert len(shown) == 14
    assert parse_reference(shown) == ref
    assert parse_reference(f" {shown.lower().replace('0', 'o').replace('1', 'l')} ") == ref
    assert set(ref) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@given(at=st.integers(0, 11), symbol=st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_symbol_that_is_wrong_is_noticed(at: int, symbol: str) -> None:
    ref = new_reference(random_bytes())
    typed = ref[:at] + symbol + ref[at + 1 :]
    assert parse_reference(typed) == (ref if typed == ref else None)


@given(text=st.text(max_size=60))
def test_anything_can_be_typed(text: str) -> None:
    found = parse_reference(text)
    assert found is None or len(found) == 12


def test_a_pin_has_eight_digits() -> None:
    random = random_bytes()
    assert all(len(new_pin(random)) == 8 and new_pin(random).isdigit() for _ in range(50))


# Filing.


@pytest.mark.parametrize(
    "locator",
    [
        Locator(url="https://videos.example/watch?v=1"),
        Locator(sha256="ab" * 32),
        Locator(report="report1"),
    ],
)
def test_an_address_a_digest_or_a_report_is_enough(engine: Engine, locator: Locator) -> None:
    facts = ReportFacts(
        sha256="cd" * 32, verdict="lookalike", release="aurora/r1", agencies=frozenset({"aurora"})
    )
    desks = open_desks(engine, reports={"report1": facts})
    filed = desks.complaints.file(
        NewComplaint(category=Category.OTHER, locators=(locator,)), now=NOW
    )
    assert filed.complaint.state is ComplaintState.LINKED
    case = desks.cases.get(case_of(filed), KIM, now=NOW).case
    [subject] = case.subjects
    if locator.report:
        assert (subject.sha256, subject.verdict) == ("cd" * 32, "lookalike")
        assert case.agencies == {"aurora"}


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (NewComplaint(category=Category.OTHER, locators=()), "locators: expected 1 to 20"),
        (
            NewComplaint(category=Category.OTHER, locators=(Locator(),)),
            "expected an address, a digest or a report, got none",
        ),
        (about(url="javascript:alert(1)"), r"expected http:// or https://"),
        (about(url="https://user:secret@x.example/"), r"expected http:// or https://"),
        (about(url="https://x.example/\u202e"), "printable characters"),
        (about(url="https://[::1"), "expected an address"),
        (about(report="gone"), "there is none of this name"),
        (replace(about(), locators=(Locator(sha256="ab"),)), "expected 64 hex digits"),
        (about(explanation="x" * 5001), "explanation: expected at most 5000 characters"),
        (about(explanation="a\0b"), "expected text"),
        (about(explanation="\ud800"), "expected text"),
        (replace(about(), locale="<b>"), "locale: expected a language"),
        (about(contact=Contact(email="me")), "email: expected an address"),
        (about(role=ReporterRole.AGENCY), "an agency complains with its own key"),
        (about(role=ReporterRole.TRUSTED_FLAGGER), "a trusted flagger complains with a key"),
        (about(external_id="7"), "external_id: only with a key"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(
    desks: Desks, new: NewComplaint, reason: str
) -> None:
    with pytest.raises(ConflictError, match=reason):
        desks.complaints.file(new, now=NOW)
    # The twin without the defect.
    assert desks.complaints.file(about(), now=NOW).complaint.case


def test_nobody_calls_themselves_trusted(desks: Desks) -> None:
    filed = desks.complaints.file(about(), now=NOW, channel=Channel.TRUSTED)
    assert filed.complaint.channel is Channel.PAGE
    with pytest.raises(ConflictError):
        desks.complaints.file(about(role=ReporterRole.TRUSTED_FLAGGER), now=NOW, key=KEY)
    flagger = replace(KEY, scopes=frozenset({Scope.COMPLAINTS_TRUSTED}))
    filed = desks.complaints.file(about(role=ReporterRole.TRUSTED_FLAGGER), now=NOW, key=flagger)
    assert filed.complaint.channel is Channel.TRUSTED


def test_an_agencys_own_complaint_is_a_conflict_for_its_people(desks: Desks) -> None:
    key = replace(KEY, agency="aurora")
    filed = desks.complaints.file(about(role=ReporterRole.AGENCY), now=NOW, key=key)
    assert desks.cases.get(case_of(filed), KIM, now=NOW).case.agencies == {"aurora"}


def test_the_same_external_id_is_the_same_complaint(desks: Desks) -> None:
    new = about(external_id="ticket-7", contact=CONTACT)
    first = desks.complaints.file(new, now=NOW, key=KEY)
    again = desks.complaints.file(new, now=NOW + timedelta(hours=1), key=KEY)
    assert (again.complaint, again.pin, again.repeated) == (first.complaint, None, True)
    with pytest.raises(ConflictError, match="another complaint was filed under it"):
        desks.complaints.file(replace(new, explanation="else"), now=NOW, key=KEY)
    # Another key's numbers are its own.
    other = desks.complaints.file(new, now=NOW, key=replace(KEY, id="platform2"))
    assert other.complaint.ref != first.complaint.ref
    assert other.complaint.case == first.complaint.case


def test_the_48_hours_run_for_a_complete_request_and_the_rest_is_taken_and_told(
    desks: Desks,
) -> None:
    filed = desks.complaints.file(own(), now=NOW)
    assert (filed.statutory, filed.missing) == (True, ())
    clocks = {c.kind: c for c in desks.cases.get(case_of(filed), KIM, now=NOW).case.clocks}
    assert clocks[ClockKind.INTIMATE_48H].due_at == NOW + timedelta(hours=48)
    for changes, missing in (
        ({"contact": None}, ("signature", "contact")),
        ({"contact": Contact(email="a@b.example")}, ("signature",)),
        ({"good_faith": False}, ("good-faith",)),
        ({"role": ReporterRole.ANYONE}, ("depicted-person",)),
    ):
        elsewhere = (Locator(url=f"https://x.example/{len(missing)}{missing[0]}"),)
        lacking = desks.complaints.file(own(**changes, locators=elsewhere), now=NOW)
        assert (lacking.statutory, lacking.missing) == (False, missing)
        kinds = {c.kind for c in desks.cases.get(case_of(lacking), KIM, now=NOW).case.clocks}
        assert ClockKind.INTIMATE_48H not in kinds
        assert ClockKind.DECIDE in kinds


def test_it_is_acknowledged_at_once(desks: Desks, engine: Engine) -> None:
    filed = desks.complaints.file(about(), now=NOW)
    with engine.connect() as connection:
        row = connection.execute(select(complaints)).one()
    assert row.acknowledged_at == NOW
    clocks = desks.cases.get(case_of(filed), KIM, now=NOW).case.clocks
    [clock] = [c for c in clocks if c.kind is ClockKind.ACKNOWLEDGE]
    assert clock.met_at == NOW


# Following.


def test_a_wrong_pin_and_an_unknown_reference_are_answered_alike(desks: Desks) -> None:
    filed = desks.complaints.file(about(), now=NOW)
    unknown = new_reference(random_bytes())
    said = set()
    for ref, pin in ((filed.complaint.ref, "00000000"), (unknown, "00000000"), ("x", "")):
        with pytest.raises(NotFoundError) as error:
            desks.complaints.follow(ref, pin, now=NOW)
        said.add(str(error.value))
    assert said == {"complaint: there is none of this reference and PIN"}
    assert filed.pin is not None
    spelled = f"{filed.pin[:4]} {filed.pin[4:]}"
    shown = shown_reference(filed.complaint.ref).lower()
    assert desks.complaints.follow(shown, spelled, now=NOW).complaint == filed.complaint


@pytest.mark.parametrize("known", [True, False])
def test_guessing_is_paused_alike_whether_there_is_such_a_complaint_or_not(
    desks: Desks,
    known: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    filed = desks.complaints.file(about(), now=NOW)
    ref = filed.complaint.ref if known else new_reference(random_bytes())
    now, tries, pauses = NOW, 0, []
    for _ in range(12):
        try:
            desks.complaints.follow(ref, "00000000", now=now)
        except NotFoundError:
            tries += 1
        except TooOftenError as error:
            pauses.append(error.retry_at - now)
            now = error.retry_at
    minutes = [pause / timedelta(minutes=1) for pause in pauses]
    assert minutes == [1, 2, 4, 8]
    assert tries == 8
    assert filed.pin is not None
    if known:
        # During a pause the right PIN is not looked at either.
        with pytest.raises(NotFoundError):
            desks.complaints.follow(ref, "00000001", now=now + timedelta(hours=1))
        with pytest.raises(TooOftenError):
            desks.complaints.follow(ref, filed.pin, now=now + timedelta(hours=1))
        later = now + timedelta(days=2)
        assert desks.complaints.follow(ref, filed.pin, now=later).complaint.ref == ref


def test_references_are_not_enumerated_from_one_address(desks: Desks) -> None:
    random = random_bytes()
    refused = 0
    for _ in range(30):
        try:
            desks.complaints.follow(new_reference(random), "12345678", now=NOW, address=ADDRESS)
        except NotFoundError:
            refused += 1
        except TooOftenError:
            break
    assert refused == 20
    with pytest.raises(TooOftenError):
        desks.complaints.follow(new_reference(random), "1", now=NOW, address=ADDRESS)
    with pytest.raises(NotFoundError):
        desks.complaints.follow(new_reference(random), "1", now=NOW, address="198.51.100.1")


def test_the_right_pin_costs_an_address_nothing(desks: Desks) -> None:
    filed = desks.complaints.file(about(), now=NOW)
    assert filed.pin is not None
    for _ in range(30):
        desks.complaints.follow(filed.complaint.ref, filed.pin, now=NOW, address=ADDRESS)


def test_one_address_does_not_file_without_end(engine: Engine) -> None:
    desks = open_desks(engine, rules=Rules(complaints_per_hour=3, complaints_per_day=4))
    for _ in range(3):
        desks.complaints.file(about(), now=NOW, address="2001:db8::1")
    with pytest.raises(TooOftenError) as error:
        desks.complaints.file(about(), now=NOW, address="2001:db8::ffff")
    assert error.value.retry_at == NOW + timedelta(hours=1)
    desks.complaints.file(about(), now=NOW, address="2001:db8:0:1::1")
    # The limit is in the database: another process counts on.
    again = open_desks(engine, rules=Rules(complaints_per_hour=3, complaints_per_day=5))
    with pytest.raises(TooOftenError):
        again.complaints.file(about(), now=NOW, address="2001:db8::2")
    again.complaints.file(about(), now=NOW + timedelta(hours=1), address="2001:db8::2")


def test_what_is_counted_names_nobody_and_is_forgotten(desks: Desks, engine: Engine) -> None:
    desks.complaints.file(about(), now=NOW, address=ADDRESS)
    with engine.connect() as connection:
        buckets = connection.execute(select(attempts.c.bucket)).scalars().all()
        hashed = connection.execute(select(complaints.c.address_hash)).scalar_one()
    assert buckets
    assert hashed is not None
    assert not [b for b in [*buckets, hashed] if ADDRESS in b]
    desks.clockwork.tick(NOW + timedelta(days=91))
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(attempts)).scalar_one() == 0
        assert connection.execute(select(complaints.c.address_hash)).scalar_one() is None


# Joining.


def test_the_same_bytes_and_the_same_address_are_one_case(desks: Desks) -> None:
    first = desks.complaints.file(about(url="https://X.example:443/a?b=1#top"), now=NOW)
    same = desks.complaints.file(about(url="https://x.example/a?b=1"), now=NOW)
    other = desks.complaints.file(about(url="https://x.example/a?b=2"), now=NOW)
    assert first.complaint.case == same.complaint.case != other.complaint.case
    bytes_at_one = desks.complaints.file(about(url="https://y.example/1", sha="f"), now=NOW)
    bytes_at_other = desks.complaints.file(about(url="https://y.example/2", sha="f"), now=NOW)
    assert bytes_at_one.complaint.case == bytes_at_other.complaint.case
    assert first.complaint.ref != same.complaint.ref


def test_names_that_browsers_spell_in_one_way_are_one_place_and_no_others(desks: Desks) -> None:
    sharp, spelled, double = (
        desks.complaints.file(about(url=f"https://{host}/1"), now=NOW).complaint.case
        for host in ("straße.example", "xn--strae-oqa.example", "strasse.example")
    )
    assert sharp == spelled != double


def test_a_resemblance_joins_only_when_a_person_has_confirmed_it(desks: Desks) -> None:
    one = desks.complaints.file(about(url=None, sha="one"), now=NOW)
    two = desks.complaints.file(about(url=None, sha="two"), now=NOW + timedelta(minutes=1))
    assert one.complaint.case != two.complaint.case
    assert one.complaint.subject is not None
    assert two.complaint.subject is not None
    link = linked(desks.office, one.complaint.subject, two.complaint.subject, distance=14, now=NOW)
    third = desks.complaints.file(about(url=None, sha="two"), now=NOW)
    assert third.complaint.case == two.complaint.case
    shown = desks.cases.get(case_of(one), KIM, now=NOW)
    assert [found.confirmed for found in shown.links] == [None]
    assert shown.similar == (case_of(two),)
    desks.cases.confirm_resemblance(link, KIM, alike=True, now=NOW)
    # The first case goes on for both from now on.
    fourth = desks.complaints.file(about(url=None, sha="two"), now=NOW)
    assert fourth.complaint.case == one.complaint.case


def likenesses(*, likeness: tuple[str, int] | None = ("pdq", 14)) -> dict[str, ReportFacts]:
    """Reports about three copies: two of one release, one of another; and about the release."""
    made = {
        name: ReportFacts(
            sha256=sha256(name.encode()).hexdigest(),
            verdict="lookalike",
            release=release,
            agencies=frozenset({"aurora"}),
            likeness=likeness,
        )
        for name, release in (("one", "aurora/r1"), ("two", "aurora/r1"), ("three", "aurora/r2"))
    }
    official = ReportFacts(sha256="ab" * 32, verdict="official", release="aurora/r1")
    return {**made, "official": official}


def alike(desks: Desks, *reports: str) -> list[str]:
    """A case about each of these."""
    return [
        case_of(desks.complaints.file(about(url=None, report=name), now=NOW + n * MINUTE))
        for n, name in enumerate(reports)
    ]


def test_a_copy_leads_to_other_copies_of_the_same_release(either_engine: Engine) -> None:
    desks = open_desks(either_engine, reports=likenesses())
    one, three, official, two = alike(desks, "one", "three", "official", "two")
    (link,) = desks.cases.get(two, KIM, now=NOW).links
    assert (link.algorithm, link.distance, link.confirmed) == ("pdq-release", 14, None)
    assert link.cases == (one,)
    # Neither another release's, nor what was released.
    assert desks.cases.get(three, KIM, now=NOW).links == ()
    assert desks.cases.get(official, KIM, now=NOW).links == ()
    # Whoever complains again finds the same lead.
    alike(desks, "two", "one")
    assert len(desks.cases.get(one, KIM, now=NOW).links) == 1
    # Nobody joins anything by a machine's word.
    desks.cases.confirm_resemblance(link.id, KIM, alike=False, now=NOW)
    assert desks.cases.get(two, KIM, now=NOW).case.state is CaseState.OPEN
    desks.cases.confirm_resemblance(link.id, KIM, alike=True, now=NOW)
    merged = desks.cases.get(two, KIM, now=NOW).case
    assert (merged.state, merged.merged_into) == (CaseState.MERGED, one)
    assert desks.cases.get(one, KIM, now=NOW).case.complaints == 4
    verbs = [event.verb for event in desks.office.audit.events(object=f"case:{two}")]
    assert "case.merged" in verbs


def test_a_case_has_so_many_leads_and_no_more(engine: Engine) -> None:
    copies = {
        f"copy{n}": ReportFacts(
            sha256=sha256(b"%d" % n).hexdigest(),
            verdict="lookalike",
            release="aurora/r1",
            likeness=("pdq", n),
        )
        for n in range(23)
    }
    desks = open_desks(engine, reports=copies)
    last = alike(desks, *copies)[-1]
    with engine.connect() as connection:
        name = desks.cases.get(last, KIM, now=NOW).case.subjects[0].id
        query = select(similarities.c.id).where(
            or_(similarities.c.subject == name, similarities.c.other == name)
        )
        assert len(connection.execute(query).all()) == 20


@pytest.mark.parametrize("category", [Category.CHILD_SAFETY, Category.IMPERSONATION])
def test_the_restricted_queue_has_no_leads(engine: Engine, category: Category) -> None:
    desks = open_desks(engine, reports=likenesses())
    for name in ("one", "two"):
        desks.complaints.file(about(category, url=None, report=name), now=NOW)
    with engine.connect() as connection:
        found = connection.execute(select(similarities.c.id)).all()
    assert len(found) == (category is not Category.CHILD_SAFETY)


@pytest.mark.parametrize(
    ("who", "error"),
    [
        (person("new", trained=False), "expected training"),
        (person("fan", conflicts=("aurora",)), "conflict of interest"),
        (person("ada", Role.ADMIN), "has no right"),
        (person("lee"), None),
    ],
)
def test_who_may_say_what_is_alike(engine: Engine, who: Reviewer, error: str | None) -> None:
    desks = open_desks(engine, reports=likenesses())
    one, _ = alike(desks, "one", "two")
    (link,) = desks.cases.get(one, KIM, now=NOW).links
    for same in (False, True):
        if error is None:
            desks.cases.confirm_resemblance(link.id, who, alike=same, now=NOW)
            continue
        with pytest.raises(PermissionRefusedError, match=error):
            desks.cases.confirm_resemblance(link.id, who, alike=same, now=NOW)
    said = desks.cases.get(one, KIM, now=NOW).links[0].confirmed
    assert said is (True if error is None else None)


@pytest.mark.parametrize("who", [person("kim"), person("park", Role.SENIOR)])
def test_what_leads_to_the_restricted_queue_is_for_those_who_see_it(
    desks: Desks, who: Reviewer
) -> None:
    one = desks.complaints.file(about(), now=NOW)
    two = desks.complaints.file(about(Category.CHILD_SAFETY, url="https://x.example/9"), now=NOW)
    assert one.complaint.subject is not None
    assert two.complaint.subject is not None
    link = linked(desks.office, one.complaint.subject, two.complaint.subject, distance=3, now=NOW)
    senior = Role.SENIOR in who.roles
    wrong = ConflictError if senior else NotFoundError
    says = "two cases of the same queue" if senior else f"resemblance {link}: there is none"
    with pytest.raises(wrong, match=says):
        desks.cases.confirm_resemblance(link, who, alike=True, now=NOW)
    assert desks.cases.get(case_of(one), PARK, now=NOW).links[0].confirmed is None


@pytest.mark.parametrize("held", [True, False])
def test_what_cannot_become_one_is_told_and_nothing_is_said(engine: Engine, *, held: bool) -> None:
    """Somebody else works on one of them."""
    desks = open_desks(engine, reports=likenesses())
    one, two = alike(desks, "one", "two")
    (link,) = desks.cases.get(two, KIM, now=NOW).links
    if held:
        desks.cases.claim(two, PARK, now=NOW)
        with pytest.raises(ConflictError, match="somebody else has it"):
            desks.cases.confirm_resemblance(link.id, KIM, alike=True, now=NOW)
    else:
        desks.cases.confirm_resemblance(link.id, KIM, alike=True, now=NOW)
    assert desks.cases.get(one, KIM, now=NOW).links[0].confirmed is (None if held else True)
    state = desks.cases.get(two, KIM, now=NOW).case.state
    assert state is (CaseState.ASSIGNED if held else CaseState.MERGED)


def test_what_was_decided_before_is_what_the_other_joins(engine: Engine) -> None:
    desks = open_desks(engine, reports=likenesses())
    one, two = alike(desks, "one", "two")
    (link,) = desks.cases.get(two, KIM, now=NOW).links
    desks.cases.claim(two, KIM, now=NOW)
    desks.cases.decide(two, KIM, nothing_found(), now=NOW)
    desks.cases.reopen(two, PARK, why="a new copy", now=NOW)
    desks.cases.confirm_resemblance(link.id, LEE, alike=True, now=NOW)
    assert desks.cases.get(one, KIM, now=NOW).case.merged_into == two


def test_everybody_is_answered_each_for_themselves(desks: Desks) -> None:
    filed = [desks.complaints.file(about(), now=NOW) for _ in range(4)]
    case = case_of(filed[0])
    assert filed[3].pin is not None
    desks.complaints.withdraw(filed[3].complaint.ref, filed[3].pin, now=NOW)
    desks.cases.claim(case, KIM, now=NOW)
    desks.cases.decide(case, KIM, nothing_found(), now=NOW)
    [event] = [e for e in desks.told.events if e[0] == "decision"]
    answered = event[3]
    assert isinstance(answered, tuple)
    assert {c.ref for c in answered} == {f.complaint.ref for f in filed[:3]}
    for one in filed[:3]:
        assert one.pin is not None
        followed = desks.complaints.follow(one.complaint.ref, one.pin, now=NOW)
        assert followed.decision is not None
        assert followed.may_appeal_until == NOW + timedelta(days=184)


def test_a_decision_that_stands_answers_the_same_again_but_not_whoever_is_shown(
    desks: Desks,
) -> None:
    first = desks.complaints.file(about(url=None, sha="f"), now=NOW)
    desks.cases.claim(case_of(first), KIM, now=NOW)
    made = desks.cases.decide(case_of(first), KIM, nothing_found(), now=NOW)
    assert made is not None
    later = NOW + timedelta(days=100)
    again = desks.complaints.file(about(url=None, sha="f"), now=later)
    assert again.complaint.state is ComplaintState.ANSWERED
    assert again.complaint.decision == made.id
    assert again.pin is not None
    followed = desks.complaints.follow(again.complaint.ref, again.pin, now=later)
    assert followed.may_appeal_until == later + timedelta(days=184)
    for new in (
        about(url=None, sha="f", role=ReporterRole.DEPICTED_PERSON),
        about(Category.PRIVACY, url=None, sha="f"),
        about(url="https://elsewhere.example/", sha="f"),
    ):
        assert desks.complaints.file(new, now=later).complaint.state is ComplaintState.LINKED


# Asking, withdrawing, muting.


def test_asking_pauses_only_our_own_promise(desks: Desks) -> None:
    filed = desks.complaints.file(own(), now=NOW)
    assert filed.pin is not None
    ref = filed.complaint.ref
    later = NOW + timedelta(hours=1)
    desks.cases.ask_reporter(ref, KIM, text="Which minute?", now=later)
    clocks = {c.kind: c for c in desks.cases.get(case_of(filed), KIM, now=NOW).case.clocks}
    assert clocks[ClockKind.DECIDE].paused_at == later
    assert clocks[ClockKind.INTIMATE_48H].paused_at is None
    followed = desks.complaints.add_info(
        ref, filed.pin, "The first.", now=later + timedelta(hours=5)
    )
    assert [(m.by_reporter, m.text) for m in followed.messages] == [
        (False, "Which minute?"),
        (True, "The first."),
    ]
    assert followed.complaint.state is ComplaintState.LINKED
    clocks = {c.kind: c for c in desks.cases.get(case_of(filed), KIM, now=NOW).case.clocks}
    assert clocks[ClockKind.DECIDE].due_at == NOW + timedelta(hours=24 + 5)
    assert clocks[ClockKind.INTIMATE_48H].due_at == NOW + timedelta(hours=48)


def test_the_last_one_who_withdraws_ends_a_light_matter_and_no_grave_one(desks: Desks) -> None:
    for new, ends in ((about(), True), (own(), False)):
        filed = desks.complaints.file(replace(new, locators=new.locators), now=NOW)
        assert filed.pin is not None
        desks.complaints.withdraw(filed.complaint.ref, filed.pin, now=NOW)
        state = desks.cases.get(case_of(filed), KIM, now=NOW).case.state
        assert (state is CaseState.VOID) == ends


def test_who_was_muted_is_heard_and_hurries_nobody(desks: Desks) -> None:
    contact = Contact(email="Spam@Mail.example")
    bad = desks.complaints.file(about(contact=contact), now=NOW, address=ADDRESS)
    desks.cases.reject_abusive(bad.complaint.ref, PARK, why="flood", mute_days=30, now=NOW)
    elsewhere = about(Category.HARASSMENT, url="https://x.example/2")
    by_address = desks.complaints.file(elsewhere, now=NOW, address=ADDRESS)
    by_mail = desks.complaints.file(
        replace(elsewhere, contact=Contact(email="spam@mail.example ")), now=NOW
    )
    assert by_address.complaint.muted
    assert by_mail.complaint.muted
    case = desks.cases.get(case_of(by_address), KIM, now=NOW).case
    assert (case.complaints, case.muted, case.severity) == (2, 2, Severity.LOW)
    light = desks.complaints.file(about(Category.OTHER, url="https://x.example/3"), now=NOW)
    order = [row.case.id for row in desks.cases.queue(KIM, now=NOW)]
    assert order.index(case_of(light)) < order.index(case_of(by_address))
    # A law's request is not put off, and a mute ends.
    assert not desks.complaints.file(own(), now=NOW, address=ADDRESS).complaint.muted
    after = NOW + timedelta(days=31)
    assert not desks.complaints.file(about(), now=after, address=ADDRESS).complaint.muted


# The restricted queue.


def test_nothing_of_a_restricted_complaint_goes_anywhere(engine: Engine) -> None:
    facts = ReportFacts(sha256="cd" * 32, verdict="unverified", release="aurora/r1")
    desks = open_desks(engine, reports={"report1": facts})
    new = about(Category.CHILD_SAFETY, report="report1", explanation="what it shows")
    filed = desks.complaints.file(new, now=NOW)
    case = case_of(filed)
    with pytest.raises(NotFoundError):
        desks.cases.get(case, KIM, now=NOW)
    assert desks.cases.queue(KIM, now=NOW) == []
    shown = desks.cases.get(case, PARK, now=NOW)
    assert shown.case.queue is Queue.RESTRICTED
    assert shown.case.severity is Severity.CRITICAL
    [subject] = shown.case.subjects
    assert (subject.report, subject.verdict, subject.release) == (None, None, None)
    assert set(shown.hand_over) >= {"en", "ko"}
    with pytest.raises(Exception, match="shown to nobody"):
        desks.cases.unblur(case, subject.id, PARK, why="look", now=NOW)
    choi = person("choi", Role.LEGAL)
    desks.cases.claim(case, PARK, now=NOW)
    made = draft(
        ActionType.REFER_AUTHORITY,
        category=Category.CHILD_SAFETY,
        facts="Reported to the authority under number 2026-77.",
    )
    assert desks.cases.decide(case, PARK, made, now=NOW) is None
    assert desks.cases.second(case, choi, agree=True, now=NOW) is not None
    told = repr(desks.told.events)
    for secret in ("what it shows", "videos.example", "cd" * 32, "report1"):
        assert secret not in told
    with engine.connect() as connection:
        row = connection.execute(select(complaints)).one()
        kept = connection.execute(select(subjects.c.report)).scalars().all()
    assert row.explanation == ""
    assert set(kept) == {None}


def test_a_general_case_about_suspected_bytes_goes_on_unseen(desks: Desks) -> None:
    general = desks.complaints.file(about(url=None, sha="f"), now=NOW)
    desks.complaints.file(about(Category.CHILD_SAFETY, url=None, sha="f"), now=NOW)
    case = desks.cases.get(case_of(general), KIM, now=NOW).case
    with pytest.raises(Exception, match="shown to nobody"):
        desks.cases.unblur(case.id, case.subjects[0].id, KIM, why="look", now=NOW)


def test_triage_takes_a_case_into_the_restricted_queue(desks: Desks) -> None:
    filed = desks.complaints.file(about(url=None, sha="f"), now=NOW)
    case = case_of(filed)
    desks.cases.triage(case, KIM, severity=Severity.LOW, category=Category.CHILD_SAFETY, now=NOW)
    with pytest.raises(NotFoundError):
        desks.cases.get(case, KIM, now=NOW)
    assert desks.cases.get(case, PARK, now=NOW).case.severity is Severity.CRITICAL
    # Somebody else's complaint about the same bytes does not fall into it.
    assert desks.complaints.file(about(url=None, sha="f"), now=NOW).complaint.case != case


@pytest.mark.parametrize("how", ["triaged", "decided", "never"])
def test_no_file_and_no_report_of_it_is_kept_any_longer(desks: Desks, how: str) -> None:
    digest = about(url=None, sha="f").locators[0].sha256
    kept = {
        "verdict": "unverified",
        "document": "{}",
        "policy": "default",
        "judged_with": "x",
        "release_stamp": "x",
        "judged_at": NOW,
        "created_at": NOW,
        "ends_at": NOW + timedelta(days=30),
    }
    with desks.office.engine.begin() as connection:
        connection.execute(insert(reports).values(id="same", sha256=digest, upload="u1", **kept))
        connection.execute(insert(reports).values(id="other", sha256="ab" * 32, **kept))
    later = NOW + timedelta(hours=1)
    category = Category.CHILD_SAFETY if how == "decided" else Category.IMPERSONATION
    case = case_of(desks.complaints.file(about(category, url=None, sha="f"), now=NOW))
    if how == "triaged":
        desks.cases.triage(
            case, KIM, severity=Severity.LOW, category=Category.CHILD_SAFETY, now=later
        )
    if how == "decided":
        desks.cases.claim(case, PARK, now=later)
        made = draft(ActionType.REFER_AUTHORITY, category=Category.CHILD_SAFETY)
        desks.cases.decide(case, PARK, made, now=later)
        choi = person("choi", Role.SENIOR)
        desks.cases.second(case, choi, agree=True, now=later)
    with desks.office.engine.connect() as connection:
        ends = {row.id: row.ends_at for row in connection.execute(select(reports))}
    assert ends["other"] == NOW + timedelta(days=30)
    assert ends["same"] == (NOW + timedelta(days=30) if how == "never" else later)


@pytest.mark.parametrize("guesses", [True, False])
def test_a_complaint_of_ones_own_buys_no_guesses_at_others(
    desks: Desks,
    guesses: bool,  # noqa: FBT001
) -> None:
    """Whoever has one is right as often as they like, and is counted all the same."""
    mine = desks.complaints.file(about(), now=NOW)

    def play() -> None:
        for _ in range(30):
            if guesses:
                other = new_reference(desks.office.random)
                with pytest.raises(NotFoundError):
                    desks.complaints.follow(other, "00000000", now=NOW, address=ADDRESS)
            desks.complaints.follow(mine.complaint.ref, mine.pin or "", now=NOW, address=ADDRESS)

    if guesses:
        with pytest.raises(TooOftenError):
            play()
    else:
        play()


# Who complained.


def test_who_complained_stands_nowhere_but_in_the_sealed_table(
    either_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    desks = open_desks(either_engine)
    filed = desks.complaints.file(own(explanation="It is me."), now=NOW, address=ADDRESS)
    assert filed.pin is not None
    case = case_of(filed)
    desks.cases.claim(case, KIM, now=NOW)
    desks.cases.decide(case, KIM, draft(category=Category.INTIMATE_IMAGE), now=NOW)
    desks.complaints.follow(filed.complaint.ref, filed.pin, now=NOW)
    with either_engine.connect() as connection:
        everything = "".join(
            repr([tuple(row) for row in connection.execute(select(table))])
            for table in METADATA.sorted_tables
        )
    everything += repr(desks.told.events) + caplog.text + repr(filed)
    for secret in ("Areum", "areum.han", "mail.example", "/s/", ADDRESS, filed.pin):
        assert secret not in everything
    legal = person("seo", Role.LEGAL)
    assert desks.cases.contact_of(filed.complaint.ref, legal, why="notice", now=NOW) == CONTACT
    with pytest.raises(Exception, match="no right to see-contact"):
        desks.cases.contact_of(filed.complaint.ref, KIM, why="curious", now=NOW)


def test_ten_thousand_complaints_are_one_case(desks: Desks, engine: Engine) -> None:
    first = desks.complaints.file(about(url=None, sha="f"), now=NOW)
    with engine.begin() as connection:
        row = dict(connection.execute(select(complaints)).one()._mapping)
        copies = [
            {**row, "ref": f"C{n:011d}", "received_at": NOW + timedelta(seconds=n)}
            for n in range(9_998)
        ]
        connection.execute(complaints.insert(), copies)
        connection.execute(cases.update().values(complaints=9_999))
    last = desks.complaints.file(about(url=None, sha="f"), now=NOW + timedelta(days=1))
    assert last.complaint.case == first.complaint.case
    page = desks.cases.get(case_of(first), KIM, now=NOW)
    assert (page.case.complaints, len(page.complaints)) == (10_000, 50)
    assert page.counts["category:impersonation"] == 10_000
    desks.cases.claim(case_of(first), KIM, now=NOW)
    desks.cases.decide(case_of(first), KIM, nothing_found(), now=NOW)
    [event] = [e for e in desks.told.events if e[0] == "decision"]
    assert len(event[3]) == 10_000  # type: ignore[arg-type]
