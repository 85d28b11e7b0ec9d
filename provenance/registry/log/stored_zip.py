"""ZIP files of one fixed form: members stored as they are, in a given order, nothing else.

Any tool can open them. Reading is stricter: a file that this form would not have given,
down to the byte, is refused, so that no two readers see two things in it.

Spec: PKWARE APPNOTE 6.3, §4.3.7 (local header), §4.3.12 (central directory), §4.3.16 (end).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError

__all__ = ["MAX_MEMBER_BYTES", "read_stored_zip", "write_stored_zip"]

# One below what 32 bits hold, with room for what comes after it.
MAX_MEMBER_BYTES = 4 * 1024**3 - 16 * 1024**2
_CHUNK_BYTES = 1024 * 1024
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
# Version 2.0, no flags, stored, 1980-01-01 00:00.
_VERSION, _FLAGS, _METHOD, _TIME, _DATE = 20, 0, 0, 0, 0x21
# Made on Unix; a plain file that everybody may read.
_MADE_BY, _ATTRIBUTES = 3 << 8 | _VERSION, 0o100644 << 16


@dataclass(frozen=True, slots=True)
class _Member:
    name: bytes
    crc: int
    length: int
    offset: int

    @property
    def local(self) -> bytes:
        return _LOCAL.pack(
            b"PK\3\4",
            _VERSION,
            _FLAGS,
            _METHOD,
            _TIME,
            _DATE,
            self.crc,
            self.length,
            self.length,
            len(self.name),
            0,
        )

    @property
    def central(self) -> bytes:
        return (
            _CENTRAL.pack(
                b"PK\1\2",
                _MADE_BY,
                _VERSION,
                _FLAGS,
                _METHOD,
                _TIME,
                _DATE,
                self.crc,
                self.length,
                self.length,
                len(self.name),
                0,
                0,
                0,
                0,
                _ATTRIBUTES,
                self.offset,
            )
            + self.name
        )


def write_stored_zip(stream: BinaryIO, members: Iterable[tuple[str, BinaryIO]]) -> None:
    """Write these members, each read to its end.

    Args:
        stream: Empty, for writing and seeking.
        members: Names in ASCII, with their contents.

    Raises:
        LimitError: A member is too long.
    """
    written = []
    for name, content in members:
        offset = stream.tell()
        member = _Member(name.encode("ascii"), 0, 0, offset)
        stream.write(member.local + member.name)
        crc = length = 0
        while chunk := content.read(_CHUNK_BYTES):
            length += len(chunk)
            if length + offset > MAX_MEMBER_BYTES:
                raise LimitError(f"{name}: expected {MAX_MEMBER_BYTES} bytes at most")
            crc = zlib.crc32(chunk, crc)
            stream.write(chunk)
        member = _Member(member.name, crc, length, offset)
        stream.seek(offset)
        stream.write(member.local)
        stream.seek(offset + _LOCAL.size + len(member.name) + length)
        written.append(member)
    stream.write(_directory(written, stream.tell()))


def read_stored_zip(
    stream: BinaryIO,
    limits: Mapping[str, int],
    take: Callable[[str, bytes], None],
    *,
    where: str,
) -> tuple[str, ...]:
    """Which members are in this file? Their contents are handed on piece by piece.

    Args:
        stream: From its beginning; read once, forwards.
        limits: What members there may be, in their order, and how long each may be.
        take: Called with a member's name and the next piece of it.
        where: What messages call the file.

    Raises:
        MalformedError: It is not of this form.
        LimitError: A member is longer than its limit.
    """
    found: list[_Member] = []
    order = list(limits)
    at = 0
    head = _exactly(stream, 4, where)
    while head == b"PK\3\4":
        header = head + _exactly(stream, _LOCAL.size - 4, where)
        fields = _LOCAL.unpack(header)
        crc, length, name_length = fields[6], fields[7], fields[9]
        name = _exactly(stream, min(name_length, 64), where)
        member = _Member(name, crc, length, at)
        text = name.decode("ascii", "replace")
        if text not in order or member.local != header:
            raise MalformedError(
                f"{where}: expected the next of {', '.join(order)}, stored as it is, "
                f"got {text!r:.80}"
            )
        order = order[order.index(text) + 1 :]
        if length > limits[text]:
            raise LimitError(
                f"{where}: {text}: expected {limits[text]} bytes at most, got {length}"
            )
        if _copy(stream, text, length, take, where) != crc:
            raise MalformedError(f"{where}: {text}: its checksum does not match")
        found.append(member)
        at += _LOCAL.size + len(name) + length
        head = _exactly(stream, 4, where)
    expected = _directory(found, at)
    # One byte more than there may be, to find what is behind the end.
    if head + stream.read(len(expected) - 3) != expected:
        raise MalformedError(f"{where}: its directory is not that of its members")
    return tuple(member.name.decode("ascii") for member in found)


def _directory(members: list[_Member], at: int) -> bytes:
    directory = b"".join(member.central for member in members)
    count = len(members)
    return directory + _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), at, 0)


def _copy(
    stream: BinaryIO, name: str, length: int, take: Callable[[str, bytes], None], where: str
) -> int:
    crc = 0
    while length:
        chunk = stream.read(min(length, _CHUNK_BYTES))
        if not chunk:
            raise MalformedError(f"{where}: {name}: is cut off")
        crc = zlib.crc32(chunk, crc)
        take(name, chunk)
        length -= len(chunk)
    return crc


def _exactly(stream: BinaryIO, count: int, where: str) -> bytes:
    data = b""
    while len(data) < count:
        chunk = stream.read(count - len(data))
        if not chunk:
            raise MalformedError(f"{where}: is cut off, or no bundle")
        data += chunk
    return data
