"""One decision about many cases: shown first, capped, and taken back whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import rfc8785
from sqlalchemy import Connection, insert, select, update

from provenance.errors import ConflictError, PermissionRefusedError, ProvenanceError
from provenance.moderation.appeal_rules import check_outsider
from provenance.moderation.case_pages import visible_case
from provenance.moderation.decisions import Making, check_draft, make_decision, needs_second
from provenance.moderation.model import Case, Decision, Reviewer
from provenance.moderation.moves import move_case
from provenance.moderation.office import Office
from provenance.moderation.permissions import check_fit, check_no_conflict
from provenance.moderation.rows import draft_of, draft_values, held_case
from provenance.moderation.tables import bulk_previews, cases
from provenance.moderation.views import BulkItem, BulkPreview, DecisionDraft
from provenance.moderation.vocabulary import CaseState, Queue
from provenance.records.tokens import digest_of, new_access_token

__all__ = ["assign", "decide_bulk", "preview_bulk"]

# On the way to `assigned`, for whoever decides without having claimed each.
_WAY = {
    CaseState.OPEN: CaseState.TRIAGED,
    CaseState.TRIAGED: CaseState.QUEUED,
    CaseState.INTERIM_RESTRICTED: CaseState.QUEUED,
    CaseState.QUEUED: CaseState.ASSIGNED,
    CaseState.ESCALATED: CaseState.ASSIGNED,
}
# What was escalated is looked at by itself.
_TAKEN = frozenset({*_WAY, CaseState.ASSIGNED}) - {CaseState.ESCALATED}


def preview_bulk(
    connection: Connection,
    office: Office,
    names: Sequence[str],
    draft: DecisionDraft,
    reviewer: Reviewer,
    *,
    now: datetime,
) -> BulkPreview:
    """What would one decision about all of these do?

    Raises:
        ConflictError: They are none or too many, or the draft chooses subjects.
        PermissionRefusedError: They have an interest of their own in one of them: of that
            they are told nothing.
    """
    _check_size(names, draft)
    items = []
    found = []
    for name in names:
        case = visible_case(connection, name, reviewer)
        check_no_conflict(reviewer, case.agencies)
        found.append(case)
        refused = _refusal(connection, office, case, draft, reviewer, now=now)
        items.append(
            BulkItem(
                case=case.id, subjects=case.subjects, complaints=case.complaints, refused=refused
            )
        )
    n = len({subject.id for item in items for subject in item.subjects})
    if n > office.rules.bulk_cap:
        raise ConflictError(f"bulk: expected at most {office.rules.bulk_cap} subjects, got {n}")
    if any(item.refused is not None for item in items):
        return BulkPreview(token=None, n=n, each=tuple(items), ends_at=None)
    token = new_access_token(office.random)
    ends_at = now + office.rules.preview_lasts
    connection.execute(
        insert(bulk_previews).values(
            token=digest_of(token),
            reviewer=reviewer.id,
            cases=list(names),
            draft=draft_values(draft),
            contents=_contents(found, draft),
            created_at=now,
            ends_at=ends_at,
        )
    )
    office.audit.append(
        connection,
        at=now,
        actor=reviewer.id,
        verb="bulk.previewed",
        object=f"bulk:{digest_of(token)[:16]}",
        detail={"cases": list(names), "subjects": n},
    )
    return BulkPreview(token=token, n=n, each=tuple(items), ends_at=ends_at)


def decide_bulk(
    connection: Connection, office: Office, token: str, reviewer: Reviewer, *, now: datetime
) -> Decision:
    """Decide what was shown, if nothing of it has changed.

    Raises:
        ConflictError: The token is none, used, too old or another's, or something changed.
    """
    query = select(bulk_previews).where(bulk_previews.c.token == digest_of(token)).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or row.reviewer != reviewer.id:
        raise ConflictError("bulk: expected the token of a preview of one's own")
    if row.decision is not None:
        raise ConflictError(f"bulk: was decided already, by decision {row.decision}")
    if row.ends_at <= now:
        raise ConflictError("bulk: the preview is too old; look again")
    draft = draft_of(row.draft)
    for name in sorted(row.cases):
        held_case(connection, name)
    found = [visible_case(connection, name, reviewer) for name in row.cases]
    if _contents(found, draft) != row.contents:
        raise ConflictError("bulk: something has changed since the preview; look again")
    for case in found:
        refused = _refusal(connection, office, case, draft, reviewer, now=now)
        if refused is not None:
            raise ConflictError(f"bulk: case {case.id}: {refused}")
        assign(connection, office, case.id, reviewer, now=now)
    decision = make_decision(
        connection, office, Making(draft=draft, cases=tuple(row.cases), maker=reviewer.id), now=now
    )
    connection.execute(
        update(bulk_previews).where(bulk_previews.c.token == row.token).values(decision=decision.id)
    )
    return decision


def assign(
    connection: Connection, office: Office, case: str, reviewer: Reviewer, *, now: datetime
) -> None:
    """Let a case go to this person, step by step from wherever it waits."""
    state = CaseState(held_case(connection, case).state)
    while state is not CaseState.ASSIGNED:
        state = _WAY[state]
        values: dict[str, Any] = {}
        if state is CaseState.ASSIGNED:
            values = {
                "assignee": reviewer.id,
                "locked_until": now + office.rules.claim_lasts,
            }
        move_case(
            connection,
            office.audit,
            case,
            state,
            actor=reviewer.id,
            verb="case.claimed" if state is CaseState.ASSIGNED else f"case.{state.value}",
            now=now,
            **values,
        )


def _check_size(names: Sequence[str], draft: DecisionDraft) -> None:
    if not names or len(set(names)) != len(names):
        raise ConflictError("bulk: expected cases, each once")
    if draft.subjects:
        raise ConflictError("bulk: decides whole cases; expected no choice of subjects")


def _refusal(
    connection: Connection,
    office: Office,
    case: Case,
    draft: DecisionDraft,
    reviewer: Reviewer,
    *,
    now: datetime,
) -> str | None:
    """Why can this case not be decided so? None: it can."""
    of_another = case.state is CaseState.ASSIGNED and case.assignee != reviewer.id
    if case.state not in _TAKEN or of_another:
        return f"is {case.state.value}"
    alone = _alone(connection, case)
    if alone is not None:
        return alone
    try:
        policies = check_draft(draft, case, office, now=now)
        check_fit(reviewer, case.agencies, now=now)
        check_outsider(connection, case.id, reviewer)
    except (ConflictError, PermissionRefusedError) as error:
        return _text(error)
    if needs_second(draft, case.subjects, policies, released=office.released):
        return "needs a second person, so it is decided by itself"
    return None


def _alone(connection: Connection, case: Case) -> str | None:
    """Why is this case looked at by itself, whatever is decided? None: it is not."""
    escalated = select(cases.c.escalated_to).where(cases.c.id == case.id)
    if connection.execute(escalated).scalar_one() is not None:
        return "was escalated and is looked at by itself"
    if case.queue is Queue.RESTRICTED:
        return "is in the restricted queue, where each is decided by itself"
    if case.decision is not None:
        return "was decided before and is looked at again by itself"
    return None


def _text(error: ProvenanceError) -> str:
    return str(error)


def _contents(found: Sequence[Case], draft: DecisionDraft) -> str:
    """What was shown, as one value: every subject, every state, how many are answered."""
    shown = [
        {
            "agencies": sorted(case.agencies),
            "assignee": case.assignee,
            "case": case.id,
            "category": case.category.value,
            "complaints": case.complaints,
            "state": case.state.value,
            "subjects": [
                [subject.id, subject.sha256, subject.url, subject.verdict]
                for subject in case.subjects
            ],
        }
        for case in found
    ]
    return sha256(rfc8785.dumps({"cases": shown, "draft": draft_values(draft)})).hexdigest()
