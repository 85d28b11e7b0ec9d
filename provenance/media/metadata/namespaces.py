"""The namespaces of metadata properties: one prefix for each, and which are technical.

A file's own prefixes are its author's choice (`dc` can be bound to anything), so a
property is named by its namespace's URI.

Sources: XMP part 1 (ISO 16684-1) and part 2; IPTC Photo Metadata Standard 2024.1;
CIPA DC-010 (EXIF in XMP); C2PA 2.2 "Metadata", CAWG Metadata 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["PREFIXES", "is_technical", "property_name", "qualified_name"]

PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "http://purl.org/dc/elements/1.1/": "dc",
        "http://purl.org/dc/terms/": "dcterms",
        "http://ns.adobe.com/xap/1.0/": "xmp",
        "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
        "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
        "http://ns.adobe.com/xap/1.0/bj/": "xmpBJ",
        "http://ns.adobe.com/xap/1.0/t/pg/": "xmpTPg",
        "http://ns.adobe.com/xap/1.0/g/": "xmpG",
        "http://ns.adobe.com/xap/1.0/g/img/": "xmpGImg",
        "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
        "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "stRef",
        "http://ns.adobe.com/xap/1.0/sType/Dimensions#": "stDim",
        "http://ns.adobe.com/xmp/sType/Area#": "stArea",
        "http://ns.adobe.com/xmp/1.0/DynamicMedia/": "xmpDM",
        "http://ns.adobe.com/xmp/note/": "xmpNote",
        "http://ns.adobe.com/photoshop/1.0/": "photoshop",
        "http://ns.adobe.com/tiff/1.0/": "tiff",
        "http://ns.adobe.com/exif/1.0/": "exif",
        "http://ns.adobe.com/exif/1.0/aux/": "aux",
        "http://cipa.jp/exif/1.0/": "exifEX",
        "http://cipa.jp/exif/2.32/": "exifEX",
        "http://ns.adobe.com/pdf/1.3/": "pdf",
        "http://ns.adobe.com/pdfx/1.3/": "pdfx",
        "http://www.aiim.org/pdfa/ns/id/": "pdfaid",
        "http://ns.adobe.com/camera-raw-settings/1.0/": "crs",
        "http://ns.adobe.com/lightroom/1.0/": "lr",
        "http://ns.adobe.com/hdr-gain-map/1.0/": "hdrgm",
        "http://ns.google.com/photos/1.0/camera/": "GCamera",
        "http://ns.google.com/photos/1.0/container/": "GContainer",
        "http://ns.google.com/photos/1.0/container/item/": "GItem",
        "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
        "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
        "http://ns.useplus.org/ldf/xmp/1.0/": "plus",
        "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
        "http://creativecommons.org/ns#": "cc",
        "http://prismstandard.org/namespaces/basic/2.0/": "prism",
        "http://schema.org/": "schema",
        "http://schema.org": "schema",
        "https://schema.org/": "schema",
        "https://schema.org": "schema",
        "http://schemas.openxmlformats.org/package/2006/metadata/core-properties": "cp",
        "urn:oasis:names:tc:opendocument:xmlns:meta:1.0": "odf",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    }
)
"""The prefix that each known namespace gets here."""

_TECHNICAL_PREFIXES = frozenset(
    ("xmpMM", "xmpBJ", "xmpTPg", "xmpG", "xmpGImg", "stEvt", "stRef", "stDim", "stArea")
) | frozenset(("xmpNote", "pdfaid", "crs", "hdrgm", "GContainer", "GItem", "rdf"))

_TECHNICAL_NAMES: Mapping[str, str] = {
    "tiff": (
        "ImageWidth ImageLength BitsPerSample Compression PhotometricInterpretation "
        "Orientation SamplesPerPixel PlanarConfiguration YCbCrSubSampling YCbCrPositioning "
        "XResolution YResolution ResolutionUnit TransferFunction WhitePoint "
        "PrimaryChromaticities YCbCrCoefficients ReferenceBlackWhite NativeDigest"
    ),
    "exif": (
        "ExifVersion FlashpixVersion ColorSpace ComponentsConfiguration "
        "CompressedBitsPerPixel PixelXDimension PixelYDimension MakerNote FileSource "
        "SceneType CFAPattern OECF SpatialFrequencyResponse NativeDigest GPSVersionID "
        "GPSLatitudeRef GPSLongitudeRef"
    ),
    "exifEX": "Gamma InteroperabilityIndex",
    "photoshop": "ColorMode ICCProfile LegacyIPTCDigest DocumentAncestors SidecarForExtension",
    "xmp": "Thumbnails ThumbnailsFormat",
    "dc": "format",
}
_TECHNICAL = frozenset(
    f"{prefix}:{name}" for prefix, names in _TECHNICAL_NAMES.items() for name in names.split()
)
# XMP Dynamic Media: frame rates, sample types, time codes.
_TECHNICAL_STARTS = ("xmpDM:video", "xmpDM:audio", "xmpDM:start", "xmpDM:altTime", "xmpDM:project")


def property_name(uri: str, local: str) -> str:
    """How is the property with this namespace called here?

    `dc:creator`; where the namespace is unknown, `{its-URI}creator`.
    """
    prefix = PREFIXES.get(uri)
    return f"{prefix}:{local}" if prefix else f"{{{uri}}}{local}" if uri else local


def qualified_name(tag: str) -> str:
    """The same for a name as XML parsers write it: `{URI}local`."""
    if not tag.startswith("{"):
        return tag
    uri, _, local = tag[1:].partition("}")
    return property_name(uri, local)


def is_technical(name: str) -> bool:
    """Does this property describe the encoding, not the content? Such are not listed."""
    return (
        name.partition(":")[0] in _TECHNICAL_PREFIXES
        or name in _TECHNICAL
        or name.startswith(_TECHNICAL_STARTS)
    )
