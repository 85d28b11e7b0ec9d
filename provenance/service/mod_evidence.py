"""The bytes a case is about: whether they are here, of what kind, and for whom they are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fastapi import Request

from provenance.errors import RegisterError
from provenance.moderation.model import Reviewer, Subject
from provenance.moderation.views import CaseFile
from provenance.moderation.vocabulary import Queue
from provenance.pages.result import result_view
from provenance.records.reports import StoredReport
from provenance.service.callers import parts_of
from provenance.service.mod_case_view import SubjectView
from provenance.wording.catalogue import Wording

__all__ = ["LOOK_LASTS", "HeldEvidence", "held_evidence", "is_open", "subject_views"]

LOOK_LASTS = timedelta(minutes=15)
"""How long a look lasts for which a reason was given."""

# What a browser shows without running anything; all else is only downloaded.
_KINDS: Mapping[str, str] = {
    "image/jpeg": "image",
    "image/png": "image",
    "image/gif": "image",
    "image/webp": "image",
    "image/avif": "image",
    "video/mp4": "video",
    "video/webm": "video",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/wav": "audio",
    "audio/flac": "audio",
}
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldEvidence:
    """Bytes that are here.

    Attributes:
        path: The file.
        media_type: What they are; bytes of a kind that no browser shows are of none.
        kind: `image`, `video`, `audio` or `file`.
    """

    path: Path
    media_type: str
    kind: str


def _entry(request: Request, subject: Subject) -> StoredReport | None:
    if subject.report is None:
        return None
    return parts_of(request).desk.get(subject.report, reader=None)


def held_evidence(request: Request, subject: Subject, queue: Queue) -> HeldEvidence | None:
    """The bytes of this subject, if they are kept; of the restricted queue there are none."""
    if queue is Queue.RESTRICTED:
        return None
    return _held(request, subject, _entry(request, subject))


def _held(request: Request, subject: Subject, entry: StoredReport | None) -> HeldEvidence | None:
    if entry is None or entry.upload is None:
        return None
    asset = entry.report.asset
    # The report is about these bytes and no others.
    if subject.sha256 is not None and asset.sha256 != subject.sha256:
        return None
    path = parts_of(request).uploads.path(entry.upload)
    if not path.is_file():
        return None
    kind = _KINDS.get(asset.media_type or "")
    if kind is None:
        return HeldEvidence(path=path, media_type=_UNKNOWN, kind="file")
    return HeldEvidence(path=path, media_type=asset.media_type or _UNKNOWN, kind=kind)


def is_open(found: CaseFile, subject: str, reviewer: Reviewer, *, now: datetime) -> bool:
    """Did this person give a reason to look at this a short while ago?"""
    return found.case.queue is Queue.GENERAL and any(
        one.subject == subject
        and one.reviewer == reviewer.id
        and one.at <= now < one.at + LOOK_LASTS
        for one in found.accesses
    )


def subject_views(
    request: Request, found: CaseFile, reviewer: Reviewer, wording: Wording, *, now: datetime
) -> tuple[SubjectView, ...]:
    """What the page shows of each thing that the case is about."""
    if found.case.queue is Queue.RESTRICTED:
        return ()
    return tuple(
        _view(request, found, subject, reviewer, wording, now) for subject in found.case.subjects
    )


def _view(  # noqa: PLR0917 - one item, whole
    request: Request,
    found: CaseFile,
    subject: Subject,
    reviewer: Reviewer,
    wording: Wording,
    now: datetime,
) -> SubjectView:
    entry = _entry(request, subject)
    held = _held(request, subject, entry)
    shown = None if entry is None else result_view(entry.report, wording)
    nearest = None if shown is None else shown.nearest
    picture = None
    if nearest is not None and nearest.file_sha256 is not None:
        picture = _picture(request, nearest.file_sha256, now)
    return SubjectView(
        id=subject.id,
        url=subject.url,
        sha256=subject.sha256,
        kind="none" if held is None else held.kind,
        open=is_open(found, subject.id, reviewer, now=now),
        src=f"/mod/cases/{found.case.id}/evidence/{subject.id}",
        verdict=subject.verdict,
        known=() if shown is None else tuple(shown.answer.known),
        report=None if entry is None else entry.id,
        release=subject.release if nearest is not None or entry is None else None,
        picture=picture,
        places=() if shown is None else shown.places,
    )


def _picture(request: Request, sha256: str, now: datetime) -> str | None:
    parts = parts_of(request)
    try:
        found = parts.register.view(clock=parts.clock).picture(sha256, at=now)
    except RegisterError:
        # The case is reviewed without it.
        return None
    return None if found is None else f"/pictures/{sha256}.jpg"
