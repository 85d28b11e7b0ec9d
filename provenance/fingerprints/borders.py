"""Bars, frames and blurred sides around a picture: where does the picture itself begin?"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.media.decoding.pictures import Rgb

__all__ = ["Box", "content_boxes"]

_WORK_SIDE = 256
_SAME_COLOUR = 14  # levels; JPEG leaves this much in a plain bar
_PLAIN = 0.98  # share of a plain row that has the bar's colour
_LETTERED = 0.55  # likewise with text in the bar
_SHARP = 0.3  # of the usual sharpness of a row, below which it belongs to a blurred side
_LEAST_BAR = 0.035  # of the side; less is not worth another code
_LEAST_CONTENT = 0.2


class Box(NamedTuple):
    """A part of a picture in pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, rgb: Rgb) -> Rgb:
        """The pixels of this part, as a view."""
        return rgb[self.top : self.bottom, self.left : self.right]


def content_boxes(rgb: Rgb) -> tuple[Box, ...]:
    """Where may the picture proper lie, within bars or a frame?

    Up to three different guesses, each at least a fifth of the picture wide and high: less
    plain bars, less bars with text in them, less blurred sides. None where nothing looks
    like a border. A guess may be wrong (a stage is black above): it is another part to look
    for, never a replacement of the whole.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, _WORK_SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    found: dict[Box, None] = {}
    for guess in (
        _less_bars(small, _PLAIN),
        _less_bars(small, _LETTERED),
        _less_blurred_sides(small),
    ):
        box = _full_size(guess, size, width, height)
        if box is not None and not any(_near(box, other, width, height) for other in found):
            found[box] = None
    return tuple(found)


def _full_size(guess: Box, size: tuple[int, int], width: int, height: int) -> Box | None:
    across, down = width / size[0], height / size[1]
    # An edge of the working size is only known to a pixel of it: cut into the picture
    # rather than leave a line of the bar, except where there is no bar at all.
    inside = Box(
        _grow(guess.left, across, 1) if guess.left else 0,
        _grow(guess.top, down, 1) if guess.top else 0,
        _grow(guess.right, across, -1) if guess.right < size[0] else width,
        _grow(guess.bottom, down, -1) if guess.bottom < size[1] else height,
    )
    wide, high = inside.right - inside.left, inside.bottom - inside.top
    cut = max(1 - wide / width, 1 - high / height)
    if cut < _LEAST_BAR or wide < width * _LEAST_CONTENT or high < height * _LEAST_CONTENT:
        return None
    return inside


def _grow(edge: int, factor: float, towards: int) -> int:
    return round(edge * factor + towards * 0.25 * factor)


def _near(one: Box, other: Box, width: int, height: int) -> bool:
    return (
        max(abs(one.left - other.left), abs(one.right - other.right)) < 0.02 * width
        and max(abs(one.top - other.top), abs(one.bottom - other.bottom)) < 0.02 * height
    )


def _less_bars(small: NDArray[np.uint8], share: float) -> Box:
    """Cut rows and columns of the edges' own colour, until nothing more goes."""
    height, width = small.shape[:2]
    box = Box(0, 0, width, height)
    for _ in range(3):
        part = box.of(small)
        if min(part.shape[:2]) < 8:
            break
        top, bottom = _content_run(part, share, down=True)
        left, right = _content_run(part[top:bottom], share, down=False)
        if (top, left) == (0, 0) and (bottom, right) == part.shape[:2]:
            break
        box = Box(box.left + left, box.top + top, box.left + right, box.top + bottom)
    return box


def _content_run(part: NDArray[np.uint8], share: float, *, down: bool) -> tuple[int, int]:
    """First and last row (or column) of the picture: the longest run of them that is no bar."""
    edges = (part[:2], part[-2:]) if down else (part[:, :2], part[:, -2:])
    is_bar = np.zeros(part.shape[0 if down else 1], dtype=bool)
    for edge in edges:
        colour = np.median(edge.reshape(-1, 3), axis=0)
        like = cv2.inRange(part, colour - _SAME_COLOUR, colour + _SAME_COLOUR)
        lines = np.asarray(like).mean(axis=1 if down else 0) >= share * 255
        # A bar begins at the edge; elsewhere such a line is part of the picture.
        if lines[:2].all() or lines[-2:].all():
            is_bar |= lines
    return _longest_run(~is_bar)


def _less_blurred_sides(small: NDArray[np.uint8]) -> Box:
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    top, bottom = _sharp_run(edges.mean(axis=1))
    left, right = _sharp_run(edges[top:bottom].mean(axis=0))
    return Box(left, top, right, bottom)


def _sharp_run(energy: NDArray[np.float32]) -> tuple[int, int]:
    smooth = np.convolve(energy, np.full(3, 1 / 3), mode="same")
    usual = float(np.percentile(smooth, 75))
    return _longest_run(smooth >= _SHARP * usual) if usual > 0.5 else (0, len(energy))


def _longest_run(wanted: NDArray[np.bool_]) -> tuple[int, int]:
    """Start and end of the longest run; gaps of three are bridged."""
    closed = wanted.copy()
    places = np.flatnonzero(wanted)
    steps = np.diff(places)
    for gap in np.flatnonzero((steps > 1) & (steps <= 3)):
        closed[places[gap] : places[gap + 1]] = True
    edges = np.flatnonzero(np.diff(np.concatenate(([False], closed, [False])).astype(np.int8)))
    if not edges.size:
        return 0, len(wanted)
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest])
