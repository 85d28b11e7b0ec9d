"""A file with what is kept of it, as lines: from who reads it to who states it.

    {"stated": {"file": {...}, "why_not": [...]}}    first: what is stated of it
    {"manifest": {...}}, {"file": {...}}, {"reference": {...}}    as in an exported register

Whoever wrote them has met a stranger's bytes: everything is looked at again here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provenance.errors import RegisterError
from provenance.fingerprints.model import MediaFingerprint, Reference
from provenance.registry.log.statement import ReleaseFile, canonical_json, validation_text
from provenance.registry.register.checking import label_of_store
from provenance.registry.register.packed_codes import pack_codes, strangers_codes
from provenance.registry.register.records import FileFacts
from provenance.registry.register.stating import StatedFile
from provenance.registry.register.transfer_lines import (
    FileLine,
    ManifestLine,
    ReferenceLine,
    encode_line,
    means_something,
    parse_line,
    reference_of,
)
from provenance.untrusted import clean_text

__all__ = ["ReadStated", "read_stated", "write_stated"]

_MAX_REASONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStated:
    """A file that was read for the register.

    Attributes:
        stated: What is stated and kept of it.
        why_not: What of its fingerprint could not be made, and why.
    """

    stated: StatedFile
    why_not: tuple[str, ...]


class _FirstLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: ReleaseFile
    why_not: Annotated[tuple[str, ...], Field(strict=False, max_length=_MAX_REASONS)] = ()


def write_stated(entry: StatedFile, *, why_not: Sequence[str] = ()) -> bytes:
    """How is this file written as lines?

    Raises:
        RegisterError: Its codes cannot be stored.
    """
    facts, made = entry.facts, entry.facts.fingerprint
    first = _FirstLine(file=entry.file, why_not=tuple(why_not)[:_MAX_REASONS])
    lines = [canonical_json({"stated": first.model_dump(mode="json", exclude_none=True)}) + b"\n"]
    if facts.manifest is not None:
        digest = sha256(facts.manifest).hexdigest()
        lines.append(encode_line(ManifestLine(sha256=digest, store=facts.manifest)))
    line = FileLine(
        sha256=facts.sha256,
        title=dict(facts.title),
        channels=facts.channels,
        codes=None if made is None else pack_codes(made.codes),
        duration_ms=None if made is None else made.duration_ms,
    )
    lines.append(encode_line(line))
    for one in made.references if made else ():
        reference = ReferenceLine(
            sha256=facts.sha256,
            kind=one.kind,
            data=one.data,
            at_ms=one.at_ms,
            width=one.width,
            height=one.height,
        )
        lines.append(encode_line(reference))
    return b"".join(lines)


def read_stated(data: bytes, *, where: str) -> ReadStated:
    """Which file do these lines tell of?

    Args:
        data: Lines that `write_stated` may have written.
        where: What errors call the file.

    Raises:
        RegisterError: It did not write them, or they contradict themselves.
    """
    head, newline, rest = data.partition(b"\n")
    first = _first(head, where)
    digest = first.file.sha256
    manifest: bytes | None = None
    kept: FileLine | None = None
    references: list[Reference] = []
    if not newline or (rest and not rest.endswith(b"\n")):
        raise RegisterError(f"{where}: its lines break off")
    for text in rest.splitlines(keepends=True):
        match parse_line(text, where=where):
            case ManifestLine() as line if manifest is None:
                manifest = line.store
            case FileLine() as line if kept is None and line.sha256 == digest:
                kept = line
            case ReferenceLine() as line if line.sha256 == digest:
                references.append(_reference(line, where))
            case line:
                raise RegisterError(f"{where}: a line that is not about it: {type(line).__name__}")
    if kept is None:
        raise RegisterError(f"{where}: nothing says what is kept of it")
    if manifest is None or sha256(manifest).hexdigest() != first.file.manifest_sha256:
        raise RegisterError(f"{where}: its manifest is not the one that is stated")
    if label_of_store(manifest, where=where) != first.file.active_manifest:
        raise RegisterError(f"{where}: its active manifest is not the one that is stated")
    fingerprint = None
    if kept.codes is not None:
        fingerprint = MediaFingerprint(
            codes=strangers_codes(kept.codes, where=where),
            references=tuple(references),
            duration_ms=kept.duration_ms,
        )
    facts = FileFacts(
        sha256=digest,
        manifest=manifest,
        title=kept.title,
        channels=kept.channels,
        fingerprint=fingerprint,
    )
    return ReadStated(
        stated=StatedFile(file=first.file, facts=facts),
        why_not=tuple(clean_text(reason) for reason in first.why_not),
    )


def _first(head: bytes, where: str) -> _FirstLine:
    try:
        document = json.loads(head)
        ((name, content),) = document.items()
    except (ValueError, AttributeError, RecursionError) as error:
        raise RegisterError(f"{where}: expected what is stated of it") from error
    if name != "stated":
        raise RegisterError(f"{where}: expected what is stated of it, got {name!r:.40}")
    try:
        return _FirstLine.model_validate(content)
    except ValidationError as error:
        raise RegisterError(f"{where}: {validation_text(error)}") from error


def _reference(line: ReferenceLine, where: str) -> Reference:
    reference = reference_of(line)
    if not means_something(reference):
        raise RegisterError(f"{where}: {line.kind} that no look for resemblances could use")
    return reference
