"""The words of resemblance: codes, and the fingerprint of one asset.

A code is 256 bits that stay nearly the same when a picture is scaled, recompressed or
recoloured, or a sound is encoded anew. Two codes are compared by the number of bits that
differ. Nearness is a lead and never proof: a changed face leaves a code as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

__all__ = ["CODE_BYTES", "Algorithm", "Code", "MediaFingerprint", "Reference"]

CODE_BYTES = 32


class Algorithm(StrEnum):
    """What a code was made with; codes of different algorithms are never compared.

    `pdq`: one view of a picture. `pdq-frame`: one frame of a video. `iscc-image`,
    `iscc-video`, `iscc-audio`: the content unit of ISO 24138, 256 bits, of the whole
    asset. `chroma`: about one second of sound, by Chromaprint.
    """

    PDQ = "pdq"
    PDQ_FRAME = "pdq-frame"
    ISCC_IMAGE = "iscc-image"
    ISCC_VIDEO = "iscc-video"
    ISCC_AUDIO = "iscc-audio"
    CHROMA = "chroma"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code of one view of an asset.

    Attributes:
        algorithm: What it was made with.
        bits: 256 bits.
        view: Which part or turn of the asset it is of: `whole`, `trimmed`, `crop 4:5`,
            `margin 5 %`, ...
        quality: How much there is to recognise, 0 to 100; a black frame has none.
        at_ms: Where in a video or track its view begins; None for a picture.
    """

    algorithm: Algorithm
    bits: bytes
    view: str = "whole"
    quality: int = 100
    at_ms: int | None = None

    def __post_init__(self) -> None:
        if len(self.bits) != CODE_BYTES:
            raise ValueError(f"code: expected {CODE_BYTES} bytes, got {len(self.bits)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What is kept of a registered asset, so that a resemblance to it can be confirmed.

    Attributes:
        kind: `picture`: an image file of at most 1024 pixels a side, of the asset itself
            or of one moment of a video. `features`: its local features, as `to_bytes`
            writes them. `sound`: the raw Chromaprint numbers, 32 bits each, little-endian,
            one every 0.1238 s.
        data: The bytes.
        at_ms: Which moment of a video; None otherwise.
        width: Of the asset as it is shown, in pixels; None for sound.
        height: Likewise.
    """

    kind: Literal["picture", "features", "sound"]
    data: bytes
    at_ms: int | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFingerprint:
    """What an asset looks and sounds like.

    Attributes:
        codes: Its codes.
        iscc: Its ISCC content code in the canonical spelling `ISCC:...`, 256 bits; None
            where none could be made.
        references: What confirms a resemblance to it; empty unless it is registered.
        duration_ms: Of a video or track.
        why_not: What could not be made, and why.
    """

    codes: tuple[Code, ...] = ()
    iscc: str | None = None
    references: tuple[Reference, ...] = ()
    duration_ms: int | None = None
    why_not: tuple[str, ...] = ()
