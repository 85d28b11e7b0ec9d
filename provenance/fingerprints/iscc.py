"""ISCC content codes of pictures: their 256 bits, and how a code is spelt.

Computed here and not by `iscc-core`, whose import reads the environment and a file of the
working directory for settings that change the codes; it is the tests' second opinion.

Spec: ISO 24138:2024 §5.4.3 (Content-Code Image), §4 (structure of a code).
"""

from __future__ import annotations

import base64
import binascii
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from provenance.errors import MalformedError
from provenance.fingerprints.model import CODE_BYTES
from provenance.media.decoding.encoding import grey_thumbnail
from provenance.media.decoding.pictures import Rgb

__all__ = ["CONTENT_KINDS", "iscc_image_bits", "parse_iscc", "spell_iscc"]

ContentKind = Literal["image", "audio", "video"]

CONTENT_KINDS: dict[ContentKind, int] = {"image": 1, "audio": 2, "video": 3}
"""Number of each kind among the subtypes of a content code."""

_CONTENT = 2
_LENGTH_256 = 7  # in steps of 32 bits, less one
# Value by which a pixel must differ from the corner's to be no empty border; as the
# reference implementation of the picture's preparation has it.
_BORDER_TOLERANCE = 100


def spell_iscc(bits: bytes, kind: ContentKind) -> str:
    """The canonical spelling of a 256-bit content code, `ISCC:...`."""
    if len(bits) != CODE_BYTES:
        raise ValueError(f"ISCC: expected {CODE_BYTES} bytes, got {len(bits)}")
    header = bytes([_CONTENT << 4 | CONTENT_KINDS[kind], _LENGTH_256])
    return "ISCC:" + base64.b32encode(header + bits).decode().rstrip("=")


def parse_iscc(text: str) -> tuple[ContentKind, bytes]:
    """Which kind of content is this code of, and what are its 256 bits?

    Raises:
        MalformedError: Not a 256-bit content code of a picture, track or clip.
    """
    body = text.removeprefix("ISCC:")
    try:
        data = base64.b32decode(body + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError) as error:
        raise MalformedError("ISCC: expected base 32 in capitals after `ISCC:`") from error
    for kind, number in CONTENT_KINDS.items():
        header = bytes([_CONTENT << 4 | number, _LENGTH_256])
        if data[:2] == header and len(data) == 2 + CODE_BYTES:
            return kind, data[2:]
    raise MalformedError(
        "ISCC: expected a content code of 256 bits of an image, audio or video, "
        f"got a header of {data[:2].hex() or 'nothing'} and {max(len(data) - 2, 0)} bytes"
    )


def iscc_image_bits(rgb: Rgb) -> bytes:
    """The 256 bits of a picture's content code."""
    thumbnail = grey_thumbnail(_without_empty_border(rgb), 32)
    rows = _cosine_transform(thumbnail.astype(np.float64).T).T
    both = _cosine_transform(rows)
    bits = []
    for top, left in ((0, 0), (0, 8), (8, 0), (8, 8)):
        square = both[top : top + 8, left : left + 8].ravel()
        bits.append(square > np.median(square))
    return np.packbits(np.concatenate(bits)).tobytes()


def _without_empty_border(rgb: Rgb) -> Rgb:
    differs = (
        np.abs(rgb.astype(np.int16) - rgb[0, 0].astype(np.int16)).max(axis=2) > _BORDER_TOLERANCE
    )
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return rgb
    return rgb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _cosine_transform(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """DCT-II of each column, by Lee's recursion.

    The order of the operations is the standard's own, so that equal coefficients of a flat
    picture stay equal and no bit depends on rounding.
    """
    size = len(columns)
    if size == 1:
        return columns
    half = size // 2
    front, back = columns[:half], columns[half:][::-1]
    angles = np.cos((np.arange(half) + 0.5) * np.pi / size)[:, None] * 2.0
    even = _cosine_transform(front + back)
    odd = _cosine_transform((front - back) / angles)
    out = np.empty_like(columns)
    out[::2] = even
    out[1::2] = odd
    out[1:-1:2] += odd[1:]
    return out
