"""Decoding CBOR that a stranger wrote."""

from __future__ import annotations

from typing import Any, NoReturn

import cbor2

from provenance.errors import MalformedError
from provenance.limits import Limits

__all__ = ["decode_cbor"]


def _refuse(_decoder: object) -> NoReturn:
    raise cbor2.CBORDecodeError("tag not allowed in a C2PA structure")


# Tags that make values cyclic (28, 29), alias strings (25, 256), compile
# patterns (35), parse mail (36) or build numbers of any size (4, 5, 30). No C2PA
# or CAWG structure uses them.
_REFUSED_TAGS = dict.fromkeys((4, 5, 25, 28, 29, 30, 35, 36, 256), _refuse)


def decode_cbor(data: bytes, *, where: str, limits: Limits) -> Any:
    """What value do these bytes encode, as one CBOR item without rest?

    Duplicate map keys are refused: two readers could each see another value.

    Args:
        data: The encoded item.
        where: What the bytes are, for the error message.
        limits: `max_cbor_depth` bounds nesting.

    Raises:
        MalformedError: Not one well-formed item, or nested too deeply.
    """
    try:
        return cbor2.loads(
            data,
            max_depth=limits.max_cbor_depth,
            allow_duplicate_keys=False,
            semantic_decoders=_REFUSED_TAGS,
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedError(f"{where}: expected CBOR, got an error: {error}") from error
