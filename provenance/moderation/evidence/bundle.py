"""Everything that proves what was done in a case, in one file that is checked offline.

A ZIP file of one fixed form (`registry.log.stored_zip`), with these members, in this order:

    seal.jws        the service's signature over the digests of the next two
    manifest.json   name, digest and length of every member after them
    manifest.tst    optional: an RFC 3161 token over manifest.json
    case.json       the case, its subjects by digest, decisions, actions and appeals
    audit.jsonl     the entries of the audit about it
    report-NNN.json the machine's reports
    statement-NNN.txt statements of reasons to the public
    log-NNN.zip     for a subject that is or resembles a registered release: its log bundle
    file-NNN        optional: a file itself; without it, its digest is in case.json

The same parts give the same bytes. Every byte of the file is covered: by the form, by the
signature, or by a digest that is signed. Files of restricted cases are never put in.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

import rfc8785
from pydantic import BaseModel

from provenance.errors import ConflictError
from provenance.jws.keys import ServiceKey, seal_statement
from provenance.moderation.evidence.documents import (
    AuditLine,
    EvidenceCase,
    EvidenceManifest,
    EvidenceMember,
    EvidenceSeal,
)
from provenance.moderation.vocabulary import Queue
from provenance.registry.log.stored_zip import MAX_MEMBER_BYTES, write_stored_zip

__all__ = [
    "MANIFEST",
    "MAX_MANIFEST_BYTES",
    "MAX_SEAL_BYTES",
    "MAX_STAMP_BYTES",
    "MEMBER_NAME",
    "SEAL",
    "SEAL_KIND",
    "STAMP",
    "EvidenceFile",
    "EvidenceParts",
    "write_evidence",
]

SEAL, MANIFEST, STAMP = "seal.jws", "manifest.json", "manifest.tst"
SEAL_KIND = "provenance-evidence+jws"
MAX_SEAL_BYTES, MAX_MANIFEST_BYTES, MAX_STAMP_BYTES = 4096, 4 * 1024**2, 256 * 1024
MEMBER_NAME = re.compile(
    r"case\.json|audit\.jsonl|report-\d{3}\.json|statement-\d{3}\.txt|log-\d{3}\.zip|file-\d{3}"
)
_MOST_OF_A_KIND = 1000
_CHUNK_BYTES = 1024 * 1024

Stamper = Callable[[bytes], bytes]
"""Gets an RFC 3161 token (DER) over these bytes from an authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A file of the case.

    Attributes:
        subject: Id of the subject it is.
        stream: Its bytes, from the beginning and seekable.
    """

    subject: str
    stream: BinaryIO = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceParts:
    """What goes into a bundle.

    Attributes:
        case: The case and what was decided.
        audit: Entries about it, in their order.
        reports: The machine's reports, by id of the subject.
        statements: Statements of reasons as the public has them.
        logs: Log bundles, by id of the subject.
        files: The files themselves, as far as they are to be inside.
    """

    case: EvidenceCase
    audit: Sequence[AuditLine] = ()
    reports: Mapping[str, bytes] = field(default_factory=dict)
    statements: Sequence[str] = ()
    logs: Mapping[str, bytes] = field(default_factory=dict)
    files: Sequence[EvidenceFile] = ()


def write_evidence(
    stream: BinaryIO,
    parts: EvidenceParts,
    *,
    key: ServiceKey,
    issuer: str,
    made_at: datetime,
    test: bool = False,
    stamper: Stamper | None = None,
) -> EvidenceManifest:
    """Write a bundle, and say what is in it.

    Args:
        stream: Empty, for writing and seeking.
        parts: What goes in.
        key: Whose word it is.
        issuer: The address of the service.
        made_at: The time.
        test: Whether the service is in test mode.
        stamper: Asked for a time-stamp over the manifest, where there is an authority.

    Raises:
        ConflictError: A file of a restricted case was to go in, a file is not the one that
            the case is about, or there are too many members.
        LimitError: A file is too long.
        ProvenanceError: Whatever `stamper` raises where it gets none.
    """
    restricted = parts.case.queue is Queue.RESTRICTED
    if restricted and parts.files:
        raise ConflictError(
            f"evidence of case {parts.case.id}: files of restricted cases are never put in"
        )
    digests = {subject.id: subject.sha256 for subject in parts.case.subjects}
    contents: list[tuple[str, BinaryIO]] = []
    members: list[EvidenceMember] = []
    for kind, name, subject, content in _members(parts):
        digest, size = _digest(content)
        if kind == "file" and digest != digests.get(subject or ""):
            raise ConflictError(
                f"evidence of case {parts.case.id}: {name}: expected the bytes of subject "
                f"{subject}, got others (SHA-256 {digest})"
            )
        members.append(
            EvidenceMember.model_validate(
                {
                    "name": name,
                    "kind": kind,
                    "sha256": digest,
                    "size_bytes": size,
                    "subject": subject,
                }
            )
        )
        contents.append((name, content))
    manifest = EvidenceManifest(
        case=parts.case.id,
        made_at=made_at,
        issuer=issuer,
        test=test,
        restricted=restricted,
        members=tuple(members),
    )
    encoded = canonical(manifest)
    token = None if stamper is None else stamper(encoded)
    seal = EvidenceSeal(
        manifest_sha256=sha256(encoded).hexdigest(),
        time_stamp_sha256=None if token is None else sha256(token).hexdigest(),
    )
    signed = seal_statement(canonical(seal), key, kind=SEAL_KIND).encode("ascii")
    head = [(SEAL, signed), (MANIFEST, encoded), *([] if token is None else [(STAMP, token)])]
    write_stored_zip(stream, [*((name, io.BytesIO(data)) for name, data in head), *contents])
    return manifest


def canonical(document: BaseModel) -> bytes:
    """The one way in which this document is written (RFC 8785)."""
    return rfc8785.dumps(document.model_dump(mode="json"))


def _members(parts: EvidenceParts) -> Iterator[tuple[str, str, str | None, BinaryIO]]:
    """Kind, name, subject and content of every member, in their order."""
    yield "case", "case.json", None, io.BytesIO(canonical(parts.case))
    lines = b"".join(canonical(line) + b"\n" for line in parts.audit)
    yield "audit", "audit.jsonl", None, io.BytesIO(lines)
    for number, (subject, data) in enumerate(sorted(parts.reports.items())):
        yield "report", f"report-{_number(number)}.json", subject, io.BytesIO(data)
    for number, text in enumerate(parts.statements):
        content = io.BytesIO(text.encode("utf-8"))
        yield "statement", f"statement-{_number(number)}.txt", None, content
    for number, (subject, data) in enumerate(sorted(parts.logs.items())):
        yield "log", f"log-{_number(number)}.zip", subject, io.BytesIO(data)
    for number, file in enumerate(parts.files):
        yield "file", f"file-{_number(number)}", file.subject, file.stream


def _number(number: int) -> str:
    if number >= _MOST_OF_A_KIND:
        raise ConflictError(f"evidence: expected {_MOST_OF_A_KIND} members of a kind at most")
    return f"{number:03}"


def _digest(content: BinaryIO) -> tuple[str, int]:
    digest, size = sha256(), 0
    content.seek(0)
    while chunk := content.read(_CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        if size > MAX_MEMBER_BYTES:
            break  # the writer refuses it, and says so
    content.seek(0)
    return digest.hexdigest(), size
