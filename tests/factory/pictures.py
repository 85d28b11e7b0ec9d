"""Small pictures in every format, drawn by code: stage lights, a gradient, ovals.

Nobody real is in them. One seed is one scene, the same in every format.
"""

from __future__ import annotations

import io
import math
import random
import struct
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageDraw, PngImagePlugin, TiffImagePlugin

__all__ = ["avif", "gif", "heic", "jpeg", "png", "scene", "svg", "tiff", "webp"]

_SIZE = (192, 128)


@cache
def scene(seed: int = 1, size: tuple[int, int] = _SIZE, *, phase: float = 0.0) -> Image.Image:
    """A stage: gradient, cones of light, ovals. `phase` moves the lights (for video)."""
    rng = random.Random(seed)
    width, height = size
    top, bottom = ([rng.randrange(10, 110) for _ in range(3)] for _ in range(2))
    ramp = np.linspace(0.0, 1.0, height)[:, None, None]
    pixels = (1 - ramp) * np.array(top) + ramp * np.array(bottom)
    picture = Image.fromarray(
        np.broadcast_to(pixels, (height, width, 3)).astype(np.uint8).copy(), "RGB"
    )
    lights = Image.new("RGB", size)
    draw = ImageDraw.Draw(lights)
    for _ in range(5):
        x, spread = rng.random() * width, (0.05 + 0.1 * rng.random()) * width
        foot = rng.random() * width + math.sin(phase + x) * width * 0.2
        colour = tuple(rng.randrange(60, 200) for _ in range(3))
        draw.polygon([(x, 0), (foot - spread, height), (foot + spread, height)], fill=colour)
    picture = Image.blend(picture, lights, 0.45)
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        x, y = rng.random() * width, height * (0.35 + 0.5 * rng.random())
        wide, high = width * (0.04 + 0.06 * rng.random()), height * (0.1 + 0.15 * rng.random())
        colour = tuple(rng.randrange(80, 250) for _ in range(3))
        draw.ellipse([x - wide, y - high, x + wide, y + high], fill=colour)
    return picture


@cache
def jpeg(
    seed: int = 1,
    *,
    size: tuple[int, int] = _SIZE,
    quality: int = 88,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    iptc: bytes | None = None,
    progressive: bool = False,
) -> bytes:
    """A JPEG. `exif` is a TIFF block, `xmp` a packet, `iptc` IIM records, each without header."""
    options: dict[str, Any] = {"quality": quality, "progressive": progressive}
    if exif is not None:
        options["exif"] = b"Exif\0\0" + exif
    if xmp is not None:
        options["xmp"] = xmp
    data = _saved(scene(seed, size), "JPEG", **options)
    if iptc is not None:
        # Photoshop image resource 0x0404, IPTC-NAA, in APP13 straight after SOI.
        block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
        body = b"Photoshop 3.0\0" + block
        data = data[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + data[2:]
    return data


@cache
def png(
    seed: int = 1,
    *,
    size: tuple[int, int] = _SIZE,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    text: tuple[tuple[str, str], ...] = (),
    compress_level: int = 6,
) -> bytes:
    """A PNG, with an `eXIf` chunk, XMP and `iTXt` entries on request.

    At `compress_level` 0 any two pictures of one size are equally long.
    """
    info = PngImagePlugin.PngInfo()
    if xmp is not None:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8"))
    for key, value in text:
        info.add_itxt(key, value)
    options: dict[str, Any] = {"pnginfo": info, "compress_level": compress_level}
    if exif is not None:
        options["exif"] = exif
    return _saved(scene(seed, size), "PNG", **options)


@cache
def webp(seed: int = 1) -> bytes:
    return _saved(scene(seed), "WEBP", quality=80)


@cache
def gif(seed: int = 1, *, frames: int = 3) -> bytes:
    pictures = [scene(seed, (96, 64), phase=0.5 * k).quantize(64) for k in range(frames)]
    return _saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=80)


@cache
def tiff(seed: int = 1) -> bytes:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[270] = "stage lights"
    return _saved(scene(seed), "TIFF", compression="tiff_lzw", tiffinfo=info)


@cache
def heic(seed: int = 1) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(scene(seed)).save(out, quality=60)
    return out.getvalue()


@cache
def avif(seed: int = 1) -> bytes:
    return _saved(scene(seed), "AVIF", quality=60, speed=10)


@cache
def svg(seed: int = 1) -> bytes:
    rng = random.Random(seed)
    ovals = "".join(
        f'<ellipse cx="{rng.randrange(192)}" cy="{rng.randrange(128)}" rx="{rng.randrange(8, 30)}"'
        f' ry="{rng.randrange(8, 40)}" fill="#{rng.randrange(1 << 24):06x}"/>'
        for _ in range(8)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" width="192" height="128">'
        f'<rect width="192" height="128" fill="#181830"/>{ovals}</svg>\n'
    ).encode()


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
