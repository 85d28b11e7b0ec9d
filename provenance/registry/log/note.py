"""Signed notes: a text, and lines of signatures under it.

Spec: c2sp.org/signed-note.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.encoding import base64_text, is_key_name, parse_base64
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.keys import NoteSigner, VerifierKey

__all__ = [
    "MAX_NOTE_BYTES",
    "Note",
    "NoteSignature",
    "check_note",
    "parse_note",
    "parse_signature_lines",
    "sign_note",
]

# Post-quantum signatures are of about 3 kB; at least 16 have to be accepted.
MAX_NOTE_BYTES = 256 * 1024
_MAX_SIGNATURES = 64
_PREFIX = "\u2014 "


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One line under a note, not checked by itself.

    Attributes:
        name: The key's name.
        key_id: Four bytes that tell its keys apart.
        value: The signature.
    """

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """How it is written."""
        return f"{_PREFIX}{self.name} {base64_text(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text with signatures, of which nothing is known to be right.

    Attributes:
        text: What is signed, with its last line break.
        signatures: In their order.
    """

    text: bytes
    signatures: tuple[NoteSignature, ...]

    @property
    def encoded(self) -> bytes:
        """The whole note."""
        return self.text + b"\n" + "".join(s.line for s in self.signatures).encode()

    def with_signatures(self, more: Sequence[NoteSignature]) -> Note:
        """The same note with these lines added; a line of the same key is replaced."""
        new = {(signature.name, signature.key_id) for signature in more}
        kept = [s for s in self.signatures if (s.name, s.key_id) not in new]
        return replace(self, signatures=(*kept, *more))


def parse_note(data: bytes, *, where: str) -> Note:
    """Which text and which signatures are in this note?

    Raises:
        MalformedError: It is none.
        LimitError: It is too long, or has too many signatures.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise LimitError(f"{where}: expected {MAX_NOTE_BYTES} bytes at most, got {len(data)}")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{where}: expected UTF-8: {error.reason}") from error
    if any(c < " " and c != "\n" for c in whole):
        raise MalformedError(f"{where}: expected no control characters but line breaks")
    text, found, lines = whole.rpartition("\n\n")
    if not found or not lines:
        raise MalformedError(f"{where}: expected an empty line and then signatures, got none")
    signatures = parse_signature_lines(lines, where=where)
    return Note(text=f"{text}\n".encode(), signatures=signatures)


def parse_signature_lines(lines: str, *, where: str) -> tuple[NoteSignature, ...]:
    """Which signatures are in these lines, each with its line break?

    Raises:
        MalformedError: A line is none.
        LimitError: There are too many.
    """
    if not lines.endswith("\n"):
        raise MalformedError(f"{where}: expected a line break after the last signature")
    found = lines[:-1].split("\n")
    if len(found) > _MAX_SIGNATURES:
        raise LimitError(
            f"{where}: expected {_MAX_SIGNATURES} signatures at most, got {len(found)}"
        )
    return tuple(_parse_line(line, where=where) for line in found)


def sign_note(text: bytes, signers: Sequence[NoteSigner]) -> Note:
    """Which note do these signers make of this text?"""
    signatures = tuple(
        NoteSignature(name=s.key.name, key_id=s.key.key_id, value=s.sign(text)) for s in signers
    )
    return Note(text=text, signatures=signatures)


def check_note(
    note: Note, keys: Collection[VerifierKey], *, where: str
) -> tuple[tuple[VerifierKey, NoteSignature], ...]:
    """Which of these keys have signed the note? One entry for each that did.

    Signatures of other keys say nothing and are passed over. One that names a known key
    and does not verify condemns the note, whatever else is right about it.

    Raises:
        LogProofError: A known key's signature does not verify.
    """
    by_name = {(key.name, key.key_id): key for key in keys}
    found: dict[VerifierKey, NoteSignature] = {}
    for signature in note.signatures:
        key = by_name.get((signature.name, signature.key_id))
        if key is None or key in found:
            continue
        if not key.verify(note.text, signature.value):
            raise LogProofError(
                f"{where}: the signature of {key.name} ({key.key_id.hex()}) does not verify"
            )
        found[key] = signature
    return tuple(found.items())


def _parse_line(line: str, *, where: str) -> NoteSignature:
    if not line.startswith(_PREFIX):
        raise MalformedError(f"{where}: expected a line of a signature, got {line!r:.60}")
    name, _, encoded = line.removeprefix(_PREFIX).partition(" ")
    if not is_key_name(name):
        raise MalformedError(f"{where}: signature: expected the name of a key, got {name!r:.60}")
    value = parse_base64(encoded, where=f"{where}: signature of {name!r:.60}")
    if len(value) < 5:
        raise MalformedError(f"{where}: signature of {name!r:.60}: expected more than a key id")
    return NoteSignature(name=name, key_id=value[:4], value=value[4:])
