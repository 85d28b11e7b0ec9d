"""The audit in words, for auditors: every step, and whether the chain of them is whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from provenance.moderation.model import AuditEvent
from provenance.moderation.permissions import Permission
from provenance.service.callers import parts_of
from provenance.service.mod_access import desk_for
from provenance.service.mod_answers import desk_page
from provenance.service.mod_words import EventWords, event_words
from provenance.service.moderation_access import moderation_of
from provenance.service.page_answers import page_request, wording_for
from provenance.service.staff_access import SignedIn
from provenance.wording.catalogue import Wording
from provenance.wording.messages import say

__all__ = ["router"]

router = APIRouter(prefix="/mod/audit", include_in_schema=False)

Audits = Annotated[SignedIn, Depends(desk_for(Permission.READ_AUDIT))]
Before = Annotated[int, Query(ge=0, le=2**63 - 1)]
Object = Annotated[str, Query(max_length=120)]

_ON_A_PAGE = 50
_ROOTS_OF = timedelta(days=62)
_MOST_FAULTS = 100
_OBJECT = re.compile(r"[a-z-]{1,30}:[A-Za-z0-9_.@/-]{1,89}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _EntryRow:
    seq: int
    words: EventWords
    object: str
    only: str
    case: str | None
    sha256: str


@router.get("")
def entries(request: Request, who: Audits, object: Object = "", before: Before = 0) -> Response:  # noqa: A002 - the word of the record
    """Every step that was taken, the newest first."""
    about = object.strip()
    if not _OBJECT.fullmatch(about):
        about = ""
    found = moderation_of(request).audit.newest(
        before=before or None, object=about or None, limit=_ON_A_PAGE + 1
    )
    wording, rows = wording_for(request), found[:_ON_A_PAGE]
    sees = who.may(Permission.SEE_CASES)
    return desk_page(
        request,
        who,
        "mod_audit.html",
        about=about,
        rows=tuple(_row(request, one, wording, sees=sees) for one in rows),
        newest=_at(request, object=about) if before else None,
        later=_at(request, object=about, before=str(rows[-1].seq))
        if len(found) > _ON_A_PAGE
        else None,
    )


def _row(request: Request, one: AuditEvent, wording: Wording, *, sees: bool) -> _EntryRow:
    kind, _, name = one.object.partition(":")
    return _EntryRow(
        seq=one.seq,
        words=event_words(one, wording),
        object=one.object,
        only=_at(request, object=one.object),
        case=f"/mod/cases/{name}" if sees and kind == "case" else None,
        sha256=one.sha256,
    )


def _at(request: Request, **query: str) -> str:
    asked = page_request(request)
    values = {name: value for name, value in query.items() if value}
    if asked.asked:
        values["lang"] = asked.language.tag
    return f"/mod/audit?{urlencode(values)}" if values else "/mod/audit"


@router.get("/check")
def check(request: Request, who: Audits) -> Response:
    """Is every entry still what and where it was? And what does each day come to?"""
    audit, now = moderation_of(request).audit, parts_of(request).clock()
    count, _ = audit.head()
    faults = audit.verify()
    roots = audit.roots(since=(now - _ROOTS_OF).date().isoformat())
    return desk_page(
        request,
        who,
        "mod_audit_check.html",
        whole=None if faults else say("mod.audit.whole", count=count),
        faults=faults[:_MOST_FAULTS],
        roots=tuple(reversed(roots)),
    )
