"""PDQ codes: 256 bits of a picture or a part of it, with how much there is to recognise.

Source: Davis, Rosen: The TMK+PDQF video-hashing algorithm and the PDQ image-hashing
algorithm (2019). Codes at most 31 bits apart are confidently of the same picture, and those
of a quality below 50 say too little to be compared.
"""

from __future__ import annotations

import cv2
import numpy as np
import pdqhash
from numpy.typing import NDArray

from provenance.fingerprints.model import Algorithm, Code
from provenance.media.decoding.pictures import Rgb

__all__ = ["CONFIDENT_BITS", "LEAST_QUALITY", "pdq_code", "pdq_codes_turned", "pdq_input"]

CONFIDENT_BITS = 31
LEAST_QUALITY = 50

_MAX_SIDE = 512
_LEAST_SIDE = 16
_TURNS = (
    "as it lies",
    "turned 90° left",
    "turned 180°",
    "turned 90° right",
    "flipped",
    "mirrored",
    "mirrored and turned 90° left",
    "mirrored and turned 90° right",
)

_UPRIGHT = ("as it lies", "mirrored")


def pdq_input(rgb: Rgb) -> Rgb:
    """The picture at a size that is enough for PDQ; scale once, code many parts."""
    height, width = rgb.shape[:2]
    scale = _MAX_SIDE / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(rgb)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Down to a half, bilinear is as good here and a sixth of the cost: PDQ smooths anyway.
    kind = cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA
    return np.asarray(cv2.resize(rgb, size, interpolation=kind), np.uint8)


def pdq_code(
    rgb: Rgb, *, view: str = "whole", algorithm: Algorithm = Algorithm.PDQ, at_ms: int | None = None
) -> Code | None:
    """The PDQ code of these pixels; None where they are too few or too plain to be told."""
    if min(rgb.shape[:2]) < _LEAST_SIDE:
        return None
    bits, quality = pdqhash.compute(np.ascontiguousarray(rgb))
    if quality < LEAST_QUALITY:
        return None
    return Code(
        algorithm=algorithm, bits=_packed(bits), view=view, quality=int(quality), at_ms=at_ms
    )


def pdq_codes_turned(
    rgb: Rgb, *, view: str = "whole", mirrored_only: bool = False
) -> tuple[Code, ...]:
    """The codes of these pixels in all eight turns and mirrorings; none where too plain.

    Args:
        rgb: The pixels.
        view: What to call the part that they are.
        mirrored_only: As they lie and mirrored, without turns.
    """
    if min(rgb.shape[:2]) < _LEAST_SIDE:
        return ()
    turns, quality = pdqhash.compute_dihedral(np.ascontiguousarray(rgb))
    if quality < LEAST_QUALITY:
        return ()
    return tuple(
        Code(
            algorithm=Algorithm.PDQ,
            bits=_packed(bits),
            view=f"{view}, {turn}",
            quality=int(quality),
        )
        for turn, bits in zip(_TURNS, turns, strict=True)
        if not mirrored_only or turn in _UPRIGHT
    )


def _packed(bits: NDArray[np.uint8]) -> bytes:
    return np.packbits(bits).tobytes()
