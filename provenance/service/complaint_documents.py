"""Documents of the API for complaints and appeals. Who complains goes in, and never comes out."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from provenance.moderation.model import Appeal, Contact, Decision, Locator
from provenance.moderation.references import shown_reference
from provenance.moderation.views import Filed, Followed, NewComplaint
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    AppealState,
    Category,
    ComplaintState,
    Ground,
    Outcome,
    ReporterRole,
)
from provenance.service.complaint_forms import LIMITS
from provenance.service.documents import DocumentIn, DocumentOut, Url, check_url

__all__ = [
    "AppealDocument",
    "AppealRequest",
    "AppealWithdrawal",
    "ComplaintDocument",
    "ComplaintRequest",
    "FiledDocument",
    "InfoRequest",
]

_MAX_LOCATORS = 20
_ONE_LINE = r"^[^\x00-\x1f\x7f]+$"
# Lines may be broken; nothing else that cannot be seen is text.
_WORDS = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"

Name = Annotated[str, Field(min_length=1, max_length=LIMITS["name"], pattern=_ONE_LINE)]
Email = Annotated[
    str, Field(min_length=3, max_length=LIMITS["email"], pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
]
Text = Annotated[str, Field(min_length=1, max_length=LIMITS["text"], pattern=_WORDS)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ReportName = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{22}$")]
LanguageTag = Annotated[
    str, Field(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$", max_length=12)
]


class LocatorDocument(DocumentIn):
    """Where it is: an address, the SHA-256 of its bytes, or the name of a report about it."""

    url: Url | None = None
    sha256: Sha256 | None = None
    report: ReportName | None = None

    @field_validator("url")
    @classmethod
    def _check_url(cls, text: str | None) -> str | None:
        return None if text is None else check_url(text)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.url is None and self.sha256 is None and self.report is None:
            raise ValueError("locators: expected an address, a digest or a report")
        return self


class ContactDocument(DocumentIn):
    """Who complains. Read by staff alone; whoever put it online never learns it."""

    name: Name | None = None
    email: Email | None = None
    signature: Name | None = Field(
        default=None, description="A typed name does; the 48-hour rule asks for one."
    )


class ComplaintRequest(DocumentIn):
    """A complaint that is to be filed."""

    category: Annotated[Category, Field(strict=False)]
    locators: Annotated[
        tuple[LocatorDocument, ...], Field(strict=False, min_length=1, max_length=_MAX_LOCATORS)
    ]
    role: Annotated[ReporterRole, Field(strict=False)] = ReporterRole.ANYONE
    explanation: Annotated[str, Field(max_length=LIMITS["explanation"], pattern=_WORDS)] = ""
    good_faith: bool = Field(
        description="Whether they declare that what they say is accurate as far as they know."
    )
    locale: LanguageTag = "en"
    contact: ContactDocument | None = None
    external_id: Annotated[str | None, Field(min_length=1, max_length=128, pattern="^[!-~]+$")] = (
        Field(
            default=None,
            description="The sender's own number, with a key only: the same twice is one.",
        )
    )

    def complaint(self) -> NewComplaint:
        """It, for the desk."""
        contact = self.contact
        return NewComplaint(
            category=self.category,
            locators=tuple(
                Locator(url=place.url, sha256=place.sha256, report=place.report)
                for place in self.locators
            ),
            role=self.role,
            explanation=self.explanation.strip(),
            good_faith=self.good_faith,
            locale=self.locale,
            contact=None
            if contact is None
            else Contact(name=contact.name, email=contact.email, signature=contact.signature),
            external_id=self.external_id,
        )


class FiledDocument(DocumentOut):
    """A complaint that was taken. The PIN is told this once."""

    ref: str
    url: str = Field(description="Where people follow it.")
    pin: str | None = Field(description="None where it was filed before under its external id.")
    due_at: AwareDatetime | None = Field(
        description="By when it is decided; None where it is answered already."
    )
    statutory: bool = Field(
        description="Whether the 48 hours of a valid request about intimate images run for it."
    )
    missing: tuple[str, ...] = Field(description="What that would need and is not there.")

    @classmethod
    def of(cls, filed: Filed, *, url: str) -> Self:
        """What is told of it."""
        return cls(
            ref=shown_reference(filed.complaint.ref),
            url=url,
            pin=filed.pin,
            due_at=filed.due_at,
            statutory=filed.statutory,
            missing=filed.missing,
        )


class InfoRequest(DocumentIn):
    """What is added to a complaint."""

    text: Text


class MessageDocument(DocumentOut):
    """What was asked or added."""

    at: AwareDatetime
    by_reporter: bool
    text: str


class AnswerDocument(DocumentOut):
    """The decision that answers a complaint, as whoever complained is told it."""

    id: str
    outcome: Outcome
    actions: tuple[ActionType, ...]
    policies: tuple[str, ...]
    ground: Ground
    reference: str
    facts: str | None = Field(description="None where they are not told.")
    created_at: AwareDatetime

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """It, without who made it."""
        return cls(
            id=decision.id,
            outcome=decision.outcome,
            actions=decision.actions,
            policies=decision.policies,
            ground=decision.ground,
            reference=decision.reference,
            facts=decision.facts or None,
            created_at=decision.created_at,
        )


class AppealDocument(DocumentOut):
    """An appeal, as whoever appeals is told of it."""

    id: str
    decision: str
    state: AppealState
    filed_at: AwareDatetime
    outcome: AppealOutcome | None
    new_decision: str | None

    @classmethod
    def of(cls, appeal: Appeal) -> Self:
        """It, without who decides it."""
        return cls(
            id=appeal.id,
            decision=appeal.decision,
            state=appeal.state,
            filed_at=appeal.filed_at,
            outcome=appeal.outcome,
            new_decision=appeal.new_decision,
        )


class ComplaintDocument(DocumentOut):
    """How a complaint stands. Who complains is not in it."""

    ref: str
    state: ComplaintState
    category: Category
    role: ReporterRole
    received_at: AwareDatetime
    due_at: AwareDatetime | None
    messages: tuple[MessageDocument, ...]
    decision: AnswerDocument | None
    may_appeal_until: AwareDatetime | None
    appeals: tuple[AppealDocument, ...]

    @classmethod
    def of(cls, followed: Followed) -> Self:
        """What whoever has the PIN is told."""
        complaint = followed.complaint
        return cls(
            ref=shown_reference(complaint.ref),
            state=complaint.state,
            category=complaint.category,
            role=complaint.role,
            received_at=complaint.received_at,
            due_at=followed.due_at,
            messages=tuple(
                MessageDocument(at=one.at, by_reporter=one.by_reporter, text=one.text)
                for one in followed.messages
            ),
            decision=None if followed.decision is None else AnswerDocument.of(followed.decision),
            may_appeal_until=followed.may_appeal_until,
            appeals=tuple(map(AppealDocument.of, followed.appeals)),
        )


class AppealWithdrawal(DocumentIn):
    """Whose appeal it is: by the reference of their complaint and its PIN, or by their token."""

    complaint: Annotated[str | None, Field(min_length=1, max_length=40, pattern="^[ -~]+$")] = None
    token: Annotated[str | None, Field(min_length=1, max_length=400, pattern="^[!-~]+$")] = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.complaint is None) == (self.token is None):
            raise ValueError("expected either a complaint or a token")
        return self


class AppealRequest(AppealWithdrawal):
    """An appeal: by the reference of one's complaint and its PIN, or by the uploader's token."""

    text: Text
