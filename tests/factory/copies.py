"""What happens to pictures on their way: the copies that a register must lead back from."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.factory.scenes import photo

__all__ = ["BEYOND", "COPIES", "REPLACEMENTS", "Copy", "replaced"]

Rgb = NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """A changed picture.

    Attributes:
        rgb: Its pixels.
        changed: What was replaced or laid over it: left, top, width, height in pixels.
    """

    rgb: Rgb
    changed: tuple[int, int, int, int] | None = None


def _jpeg(rgb: Rgb, quality: int) -> Rgb:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out).convert("RGB"))


def _scaled(rgb: Rgb, factor: float) -> Rgb:
    size = (max(8, round(rgb.shape[1] * factor)), max(8, round(rgb.shape[0] * factor)))
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size, interpolation=kind), np.uint8)


def _cropped(rgb: Rgb, wide: float, high: float, across: float, down: float) -> Rgb:
    """A part this wide and high (of 1), placed between start (0) and end (1)."""
    height, width = rgb.shape[:2]
    w, h = round(width * wide), round(height * high)
    left, top = round((width - w) * across), round((height - h) * down)
    return np.ascontiguousarray(rgb[top : top + h, left : left + w])


def _margins(share: float) -> Callable[[Rgb, Rng], Copy]:
    """Cut this share of the width and height away, in the middle."""
    return lambda rgb, _: Copy(_cropped(rgb, 1 - share, 1 - share, 0.5, 0.5))


def _off_centre(share: float) -> Callable[[Rgb, Rng], Copy]:
    def crop(rgb: Rgb, rng: Rng) -> Copy:
        return Copy(_cropped(rgb, 1 - share, 1 - share, float(rng.random()), float(rng.random())))

    return crop


def _format(across: int, down: int, *, centred: bool) -> Callable[[Rgb, Rng], Copy]:
    def crop(rgb: Rgb, rng: Rng) -> Copy:
        height, width = rgb.shape[:2]
        wide = min(1.0, height * across / down / width)
        high = min(1.0, width * down / across / height)
        place = (0.5, 0.5) if centred else (float(rng.random()), float(rng.random()))
        return Copy(_cropped(rgb, wide, high, *place))

    return crop


def _framed(rgb: Rgb, across: int, down: int, background: Rgb | int) -> Rgb:
    """The picture in the middle of a frame of this format."""
    height, width = rgb.shape[:2]
    w, h = max(width, height * across // down), max(height, width * down // across)
    if isinstance(background, int):
        frame = np.full((h, w, 3), background, np.uint8)
    else:
        frame = np.asarray(cv2.resize(background, (w, h)), np.uint8).copy()
    top, left = (h - height) // 2, (w - width) // 2
    frame[top : top + height, left : left + width] = rgb
    return frame


def _text(rgb: Rgb, words: str, at: tuple[float, float], scale: float, colour: int) -> None:
    height, width = rgb.shape[:2]
    place = (int(at[0] * width), int(at[1] * height))
    size = scale * width / 960
    cv2.putText(
        rgb,
        words,
        place,
        cv2.FONT_HERSHEY_SIMPLEX,
        size,
        (colour,) * 3,
        max(1, round(2 * size)),
        cv2.LINE_AA,
    )


def _story(rgb: Rgb, _: Rng) -> Copy:
    frame = _framed(rgb, 9, 16, 16)
    _text(frame, "OMG look at this!!", (0.08, 0.12), 2.4, 250)
    _text(frame, "@nova9_daily - follow", (0.1, 0.9), 1.8, 230)
    return Copy(frame)


def _blurred_story(rgb: Rgb, _: Rng) -> Copy:
    blurred = np.asarray(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[1] / 25), np.uint8)
    return Copy(_framed(rgb, 9, 16, blurred))


def _screenshot(rgb: Rgb, _: Rng) -> Copy:
    frame = _framed(_scaled(rgb, 0.8), 9, 17, 250)
    frame[: frame.shape[0] // 30] = 30
    _text(frame, "12:34     LTE", (0.05, 0.025), 1.0, 240)
    _text(frame, "fan_account", (0.1, 0.12), 1.8, 20)
    _text(frame, "4,321 likes   reply   share", (0.1, 0.9), 1.5, 60)
    return Copy(frame)


def _bordered(share: float, level: int) -> Callable[[Rgb, Rng], Copy]:
    def border(rgb: Rgb, _: Rng) -> Copy:
        edge = round(share * max(rgb.shape[:2]))
        framed = cv2.copyMakeBorder(
            rgb, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(level,) * 3
        )
        return Copy(np.asarray(framed, np.uint8))

    return border


def _logo(rgb: Rgb, _: Rng) -> Copy:
    out = rgb.copy()
    height, width = out.shape[:2]
    radius = int(0.05 * width)
    middle = (int(0.92 * width), int(0.92 * height))
    cv2.circle(out, middle, radius, (240, 40, 90), -1, cv2.LINE_AA)
    cv2.circle(out, middle, radius // 2, (255, 255, 255), -1, cv2.LINE_AA)
    box = (middle[0] - radius, middle[1] - radius, 2 * radius, 2 * radius)
    return Copy(out, box)


def _caption(rgb: Rgb, _: Rng) -> Copy:
    out = rgb.copy()
    height, width = out.shape[:2]
    out[-int(0.12 * height) :] = 15
    _text(out, "NOVA9 shock news today", (0.05, 0.96), 1.4, 250)
    return Copy(out, (0, height - int(0.12 * height), width, int(0.12 * height)))


def _sticker(area: float) -> Callable[[Rgb, Rng], Copy]:
    def sticker(rgb: Rgb, rng: Rng) -> Copy:
        out = rgb.copy()
        height, width = out.shape[:2]
        radius = int(np.sqrt(area * width * height / np.pi))
        x = int(rng.integers(radius, max(radius + 1, width - radius)))
        y = int(rng.integers(radius, max(radius + 1, height - radius)))
        cv2.circle(out, (x, y), radius, (255, 215, 40), -1, cv2.LINE_AA)
        for side in (-1, 1):
            eye = (x + side * radius // 3, y - radius // 4)
            cv2.circle(out, eye, radius // 7, (40, 30, 10), -1, cv2.LINE_AA)
        half = radius // 2
        cv2.ellipse(out, (x, y + radius // 5), (half, half), 0, 0, 180, (40, 30, 10), 3)
        return Copy(out, (x - radius, y - radius, 2 * radius, 2 * radius))

    return sticker


def _rotated(degrees: float) -> Callable[[Rgb, Rng], Copy]:
    def rotate(rgb: Rgb, rng: Rng) -> Copy:
        height, width = rgb.shape[:2]
        sign = 1 if rng.random() < 0.5 else -1
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), sign * degrees, 1.0)
        return Copy(np.asarray(cv2.warpAffine(rgb, turn, (width, height)), np.uint8))

    return rotate


def _levels(gain: float, lift: float) -> Callable[[Rgb, Rng], Copy]:
    return lambda rgb, _: Copy(np.clip(rgb.astype(np.float32) * gain + lift, 0, 255).astype("u1"))


def _grey(rgb: Rgb, _: Rng) -> Copy:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return Copy(np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=2))


def _warm(rgb: Rgb, _: Rng) -> Copy:
    tint = np.array([1.15, 1.0, 0.75], np.float32)
    return Copy(np.clip(rgb * tint + 8, 0, 255).astype(np.uint8))


def _noisy(rgb: Rgb, rng: Rng) -> Copy:
    return Copy(np.clip(rgb + rng.normal(0, 15, rgb.shape), 0, 255).astype(np.uint8))


def _reposted(rgb: Rgb, _: Rng) -> Copy:
    small = _jpeg(_cropped(_scaled(rgb, 0.5), 0.96, 0.96, 0.5, 0.5), 50).copy()
    _text(small, "@reposter", (0.03, 0.95), 1.2, 240)
    return Copy(_jpeg(small, 60))


def replaced(area: float) -> Callable[[Rgb, Rng], Copy]:
    """Put a part of another scene over this share of the picture, softly joined."""

    def replace(rgb: Rgb, rng: Rng) -> Copy:
        height, width = rgb.shape[:2]
        shape = rng.uniform(0.7, 1.4)
        w = min(width - 4, round(np.sqrt(area * width * height * shape)))
        h = min(height - 4, round(area * width * height / w))
        left, top = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
        other = photo(int(rng.integers(10_000_000, 20_000_000)))
        scale = max(w / other.shape[1], h / other.shape[0], 0.5)
        patch = _scaled(other, scale * 1.02)[:h, :w]
        soft = max(1.0, 0.01 * width)
        share = np.zeros((h, w), np.float32)
        share[int(soft) : h - int(soft), int(soft) : w - int(soft)] = 1
        share = np.asarray(cv2.GaussianBlur(share, (0, 0), soft / 2), np.float32)[..., None]
        out = rgb.copy()
        part = out[top : top + h, left : left + w].astype(np.float32)
        out[top : top + h, left : left + w] = (share * patch + (1 - share) * part).astype(np.uint8)
        return Copy(_jpeg(out, 85), (left, top, w, h))

    return replace


def _plain(change: Callable[[Rgb], Rgb]) -> Callable[[Rgb, Rng], Copy]:
    return lambda rgb, _: Copy(change(rgb))


COPIES: Mapping[str, Callable[[Rgb, Rng], Copy]] = {
    "same bytes anew": _plain(lambda rgb: rgb),
    "jpeg q90": _plain(lambda rgb: _jpeg(rgb, 90)),
    "jpeg q50": _plain(lambda rgb: _jpeg(rgb, 50)),
    "jpeg q10": _plain(lambda rgb: _jpeg(rgb, 10)),
    "resize x0.5": _plain(lambda rgb: _scaled(rgb, 0.5)),
    "resize x0.25": _plain(lambda rgb: _scaled(rgb, 0.25)),
    "resize x2": _plain(lambda rgb: _scaled(rgb, 2)),
    "crop 1 %": _margins(0.01),
    "crop 5 %": _margins(0.05),
    "crop 10 %": _margins(0.10),
    "crop 20 %": _margins(0.20),
    "crop 5 % off centre": _off_centre(0.05),
    "crop 10 % off centre": _off_centre(0.10),
    "crop 20 % off centre": _off_centre(0.20),
    "1:1 centred": _format(1, 1, centred=True),
    "4:5 centred": _format(4, 5, centred=True),
    "9:16 centred": _format(9, 16, centred=True),
    "16:9 centred": _format(16, 9, centred=True),
    "letterbox 9:16": _plain(lambda rgb: _framed(rgb, 9, 16, 0)),
    "letterbox 1:1": _plain(lambda rgb: _framed(rgb, 1, 1, 255)),
    "border 2 %": _bordered(0.02, 255),
    "border 5 %": _bordered(0.05, 0),
    "blurred sides 9:16": _blurred_story,
    "story with text": _story,
    "screenshot frame": _screenshot,
    "logo": _logo,
    "caption 12 %": _caption,
    "sticker 2 %": _sticker(0.02),
    "sticker 10 %": _sticker(0.10),
    "mirror": _plain(lambda rgb: np.ascontiguousarray(rgb[:, ::-1])),
    "rotate 90°": _plain(lambda rgb: np.ascontiguousarray(np.rot90(rgb))),
    "rotate 1°": _rotated(1),
    "rotate 3°": _rotated(3),
    "brightness x1.4": _levels(1.4, 0),
    "contrast x1.5": _levels(1.5, -60),
    "darker": _levels(0.6, 0),
    "grey": _grey,
    "warm": _warm,
    "blur": _plain(lambda rgb: np.asarray(cv2.GaussianBlur(rgb, (0, 0), 2), np.uint8)),
    "noise": _noisy,
    "repost chain": _reposted,
}
"""Copies that must be found, by name."""

BEYOND: Mapping[str, Callable[[Rgb, Rng], Copy]] = {
    "rotate 5°": _rotated(5),
    "1:1 off centre": _format(1, 1, centred=False),
    "4:5 off centre": _format(4, 5, centred=False),
    "9:16 off centre": _format(9, 16, centred=False),
    "crop 30 % off centre": _off_centre(0.30),
    "crop 50 % off centre": _off_centre(0.50),
}
"""Copies that are found as often as can be."""

REPLACEMENTS: Mapping[str, float] = {
    "replaced 1 %": 0.01,
    "replaced 3 %": 0.03,
    "replaced 6 %": 0.06,
    "replaced 12 %": 0.12,
    "replaced 25 %": 0.25,
}
"""Shares of the picture that are replaced by part of another scene."""
