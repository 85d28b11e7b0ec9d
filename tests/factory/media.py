"""Every sample there is, by name: its media type and the function that makes it.

One seed is one scene, the same in every format; another seed is clearly another scene.
Everything is made once a process and returned as bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.factory.documents import docx, epub, pdf
from tests.factory.pictures import avif, gif, heic, jpeg, png, scene, svg, tiff, webp
from tests.factory.recordings import avi, flac, fragmented_mp4, m4a, mov, mp3, mp4, tone, wav

__all__ = [
    "MEDIA_TYPES",
    "SAMPLES",
    "avi",
    "avif",
    "docx",
    "epub",
    "flac",
    "fragmented_mp4",
    "gif",
    "heic",
    "jpeg",
    "m4a",
    "make",
    "mov",
    "mp3",
    "mp4",
    "pdf",
    "png",
    "scene",
    "svg",
    "tiff",
    "tone",
    "wav",
    "webp",
]

MEDIA_TYPES: Mapping[str, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "heic": "image/heic",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "avi": "video/avi",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
}
"""Every sample's name and its media type."""

SAMPLES: Mapping[str, Callable[[int], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": webp,
    "gif": gif,
    "tiff": tiff,
    "heic": heic,
    "avif": avif,
    "svg": svg,
    "mp4": mp4,
    "mov": mov,
    "avi": avi,
    "m4a": m4a,
    "mp3": mp3,
    "wav": wav,
    "flac": flac,
    "pdf": pdf,
    "docx": docx,
    "epub": epub,
}
"""Every sample's name and the function that makes it from a seed."""


def make(kind: str, seed: int = 1) -> bytes:
    """The sample of this name and seed."""
    return SAMPLES[kind](seed)
