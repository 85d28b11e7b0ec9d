"""Where do two aligned pictures differ, whatever compression, blur, noise or a filter did?"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.media.decoding.pictures import Rgb
from provenance.report import Region

__all__ = ["WORK_SIDE", "Differences", "find_differences"]

WORK_SIDE = 320
"""Longest side at which pictures are compared: what compression does is mostly gone there."""

_SOFTEN = 1.1
_COARSE_COLOUR, _COLOUR_WEIGHT = 2.0, 1.0
_SLACK = np.ones((5, 5), np.uint8)  # alignment is trusted to two pixels
_EDGE = np.ones((9, 9), np.uint8)
_RINGING = 0.12  # of the contrast around, that hard compression leaves beside an edge
_LEAST_LEVELS = 13.0
_LEAST_AREA = 0.0012
_JOIN = 0.03  # of the longest side: parts of one change
_MOST_REGIONS = 32
_BLUR_STEPS = (0.6, 1.0, 1.5, 2.0, 3.0, 4.0)
_TEXTURED = 4.0  # standard deviation of a block that has anything to agree on
_AGREES = 0.6
_ONE_COLOUR = 7.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """What differs, in the frame of the copy at the working size.

    Attributes:
        heat: Rows x columns, 0 where nothing differs beyond what a filter explains, 1 at most.
        inside: Where the reference covers the copy.
        regions: Boxes around what differs, the largest first.
        agreement: Share of the textured blocks whose structure is the reference's.
        kept: The same, of those blocks that are textured in the reference: what is laid over
            plain parts of it does not count.
        kept_of_all: Share of what is textured anywhere in the reference that is in the copy,
            and alike: what was cut off counts too.
        unlike: Mean unexplained difference where the reference covers the copy, in levels.
        recoloured: How far the colours were shifted as a whole, in levels.
        flat_share: Of what differs, the share in one flat colour.
    """

    heat: Floats
    inside: NDArray[np.bool_]
    regions: tuple[Region, ...]
    agreement: float
    kept: float
    kept_of_all: float
    unlike: float
    recoloured: float
    flat_share: float


def find_differences(reference: Rgb, copy: Rgb, matrix: NDArray[np.float64]) -> Differences:
    """Where does the copy differ from the reference?

    Args:
        reference: The registered picture.
        copy: The copy.
        matrix: From pixels of the reference to pixels of the copy.
    """
    expected, got, inside = _side_by_side(reference, copy, matrix)
    agreement, kept, alike = _agreement(expected, got, inside)
    expected, got = _equally_sharp(expected, got, inside)
    mapped = _recoloured(expected, got, inside)
    recoloured = float(np.abs(mapped - expected)[inside].mean()) if inside.any() else 0.0
    levels = _unexplained(mapped, got)
    levels[~inside] = 0
    usual = levels[inside] if inside.any() else np.zeros(1, np.float32)
    middle = float(np.median(usual))
    spread = float(np.median(np.abs(usual - middle)))
    threshold = max(_LEAST_LEVELS, middle + 6 * spread)
    regions, mask = _regions(levels, threshold, inside)
    return Differences(
        heat=np.clip((levels - 0.5 * threshold) / (3 * threshold), 0, 1).astype(np.float32),
        inside=inside,
        regions=regions,
        agreement=agreement,
        kept=kept,
        kept_of_all=_kept_of_all(reference, copy, matrix, alike),
        unlike=float(usual.mean()),
        recoloured=recoloured,
        flat_share=_flat_share(got, mask),
    )


def _side_by_side(
    reference: Rgb, copy: Rgb, matrix: NDArray[np.float64]
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Both at the working size in the frame of the copy, and where both are."""
    height, width = copy.shape[:2]
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    to_work = np.diag([size[0] / width, size[1] / height, 1.0])
    # Shrink the reference by itself first: warping takes single pixels and would alias.
    shrink = float(np.sqrt(abs(np.linalg.det((to_work @ matrix)[:2, :2]))))
    high, wide = reference.shape[:2]
    if shrink < 1:
        small = (max(8, round(wide * shrink)), max(8, round(high * shrink)))
        reference = np.asarray(cv2.resize(reference, small, interpolation=cv2.INTER_AREA), np.uint8)
    from_small = np.diag([wide / reference.shape[1], high / reference.shape[0], 1.0])
    whole = to_work @ matrix @ from_small
    warped = cv2.warpPerspective(
        reference, whole, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    ones = np.full(reference.shape[:2], 255, np.uint8)
    covered = cv2.warpPerspective(ones, whole, size, flags=cv2.INTER_NEAREST)
    # Beside a frame the picture's outermost pixels are half frame.
    inside = cv2.erode(
        np.asarray(covered, np.uint8), _EDGE, borderType=cv2.BORDER_CONSTANT, borderValue=255
    )
    got = cv2.resize(copy, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return (_soft(np.asarray(warped, np.float32)), _soft(np.asarray(got, np.float32)), inside > 0)


def _soft(picture: Floats, sigma: float = _SOFTEN) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _agreement(
    expected: Floats, got: Floats, inside: NDArray[np.bool_]
) -> tuple[float, float, NDArray[np.bool_]]:
    """Share of textured blocks, where both are, that have the same structure; and which do.

    Of those that are textured in either, and of those that are in the reference.
    """
    one, other = expected.mean(axis=2), got.mean(axis=2)
    mean_one, mean_other = _mean(one), _mean(other)
    spread_one, spread_other = _spread(one, mean_one), _spread(other, mean_other)
    together = _mean(one * other) - mean_one * mean_other
    alike = inside & (together / (spread_one * spread_other + 1e-3) > _AGREES)
    textured = inside & (np.maximum(spread_one, spread_other) > _TEXTURED)
    if textured.sum() < 0.02 * textured.size:
        return 0.0, 0.0, np.zeros_like(alike)
    shown = inside & (spread_one > _TEXTURED)
    kept = float(alike[shown].mean()) if shown.any() else 0.0
    return float(alike[textured].mean()), kept, alike


def _kept_of_all(
    reference: Rgb, copy: Rgb, matrix: NDArray[np.float64], alike: NDArray[np.bool_]
) -> float:
    """Share of what is textured in the reference, wherever it is, that is alike in the copy."""
    high, wide = reference.shape[:2]
    scale = min(1.0, WORK_SIDE / max(high, wide))
    size = (max(8, round(wide * scale)), max(8, round(high * scale)))
    small = np.asarray(cv2.resize(reference, size, interpolation=cv2.INTER_AREA), np.float32)
    grey = _soft(small).mean(axis=2)
    textured = _spread(grey, _mean(grey)) > _TEXTURED
    if not textured.any():
        return 0.0
    height, width = copy.shape[:2]
    to_work = np.diag([alike.shape[1] / width, alike.shape[0] / height, 1.0])
    back = to_work @ matrix @ np.diag([wide / size[0], high / size[1], 1.0])
    there = cv2.warpPerspective(
        alike.astype(np.uint8), back, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    return float((there > 0)[textured].mean())


def _mean(values: Floats) -> Floats:
    return np.asarray(cv2.blur(values, (15, 15)), np.float32)


def _spread(values: Floats, mean: Floats) -> Floats:
    """Standard deviation around each pixel."""
    return np.asarray(np.sqrt(np.maximum(_mean(values * values) - mean**2, 0)), np.float32)


def _equally_sharp(
    expected: Floats, got: Floats, inside: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Soften the sharper of the two: a copy that was blurred as a whole is no change."""

    def sharpness(picture: Floats) -> float:
        edges = np.abs(cv2.Laplacian(picture.mean(axis=2), cv2.CV_32F))
        contrast = float(picture[inside].std()) if inside.any() else 1.0
        # Of the edges, not of the plain parts: there only noise is measured, and JPEG takes it.
        return float(np.percentile(edges[inside], 85)) / max(contrast, 1) if inside.any() else 0.0

    wanted, have = sharpness(got), sharpness(expected)
    softened = expected if have > wanted else got
    least = min(wanted, have)
    for sigma in (0.0, *_BLUR_STEPS):
        candidate = softened if sigma == 0 else _soft(softened, sigma)
        if sharpness(candidate) <= 1.15 * least:
            break
    return (candidate, got) if have > wanted else (expected, candidate)


def _recoloured(expected: Floats, got: Floats, inside: NDArray[np.bool_]) -> Floats:
    """The reference in the copy's colours: one smooth mapping for the whole picture.

    Fitted again and again without the pixels that it explains worst, so that a changed part
    does not bend it.
    """

    def terms(picture: Floats) -> Floats:
        c = picture.reshape(-1, 3) / 255
        r, g, b = c[:, :1], c[:, 1:2], c[:, 2:]
        return np.hstack([c, c * c, r * g, g * b, r * b, c**3, np.ones_like(r)])

    places = np.flatnonzero(inside)
    if len(places) < 400:
        return expected
    places = places[:: max(1, len(places) // 12_000)]
    source = terms(expected.reshape(-1, 3)[places]).astype(np.float64)
    target = got.reshape(-1, 3)[places].astype(np.float64)
    # Where the copy is at black or white, its colour says only that it went that far.
    within = ((target > 6) & (target < 249)) + 1e-4
    weights = np.ones(len(places))
    ridge = np.eye(source.shape[1]) * 1e-6 * len(places)
    answer = np.zeros((source.shape[1], 3))
    for _ in range(6):
        for channel in range(3):
            weighted = source * (weights * within[:, channel])[:, None]
            answer[:, channel] = np.linalg.solve(
                weighted.T @ source + ridge, weighted.T @ target[:, channel]
            )
        errors = np.abs(np.clip(source @ answer, 0, 255) - target).max(axis=1)
        scale = max(2.0, 1.5 * float(np.median(errors)))
        weights = 1 / (1 + (errors / scale) ** 2) ** 2
    mapped = terms(expected) @ answer
    return np.asarray(np.clip(mapped, 0, 255).reshape(expected.shape), np.float32)


def _unexplained(expected: Floats, got: Floats) -> Floats:
    """By how much is each pixel outside of what its neighbourhood has in the other picture?"""

    def outside(picture: Floats, other: Floats) -> Floats:
        above = picture - cv2.dilate(other, _SLACK)
        below = cv2.erode(other, _SLACK) - picture
        return np.asarray(np.maximum(np.maximum(above, below), 0).max(axis=2), np.float32)

    expected, got = _brightness_and_colour(expected), _brightness_and_colour(got)
    contrast = cv2.dilate(expected[..., 0], _EDGE) - cv2.erode(expected[..., 0], _EDGE)
    levels = np.maximum(outside(expected, got), outside(got, expected)) - _RINGING * contrast
    return np.asarray(cv2.blur(np.maximum(levels, 0), (5, 5)), np.float32)


def _brightness_and_colour(picture: Floats) -> Floats:
    """Brightness, and colour made as coarse as hard compression leaves it."""
    parts = np.asarray(cv2.cvtColor(picture / 255, cv2.COLOR_RGB2YCrCb), np.float32) * 255
    parts[..., 1:] = _soft(parts[..., 1:], _COARSE_COLOUR) * _COLOUR_WEIGHT
    return parts


def _regions(
    levels: Floats, threshold: float, inside: NDArray[np.bool_]
) -> tuple[tuple[Region, ...], NDArray[np.bool_]]:
    height, width = levels.shape
    mask = (levels > threshold).astype(np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    join = max(3, round(_JOIN * max(height, width))) | 1
    joined = cv2.morphologyEx(
        mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (join, join))
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(joined, np.uint8))
    boxes = []
    kept = np.zeros_like(mask, dtype=bool)
    for label in range(1, count):
        part = (labels == label) & (mask > 0)
        if part.sum() < _LEAST_AREA * height * width:
            continue
        kept |= part
        left, top, wide, high = (int(stats[label, n]) for n in range(4))
        boxes.append((left, top, left + wide, top + high))
    boxes = _merged(boxes)[:_MOST_REGIONS]
    regions = tuple(
        Region(
            left=left / width,
            top=top / height,
            width=(right - left) / width,
            height=(bottom - top) / height,
        )
        for left, top, right, bottom in boxes
    )
    return regions, kept & inside


def _merged(boxes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Boxes that overlap become one; the largest first."""
    todo, done = list(boxes), []
    while todo:
        box = todo.pop()
        for other in todo:
            apart = box[0] > other[2] or other[0] > box[2] or box[1] > other[3] or other[1] > box[3]
            if not apart:
                todo.remove(other)
                todo.append(
                    (
                        min(box[0], other[0]),
                        min(box[1], other[1]),
                        max(box[2], other[2]),
                        max(box[3], other[3]),
                    )
                )
                break
        else:
            done.append(box)
    return sorted(done, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]), reverse=True)


def _flat_share(got: Floats, mask: NDArray[np.bool_]) -> float:
    """Of the pixels that differ, how many have the commonest colour among them?"""
    pixels = got[mask]
    if len(pixels) < 20:
        return 0.0
    cells = (pixels // 24).astype(np.int64) @ np.array([10_000, 100, 1])
    _, counts = np.unique(cells, return_counts=True)
    common = np.unique(cells)[np.argmax(counts)]
    centre = np.median(pixels[cells == common], axis=0)
    return float((np.abs(pixels - centre).max(axis=1) < _ONE_COLOUR).mean())
