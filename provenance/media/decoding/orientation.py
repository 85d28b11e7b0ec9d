"""Which way up is a picture: the EXIF orientation, and turning pixels by it.

Source: CIPA DC-008 (EXIF 3.0) §4.6.5, tag 274.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["exif_orientation", "turned"]

_ORIENTATION, _SHORT = 274, 3
_MAX_ENTRIES = 2_000


def exif_orientation(block: object) -> int:
    """Which of the eight orientations does this EXIF block name?

    Only this one number is read, in place: general readers of EXIF follow every offset of
    a hostile block.

    Args:
        block: The EXIF block's bytes, or None where there is none.

    Returns:
        1 to 8; 1, as it lies, where the block names none or cannot be read.
    """
    if not isinstance(block, bytes):
        return 1
    tiff = block.removeprefix(b"Exif\0\0")
    if tiff[:2] not in {b"II", b"MM"} or len(tiff) < 10:
        return 1
    little = tiff[:2] == b"II"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "little" if little else "big")

    first = number(4, 4)
    for entry in range(min(number(first, 2), _MAX_ENTRIES)):
        at = first + 2 + 12 * entry
        if number(at, 2) == _ORIENTATION and number(at + 2, 2) == _SHORT:
            value = number(at + 8, 2)
            return value if 1 <= value <= 8 else 1
    return 1


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The pixels of a picture of this orientation, as it is shown."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return pixels
