"""Is this a copy of that picture, what happened to it, and where does it differ?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.fingerprints.differences import Differences, find_differences
from provenance.fingerprints.features import Geometry, LocalFeatures, fit_geometry, local_features
from provenance.media.decoding.encoding import encode_picture
from provenance.media.decoding.pictures import DecodedPicture, Rgb
from provenance.report import Region

__all__ = ["PictureComparison", "PreparedPicture", "compare_pictures", "difference_picture"]

_FEATURES = 1200
_LEAST_INLIERS = 12
_SURE_INLIERS = 30
_LEAST_AGREEMENT = 0.4
# Few features can agree by chance on a wall of equal windows, and half of the wall with them.
_LEAST_AGREEMENT_OF_FEW = 0.75
# Two pictures with the same sticker, emblem or drawn face agree on that, and it is little of
# what they would have in common. So is one subject before a plain ground: but then most of
# what the reference shows is in the copy too, or much more of it agrees than a face has.
_ONE_SPOT = 0.12
_LEAST_KEPT_OF_ONE_SPOT = 0.9
_MANY_INLIERS = 100
_LEAST_KEPT_OF_MANY = 0.6
# And where they have only an edge in common, with one word on it, nine tenths of that edge are
# little: half of all that the reference has to show is asked for, or, where nothing at all is
# different in what both show, a fifth.
_LEAST_OF_ALL = 0.5
_NOTHING_DIFFERENT = 0.9
_LEAST_OF_ALL_THEN = 0.2
_CROPPED = 0.012
_BORDERED = 0.02
_ROTATED_DEGREES = 0.4
_RESIZED = 0.02
_RECOLOURED_LEVELS = 6.0
_FLAT_SHARE = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class PictureComparison:
    """A copy beside the registered picture it comes from. It says how, never whether rightly.

    Attributes:
        inliers: Local features that agree on one geometry.
        agreement: Share, 0 to 1, of the textured parts in common that are alike.
        unlike: Mean difference that nothing done to the whole explains, in levels of 255.
        mirrored: Whether the copy is mirrored.
        matrix: 3 x 3, from pixels of the reference to pixels of the copy (mirrored back).
        edits: What happened to the copy, as far as it can be shown: `cropped`, `mirrored`,
            `bordered`, `rotated`, `resized`, `recoloured`, `overlaid`.
        regions: Where the copy differs, as fractions of the copy.
        heat: How much it differs there, 0 to 1, rows x columns of the copy made smaller.
    """

    inliers: int
    agreement: float
    unlike: float
    mirrored: bool
    matrix: NDArray[np.float64]
    edits: tuple[str, ...]
    regions: tuple[Region, ...]
    heat: NDArray[np.float32]


@dataclass(slots=True)
class PreparedPicture:
    """A picture whose features are computed once, to be compared with several."""

    picture: DecodedPicture
    _features: dict[bool, LocalFeatures] = field(default_factory=dict)

    def pixels(self, *, mirrored: bool = False) -> Rgb:
        """Its pixels, as they are or mirrored."""
        return np.ascontiguousarray(self.picture.rgb[:, ::-1]) if mirrored else self.picture.rgb

    def features(self, *, mirrored: bool = False) -> LocalFeatures:
        """Its local features, as it is or mirrored."""
        if mirrored not in self._features:
            pixels = self.pixels(mirrored=mirrored)
            self._features[mirrored] = local_features(pixels, most=_FEATURES)
        return self._features[mirrored]


def compare_pictures(reference: PreparedPicture, copy: PreparedPicture) -> PictureComparison | None:
    """Is the copy made from the reference, and where does it differ?

    Enough local features must agree on one way in which the reference lies in the copy, and
    laid over each other that way the two must have the same structure. Each alone is fooled:
    features by lettering, structure by chance.

    Args:
        reference: The registered picture; `width` and `height` as it was published.
        copy: What was found.

    Returns:
        None where it is not shown to be a copy.
    """
    best: tuple[Geometry, Differences, bool] | None = None
    for mirrored in (False, True):
        geometry = fit_geometry(reference.features(), copy.features(mirrored=mirrored))
        if geometry is None or geometry.inliers < _LEAST_INLIERS:
            continue
        differences = find_differences(
            reference.picture.rgb, copy.pixels(mirrored=mirrored), geometry.matrix
        )
        height, width = copy.picture.rgb.shape[:2]
        if not _have_one_structure(geometry, differences, copy_px=height * width):
            continue
        if best is None or geometry.inliers > best[0].inliers:
            best = (geometry, differences, mirrored)
        if geometry.inliers >= _SURE_INLIERS:
            break
    if best is None:
        return None
    geometry, differences, mirrored = best
    regions, heat = differences.regions, differences.heat
    if mirrored:
        regions = tuple(
            region.model_copy(update={"left": max(0.0, 1 - region.left - region.width)})
            for region in regions
        )
        heat = np.ascontiguousarray(heat[:, ::-1])
    return PictureComparison(
        inliers=geometry.inliers,
        agreement=differences.agreement,
        unlike=differences.unlike,
        mirrored=mirrored,
        matrix=geometry.matrix,
        edits=_edits(reference.picture, copy.picture, geometry, differences, mirrored=mirrored),
        regions=regions,
        heat=heat,
    )


def _have_one_structure(geometry: Geometry, differences: Differences, *, copy_px: int) -> bool:
    """Laid over each other in this way, do the two show the same?"""
    few = geometry.inliers < _SURE_INLIERS
    if differences.agreement < (_LEAST_AGREEMENT_OF_FEW if few else _LEAST_AGREEMENT):
        return False
    in_common_px = float(differences.inside.mean()) * copy_px
    if geometry.hull_px >= _ONE_SPOT * in_common_px:
        return True
    many = geometry.inliers >= _MANY_INLIERS
    if differences.kept < (_LEAST_KEPT_OF_MANY if many else _LEAST_KEPT_OF_ONE_SPOT):
        return False
    same = differences.agreement >= _NOTHING_DIFFERENT
    return differences.kept_of_all >= (_LEAST_OF_ALL_THEN if same else _LEAST_OF_ALL)


def _edits(
    reference: DecodedPicture,
    copy: DecodedPicture,
    geometry: Geometry,
    differences: Differences,
    *,
    mirrored: bool,
) -> tuple[str, ...]:
    high, wide = reference.rgb.shape[:2]
    height, width = copy.rgb.shape[:2]
    matrix = geometry.matrix
    corners = cv2.perspectiveTransform(
        np.array([[[0, 0], [wide, 0], [wide, high], [0, high]]], np.float64), matrix
    )[0] / (width, height)
    linear = matrix[:2, :2]
    angle = abs(math.degrees(math.atan2(linear[1, 0], linear[0, 0]))) % 90
    scale = math.sqrt(abs(float(np.linalg.det(linear))))
    # From the sizes that were compared to the sizes of the files.
    scale *= (copy.width / width) / (reference.width / wide)
    reach = max(float(-corners.min()), float(corners.max()) - 1)
    shown = {
        "cropped": reach > _CROPPED,
        "mirrored": mirrored,
        "bordered": 1 - float(differences.inside.mean()) > _BORDERED,
        "rotated": _ROTATED_DEGREES < angle < 90 - _ROTATED_DEGREES
        or abs(linear[1, 0]) > abs(linear[0, 0])
        or linear[0, 0] < 0,
        "resized": abs(scale - 1) > _RESIZED,
        "recoloured": differences.recoloured > _RECOLOURED_LEVELS,
        "overlaid": bool(differences.regions) and differences.flat_share > _FLAT_SHARE,
    }
    return tuple(name for name, is_shown in shown.items() if is_shown)


def difference_picture(
    reference: DecodedPicture, copy: DecodedPicture, comparison: PictureComparison
) -> bytes:
    """A PNG for people: the reference laid as the copy, and the copy with what differs marked.

    Left, the registered picture in the frame of the copy. Right, the copy in grey, warmer
    where it differs more, with a box around each region.
    """
    height, width = copy.rgb.shape[:2]
    aligned = cv2.warpPerspective(
        reference.rgb, comparison.matrix, (width, height), flags=cv2.INTER_LINEAR
    )
    if comparison.mirrored:
        aligned = aligned[:, ::-1]
    grey = cv2.cvtColor(copy.rgb, cv2.COLOR_RGB2GRAY)
    base = np.repeat((np.asarray(grey, np.float32) * 0.6 + 60)[..., None], 3, axis=2)
    heat = np.asarray(
        cv2.resize(comparison.heat, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )[..., None]
    warm = np.array([255, 70, 0], np.float32)
    marked = np.clip(base * (1 - 0.75 * heat) + warm * 0.75 * heat, 0, 255).astype(np.uint8)
    thick = max(2, max(height, width) // 300)
    for region in comparison.regions:
        left, top = round(region.left * width), round(region.top * height)
        right = round((region.left + region.width) * width)
        bottom = round((region.top + region.height) * height)
        cv2.rectangle(marked, (left, top), (right, bottom), (255, 210, 0), thick)
    gap = np.full((height, 8, 3), 255, np.uint8)
    return encode_picture(np.hstack([np.asarray(aligned, np.uint8), gap, marked]), "png")
