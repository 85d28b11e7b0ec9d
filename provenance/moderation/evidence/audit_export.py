"""The audit as lines of JSON: written for auditors, and checked without the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import rfc8785
from pydantic import ValidationError

from provenance.moderation.audit import AuditFault, event_digest
from provenance.moderation.evidence.documents import AuditLine
from provenance.moderation.model import AuditEvent

__all__ = ["AuditExportReport", "audit_line", "check_audit_export", "export_lines"]

_MAX_LINE_BYTES = 1024 * 1024
_MOST_FAULTS = 100
_FIRST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditExportReport:
    """What an exported audit shows.

    It cannot show that nothing was left out at its end, nor that whoever kept the database did
    not make the whole chain again: the roots of the days, which others keep, show that.

    Attributes:
        entries: How many there are.
        first: Number of the first one.
        last: Number of the last one.
        head: Digest of the last one.
        faults: What is wrong; nothing: every entry is what and where it was.
    """

    entries: int
    first: int
    last: int
    head: str
    faults: tuple[AuditFault, ...]

    @property
    def is_whole(self) -> bool:
        """Does it begin with the first entry of all?"""
        return self.first == 1


def audit_line(event: AuditEvent) -> AuditLine:
    """The document of an entry."""
    return AuditLine(
        seq=event.seq,
        at=event.at,
        actor=event.actor,
        verb=event.verb,
        object=event.object,
        detail=event.detail,
        prev=event.prev,
        sha256=event.sha256,
    )


def export_lines(events: Iterable[AuditEvent]) -> Iterator[bytes]:
    """One line for each entry, in the one way in which it is written (RFC 8785)."""
    for event in events:
        yield rfc8785.dumps(audit_line(event).model_dump(mode="json")) + b"\n"


def check_audit_export(lines: Iterable[bytes]) -> AuditExportReport:
    """Is every entry what and where it was, from the first one of this export on?

    An entry that was changed, removed, added or moved is named. What stood before the first
    line, only an export from the beginning can show.
    """
    faults: list[AuditFault] = []
    first, seq, prev, count = 0, 0, "", 0
    for number, line in enumerate(lines, 1):
        if len(faults) >= _MOST_FAULTS:
            faults.append(AuditFault(seq=seq, what="there are more faults"))
            break
        try:
            if len(line) > _MAX_LINE_BYTES:
                raise ValueError("too long")  # noqa: TRY301 - one way out
            entry = AuditLine.model_validate_json(line)
        except (ValidationError, ValueError):
            faults.append(AuditFault(seq=seq + 1, what=f"line {number} is no entry"))
            continue
        faults += _faults(entry, first=not count, seq=seq, prev=prev)
        first = first or entry.seq
        seq, prev, count = entry.seq, entry.sha256, count + 1
    return AuditExportReport(entries=count, first=first, last=seq, head=prev, faults=tuple(faults))


def _faults(entry: AuditLine, *, first: bool, seq: int, prev: str) -> Sequence[AuditFault]:
    found = []
    if event_digest(AuditEvent(**entry.model_dump())) != entry.sha256:
        found.append(AuditFault(seq=entry.seq, what="was changed"))
    if first:
        if entry.seq == 1 and entry.prev != _FIRST:
            found.append(AuditFault(seq=1, what="is not the first entry"))
    elif entry.seq != seq + 1:
        found.append(AuditFault(seq=seq + 1, what=f"expected this entry, got {entry.seq}"))
    elif entry.prev != prev:
        found.append(AuditFault(seq=entry.seq, what="does not follow the entry before it"))
    return found
