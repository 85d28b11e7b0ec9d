"""What a batch job is, and its files: states and facts, without the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["Item", "ItemState", "Job", "JobState", "Progress", "Webhook"]


class JobState(StrEnum):
    """How far a job is."""

    OPEN = "open"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """How far one file of a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where the end of a job is told, and with which secret it is signed."""

    url: str
    secret: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many items are in which state."""

    waiting: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """How many items there are."""
        return self.waiting + self.running + self.done + self.failed + self.cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job, and how far it is."""

    id: str
    owner: str
    reader: str | None
    policy: str
    state: JobState
    webhook_url: str | None
    created_at: datetime
    ended_at: datetime | None
    ends_at: datetime
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file of a job.

    Attributes:
        number: Its place, rising; where a list goes on.
        job: Its job.
        name: What the caller calls it; unique within the job.
        state: How far it is.
        upload: Name of its bytes in the folder of uploads, until it is judged.
        sidecar: Name of its credentials' bytes in the same folder, if they came beside it; known
            to whoever judges it.
        url: Where it is fetched from, if it was given by reference.
        report: Name of its report.
        why: Why there is none.
        attempts: How often it was begun.
    """

    number: int
    job: str
    name: str
    state: ItemState
    upload: str | None
    url: str | None
    report: str | None
    why: str | None
    attempts: int
    sidecar: str | None = None
