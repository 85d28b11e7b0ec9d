"""The keys of logs and witnesses: how they are written, named and used.

Spec: c2sp.org/signed-note, "Signatures"; c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from provenance.errors import MalformedError
from provenance.registry.log.checkpoint import parse_checkpoint
from provenance.registry.log.encoding import base64_text, is_key_name, parse_base64

__all__ = [
    "Cosigner",
    "KeyKind",
    "NoteKey",
    "NoteSigner",
    "VerifierKey",
    "cosignature_time",
    "parse_signer_key",
    "parse_verifier_key",
]

_MAX_KEY_CHARS = 4_096
_TIME_BYTES = 8
_ED25519_BYTES = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Later ones are no dates that Python has, and no year that anybody signs in.
_MAX_TIME_S = 253_402_300_799


class KeyKind(IntEnum):
    """What a key signs, and how; the numbers are those of the specification."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44_COSIGNATURE = 0x06


_PUBLIC_BYTES = {
    KeyKind.ED25519: 32,
    KeyKind.ED25519_COSIGNATURE: 32,
    KeyKind.ML_DSA_44_COSIGNATURE: 1_312,
}
_COSIGNATURES = frozenset({KeyKind.ED25519_COSIGNATURE, KeyKind.ML_DSA_44_COSIGNATURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """The public half of a key that signs notes.

    Attributes:
        name: Whose it is; of a log, its origin.
        kind: What it signs, and how.
        public: The public key as its algorithm writes it.
    """

    name: str
    kind: KeyKind
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; no protection against forgery."""
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def is_cosigner(self) -> bool:
        """Is it the key of a witness?"""
        return self.kind in _COSIGNATURES

    @property
    def text(self) -> str:
        """How it is written for those who verify."""
        key = base64_text(bytes([self.kind]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Is this the key's signature over the text of a note?"""
        try:
            if self.kind is KeyKind.ML_DSA_44_COSIGNATURE:
                message, rest = _subtree_message(self.name, text, signature)
                MLDSA44PublicKey.from_public_bytes(self.public).verify(rest, message)
                return True
            rest = signature
            if self.kind is KeyKind.ED25519_COSIGNATURE:
                text, rest = _cosigned_message(text, signature)
            Ed25519PublicKey.from_public_bytes(self.public).verify(rest, text)
        except (InvalidSignature, MalformedError, UnsupportedAlgorithm, ValueError):
            return False
        return True


def parse_verifier_key(text: str, *, where: str) -> VerifierKey:
    """Which key is this, written as NAME+ID+KEY?

    Raises:
        MalformedError: None, or one of a kind that is not used here.
    """
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    kind, public = _parse_key(name, encoded, where=where)
    key = VerifierKey(name=name, kind=kind, public=public)
    if len(public) != _PUBLIC_BYTES[kind]:
        raise MalformedError(
            f"{where}: expected a key of {_PUBLIC_BYTES[kind]} bytes, got {len(public)}"
        )
    if key.key_id.hex() != key_id:
        raise MalformedError(f"{where}: expected the key id {key.key_id.hex()}, got {key_id!r:.20}")
    return key


class NoteSigner(Protocol):
    """Something that signs notes: a key in memory, in a file, in a token."""

    @property
    def key(self) -> VerifierKey:
        """The public half, with the name it signs under."""
        ...

    def sign(self, text: bytes) -> bytes:
        """What is the signature over the text of a note?"""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """An Ed25519 key held in memory; it satisfies `NoteSigner`.

    Attributes:
        name: What it signs under; of a log, its origin.
        private: The private half; never in `repr`.
    """

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        public = self.private.public_key().public_bytes_raw()
        return VerifierKey(name=self.name, kind=KeyKind.ED25519, public=public)

    def sign(self, text: bytes) -> bytes:
        """What is the signature over the text of a note?"""
        return self.private.sign(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigner:
    """A witness's Ed25519 key held in memory.

    Whoever uses it has to have checked the checkpoint against the last one it signed.

    Attributes:
        name: Of the witness.
        private: The private half; never in `repr`.
    """

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        public = self.private.public_key().public_bytes_raw()
        return VerifierKey(name=self.name, kind=KeyKind.ED25519_COSIGNATURE, public=public)

    def cosign(self, text: bytes, *, at: datetime) -> bytes:
        """What is the cosignature over a checkpoint's text, made at this moment?"""
        time = struct.pack(">Q", int((at - _EPOCH).total_seconds()))
        message, _ = _cosigned_message(text, time + bytes(_ED25519_BYTES))
        return time + self.private.sign(message)


def parse_signer_key(text: str, *, where: str) -> NoteKey:
    """Which private key is this, written as PRIVATE+KEY+NAME+ID+KEY?

    Raises:
        MalformedError: None. The message does not repeat it.
    """
    parts = text.split("+", 4)
    if parts[:2] != ["PRIVATE", "KEY"] or len(parts) != 5:
        raise MalformedError(f"{where}: expected PRIVATE+KEY+NAME+ID+KEY")
    _, _, name, key_id, encoded = parts
    try:
        kind, seed = _parse_key(name, encoded, where=where)
    except MalformedError:
        raise MalformedError(f"{where}: expected a private key in base64") from None
    if kind is not KeyKind.ED25519 or len(seed) != 32:
        raise MalformedError(f"{where}: expected an Ed25519 key of 32 bytes")
    key = NoteKey(name=name, private=Ed25519PrivateKey.from_private_bytes(seed))
    if key.key.key_id.hex() != key_id:
        raise MalformedError(f"{where}: expected the key id {key.key.key_id.hex()}")
    return key


def cosignature_time(signature: bytes) -> datetime:
    """When did the witness sign, by its own clock?

    Raises:
        MalformedError: It is no time-stamped signature, or no time that there is.
    """
    if len(signature) <= _TIME_BYTES:
        raise MalformedError(f"cosignature: expected a time first, got {len(signature)} bytes")
    (time_s,) = struct.unpack_from(">Q", signature)
    if time_s > _MAX_TIME_S:
        raise MalformedError(f"cosignature: expected a time before the year 10000, got {time_s}")
    return _EPOCH + timedelta(seconds=time_s)


def _parse_key(name: str, encoded: str, *, where: str) -> tuple[KeyKind, bytes]:
    if not is_key_name(name):
        raise MalformedError(f"{where}: expected NAME+ID+KEY, got {name!r:.80} as the name")
    if len(encoded) > _MAX_KEY_CHARS:
        raise MalformedError(f"{where}: expected {_MAX_KEY_CHARS} characters at most")
    key = parse_base64(encoded, where=where)
    if not key or key[0] not in set(KeyKind):
        kinds = ", ".join(f"0x{kind:02x}" for kind in KeyKind)
        got = f"0x{key[0]:02x}" if key else "none"
        raise MalformedError(f"{where}: expected a key of kind {kinds}, got {got}")
    return KeyKind(key[0]), key[1:]


def _cosigned_message(text: bytes, signature: bytes) -> tuple[bytes, bytes]:
    """What an Ed25519 witness signs, and the signature behind the time."""
    if len(signature) != _TIME_BYTES + _ED25519_BYTES:
        raise MalformedError(f"cosignature: expected 72 bytes, got {len(signature)}")
    (time_s,) = struct.unpack_from(">Q", signature)
    # Nothing but a checkpoint: a witness vouches for no other text.
    parse_checkpoint(text, where="cosigned note")
    return f"cosignature/v1\ntime {time_s}\n".encode() + text, signature[_TIME_BYTES:]


def _subtree_message(name: str, text: bytes, signature: bytes) -> tuple[bytes, bytes]:
    """What an ML-DSA-44 witness signs, and the signature behind the time.

    Spec: c2sp.org/tlog-cosignature, "ML-DSA-44 signed message". Extension lines are
    not among what is signed, so a checkpoint that has some is not covered.
    """
    checkpoint = parse_checkpoint(text, where="cosigned note")
    origin, cosigner = checkpoint.origin.encode(), name.encode()
    if checkpoint.extensions or len(origin) > 255 or len(cosigner) > 255:
        raise MalformedError("cosigned note: has parts that this kind of signature leaves out")
    message = b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(cosigner)]) + cosigner,
            signature[:_TIME_BYTES],
            bytes([len(origin)]) + origin,
            struct.pack(">QQ", 0, checkpoint.size),
            checkpoint.root,
        )
    )
    return message, signature[_TIME_BYTES:]
