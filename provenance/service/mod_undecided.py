"""What is to be decided: a case, several at once, or an appeal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from provenance.errors import ConflictError
from provenance.moderation.model import Case, Subject
from provenance.moderation.vocabulary import AppealState, CaseState, Queue
from provenance.service.callers import parts_of
from provenance.service.moderation_access import moderation_of
from provenance.service.staff_access import SignedIn

__all__ = ["Undecided", "appeal_subject", "bulk_subject", "case_subject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """What is to be decided: a case, several, or an appeal.

    Attributes:
        id: Its name; of several cases how many.
        title: Heading of the form.
        path: Where its pages are.
        back: Where whoever does not decide goes back to.
        cases: The cases, where there are several.
        about: The cases themselves.
        appeal: The appeal's name, where it is one.
        appeal_text: What whoever appeals wrote.
    """

    id: str
    title: str
    path: str
    back: str
    about: tuple[Case, ...]
    cases: tuple[str, ...] = ()
    appeal: str | None = None
    appeal_text: str | None = None

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All that it is about."""
        return tuple(subject for case in self.about for subject in case.subjects)

    @property
    def seen(self) -> tuple[str, ...]:
        """Ids of all that it is about; of several cases a preview keeps what was shown."""
        return () if self.cases else tuple(subject.id for subject in self.subjects)

    @property
    def restricted(self) -> bool:
        """Whether nothing of it is told."""
        return any(case.queue is Queue.RESTRICTED for case in self.about)


def case_subject(request: Request, who: SignedIn, id_: str) -> Undecided:
    """This case, for whoever has it.

    Raises:
        ConflictError: They have not claimed it.
        PermissionRefusedError: They may not see it.
    """
    now = parts_of(request).clock()
    found = moderation_of(request).cases.get(id_, who.reviewer, now=now)
    case = found.case
    mine = case.state is CaseState.ASSIGNED and case.assignee == who.reviewer.id
    if not mine or case.locked_until is None or case.locked_until <= now:
        raise ConflictError(f"case {id_}: claim it before you decide it")
    path = f"/mod/cases/{id_}"
    return Undecided(id=id_, title="mod.decide", path=path, back=path, about=(case,))


def appeal_subject(request: Request, who: SignedIn, id_: str) -> Undecided:
    """This appeal, for whoever has it.

    Raises:
        ConflictError: They have not claimed it.
        PermissionRefusedError: They may not see it.
    """
    moderation, now = moderation_of(request), parts_of(request).clock()
    found = moderation.appeals.get(id_, who.reviewer)
    if found.state is not AppealState.ASSIGNED or found.reviewer != who.reviewer.id:
        raise ConflictError(f"appeal {id_}: claim it before you decide it")
    about = moderation.cases.get(found.case, who.reviewer, now=now)
    path = f"/mod/appeals/{id_}"
    return Undecided(
        id=id_,
        title="mod.appeal.decide",
        path=path,
        back=path,
        about=(about.case,),
        appeal=id_,
        appeal_text=found.text,
    )


def bulk_subject(request: Request, who: SignedIn, cases: Sequence[str]) -> Undecided:
    """These cases.

    Raises:
        ConflictError: There is none, one of them is not there, or it is restricted.
        PermissionRefusedError: One of them is not for them.
    """
    if not cases:
        raise ConflictError("bulk: expected at least one case, got none")
    desk, now = moderation_of(request).cases, parts_of(request).clock()
    about = tuple(desk.get(case, who.reviewer, now=now).case for case in cases)
    if any(case.queue is Queue.RESTRICTED for case in about):
        raise ConflictError("bulk: restricted cases are decided one by one")
    return Undecided(
        id=str(len(about)),
        title="mod.bulk.title",
        path="/mod/bulk",
        back="/mod",
        about=about,
        cases=tuple(cases),
    )
