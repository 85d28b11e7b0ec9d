"""Which metadata names mean the same thing: one table.

Sources: IPTC Photo Metadata Standard 2024.1, part "IIM/XMP/EXIF mapping"; Metadata
Working Group "Guidelines for Handling Image Metadata" 2.0 §5; CIPA DC-010 (EXIF in XMP);
ISO 16684-1 annex (PDF information dictionary in XMP, ISO 32000-2 §14.3.3); ECMA-376
part 2 §8 and schema.org CreativeWork for documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from provenance.media.metadata.positions import POSITION_NAME

__all__ = ["POSITION", "SOURCE_TYPE", "TAKEN", "assertion_thing", "is_position", "thing_of"]

TAKEN = "exif:DateTimeOriginal"
"""When the picture was taken."""

SOURCE_TYPE = "Iptc4xmpExt:DigitalSourceType"
"""How the content came to be."""

POSITION = POSITION_NAME
"""Where it was taken."""

# The thing, and the other names it goes by. A name in a file is written with the kind of
# record it was found in, but for XMP, which shares its names with signed assertions.
_SAME: tuple[tuple[str, str], ...] = (
    ("dc:creator", "exif:Artist exif:Photographer exif:XPAuthor iptc:By-line pdf-info:Author"),
    ("dc:creator", "schema:author schema:creator container:author"),
    ("dc:title", "iptc:ObjectName pdf-info:Title exif:ImageTitle exif:XPTitle container:title"),
    ("dc:title", "schema:name"),
    ("photoshop:Headline", "iptc:Headline schema:headline"),
    ("dc:description", "exif:ImageDescription iptc:Caption-Abstract pdf-info:Subject"),
    ("dc:description", "schema:description container:description"),
    ("dc:rights", "exif:Copyright iptc:CopyrightNotice schema:copyrightNotice"),
    ("dc:rights", "container:copyright"),
    ("dc:publisher", "schema:publisher container:publisher"),
    ("photoshop:Credit", "iptc:Credit schema:creditText"),
    ("photoshop:Source", "iptc:Source"),
    ("photoshop:Instructions", "iptc:SpecialInstructions"),
    ("photoshop:CaptionWriter", "iptc:Writer-Editor"),
    ("photoshop:AuthorsPosition", "iptc:By-lineTitle"),
    ("photoshop:TransmissionReference", "iptc:OriginalTransmissionReference"),
    ("photoshop:City", "iptc:City"),
    ("photoshop:State", "iptc:Province-State"),
    ("photoshop:Country", "iptc:Country-PrimaryLocationName"),
    ("Iptc4xmpCore:CountryCode", "iptc:Country-PrimaryLocationCode"),
    ("Iptc4xmpCore:Location", "iptc:Sub-location"),
    ("dc:subject", "iptc:Keywords pdf-info:Keywords pdf:Keywords exif:XPKeywords cp:keywords"),
    ("dc:subject", "schema:keywords container:keywords odf:keyword"),
    (TAKEN, "photoshop:DateCreated iptc:DateCreated container:recorded_date"),
    ("xmp:CreateDate", "exif:DateTimeDigitized iptc:DigitalCreationDate pdf-info:CreationDate"),
    ("xmp:CreateDate", "dcterms:created odf:creation-date schema:dateCreated"),
    ("xmp:ModifyDate", "exif:DateTime pdf-info:ModDate dcterms:modified schema:dateModified"),
    ("xmp:CreatorTool", "pdf-info:Creator"),
    ("pdf:Producer", "pdf-info:Producer"),
    ("exif:ISOSpeedRatings", "exif:PhotographicSensitivity"),
    ("exif:LensModel", "aux:Lens"),
    ("exif:BodySerialNumber", "aux:SerialNumber"),
    ("exif:CameraOwnerName", "aux:OwnerName"),
    ("exif:Make", "container:make"),
    ("exif:Model", "container:model"),
    ("xmpDM:artist", "container:performer schema:byArtist"),
    ("xmpDM:album", "container:album"),
    ("schema:isrcCode", "container:isrc"),
    (POSITION, "container:location"),
)
_THING_OF: Mapping[str, str] = MappingProxyType(
    {name: thing for thing, names in _SAME for name in names.split()}
)


def thing_of(name: str) -> str:
    """What is the field with this name about, whatever record it stands in?

    `xmp:tiff:Make` and `exif:Make` are about `exif:Make`; a text's language stays with
    it, `dc:title[ko]`. A name that is not in the table is about itself.
    """
    if name.startswith("pdf:"):
        # XMP has a schema of that name; a field of the file's own record is no such.
        name = f"pdf-info:{name.removeprefix('pdf:')}"
    name = name.removeprefix("xmp:") if name.count(":") > 1 else name
    if name.count(":") > 1:
        # A document's property, `container:dc:creator`.
        name = name.removeprefix("container:")
    return assertion_thing(name)


def assertion_thing(name: str) -> str:
    """The same for a name in a signed assertion, which never says what record it is of."""
    plain, bracket, language = name.partition("[")
    for prefix in ("tiff:", "exifEX:"):
        if plain.startswith(prefix):
            plain = f"exif:{plain.removeprefix(prefix)}"
    return _THING_OF.get(plain, plain) + bracket + language


def is_position(name: str) -> bool:
    """Does the field with this name say where on the globe something was?"""
    last = name.rpartition("/")[2]
    return thing_of(last) == POSITION or last.endswith(("exif:GPSLatitude", "exif:GPSLongitude"))
