"""MPEG-7 frame signatures of a video, as FFmpeg's filter `signature` writes them in binary.

One spatial region: the whole picture. After the region come the segments of 90 frames, each
with its bags of words, and then the frames. Whole numbers are big-endian, and nothing is
aligned to bytes:

    regions 32 (one), location flag 1 (set), corners 4 x 16
    first frame 32, number of frames 32, units of time a second 16, time flag 1, times 2 x 32
    number of segments 32, each: frames 2 x 32, time flag 1, times 2 x 32, words 5 x 243
    compression flag 1 (not set)
    each frame: time flag 1, time 32, confidence 8, words 5 x 8, signature 76 x 8

A byte of a signature is five numbers from 0 to 2, the first of them most significant.

Spec: ISO/IEC 15938-3:2002/Amd 4:2010, video signature descriptor, binary representation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import MediaFormat

__all__ = ["FRAMES_A_SECOND", "SIGNATURE_NUMBERS", "FrameSignatures", "parse_frame_signatures"]

FrameSignatures = Callable[[BinaryIO, MediaFormat], bytes]
"""Makes the frame signatures of a video, in their binary form.

Raises `MalformedError` where it can make none, and `LimitError` where that takes too much.
"""

FRAMES_A_SECOND = 5
"""As many frames of each second have a signature; ISCC's own choice."""

SIGNATURE_NUMBERS = 380
"""As many numbers from 0 to 2 are one signature."""

_REGION_BITS = 32 + 1 + 4 * 16 + 32
_SEGMENT_BITS = 4 * 32 + 1 + 5 * 243
_FRAME_BITS = 1 + 32 + 8 + 5 * 8 + 76 * 8
_BEFORE_SIGNATURE = 1 + 32 + 8 + 5 * 8
_LARGEST_BYTE = 3**5 - 1
# Segments overlap by half, so there is one for every 45 frames.
_FRAMES_A_SEGMENT = 45

_NUMBERS_OF_BYTE = np.array(
    [[byte // 3**place % 3 for place in (4, 3, 2, 1, 0)] for byte in range(_LARGEST_BYTE + 1)],
    dtype=np.uint8,
)


def parse_frame_signatures(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """Which signatures are these? A row of 380 numbers from 0 to 2 for each frame.

    Args:
        data: As the filter wrote it.
        limits: `max_media_s`, at five frames a second.

    Raises:
        MalformedError: It did not write this.
        LimitError: They are of a longer video.
    """
    most = limits.max_media_s * FRAMES_A_SECOND
    if _number(data, 0, 32) != 1 or _number(data, 32, 1) != 1:
        raise MalformedError("frame signatures: expected those of one region of the picture")
    at = _REGION_BITS
    frames = _number(data, at, 32)
    at += 32 + 16 + 1 + 2 * 32
    segments = _number(data, at, 32)
    at += 32
    if frames > most:
        raise LimitError(f"frame signatures: {frames} are more than those of max_media_s ({most})")
    if segments > frames // _FRAMES_A_SEGMENT + 1:
        raise MalformedError(f"frame signatures: {segments} segments of {frames} frames")
    at += segments * _SEGMENT_BITS
    if _number(data, at, 1):
        raise MalformedError("frame signatures: expected them uncompressed")
    at += 1
    end = at + frames * _FRAME_BITS
    # The last byte is filled up; anything more is not the filter's.
    if len(data) != -(-end // 8):
        raise MalformedError(
            f"frame signatures: expected {-(-end // 8)} bytes for {frames} frames, got {len(data)}"
        )
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), count=end)[at:]
    table = bits.reshape(frames, _FRAME_BITS)[:, _BEFORE_SIGNATURE:]
    packed = np.packbits(table, axis=1)
    if packed.size and packed.max() > _LARGEST_BYTE:
        raise MalformedError("frame signatures: a byte that is no five numbers from 0 to 2")
    return _NUMBERS_OF_BYTE[packed].reshape(frames, SIGNATURE_NUMBERS)


def _number(data: bytes, at: int, bits: int) -> int:
    """The whole number that begins at this bit."""
    first, last = at // 8, (at + bits - 1) // 8
    if last >= len(data):
        raise MalformedError(f"frame signatures: they break off after {len(data)} bytes")
    read = int.from_bytes(data[first : last + 1])
    return read >> (8 * (last + 1) - at - bits) & ((1 << bits) - 1)
