"""Which names and values of fields are private, and why: one table.

Sources: CIPA DC-008 (EXIF 3.0), CIPA DC-010 (EXIF in XMP), XMP part 2 (xmpMM), IPTC Photo
Metadata Standard (CreatorContactInfo), QuickTime File Format (location), ID3v2 (OWNE, TOWN).
"""

from __future__ import annotations

import re

from provenance.media.privacy.model import Category

__all__ = ["category_of", "category_of_value", "public_name"]

_P, _S, _O = Category.POSITION, Category.SERIAL_NUMBER, Category.OWNER
_H, _C, _T, _V = Category.HISTORY, Category.CONTACT, Category.TOOL, Category.PREVIEW

_ROWS: tuple[tuple[str, Category], ...] = (
    (r"(exif|xmp:exif):GPS(?!VersionID).*", _P),
    (r"container:(location.*|.*[.]location([.].*)?|.*gps.*|.*direction\.facing.*)", _P),
    (r".*[:./}](\w*SerialNumber|\w*serialnumber|serial[ _-]?number|serial)", _S),
    (r"container:.*\.content\.identifier", _S),
    (r"exif:(MakerNote|DNGPrivateData)|xmp:exif:MakerNote", _S),
    (r".*[:./}](CameraOwnerName|OwnerName|ownername|camera[ _-]?owner|owner)", _O),
    (r"container:(apid|ownr|owne|town|purd|userid|.*apple[ _-]?id)", _O),
    (r"xmp:(xmp:Thumbnails|xmpGImg:image|GDepth:.*|GImage:.*|GAudio:.*)", _V),
    (r"xmp:\{http://ns\.google\.com/photos/1\.0/(image|depthmap|audio)/\}.*", _V),
    (r"xmp:xmpMM:(History|DerivedFrom|Ingredients|Pantry|ManagedFrom|Versions)", _H),
    (r"xmp:photoshop:(DocumentAncestors|History|TextLayers)", _H),
    (r"xmp:(xmpBJ:.*|xmpDM:projectRef|stRef:filePath|crs:RawFileName)", _H),
    (r"iptc:DocumentHistory|exif:OriginalRawFileName", _H),
    (r"xmp:Iptc4xmpCore:(CreatorContactInfo|Ci(Adr|Email|Tel|Url)\w*)|iptc:Contact", _C),
    (r".*:(HostComputer|hostcomputer|host[ _-]computer|hostname)", _T),
    (r"xmp:\{http://ns\.adobe\.com/creatorAtom/1\.0/\}.*", _T),
    (r"container:(parameters|prompt|negative[ _]prompt|workflow|dream|sd-metadata)", _T),
    (r"container:(invokeai_\w+|generation_data|raw profile type .*|thumb::.*)", _T),
)
_RULES = tuple((re.compile(pattern), category) for pattern, category in _ROWS)
_PRIVATE_VALUE = re.compile(
    r"(?:^|[\s\"'=:;,(])(?:/home/|/Users/|file://)\w|[A-Za-z]:\\+Users\\|Negative prompt:|Steps: \d"
    r"|^\s*\{.{0,2000}\"(?:prompt|sampler)\"",
    re.DOTALL,
)
_MAX_VALUE_CHARS = 10_000


def public_name(name: str) -> str:
    """Under which name does a part of a field count? The parts of a position are one."""
    if name.startswith("xmp:exif:GPS") and name != "xmp:exif:GPSVersionID":
        return "xmp:exif:GPSPosition"
    return name


def category_of(name: str) -> Category | None:
    """Is a field of this name private whatever it says? Then why."""
    for pattern, category in _RULES:
        if pattern.fullmatch(name):
            return category
    return None


def category_of_value(value: str) -> Category | None:
    """Does this text give away a folder of somebody's computer or a generator's prompt?"""
    return Category.TOOL if _PRIVATE_VALUE.search(value[:_MAX_VALUE_CHARS]) else None
