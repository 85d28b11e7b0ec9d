"""The block list for whoever keeps it: what is on it, and switching an entry off and on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse, Response

from provenance.errors import ConflictError
from provenance.moderation.outcomes.hash_list import EntryState, HashAlgorithm, HashEntry
from provenance.moderation.permissions import Permission
from provenance.service.callers import parts_of
from provenance.service.mod_access import desk_for
from provenance.service.mod_answers import desk_page, done, incomplete, later_page, refused
from provenance.service.outcome_access import outcomes_of
from provenance.service.outcome_documents import EntryDocument
from provenance.service.page_answers import wants_page, wording_for
from provenance.service.problems import Problem, ProblemKind
from provenance.service.staff_access import SignedIn
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, say

__all__ = ["router"]

router = APIRouter(prefix="/mod/blocklist", include_in_schema=False)

Keeps = Annotated[SignedIn, Depends(desk_for(Permission.KEEP_HASH_LIST))]
EntryName = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", description="An entry's name.")]
Start = Annotated[int, Query(ge=0, le=1_000_000)]
Word = Annotated[str, Query(max_length=40)]

_ON_A_PAGE = 25
_HOURS = re.compile("[1-9][0-9]{0,3}")
_MOST_HOURS = 24 * 365
_MOST_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class _EntryRow:
    id: str
    case: str
    decision: str
    state: str
    kind: str
    value: str
    hits: Message
    facts: tuple[Message, ...]
    why: str | None
    quarantined: bool
    on: bool
    changeable: bool


@router.get("")
def entries(request: Request, who: Keeps, state: Word = "", at: Start = 0) -> Response:
    """What is on the list, the newest first."""
    # A word that is none of ours is no filter, and no error.
    chosen = EntryState(state) if state in set(EntryState) else None
    hashes, now = outcomes_of(request).hashes, parts_of(request).clock()
    rows = hashes.entries(state=chosen, most=_ON_A_PAGE + 1, offset=at)
    held = hashes.count(EntryState.QUARANTINED) if chosen is None else 0
    wording = wording_for(request)
    return desk_page(
        request,
        who,
        "mod_blocklist.html",
        rows=tuple(_row(one, wording, now) for one in rows[:_ON_A_PAGE]),
        states=tuple((one.value, f"mod.entry.{one.value}") for one in EntryState),
        chosen="" if chosen is None else chosen.value,
        held=say("mod.entry.held", count=held) if held else None,
        earlier=later_page(request, max(at - _ON_A_PAGE, 0), "state") if at else None,
        later=later_page(request, at + _ON_A_PAGE, "state") if len(rows) > _ON_A_PAGE else None,
    )


def _row(one: HashEntry, wording: Wording, now: datetime) -> _EntryRow:
    facts = [say("mod.from", when=wording.moment(one.created_at))]
    if one.ends_at is not None:
        facts.append(say("mod.until", when=wording.moment(one.ends_at)))
    if one.state is EntryState.DISABLED and one.disabled_until is not None:
        facts.append(say("mod.entry.until", when=wording.moment(one.disabled_until)))
    return _EntryRow(
        id=one.id,
        case=one.case,
        decision=one.decision,
        # Switched off for a time that is over, it counts again.
        state=EntryState.ACTIVE.value if one.counts(now) else one.state.value,
        kind="mod.entry.exact" if one.algorithm is HashAlgorithm.SHA256 else "mod.entry.alike",
        value=one.value,
        hits=say("mod.entry.hits", count=one.hits),
        facts=tuple(facts),
        why=one.why,
        quarantined=one.state is EntryState.QUARANTINED,
        on=one.counts(now),
        changeable=one.state is not EntryState.WITHDRAWN,
    )


@router.post("/{entry}/disable")
def disable(request: Request, who: Keeps, entry: EntryName) -> Response:
    """Let an entry block nothing from now on: form fields `why`, and `hours` for a time."""
    hours, now = who.fields.one("hours"), parts_of(request).clock()
    if hours and not (_HOURS.fullmatch(hours) and int(hours) <= _MOST_HOURS):
        if wants_page(request):
            return incomplete(request, who, "/mod/blocklist", typed=[who.fields.one("why")])
        raise Problem(ProblemKind.INVALID, f"hours: expected 1 to {_MOST_HOURS}")
    until = now + timedelta(hours=int(hours)) if hours else None
    keeper = outcomes_of(request).keeper
    return _changed(
        request,
        who,
        lambda why: keeper.disable(entry, why=why, by=who.account.id, now=now, until=until),
    )


@router.post("/{entry}/enable")
def enable(request: Request, who: Keeps, entry: EntryName) -> Response:
    """Let an entry count again: form field `why`."""
    keeper, now = outcomes_of(request).keeper, parts_of(request).clock()
    return _changed(
        request, who, lambda why: keeper.enable(entry, why=why, by=who.account.id, now=now)
    )


def _changed(request: Request, who: SignedIn, change: Callable[[str], HashEntry]) -> Response:
    why = who.fields.one("why").strip()
    if not 0 < len(why) <= _MOST_CHARS:
        if wants_page(request):
            return incomplete(request, who, "/mod/blocklist", typed=[why])
        raise Problem(ProblemKind.INVALID, f"why: expected 1 to {_MOST_CHARS} characters")
    try:
        changed = change(why)
    except ConflictError as error:
        if wants_page(request):
            return refused(request, who, error, back="/mod/blocklist", typed=[why])
        raise
    if wants_page(request):
        return done(request, "/mod/blocklist", "mod.told.done")
    document = EntryDocument(
        id=changed.id,
        decision=changed.decision,
        algorithm=changed.algorithm,
        state=changed.state,
        distance=0,
    )
    return JSONResponse(document.model_dump(mode="json"))
