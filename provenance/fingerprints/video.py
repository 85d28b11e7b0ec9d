"""What a video looks like: a PDQ code of every second, of several views of the picture.

The register keeps the views that a copy may have been cut down to; a copy is hashed as it is,
without its bars, and mirrored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Literal

import numpy as np
import pdqhash
from numpy.typing import NDArray

from provenance.deadline import NO_END, Deadline
from provenance.fingerprints.model import Algorithm, Code, MediaFingerprint
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.frames import Frame, open_frames

__all__ = [
    "MIN_FRAME_QUALITY",
    "MIRRORED",
    "REGISTER_EVERY_MS",
    "SEARCH_EVERY_MS",
    "fingerprint_video",
    "video_codes",
]

# How the name of a mirrored view ends.
MIRRORED = ", mirrored"

# PDQ's own bound, below which a picture has too little in it: black frames, plain cards.
MIN_FRAME_QUALITY = 50
REGISTER_EVERY_MS = 1000
# Registered seconds are then at most an eighth of a second from a frame of the copy.
SEARCH_EVERY_MS = 250
# Codes of frames this small are a dozen bits from those of full size, at an eighth of the time.
_MAX_SIDE = 192

# Bars are told from darkness by looking at several seconds together.
_BARS_WINDOW = 9
_BAR_CONTRAST = 24
# A box that leaves less than this is a dark scene, not a picture between bars.
_LEAST_PICTURE = 0.25


def video_codes(
    stream: BinaryIO,
    *,
    purpose: Literal["register", "search"],
    limits: Limits = DEFAULT_LIMITS,
    until: Deadline = NO_END,
) -> MediaFingerprint:
    """The codes of a video's frames.

    Args:
        stream: Seekable.
        purpose: `register` takes a frame a second in up to four views: `whole`, `trimmed`
            (without bars), `margin 5 %`, and `crop 9:16` of a wide picture. `search` takes
            four a second: `whole`, `trimmed`, and both mirrored.
        limits: As for `open_frames`.
        until: Likewise.

    Returns:
        Codes below `MIN_FRAME_QUALITY` too, so that what is registered says what was there;
        they are neither indexed nor searched for.

    Raises:
        MalformedError: No video in it that can be decoded.
    """
    every_ms = REGISTER_EVERY_MS if purpose == "register" else SEARCH_EVERY_MS
    with open_frames(
        stream, every_ms=every_ms, max_side=_MAX_SIDE, limits=limits, until=until
    ) as frames:
        codes: list[Code] = []
        for frame, box in _with_boxes(frames):
            codes += _views(frame, box, registering=purpose == "register")
        return MediaFingerprint(
            codes=tuple(codes), duration_ms=frames.duration_ms, why_not=tuple(frames.why_not)
        )


def fingerprint_video(stream: BinaryIO, *, limits: Limits = DEFAULT_LIMITS) -> MediaFingerprint:
    """The fingerprint that is registered of a video's pictures; its sound has its own.

    Raises:
        MalformedError: No video in it that can be decoded.
    """
    return video_codes(stream, purpose="register", limits=limits)


_Box = tuple[int, int, int, int]


def _with_boxes(frames: Iterable[Frame]) -> Iterator[tuple[Frame, _Box]]:
    """Each frame, with where the picture stands between the bars around it."""
    held: deque[tuple[Frame, _Box]] = deque()
    half = _BARS_WINDOW // 2
    # How many in front of the next frame to hand out are held.
    before = 0
    for frame in frames:
        held.append((frame, _content(frame.pixels)))
        if len(held) - before > half:
            yield held[before][0], _union(held)
            before += 1
            if before > half:
                held.popleft()
                before -= 1
    while before < len(held):
        yield held[before][0], _union(held)
        before += 1
        if before > half:
            held.popleft()
            before -= 1


def _content(pixels: NDArray[np.uint8]) -> _Box:
    """The rows and columns that are not of one colour from end to end."""
    grey = pixels.mean(axis=2)
    rows = np.nonzero(np.ptp(grey, axis=1) > _BAR_CONTRAST)[0]
    columns = np.nonzero(np.ptp(grey, axis=0) > _BAR_CONTRAST)[0]
    if not len(rows) or not len(columns):
        return (0, 0, 0, 0)
    return (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _union(held: Iterable[tuple[Frame, _Box]]) -> _Box:
    boxes = [box for _, box in held if box[1]]
    if not boxes:
        return (0, 0, 0, 0)
    return (
        min(box[0] for box in boxes),
        max(box[1] for box in boxes),
        min(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _views(frame: Frame, box: _Box, *, registering: bool) -> Iterator[Code]:
    pixels = frame.pixels
    yield from _codes(frame.at_ms, pixels, "whole", mirrored=not registering)
    inner = _trimmed(pixels, box)
    if inner is not None:
        yield from _codes(frame.at_ms, inner, "trimmed", mirrored=not registering)
    if not registering:
        return
    picture = pixels if inner is None else inner
    height, width = picture.shape[:2]
    rows, columns = round(height * 0.05), round(width * 0.05)
    margin = picture[rows : height - rows, columns : width - columns]
    yield from _codes(frame.at_ms, margin, "margin 5 %", mirrored=False)
    if width > height:
        tall = round(height * 9 / 16)
        left = (width - tall) // 2
        yield from _codes(frame.at_ms, picture[:, left : left + tall], "crop 9:16", mirrored=False)


def _trimmed(pixels: NDArray[np.uint8], box: _Box) -> NDArray[np.uint8] | None:
    """What stands between the bars; None where there are no bars worth the name."""
    top, bottom, left, right = box
    height, width = pixels.shape[:2]
    share = (bottom - top) * (right - left) / (height * width)
    if share < _LEAST_PICTURE or share > 0.97:
        return None
    # The outermost lines are half bar, half picture.
    return pixels[top + 1 : bottom - 1, left + 1 : right - 1]


def _codes(at_ms: int, pixels: NDArray[np.uint8], view: str, *, mirrored: bool) -> Iterator[Code]:
    picture = np.ascontiguousarray(pixels)
    if min(picture.shape[:2]) < 16:
        return
    found: list[tuple[str, NDArray[np.uint8]]] = []
    if mirrored:
        turns, quality = pdqhash.compute_dihedral(picture)
        # In the order of the library: as it is, three turns, upside down, left to right, ...
        found += [(view, turns[0]), (view + MIRRORED, turns[5])]
    else:
        bits, quality = pdqhash.compute(picture)
        found.append((view, bits))
    for name, bits in found:
        yield Code(
            algorithm=Algorithm.PDQ_FRAME,
            bits=np.packbits(bits).tobytes(),
            view=name,
            quality=int(quality),
            at_ms=at_ms,
        )
