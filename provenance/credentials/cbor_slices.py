"""Where in an encoded CBOR map does one of its values stand, byte for byte?

A signature is over bytes. Decoding and encoding again gives other bytes for the
same value: another order of keys, other lengths of integers.
"""

from __future__ import annotations

from provenance.credentials.cbor import decode_cbor
from provenance.errors import MalformedError
from provenance.limits import Limits

__all__ = ["slice_of_value"]

_BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = 2, 3, 4, 5, 6, 7
_INDEFINITE = 31
_BREAK = 0xFF


def slice_of_value(data: bytes, key: str, *, where: str, limits: Limits) -> bytes | None:
    """Which bytes encode the value under this key of a map? None where it has no such key.

    Args:
        data: One CBOR map without rest.
        key: A text key of it.
        where: What the bytes are, for the error message.
        limits: As for `decode_cbor`, which has to accept the bytes first.

    Raises:
        MalformedError: Not such a map.
        LimitError: More values than the limit.
    """
    decode_cbor(data, where=where, limits=limits)
    major, value, at = _head(data, 0, where)
    if major != _MAP:
        raise MalformedError(f"{where}: expected a CBOR map, got major type {major}")
    # Below 0: until a break.
    left = -1 if value is None else value
    while left != 0 and not (left < 0 and data[at] == _BREAK):
        end_of_key = _end(data, at, where)
        end = _end(data, end_of_key, where)
        if decode_cbor(data[at:end_of_key], where=where, limits=limits) == key:
            return data[end_of_key:end]
        at = end
        left -= 1
    return None


def _head(data: bytes, at: int, where: str) -> tuple[int, int | None, int]:
    """Major type and argument (None: until a break) of the item here, and where its head ends."""
    if at >= len(data):
        raise MalformedError(f"{where}: expected CBOR, got an item cut off at {at}")
    major, low = data[at] >> 5, data[at] & 31
    if low == _INDEFINITE:
        return major, None, at + 1
    if low < 24:
        return major, low, at + 1
    width = 1 << (low - 24)
    return major, int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def _end(data: bytes, at: int, where: str) -> int:
    """Where does the item that starts here end?"""
    # Items still to come in each open container; below 0: until a break.
    open_ = [1]
    while open_:
        if open_[-1] == 0:
            open_.pop()
            continue
        if open_[-1] < 0 and data[at : at + 1] == bytes([_BREAK]):
            at += 1
            open_.pop()
            continue
        if open_[-1] > 0:
            open_[-1] -= 1
        major, value, at = _head(data, at, where)
        if major in {_BYTES, _TEXT} and value is not None:
            at += value
        elif major == _TAG:
            open_.append(1)
        elif major == _MAP:
            open_.append(-1 if value is None else 2 * value)
        elif major in {_BYTES, _TEXT, _ARRAY}:
            open_.append(-1 if value is None else value)
    return at
