"""Clips drawn by code: shots of a stage with lights, dancers and cuts; and what people do to them.

A clip is an array of frames, 12 a second, 320 by 180 pixels.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["CLIP_EDITS", "FPS", "Clip", "EditedClip", "clip", "encode_clip", "lasting", "still"]

FPS = 12
WIDTH, HEIGHT = 320, 180

Clip = NDArray[np.uint8]


def clip(seed: int, *, seconds: float = 12.0, venue: int | None = None) -> Clip:
    """A clip of several shots. Clips of one venue share its backdrop and its lights."""
    rng = np.random.default_rng(seed)
    place = np.random.default_rng(10_000 + (seed if venue is None else venue))
    backdrop = _texture(place, 2.0)
    frames: list[Clip] = []
    total = round(seconds * FPS)
    while len(frames) < total:
        frames += _shot(rng, place, backdrop, round(rng.uniform(2.0, 5.0) * FPS))
    return np.stack(frames[:total])


def still(seed: int, text: str, *, seconds: float = 6.0) -> Clip:
    """A card with a text, held."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (WIDTH, HEIGHT), tuple(int(v) for v in rng.integers(0, 90, 3)))
    draw = ImageDraw.Draw(image)
    draw.text((60, 70), text, fill="white", font_size=28)
    return np.repeat(np.asarray(image)[None], round(seconds * FPS), axis=0)


def _texture(rng: np.random.Generator, zoom: float) -> NDArray[np.float32]:
    """Colours that change slowly from place to place, larger than a frame."""
    size = (round(WIDTH * zoom), round(HEIGHT * zoom))
    total = np.zeros((size[1], size[0], 3), dtype=np.float32)
    for cells, weight in ((3, 0.5), (7, 0.3), (19, 0.2)):
        grid = rng.integers(0, 256, (cells, cells * 16 // 9 + 1, 3), dtype=np.uint8)
        total += weight * np.asarray(
            Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC), dtype=np.float32
        )
    return total


def _shot(
    rng: np.random.Generator,
    place: np.random.Generator,
    backdrop: NDArray[np.float32],
    count: int,
) -> list[Clip]:
    """One camera: it pans over the backdrop while lights sweep and people move."""
    scale = rng.uniform(0.35, 1.0)
    crop = (round(WIDTH * scale), round(HEIGHT * scale))
    limit = np.array([backdrop.shape[1] - crop[0] - 1, backdrop.shape[0] - crop[1] - 1])
    start, end = rng.uniform(0, 1, 2) * limit, rng.uniform(0, 1, 2) * limit
    end = start + (end - start) * min(1.0, count / FPS / 8)
    people = [
        (
            rng.uniform(0.1, 0.9),
            rng.uniform(0.3, 0.8),
            rng.uniform(0.06, 0.2),
            rng.uniform(0.3, 1.5),
            rng.uniform(0, 6.3),
            tuple(int(v) for v in rng.integers(20, 236, 3)),
            tuple(int(v) for v in rng.integers(20, 236, 3)),
        )
        for _ in range(rng.integers(1, 6))
    ]
    lights = [
        (
            place.uniform(0, 1),
            rng.uniform(0.2, 0.9),
            rng.uniform(0.3, 1.2),
            rng.uniform(0, 6.3),
            tuple(int(v) for v in rng.integers(90, 256, 3)),
        )
        for _ in range(rng.integers(1, 4))
    ]
    frames: list[Clip] = []
    for index in range(count):
        t = index / FPS
        x, y = (start + (end - start) * index / count).astype(int)
        view = backdrop[y : y + crop[1], x : x + crop[0]]
        image = Image.fromarray(view.clip(0, 255).astype(np.uint8)).resize(
            (WIDTH, HEIGHT), Image.Resampling.BILINEAR
        )
        draw = ImageDraw.Draw(image, "RGBA")
        for top, spread, speed, phase, colour in lights:
            foot = WIDTH * (0.5 + 0.5 * np.sin(speed * t + phase))
            draw.polygon(
                [(WIDTH * top, 0), (foot - 60 * spread, HEIGHT), (foot + 60 * spread, HEIGHT)],
                fill=(*colour, 90),
            )
        for px, py, size, speed, phase, skin, cloth in people:
            cx = WIDTH * px + 40 * np.sin(speed * t + phase)
            cy = HEIGHT * py + 12 * np.sin(2 * speed * t + phase)
            r = HEIGHT * size
            draw.ellipse((cx - r, cy, cx + r, cy + 4 * r), fill=cloth)
            draw.ellipse((cx - 0.6 * r, cy - 1.3 * r, cx + 0.6 * r, cy + 0.2 * r), fill=skin)
            draw.ellipse((cx - 0.3 * r, cy - 0.8 * r, cx - 0.1 * r, cy - 0.6 * r), fill="black")
            draw.ellipse((cx + 0.1 * r, cy - 0.8 * r, cx + 0.3 * r, cy - 0.6 * r), fill="black")
        frames.append(np.asarray(image))
    return frames


def encode_clip(
    frames: Clip,
    *,
    codec: str = "libx264",
    container: str = "mp4",
    bit_rate: int = 600_000,
    fps: Fraction | int = FPS,
    options: dict[str, str] | None = None,
) -> bytes:
    """The clip as a file."""
    out = io.BytesIO()
    quick = {
        "libx264": {"preset": "ultrafast"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    }
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(
            codec, rate=fps, options={**quick.get(codec, {}), **(options or {})}
        )
        stream.height, stream.width = frames.shape[1] // 2 * 2, frames.shape[2] // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = bit_rate
        stream.codec_context.thread_count = 1
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(pixels[: stream.height, : stream.width]), format="rgb24"
            )
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedClip:
    """A copy, and where the release stands in it.

    Attributes:
        data: The file.
        start_s: Where in the copy the release's part begins.
        release_start_s: Where in the release that part begins.
        seconds: How long it is, in the copy.
        speed: How much faster than the release it plays.
    """

    data: bytes
    start_s: float
    release_start_s: float
    seconds: float
    speed: float = 1.0


def _each(frames: Clip, change: Callable[[Image.Image], Image.Image]) -> Clip:
    return np.stack([np.asarray(change(Image.fromarray(frame)).convert("RGB")) for frame in frames])


def _plain(change: Callable[[Clip], Clip], **how: Any) -> Callable[[Clip, int], EditedClip]:
    def edit(frames: Clip, seed: int) -> EditedClip:
        del seed
        return EditedClip(
            data=encode_clip(change(frames), **how),
            start_s=0.0,
            release_start_s=0.0,
            seconds=len(frames) / FPS,
        )

    return edit


def _at_fps(fps: Fraction | int) -> Callable[[Clip, int], EditedClip]:
    """Converted to another frame rate, as an editor does it: the nearest frame of each time."""

    def edit(frames: Clip, seed: int) -> EditedClip:
        del seed
        seconds = len(frames) / FPS
        times = np.arange(int(seconds * fps)) / float(fps)
        index = np.minimum((times * FPS).astype(int), len(frames) - 1)
        return EditedClip(
            data=encode_clip(frames[index], fps=fps),
            start_s=0.0,
            release_start_s=0.0,
            seconds=seconds,
        )

    return edit


def _excerpt(seconds: float) -> Callable[[Clip, int], EditedClip]:
    def edit(frames: Clip, seed: int) -> EditedClip:
        rng = np.random.default_rng(seed)
        first = int(rng.integers(0, len(frames) - round(seconds * FPS)))
        part = frames[first : first + round(seconds * FPS)]
        return EditedClip(
            data=encode_clip(part),
            start_s=0.0,
            release_start_s=first / FPS,
            seconds=len(part) / FPS,
        )

    return edit


def _inside(frames: Clip, seed: int) -> EditedClip:
    """Eight seconds of it within a longer video of other things."""
    rng = np.random.default_rng(seed)
    first = int(rng.integers(0, len(frames) - 8 * FPS))
    part = frames[first : first + 8 * FPS]
    before, after = clip(50_000 + seed, seconds=13.4), clip(60_000 + seed, seconds=9)
    return EditedClip(
        data=encode_clip(np.concatenate([before, part, after])),
        start_s=len(before) / FPS,
        release_start_s=first / FPS,
        seconds=len(part) / FPS,
    )


def _faster(factor: float) -> Callable[[Clip, int], EditedClip]:
    def edit(frames: Clip, seed: int) -> EditedClip:
        del seed
        rate = Fraction(round(FPS * factor * 100), 100)
        return EditedClip(
            data=encode_clip(frames, fps=rate),
            start_s=0.0,
            release_start_s=0.0,
            seconds=len(frames) / float(rate),
            speed=float(rate) / FPS,
        )

    return edit


def _resized(width: int, height: int) -> Callable[[Clip], Clip]:
    return lambda frames: _each(frames, lambda image: image.resize((width, height)))


def _cropped(share: float) -> Callable[[Clip], Clip]:
    dx, dy = round(WIDTH * share), round(HEIGHT * share)
    return lambda frames: frames[:, dy : HEIGHT - dy, dx : WIDTH - dx]


def _tall(frames: Clip) -> Clip:
    width = round(HEIGHT * 9 / 16) // 2 * 2
    left = (WIDTH - width) // 2
    return frames[:, :, left : left + width]


def _between_bars(width: int, height: int) -> Callable[[Clip], Clip]:
    def change(frames: Clip) -> Clip:
        scale = min(width / WIDTH, height / HEIGHT)
        size = (round(WIDTH * scale), round(HEIGHT * scale))

        def bar(image: Image.Image) -> Image.Image:
            page = Image.new("RGB", (width, height))
            page.paste(image.resize(size), ((width - size[0]) // 2, (height - size[1]) // 2))
            return page

        return _each(frames, bar)

    return change


def _drawn(draw_on: Callable[[ImageDraw.ImageDraw], None]) -> Callable[[Clip], Clip]:
    def change(frames: Clip) -> Clip:
        def drawn(image: Image.Image) -> Image.Image:
            draw_on(ImageDraw.Draw(image, "RGBA"))
            return image

        return _each(frames, drawn)

    return change


def _logo(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((268, 8, 312, 28), 6, fill=(255, 255, 255, 210))
    draw.text((276, 11), "N9TV", fill=(200, 0, 60), font_size=12)


def _caption(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((0, 158, WIDTH, HEIGHT), fill=(0, 0, 0, 170))
    draw.text((40, 161), "they really did it again", fill="white", font_size=14)


@cache
def _somebody_elses(count: int) -> Clip:
    return clip(70_001, seconds=count / FPS)


def _picture_in_picture(frames: Clip) -> Clip:
    """Small in the corner of somebody else's video."""
    other = _somebody_elses(len(frames)).copy()
    small = _each(frames, lambda image: image.resize((128, 72)))
    other[: len(small), 12:84, 180:308] = small[: len(other)]
    return other


def _coloured(frames: Clip) -> Clip:
    values = frames.astype(np.float32) * np.array([1.15, 1.0, 0.8], dtype=np.float32)
    return ((values - 128) * 1.25 + 140).clip(0, 255).astype(np.uint8)


def _as_it_is(frames: Clip) -> Clip:
    return frames


CLIP_EDITS: dict[str, Callable[[Clip, int], EditedClip]] = {
    "H.264, 150 kbit/s": _plain(_as_it_is, bit_rate=150_000),
    "VP9 in WebM, 200 kbit/s": _plain(
        _as_it_is, codec="libvpx-vp9", container="webm", bit_rate=200_000
    ),
    "24 frames/s": _at_fps(24),
    "25 frames/s": _at_fps(25),
    "29.97 frames/s": _at_fps(Fraction(30000, 1001)),
    "half size": _plain(_resized(160, 90)),
    "crop 2 %": _plain(_cropped(0.02)),
    "crop 5 %": _plain(_cropped(0.05)),
    "crop 7 %": _plain(_cropped(0.07)),
    "crop 9:16": _plain(_tall),
    "bars, 9:16": _plain(_between_bars(180, 320)),
    "bars, 4:3": _plain(_between_bars(320, 240)),
    "logo": _plain(_drawn(_logo)),
    "caption": _plain(_drawn(_caption)),
    "mirrored": _plain(lambda frames: np.ascontiguousarray(frames[:, :, ::-1])),
    "colour": _plain(_coloured),
    "excerpt, 5 s": _excerpt(5),
    "excerpt, 10 s": _excerpt(10),
    "8 s in a longer video": _inside,
    "4 % faster": _faster(1.04),
    "10 % faster": _faster(1.1),
    "picture in picture": _plain(_picture_in_picture),
}


def lasting(scale: int, rate: int, count: int = 3) -> bytes:
    """Three frames in an AVI that says it has `count`, of which `rate` come in `scale` seconds."""
    data = bytearray(encode_clip(clip(1, seconds=0.25), codec="mpeg4", container="avi"))
    # The stream's header: type, handler, flags, priority and language, first frames; then these.
    place = data.index(b"strh") + 8 + 20
    data[place : place + 16] = struct.pack("<IIII", scale, rate, 0, count)
    return bytes(data)
