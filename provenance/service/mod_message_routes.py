"""Messages that could not be delivered, for whoever looks after them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from provenance.errors import ConflictError
from provenance.moderation.permissions import Permission
from provenance.records.webhooks import Delivery
from provenance.service.callers import parts_of
from provenance.service.mod_access import desk_for
from provenance.service.mod_answers import desk_page, done, later_page, refused
from provenance.service.outcome_access import outcomes_of
from provenance.service.page_answers import wording_for
from provenance.service.staff_access import SignedIn
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, Quoted, say

__all__ = ["router"]

router = APIRouter(prefix="/mod/messages", include_in_schema=False)

Keeps = Annotated[SignedIn, Depends(desk_for(Permission.KEEP_MESSAGES))]
MessageName = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,100}$")]
Start = Annotated[int, Query(ge=0, le=1_000_000)]

_ON_A_PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class _MessageRow:
    """A message, as it may be shown: its receiver's name, and neither address nor content."""

    id: str
    event: str | None
    to: Message
    since: Message | None
    tries: Message
    why: str | None


@router.get("")
def messages(request: Request, who: Keeps, at: Start = 0) -> Response:
    """What was given up, the newest first."""
    rows = parts_of(request).webhooks.dead(most=_ON_A_PAGE + 1, offset=at)
    wording = wording_for(request)
    return desk_page(
        request,
        who,
        "mod_messages.html",
        rows=tuple(_row(one, wording) for one in rows[:_ON_A_PAGE]),
        earlier=later_page(request, max(at - _ON_A_PAGE, 0)) if at else None,
        later=later_page(request, at + _ON_A_PAGE) if len(rows) > _ON_A_PAGE else None,
    )


def _row(one: Delivery, wording: Wording) -> _MessageRow:
    since = None
    if one.created_at is not None:
        since = say("mod.from", when=wording.moment(one.created_at))
    return _MessageRow(
        id=one.id,
        event=one.event,
        # An address may hold a password; a host's name does not.
        to=say("mod.to", host=Quoted(urlsplit(one.url).hostname or "")),
        since=since,
        tries=say("mod.message.tries", count=one.attempts),
        why=one.why,
    )


@router.post("/{message}/again")
def again(request: Request, who: Keeps, message: MessageName) -> Response:
    """Let a message be tried once more."""
    now = parts_of(request).clock()
    try:
        outcomes_of(request).messages.again(message, by=who.account.id, now=now)
    except ConflictError as error:
        return refused(request, who, error, back="/mod/messages")
    return done(request, "/mod/messages", "mod.told.done")
