"""All codes of one asset as one piece of CBOR, in columns.

A search is made of columns: the bits of one algorithm lie in one piece, ready to scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cbor2

from provenance.errors import RegisterError
from provenance.fingerprints.model import CODE_BYTES, Algorithm, Code

__all__ = [
    "MAX_AT_MS",
    "MAX_CODES",
    "CodeColumns",
    "pack_codes",
    "strangers_codes",
    "unpack_codes",
]

MAX_CODES = 100_000
"""Codes of a concert of eight hours: one for each second, of picture and of sound."""

MAX_AT_MS = 2**31 - 1
"""Latest moment that a code may begin at, 24 days: a search keeps it in 32 bits. One code beyond
would stop the search in all others."""


@dataclass(frozen=True, slots=True)
class CodeColumns:
    """The codes of one algorithm of one asset, one after the other.

    Attributes:
        algorithm: What they were made with.
        bits: 32 bytes for each.
        qualities: One byte for each.
        views: Their names.
        at_ms: Where each begins; None throughout for a picture.
    """

    algorithm: Algorithm
    bits: bytes
    qualities: bytes
    views: tuple[str, ...]
    at_ms: tuple[int | None, ...]

    def __len__(self) -> int:
        return len(self.qualities)

    def codes(self) -> Iterator[Code]:
        """The same, one by one."""
        for number, quality in enumerate(self.qualities):
            start = number * CODE_BYTES
            yield Code(
                algorithm=self.algorithm,
                bits=self.bits[start : start + CODE_BYTES],
                view=self.views[number],
                quality=quality,
                at_ms=self.at_ms[number],
            )


def pack_codes(codes: Sequence[Code]) -> bytes:
    """How are these codes stored? Those of one algorithm come together.

    Raises:
        RegisterError: There are more than `MAX_CODES`, or one cannot be stored.
    """
    if len(codes) > MAX_CODES:
        raise RegisterError(f"codes: expected {MAX_CODES} at most, got {len(codes)}")
    columns: dict[Algorithm, list[Code]] = {}
    for code in codes:
        if not 0 <= code.quality <= 100:
            raise RegisterError(f"codes: expected a quality of 0 to 100, got {code.quality}")
        if not _is_moment(code.at_ms):
            raise RegisterError(f"codes: expected a moment of 0 to {MAX_AT_MS}, got {code.at_ms}")
        columns.setdefault(code.algorithm, []).append(code)
    rows = []
    for algorithm, found in columns.items():
        names = list(dict.fromkeys(code.view for code in found))
        numbers = {name: number for number, name in enumerate(names)}
        rows.append(
            [
                algorithm.value,
                b"".join(code.bits for code in found),
                bytes(code.quality for code in found),
                names,
                [numbers[code.view] for code in found],
                [code.at_ms for code in found],
            ]
        )
    return cbor2.dumps(rows)


def unpack_codes(data: bytes, *, where: str) -> tuple[CodeColumns, ...]:
    """Which codes are stored here?

    Raises:
        RegisterError: None that can be read.
    """
    try:
        rows = cbor2.loads(data)
        columns = tuple(
            CodeColumns(
                Algorithm(algorithm), bits, qualities, tuple(names[n] for n in views), tuple(at_ms)
            )
            for algorithm, bits, qualities, names, views, at_ms in rows
        )
        whole = all(
            isinstance(c.bits, bytes)
            and len(c.bits) == CODE_BYTES * len(c)
            and len(c.views) == len(c.at_ms) == len(c)
            for c in columns
        )
    except (cbor2.CBORDecodeError, ValueError, TypeError, IndexError, RecursionError) as error:
        raise RegisterError(f"{where}: codes that cannot be read: {error}") from error
    if not whole:
        raise RegisterError(f"{where}: codes whose columns are not of one length")
    if not all(_means_something(c) for c in columns):
        raise RegisterError(f"{where}: codes that mean nothing")
    return columns


def strangers_codes(data: bytes, *, where: str) -> tuple[Code, ...]:
    """Which codes has somebody else written here, if there are no more than are kept?

    Raises:
        RegisterError: None that can be kept.
    """
    columns = unpack_codes(data, where=where)
    if sum(map(len, columns)) > MAX_CODES:
        raise RegisterError(f"{where}: expected {MAX_CODES} codes at most")
    return tuple(code for column in columns for code in column.codes())


def _means_something(columns: CodeColumns) -> bool:
    """A search has all codes in memory: one that it stumbles over would stop every answer."""
    return (
        isinstance(columns.qualities, bytes)
        and all(quality <= 100 for quality in columns.qualities)
        and all(isinstance(view, str) for view in columns.views)
        and all(_is_moment(at_ms) for at_ms in columns.at_ms)
    )


def _is_moment(at_ms: object) -> bool:
    return at_ms is None or (type(at_ms) is int and 0 <= at_ms <= MAX_AT_MS)
