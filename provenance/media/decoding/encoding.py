"""Writing pictures of our own, and scaling pixels: what is kept, shown and coded."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from provenance.media.decoding.pictures import Rgb

__all__ = ["encode_picture", "grey_thumbnail", "scaled_down"]


def encode_picture(rgb: Rgb, kind: Literal["jpeg", "png", "webp"], *, quality: int = 88) -> bytes:
    """The bytes of a picture file with these pixels and without any metadata."""
    out = io.BytesIO()
    picture = Image.fromarray(rgb)
    if kind == "jpeg":
        picture.save(out, "JPEG", quality=quality, optimize=True)
    elif kind == "webp":
        picture.save(out, "WEBP", quality=quality)
    else:
        picture.save(out, "PNG")
    return out.getvalue()


def scaled_down(rgb: Rgb, max_side: int) -> Rgb:
    """The picture at no more than this many pixels a side; the same one if it is smaller."""
    height, width = rgb.shape[:2]
    longest = max(height, width)
    if longest <= max_side:
        return rgb
    size = (max(1, round(width * max_side / longest)), max(1, round(height * max_side / longest)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0))


def grey_thumbnail(rgb: Rgb, side: int) -> NDArray[np.uint8]:
    """The picture in grey, squeezed into a square of this side by bicubic filtering."""
    grey = Image.fromarray(rgb).convert("L")
    return np.asarray(grey.resize((side, side), Image.Resampling.BICUBIC))
