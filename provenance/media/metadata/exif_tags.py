"""The EXIF tags that describe a picture; all others are technical and are not read.

Source: CIPA DC-008-2023 (EXIF 3.0) tables 4 to 18; the XP tags are Windows' own.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DATES", "EXIF_DIRECTORY", "EXIF_TAGS", "GPS_DIRECTORY", "MAIN_TAGS", "PRIVATE_TEXT"]

EXIF_DIRECTORY = 0x8769
GPS_DIRECTORY = 0x8825

MAIN_TAGS: dict[int, str] = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x0132: "DateTime",
    0x013B: "Artist",
    0x013C: "HostComputer",
    0x8298: "Copyright",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9D: "XPAuthor",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
"""Names of the tags that are read from the first directory."""

EXIF_TAGS: dict[int, str] = {
    0x9003: "DateTimeOriginal",
    0x9004: "DateTimeDigitized",
    # Parts of the dates, listed with them.
    **dict.fromkeys((0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292), ""),
    0x9286: "UserComment",
    0x829A: "ExposureTime",
    0x829D: "FNumber",
    0x8827: "ISOSpeedRatings",
    0x920A: "FocalLength",
    0xA420: "ImageUniqueID",
    0xA430: "CameraOwnerName",
    0xA431: "BodySerialNumber",
    0xA433: "LensMake",
    0xA434: "LensModel",
    0xA435: "LensSerialNumber",
    0xA436: "ImageTitle",
    0xA437: "Photographer",
    0xA438: "ImageEditor",
    0xA439: "CameraFirmware",
    0xA43A: "RAWDevelopingSoftware",
    0xA43B: "ImageEditingSoftware",
    0xA43C: "MetadataEditingSoftware",
}
"""Names of the tags that are read from the EXIF directory; without one they only help."""

DATES: Mapping[int, tuple[int, int]] = {
    0x0132: (0x9290, 0x9010),
    0x9003: (0x9291, 0x9011),
    0x9004: (0x9292, 0x9012),
}
"""A date, the tag with its fraction of a second and the one with its offset from UTC."""

PRIVATE_TEXT = frozenset({0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F})
"""Tags of type BYTE that hold UTF-16."""
