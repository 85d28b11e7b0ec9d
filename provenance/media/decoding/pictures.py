"""Decoding pictures: the one door through which an untrusted picture becomes pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.orientation import exif_orientation, turned
from provenance.media.formats import MediaFormat

__all__ = ["DECODED_FORMATS", "DecodedPicture", "Rgb", "decode_picture"]

Rgb = NDArray[np.uint8]
"""Pixels, rows x columns x 3: red, green, blue. Of a colour profile no notice is taken."""

# Of the height of a JPEG whose end is missing: less is no picture to be compared.
_LEAST_SHOWN = 0.75
# One in so many bytes of a WebP may be missing at its end.
_MISSING_OF_WEBP = 64


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG, decoded as far as it goes, as every browser does.

    Where its last byte alone is missing it looks the same to people. A copy must not escape
    a look at it by that.
    """

    is_cut_short = False

    def load_read(self, read_bytes: int) -> bytes:
        """More of the coded picture, and the marker of its end where there is none."""
        data: bytes = self.fp.read(read_bytes) if self.fp is not None else b""
        if not data and not self.is_cut_short:
            self.is_cut_short = True
            return b"\xff\xd9"
        return data


def _webp(stream: BinaryIO) -> Image.Image:
    """A WebP, with nothing in the place of a few last bytes that are missing.

    For the same reason: its decoder gives nothing of a file that is shorter than it says.
    """
    data = stream.read()
    said = 8 + int.from_bytes(data[4:8], "little")
    missing = said - len(data)
    if 0 < missing <= said // _MISSING_OF_WEBP:
        data += bytes(missing)
    return WebPImagePlugin.WebPImageFile(io.BytesIO(data))


_PLUGINS: Mapping[str, Callable[..., Image.Image]] = {
    "jpeg": _Jpeg,
    "png": PngImagePlugin.PngImageFile,
    "webp": _webp,
    "gif": GifImagePlugin.GifImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "dng": TiffImagePlugin.TiffImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "heic": pillow_heif.HeifImageFile,
    "heif": pillow_heif.HeifImageFile,
}

DECODED_FORMATS = frozenset(_PLUGINS)
"""Names of the formats whose pictures can be decoded."""

# What the decoders raise on hostile bytes, found by mutation. A programming error of ours
# in here would be reported as a malformed picture: this module is small for that reason.
_DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError)
# These turn the picture themselves while they decode it.
_TURNED_BY_DECODER = frozenset({"tiff", "dng", "heic", "heif"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPicture:
    """A picture as it is shown: turned, on white, eight bits a colour.

    Attributes:
        rgb: Its pixels, at most `max_side` a side.
        width: Of the picture in the file, as it is shown; `rgb` may be smaller.
        height: Likewise.
    """

    rgb: Rgb
    width: int
    height: int


def decode_picture(
    stream: BinaryIO,
    media_format: MediaFormat,
    *,
    max_side: int | None = 1024,
    limits: Limits = DEFAULT_LIMITS,
) -> DecodedPicture:
    """What does this picture look like?

    The first frame of an animation, the primary picture of a collection. Whatever is
    see-through is laid on white. A JPEG that lacks its end is shown as far as it goes, and
    a WebP that lacks its last few bytes too. A JPEG is decoded at a reduced size where that
    is enough, at about half the cost.

    Args:
        stream: The file, read from its start; left open.
        media_format: As sniffed from its bytes. Only that format's decoder is tried.
        max_side: Scale it down to this many pixels a side; None leaves it as it is.
        limits: `max_picture_pixels`, `max_picture_bytes`.

    Raises:
        MalformedError: Not a picture of this format, or cut short; or a format whose
            pictures are not decoded (`DECODED_FORMATS`).
        LimitError: Larger than a limit; nothing was decoded.
    """
    name = media_format.name
    plugin = _PLUGINS.get(name)
    if plugin is None:
        raise MalformedError(f"picture: expected one of {sorted(_PLUGINS)}, got {name}")
    size_bytes = stream.seek(0, 2)
    if size_bytes > limits.max_picture_bytes:
        raise LimitError(
            f"{name} picture: expected at most {limits.max_picture_bytes} bytes, got {size_bytes}"
        )
    stream.seek(0)
    try:
        # Not `Image.open`: it would try other decoders than that of the sniffed format, and
        # its own bound on the size is a setting of the whole process, a warning at first.
        picture = plugin(stream)
        _check_size(picture.size, name, limits)
        size = picture.size
        if max_side is not None and isinstance(picture, JpegImagePlugin.JpegImageFile):
            # Three quarters of the side are enough to recognise: 4000 pixels give 1000.
            least = max_side * 3 // 4 / max(size)
            picture.draft(picture.mode, (int(size[0] * least) or 1, int(size[1] * least) or 1))
        picture.load()
        # Some decoders learn the size only now.
        _check_size(picture.size, name, limits)
        if not isinstance(picture, JpegImagePlugin.JpegImageFile):
            size = picture.size
        orientation = (
            1 if name in _TURNED_BY_DECODER else exif_orientation(picture.info.get("exif"))
        )
        pixels = _scaled(_eight_bits(picture), max_side)
        if isinstance(picture, _Jpeg) and picture.is_cut_short:
            _check_shown(pixels, name)
        rgb = turned(pixels, orientation)
    except _BOMBS as error:
        raise LimitError(
            f"{name} picture: expected at most {limits.max_picture_pixels} pixels, "
            "got more than the decoder takes"
        ) from error
    except _DECODER_ERRORS as error:
        raise MalformedError(f"{name} picture: cannot be decoded: {_explain(error)}") from error
    width, height = size if orientation < 5 else size[::-1]
    return DecodedPicture(rgb=np.ascontiguousarray(rgb), width=width, height=height)


def _check_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise MalformedError(f"{name} picture: expected a size, got {width} x {height}")
    if width * height > limits.max_picture_pixels:
        raise LimitError(
            f"{name} picture: expected at most {limits.max_picture_pixels} pixels, "
            f"got {width} x {height}"
        )


def _check_shown(pixels: Rgb, name: str) -> None:
    """Is most of it there? What is not is of one colour, down to the last row."""
    is_bare = (pixels == pixels[-1, -1]).all(axis=(1, 2))
    shown = np.flatnonzero(~is_bare)
    if not shown.size or shown[-1] + 1 < _LEAST_SHOWN * len(pixels):
        raise MalformedError(f"{name} picture: cannot be decoded: most of it is cut off")


def _eight_bits(picture: Image.Image) -> Image.Image:
    if picture.mode == "F" or picture.mode.startswith("I"):
        picture = _from_numbers(np.asarray(picture))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        picture = white
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _from_numbers(values: NDArray[Any]) -> Image.Image:
    """Grey values of more than eight bits: by the type's range, or by their own."""
    if values.dtype.kind == "u" or (values.dtype.kind == "i" and values.max(initial=0) < 65_536):
        grey = np.clip(values, 0, 65_535) / 257.0
    else:
        finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
        low, high = float(finite.min()), float(finite.max())
        grey = (finite - low) * (255.0 / max(high - low, 1e-9))
    return Image.fromarray(np.rint(grey).astype(np.uint8))


def _scaled(picture: Image.Image, max_side: int | None) -> Rgb:
    longest = max(picture.size)
    if max_side is not None and longest > max_side:
        width, height = (max(1, round(side * max_side / longest)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.asarray(picture)


def _explain(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:200]
