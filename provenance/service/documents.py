"""Documents that the API takes and gives, beside reports, disclosures and problems."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from provenance.records.job_model import Item, ItemState, Job, JobState
from provenance.records.policies import PolicyProfile
from provenance.records.webhooks import Delivery, DeliveryState, parse_webhook_secret
from provenance.runtime.report_desk import Standing
from provenance.verdict import Verdict

__all__ = [
    "DocumentIn",
    "DocumentOut",
    "FoundReport",
    "FoundReports",
    "JobDocument",
    "JobFile",
    "JobFiles",
    "JobRequest",
    "PolicyDocument",
    "PolicyList",
    "Reference",
    "ReportStanding",
    "ShortText",
    "Url",
    "check_url",
]

ShortText = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]+$")]
PolicyName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,63}$")]


class DocumentIn(BaseModel):
    """A document that the API takes: nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DocumentOut(BaseModel):
    """A document that the API gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def check_url(text: str) -> str:
    """The same address, if it is one that can be fetched.

    Raises:
        ValueError: It is not.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError("expected a URL") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("expected an https URL without user information")
    return text


Url = Annotated[str, Field(min_length=8, max_length=2000, pattern=r"^https?://[!-~]+$")]


class Reference(DocumentIn):
    """A file that is named by where it is."""

    url: Url
    name: ShortText | None = None
    policy: PolicyName | None = None

    _check_url = field_validator("url")(check_url)


class WebhookRequest(DocumentIn):
    """Where the end of a job is told (Standard Webhooks 1.0)."""

    url: Url
    secret: Annotated[str, Field(min_length=38, max_length=100, pattern=r"^whsec_[A-Za-z0-9+/=]+$")]

    _check_url = field_validator("url")(check_url)

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, text: str) -> str:
        parse_webhook_secret(text)
        return text


class JobReference(DocumentIn):
    """A file of a job that is named by where it is."""

    url: Url
    name: ShortText

    _check_url = field_validator("url")(check_url)


class JobRequest(DocumentIn):
    """A batch job that is to be made."""

    policy: PolicyName | None = None
    webhook: WebhookRequest | None = None
    references: Annotated[tuple[JobReference, ...], Field(strict=False, max_length=1000)] = ()

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        if len({entry.name for entry in self.references}) != len(self.references):
            raise ValueError("references: expected every name once")
        return self


class ReportStanding(DocumentOut):
    """How a stored report stands now."""

    id: str
    verdict: Verdict
    policy: str
    judged_at: AwareDatetime
    ends_at: AwareDatetime = Field(description="When the report is forgotten.")
    stale: bool = Field(
        description="Whether something that it was judged with, or a release that it is about, "
        "has changed."
    )
    stale_because: tuple[Literal["directory", "lists", "engines", "policy", "releases"], ...]
    holds: bool = Field(
        description="Whether the verdict is known to be no more than would be said today. Time "
        "alone can end that: a directory has grown too old, a certificate has ended."
    )
    will_be_judged_again: bool = Field(
        description="Whether that happens by itself: only where the policy keeps the bytes."
    )

    @classmethod
    def of(cls, standing: Standing, verdict: Verdict) -> Self:
        """How this report stands."""
        entry = standing.entry
        return cls.model_validate(
            {
                "id": entry.id,
                "verdict": verdict,
                "policy": entry.policy,
                "judged_at": entry.judged_at,
                "ends_at": entry.ends_at,
                "stale": bool(standing.stale_because),
                "stale_because": standing.stale_because,
                "holds": standing.holds,
                "will_be_judged_again": bool(standing.stale_because) and entry.upload is not None,
            }
        )


class FoundReport(DocumentOut):
    """A report of a file that this key uploaded."""

    id: str
    url: str
    policy: str
    verdict: Verdict
    judged_at: AwareDatetime
    ends_at: AwareDatetime


class FoundReports(DocumentOut):
    """The reports of a file that this key uploaded; empty where there is none."""

    reports: tuple[FoundReport, ...]


class ProgressDocument(DocumentOut):
    """How many files of a job are in which state."""

    total: int
    waiting: int
    running: int
    done: int
    failed: int
    cancelled: int


class DeliveryDocument(DocumentOut):
    """What became of a message."""

    id: str
    state: DeliveryState
    attempts: int
    why: str | None = None


class JobDocument(DocumentOut):
    """A batch job, and how far it is."""

    id: str
    url: str
    state: JobState
    policy: str
    created_at: AwareDatetime
    ended_at: AwareDatetime | None
    ends_at: AwareDatetime = Field(description="When the job is forgotten.")
    progress: ProgressDocument
    webhooks: tuple[DeliveryDocument, ...] = ()

    @classmethod
    def of(cls, job: Job, *, url: str, deliveries: tuple[Delivery, ...] = ()) -> Self:
        """This job."""
        progress = job.progress
        return cls(
            id=job.id,
            url=url,
            state=job.state,
            policy=job.policy,
            created_at=job.created_at,
            ended_at=job.ended_at,
            ends_at=job.ends_at,
            progress=ProgressDocument(
                total=progress.total,
                waiting=progress.waiting,
                running=progress.running,
                done=progress.done,
                failed=progress.failed,
                cancelled=progress.cancelled,
            ),
            webhooks=tuple(
                DeliveryDocument(id=d.id, state=d.state, attempts=d.attempts, why=d.why)
                for d in deliveries
            ),
        )


class JobFile(DocumentOut):
    """A file of a job."""

    number: int
    name: str
    state: ItemState
    report: str | None = Field(description="Where its report is.")
    why: str | None = Field(description="Why it has none.")

    @classmethod
    def of(cls, item: Item, *, report: str | None) -> Self:
        """This file."""
        return cls(
            number=item.number, name=item.name, state=item.state, report=report, why=item.why
        )


class JobFiles(DocumentOut):
    """Files of a job, in order; ask for those after the last number for more."""

    files: tuple[JobFile, ...]
    more: bool


class PolicyDocument(DocumentOut):
    """A policy that uploads can be judged under."""

    name: str
    version: str
    test: bool
    default: bool
    passes: tuple[Verdict, ...]
    keeps_uploads: bool
    languages: tuple[str, ...]

    @classmethod
    def of(cls, profile: PolicyProfile, *, default: bool) -> Self:
        """This policy."""
        return cls(
            name=profile.name,
            version=profile.version,
            test=profile.test,
            default=default,
            passes=profile.passes,
            keeps_uploads=profile.keep_uploads,
            languages=tuple(profile.texts),
        )


class PolicyList(DocumentOut):
    """All policies."""

    policies: tuple[PolicyDocument, ...]
