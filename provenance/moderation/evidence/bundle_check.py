"""What does an evidence bundle prove, by the keys and lists of whoever asks?"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import BinaryIO, NoReturn

from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, ValidationError

from provenance.errors import LimitError, MalformedError
from provenance.jws.keys import open_statement
from provenance.moderation.evidence.bundle import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    MAX_SEAL_BYTES,
    MAX_STAMP_BYTES,
    MEMBER_NAME,
    SEAL,
    SEAL_KIND,
    STAMP,
    canonical,
)
from provenance.moderation.evidence.documents import (
    AuditLine,
    EvidenceCase,
    EvidenceDecision,
    EvidenceManifest,
    EvidenceSeal,
)
from provenance.moderation.model import AuditEvent
from provenance.registry.log.stored_zip import MAX_MEMBER_BYTES, read_stored_zip
from provenance.trust.timestamps import TimeStampChecker, TimeStampState

__all__ = ["CheckState", "EvidenceCheck", "EvidenceReport", "LogCheck", "check_evidence"]

_HEADER_BYTES = 30
_MAX_TEXT_BYTES = 64 * 1024**2
_MAX_MEMBERS = 5000
# Kept whole, to be looked into; files are only measured.
_READ = frozenset({"case", "audit", "log"})

LogCheck = Callable[[bytes, str, str | None], tuple["CheckState", str]]
"""Checks a log bundle (its bytes, its name, the digest of the file it is to be about)."""


class CheckState(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class EvidenceCheck(BaseModel):
    """One check: what it is called, what became of it, and what it showed or why it did not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    state: CheckState
    text: str


# Without these a bundle shows nothing.
_NEEDED = frozenset({"form", "signature", "members", "case", "audit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceReport:
    """What a bundle proves. It cannot show what was decided after it was made.

    Attributes:
        checks: One for each question, in a fixed order.
        manifest: What is in it, where that could be read.
        case: The case, where that could be read.
    """

    checks: tuple[EvidenceCheck, ...]
    manifest: EvidenceManifest | None = None
    case: EvidenceCase | None = None

    @property
    def is_refuted(self) -> bool:
        """Did a check fail?"""
        return any(check.state is CheckState.FAILED for check in self.checks)

    @property
    def is_proven(self) -> bool:
        """Did none fail, and every one run without which it proves nothing?"""
        passed = {check.name for check in self.checks if check.state is CheckState.PASSED}
        return not self.is_refuted and passed >= _NEEDED

    def __bool__(self) -> NoReturn:
        raise TypeError("a report is neither true nor false: look at its checks")


class EvidenceAnswer(BaseModel):
    """What `provenance evidence verify --json` prints."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    result: CheckState
    checks: tuple[EvidenceCheck, ...]
    manifest: EvidenceManifest | None


class _Refuted(Exception):  # noqa: N818 - it is an answer
    """Nothing after this can be looked at."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.check = EvidenceCheck(name=name, state=CheckState.FAILED, text=text)


@dataclass(slots=True)
class _Contents:
    manifest: EvidenceManifest
    seal: bytes
    encoded: bytes
    stamp: bytes | None
    digests: dict[str, tuple[str, int]]
    read: dict[str, bytes]


def check_evidence(
    stream: BinaryIO,
    *,
    keys: KeySet | None,
    event_digest: Callable[[AuditEvent], str],
    time_stamps: TimeStampChecker | None = None,
    log_check: LogCheck | None = None,
    where: str,
) -> EvidenceReport:
    """What does this bundle prove?

    1. Its form: one of ours, to the last byte.
    2. The signature over the manifest, by a key of whoever asks.
    3. Every member against its digest in the manifest.
    4. No file of a restricted case.
    5. The case: its decisions are one chain, and every action has a decision.
    6. The entries of the audit: each digest, and the links between neighbours.
    7. The time-stamp, and the log bundles.

    Args:
        stream: The bundle, seekable.
        keys: Whose word counts; None: that stays open.
        event_digest: The digest that an entry of the audit has to have.
        time_stamps: Whose time-stamps count.
        log_check: Checks log bundles, by the policy of whoever asks.
        where: What messages call the bundle.
    """
    try:
        contents = _read(stream, where)
    except _Refuted as refuted:
        return EvidenceReport(checks=(refuted.check,))
    manifest = contents.manifest
    checks = [
        _passed("form", f"holds {len(manifest.members)} members, and nothing else"),
        _signature(contents, keys),
        _member_digests(contents),
        _restricted(manifest),
    ]
    case, about_case = _case(contents)
    checks.append(about_case)
    checks.append(_audit(contents, event_digest))
    checks += _time(contents, time_stamps)
    checks += _logs(contents, case, log_check)
    return EvidenceReport(checks=tuple(checks), manifest=manifest, case=case)


def _read(stream: BinaryIO, where: str) -> _Contents:
    """The members, as the manifest lists them. Nothing but the form is checked."""
    try:
        seal = _peek(stream, 0, SEAL, MAX_SEAL_BYTES, where)
        at = _HEADER_BYTES + len(SEAL) + len(seal)
        encoded = _peek(stream, at, MANIFEST, MAX_MANIFEST_BYTES, where)
    except (MalformedError, LimitError) as error:
        raise _Refuted("form", str(error)) from error
    limits = {SEAL: MAX_SEAL_BYTES, MANIFEST: MAX_MANIFEST_BYTES, STAMP: MAX_STAMP_BYTES}
    try:
        manifest = EvidenceManifest.model_validate_json(encoded)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _Refuted("form", f"{where}: {MANIFEST}: {place}: {first['msg']}") from error
    names = [member.name for member in manifest.members]
    kinds = {member.name: member.kind for member in manifest.members}
    if len(kinds) != len(names) or len(names) > _MAX_MEMBERS:
        raise _Refuted("form", f"{where}: {MANIFEST}: expected each member once")
    for name, kind in kinds.items():
        if not MEMBER_NAME.fullmatch(name) or name.partition("-")[0].partition(".")[0] != kind:
            raise _Refuted("form", f"{where}: {MANIFEST}: no name of a {kind}: {name!r:.70}")
        limits[name] = MAX_MEMBER_BYTES if kind == "file" else _MAX_TEXT_BYTES
    hashes = {name: sha256() for name in limits}
    sizes = dict.fromkeys(limits, 0)
    read: dict[str, bytearray] = {}

    def take(name: str, piece: bytes) -> None:
        hashes[name].update(piece)
        sizes[name] += len(piece)
        if name == STAMP or kinds.get(name) in _READ:
            read.setdefault(name, bytearray()).extend(piece)

    stream.seek(0)
    try:
        found = read_stored_zip(stream, limits, take, where=where)
    except (MalformedError, LimitError) as error:
        raise _Refuted("form", str(error)) from error
    missing = set(names) - set(found)
    if missing:
        raise _Refuted("form", f"{where}: expected {min(missing)} in it, got none")
    return _Contents(
        manifest=manifest,
        seal=seal,
        encoded=encoded,
        stamp=bytes(read.get(STAMP, b"")) if STAMP in found else None,
        digests={name: (hashes[name].hexdigest(), sizes[name]) for name in found},
        read={name: bytes(read.get(name, b"")) for name in found if kinds.get(name) in _READ},
    )


def _peek(stream: BinaryIO, at: int, name: str, limit: int, where: str) -> bytes:
    """The member that has to begin here; its form is checked later with all others."""
    stream.seek(at)
    header = stream.read(_HEADER_BYTES)
    encoded = name.encode("ascii")
    if len(header) < _HEADER_BYTES or header[:4] != b"PK\3\4" or stream.read(len(name)) != encoded:
        raise MalformedError(f"{where}: expected {name} at byte {at}: is cut off, or no bundle")
    (length,) = struct.unpack_from("<L", header, 22)
    if length > limit:
        raise LimitError(f"{where}: {name}: expected {limit} bytes at most, got {length}")
    return stream.read(length)


def _signature(contents: _Contents, keys: KeySet | None) -> EvidenceCheck:
    if keys is None:
        return _not_checked("signature", "no key was given")
    token = contents.seal.decode("ascii", "replace")
    fault = _seal_fault(contents, token, keys)
    if fault is not None:
        return _failed("signature", fault)
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "==")).get("kid")
    return _passed("signature", f"is over this manifest, by the key {kid}")


def _seal_fault(contents: _Contents, token: str, keys: KeySet) -> str | None:
    if not all(map(_is_canonical, token.split("."))):
        return f"{SEAL}: is not written in its one way (RFC 7515 §2)"
    payload = open_statement(token, keys, kind=SEAL_KIND)
    if payload is None:
        return f"{SEAL}: none of these keys signed it"
    # What a holder of the key signed as a seal is one.
    seal = EvidenceSeal.model_validate_json(payload)
    stamp = None if contents.stamp is None else sha256(contents.stamp).hexdigest()
    if sha256(contents.encoded).hexdigest() != seal.manifest_sha256:
        return f"{MANIFEST}: is not the one that was signed"
    if stamp != seal.time_stamp_sha256:
        return f"{STAMP}: is not the one that was signed"
    if canonical(contents.manifest) != contents.encoded:
        return f"{MANIFEST}: is not written in its one way (RFC 8785)"
    return None


def _is_canonical(part: str) -> bool:
    """Is there no other spelling of the same bytes? The last character has bits to spare."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return False
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") == part


def _member_digests(contents: _Contents) -> EvidenceCheck:
    for member in contents.manifest.members:
        digest, size = contents.digests[member.name]
        if (digest, size) != (member.sha256, member.size_bytes):
            return _failed(
                "members",
                f"{member.name}: expected SHA-256 {member.sha256} ({member.size_bytes} bytes), "
                f"got {digest} ({size} bytes)",
            )
    kinds = {member.kind for member in contents.manifest.members}
    if not kinds >= {"case", "audit"}:
        return _failed("members", "expected case.json and audit.jsonl among them")
    return _passed("members", "every member has the digest that the manifest lists")


def _restricted(manifest: EvidenceManifest) -> EvidenceCheck:
    inside = [member.name for member in manifest.members if member.kind == "file"]
    if manifest.restricted and inside:
        return _failed("restricted", f"{inside[0]}: a file of a restricted case is inside")
    if manifest.restricted:
        return _passed("restricted", "holds no file of this restricted case")
    return _passed("restricted", "the case is not restricted")


def _case(contents: _Contents) -> tuple[EvidenceCase | None, EvidenceCheck]:
    try:
        case = EvidenceCase.model_validate_json(contents.read.get("case.json", b""))
    except ValidationError:
        return None, _failed("case", "case.json: does not keep to its schema")
    wrong = next(_faults(case, contents.manifest), None)
    if wrong is not None:
        return case, _failed("case", f"case.json: {wrong}")
    count = len(case.decisions)
    return case, _passed("case", f"{case.id}: {count} decision(s), each on the one before")


def _faults(case: EvidenceCase, manifest: EvidenceManifest) -> Iterator[str]:
    if case.id != manifest.case:
        yield f"expected case {manifest.case}, got {case.id}"
    if (case.queue.value == "restricted") is not manifest.restricted:
        yield f"expected a case whose queue is that of the manifest, got {case.queue.value}"
    subjects = {subject.id: subject.sha256 for subject in case.subjects}
    for member in manifest.members:
        if member.kind == "file" and subjects.get(member.subject or "") != member.sha256:
            yield f"{member.name} is not the file of subject {member.subject}"
    yield from _chain_faults(case.decisions)
    decided = {decision.id for decision in case.decisions}
    for action in case.actions:
        if action.decision not in decided:
            yield f"action {action.id} has no decision"
    for appeal in case.appeals:
        makers = {
            person
            for decision in case.decisions
            if decision.id != appeal.new_decision
            for person in (decision.maker, decision.second)
        }
        if appeal.reviewer is not None and appeal.reviewer in makers:
            yield f"appeal {appeal.id} was decided by who had decided before"


def _chain_faults(decisions: Sequence[EvidenceDecision]) -> Iterator[str]:
    seen: set[str] = set()
    for decision in decisions:
        if decision.id in seen:
            yield f"decision {decision.id} is there twice"
        if decision.supersedes is not None and decision.supersedes not in seen:
            yield f"decision {decision.id} replaces {decision.supersedes}, which is not before it"
        if not decision.policies or not decision.facts.strip() or not decision.maker:
            yield f"decision {decision.id} lacks its policy, facts or maker"
        seen.add(decision.id)


def _audit(contents: _Contents, event_digest: Callable[[AuditEvent], str]) -> EvidenceCheck:
    before: AuditLine | None = None
    about, count, of_it = f"case:{contents.manifest.case}", 0, 0
    for number, line in enumerate(contents.read.get("audit.jsonl", b"").splitlines(), 1):
        try:
            entry = AuditLine.model_validate_json(line)
        except ValidationError:
            return _failed("audit", f"audit.jsonl: line {number}: is no entry")
        if event_digest(AuditEvent(**entry.model_dump())) != entry.sha256:
            return _failed("audit", f"audit.jsonl: entry {entry.seq}: its digest does not match")
        if before is not None and entry.seq <= before.seq:
            return _failed("audit", f"audit.jsonl: entry {entry.seq} comes after {before.seq}")
        if before is not None and entry.seq == before.seq + 1 and entry.prev != before.sha256:
            return _failed(
                "audit", f"audit.jsonl: entry {entry.seq} does not continue {before.seq}"
            )
        before, count = entry, count + 1
        of_it += entry.object == about
    # Every case was opened at least: an extract without that is no extract of it.
    if not of_it:
        return _failed("audit", f"audit.jsonl: expected entries about {about}, got none")
    return _passed("audit", f"{count} entries, each with its digest")


def _time(contents: _Contents, time_stamps: TimeStampChecker | None) -> Iterator[EvidenceCheck]:
    if contents.stamp is None:
        yield _not_checked("time", "the bundle has no time-stamp")
        return
    if time_stamps is None:
        yield _not_checked("time", "no list of time-stamp authorities was given")
        return
    answer = time_stamps.check(contents.stamp, contents.encoded)
    if answer.state is TimeStampState.TRUSTED and answer.at is not None:
        at = answer.at.isoformat().replace("+00:00", "Z")
        yield _passed("time", f"{answer.trust_list}: the manifest existed at {at}")
    elif answer.state is TimeStampState.INVALID:
        yield _failed("time", f"{STAMP}: {answer.why}")
    else:
        yield _not_checked("time", f"{STAMP}: {answer.why}")


def _logs(
    contents: _Contents, case: EvidenceCase | None, log_check: LogCheck | None
) -> Iterator[EvidenceCheck]:
    subjects = {} if case is None else {subject.id: subject for subject in case.subjects}
    for member in contents.manifest.members:
        if member.kind != "log":
            continue
        if log_check is None:
            yield _not_checked("log", f"{member.name}: no policy about logs was given")
            continue
        subject = subjects.get(member.subject or "")
        # A release that the subject only resembles has other bytes.
        own = subject is not None and subject.verdict in {"official", "official-withdrawn"}
        digest = subject.sha256 if own and subject is not None else None
        state, text = log_check(contents.read[member.name], member.name, digest)
        yield EvidenceCheck(name="log", state=state, text=text)


def _passed(name: str, text: str) -> EvidenceCheck:
    return EvidenceCheck(name=name, state=CheckState.PASSED, text=text)


def _failed(name: str, text: str) -> EvidenceCheck:
    return EvidenceCheck(name=name, state=CheckState.FAILED, text=text)


def _not_checked(name: str, text: str) -> EvidenceCheck:
    return EvidenceCheck(name=name, state=CheckState.NOT_CHECKED, text=text)
