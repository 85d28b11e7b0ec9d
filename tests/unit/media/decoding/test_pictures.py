"""Pictures become pixels as they are shown, or say why not."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS
from provenance.media.decoding.pictures import DecodedPicture, decode_picture
from provenance.media.formats import FORMATS
from tests.factory import pictures
from tests.factory.scenes import photo


def decoded(data: bytes, name: str, **options: int | None) -> DecodedPicture:
    return decode_picture(io.BytesIO(data), FORMATS[name], **options)  # type: ignore[arg-type]


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "tiff", "avif", "heic"])
def test_every_format_gives_the_same_picture(name: str) -> None:
    picture = decoded(getattr(pictures, name)(1), name)
    size = (picture.width, picture.height)
    scene = pictures.scene(1) if name != "gif" else pictures.scene(1, size)
    difference = np.abs(picture.rgb.astype(int) - np.asarray(scene).astype(int)).mean()
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.shape == (picture.height, picture.width, 3)
    assert difference < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_it_is_shown(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.new("RGB", (64, 32), "black")
    picture.paste((255, 255, 255), (0, 0, 16, 16))
    data = saved(picture, "PNG", exif=exif)
    got = decoded(data, "png")
    # Pillow's own turning is the second opinion.
    with Image.open(io.BytesIO(data)) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    assert np.array_equal(got.rgb, expected)
    assert (got.height, got.width) == expected.shape[:2]


def test_a_turned_jpeg_that_is_decoded_smaller_has_its_true_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(pictures.scene(2, (1600, 800)), "JPEG", exif=exif)
    picture = decoded(data, "jpeg", max_side=200)
    assert (picture.width, picture.height) == (800, 1600)
    assert picture.rgb.shape == (200, 100, 3)


def test_what_is_see_through_lies_on_white() -> None:
    picture = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert (decoded(saved(picture, "PNG"), "png").rgb == 255).all()


@pytest.mark.parametrize(
    ("mode", "colour"),
    [
        ("L", 128),
        ("1", 1),
        ("P", 3),
        ("LA", (128, 255)),
        ("I;16", 32_896),
        ("RGBA", (1, 2, 3, 255)),
    ],
)
def test_every_kind_of_pixel_becomes_eight_bit_colour(mode: str, colour: object) -> None:
    picture = Image.new(mode, (8, 8), colour)  # type: ignore[arg-type]
    rgb = decoded(saved(picture, "PNG"), "png").rgb
    assert rgb.shape == (8, 8, 3)
    if mode in {"L", "LA", "I;16"}:
        assert (rgb == 128).all()


def test_inks_become_colours() -> None:
    data = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    red, green, blue = decoded(data, "jpeg").rgb.reshape(-1, 3).mean(axis=0)
    assert red > 200
    assert max(green, blue) < 60


def test_the_first_frame_of_an_animation_is_the_picture() -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    data = saved(first, "GIF", save_all=True, append_images=[second])
    assert (decoded(data, "gif").rgb == (255, 0, 0)).all()


def _png_of(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(LimitError, match=r"at most 200000000 pixels, got 30000 x 30000"):
        decoded(_png_of(30_000, 30_000), "png")


def test_a_file_that_is_too_large_is_refused() -> None:
    limits = replace(DEFAULT_LIMITS, max_picture_bytes=1000)
    with pytest.raises(LimitError, match="at most 1000 bytes"):
        decode_picture(io.BytesIO(pictures.jpeg(1)), FORMATS["jpeg"], limits=limits)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "tiff", "avif", "heic"])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_picture_that_is_cut_short_says_so(name: str, share: float) -> None:
    data = getattr(pictures, name)(1)
    with pytest.raises(MalformedError, match=f"{name} picture: cannot be decoded"):
        decoded(data[: int(len(data) * share)], name)


@pytest.mark.parametrize("missing", [0, 1, 2, 40])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("jpeg", {}),
        ("jpeg", {"progressive": True}),
        ("webp", {}),
        ("webp", {"lossless": True}),
    ],
    ids=["jpeg", "progressive", "webp", "lossless webp"],
)
def test_without_its_last_bytes_a_picture_is_looked_at_as_in_a_browser(
    name: str, options: dict[str, object], missing: int
) -> None:
    """To people it looks the same, so it must not escape a comparison by that."""
    data = saved(Image.fromarray(photo(3, size=(480, 320))), name, **options)
    whole = decoded(data, name).rgb.astype(int)
    cut = decoded(data[: len(data) - missing], name).rgb.astype(int)
    assert cut.shape == whole.shape
    assert np.abs(cut - whole).mean() <= (2 if missing else 0)
    assert np.abs(cut - whole)[:240].mean() < 1


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_a_picture_of_which_half_is_cut_off_is_not_compared(name: str) -> None:
    data = saved(Image.fromarray(photo(3, size=(480, 320))), name)
    with pytest.raises(MalformedError, match=f"{name} picture: cannot be decoded"):
        decoded(data[: len(data) // 2], name)


def test_only_the_decoder_of_the_sniffed_format_is_tried() -> None:
    with pytest.raises(MalformedError, match="jpeg picture"):
        decoded(pictures.png(1), "jpeg")


def test_a_format_without_a_decoder_is_named() -> None:
    with pytest.raises(MalformedError, match="got svg"):
        decoded(b"<svg/>", "svg")
