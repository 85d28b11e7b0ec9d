"""Photo-like scenes, drawn by code: textures, figures, lights, text, and bursts of them.

Nobody real is in them. One seed is one scene; one frame number is one moment of it, so that
frames of a seed are a burst: what moves has moved a little, and so has the camera.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["photo"]

Rgb = NDArray[np.uint8]
_Floats = NDArray[np.float32]
_WORDS = ("NOVA9", "AURORA", "LIVE", "TOUR", "SEOUL", "STAGE", "ENCORE", "2026", "BACKSTAGE")


def photo(seed: int, frame: int = 0, *, size: tuple[int, int] = (960, 640)) -> Rgb:
    """A scene at one moment; the same arguments give the same pixels.

    Args:
        seed: Which scene.
        frame: Which moment of its burst; frame 0 is as good as any.
        size: Width and height in pixels.
    """
    rng = np.random.default_rng(seed)
    moment = np.random.default_rng((seed, frame))
    width, height = size
    if rng.random() < 0.25:
        width, height = height, width
    canvas = _background(rng, width, height)
    for _ in range(int(rng.integers(4, 18))):
        _thing(canvas, rng, moment)
    for _ in range(int(rng.integers(0, 5))):
        _figure(canvas, rng, moment)
    for _ in range(int(rng.integers(0, 4))):
        _words(canvas, rng, moment)
    if rng.random() < 0.5:
        _lights(canvas, rng, moment)
    shaken = _shaken(canvas, moment)
    grain = moment.standard_normal(shaken.shape, np.float32) * np.float32(rng.uniform(0.5, 3.0))
    return np.asarray(np.clip(shaken + grain, 0, 255), np.uint8)


def _texture(
    rng: np.random.Generator, width: int, height: int, *, roughness: float, finest: int = 2
) -> _Floats:
    """Noise of many sizes, -1 to 1: clouds where it is smooth, gravel where it is rough."""
    total = np.zeros((height, width), np.float32)
    cell, weight = max(width, height) / 2.5, 1.0
    while cell >= finest:
        grid = rng.normal(0, 1, (int(height / cell) + 2, int(width / cell) + 2)).astype(np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cell, weight = cell / 2, weight * roughness
    return total / max(float(np.abs(total).max()), 1e-6)


def _background(rng: np.random.Generator, width: int, height: int) -> _Floats:
    top, bottom = rng.uniform(10, 230, 3), rng.uniform(10, 230, 3)
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    blend = np.broadcast_to((1 - ramp) * top + ramp * bottom, (height, width, 3))
    canvas: _Floats = np.ascontiguousarray(blend, np.float32)
    depth = rng.uniform(10, 70)
    texture = _texture(rng, width, height, roughness=rng.uniform(0.4, 0.85))
    canvas += depth * texture[..., None] * rng.uniform(0.4, 1.0, 3).astype(np.float32)
    if rng.random() < 0.2:
        _windows(canvas, rng)
    return canvas


def _windows(canvas: _Floats, rng: np.random.Generator) -> None:
    """A house front: the same shape again and again, as local features dislike it."""
    height, width = canvas.shape[:2]
    step = int(rng.integers(36, 90))
    for top in range(int(rng.integers(0, step)), height, step):
        for left in range(int(rng.integers(0, step)), width, step):
            colour = rng.uniform(20, 240, 3)
            corner = (left + step // 2, top + int(step * 0.6))
            cv2.rectangle(canvas, (left, top), corner, colour.tolist(), -1, cv2.LINE_AA)


def _moved(
    at: NDArray[np.float64], moment: np.random.Generator, width: int, by: float
) -> NDArray[np.float64]:
    return at + moment.normal(0, by, 2) * width


def _thing(canvas: _Floats, rng: np.random.Generator, moment: np.random.Generator) -> None:
    """A textured ellipse or polygon; in half of the bursts' moments it has moved."""
    height, width = canvas.shape[:2]
    centre = rng.random(2) * (width, height)
    radius = rng.uniform(0.03, 0.22) * width
    kind, count = rng.random(), int(rng.integers(3, 9))
    angles = np.sort(rng.random(count)) * 2 * np.pi
    reach = rng.uniform(0.4, 1.0, count) * radius
    axes, turn = (rng.uniform(0.3, 1.0, 2) * radius).astype(int), rng.uniform(0, 180)
    colour, depth = rng.uniform(0, 255, 3), rng.uniform(0, 60)
    texture = _texture(rng, 96, 96, roughness=rng.uniform(0.4, 0.9), finest=3)
    if rng.random() < 0.5:
        centre = _moved(centre, moment, width, 0.01)
    mask = np.zeros((height, width), np.uint8)
    if kind < 0.5:
        middle = (int(centre[0]), int(centre[1]))
        cv2.ellipse(
            mask, middle, (int(axes[0]) + 1, int(axes[1]) + 1), turn, 0, 360, 255, -1, cv2.LINE_AA
        )
    else:
        points = centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * reach[:, None]
        cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
    _paint(canvas, mask, colour, depth, texture)


def _paint(
    canvas: _Floats, mask: Rgb, colour: NDArray[np.float64], depth: float, texture: _Floats
) -> None:
    left, top, wide, high = cv2.boundingRect(mask)
    if not wide or not high:
        return
    part = canvas[top : top + high, left : left + wide]
    share = mask[top : top + high, left : left + wide, None].astype(np.float32) / 255
    surface = cv2.resize(texture, (wide, high), interpolation=cv2.INTER_CUBIC)[..., None] * depth
    shade = np.linspace(20, -20, high, dtype=np.float32)[:, None, None]
    part[:] = (1 - share) * part + share * (colour.astype(np.float32) + surface + shade)


def _figure(canvas: _Floats, rng: np.random.Generator, moment: np.random.Generator) -> None:
    """Somebody who does not exist: a body, hair, an oval face with eyes and a mouth."""
    height, width = canvas.shape[:2]
    at = rng.uniform(0.1, 0.9, 2) * (width, height)
    at = _moved(at, moment, width, 0.012)
    face = rng.uniform(0.03, 0.09) * width
    x, y, r = int(at[0]), int(at[1]), int(face)
    skin, hair, cloth = rng.uniform(90, 240, 3), rng.uniform(0, 120, 3), rng.uniform(0, 255, 3)
    cloth_texture = _texture(rng, 96, 96, roughness=0.8, finest=3)
    body = np.zeros((height, width), np.uint8)
    feet = min(height, y + 6 * r)
    corners = [(x - r, y + r), (x + r, y + r), (x + 2 * r, feet), (x - 2 * r, feet)]
    cv2.fillPoly(body, [np.array(corners, np.int32)], 255, cv2.LINE_AA)
    _paint(canvas, body, cloth, 45, cloth_texture)

    def oval(dx: float, dy: float, wide: float, high: float, colour: NDArray[np.float64]) -> None:
        middle = (int(x + dx * r), int(y + dy * r))
        axes = (max(1, int(wide * r)), max(1, int(high * r)))
        cv2.ellipse(canvas, middle, axes, 0, 0, 360, colour.tolist(), -1, cv2.LINE_AA)

    oval(0, -0.25, 0.95, 1.15, hair)
    oval(0, 0, 0.75, 1.0, skin)
    look = moment.normal(0, 0.05)
    for side in (-0.3, 0.3):
        oval(side + look, -0.15, 0.16, 0.1, np.array([245.0] * 3))
        oval(side + look, -0.15, 0.08, 0.09, hair * 0.4)
        oval(side, -0.36, 0.2, 0.04, hair)
    oval(look, 0.15, 0.07, 0.16, skin * 0.85)
    oval(0, 0.5, 0.28, 0.07 + abs(moment.normal(0, 0.04)), np.array([170.0, 50.0, 60.0]))


def _words(canvas: _Floats, rng: np.random.Generator, moment: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    at = rng.uniform(0.02, 0.8, 2) * (width, height)
    word = str(rng.choice(_WORDS)) + str(rng.integers(0, 999))
    scale, colour = rng.uniform(0.8, 3.0) * width / 960, rng.uniform(0, 255, 3)
    x, y = _moved(at, moment, width, 0.002)
    thick = max(1, int(scale * 2))
    mask = np.zeros((height, width), np.uint8)
    cv2.putText(
        mask, word, (int(x), int(y)), cv2.FONT_HERSHEY_DUPLEX, scale, 255, thick, cv2.LINE_AA
    )
    _paint(canvas, mask, colour, 0, np.zeros((4, 4), np.float32))


def _lights(canvas: _Floats, rng: np.random.Generator, moment: np.random.Generator) -> None:
    """A dark stage with cones of light that sweep."""
    height, width = canvas.shape[:2]
    canvas *= rng.uniform(0.3, 0.8)
    for _ in range(int(rng.integers(2, 7))):
        x, foot = rng.random() * width, rng.random() * width
        foot += moment.normal(0, 0.03) * width
        spread = rng.uniform(0.03, 0.12) * width
        cone = np.zeros((height, width), np.uint8)
        points = np.array([(x, 0), (foot - spread, height), (foot + spread, height)], np.int32)
        cv2.fillPoly(cone, [points], 255, cv2.LINE_AA)
        colour = rng.uniform(20, 140, 3).astype(np.float32)
        canvas += cv2.blur(cone, (9, 9))[..., None].astype(np.float32) / 255 * colour


def _shaken(canvas: _Floats, moment: np.random.Generator) -> _Floats:
    height, width = canvas.shape[:2]
    dx, dy = moment.normal(0, 0.008, 2) * width
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    shaken = cv2.warpAffine(canvas, move, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(shaken, np.float32)
