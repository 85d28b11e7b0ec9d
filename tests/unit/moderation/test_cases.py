"""Cases and decisions: who may, what must be there, what is undone."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, delete, select, text, update

from provenance.database.database import Database
from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.appeals import ByReporter, ByUploader
from provenance.moderation.cases import CaseDesk
from provenance.moderation.model import Case, Decision, Reviewer
from provenance.moderation.office import Rules
from provenance.moderation.permissions import PERMISSIONS, Permission, permissions_of
from provenance.moderation.policies import PolicyBook, packaged_policies
from provenance.moderation.tables import (
    actions,
    appeals,
    audit,
    cases,
    clocks,
    complaints,
    decisions,
    evidence_access,
)
from provenance.moderation.views import DecisionDraft, QueueFilters, ReportFacts
from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    CaseState,
    Category,
    ClockKind,
    ComplaintState,
    Ground,
    Outcome,
    Role,
    Severity,
)
from tests.factory.moderation import (
    NOW,
    Desks,
    Told,
    about,
    draft,
    linked,
    nothing_found,
    open_desks,
    person,
)
from tests.unit.moderation.test_complaints import case_of, own

KIM, LEE = person("kim"), person("lee")
PARK, CHOI = person("park", Role.SENIOR), person("choi", Role.SENIOR)
SEO = person("seo", Role.LEGAL)


def claimed(desks: Desks, *, by: Reviewer = KIM, url: str = "https://x.example/1") -> str:
    case = case_of(desks.complaints.file(about(url=url), now=NOW))
    desks.cases.claim(case, by, now=NOW)
    return case


# Who may.


def test_what_no_role_is_given_nobody_may() -> None:
    assert permissions_of([]) == frozenset()
    assert set(PERMISSIONS) == set(Role)
    given = frozenset[Permission]().union(*PERMISSIONS.values())
    assert given == set(Permission)
    decides = {role for role, may in PERMISSIONS.items() if Permission.DECIDE in may}
    assert decides == {Role.REVIEWER, Role.SENIOR, Role.LEGAL}
    assert PERMISSIONS[Role.ADMIN] == {Permission.KEEP_STAFF}
    assert PERMISSIONS[Role.AUDITOR] == {Permission.READ_AUDIT}


def test_two_who_claim_at_once_one_has_it(either_engine: Engine) -> None:
    desks = open_desks(either_engine)
    case = case_of(desks.complaints.file(about(), now=NOW))
    people = [person(f"r{n}") for n in range(6)]
    won, lost = [], []
    barrier = threading.Barrier(len(people))

    def claim(who: Reviewer) -> None:
        barrier.wait()
        try:
            won.append(desks.cases.claim(case, who, now=NOW).assignee)
        except ConflictError:
            lost.append(who.id)

    threads = [threading.Thread(target=claim, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    assert desks.cases.get(case, KIM, now=NOW).case.assignee == won[0]
    with either_engine.connect() as connection:
        claims = select(audit.c.seq).where(audit.c.verb == "case.claimed")
        assert len(connection.execute(claims).all()) == 1


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (person("new", trained=False), "training that is still valid"),
        (replace(KIM, trained_until=NOW), "training that is still valid"),
        (person("kin", conflicts=["aurora"]), "conflict of interest"),
        (person("tired", cap=0), "which is enough"),
        (person("admin", Role.ADMIN), "no right to claim"),
        (person("none", Role.AUDITOR), "no right to claim"),
    ],
)
def test_who_is_not_fit_has_no_case(engine: Engine, who: Reviewer, reason: str) -> None:
    facts = ReportFacts(sha256="cd" * 32, verdict="lookalike", agencies=frozenset({"aurora"}))
    desks = open_desks(engine, reports={"r": facts})
    case = case_of(desks.complaints.file(about(report="r"), now=NOW))
    with pytest.raises(PermissionRefusedError, match=reason):
        desks.cases.claim(case, who, now=NOW)
    assert desks.cases.claim(case, KIM, now=NOW).assignee == "kim"


def test_who_became_unfit_does_not_decide(engine: Engine) -> None:
    facts = ReportFacts(sha256="cd" * 32, verdict="lookalike", agencies=frozenset({"aurora"}))
    desks = open_desks(engine, reports={"r": facts})
    case = case_of(desks.complaints.file(about(report="r"), now=NOW))
    desks.cases.claim(case, KIM, now=NOW)
    for unfit in (replace(KIM, trained_until=NOW), person("kim", conflicts=["aurora"])):
        with pytest.raises(PermissionRefusedError):
            desks.cases.decide(case, unfit, draft(), now=NOW)
    assert [row.case.id for row in desks.cases.queue(KIM, now=NOW)] == [case]
    assert desks.cases.queue(person("kin", conflicts=["aurora"]), now=NOW) == []
    assert desks.cases.decide(case, KIM, draft(), now=NOW) is not None


def test_a_claim_ends_and_what_is_escalated_is_for_whom_it_was_escalated_to(desks: Desks) -> None:
    case = claimed(desks)
    later = NOW + timedelta(minutes=31)
    with pytest.raises(ConflictError, match="is over; claim it again"):
        desks.cases.decide(case, KIM, draft(), now=later)
    # Without waiting for the clock, too.
    assert desks.cases.claim(case, LEE, now=later).assignee == "lee"
    desks.cases.escalate(case, LEE, to=Role.LEGAL, why="law", now=later)
    for who in (KIM, PARK):
        with pytest.raises(PermissionRefusedError):
            desks.cases.claim(case, who, now=later)
    assert desks.cases.claim(case, SEO, now=later).state is CaseState.ASSIGNED


def handed_up(desks: Desks, number: int, *, up: bool = True) -> str:
    """A case that its first reviewer gave away: to somebody for the law, or to anybody."""
    case = claimed(desks, url=f"https://x.example/up-{number}")
    if up:
        desks.cases.escalate(case, KIM, to=Role.LEGAL, why="law", now=NOW)
    else:
        desks.cases.release(case, KIM, now=NOW)
    desks.cases.claim(case, SEO, now=NOW)
    return case


@pytest.mark.parametrize("up", [True, False], ids=["escalated", "released"])
@pytest.mark.parametrize("how", ["released", "lock ended", "lock over", "second refused"])
def test_what_was_escalated_stays_so_when_the_claim_ends(
    desks: Desks,
    how: str,
    up: bool,  # noqa: FBT001
) -> None:
    case = handed_up(desks, 1, up=up)
    later = NOW + timedelta(minutes=31)
    if how == "released":
        desks.cases.release(case, SEO, now=NOW)
    elif how == "lock ended":
        desks.clockwork.tick(later)
    elif how == "second refused":
        desks.cases.decide(case, SEO, draft(ActionType.TERMINATE_ACCOUNT), now=NOW)
        desks.cases.second(case, PARK, agree=False, why="too much", now=NOW)
        desks.clockwork.tick(later)
    if how != "lock over":
        waits = CaseState.ESCALATED if up else CaseState.QUEUED
        assert desks.cases.get(case, KIM, now=later).case.state is waits
    if not up:
        assert desks.cases.claim(case, LEE, now=later).assignee == LEE.id
        return
    for who in (LEE, PARK):
        with pytest.raises(PermissionRefusedError, match="escalated"):
            desks.cases.claim(case, who, now=later)
    desks.cases.claim(case, SEO, now=later)
    assert desks.cases.decide(case, SEO, draft(), now=later) is not None


def test_what_was_escalated_is_free_again_once_it_was_decided(desks: Desks) -> None:
    case = handed_up(desks, 1)
    desks.cases.decide(case, SEO, nothing_found(), now=NOW)
    desks.cases.reopen(case, PARK, why="more is known", now=NOW)
    assert desks.cases.claim(case, LEE, now=NOW).assignee == LEE.id


@pytest.mark.parametrize("up", [True, False], ids=["escalated", "released"])
def test_what_was_escalated_is_in_no_bulk_and_no_merge_by_another(
    desks: Desks,
    up: bool,  # noqa: FBT001
) -> None:
    case, later = handed_up(desks, 1, up=up), NOW + timedelta(minutes=31)
    into = case_of(desks.complaints.file(about(url="https://x.example/2"), now=NOW))
    boss = person("boss", Role.SENIOR, Role.LEGAL)
    desks.cases.release(case, SEO, now=NOW)
    desks.cases.claim(case, boss, now=NOW)
    (item,) = desks.cases.bulk_preview([case], draft(), boss, now=NOW).each
    assert item.refused == ("was escalated and is looked at by itself" if up else None)
    if up:
        # Whoever had it has it no longer, though no clock has looked.
        with pytest.raises(PermissionRefusedError, match="escalated"):
            desks.cases.merge(case, LEE, into=into, why="the same", now=later)
    desks.cases.merge(case, boss if up else LEE, into=into, why="the same", now=later)


@pytest.mark.parametrize("up", [True, False], ids=["escalated", "released"])
def test_what_was_escalated_stays_so_in_the_case_that_it_became_part_of(
    desks: Desks,
    up: bool,  # noqa: FBT001
) -> None:
    boss = person("boss", Role.SENIOR, Role.LEGAL)
    case = handed_up(desks, 1, up=up)
    desks.cases.release(case, SEO, now=NOW)
    desks.cases.claim(case, boss, now=NOW)
    into = case_of(desks.complaints.file(about(url="https://x.example/2"), now=NOW))
    desks.cases.merge(case, boss, into=into, why="the same", now=NOW)
    if up:
        for who in (LEE, PARK):
            with pytest.raises(PermissionRefusedError, match="escalated"):
                desks.cases.claim(into, who, now=NOW)
    desks.cases.claim(into, boss if up else LEE, now=NOW)
    desks.cases.release(into, boss if up else LEE, now=NOW)
    state = desks.cases.get(into, KIM, now=NOW).case.state
    assert state is (CaseState.ESCALATED if up else CaseState.QUEUED)


@pytest.mark.parametrize("to", [Role.SENIOR, Role.LEGAL])
def test_what_was_escalated_to_another_is_not_one_case(desks: Desks, to: Role) -> None:
    boss = person("boss", Role.SENIOR, Role.LEGAL)
    case, into = (claimed(desks, url=f"https://x.example/{n}") for n in (1, 2))
    desks.cases.escalate(case, KIM, to=Role.LEGAL, why="law", now=NOW)
    desks.cases.claim(case, boss, now=NOW)
    desks.cases.escalate(into, KIM, to=to, why="grave", now=NOW)
    if to is Role.SENIOR:
        with pytest.raises(ConflictError, match="to legal, the other to senior"):
            desks.cases.merge(case, boss, into=into, why="the same", now=NOW)
        return
    desks.cases.merge(case, boss, into=into, why="the same", now=NOW)
    with pytest.raises(PermissionRefusedError, match="escalated to legal"):
        desks.cases.claim(into, PARK, now=NOW)


def likened(desks: Desks, first: str, second: str) -> int:
    one, two = (desks.cases.get(name, KIM, now=NOW).case.subjects[0].id for name in (first, second))
    return linked(desks.office, one, two, distance=3, now=NOW)


@pytest.mark.parametrize("up", [True, False], ids=["escalated", "not"])
def test_what_is_alike_joins_the_one_that_was_escalated(
    desks: Desks,
    up: bool,  # noqa: FBT001
) -> None:
    earlier = case_of(desks.complaints.file(about(url="https://x.example/1"), now=NOW))
    at = NOW + timedelta(minutes=1)
    later = case_of(desks.complaints.file(about(url="https://x.example/2"), now=at))
    if up:
        desks.cases.claim(later, KIM, now=at)
        desks.cases.escalate(later, KIM, to=Role.LEGAL, why="law", now=at)
    desks.cases.confirm_resemblance(likened(desks, earlier, later), LEE, alike=True, now=at)
    gone, into = (earlier, later) if up else (later, earlier)
    assert desks.cases.get(gone, KIM, now=at).case.merged_into == into


@pytest.mark.parametrize("up", [True, False], ids=["escalated", "released"])
def test_what_is_alike_is_not_taken_from_whom_it_was_escalated_to(
    desks: Desks,
    up: bool,  # noqa: FBT001
) -> None:
    first, second = (handed_up(desks, number, up=up) for number in (1, 2))
    link = likened(desks, first, second)
    # Nobody has either any more, though no clock has looked.
    later = NOW + timedelta(minutes=31)
    if up:
        with pytest.raises(PermissionRefusedError, match="escalated"):
            desks.cases.confirm_resemblance(link, LEE, alike=True, now=later)
        return
    desks.cases.confirm_resemblance(link, LEE, alike=True, now=later)
    assert {desks.cases.get(name, KIM, now=later).case.state for name in (first, second)} == {
        CaseState.ASSIGNED,
        CaseState.MERGED,
    }


def test_the_queue_has_the_gravest_and_most_urgent_first(desks: Desks) -> None:
    order = [
        desks.complaints.file(about(category, url=f"https://x.example/{n}"), now=at)
        for n, (category, at) in enumerate(
            [
                (Category.OTHER, NOW),
                (Category.IMPERSONATION, NOW + timedelta(hours=1)),
                (Category.IMPERSONATION, NOW),
                (Category.HARASSMENT, NOW + timedelta(hours=9)),
            ]
        )
    ]
    found = [row.case.id for row in desks.cases.queue(KIM, now=NOW)]
    assert found == [case_of(order[n]) for n in (3, 2, 1, 0)]
    only = QueueFilters(category=Category.OTHER)
    assert [row.case.id for row in desks.cases.queue(KIM, only, now=NOW)] == [case_of(order[0])]
    late = QueueFilters(overdue=True)
    assert desks.cases.queue(KIM, late, now=NOW) == []
    days = NOW + timedelta(days=8)
    assert len(desks.cases.queue(KIM, late, now=days)) == 3
    desks.cases.claim(case_of(order[0]), KIM, now=NOW)
    mine = QueueFilters(mine=True)
    assert [row.case.id for row in desks.cases.queue(KIM, mine, now=NOW)] == [case_of(order[0])]
    assert desks.cases.queue(LEE, mine, now=NOW) == []
    assert [r.claimable for r in desks.cases.queue(LEE, now=NOW)] == [True, True, True, False]


# Exposure.


def test_every_look_is_written_down_and_there_are_only_so_many(
    desks: Desks, engine: Engine
) -> None:
    case = case_of(desks.complaints.file(about(), now=NOW))
    [subject] = desks.cases.get(case, KIM, now=NOW).case.subjects
    weary = person("kim", cap=2)
    looks = [
        desks.cases.unblur(case, subject.id, weary, why="is it her?", now=NOW) for _ in range(2)
    ]
    assert [look.left for look in looks] == [1, 0]
    with pytest.raises(PermissionRefusedError, match="which is enough"):
        desks.cases.unblur(case, subject.id, weary, why="again", now=NOW)
    with pytest.raises(PermissionRefusedError):
        desks.cases.claim(case, weary, now=NOW)
    with engine.connect() as connection:
        assert len(connection.execute(select(evidence_access)).all()) == 2
    tomorrow = NOW + timedelta(hours=25)
    assert desks.cases.unblur(case, subject.id, weary, why="again", now=tomorrow).left == 1
    with pytest.raises(ConflictError, match="why"):
        desks.cases.unblur(case, subject.id, KIM, why=" ", now=NOW)


# What a decision needs.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"facts": " short "}, "facts: expected 10 to 5000 characters, got 5"),
        ({"reference": " "}, "reference: expected"),
        ({"policies": ()}, "policies: expected at least one"),
        ({"policies": ("impersonation@9",)}, "there is no 'impersonation@9'"),
        ({"policies": ("impersonation@1", "impersonation@1")}, "expected each once"),
        ({"actions": ()}, "a violation needs what is done"),
        ({"actions": (ActionType.REFER_AUTHORITY,)}, "do not allow refer-authority"),
        ({"actions": (ActionType.NONE, ActionType.REMOVE)}, "nothing beside none"),
        ({"outcome": Outcome.NO_VIOLATION}, "expected none with the outcome no-violation"),
        ({"territories": ("kr",)}, "expected codes like KR"),
        ({"ends_at": NOW}, "a time to come"),
        ({"facts": "See minji@mail.example."}, "facts: expected no personal data, got an e-mail"),
        ({"reference": "Call 010-1234-5678"}, "reference: expected no personal data, got a tele"),
        ({"subjects": ("another",)}, "is none of this case"),
        ({"policies": ("other@1",), "actions": (ActionType.HASH_BLOCK,)}, "do not allow hash"),
    ],
)
def test_a_decision_that_lacks_something_is_none(
    desks: Desks, engine: Engine, changes: dict[str, object], reason: str
) -> None:
    case = claimed(desks)
    with pytest.raises(ConflictError, match=reason):
        desks.cases.decide(case, KIM, replace(draft(), **changes), now=NOW)  # type: ignore[arg-type]
    with engine.connect() as connection:
        assert connection.execute(select(decisions)).first() is None
        assert connection.execute(select(actions)).first() is None
    assert desks.cases.decide(case, KIM, draft(), now=NOW) is not None


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("other@1", "policies: other@1 was replaced before the case was opened"),
        ("other@2", None),
        ("other@3", "ground: the policies know no decision by law"),
        ("other@4", "policies: other@4 does not hold yet"),
    ],
)
def test_a_policy_has_its_grounds_and_its_time(
    engine: Engine, policy: str, reason: str | None
) -> None:
    desks = open_desks(engine)
    (other,) = [one for one in packaged_policies() if one.name == "other"]
    terms = tuple(one for one in other.grounds if one.ground is Ground.TERMS)
    second = timedelta(seconds=1)
    # The second version held when the case was opened; now the third does.
    newer: list[dict[str, object]] = [
        {"version": "2", "effective_from": NOW},
        {"version": "3", "effective_from": NOW + second, "grounds": terms},
        {"version": "4", "effective_from": NOW + 2 * second},
    ]
    book = PolicyBook([*packaged_policies(), *(other.model_copy(update=one) for one in newer)])
    cases = CaseDesk(replace(desks.office, policies=book))
    case = case_of(desks.complaints.file(about(Category.OTHER), now=NOW))
    cases.claim(case, KIM, now=NOW + second)
    made = replace(draft(category=Category.OTHER), ground=Ground.LAW, policies=(policy,))
    if reason is not None:
        with pytest.raises(ConflictError, match=reason):
            cases.decide(case, KIM, made, now=NOW + second)
        return
    assert cases.decide(case, KIM, made, now=NOW + second) is not None


@pytest.mark.parametrize(
    ("verdict", "actions", "two"),
    [
        ("lookalike", (ActionType.REMOVE,), False),
        ("lookalike", (ActionType.TERMINATE_ACCOUNT,), True),
        ("official", (ActionType.REMOVE,), True),
        ("official-withdrawn", (ActionType.LABEL,), True),
        ("official", (ActionType.NONE,), False),
    ],
)
def test_what_weighs_heavily_needs_two(
    engine: Engine,
    verdict: str,
    actions: tuple[ActionType, ...],
    two: bool,  # noqa: FBT001
) -> None:
    desks = open_desks(engine, reports={"r": ReportFacts(sha256="cd" * 32, verdict=verdict)})
    case = case_of(desks.complaints.file(about(report="r"), now=NOW))
    desks.cases.claim(case, PARK, now=NOW)
    made = desks.cases.decide(case, PARK, draft(*actions), now=NOW)
    assert (made is None) == two
    if not two:
        return
    assert [e for e in desks.told.events if e[0] == "decision"] == []
    with pytest.raises(PermissionRefusedError, match="expected another person"):
        desks.cases.second(case, PARK, agree=True, now=NOW)
    with pytest.raises(PermissionRefusedError, match="no right to second"):
        desks.cases.second(case, KIM, agree=True, now=NOW)
    assert desks.cases.second(case, CHOI, agree=False, why="too much", now=NOW) is None
    assert desks.cases.get(case, PARK, now=NOW).case.state is CaseState.ASSIGNED
    desks.cases.decide(case, PARK, draft(*actions), now=NOW)
    agreed = desks.cases.second(case, CHOI, agree=True, now=NOW)
    assert agreed is not None
    assert (agreed.maker, agreed.second) == ("park", "choi")


def test_decisions_are_never_edited_on_either_database(either_engine: Engine) -> None:
    desks = open_desks(either_engine)
    case = claimed(desks)
    desks.cases.decide(case, KIM, draft(), now=NOW)
    for change in (
        update(decisions).values(facts="Something else altogether."),
        delete(decisions),
        delete(clocks).where(clocks.c.kind == ClockKind.APPEAL_WINDOW),
    ):
        with pytest.raises(Exception, match=r"never|changed"), either_engine.begin() as connection:
            connection.execute(change)
    with pytest.raises(Exception, match="statutory_never_paused"), either_engine.begin() as c:
        c.execute(
            update(clocks).where(clocks.c.kind == ClockKind.APPEAL_WINDOW).values(paused_at=NOW)
        )
    with pytest.raises(Exception, match=r"NOT NULL|not-null"), either_engine.begin() as c:
        c.execute(text("INSERT INTO moderation_action (id, type, state) VALUES ('x', 'y', 'z')"))


def test_what_fails_in_an_effect_undoes_the_decision(engine: Engine) -> None:
    told = Told(fails_on="decision")
    desks = open_desks(engine, told=told)
    case = claimed(desks)
    before = desks.office.audit.head()
    with pytest.raises(RuntimeError):
        desks.cases.decide(case, KIM, draft(), now=NOW)
    assert desks.office.audit.head() == before
    assert desks.cases.get(case, KIM, now=NOW).case.state is CaseState.ASSIGNED
    told.fails_on = None
    assert desks.cases.decide(case, KIM, draft(), now=NOW) is not None


def test_an_action_that_fails_is_tried_again_and_ends_the_case(desks: Desks) -> None:
    case = claimed(desks)
    desks.cases.decide(case, KIM, draft(ActionType.REMOVE, ActionType.LABEL), now=NOW)
    one, two = desks.cases.get(case, KIM, now=NOW).actions
    desks.cases.action_done(one.id, now=NOW)
    desks.cases.action_failed(two.id, "HTTP status 500", now=NOW)
    page = desks.cases.get(case, KIM, now=NOW)
    assert page.case.state is CaseState.ENFORCEMENT_FAILED
    desks.cases.action_retried(two.id, now=NOW)
    desks.cases.action_done(two.id, now=NOW)
    page = desks.cases.get(case, KIM, now=NOW)
    assert page.case.state is CaseState.CLOSED
    assert {a.state for a in page.actions} == {ActionState.DONE}
    with pytest.raises(ConflictError, match="is done, from where it cannot become done"):
        desks.cases.action_done(one.id, now=NOW)


def test_who_decided_does_not_look_at_it_again(desks: Desks) -> None:
    case = claimed(desks)
    first = desks.cases.decide(case, KIM, nothing_found(), now=NOW)
    desks.cases.reopen(case, PARK, why="a new copy", now=NOW)
    with pytest.raises(PermissionRefusedError, match="made or seconded"):
        desks.cases.claim(case, KIM, now=NOW)
    desks.cases.claim(case, LEE, now=NOW)
    second = desks.cases.decide(case, LEE, draft(), now=NOW)
    assert first is not None
    assert second is not None
    assert second.supersedes == first.id
    # Not an appeal: whoever complained may still appeal.
    assert second.appeal is None


def test_a_case_is_void_only_before_anything_was_captured(desks: Desks) -> None:
    filed = desks.complaints.file(about(), now=NOW)
    case = case_of(filed)
    desks.cases.captured(case, actor="kim", now=NOW)
    with pytest.raises(ConflictError, match="there is evidence of it"):
        desks.cases.void(case, KIM, why="gone", now=NOW)
    other = desks.complaints.file(about(url="https://x.example/2"), now=NOW)
    assert other.pin is not None
    assert desks.cases.void(case_of(other), KIM, why="gone", now=NOW).state is CaseState.VOID
    followed = desks.complaints.follow(other.complaint.ref, other.pin, now=NOW)
    assert followed.complaint.state is ComplaintState.ANSWERED
    assert (followed.decision, followed.may_appeal_until) == (None, None)


def test_what_is_not_there_is_not_found(desks: Desks) -> None:
    with pytest.raises(NotFoundError):
        desks.cases.get("gone", KIM, now=NOW)
    with pytest.raises(NotFoundError):
        desks.cases.claim("gone", KIM, now=NOW)
    with pytest.raises(NotFoundError):
        desks.cases.action_done("gone", now=NOW)


# Merge and split.


def test_merged_and_split_everybody_keeps_their_reference_and_answer(desks: Desks) -> None:
    early = desks.complaints.file(own(), now=NOW)
    late = desks.complaints.file(
        replace(own(), locators=about(url="https://x.example/2").locators),
        now=NOW + timedelta(hours=5),
    )
    case, gone = case_of(late), case_of(early)
    at = NOW + timedelta(hours=6)
    merged = desks.cases.merge(gone, KIM, into=case, why="the same picture", now=at)
    assert merged.complaints == 2
    due = {c.kind: c.due_at for c in merged.clocks}
    assert due[ClockKind.INTIMATE_48H] == NOW + timedelta(hours=48)
    assert due[ClockKind.DECIDE] == NOW + timedelta(hours=24)
    old = desks.cases.get(gone, KIM, now=at).case
    assert (old.state, old.merged_into) == (CaseState.MERGED, case)
    assert [c.kind for c in old.clocks] == [ClockKind.ACKNOWLEDGE]
    assert early.pin is not None
    followed = desks.complaints.follow(early.complaint.ref, early.pin, now=at)
    assert followed.complaint.case == case
    assert followed.due_at == NOW + timedelta(hours=24)

    new = desks.cases.split(case, KIM, complaints=[late.complaint.ref], why="another one", now=at)
    due = {c.kind: c.due_at for c in new.clocks}
    assert due[ClockKind.INTIMATE_48H] == NOW + timedelta(hours=53)
    assert {s.url for s in new.subjects} == {"https://x.example/2"}
    stays = desks.cases.get(case, KIM, now=at).case
    assert {s.url for s in stays.subjects} == {"https://videos.example/watch?v=1"}
    due = {c.kind: c.due_at for c in stays.clocks}
    assert due[ClockKind.INTIMATE_48H] == NOW + timedelta(hours=48)
    with pytest.raises(ConflictError, match="at least one complaint to stay"):
        desks.cases.split(new.id, KIM, complaints=[late.complaint.ref], why="x", now=at)
    with pytest.raises(ConflictError, match="open complaints of this case"):
        desks.cases.split(new.id, KIM, complaints=[early.complaint.ref], why="x", now=at)


def test_what_was_decided_is_told_after_the_case_was_looked_at_again_and_split(
    desks: Desks,
) -> None:
    one, two = (desks.complaints.file(about(), now=NOW) for _ in range(2))
    case = case_of(one)
    desks.cases.claim(case, KIM, now=NOW)
    made = desks.cases.decide(case, KIM, nothing_found(), now=NOW)
    assert made is not None
    desks.cases.reopen(case, PARK, why="a new copy", now=NOW)
    desks.cases.split(case, LEE, complaints=[two.complaint.ref], why="another one", now=NOW)
    for filed in (one, two):
        followed = desks.complaints.follow(filed.complaint.ref, filed.pin or "", now=NOW)
        assert followed.decision == made


# Bulk.


def several(desks: Desks, count: int) -> list[str]:
    return [
        case_of(desks.complaints.file(about(url=f"https://x.example/{n}"), now=NOW))
        for n in range(count)
    ]


def test_one_decision_about_many_is_shown_made_and_undone_whole(either_engine: Engine) -> None:
    desks = open_desks(either_engine)
    names = several(desks, 3)
    preview = desks.cases.bulk_preview(names, draft(), PARK, now=NOW)
    assert (preview.n, [item.case for item in preview.each]) == (3, names)
    assert preview.token is not None
    made = desks.cases.bulk_decide(preview.token, PARK, now=NOW)
    assert made.cases == tuple(sorted(names))
    assert len(made.subjects) == 3
    with either_engine.connect() as connection:
        assert len(connection.execute(select(decisions)).all()) == 1
    assert [e[2].id for e in desks.told.events if e[0] == "decision"] == names  # type: ignore[attr-defined]
    for action in desks.cases.get(names[0], KIM, now=NOW).actions:
        desks.cases.action_done(action.id, now=NOW)
    with pytest.raises(ConflictError, match="was decided already"):
        desks.cases.bulk_decide(preview.token, PARK, now=NOW)
    undone = desks.cases.undo(made.id, PARK, why="the wrong list", now=NOW)
    assert isinstance(undone, Decision)
    for name in names:
        page = desks.cases.get(name, KIM, now=NOW)
        assert page.case.state is CaseState.QUEUED
        assert {a.state for a in page.actions} == {ActionState.REVERSED}
        assert {c.state for c in page.complaints} == {ComplaintState.LINKED}
    assert desks.told.names().count("reversal") == 3
    assert desks.office.audit.verify() == []


def test_a_preview_holds_for_exactly_what_was_shown(desks: Desks) -> None:
    names = several(desks, 2)

    def token() -> str:
        made = desks.cases.bulk_preview(names, draft(), PARK, now=NOW).token
        assert made is not None
        return made

    for change in (
        lambda: desks.complaints.file(about(url="https://x.example/0"), now=NOW),
        lambda: desks.cases.claim(names[1], PARK, now=NOW),
    ):
        old = token()
        change()
        with pytest.raises(ConflictError, match="has changed since the preview"):
            desks.cases.bulk_decide(old, PARK, now=NOW)
    with pytest.raises(ConflictError, match="of one's own"):
        desks.cases.bulk_decide(token(), CHOI, now=NOW)
    with pytest.raises(ConflictError, match="too old"):
        desks.cases.bulk_decide(token(), PARK, now=NOW + timedelta(minutes=16))
    with pytest.raises(PermissionRefusedError, match="no right to bulk"):
        desks.cases.bulk_preview(names, draft(), KIM, now=NOW)
    assert desks.cases.bulk_decide(token(), PARK, now=NOW).maker == PARK.id


def test_bulk_is_capped_and_says_case_by_case_what_it_cannot(engine: Engine) -> None:
    desks = open_desks(engine, rules=Rules(bulk_cap=2))
    names = several(desks, 3)
    with pytest.raises(ConflictError, match="at most 2 subjects, got 3"):
        desks.cases.bulk_preview(names, draft(), PARK, now=NOW)
    desks.cases.claim(names[0], KIM, now=NOW)
    preview = desks.cases.bulk_preview(names[:2], draft(), PARK, now=NOW)
    assert preview.token is None
    assert [item.refused for item in preview.each] == ["is assigned", None]
    heavy = draft(ActionType.TERMINATE_ACCOUNT)
    preview = desks.cases.bulk_preview(names[1:], heavy, PARK, now=NOW)
    assert [item.refused for item in preview.each] == [
        "needs a second person, so it is decided by itself"
    ] * 2


# Clocks.


def test_a_temporary_block_ends_by_itself_once(desks: Desks) -> None:
    case = case_of(desks.complaints.file(about(Category.PRIVACY), now=NOW))
    desks.cases.interim_restrict(case, KIM, why="an address", now=NOW)
    assert desks.told.names()[-1] == "interim.started"
    # 30 days are 30 times 24 hours, whatever the clocks on walls do.
    end = NOW + timedelta(days=30)
    desks.clockwork.tick(end - timedelta(seconds=1))
    assert desks.cases.get(case, KIM, now=NOW).case.state is CaseState.INTERIM_RESTRICTED
    desks.clockwork.tick(end)
    desks.clockwork.tick(end)
    assert desks.cases.get(case, KIM, now=NOW).case.state is CaseState.QUEUED
    assert desks.told.names().count("clock.expired") == 1
    with pytest.raises(ConflictError, match="not renewed"):
        desks.cases.interim_restrict(case, KIM, why="again", now=end)
    fraud = case_of(desks.complaints.file(about(Category.FRAUD, url="https://y.example"), now=NOW))
    with pytest.raises(ConflictError, match="no policy allows it for fraud"):
        desks.cases.interim_restrict(fraud, KIM, why="x", now=NOW)


def two_about_privacy(desks: Desks) -> tuple[str, str]:
    """A case of two complaints: its name, and the reference of the later one."""
    first = desks.complaints.file(about(Category.PRIVACY), now=NOW)
    second = desks.complaints.file(
        about(Category.PRIVACY, url="https://videos.example/2"), now=NOW + timedelta(minutes=1)
    )
    case = case_of(first)
    desks.cases.merge(case_of(second), KIM, into=case, why="the same", now=NOW)
    return case, second.complaint.ref


@pytest.mark.parametrize("days", [10, 40], ids=["while it runs", "when it is over"])
def test_a_block_is_no_longer_for_what_became_a_case_of_its_own(desks: Desks, days: int) -> None:
    case, ref = two_about_privacy(desks)
    desks.cases.interim_restrict(case, KIM, why="an address", now=NOW)
    end, at = NOW + timedelta(days=30), NOW + timedelta(days=days)
    desks.clockwork.tick(at)
    new = desks.cases.split(case, KIM, complaints=[ref], why="another one", now=at)
    (block,) = [clock for clock in new.clocks if clock.kind is ClockKind.TEMPORARY_BLOCK]
    assert (block.starts_at, block.due_at) == (NOW, end)
    assert (block.met_at is None) == (days < 30)
    assert desks.told.names().count("interim.started") == (2 if days < 30 else 1)
    with pytest.raises(ConflictError, match="not renewed"):
        desks.cases.interim_restrict(new.id, KIM, why="again", now=at)
    desks.clockwork.tick(max(at, end))
    ended = {
        clock.met_at is not None
        for name in (case, new.id)
        for clock in desks.cases.get(name, KIM, now=at).case.clocks
        if clock.kind is ClockKind.TEMPORARY_BLOCK
    }
    assert ended == {True}


def test_what_was_never_blocked_may_be_once_it_is_a_case_of_its_own(desks: Desks) -> None:
    case, ref = two_about_privacy(desks)
    new = desks.cases.split(case, KIM, complaints=[ref], why="another one", now=NOW)
    blocked = desks.cases.interim_restrict(new.id, KIM, why="an address", now=NOW)
    assert blocked.state is CaseState.INTERIM_RESTRICTED


def test_a_block_that_is_over_is_not_renewed_by_a_merge(desks: Desks) -> None:
    case = case_of(desks.complaints.file(about(Category.PRIVACY), now=NOW))
    desks.cases.interim_restrict(case, KIM, why="an address", now=NOW)
    at = NOW + timedelta(days=31)
    desks.clockwork.tick(at)
    other = desks.complaints.file(about(Category.PRIVACY, url="https://videos.example/2"), now=at)
    into = case_of(other)
    desks.cases.merge(case, KIM, into=into, why="the same", now=at)
    with pytest.raises(ConflictError, match="not renewed"):
        desks.cases.interim_restrict(into, KIM, why="again", now=at)


@pytest.mark.parametrize(
    "received",
    [
        # The night in which clocks are put forward, and the one in which they are put back.
        datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 10, 24, 12, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 11, 1, 0, 30, tzinfo=ZoneInfo("America/New_York")),
        # Over a leap day.
        datetime(2028, 2, 28, 9, tzinfo=ZoneInfo("Asia/Seoul")),
    ],
)
def test_48_hours_are_48_hours_and_are_breached_once_also_after_a_restart(
    received: datetime, tmp_path: object
) -> None:
    place = f"{tmp_path}/clock.db"
    with Database(place) as database:
        desks = open_desks(database.engine)
        case = case_of(desks.complaints.file(own(), now=received))
        due = received.timestamp() + 48 * 3600
        clock = next(
            c
            for c in desks.cases.get(case, PARK, now=NOW).case.clocks
            if c.kind is ClockKind.INTIMATE_48H
        )
        assert clock.due_at.timestamp() == due
        before = datetime.fromtimestamp(due - 1, tz=received.tzinfo)
        desks.clockwork.tick(before)
        assert breaches(desks) == 0
    after = datetime.fromtimestamp(due, tz=received.tzinfo)
    counts = []
    for _ in range(3):
        with Database(place) as database:
            again = open_desks(database.engine)
            again.clockwork.tick(after)
            counts.append(breaches(again))
            page = again.cases.get(case, PARK, now=after)
    assert counts == [1, 0, 0]
    assert [e.verb for e in page.events if e.verb == "clock.breached"] == ["clock.breached"] * 2


def breaches(desks: Desks) -> int:
    return sum(
        event[0] == "clock.breached" and event[1].kind is ClockKind.INTIMATE_48H  # type: ignore[attr-defined]
        for event in desks.told.events
    )


def test_what_is_up_soon_is_said_once(desks: Desks) -> None:
    desks.complaints.file(own(), now=NOW)
    for _ in range(2):
        desks.clockwork.tick(NOW + timedelta(hours=43))
    assert desks.told.names().count("clock.due-soon") == 1


def test_two_processes_breach_a_clock_once(either_engine: Engine) -> None:
    desks = [open_desks(either_engine) for _ in range(3)]
    desks[0].complaints.file(own(), now=NOW)
    late = NOW + timedelta(hours=49)
    threads = [threading.Thread(target=d.clockwork.tick, args=(late,)) for d in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(breaches, desks)) == 1


def test_it_is_met_when_it_is_gone_not_when_it_is_decided(desks: Desks) -> None:
    case = case_of(desks.complaints.file(own(), now=NOW))
    desks.cases.claim(case, KIM, now=NOW)
    desks.cases.decide(case, KIM, draft(category=Category.INTIMATE_IMAGE), now=NOW)
    desks.clockwork.tick(NOW + timedelta(hours=49))
    assert breaches(desks) == 1
    [action] = desks.cases.get(case, KIM, now=NOW).actions
    desks.cases.action_done(action.id, now=NOW + timedelta(hours=50))
    clocks_ = desks.cases.get(case, KIM, now=NOW).case.clocks
    [clock] = [c for c in clocks_ if c.kind is ClockKind.INTIMATE_48H]
    assert clock.met_at == NOW + timedelta(hours=50)
    assert clock.breached_at == NOW + timedelta(hours=49)


def test_the_page_of_a_case_with_ten_thousand_complaints_is_quick(
    desks: Desks, engine: Engine
) -> None:
    filed = desks.complaints.file(about(), now=NOW)
    with engine.begin() as connection:
        row = dict(connection.execute(select(complaints)).one()._mapping)
        copies = [{**row, "ref": f"C{n:011d}"} for n in range(9_999)]
        connection.execute(complaints.insert(), copies)
        connection.execute(cases.update().values(complaints=10_000))
    spent = []
    for _ in range(5):
        # Of this process alone: others may be busy on the same machine.
        begin = time.thread_time()
        desks.cases.get(case_of(filed), KIM, now=NOW)
        spent.append(time.thread_time() - begin)
    assert min(spent) < 0.3


def test_a_draft_has_no_value_that_judges_what_happened() -> None:
    words = {"fake", "real", "true", "false"}
    kinds = (Outcome, ActionType, Category, CaseState, Severity, ComplaintState)
    assert not words & {value.value for kind in kinds for value in kind}
    assert not words & set(DecisionDraft.__slots__)


@pytest.mark.parametrize("conflicts", [["aurora"], ["other"]])
def test_who_has_an_interest_in_it_does_nothing_in_it_and_learns_nothing(
    engine: Engine, conflicts: list[str]
) -> None:
    facts = ReportFacts(sha256=None, verdict="lookalike", agencies=frozenset({"aurora"}))
    desks = open_desks(engine, reports={"r": facts})
    filed = desks.complaints.file(about(report="r"), now=NOW)
    other = case_of(desks.complaints.file(about(url="https://x.example/2"), now=NOW))
    case, ref = case_of(filed), filed.complaint.ref
    anybody = replace(
        person("kin", Role.SENIOR, Role.LEGAL, conflicts=conflicts), exposure_cap=1000
    )
    desk = desks.cases
    steps: list[Callable[[], object]] = [
        lambda: desk.get(case, anybody, now=NOW),
        lambda: desk.contact_of(ref, anybody, why="to write", now=NOW),
        lambda: desk.ask_reporter(ref, anybody, text="Who are you?", now=NOW),
        lambda: desk.triage(case, anybody, severity=Severity.LOW, now=NOW),
        lambda: desk.reject_abusive(ref, anybody, why="a rival", now=NOW),
        lambda: desk.bulk_preview([other, case], nothing_found(), anybody, now=NOW),
        lambda: desk.merge(other, anybody, into=case, why="the same", now=NOW),
    ]
    if conflicts == ["other"]:
        for step in steps:
            step()
        return
    steps += [
        lambda: desk.void(case, anybody, why="gone", now=NOW),
        lambda: desk.merge(case, anybody, into=other, why="the same", now=NOW),
        lambda: desk.split(case, anybody, complaints=[ref], why="not the same", now=NOW),
        lambda: desk.reopen(case, anybody, why="again", now=NOW),
    ]
    for step in steps:
        with pytest.raises(PermissionRefusedError, match="conflict of interest"):
            step()


@pytest.mark.parametrize("who", [PARK, CHOI])
def test_who_decided_does_not_answer_an_appeal_by_taking_it_back(
    desks: Desks, who: Reviewer
) -> None:
    filed = desks.complaints.file(about(), now=NOW)
    case = case_of(filed)
    desks.cases.claim(case, PARK, now=NOW)
    made = desks.cases.decide(case, PARK, nothing_found(), now=NOW)
    assert made is not None
    by = ByReporter(ref=filed.complaint.ref, pin=filed.pin or "")
    appeal = desks.appeals.file(made.id, by=by, text="It is not a fan's.", now=NOW)
    if who is PARK:
        with pytest.raises(PermissionRefusedError, match="earlier decision"):
            desks.cases.undo(made.id, who, why="a slip", now=NOW)
        desks.appeals.withdraw(appeal.id, by, now=NOW)
    desks.cases.undo(made.id, who, why="a slip", now=NOW)
    with desks.office.engine.connect() as connection:
        assert connection.execute(select(appeals.c.reviewer)).scalar_one() != "park"


def test_a_lead_to_a_restricted_case_is_for_those_who_may_see_it(desks: Desks) -> None:
    grave = case_of(
        desks.complaints.file(about(Category.CHILD_SAFETY, url="https://x.example/9"), now=NOW)
    )
    case = case_of(desks.complaints.file(about(), now=NOW))
    one, two = (desks.cases.get(name, CHOI, now=NOW).case.subjects[0].id for name in (case, grave))
    linked(desks.office, one, two, distance=3, now=NOW)
    assert desks.cases.get(case, CHOI, now=NOW).links[0].cases == (grave,)
    assert desks.cases.get(case, KIM, now=NOW).links == ()


@pytest.mark.parametrize("grave", [True, False])
def test_a_lead_to_what_a_restricted_case_is_about_too(desks: Desks, *, grave: bool) -> None:
    """Nobody is asked whether it is alike who would then be told that there is no such lead."""
    place = "https://x.example/9"
    decided = claimed(desks, url=place)
    desks.cases.decide(decided, KIM, nothing_found(), now=NOW)
    again = case_of(desks.complaints.file(about(url=place), now=NOW))
    kind = Category.CHILD_SAFETY if grave else Category.IMPERSONATION
    desks.cases.triage(again, KIM, severity=Severity.MEDIUM, category=kind, now=NOW)
    case = case_of(desks.complaints.file(about(), now=NOW))
    one, two = (
        desks.cases.get(name, CHOI, now=NOW).case.subjects[0].id for name in (case, decided)
    )
    link = linked(desks.office, one, two, distance=3, now=NOW)
    shown = desks.cases.get(case, KIM, now=NOW).links
    assert [sorted(one.cases) for one in shown] == ([] if grave else [sorted((decided, again))])
    if grave:
        with pytest.raises(NotFoundError, match="none of this number"):
            desks.cases.confirm_resemblance(link, KIM, alike=False, now=NOW)
    else:
        desks.cases.confirm_resemblance(link, KIM, alike=False, now=NOW)
    # Who may see all of them is told of all of them.
    (seen,) = desks.cases.get(case, CHOI, now=NOW).links
    assert sorted(seen.cases) == sorted((decided, again))


@pytest.mark.parametrize("first", ["digest", "report"])
def test_what_is_official_needs_two_whoever_complained_first(engine: Engine, first: str) -> None:
    sha = about(sha="file", url=None).locators[0].sha256
    facts = ReportFacts(sha256=sha, verdict="official", release="aurora/r1")
    desks = open_desks(engine, reports={"r": facts})
    bare, attached = about(sha="file", url=None), about(report="r", url=None)
    case = case_of(desks.complaints.file(bare if first == "digest" else attached, now=NOW))
    desks.complaints.file(attached if first == "digest" else bare, now=NOW)
    (subject,) = desks.cases.get(case, PARK, now=NOW).case.subjects
    assert (subject.report, subject.verdict, subject.release) == ("r", "official", "aurora/r1")
    desks.cases.claim(case, PARK, now=NOW)
    assert desks.cases.decide(case, PARK, draft(), now=NOW) is None


@pytest.mark.parametrize("released", [True, False])
def test_what_the_register_knows_needs_two_though_nobody_attached_a_report(
    engine: Engine, *, released: bool
) -> None:
    complaint = about(sha="file", url=None)
    sha = complaint.locators[0].sha256
    desks = open_desks(engine, released=lambda digest: released and digest == sha)
    case = case_of(desks.complaints.file(complaint, now=NOW))
    desks.cases.claim(case, PARK, now=NOW)
    made = desks.cases.decide(case, PARK, draft(), now=NOW)
    assert (made is None) is released


def proposed(desks: Desks) -> str:
    """A case in which ending an account waits for a second person."""
    case = claimed(desks, by=PARK)
    desks.cases.decide(case, PARK, draft(ActionType.TERMINATE_ACCOUNT), now=NOW)
    return case


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (replace(CHOI, trained_until=NOW), "training that is still valid"),
        (replace(CHOI, trained_until=None), "training that is still valid"),
        (CHOI, None),
    ],
)
def test_the_second_person_is_as_fit_as_the_first(
    desks: Desks, who: Reviewer, reason: str | None
) -> None:
    case = proposed(desks)
    if reason is not None:
        with pytest.raises(PermissionRefusedError, match=reason):
            desks.cases.second(case, who, agree=True, now=NOW)
        return
    assert desks.cases.second(case, who, agree=True, now=NOW) is not None


def test_who_decided_before_is_no_second_person(desks: Desks) -> None:
    case = claimed(desks, by=CHOI)
    assert desks.cases.decide(case, CHOI, nothing_found(), now=NOW) is not None
    jung = person("jung", Role.SENIOR)
    desks.cases.reopen(case, jung, why="new evidence", now=NOW)
    desks.cases.claim(case, PARK, now=NOW)
    desks.cases.decide(case, PARK, draft(ActionType.TERMINATE_ACCOUNT), now=NOW)
    with pytest.raises(PermissionRefusedError, match="earlier decision"):
        desks.cases.second(case, CHOI, agree=True, now=NOW)
    assert desks.cases.second(case, jung, agree=True, now=NOW) is not None


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(hours=3)])
def test_what_was_proposed_is_held_against_what_is_there_when_it_is_agreed_to(
    desks: Desks, later: timedelta
) -> None:
    case = claimed(desks, by=PARK)
    until = NOW + timedelta(hours=2)
    made = replace(draft(ActionType.TERMINATE_ACCOUNT), ends_at=until)
    desks.cases.decide(case, PARK, made, now=NOW)
    if NOW + later > until:
        with pytest.raises(ConflictError, match="ends_at: expected a time to come"):
            desks.cases.second(case, CHOI, agree=True, now=NOW + later)
        return
    assert desks.cases.second(case, CHOI, agree=True, now=NOW + later) is not None


@pytest.mark.parametrize("written", ["Minji wrote to us.", "minji@mail.example wrote to us."])
def test_nobody_proposes_to_publish_how_to_reach_somebody(desks: Desks, written: str) -> None:
    """The second person is not the first to hear of it."""
    case = claimed(desks, by=PARK)
    made = replace(draft(ActionType.TERMINATE_ACCOUNT), facts=written)
    if "@" in written:
        with pytest.raises(ConflictError, match="facts: expected no personal data"):
            desks.cases.decide(case, PARK, made, now=NOW)
    else:
        assert desks.cases.decide(case, PARK, made, now=NOW) is None
    waits = CaseState.ASSIGNED if "@" in written else CaseState.AWAITING_SECOND
    assert desks.cases.get(case, PARK, now=NOW).case.state is waits


@pytest.mark.parametrize("category", [Category.CHILD_SAFETY, Category.IMPERSONATION])
def test_a_restricted_case_is_decided_under_a_policy_for_it(
    desks: Desks, category: Category
) -> None:
    """Under another one a single person would do, and nothing would be said of an authority."""
    case = case_of(desks.complaints.file(about(category), now=NOW))
    desks.cases.claim(case, PARK, now=NOW)
    if category is Category.CHILD_SAFETY:
        with pytest.raises(ConflictError, match="under a policy for it"):
            desks.cases.decide(case, PARK, nothing_found(), now=NOW)
        assert desks.cases.get(case, PARK, now=NOW).case.state is CaseState.ASSIGNED
        return
    assert desks.cases.decide(case, PARK, nothing_found(), now=NOW) is not None


@pytest.mark.parametrize("into", [Category.CHILD_SAFETY, Category.IMPERSONATION])
def test_a_case_is_merged_within_its_queue_alone(desks: Desks, into: Category) -> None:
    one = case_of(desks.complaints.file(about(), now=NOW))
    other = case_of(desks.complaints.file(about(into, url="https://x.example/9"), now=NOW))
    if into is Category.CHILD_SAFETY:
        for source, target in ((one, other), (other, one)):
            with pytest.raises(ConflictError, match="two cases of the same queue"):
                desks.cases.merge(source, PARK, into=target, why="the same", now=NOW)
        return
    desks.cases.merge(one, PARK, into=other, why="the same", now=NOW)


def out_of_the_restricted_queue(desks: Desks, case: str) -> Case:
    return desks.cases.triage(
        case, PARK, severity=Severity.MEDIUM, category=Category.IMPERSONATION, now=NOW
    )


@pytest.mark.parametrize("began", [Category.CHILD_SAFETY, Category.IMPERSONATION])
@pytest.mark.parametrize("place", [{"sha": "f", "url": None}, {}], ids=["bytes", "address"])
def test_what_turns_out_not_to_be_restricted_is_joined_by_more_about_it(
    desks: Desks, began: Category, place: dict[str, str | None]
) -> None:
    case = case_of(desks.complaints.file(about(began, **place), now=NOW))  # type: ignore[arg-type]
    out_of_the_restricted_queue(desks, case)
    assert case_of(desks.complaints.file(about(**place), now=NOW)) == case  # type: ignore[arg-type]
    restricted = desks.complaints.file(about(Category.CHILD_SAFETY, **place), now=NOW)  # type: ignore[arg-type]
    assert case_of(restricted) != case
    assert desks.office.audit.verify() == []


def test_there_and_back_it_is_the_same(desks: Desks) -> None:
    filed = desks.complaints.file(about(sha="f"), now=NOW)
    case = case_of(filed)
    (before,) = desks.cases.get(case, PARK, now=NOW).case.subjects
    desks.cases.triage(
        case, PARK, severity=Severity.CRITICAL, category=Category.CHILD_SAFETY, now=NOW
    )
    assert out_of_the_restricted_queue(desks, case).subjects == (before,)
    assert case_of(desks.complaints.file(about(sha="f"), now=NOW)) == case


def test_what_others_complained_of_meanwhile_becomes_the_same_subject(desks: Desks) -> None:
    filed = desks.complaints.file(about(Category.CHILD_SAFETY, url=None, sha="f"), now=NOW)
    case = case_of(filed)
    meanwhile = case_of(desks.complaints.file(about(url=None, sha="f"), now=NOW))
    assert meanwhile != case
    (one,) = desks.cases.get(meanwhile, KIM, now=NOW).case.subjects
    assert out_of_the_restricted_queue(desks, case).subjects == (one,)
    # Each kept its own case, and the older one is joined.
    more = desks.complaints.file(about(url=None, sha="f"), now=NOW + timedelta(hours=1))
    assert case_of(more) in {case, meanwhile}
    merged = desks.cases.merge(meanwhile, KIM, into=case, why="the same", now=NOW)
    assert merged.subjects == (one,)
    desks.cases.claim(case, KIM, now=NOW)
    assert desks.cases.decide(case, KIM, draft(), now=NOW) is not None
    assert len(desks.cases.get(case, KIM, now=NOW).actions) == 1


@pytest.mark.parametrize("looked", [True, False])
def test_what_somebody_looked_at_stays_with_the_case(desks: Desks, looked: bool) -> None:  # noqa: FBT001
    case = case_of(desks.complaints.file(about(url=None, sha="f"), now=NOW))
    (old,) = desks.cases.get(case, KIM, now=NOW).case.subjects
    if looked:
        desks.cases.unblur(case, old.id, KIM, why="is it her?", now=NOW)
    desks.cases.triage(
        case, PARK, severity=Severity.CRITICAL, category=Category.CHILD_SAFETY, now=NOW
    )
    meanwhile = case_of(desks.complaints.file(about(url=None, sha="f"), now=NOW))
    (new,) = desks.cases.get(meanwhile, KIM, now=NOW).case.subjects
    back = out_of_the_restricted_queue(desks, case).subjects
    assert {one.id for one in back} == ({old.id, new.id} if looked else {new.id})


def test_what_another_restricted_case_is_about_too_stays_there(desks: Desks) -> None:
    """One is decided, one is new about the same bytes: only the new one comes back."""
    filed = desks.complaints.file(about(Category.CHILD_SAFETY, url=None, sha="f"), now=NOW)
    first = case_of(filed)
    desks.cases.claim(first, PARK, now=NOW)
    desks.cases.decide(first, PARK, nothing_found(Category.CHILD_SAFETY), now=NOW)
    desks.cases.second(first, CHOI, agree=True, now=NOW)
    second = case_of(
        desks.complaints.file(about(Category.CHILD_SAFETY, url=None, sha="f"), now=NOW)
    )
    (kept,) = desks.cases.get(first, PARK, now=NOW).case.subjects
    (own_,) = out_of_the_restricted_queue(desks, second).subjects
    assert own_.id != kept.id
    assert own_.sha256 == kept.sha256
    assert case_of(desks.complaints.file(about(url=None, sha="f"), now=NOW)) == second
    assert desks.cases.get(first, PARK, now=NOW).case.subjects == (kept,)


def test_an_appeal_is_its_own_complainants(desks: Desks) -> None:
    mine, theirs = (desks.complaints.file(about(), now=NOW) for _ in range(2))
    case = case_of(mine)
    desks.cases.claim(case, KIM, now=NOW)
    made = desks.cases.decide(case, KIM, nothing_found(), now=NOW)
    assert made is not None
    by, other = (
        ByReporter(ref=filed.complaint.ref, pin=filed.pin or "") for filed in (mine, theirs)
    )
    appeal = desks.appeals.file(made.id, by=by, text="It is not a fan's.", now=NOW)
    with pytest.raises(NotFoundError):
        desks.appeals.withdraw(appeal.id, other, now=NOW)
    # A decision about another case is none for them either.
    second = case_of(desks.complaints.file(about(url="https://x.example/9"), now=NOW))
    desks.cases.claim(second, KIM, now=NOW)
    elsewhere = desks.cases.decide(second, KIM, nothing_found(), now=NOW)
    assert elsewhere is not None
    with pytest.raises(NotFoundError, match="no such decision about this complaint"):
        desks.appeals.file(elsewhere.id, by=other, text="It is not a fan's.", now=NOW)
    assert desks.appeals.withdraw(appeal.id, by, now=NOW).state == "withdrawn"


def test_a_token_is_for_one_decision_in_one_case(desks: Desks) -> None:
    made: list[tuple[str, str]] = []
    for number in (1, 2):
        case = claimed(desks, url=f"https://x.example/{number}")
        answer = desks.cases.decide(case, KIM, draft(), now=NOW)
        assert answer is not None
        made.append((answer.id, case))
    (decision, case), (other, other_case) = made
    token = desks.appeals.uploader_token
    secret = base64.urlsafe_b64decode(token(decision, case)).partition(b".")[2]
    forged = base64.urlsafe_b64encode(other_case.encode() + b"." + secret).decode("ascii")
    for bad in (token(other, other_case), token(decision, other_case), forged, "", "é", "=" * 9):
        with pytest.raises(NotFoundError, match="for this token"):
            desks.appeals.file(decision, by=ByUploader(token=bad), text="It is mine.", now=NOW)
    by = ByUploader(token=token(decision, case))
    assert desks.appeals.file(decision, by=by, text="It is mine.", now=NOW).complaint is None


def test_what_somebody_writes_about_suspected_abuse_stays_here(desks: Desks) -> None:
    """An appeal's words go no further than a complaint's; and those are forgotten."""
    filed = desks.complaints.file(
        about(Category.CHILD_SAFETY, explanation="what it shows"), now=NOW
    )
    ref, pin, case = filed.complaint.ref, filed.pin or "", case_of(filed)
    desks.complaints.add_info(ref, pin, "what it shows as well", now=NOW)
    desks.cases.claim(case, PARK, now=NOW)
    desks.cases.decide(case, PARK, nothing_found(Category.CHILD_SAFETY), now=NOW)
    made = desks.cases.second(case, CHOI, agree=True, now=NOW)
    assert made is not None
    by = ByReporter(ref=ref, pin=pin)
    appeal = desks.appeals.file(made.id, by=by, text="what it shows, again", now=NOW)
    assert desks.appeals.get(appeal.id, PARK).text == "what it shows, again"
    assert "what it shows" not in repr(desks.told.events)
    followed = desks.complaints.follow(ref, pin, now=NOW)
    assert followed.complaint.explanation == ""
    assert {one.text for one in followed.messages} == {""}
    # Of any other matter they stay with it.
    plain = desks.complaints.file(about(explanation="what it shows"), now=NOW)
    desks.cases.claim(case_of(plain), KIM, now=NOW)
    desks.cases.decide(case_of(plain), KIM, nothing_found(), now=NOW)
    kept = desks.complaints.follow(plain.complaint.ref, plain.pin or "", now=NOW)
    assert kept.complaint.explanation == "what it shows"


@pytest.mark.parametrize("withdrawn", [True, False])
def test_who_takes_a_complaint_back_is_forgotten(
    desks: Desks,
    withdrawn: bool,  # noqa: FBT001
) -> None:
    filed = desks.complaints.file(own(), now=NOW)
    if withdrawn:
        desks.complaints.withdraw(filed.complaint.ref, filed.pin or "", now=NOW)
    known = desks.cases.contact_of(filed.complaint.ref, SEO, why="to answer", now=NOW)
    assert (known is None) == withdrawn


@pytest.mark.parametrize("url", [None, "https://x.example/elsewhere"])
def test_a_decision_is_not_repeated_at_an_address_that_it_did_not_know(
    desks: Desks, url: str | None
) -> None:
    case = case_of(desks.complaints.file(about(url=None, sha="f"), now=NOW))
    desks.cases.claim(case, KIM, now=NOW)
    desks.cases.decide(case, KIM, draft(), now=NOW)
    later = desks.complaints.file(about(url=url, sha="f"), now=NOW).complaint
    assert (later.state == "answered") == (url is None)
