"""The details beside an answer: rows of a label and a value, findings, and checks not made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provenance.findings import Severity
from provenance.report import Report
from provenance.verdict import IntegrityState, SignerKind, TimeState
from provenance.wording.answer import signer_name
from provenance.wording.catalogue import Wording
from provenance.wording.keys import AI, CHECKS, CHECKS_OF_LISTS, FOUND
from provenance.wording.messages import Message, Quoted, Value, say

__all__ = ["FoundRow", "Row", "checks_not_made", "found_rows", "rows_of"]


@dataclass(frozen=True, slots=True)
class Row:
    """One fact: its label, and what stands beside it."""

    label: Message
    values: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One finding in words, with its stable code for those who want to look it up."""

    severity: Severity
    says: Message
    code: str


def rows_of(report: Report, wording: Wording) -> tuple[Row, ...]:
    """Which facts does the answer rest on, in reading order?"""
    return tuple(_rows(report, wording))


def _plain(value: Value) -> Message:
    return say("plain", value=value)


def _rows(report: Report, wording: Wording) -> Iterator[Row]:
    asset = report.asset
    if asset.name:
        yield Row(say("row.file"), (_plain(Quoted(asset.name)),))
    yield Row(say("row.type"), (_plain(asset.media_type) if asset.media_type else _UNKNOWN,))
    yield Row(say("row.size"), (_plain(wording.size(asset.size_bytes)),))
    yield Row(say("row.digest"), (_plain(asset.sha256) if asset.sha256 else _UNKNOWN,))
    yield Row(say("row.signer"), tuple(_signer(report)))
    if report.signer.kind is not SignerKind.NONE:
        yield Row(say("row.signed"), (_signed(report, wording),))
    release = report.release
    if release.id is not None:
        yield Row(say("row.release"), (_plain(release.title or Quoted(release.id)),))
    if report.integrity.state is IntegrityState.INTACT:
        yield Row(say("row.ai"), (say(AI[report.ai.state]),))
    elif report.ai.unsigned_claims:
        yield Row(say("row.ai"), (say("ai.unsigned"),))
    directory = report.context.directory
    yield Row(
        say("row.directory"),
        (
            say("row.directory-version", name=directory.name, version=directory.version)
            if directory
            else _NOBODY,
        ),
    )
    yield Row(say("row.judged"), (_plain(wording.moment(report.context.verified_at)),))


_UNKNOWN, _NOBODY = say("result.unknown"), say("result.nobody")


def _signer(report: Report) -> Iterator[Message]:
    signer = report.signer
    # A name beside altered bytes would read as if its owner had signed them.
    intact = report.integrity.state is IntegrityState.INTACT
    if signer.kind is SignerKind.NONE:
        yield _NOBODY
        return
    if signer.kind is SignerKind.AGENCY and signer.agency is not None and intact:
        yield _plain(signer.agency)
        return
    if signer.kind is SignerKind.LISTED and intact:
        yield say("row.vouched")
    name = signer_name(report)
    yield say("result.says", name=Quoted(name)) if name else _UNKNOWN


def _signed(report: Report, wording: Wording) -> Message:
    time = report.time
    if time.state is TimeState.TRUSTED and time.trusted_at is not None:
        return say("row.confirmed", date=wording.moment(time.trusted_at))
    if time.state is TimeState.CLAIMED and time.claimed_at is not None:
        return say("row.claimed", date=wording.moment(time.claimed_at))
    return _UNKNOWN


def found_rows(report: Report) -> tuple[FoundRow, ...]:
    """What was found, the weightiest first?"""
    order = [Severity.FAILURE, Severity.WARNING, Severity.INFO, Severity.PASSED]
    rows = [FoundRow(f.severity, say(FOUND[f.code]), f.code.value) for f in report.findings]
    return tuple(sorted(rows, key=lambda row: order.index(row.severity)))


def checks_not_made(report: Report) -> tuple[Message, ...]:
    """Which checks were not made? Each once."""
    names = dict.fromkeys(check.check for check in report.checks_not_run)
    return tuple(_check(name) for name in names)


def _check(name: str) -> Message:
    if name in CHECKS:
        return say(CHECKS[name])
    for begins, key in CHECKS_OF_LISTS.items():
        if name.startswith(begins):
            return say(key, name=Quoted(name.removeprefix(begins)))
    return say("check.other", name=Quoted(name))
