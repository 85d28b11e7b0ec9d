"""What the page of a case shows lawyers: the evidence in one file, holds, notices to hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from provenance.errors import ConflictError
from provenance.moderation.evidence.retention import LegalHold
from provenance.moderation.model import Decision
from provenance.moderation.outcomes.notices import Notice
from provenance.moderation.permissions import Permission
from provenance.moderation.views import CaseFile
from provenance.moderation.vocabulary import Outcome, Queue
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, Quoted, say

__all__ = ["LegalView", "legal_view", "notice_steps", "noticed_decision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _HoldRow:
    id: str
    reason: str
    says: Message
    end: Message | None
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoticeRow:
    id: str
    says: Message
    steps: tuple[Message | str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalView:
    """What lawyers see and may do.

    Attributes:
        bundle: Where the evidence is in one file, for whoever may have it.
        may_hold: Whether they may place and lift holds.
        holds: The holds on the case, past ones too, the newest first.
        may_notify: Whether they may write notices.
        notices: The notices, the newest first.
        write: Where a notice is written; None where it cannot be now.
    """

    bundle: str | None
    may_hold: bool
    holds: tuple[_HoldRow, ...]
    may_notify: bool
    notices: tuple[_NoticeRow, ...]
    write: str | None


def legal_view(
    found: CaseFile,
    held: frozenset[Permission],
    holds: Sequence[LegalHold],
    notices: Sequence[Notice],
    wording: Wording,
    *,
    now: datetime,
) -> LegalView | None:
    """What do lawyers see of this case? None: whoever asks is none.

    Args:
        found: The case's file.
        held: What whoever asks may do.
        holds: Holds on it.
        notices: Notices about it.
        wording: Their language.
        now: What time it is.
    """
    if not held & {Permission.MAKE_BUNDLES, Permission.LEGAL_HOLD, Permission.SEND_NOTICES}:
        return None
    path = f"/mod/cases/{found.case.id}"
    try:
        noticed_decision(found)
        write: str | None = f"{path}/notice"
    except ConflictError:
        write = None
    return LegalView(
        bundle=f"{path}/bundle" if Permission.MAKE_BUNDLES in held else None,
        may_hold=Permission.LEGAL_HOLD in held,
        holds=tuple(_hold(one, wording, now) for one in reversed(holds)),
        may_notify=Permission.SEND_NOTICES in held,
        notices=tuple(_notice(one, wording) for one in reversed(notices)),
        write=write,
    )


def noticed_decision(found: CaseFile) -> Decision:
    """Because of which decision is a host notified?

    Raises:
        ConflictError: None holds that finds a violation; or the case is restricted, and is
            handed over to authorities, who tell the host.
    """
    case = found.case
    if case.queue is Queue.RESTRICTED:
        raise ConflictError(f"case {case.id}: restricted cases are handed over, not notified of")
    decision = next((one for one in found.decisions if one.id == case.decision), None)
    if decision is None or decision.outcome is not Outcome.VIOLATION:
        got = "none" if decision is None else decision.outcome.value
        raise ConflictError(f"case {case.id}: expected a decision of a violation, got {got}")
    return decision


def _hold(one: LegalHold, wording: Wording, now: datetime) -> _HoldRow:
    holds = one.end is None or one.end > now
    end = None
    if one.end is not None:
        end = say("mod.until" if holds else "mod.hold.ended", when=wording.moment(one.end))
    return _HoldRow(
        id=one.id,
        reason=one.reason,
        says=say("mod.hold.since", name=Quoted(one.by), when=wording.moment(one.placed_at)),
        end=end,
        holds=holds,
    )


def _notice(one: Notice, wording: Wording) -> _NoticeRow:
    return _NoticeRow(
        id=one.id, says=say("mod.to", host=Quoted(one.host)), steps=notice_steps(one, wording)
    )


def notice_steps(one: Notice, wording: Wording) -> tuple[Message | str, ...]:
    """What became of this notice so far?"""
    steps: list[Message | str] = [say("mod.notice.sent-at", when=wording.moment(one.sent_at))]
    if one.receipt is None or one.receipt_at is None:
        steps.append("mod.notice.no-receipt")
    else:
        steps.append(
            say(
                "mod.notice.received",
                when=wording.moment(one.receipt_at),
                receipt=Quoted(one.receipt),
            )
        )
    if one.outcome is not None:
        steps.append(f"mod.notice.outcome.{one.outcome.value}")
    return tuple(steps)
