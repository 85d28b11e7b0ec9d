"""Which names and values of fields are private, and why: one table.

Sources: CIPA DC-008 (EXIF 3.0), CIPA DC-010 (EXIF in XMP), XMP part 2 (xmpMM), IPTC Photo
Metadata Standard (CreatorContactInfo), QuickTime File Format (location), ID3v2 (OWNE, TOWN),
W3C Basic Geo (lat, long), GeoRSS, the XMP of drones and mapping cameras.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from provenance.media.metadata import RawField
from provenance.media.privacy.model import Category

__all__ = [
    "category_of",
    "category_of_value",
    "is_part_of",
    "public_name",
    "steps_of",
    "telling_part",
]

_P, _S, _O = Category.POSITION, Category.SERIAL_NUMBER, Category.OWNER
_H, _C, _T, _V = Category.HISTORY, Category.CONTACT, Category.TOOL, Category.PREVIEW

# Every maker of drones and phones has namespaces of its own: the last part of a name counts,
# however it is written. `xmpRights:Owner` holds the rights, and the telephone of a PLUS
# licensor is where licences are sold: both are meant for the public.
_LAST = r"(?i:(?!.*[:}](?:xmprights:owner|licensor\w*)$).*[:./}]"
_ROWS: tuple[tuple[str, Category], ...] = (
    (r"(exif|xmp:exif):GPS(?!VersionID).*", _P),
    (r"container:(location.*|.*[._ -]location([.].*)?|.*gps.*|.*direction\.facing.*)", _P),
    (_LAST + r"(gps(?!versionid)\w*|(\w*[^\Wp])?latitude|\w*long(i|ti)tude))", _P),
    (_LAST + r"(lat|lon|lng|lat_?lon\w*|geo[ _-]?(tag|location|position|coord)\w*))", _P),
    (r"(?i:xmp:\{[^}]*\bgeo(rss)?\b[^}]*\}(alt|long|point|line|polygon|box|where))", _P),
    # The masts that a telephone was near.
    (r"xmp:\{http://developer\.sonyericsson\.com/cell/1\.0/\}.*", _P),
    (_LAST + r"(\w*serial[ _-]?(number|num|no)|serial))", _S),
    (_LAST + r"(\w*maker[ _-]?notes?|ownersdeviceid))", _S),
    (r"container:.*\.content\.identifier", _S),
    (r"xmp:\{http://ns\.adobe\.com/bwf/bext/1\.0/\}(originatorReference|umid)", _S),
    (r"exif:DNGPrivateData", _S),
    (_LAST + r"((camera|device|drone|aircraft)?[ _-]?owner([ _-]?name)?))", _O),
    (r"container:(apid|ownr|owne|town|purd|userid|.*apple[ _-]?id)", _O),
    (r"xmp:(Iptc4xmpExt:metadataLastEditor|\{http://ns\.adobe\.com/DICOM/\}Patient\w*)", _O),
    (r"xmp:(xmp:Thumbnails|xmpGImg:image|GDepth:.*|GImage:.*|GAudio:.*)", _V),
    (r"xmp:\{http://ns\.google\.com/photos/1\.0/(image|depthmap|audio)/\}.*", _V),
    (r"xmp:xmpMM:(History|DerivedFrom|Ingredients|Pantry|ManagedFrom|Versions)", _H),
    (r"xmp:photoshop:(DocumentAncestors|History|TextLayers)", _H),
    # What was retouched or painted over, and where; every step that darktable took.
    (r"xmp:(crs:(Retouch(Areas|Info)|\w+BasedCorrections)|\{http://darktable\.sf\.net/\}.*)", _H),
    (r"xmp:(crs:NegativeCachePath|lr:privateRTKInfo|GCamera:shot_log_data)", _H),
    (r"(?i:xmp:\{[^}]*\}\w*history)", _H),
    (r"container:\xa9ed[1-9]", _H),
    (r"(?i:xmp:.*[:}](original|camera|raw|preserved)_?file_?name)", _H),
    (r"xmp:(xmpBJ:.*|xmpDM:projectRef|stRef:filePath|crs:RawFileName)", _H),
    (r"iptc:DocumentHistory|exif:(OriginalRawFile(Name|Data)|RawFile|ImageHistory)", _H),
    (r"exif:(ModelTiePoint|ModelTransform|GeoTiff\w+)", _P),
    (r"xmp:Iptc4xmpCore:(CreatorContactInfo|Ci(Adr|Email|Tel|Url)\w*)|iptc:Contact", _C),
    (_LAST + r"(contact([ _-]?(info\w*|details?|person|name|phone|e?-?mail|address))?))", _C),
    (_LAST + r"(\w*e-?mail([ _-]?(address|digest))?|(tele|mobile)?phone([ _-]?number)?))", _C),
    (_LAST + r"personliveid(cid)?)", _C),
    (r".*:(HostComputer|hostcomputer|host[ _-]computer|hostname)|exif:TargetPrinter", _T),
    # What a programme for e-mail and one for labels of secrecy put into a document.
    (r"container:_(Author)?Email\w*", _C),
    (r"container:MSIP_Label_.*_Owner", _O),
    (_LAST + r"(last[ _-]?(modified|saved)[ _-]?by|initial-creator|printed-by|manager))", _O),
    (r"(?i:container:(\{[^}]*\})?(hyperlinkbase|template))", _T),
    (
        r"svg:\{http://[^}]*/(inkscape|sodipodi-0\.dtd)\}(docname|docbase|absref|export-filename)",
        _T,
    ),
    (r"svg:\{[^}]*AdobeIllustrator[^}]*\}(ai)?pgf\w*", _H),
    (r"xmp:\{http://ns\.adobe\.com/creatorAtom/1\.0/\}.*", _T),
    (r"container:(parameters|prompt|negative[ _]prompt|workflow|dream|sd-metadata)", _T),
    (r"container:(invokeai_\w+|generation_data|raw profile type .*|thumb::.*)", _T),
)
_RULES = tuple((re.compile(pattern, re.DOTALL), category) for pattern, category in _ROWS)
_PRIVATE_VALUE = re.compile(
    r"(?:^|[\s\"'=:;,(])(?:/home/|/Users/|file:///?)\w|[A-Za-z]:\\+Users\\"
    r"|Negative prompt:|Steps: \d"
    r"|^\s*\{.{0,2000}\"(?:prompt|sampler)\""
    # An account, as a service on the web signs what is made there.
    r"|\bCanva\b.{0,80}\buser=\w",
    re.DOTALL,
)
# No value is private without one of these, which are looked for far faster: a value may have
# megabytes.
_SUSPECT = (
    *("/home/", "/Users/", "file:/", ":\\", "Negative prompt:", "Steps: "),
    *('"prompt"', '"sampler"', "Canva"),
)
# A rule may try each place of a name, and from each look to the end: of a name of a megabyte,
# which a file may hold, that would be days. Its two ends tell what it is.
_NAME_END_CHARS = 300


def public_name(name: str) -> str:
    """Under which name does a part of a field count? The parts of a position are one."""
    if name.startswith("xmp:exif:GPS") and name != "xmp:exif:GPSVersionID":
        return "xmp:exif:GPSPosition"
    return name


_STEP = re.compile(r"(?:\{[^}]*\}|[^/{])+|\{")


def steps_of(name: str) -> tuple[str, ...]:
    """Which XMP properties does this name lead through, under the names they count by?

    `xmp:LocationShown/exif:GPSLatitude` has two; the slashes of a namespace part nothing.
    """
    return tuple(public_name(f"xmp:{s.removeprefix('xmp:')}") for s in _STEP.findall(name))


def is_part_of(field: RawField, names: Collection[str]) -> bool:
    """Is this one of the fields of these names, or in XMP a part of one, and gone with it?"""
    return field.name in names or (
        field.source == "xmp" and not set(names).isdisjoint(steps_of(field.name))
    )


def category_of(name: str) -> Category | None:
    """Is a field of this name private whatever it says? Then why."""
    if len(name) > 2 * _NAME_END_CHARS:
        name = name[:_NAME_END_CHARS] + name[-_NAME_END_CHARS:]
    for pattern, category in _RULES:
        if pattern.fullmatch(name):
            return category
    return None


def category_of_value(value: str) -> Category | None:
    """Does this text give away a folder of somebody's computer or a generator's prompt?"""
    return None if _private_place(value) is None else Category.TOOL


def telling_part(value: str) -> str:
    """From where on is a value to be read that is too long to be kept?

    Where it is private; else from its beginning.
    """
    return value[_private_place(value) or 0 :]


def _private_place(value: str) -> int | None:
    if not any(word in value for word in _SUSPECT):
        return None
    found = _PRIVATE_VALUE.search(value)
    return None if found is None else found.start()
