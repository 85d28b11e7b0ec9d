"""Local features of a picture: corners and what they look like, and how two sets of them fit.

Source: Rublee et al.: ORB, an efficient alternative to SIFT or SURF (2011).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import MalformedError
from provenance.media.decoding.pictures import Rgb

__all__ = [
    "Geometry",
    "LocalFeatures",
    "fit_geometry",
    "local_features",
]

_LEAST_SIDE = 640  # smaller pictures are enlarged: the features' range of sizes is limited
_LEAST_HEIGHT = 16  # a line of pixels has no corners, and no scaling of it is defined
_CELLS = 8
_LEAST_MATCHES = 8
_RATIO = 0.9  # the second-best match must be worse by this
_NEAR_THE_MIDDLE = 0.8
_MOST_BITS = 64
_REACH_PX = 4.0
# No copy is squeezed or sheared more than this: such fits join accidental matches.
_MOST_STRETCH = 2.5
_LEAST_SCALE, _MOST_SCALE = 0.05, 20.0


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """Corners of a picture, the strongest of each neighbourhood.

    Attributes:
        points: n x 2, in pixels of the picture that was given.
        sizes: n, the diameter of what was looked at, in such pixels.
        angles: n, degrees.
        descriptors: n x 32 bytes.
        width: Of the picture, in pixels.
        height: Likewise.
    """

    points: NDArray[np.float32]
    sizes: NDArray[np.float32]
    angles: NDArray[np.float32]
    descriptors: NDArray[np.uint8]
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.points)

    def to_bytes(self) -> bytes:
        """These features, to be kept: 48 bytes each."""
        head = struct.pack("<III", len(self), self.width, self.height)
        numbers = (self.points, self.sizes, self.angles)
        parts = [np.ascontiguousarray(part, "<f4").tobytes() for part in numbers]
        return b"".join([head, *parts, self.descriptors.tobytes()])

    @classmethod
    def from_bytes(cls, data: bytes) -> LocalFeatures:
        """Features that were kept.

        Raises:
            MalformedError: Of another length than its first number says, or no numbers.
        """
        count, width, height = struct.unpack_from("<III", data.ljust(12, b"\0"))
        if len(data) != 12 + count * 48 or not width or not height:
            raise MalformedError(
                f"local features: expected {12 + count * 48} bytes and a size, "
                f"got {len(data)} bytes and {width} x {height}"
            )
        numbers = np.frombuffer(data, "<f4", 4 * count, 12)
        if not np.isfinite(numbers).all() or (numbers[2 * count : 3 * count] <= 0).any():
            raise MalformedError("local features: expected numbers, sizes above 0")
        return cls(
            numbers[: 2 * count].reshape(-1, 2),
            numbers[2 * count : 3 * count],
            numbers[3 * count :],
            np.frombuffer(data, np.uint8, offset=12 + 16 * count).reshape(-1, 32),
            width,
            height,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """How one picture lies in another.

    Attributes:
        matrix: 3 x 3, from pixels of the reference to pixels of the copy.
        inliers: Features that agree on it.
        hull_px: Area of the copy that lies between most of them, in its pixels.
    """

    matrix: NDArray[np.float64]
    inliers: int
    hull_px: float


def local_features(rgb: Rgb, *, most: int, side: int = 1024) -> LocalFeatures:
    """What are the corners of this picture?

    Args:
        rgb: The picture; looked at with at most `side` pixels a side.
        most: Most features; spread over the picture rather than all in its busiest part.
        side: Longest side that is looked at.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < _LEAST_HEIGHT:
        return _no_features(width, height)
    longest = max(height, width)
    scale = min(side, max(longest, min(_LEAST_SIDE, side))) / longest
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if scale != 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        grey = cv2.resize(grey, size, interpolation=kind)
    orb = cv2.ORB.create(nfeatures=3 * most, fastThreshold=8)
    corners, descriptors = orb.detectAndCompute(grey, None)
    if not corners:
        return _no_features(width, height)
    facts = np.array(
        [(*corner.pt, corner.size, corner.angle, corner.response) for corner in corners], np.float32
    )
    kept = _spread(facts, grey.shape[1], grey.shape[0], most)
    facts, descriptors = facts[kept], np.asarray(descriptors, np.uint8)[kept]
    return LocalFeatures(
        facts[:, :2] / scale, facts[:, 2] / scale, facts[:, 3], descriptors, width, height
    )


def _no_features(width: int, height: int) -> LocalFeatures:
    none = np.zeros((0,), np.float32)
    return LocalFeatures(
        np.zeros((0, 2), np.float32), none, none, np.zeros((0, 32), np.uint8), width, height
    )


def _spread(facts: NDArray[np.float32], width: int, height: int, most: int) -> NDArray[np.intp]:
    """The strongest of each cell in turns, until there are enough."""
    cells = np.minimum(facts[:, 0] * _CELLS / width, _CELLS - 1).astype(int) + _CELLS * np.minimum(
        facts[:, 1] * _CELLS / height, _CELLS - 1
    ).astype(int)
    by_strength = np.argsort(-facts[:, 4], kind="stable")
    by_cell = by_strength[np.argsort(cells[by_strength], kind="stable")]
    starts = np.searchsorted(cells[by_cell], np.arange(_CELLS * _CELLS))
    rank = np.arange(len(facts)) - starts[cells[by_cell]]
    return by_cell[np.argsort(rank, kind="stable")[:most]]


def fit_geometry(reference: LocalFeatures, copy: LocalFeatures) -> Geometry | None:
    """How does the reference lie in the copy, by the features that both have?

    None where too few agree, or only on something that no copy is: squeezed to a line,
    sheared, a hundredth of the size. It says nothing of how alike the pictures are.
    """
    if min(len(reference), len(copy)) < _LEAST_MATCHES:
        return None
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    pairs = [
        best[0]
        for best in matcher.knnMatch(reference.descriptors, copy.descriptors, k=2)
        if best[0].distance <= _MOST_BITS
        and (len(best) < 2 or best[0].distance < _RATIO * best[1].distance)
    ]
    if len(pairs) < _LEAST_MATCHES:
        return None
    source = reference.points[[pair.queryIdx for pair in pairs]]
    target = copy.points[[pair.trainIdx for pair in pairs]]
    reach = _REACH_PX * max(copy.width, copy.height) / 1024
    affine, chosen = cv2.estimateAffine2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=reach, maxIters=4000
    )
    if affine is None or not _is_plausible(np.asarray(affine, np.float64)):
        return None
    # Several features at one corner are one witness.
    agreeing = target[chosen.ravel() > 0]
    inliers = len({tuple(point) for point in np.rint(agreeing / reach).tolist()})
    if inliers < _LEAST_MATCHES:
        return None
    # A few always agree by chance, anywhere: the hull is that of those near the middle.
    away = np.linalg.norm(agreeing - np.median(agreeing, axis=0), axis=1)
    middle = agreeing[away <= np.quantile(away, _NEAR_THE_MIDDLE)]
    hull_px = float(cv2.contourArea(cv2.convexHull(middle.astype(np.float32))))
    return Geometry(np.vstack([affine, [0.0, 0.0, 1.0]]), inliers, hull_px)


def _is_plausible(affine: NDArray[np.float64]) -> bool:
    linear = affine[:, :2]
    if not np.isfinite(affine).all() or np.linalg.det(linear) <= 0:
        return False
    large, small = np.linalg.svd(linear, compute_uv=False)
    # Stretching along the picture's own sides leaves right angles right.
    one, other = linear[:, 0], linear[:, 1]
    lean = abs(float(one @ other)) / (math.hypot(*one) * math.hypot(*other))
    return bool(
        large / small <= _MOST_STRETCH
        and small >= _LEAST_SCALE
        and large <= _MOST_SCALE
        and lean < 0.15
    )
