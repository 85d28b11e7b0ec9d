"""Judging metadata field by field: signed, unsigned, or against a signed statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from provenance.credentials.manifest_store import Manifest
from provenance.findings import FindingCode, Severity
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.metadata.model import MetadataReading, RawField
from provenance.media.metadata.namespaces import is_technical
from provenance.media.ranges import ByteRange
from provenance.report import Finding, MetadataField, finding
from provenance.untrusted import clean_text
from provenance.verification.actions import labelled_actions
from provenance.verification.metadata_names import (
    SOURCE_TYPE,
    TAKEN,
    assertion_thing,
    is_position,
    thing_of,
)
from provenance.verification.metadata_values import Likeness, compare, read_moment
from provenance.verification.signed_metadata import Statement, metadata_statements
from provenance.verification.source_types import source_type_term

__all__ = ["MetadataVerdict", "judge_metadata"]

_MAX_CONTRADICTIONS = 20
_MAX_STATEMENTS_PER_THING = 16
_MAX_HOURS_APART = 24
_CAPTURES = frozenset({"digitalCapture", "computationalCapture"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataVerdict:
    """What is known about each field.

    Attributes:
        fields: Fields of the file, then those of assertions; contradicted ones are never
            left out for want of room.
        findings: What is worth saying about them.
        vouched: Fields of the file inside the hash, or repeated in an assertion.
        unvouched: All other fields of the file.
    """

    fields: tuple[MetadataField, ...] = ()
    findings: tuple[Finding, ...] = ()
    vouched: tuple[RawField, ...] = ()
    unvouched: tuple[RawField, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    raw: RawField
    state: Literal["signed", "unsigned", "contradicts"]
    statement: Statement | None
    is_vouched: bool


def judge_metadata(
    reading: MetadataReading,
    *,
    manifest: Manifest | None,
    covered: bool,
    uncovered: Sequence[ByteRange],
    limits: Limits = DEFAULT_LIMITS,
) -> MetadataVerdict:
    """Which of what the file says about itself does its signer vouch for?

    `contradicts`: a signed statement says something else about the same thing, wherever
    the field stands. `signed`: it stands inside the hash, or a signed statement says the
    same. `unsigned`: neither. A signer vouches for the bytes and statements, which does
    not make them true.

    Args:
        reading: What the file says.
        manifest: The judged manifest, only where its signature and hashes hold.
        covered: Whether the hard binding matches and its coverage is known.
        uncovered: The parts of the file it does not cover.
        limits: `max_metadata_fields`, `max_text_chars`.
    """
    statements = metadata_statements(manifest, limits) if manifest is not None else ()
    about = _by_thing(statements)
    if manifest is not None:
        for statement in _source_types(manifest, limits):
            about.setdefault(SOURCE_TYPE, []).append(statement)
    is_covered = manifest is not None and covered
    judged = [
        _judge(raw, about, is_covered=is_covered and _is_inside(raw.range, uncovered))
        for raw in reading.fields
    ]
    findings = _contradictions(judged, limits)
    if manifest is not None:
        findings += _dates_of_actions(reading.fields, manifest, limits)
        unsigned = sum(item.state == "unsigned" for item in judged)
        if unsigned:
            findings.append(finding(FindingCode.METADATA_UNSIGNED, count=unsigned))
    if reading.unreadable:
        what = [clean_text(text, max_chars=limits.max_text_chars) for text in reading.unreadable]
        findings.append(finding(FindingCode.METADATA_UNREADABLE, what=what))
    findings += _locations(reading.fields, statements)
    return MetadataVerdict(
        fields=_listed(judged, statements, limits),
        findings=tuple(findings),
        vouched=tuple(item.raw for item in judged if item.is_vouched),
        unvouched=tuple(item.raw for item in judged if not item.is_vouched),
    )


def _by_thing(statements: Sequence[Statement]) -> dict[str, list[Statement]]:
    about: dict[str, list[Statement]] = {}
    for statement in statements:
        same = about.setdefault(assertion_thing(statement.name), [])
        if len(same) < _MAX_STATEMENTS_PER_THING:
            same.append(statement)
    return about


def _source_types(manifest: Manifest, limits: Limits) -> list[Statement]:
    """How the content came to be, by the actions; an edit may add to what its creation was."""
    actions = [
        (label, action)
        for label, action in labelled_actions(manifest, limits)
        if action.digital_source_type is not None
    ]
    # Where nothing was created, edits say how they were made, not how the content was.
    if not any(action.action == "c2pa.created" for _, action in actions):
        return []
    return [
        Statement(
            name=SOURCE_TYPE,
            value=action.digital_source_type or "",
            assertion=label,
            created=action.created,
        )
        for label, action in actions[:_MAX_STATEMENTS_PER_THING]
    ]


def _is_inside(where: ByteRange | None, uncovered: Sequence[ByteRange]) -> bool:
    if where is None:
        # A field that could be anywhere is inside only where everything is.
        return not uncovered
    return not any(hole.start < where.end and where.start < hole.end for hole in uncovered)


def _judge(raw: RawField, about: dict[str, list[Statement]], *, is_covered: bool) -> _Judged:
    thing = thing_of(raw.name)
    against: Statement | None = None
    differ = True
    for statement in about.get(thing, ()):
        likeness = _compare(thing, raw, statement)
        if likeness is Likeness.SAME:
            return _Judged(raw, "signed", statement, is_vouched=True)
        differ = differ and likeness is Likeness.DIFFERENT
        against = against or statement
    if against is not None and differ:
        return _Judged(raw, "contradicts", against, is_vouched=is_covered)
    return _Judged(raw, "signed" if is_covered else "unsigned", None, is_vouched=is_covered)


def _compare(thing: str, raw: RawField, statement: Statement) -> Likeness:
    if thing == SOURCE_TYPE:
        terms = source_type_term(raw.value), source_type_term(statement.value)
        if terms[0] is None or terms[1] is None:
            return Likeness.UNCLEAR
        return Likeness.SAME if terms[0] == terms[1] else Likeness.DIFFERENT
    return compare(raw.value, statement.value, may_be_cut=raw.source == "iptc")


def _contradictions(judged: Sequence[_Judged], limits: Limits) -> list[Finding]:
    found = [
        finding(
            FindingCode.METADATA_CONTRADICTS,
            name=item.raw.name,
            file=clean_text(item.raw.value, max_chars=limits.max_text_chars),
            signed=clean_text(item.statement.value, max_chars=limits.max_text_chars),
            assertion=item.statement.assertion,
        )
        for item in judged
        if item.state == "contradicts" and item.statement is not None
    ]
    return found[:_MAX_CONTRADICTIONS]


def _dates_of_actions(
    fields: Sequence[RawField], manifest: Manifest, limits: Limits
) -> list[Finding]:
    """Does the action that says it was captured name another day than the file does?

    Only informational: products write the time of the export as well as that of the
    exposure, and clocks of cameras are set by hand.
    """
    taken = next((f for f in fields if thing_of(f.name) == TAKEN), None)
    moment = read_moment(taken.value) if taken is not None else None
    if taken is None or moment is None:
        return []
    for label, action in labelled_actions(manifest, limits):
        term = source_type_term(action.digital_source_type or "")
        when = read_moment(action.when or "")
        if action.action != "c2pa.created" or term not in _CAPTURES or when is None:
            continue
        if moment.hours_from(when) > _MAX_HOURS_APART:
            noted = finding(
                FindingCode.METADATA_CONTRADICTS,
                name=taken.name,
                file=clean_text(taken.value, max_chars=limits.max_text_chars),
                signed=action.when,
                assertion=label,
            )
            return [noted.model_copy(update={"severity": Severity.INFO})]
    return []


def _locations(fields: Sequence[RawField], statements: Sequence[Statement]) -> list[Finding]:
    names = [field.name for field in fields if is_position(field.name)]
    names += [s.name for s in statements if is_position(s.name)]
    if not names:
        return []
    # Not the place itself: a finding is copied into logs and messages.
    unique = [clean_text(name) for name in dict.fromkeys(names)]
    return [finding(FindingCode.LOCATION_PUBLISHED, names=unique[:_MAX_CONTRADICTIONS])]


def _listed(
    judged: Sequence[_Judged], statements: Sequence[Statement], limits: Limits
) -> tuple[MetadataField, ...]:
    own = [s for s in statements if not is_technical(s.name)]
    room = limits.max_metadata_fields
    # Contradictions first, then half of the room at most for either side, if both need it.
    keep = sorted(range(len(judged)), key=lambda i: judged[i].state != "contradicts")
    kept = set(keep[: max(room - len(own), room // 2 + room % 2)])
    fields = [_field(item, limits) for i, item in enumerate(judged) if i in kept]
    fields += [
        MetadataField(
            name=clean_text(s.name),
            value=clean_text(s.value, max_chars=limits.max_text_chars),
            source="assertion",
            state="signed",
            assertion=s.assertion,
        )
        for s in own[: room - len(fields)]
    ]
    return tuple(fields)


def _field(item: _Judged, limits: Limits) -> MetadataField:
    statement = item.statement
    against = statement.value if statement is not None and item.state == "contradicts" else None
    return MetadataField(
        name=item.raw.name,
        value=clean_text(item.raw.value, max_chars=limits.max_text_chars),
        source=item.raw.source,
        state=item.state,
        against=None if against is None else clean_text(against, max_chars=limits.max_text_chars),
        assertion=statement.assertion if statement is not None else None,
    )
