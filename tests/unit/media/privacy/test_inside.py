"""What lies inside drawings, documents, archives and PDF is found, or named as not looked into."""

from __future__ import annotations

import base64
import io
import tarfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote_from_bytes

import pytest

from provenance.errors import PrivateDataError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.privacy import Category, Cleaning
from tests.factory import media
from tests.factory.metadata import exif_block, pdf_with_objects, ratios, text, xmp_packet
from tests.factory.private_metadata import clean as _clean
from tests.factory.private_metadata import found as _found
from tests.factory.private_metadata import names as _names

_EXIF = exif_block(
    {0x8298: text("Aurora Entertainment")},
    gps={1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))},
)
_PRIVATE = media.jpeg(1, exif=_EXIF)
_PLAIN = media.jpeg(1)
_CP = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
_DRONE = "http://www.dji.com/drone-dji/1.0/"
_DC = "http://purl.org/dc/elements/1.1/"


# Drawings.

_INKSCAPE = (
    ' xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'
    ' xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink"'
)


def _svg(inner: str = "", attributes: str = "") -> bytes:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"{_INKSCAPE}{attributes}>'
        f'{inner}<rect width="5" height="5" inkscape:label="Bühne"/></svg>'
    ).encode()


def test_attributes_that_name_a_computer_go_from_an_svg_and_nothing_else() -> None:
    private = (
        ' inkscape:export-filename="/home/somebodyQ1/a.png" sodipodi:docname="draftQ1.svg"',
        "<image xlink:href='file:///C:/Users/somebodyQ1/a.png' width='1'/>",
    )
    data = _svg(private[1], private[0])
    cleaning, clean = _clean("svg", data)
    assert {f.name.rpartition("}")[2]: f.category for f in cleaning.removed} == dict.fromkeys(
        ("export-filename", "docname", "href"), Category.TOOL
    )
    assert clean == _svg("<image width='1'/>")


@pytest.mark.parametrize(
    ("inner", "name"),
    [
        ("<metadata><gps>37.5</gps></metadata>", "svg:gps"),
        (
            f'<metadata xmlns:d="{_DRONE}"><d:GpsLatitude>3</d:GpsLatitude></metadata>',
            f"svg:{{{_DRONE}}}GpsLatitude",
        ),
        ("<metadata>made in /home/somebody/a</metadata>", "svg:text"),
        ("<!-- file:///C:/Users/somebody/a.svg -->", "svg:text"),
        ("<desc><![CDATA[ /Users/somebody/a ]]></desc>", "svg:text"),
    ],
)
def test_elements_and_texts_that_are_private_refuse_an_svg(inner: str, name: str) -> None:
    assert _names("svg", _svg(inner)) == {name}
    with pytest.raises(PrivateDataError, match="could not be taken out of svg"):
        _clean("svg", _svg(inner))
    assert _clean("svg", _svg(inner), name)[0].changed is False


def test_an_svg_keeps_its_authors_and_what_it_shows() -> None:
    data = _svg(
        f'<metadata><dc:creator xmlns:dc="{_DC}">NOVA9</dc:creator></metadata>'
        "<text>/home/ is where we are</text><a href='a/b.svg'/>"
    )
    assert _clean("svg", data) == (Cleaning(), data)


@pytest.mark.parametrize("packed", [True, False])
def test_a_picture_written_into_an_svg_is_looked_into(*, packed: bool) -> None:
    def drawing(picture: bytes) -> bytes:
        if packed:
            return _svg(
                f"<image href='data:image/jpeg;base64,{base64.b64encode(picture).decode()}'/>"
            )
        return _svg(
            f"<style>a{{b:url(data:image/jpeg,{quote_from_bytes(picture, safe='')})}}</style>"
        )

    assert _names("svg", drawing(_PRIVATE)) == {"inside:data:exif:GPSPosition"}
    assert _names("svg", drawing(_PLAIN)) == set()


# Documents and archives.


_DATE = (2026, 1, 1, 0, 0, 0)


def _zip(members: Mapping[str, bytes], *, deflate: bool = False, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflate else 0) as archive:
        archive.comment = comment
        for name, data in members.items():
            archive.writestr(
                zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, archive.compression
            )
    return out.getvalue()


@pytest.mark.parametrize("deflate", [True, False])
@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("docx", "word/media/image1.jpg"),
        ("xlsx", "xl/media/image1.jpeg"),
        ("pptx", "ppt/media/any.name"),
        ("odt", "Pictures/1.jpg"),
        ("epub", "OEBPS/cover.jpg"),
        ("zip", "photos/1"),
    ],
)
def test_a_picture_inside_a_document_is_looked_into(
    kind: str, member: str, *, deflate: bool
) -> None:
    assert _names(kind, _zip({member: _PRIVATE}, deflate=deflate)) == {
        f"inside:{member}:exif:GPSPosition"
    }
    assert _names(kind, _zip({member: _PLAIN}, deflate=deflate)) == set()


def test_a_document_inside_an_archive_is_looked_into() -> None:
    def nested(picture: bytes) -> bytes:
        return _zip({"a.docx": _zip({"word/media/1.jpg": picture})}, deflate=True)

    assert _names("zip", nested(_PRIVATE)) == {
        "inside:a.docx:inside:word/media/1.jpg:exif:GPSPosition"
    }
    assert _names("zip", nested(_PLAIN)) == set()


def test_what_is_kept_by_name_may_stay_inside_a_document() -> None:
    data = _zip({"word/media/1.jpg": _PRIVATE})
    with pytest.raises(PrivateDataError, match=r"inside:word/media/1\.jpg:exif:GPSPosition"):
        _clean("docx", data)
    assert _clean("docx", data, "inside:word/media/*")[1] == data


def _core(inner: str) -> bytes:
    return (
        f'<cp:coreProperties xmlns:cp="{_CP}" xmlns:dc="{_DC}">{inner}</cp:coreProperties>'.encode()
    )


def test_who_changed_a_document_last_is_private_and_its_author_is_not() -> None:
    author = "<dc:creator>NOVA9</dc:creator><dc:title>/homecoming</dc:title>"
    data = _zip({"docProps/core.xml": _core(f"{author}<cp:lastModifiedBy>Q</cp:lastModifiedBy>")})
    reading = _found("docx", data)
    assert [(f.name, f.category) for f in reading.fields] == [
        ("container:cp:lastModifiedBy", Category.OWNER)
    ]
    empty = _core(f"{author}<cp:lastModifiedBy/>")
    assert _names("docx", _zip({"docProps/core.xml": empty})) == set()


@pytest.mark.parametrize(
    ("path", "markup", "names"),
    [
        (
            "docProps/app.xml",
            "<Properties><Manager>Q</Manager><Company>Aurora Entertainment</Company></Properties>",
            {"container:Manager"},
        ),
        (
            "docProps/custom.xml",
            '<P><property name="Contact email"><v>q@aurora.example</v></property></P>',
            {"container:Contact email"},
        ),
        ("word/comments.xml", "<c/>", {"inside:word/comments.xml"}),
        (
            "word/document.xml",
            '<w:p xmlns:w="x"><w:ins w:id="1" w:author="Q"/></w:p>',
            {"inside:word/document.xml:author"},
        ),
        (
            "word/_rels/settings.xml.rels",
            '<R Target="file:///C:\\Users\\q\\t.dotx"/>',
            {"inside:word/_rels/settings.xml.rels:target"},
        ),
        (
            "xl/printerSettings/printerSettings1.bin",
            "x",
            {"inside:xl/printerSettings/printerSettings1.bin"},
        ),
    ],
)
def test_other_traces_of_people_in_a_document_are_found(
    path: str, markup: str, names: set[str]
) -> None:
    assert _names("docx", _zip({path: markup.encode()})) == names


def test_an_opendocument_names_who_made_and_changed_it() -> None:
    meta = (
        '<o:document-meta xmlns:o="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        f'xmlns:m="urn:oasis:names:tc:opendocument:xmlns:meta:1.0" xmlns:dc="{_DC}"><o:meta>'
        "<dc:title>Starlight</dc:title>{}</o:meta></o:document-meta>"
    )
    people = "<m:initial-creator>Q</m:initial-creator><dc:creator>Q</dc:creator>"
    assert _names("odt", _zip({"meta.xml": meta.format(people).encode()})) == {
        *("container:odf:initial-creator", "container:dc:creator"),
    }
    assert _names("odt", _zip({"meta.xml": meta.format("").encode()})) == set()


def test_a_preview_of_a_page_is_found() -> None:
    data = _zip({"Thumbnails/thumbnail.png": media.png()})
    assert [f.category for f in _found("odt", data).fields] == [Category.PREVIEW]
    assert _names("odt", _zip({"Pictures/thumbnail.png": media.png()})) == set()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"\xd0\xcf\x11\xe0\xa1\xb1", "an OLE file"), (b"\x1f\x8b\x08x", "gzip"), (_tar(), "tar")],
)
def test_what_is_not_read_inside_an_archive_refuses_it(data: bytes, why: str) -> None:
    (field,) = _found("zip", _zip({"a": data})).fields
    assert field.name == "inside:a:unread"
    assert why in field.preview
    assert _names("zip", _zip({"a": b"-" + data[:250]})) == set()


def test_whoever_knows_what_is_in_it_may_keep_it_by_name() -> None:
    data = _zip({"logo.eps": b"%!PS-Adobe-3.0 EPSF-3.0", "notes.7z": b"7z\xbc\xaf\x27\x1c"})
    with pytest.raises(PrivateDataError, match=r"inside:notes\.7z:unread"):
        _clean("zip", data, "inside:logo.eps:unread")
    _, out = _clean("zip", data, "inside:logo.eps:unread", "inside:notes.7z:unread")
    assert out == data


def test_an_encrypted_member_was_not_looked_into() -> None:
    data = bytearray(_zip({"a": _PLAIN}))
    data[data.index(b"PK\1\2") + 8] |= 1
    assert _found("zip", bytes(data)).unreadable == (
        "inside:a was not looked into: it is encrypted",
    )
    with pytest.raises(PrivateDataError, match="it is encrypted"):
        _clean("zip", bytes(data))


def test_a_member_of_an_unknown_compression_was_not_looked_into() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", _PLAIN)
    assert _found("zip", out.getvalue()).unreadable == (
        "inside:a was not looked into: compression method 12",
    )


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_inside_bytes=4_000),
        Limits(max_inside_total_bytes=9_000),
        Limits(max_inside_files=1),
    ],
)
def test_members_over_a_limit_were_not_looked_into(limits: Limits) -> None:
    data = _zip({"a": bytes(5_000), "b": bytes(5_000)}, deflate=True)
    (*_, sentence) = _found("zip", data, limits).unreadable
    assert sentence.startswith("inside:b was not looked into:")
    assert _found("zip", data).unreadable == ()


@pytest.mark.parametrize("nested", [True, False])
def test_markup_of_many_drawings_over_a_limit_was_not_looked_into(*, nested: bool) -> None:
    def archive(*drawings: str) -> bytes:
        members = {f"{n}.svg": _svg(inner) for n, inner in enumerate(drawings)}
        if nested:
            members = {f"{name}.zip": _zip({name: data}) for name, data in members.items()}
        return _zip(members)

    def sentences(data: bytes, limits: Limits) -> tuple[str, ...]:
        return _found("zip", data, limits).unreadable

    one, other = ("".join(f"<x{n}{k}/>" for n in range(40)) for k in "ab")
    few_names = Limits(max_inside_names=60)
    assert sentences(archive(one, one), few_names) == ()
    (sentence,) = sentences(archive(one, other), few_names)
    assert "more markup than is looked into" in sentence
    many = "<x a='1' b='2'/>" * 40
    few_attributes = Limits(max_inside_attributes=120)
    assert sentences(archive(many), few_attributes) == ()
    (sentence,) = sentences(archive(many, many), few_attributes)
    assert "more markup than is looked into" in sentence


def test_a_member_that_is_larger_than_it_says_was_not_looked_into() -> None:
    data = bytearray(_zip({"a": bytes(50_000)}, deflate=True))
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (100).to_bytes(4, "little")
    data[22:26] = (100).to_bytes(4, "little")
    assert "expected 100 bytes" in _found("zip", bytes(data)).unreadable[0]


def test_archives_inside_each_other_are_followed_to_a_depth() -> None:
    data = _PRIVATE
    for _ in range(6):
        data = _zip({"a": data})
    assert any("files inside each other" in s for s in _found("zip", data).unreadable)


def test_bytes_between_and_behind_the_members_are_found() -> None:
    data = _zip({"a": b"x"})
    at = data.index(b"PK\1\2")
    holed = data[:at] + b"SECRET" + data[at:-6] + (at + 6).to_bytes(4, "little") + data[-2:]
    assert _names("zip", holed) == {"zip:gap"}
    assert "trailer" in _names("zip", data + b"more")
    assert _names("zip", _zip({"a": b"x"}, comment=b"file:///home/somebody")) == {"zip:comment"}
    assert _names("zip", _zip({"a": b"x"}, comment=b"Starlight")) == set()


# PDF.


def _pdf(dictionary: bytes, raw: bytes, *, length: bytes | None = None) -> bytes:
    told = b"%d" % len(raw) if length is None else length
    return pdf_with_objects(
        {
            1: b"<</Type/Catalog>>",
            2: b"<<%s/Length %s>>stream\n%s\nendstream" % (dictionary, told, raw),
            3: b"%d" % len(raw),
        },
        trailer=b"/Root 1 0 R",
    )


@pytest.mark.parametrize("length", [None, b"3 0 R", b"20", b"99999"])
@pytest.mark.parametrize(
    "dictionary",
    [b"/Filter/DCTDecode", b"/Filter [ /DCTDecode ]", b"/F/DCT", b"/Filter/DCT#44ecode"],
)
def test_a_picture_in_a_pdf_is_looked_into(dictionary: bytes, length: bytes | None) -> None:
    data = _pdf(dictionary, _PRIVATE, length=length)
    assert {n.partition("@")[2].partition(":")[2] for n in _names("pdf", data)} == {
        "exif:GPSPosition"
    }
    assert _names("pdf", _pdf(dictionary, _PLAIN, length=length)) == set()
    with pytest.raises(PrivateDataError, match="could not be taken out of pdf"):
        _clean("pdf", data)


def test_a_deflated_picture_in_a_pdf_is_looked_into() -> None:
    dictionary = b"/Filter[/FlateDecode /DCTDecode]"
    assert len(_names("pdf", _pdf(dictionary, zlib.compress(_PRIVATE)))) == 1
    assert _names("pdf", _pdf(dictionary, zlib.compress(_PLAIN))) == set()


@pytest.mark.parametrize(
    ("dictionary", "raw"),
    [
        (b"/Filter[/ASCII85Decode/DCTDecode]", b"x~>"),
        (b"/Filter[/FlateDecode/DCTDecode]", b"no deflate"),
        (b"/Type/EmbeddedFile/Filter/LZWDecode", b"x"),
        (b"/Filter/JPXDecode", b"\0\0\0\x0cjP  \0\0\0\x10uuid"),
    ],
)
def test_a_picture_in_a_pdf_that_is_not_read_refuses_it(dictionary: bytes, raw: bytes) -> None:
    (sentence,) = _found("pdf", _pdf(dictionary, raw)).unreadable
    assert "was not looked into" in sentence
    assert _found("pdf", _pdf(b"/Filter/LZWDecode", b"x")).unreadable == ()


@pytest.mark.parametrize("packed", [True, False])
def test_the_xmp_of_any_object_of_a_pdf_is_searched(*, packed: bool) -> None:
    def with_packet(packet: bytes) -> bytes:
        filters = b"/Filter/FlateDecode" if packed else b""
        raw = zlib.compress(packet) if packed else packet
        return _pdf(b"/Type/Metadata/Subtype/XML" + filters, raw)

    position = {"exif:GPSLatitude": "37,33N", "exif:GPSLongitude": "126,58E"}
    assert _names("pdf", with_packet(xmp_packet(attributes=position))) == {"xmp:exif:GPSPosition"}
    assert _names("pdf", with_packet(xmp_packet(attributes={"dc:source": "x"}))) == set()


def test_a_file_attached_to_a_pdf_is_looked_into() -> None:
    attached = zlib.compress(_zip({"a.jpg": _PRIVATE}))
    (name,) = _names("pdf", _pdf(b"/Type/EmbeddedFile/Filter/FlateDecode", attached))
    assert name.endswith(":inside:a.jpg:exif:GPSPosition")


def test_what_an_earlier_revision_of_a_pdf_held_is_found() -> None:
    data = _pdf(b"/Filter/DCTDecode", _PRIVATE) + _pdf(b"/Filter/DCTDecode", _PLAIN)
    names = {name.rpartition("@")[2].partition(":")[2] for name in _names("pdf", data)}
    assert names == {"exif:GPSPosition", "revision"}


@pytest.mark.parametrize("endings", [True, False])
def test_pictures_of_a_pdf_that_reach_to_its_end_are_not_copied_without_bound(
    *, endings: bool
) -> None:
    limits = replace(DEFAULT_LIMITS, max_inside_total_bytes=200_000)
    picture = b"1 0 obj<</Filter/JPXDecode>>stream\n" + bytes(200) + b"\nendstream" * endings
    data = b"%PDF-1.7\n" + picture * 100 + bytes(50_000)
    # Where no stream ends, each of them might be all that follows.
    assert any(
        "files inside are more than" in s for s in _found("pdf", data, limits).unreadable
    ) is (not endings)


_ABSOLUTE = '<x15ac:absPath url="%s"/>'


@pytest.mark.parametrize(
    ("path", "markup", "names"),
    [
        # A drive that is nobody's home is one's own folder all the same.
        ("xl/workbook.xml", _ABSOLUTE % "W:\\artists\\NOVA9\\", {"folder"}),
        ("xl/workbook.xml", _ABSOLUTE % "C:\\Users\\somebody\\", {"folder", "attribute"}),
        ("ppt/slides/slide1.xml", '<p:cNvPr descr="C:\\Users\\somebody\\a.png"/>', {"attribute"}),
        ("ppt/slides/slide1.xml", "<p:cNvPr descr='/home/somebody/a.png'/>", {"attribute"}),
        ("ppt/slides/slide1.xml", '<p:cNvPr descr="NOVA9 on stage"/><a:t>/home/a/</a:t>', set()),
        ("word/document.xml", '<w:sectPrChange w:id="1" w:author="somebody"/>', {"author"}),
        ("word/document.xml", '<w:cellIns w:id="1" w:author="somebody"/>', {"author"}),
        ("word/document.xml", '<w:sectPr w:id="1"/>', set()),
        ("settings.xml", '<i config:name="PrinterName" config:type="s">Desk 4</i>', {"printer"}),
        ("settings.xml", '<i config:name="PrinterName" config:type="s"></i>', set()),
        ("customXml/item1.xml", "<pc:DisplayName>somebody</pc:DisplayName>", {"account"}),
        ("customXml/item1.xml", "<pc:DisplayNames>somebody</pc:DisplayNames>", set()),
    ],
)
def test_traces_that_office_programmes_leave_in_markup_are_found(
    path: str, markup: str, names: set[str]
) -> None:
    data = _zip({path: f"<a>{markup}</a>".encode()})
    assert _names("docx", data) == {f"inside:{path}:{name}" for name in names}


def test_a_property_named_with_a_megabyte_is_judged_at_once() -> None:
    name = "gps" * 300_000 + "&#10;"
    data = _zip({"docProps/custom.xml": f"<P><p name='{name}'>1</p></P>".encode()})
    started = time.process_time()
    _found("docx", data)
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"<</Private<</AIPrivateData1 9 0 R>>>>", {"pdf:AIPrivateData"}),
        (b"<</Type/Page/Thumb 9 0 R>>", {"pdf:Thumb"}),
        (b"<</Type/Annot/Subtype/Highlight/T(somebody)>>", {"pdf:Annot"}),
        (b"<</Type/Annot/Subtype /Text/Contents(later)>>", {"pdf:Annot"}),
        (b"<</Type/Annot/Subtype/Link/Rect[0 0 1 1]>>", set()),
        (b"<</Type/Font/Subtype/Type0>>", set()),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_private_objects_of_a_pdf_are_found_in_object_streams_too(
    body: bytes, names: set[str], *, packed: bool
) -> None:
    data = (
        pdf_with_objects({5: b"null"}, in_object_stream={8: body})
        if packed
        else pdf_with_objects({5: body})
    )
    assert _names("pdf", data) == names


@pytest.mark.parametrize("element", ["style", "script"])
@pytest.mark.parametrize("packed", [True, False])
def test_style_sheets_and_scripts_of_an_svg_are_searched(element: str, *, packed: bool) -> None:
    def drawing(said: str) -> bytes:
        said = f"<![CDATA[{said}]]>" if packed else said
        return _svg(f"<{element}>{said}</{element}>")

    for address, names in (
        ("file:///C:/Users/somebody/a.woff", {"svg:text"}),
        ("a.woff", set()),
        ("https://aurora.example/users/a.woff", set()),
    ):
        assert _names("svg", drawing(f"@font-face{{src:url('{address}')}}")) == names


@pytest.mark.parametrize(
    ("path", "markup", "names"),
    [
        (
            "ppt/changesInfos/changesInfo1.xml",
            '<p><d name="somebody"/></p>',
            {"inside:ppt/changesInfos/changesInfo1.xml"},
        ),
        ("xl/connections.xml", "<c/>", {"inside:xl/connections.xml"}),
        (
            "xl/pivotCache/pivotCacheDefinition1.xml",
            '<p r:id="rId1" refreshedBy="somebody"/>',
            {"inside:xl/pivotCache/pivotCacheDefinition1.xml:user"},
        ),
        ("xl/workbook.xml", '<f userName="somebody"/>', {"inside:xl/workbook.xml:user"}),
        ("xl/workbook.xml", '<f userName=""/><p refreshedVersion="8"/>', set()),
        (
            "docProps/custom.xml",
            '<P><property name="MSIP_Label_0f1e_Owner"><v>q@aurora.example</v></property></P>',
            {"container:MSIP_Label_0f1e_Owner"},
        ),
        (
            "docProps/custom.xml",
            '<P><property name="_AuthorEmailDisplayName"><v>Q</v></property></P>',
            {"container:_AuthorEmailDisplayName"},
        ),
        (
            "docProps/custom.xml",
            '<P><property name="MSIP_Label_0f1e_Enabled"><v>true</v></property></P>',
            set(),
        ),
        ("iTunesMetadata.plist", "<plist/>", {"inside:iTunesMetadata.plist"}),
        ("__MACOSX/photos/._1.jpg", "x", {"inside:__MACOSX/photos/._1.jpg"}),
        ("photos/.DS_Store", "x", {"inside:photos/.DS_Store"}),
        ("photos/notes.txt", "x", set()),
    ],
)
def test_traces_of_accounts_and_computers_among_members_are_found(
    path: str, markup: str, names: set[str]
) -> None:
    assert _names("docx", _zip({path: markup.encode()})) == names


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b'<?xml version="1.0"?>\n'])
def test_the_xmp_beside_a_picture_is_looked_into(start: bytes) -> None:
    position = {"exif:GPSLatitude": "37,33N", "exif:GPSLongitude": "126,58E"}
    for attributes, names in (
        (position, {"inside:a.xmp:xmp:exif:GPSPosition"}),
        ({"dc:source": "x"}, set()),
    ):
        packet = xmp_packet(attributes=attributes)
        if start.endswith(b"\n"):
            packet = packet[packet.index(b"<x:") : packet.rindex(b"<?")]
        assert _names("zip", _zip({"a.xmp": start + packet})) == names


def test_a_photoshop_file_among_members_is_looked_into() -> None:
    def psd(resource: int, body: bytes) -> bytes:
        one = b"8BIM" + resource.to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(4, "big") + body
        head = b"8BPS\0\1" + bytes(6) + b"\0\3" + bytes(8) + b"\0\x08\0\3"
        return head + bytes(4) + len(one).to_bytes(4, "big") + one + bytes(40)

    packet = xmp_packet(attributes={"exif:GPSLatitude": "37,33N", "exif:GPSLongitude": "126,58E"})
    packet += b" " * (len(packet) % 2)
    assert _names("zip", _zip({"a.psd": psd(0x0424, packet)})) == {
        "inside:a.psd:xmp:exif:GPSPosition"
    }
    assert _names("zip", _zip({"a.psd": psd(0x03ED, b"dpi.")})) == set()


@pytest.mark.parametrize(
    ("start", "twin"),
    [
        (b"OggS\0\2", b"OggSpeex"),
        (b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa4"),
        (b"%!PS-Adobe", b"%PS"),
        (b"\0\0\0\x0cjP  \r\n", b"\0\0\0\x0cjP"),
        (b"BZh91AY&SY", b"BZh9 is a level"),
        (b"FORM\0\0\0\4AIFF", b"FORM 7731 of the fan club"),
        (b"SQLite format 3\0", b"SQLite is a library"),
        (b"FUJIFILMCCD-RAW", b"FUJIFILM X100"),
    ],
)
def test_other_media_inside_an_archive_refuse_it(start: bytes, twin: bytes) -> None:
    assert _names("zip", _zip({"a": start + bytes(40)})) == {"inside:a:unread"}
    assert _names("zip", _zip({"a": twin + bytes(40)})) == set()
