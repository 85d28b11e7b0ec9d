"""The ISCC content code of a track: 256 bits of all its Chromaprint numbers.

Spec: ISO 24138:2024, Content-Code Audio.
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

__all__ = ["iscc_audio", "iscc_audio_bits"]

# Content code, audio, version 0, eight times 32 bits.
_HEADER = bytes([0x22, 0x07])


def iscc_audio(numbers: NDArray[np.uint32]) -> str:
    """The canonical spelling of a track's content code, `ISCC:...`."""
    return "ISCC:" + base64.b32encode(_HEADER + iscc_audio_bits(numbers)).decode().rstrip("=")


def iscc_audio_bits(numbers: NDArray[np.uint32]) -> bytes:
    """The 256 bits: of the whole, of its four quarters, and of the thirds of its sorted numbers."""
    ordered = np.sort(numbers.view(np.int32)).view(np.uint32)
    parts = [numbers, *_divided(numbers, 4), *_divided(ordered, 3)]
    return b"".join(_majority(part) for part in parts)


def _divided(numbers: NDArray[np.uint32], count: int) -> list[NDArray[np.uint32]]:
    return [part.astype(np.uint32) for part in np.array_split(numbers, count)]


def _majority(numbers: NDArray[np.uint32]) -> bytes:
    """Each of the 32 bits as at least half of the numbers have it; none of no numbers."""
    if not len(numbers):
        return bytes(4)
    bits = np.unpackbits(numbers.astype(">u4").view(np.uint8).reshape(-1, 4), axis=1)
    return np.packbits(bits.sum(axis=0) * 2 >= len(numbers)).tobytes()
