"""Which parts of a picture get codes of their own, so that a cropped copy is found by its code."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from provenance.media.decoding.pictures import Rgb

__all__ = ["anchored_views"]

_RATIOS = (Fraction(1, 1), Fraction(4, 5), Fraction(9, 16), Fraction(16, 9))
_MARGINS = (0.015, 0.03, 0.05, 0.08)
_ANCHORS = {"start": 0.0, "centre": 0.5, "end": 1.0}
# A crop that leaves nearly all of the picture has nearly the code of the whole.
_LEAST_CUT = 0.02


def anchored_views(rgb: Rgb) -> Iterator[tuple[str, Rgb]]:
    """The picture, less four margins, and cut to four formats at three places each.

    Platforms and people crop to a few formats, at the middle or at an edge. Nothing is
    copied: the parts are views of the same pixels.
    """
    height, width = rgb.shape[:2]
    yield "whole", rgb
    for margin in _MARGINS:
        top, left = round(height * margin), round(width * margin)
        yield f"less {margin * 100:g} % a side", rgb[top : height - top, left : width - left]
    for ratio in _RATIOS:
        wide = min(width, int(height * ratio))
        high = min(height, int(width / ratio))
        if wide >= width * (1 - _LEAST_CUT) and high >= height * (1 - _LEAST_CUT):
            continue
        for name, anchor in _ANCHORS.items():
            left, top = int((width - wide) * anchor), int((height - high) * anchor)
            label = f"{ratio.numerator}:{ratio.denominator} at its {name}"
            yield label, rgb[top : top + high, left : left + wide]
