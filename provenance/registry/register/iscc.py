"""ISCC units in the spelling `ISCC:...`, and the codes that are searched for them.

Spec: ISO 24138:2024, "ISCC-HEADER", "Canonical form"; units of 256 bits of the content
alone, one after the other in a sequence of units being no single code.
"""

from __future__ import annotations

import base64
import binascii

from provenance.fingerprints.model import CODE_BYTES, Algorithm

__all__ = ["parse_iscc_unit"]

_PREFIX = "ISCC:"
_CONTENT = 2
_SUBTYPES = {1: Algorithm.ISCC_IMAGE, 2: Algorithm.ISCC_AUDIO, 3: Algorithm.ISCC_VIDEO}
_LENGTH_256 = 7  # in steps of 32 bits, less one
_HEADER_BYTES = 2


def parse_iscc_unit(value: str) -> tuple[Algorithm, bytes] | None:
    """Which code is this content unit of 256 bits? None where it is another kind of ISCC."""
    text = value.removeprefix(_PREFIX)
    if text == value or len(text) > 200 or not text.isascii():
        return None
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        return None
    if len(data) != _HEADER_BYTES + CODE_BYTES:
        return None
    kind, subtype, version, length = data[0] >> 4, data[0] & 15, data[1] >> 4, data[1] & 15
    algorithm = _SUBTYPES.get(subtype)
    if algorithm is None or (kind, version, length) != (_CONTENT, 0, _LENGTH_256):
        return None
    return algorithm, data[_HEADER_BYTES:]
