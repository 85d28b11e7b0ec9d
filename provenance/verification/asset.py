"""The asset under examination: its bytes and parts, and whether the engine may read them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers import parse_layout
from provenance.media.formats import Container, MediaFormat
from provenance.media.layout import Layout
from provenance.untrusted import clean_text

__all__ = ["AssetBytes", "asset_of", "fragment_layout", "layout_of", "why_not_read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetBytes:
    """The asset under examination.

    Attributes:
        stream: Its bytes, seekable.
        size_bytes: How many.
        media_format: As sniffed.
        layout: Its parts, or None where the container cannot be followed.
        layout_error: Why it cannot.
        fragments: Fragments given with an initialisation segment.
    """

    stream: BinaryIO
    size_bytes: int
    media_format: MediaFormat
    layout: Layout | None
    layout_error: str = ""
    fragments: Sequence[BinaryIO] = ()


def layout_of(
    stream: BinaryIO, size_bytes: int, media_format: MediaFormat, limits: Limits
) -> tuple[Layout | None, str]:
    """The file's parts, or why they cannot be told."""
    try:
        return parse_layout(stream, size_bytes, media_format, limits), ""
    except (MalformedError, LimitError) as error:
        return None, clean_text(error)


def asset_of(
    stream: BinaryIO, size_bytes: int, media_format: MediaFormat, limits: Limits
) -> AssetBytes:
    """A file that stands alone, without fragments, with its parts as far as they can be told."""
    layout, error = layout_of(stream, size_bytes, media_format, limits)
    return AssetBytes(
        stream=stream,
        size_bytes=size_bytes,
        media_format=media_format,
        layout=layout,
        layout_error=error,
    )


def fragment_layout(piece: BinaryIO, media_format: MediaFormat, limits: Limits) -> Layout:
    """Which parts make up this fragment?

    Raises:
        MalformedError, LimitError: They cannot be followed.
    """
    return parse_layout(piece, piece.seek(0, io.SEEK_END), media_format, limits)


def why_not_read(asset: AssetBytes, limits: Limits) -> str:
    """Why is the engine not asked about this file? Empty where it is.

    Its time grows with the square of the boxes beside each other in an ISO BMFF
    file, and it cannot be stopped: 800 kB of empty boxes keep it busy for a minute.
    """
    if asset.media_format.container is not Container.BMFF:
        return ""
    try:
        layouts = [fragment_layout(piece, asset.media_format, limits) for piece in asset.fragments]
    except LimitError as error:
        return f"fragment: {error}"
    except MalformedError:
        layouts = []  # said where coverage is judged
    if asset.layout is None:
        # A file that begins with a file type box has a layout, unless there was too much of it.
        return asset.layout_error
    for layout in (asset.layout, *layouts):
        beside = Counter(segment.path.rpartition("/")[0] for segment in layout.segments)
        if beside and max(beside.values()) > limits.max_boxes_beside:
            return f"more than {limits.max_boxes_beside} boxes beside each other"
    return ""
