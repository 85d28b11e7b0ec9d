"""Decoding CBOR that a stranger wrote."""

from __future__ import annotations

from typing import Any, NoReturn

import cbor2

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits

__all__ = ["decode_cbor"]

_BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = 2, 3, 4, 5, 6, 7
_INDEFINITE = 31
_BREAK = 0xFF
# Major types of map keys: integers, byte strings, text. Arrays, maps and tagged
# integers can be made to collide in a hash table, and a map of them to take hours.
_KEYS = (0, 1, _BYTES, _TEXT)


def _refuse(_decoder: object) -> NoReturn:
    raise cbor2.CBORDecodeError("tag not allowed in a C2PA structure")


# Tags that make values cyclic (28, 29), alias strings (25, 256), compile
# patterns (35), parse mail (36), hash strangers' values (258) or build numbers of
# any size (2, 3, 4, 5, 30). No C2PA or CAWG structure uses them.
_REFUSED_TAGS = dict.fromkeys((2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 256, 258), _refuse)


def _check_shape(data: bytes, where: str, limits: Limits) -> None:  # noqa: C901, PLR0912 - one loop
    """Is this one item without rest, of few enough values, with plain map keys?

    Walks over the heads alone and builds nothing: one byte of an empty array
    would cost its reader sixty.
    """
    at = items = 0
    # For each open container: values still to come (below 0: until a break),
    # whether they are keys and values by turns, whether a key is next.
    open_: list[list[int]] = [[1, 0, 0]]
    while open_:
        if open_[-1][0] == 0:
            open_.pop()
            continue
        if at >= len(data):
            raise MalformedError(f"{where}: expected CBOR, got an item cut off at {at}")
        major, low = data[at] >> 5, data[at] & 31
        if data[at] == _BREAK and open_[-1][0] < 0:
            at += 1
            open_.pop()
            continue
        at += 1
        items += 1
        if items > limits.max_cbor_items:
            raise LimitError(f"{where}: more CBOR values than max_cbor_items")
        here = open_[-1]
        if here[1]:
            if here[2] and major not in _KEYS:
                raise MalformedError(f"{where}: a CBOR map key at {at - 1} is no text or integer")
            here[2] ^= 1
        if here[0] > 0:
            here[0] -= 1
        value = low
        if 24 <= low <= 27:
            width = 1 << (low - 24)
            value = int.from_bytes(data[at : at + width], "big")
            at += width
        elif low > 27 and not (low == _INDEFINITE and _BYTES <= major <= _MAP):
            raise MalformedError(f"{where}: expected CBOR, got {data[at - 1]:#04x} at {at - 1}")
        if low == _INDEFINITE:
            open_.append([-1, int(major == _MAP), 1])
        elif major in {_BYTES, _TEXT}:
            at += value
        elif major == _ARRAY:
            open_.append([value, 0, 0])
        elif major == _MAP:
            open_.append([2 * value, 1, 1])
        elif major == _TAG:
            open_.append([1, 0, 0])
        if len(open_) > limits.max_cbor_depth + 2:
            raise MalformedError(f"{where}: CBOR nested deeper than max_cbor_depth")
    if at != len(data):
        raise MalformedError(f"{where}: expected one CBOR item of {at} bytes, got {len(data)}")


def decode_cbor(data: bytes, *, where: str, limits: Limits) -> Any:
    """What value do these bytes encode, as one CBOR item without rest?

    Duplicate map keys are refused: two readers could each see another value.

    Args:
        data: The encoded item.
        where: What the bytes are, for the error message.
        limits: `max_cbor_depth` bounds nesting, `max_cbor_items` what is built.

    Raises:
        MalformedError: Not one well-formed item, nested too deeply, or with map
            keys other than integers, text and byte strings.
        LimitError: More values than the limit.
    """
    _check_shape(data, where, limits)
    try:
        return cbor2.loads(
            data,
            max_depth=limits.max_cbor_depth,
            allow_duplicate_keys=False,
            semantic_decoders=_REFUSED_TAGS,
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedError(f"{where}: expected CBOR, got an error: {error}") from error
