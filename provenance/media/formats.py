"""The media formats that can be examined, and the names each of them goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["FORMATS", "Container", "MediaFormat", "MediaKind", "extension_matches"]


class MediaKind(StrEnum):
    """What a person would call the file."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    SIDECAR = "sidecar"


class Container(StrEnum):
    """Which layout parser can follow the file."""

    JPEG = "jpeg"
    PNG = "png"
    RIFF = "riff"
    GIF = "gif"
    TIFF = "tiff"
    BMFF = "bmff"
    JXL = "jxl"
    SVG = "svg"
    MP3 = "mp3"
    FLAC = "flac"
    PDF = "pdf"
    ZIP = "zip"
    C2PA = "c2pa"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFormat:
    """One format, as recognised from the bytes of a file.

    Attributes:
        name: Our name for it, unique: `jpeg`.
        media_type: The media type to give to others: `image/jpeg`.
        kind: What a person would call it.
        extensions: File name extensions that fit it, without the dot, lower case.
        container: Which layout parser follows it.
        engine_type: The type to give to the C2PA engine; None where it reads none,
            such as a fragment without its initialisation segment, a naked JPEG XL
            codestream or an RF64 file.
    """

    name: str
    media_type: str
    kind: MediaKind
    extensions: tuple[str, ...]
    container: Container
    engine_type: str | None


_ROWS: tuple[tuple[str, str, MediaKind, str, Container, bool], ...] = (
    ("jpeg", "image/jpeg", MediaKind.IMAGE, "jpg jpeg jpe jfif", Container.JPEG, True),
    ("png", "image/png", MediaKind.IMAGE, "png apng", Container.PNG, True),
    ("webp", "image/webp", MediaKind.IMAGE, "webp", Container.RIFF, True),
    ("gif", "image/gif", MediaKind.IMAGE, "gif", Container.GIF, True),
    # Raw files of two cameras are TIFF to the engine, and told apart by name only.
    ("tiff", "image/tiff", MediaKind.IMAGE, "tif tiff nef arw", Container.TIFF, True),
    ("dng", "image/x-adobe-dng", MediaKind.IMAGE, "dng", Container.TIFF, True),
    ("heic", "image/heic", MediaKind.IMAGE, "heic heics heif heifs hif", Container.BMFF, True),
    ("heif", "image/heif", MediaKind.IMAGE, "heif heifs hif heic", Container.BMFF, True),
    ("avif", "image/avif", MediaKind.IMAGE, "avif avifs", Container.BMFF, True),
    ("jxl", "image/jxl", MediaKind.IMAGE, "jxl", Container.JXL, True),
    ("jxl-codestream", "image/jxl", MediaKind.IMAGE, "jxl", Container.JXL, False),
    ("svg", "image/svg+xml", MediaKind.IMAGE, "svg", Container.SVG, True),
    ("mp4", "video/mp4", MediaKind.VIDEO, "mp4 m4v mpg4 cmfv 3gp", Container.BMFF, True),
    ("mov", "video/quicktime", MediaKind.VIDEO, "mov qt", Container.BMFF, True),
    ("m4a", "audio/mp4", MediaKind.AUDIO, "m4a m4b mp4 cmfa", Container.BMFF, True),
    (
        "fmp4-fragment",
        "video/iso.segment",
        MediaKind.VIDEO,
        "m4s m4f m4v m4a mp4 cmfv cmfa",
        Container.BMFF,
        False,
    ),
    ("mp3", "audio/mpeg", MediaKind.AUDIO, "mp3 mpga", Container.MP3, True),
    ("wav", "audio/wav", MediaKind.AUDIO, "wav wave bwf", Container.RIFF, True),
    ("rf64", "audio/wav", MediaKind.AUDIO, "wav wave bwf rf64", Container.RIFF, False),
    ("flac", "audio/flac", MediaKind.AUDIO, "flac", Container.FLAC, True),
    ("avi", "video/x-msvideo", MediaKind.VIDEO, "avi", Container.RIFF, True),
    ("pdf", "application/pdf", MediaKind.DOCUMENT, "pdf ai", Container.PDF, True),
    ("epub", "application/epub+zip", MediaKind.DOCUMENT, "epub", Container.ZIP, True),
    ("oxps", "application/oxps", MediaKind.DOCUMENT, "oxps xps", Container.ZIP, True),
    ("zip", "application/x-zip", MediaKind.DOCUMENT, "zip", Container.ZIP, True),
    ("c2pa", "application/c2pa", MediaKind.SIDECAR, "c2pa", Container.C2PA, True),
)

_OFFICE = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_DOCUMENTS: tuple[tuple[str, str, str], ...] = (
    ("docx", _OFFICE + "wordprocessingml.document", "docx docm"),
    ("xlsx", _OFFICE + "spreadsheetml.sheet", "xlsx xlsm"),
    ("pptx", _OFFICE + "presentationml.presentation", "pptx pptm"),
    ("odt", _ODF + "text", "odt"),
    ("ods", _ODF + "spreadsheet", "ods"),
    ("odp", _ODF + "presentation", "odp"),
    ("odg", _ODF + "graphics", "odg"),
    ("ott", _ODF + "text-template", "ott"),
    ("ots", _ODF + "spreadsheet-template", "ots"),
    ("otp", _ODF + "presentation-template", "otp"),
    ("otg", _ODF + "graphics-template", "otg"),
)


def _table() -> dict[str, MediaFormat]:
    formats = [
        MediaFormat(
            name=name,
            media_type=media_type,
            kind=kind,
            extensions=tuple(extensions.split()),
            container=container,
            engine_type=media_type if engine_reads else None,
        )
        for name, media_type, kind, extensions, container, engine_reads in _ROWS
    ]
    formats += [
        MediaFormat(
            name=name,
            media_type=media_type,
            kind=MediaKind.DOCUMENT,
            extensions=tuple(extensions.split()),
            container=Container.ZIP,
            engine_type=media_type,
        )
        for name, media_type, extensions in _DOCUMENTS
    ]
    return {fmt.name: fmt for fmt in formats}


FORMATS: Mapping[str, MediaFormat] = MappingProxyType(_table())
"""Every format by its name."""

_KNOWN_EXTENSIONS = frozenset(ext for fmt in FORMATS.values() for ext in fmt.extensions)


def extension_matches(name: str, fmt: MediaFormat) -> bool | None:
    """Does this file name's extension fit the format its bytes say it is?

    None where the name has no extension or one that no format here goes by. A wrong
    extension alone says nothing about the content.
    """
    stem, dot, extension = name.rpartition(".")
    extension = extension.lower()
    if not dot or not stem or extension not in _KNOWN_EXTENSIONS:
        return None
    return extension in fmt.extensions
