"""ISCC units in the spelling `ISCC:...`, and the codes that are searched for them.

Spec: ISO 24138:2024, "ISCC-HEADER", "Canonical form"; units of 256 bits of the content
alone, one after the other in a sequence of units being no single code.
"""

from __future__ import annotations

import base64
import binascii

from provenance.fingerprints.model import CODE_BYTES, Algorithm

__all__ = ["BINDING_RADIUS", "identifies_content", "parse_iscc_unit"]

BINDING_RADIUS = 64
"""Bits of 256 by which a soft binding may differ: three quarters have to agree."""

# Of a picture of one colour, whichever that is; and of silence. What is plain or silent for
# the most part is near: all black pictures, all cards with a line on them, are one to this code.
_OF_NOTHING = {
    Algorithm.ISCC_IMAGE: bytes(CODE_BYTES),
    Algorithm.ISCC_AUDIO: bytes.fromhex("256df977") * (CODE_BYTES // 4),
}

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


def identifies_content(algorithm: Algorithm, bits: bytes) -> bool:
    """Does this code tell what it is of from other things, so that what is near it is a lead?

    A code within the radius of that of a plain picture, or of silence, does not.
    """
    nothing = _OF_NOTHING.get(algorithm)
    if nothing is None:
        return True
    apart = int.from_bytes(bits, "big") ^ int.from_bytes(nothing, "big")
    return apart.bit_count() > BINDING_RADIUS
