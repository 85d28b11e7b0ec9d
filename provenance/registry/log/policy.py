"""Whom to believe about a log: its keys, its witnesses, and how many of them it takes.

Spec: c2sp.org/tlog-policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.checkpoint import Checkpoint, parse_checkpoint
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.keys import (
    KeyKind,
    VerifierKey,
    cosignature_time,
    parse_verifier_key,
)
from provenance.registry.log.note import Note, check_note, parse_note

__all__ = [
    "MAX_POLICY_BYTES",
    "CheckedCheckpoint",
    "Group",
    "Policy",
    "PolicyLog",
    "Witness",
    "check_checkpoint",
    "parse_policy",
    "policy_of",
]

MAX_POLICY_BYTES = 256 * 1024
_MAX_LINES = 4_096
_NONE = "none"
# A log signs plainly, or as cosigners do; Ed25519 cosignatures are for witnesses alone.
_LOG_KINDS = frozenset({KeyKind.ED25519, KeyKind.ML_DSA_44_COSIGNATURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLog:
    """A log that is believed.

    Attributes:
        key: Its key; the name is its origin.
        url: Where it can be read, if the policy says so.
    """

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness that is believed.

    Attributes:
        name: What this policy calls it, and nobody else.
        key: Its key.
        url: Where it takes checkpoints, if the policy says so.
    """

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Witnesses and groups of which so many are enough.

    Attributes:
        name: What this policy calls it.
        threshold: How many members it takes.
        members: Names that were defined before it.
    """

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy that was read and holds together.

    Attributes:
        logs: Any one of them has to have signed.
        witnesses: Those who may count.
        groups: In an order in which none names a later one.
        quorum: Name of the witness or group that is enough, or `none`.
    """

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = _NONE

    @property
    def asks_for_witnesses(self) -> bool:
        """Does it take anybody but the log itself?"""
        return self.quorum != _NONE

    def is_met_by(self, witnesses: Sequence[str]) -> bool:
        """Are these witnesses, by their names here, enough?"""
        if not self.asks_for_witnesses:
            return True
        signed = set(witnesses)
        met = {witness.name: witness.name in signed for witness in self.witnesses}
        for group in self.groups:
            met[group.name] = sum(met[member] for member in group.members) >= group.threshold
        return met[self.quorum]

    @property
    def text(self) -> str:
        """How it is written."""
        lines = [f"log {entry.key.text}{_and_url(entry.url)}" for entry in self.logs]
        lines += [f"witness {w.name} {w.key.text}{_and_url(w.url)}" for w in self.witnesses]
        lines += [f"group {g.name} {g.threshold} {' '.join(g.members)}" for g in self.groups]
        return "".join(f"{line}\n" for line in [*lines, f"quorum {self.quorum}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCheckpoint:
    """A checkpoint that a policy lets count.

    Attributes:
        checkpoint: What it says.
        note: The note with all its signatures.
        log: The log that signed it.
        witnesses: By their names in the policy, when each that signed says it did.
    """

    checkpoint: Checkpoint
    note: Note
    log: PolicyLog
    witnesses: Mapping[str, datetime]


@dataclass
class _Reading:
    logs: list[PolicyLog] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)


def policy_of(key: VerifierKey, *, url: str | None = None) -> Policy:
    """Which policy believes this log without asking a witness?"""
    return Policy(logs=(PolicyLog(key=key, url=url),))


def parse_policy(data: bytes, *, where: str) -> Policy:
    """Which policy is this?

    Raises:
        MalformedError: It is none; the message names the line.
        LimitError: It is too long.
    """
    if len(data) > MAX_POLICY_BYTES:
        raise LimitError(f"{where}: expected {MAX_POLICY_BYTES} bytes at most, got {len(data)}")
    if any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in data):
        raise MalformedError(f"{where}: expected no control characters but tabs and line breaks")
    # Names are octets here, whatever they spell: nothing is normalised.
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) > _MAX_LINES:
        raise LimitError(f"{where}: expected {_MAX_LINES} lines at most, got {len(lines)}")
    reading = _Reading()
    for number, line in enumerate(lines, start=1):
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        if words and not words[0].startswith("#"):
            _read_line(reading, words, f"{where}, line {number}")
    if reading.quorum is None:
        raise MalformedError(f"{where}: expected one quorum line, got none")
    _check_told_apart(reading, where)
    return Policy(
        logs=tuple(reading.logs),
        witnesses=tuple(reading.witnesses),
        groups=tuple(reading.groups),
        quorum=reading.quorum,
    )


def check_checkpoint(data: bytes, policy: Policy, *, where: str) -> CheckedCheckpoint:
    """Which checkpoint is this, if the policy lets it count?

    It says nothing about what is in the tree, nor that it is the newest.

    Raises:
        MalformedError: It is no checkpoint.
        LimitError: It is too long.
        LogProofError: No log of the policy signed it under its own origin, too few witnesses
            did, or a signature of a known key does not verify.
    """
    note = parse_note(data, where=where)
    checkpoint = parse_checkpoint(note.text, where=where)
    keys = [*(log.key for log in policy.logs), *(witness.key for witness in policy.witnesses)]
    signed = dict(check_note(note, keys, where=where))
    logs = [e for e in policy.logs if e.key in signed and e.key.name == checkpoint.origin]
    if not logs:
        raise LogProofError(
            f"{where}: is not signed by a log of the policy under the origin "
            f"{checkpoint.origin!r:.100}"
        )
    witnesses = {
        witness.name: cosignature_time(signed[witness.key].value)
        for witness in policy.witnesses
        if witness.key in signed
    }
    if not policy.is_met_by(tuple(witnesses)):
        got = ", ".join(witnesses) or "none"
        raise LogProofError(
            f"{where}: expected the witnesses that {policy.quorum!r:.60} asks for, got {got}"
        )
    return CheckedCheckpoint(checkpoint=checkpoint, note=note, log=logs[0], witnesses=witnesses)


def _read_line(reading: _Reading, words: Sequence[str], where: str) -> None:
    match words:
        case ["log", text, *url] if len(url) <= 1:
            key = parse_verifier_key(text, where=where)
            if key.kind not in _LOG_KINDS:
                raise MalformedError(f"{where}: expected the key of a log, got a witness's")
            reading.logs.append(PolicyLog(key=key, url=url[0] if url else None))
        case ["witness", name, text, *url] if len(url) <= 1:
            key = parse_verifier_key(text, where=where)
            if not key.is_cosigner:
                raise MalformedError(f"{where}: expected the key of a witness, got a log's")
            _define(reading, name, where)
            reading.witnesses.append(Witness(name=name, key=key, url=url[0] if url else None))
        case ["group", name, threshold, *members] if members:
            _read_group(reading, name, threshold, members, where)
        case ["quorum", name]:
            if reading.quorum is not None:
                raise MalformedError(f"{where}: expected one quorum line, got another")
            if name != _NONE and name not in reading.names:
                raise MalformedError(f"{where}: quorum {name!r:.60} is not defined above")
            reading.quorum = name
        case _:
            raise MalformedError(
                f"{where}: expected log KEY [URL], witness NAME KEY [URL], "
                f"group NAME any|all|K MEMBER... or quorum NAME, got {words[0]!r:.40}"
            )


def _read_group(
    reading: _Reading, name: str, threshold: str, members: Sequence[str], where: str
) -> None:
    for member in members:
        if member not in reading.names:
            raise MalformedError(f"{where}: member {member!r:.60} is not defined above")
        if member in reading.members:
            raise MalformedError(f"{where}: {member!r:.60} is a member twice")
        reading.members.add(member)
    _define(reading, name, where)
    needed = _threshold(threshold, len(members), where)
    reading.groups.append(Group(name=name, threshold=needed, members=tuple(members)))


def _define(reading: _Reading, name: str, where: str) -> None:
    if name == _NONE or name in reading.names:
        raise MalformedError(f"{where}: the name {name!r:.60} is taken")
    reading.names.add(name)


def _threshold(text: str, members: int, where: str) -> int:
    if text in {"any", "all"}:
        return 1 if text == "any" else members
    if not text.isascii() or not text.isdigit() or len(text) > 4 or not 1 <= int(text) <= members:
        raise MalformedError(f"{where}: expected any, all or 1 to {members}, got {text!r:.40}")
    return int(text)


def _check_told_apart(reading: _Reading, where: str) -> None:
    logs = [log.key for log in reading.logs]
    witnesses = [witness.key for witness in reading.witnesses]
    # One key under two names would count as two.
    for what, keys in (("log", logs), ("witness", witnesses)):
        if len({key.public for key in keys}) < len(keys):
            raise MalformedError(f"{where}: two {what} lines have the same key")
    every = logs + witnesses
    if len({(key.name, key.key_id) for key in every}) < len(every):
        raise MalformedError(f"{where}: two keys have the same name and id")


def _and_url(url: str | None) -> str:
    return "" if url is None else f" {url}"
