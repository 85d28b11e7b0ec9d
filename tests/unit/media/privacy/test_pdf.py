"""What stands in a PDF under another number, in another revision, or under a key of one's own."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Mapping

import pytest

from provenance.media.formats import FORMATS
from provenance.media.privacy import Category, PrivateReading, find_private
from tests.factory import media
from tests.factory.metadata import exif_block, pdf_with_objects, ratios, text, xmp_packet

_POSITION = {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))}
_PRIVATE = zlib.compress(media.jpeg(1, exif=exif_block({}, gps=_POSITION)))
_PLAIN = zlib.compress(media.jpeg(1))


def _found(data: bytes) -> PrivateReading:
    return find_private(io.BytesIO(data), FORMATS["pdf"])


def _names(data: bytes) -> set[str]:
    reading = _found(data)
    assert reading.unreadable == ()
    return {field.name.rpartition("@")[2].partition(":")[2] for field in reading.fields}


def _stream(dictionary: bytes, raw: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (dictionary, len(raw), raw)


@pytest.mark.parametrize("kind", [b"", b"/Type/EmbeddedFile", b"/Params<</Size 9>>"])
@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (b"9 0 R", b"[/FlateDecode/DCTDecode]"),
        (b"[ 9 0 R /DCTDecode]", b" /FlateDecode "),
        (b"            [/FlateDecode/DCTDecode]", b"null"),
    ],
)
def test_a_filter_that_stands_elsewhere_is_followed(
    kind: bytes, filters: bytes, told: bytes
) -> None:
    def pdf(raw: bytes) -> bytes:
        return pdf_with_objects({2: _stream(kind + b"/Filter " + filters, raw), 9: told})

    assert _names(pdf(_PRIVATE)) == {"exif:GPSPosition"}
    assert _names(pdf(_PLAIN)) == set()


@pytest.mark.parametrize("others", [{}, {9: b"<<>>"}, {9: b"10 0 R", 10: b"/FlateDecode"}])
def test_a_filter_that_is_not_found_refuses_the_file(others: Mapping[int, bytes]) -> None:
    filtered = _stream(b"/Type/EmbeddedFile/Filter 9 0 R", _PRIVATE)
    (sentence,) = _found(pdf_with_objects({2: filtered, **others})).unreadable
    assert "how it is packed was not found" in sentence
    # A page whose filter is known needs no looking into, whatever the filter is.
    assert _names(pdf_with_objects({2: _stream(b"/Filter/LZWDecode", b"x"), **others})) == set()


def test_of_two_filters_under_one_number_nobody_knows_which_counts() -> None:
    def pdf(second: bytes) -> bytes:
        objects = {2: _stream(b"/Type/EmbeddedFile/Filter 9 0 R", _PLAIN), 9: b"/FlateDecode"}
        return pdf_with_objects(objects) + pdf_with_objects({9: second})

    assert "how it is packed" in _found(pdf(b"/LZWDecode")).unreadable[0]
    assert _names(pdf(b"/FlateDecode")) == set()


_WITH_INFORMATION = b"/Root 1 0 R/Info 2 0 R"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("entry", "names"),
    [
        (b"/Company(C:\\\\Users\\\\somebody\\\\a)", {"Company"}),
        (b"/Company(Aurora Entertainment)", set()),
        (b"/Contact#20email(q@aurora.example)", {"Contact email"}),
        (b"/Contact#20sheet(q)", set()),
        (b"/Manager<FEFF0051>", {"Manager"}),
        (b"/Manager()", set()),
        (b"/Title(\\(Starlight\\) file:///home/somebody)/Producer(a)", {"Title"}),
        (b"/Title(\\(Starlight\\))/PTEX.Fullbanner(This is pdfTeX)/Trapped/False", set()),
    ],
)
def test_entries_of_an_information_dictionary_are_judged(
    entry: bytes, names: set[str], *, packed: bool
) -> None:
    objects = {1: b"<</Type/Catalog>>"}
    body = b"<<%s/ModDate(D:2026)>>" % entry
    data = (
        pdf_with_objects(objects, in_object_stream={2: body}, trailer=_WITH_INFORMATION)
        if packed
        else pdf_with_objects({**objects, 2: body}, trailer=_WITH_INFORMATION)
    )
    assert _names(data) == names


@pytest.mark.parametrize("packed", [True, False])
def test_a_text_of_it_that_stands_elsewhere_is_read(*, packed: bool) -> None:
    def pdf(title: bytes) -> bytes:
        texts = {7: title, 8: b"(D:2026)"}
        return pdf_with_objects(
            {
                1: b"<</Type/Catalog>>",
                2: b"<</Title 7 0 R/ModDate 8 0 R>>",
                **({} if packed else texts),
            },
            in_object_stream=texts if packed else None,
            trailer=_WITH_INFORMATION,
        )

    assert _names(pdf(b"(file:///home/somebody/a)")) == {"Title"}
    assert _names(pdf(b"(Starlight)")) == set()


def _revisions(first: bytes, second: bytes) -> bytes:
    before = pdf_with_objects({1: b"<</Type/Catalog>>", 2: first}, trailer=_WITH_INFORMATION)
    return before + pdf_with_objects({3: second}, trailer=b"/Root 1 0 R/Info 3 0 R")


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (b"<</Title(/home/somebody/a)>>", b"<</Title(Starlight)>>", {"Title"}),
        (b"<</Author(somebody)>>", b"<</Author(Aurora Entertainment)>>", {"Author"}),
        (b"<</Author(NOVA9)>>", b"<</Author<FEFF004E004F005600410039>>>", set()),
        (
            b"<</Title(a)/Author(NOVA9)/Producer(a)/ModDate(D:2025)>>",
            b"<</Title(b)/Author(NOVA9)/Producer(b)/ModDate(D:2026)>>",
            set(),
        ),
    ],
)
def test_what_an_earlier_information_dictionary_said_is_judged(
    first: bytes, second: bytes, names: set[str]
) -> None:
    assert _names(_revisions(first, second)) == names


def test_an_information_dictionary_that_is_not_there_is_not_passed_over() -> None:
    for missing, refused in ((b"/Info 7 0 R", True), (b"/Prev 7 0 R", False)):
        first = pdf_with_objects({1: b"<</Type/Catalog>>"}, trailer=missing)
        second = pdf_with_objects({2: b"<</Title(a)>>"}, trailer=_WITH_INFORMATION)
        reading = _found(first + second)
        assert any("dictionary was not found" in s for s in reading.unreadable) is refused


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (_stream(b"", b"(Comeback on 1 May) Tj"), _stream(b"", b"() Tj"), {"revision"}),
        (_stream(b"", b"(Comeback) Tj"), _stream(b"", b"(Comeback) Tj"), set()),
        (b"<</Type/Page>>", b"<</Type/Page/Annots[7 0 R]>>", set()),
        (
            _stream(b"/Type/Metadata/Subtype/XML", xmp_packet(attributes={"dc:source": "a"})),
            _stream(b"/Type/Metadata/Subtype/XML", xmp_packet(attributes={"dc:source": "bc"})),
            set(),
        ),
        (_stream(b"/Type/XRef", b"a"), _stream(b"/Type/XRef", b"bc"), set()),
    ],
)
def test_a_stream_that_a_later_revision_replaced_is_still_there(
    first: bytes, second: bytes, names: set[str]
) -> None:
    data = pdf_with_objects({4: first}) + pdf_with_objects({4: second})
    assert _names(data) == names
    assert {f.category for f in _found(data).fields} <= {Category.HISTORY}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("contents", "names"),
    [
        (b"7 0 R", {"revision"}),
        (b"[7 0 R 6 0 R]", {"revision"}),
        (b"[7 0 R 5 0 R 6 0 R]", set()),
        (b"[5 0 R 6 0 R]/Annots[9 0 R]", set()),
    ],
)
def test_a_description_that_a_page_lost_in_a_later_revision_is_still_there(
    contents: bytes, names: set[str], *, packed: bool
) -> None:
    pages = [b"<</Type/Page/Contents %s>>" % c for c in (b"[5 0 R 6 0 R]", contents)]
    first = {5: _stream(b"", b"(Comeback) Tj"), 6: _stream(b"", b"x")}
    second = {7: _stream(b"", b"() Tj")}
    data = b"".join(
        pdf_with_objects(objects, in_object_stream={4: page})
        if packed
        else pdf_with_objects({**objects, 4: page})
        for objects, page in ((first, pages[0]), (second, pages[1]))
    )
    assert _names(data) == names


def test_a_pdf_attached_as_it_is_is_no_revision_of_what_holds_it() -> None:
    inner = pdf_with_objects(
        {
            4: _stream(b"", b"another page"),
            5: _stream(b"", b"one more"),
            7: b"<</Type/Page/Contents 5 0 R>>",
        }
    )
    data = pdf_with_objects(
        {
            7: b"<</Type/Page/Contents 4 0 R>>",
            4: _stream(b"", b"a page"),
            5: _stream(b"", b"a page"),
            6: _stream(b"/Type/EmbeddedFile", inner),
        }
    )
    assert _names(data) == set()


@pytest.mark.parametrize("told", [b"", b"/First 0", b"/First 2", b"/First 9", b"/First 4"])
def test_an_object_stream_that_holds_no_object_says_nothing(told: bytes) -> None:
    assert _names(pdf_with_objects({2: _stream(b"/Type/ObjStm" + told, b"8 0 x")})) == set()


def test_objects_of_a_stream_that_overlap_are_not_copied_without_bound() -> None:
    def pdf(second: int) -> bytes:
        index = b"".join(b"8 %d " % (n % 2 * second) for n in range(100_000))
        raw = zlib.compress(index + bytes(70_000))
        told = b"/Type/ObjStm/N 9/First %d/Filter/FlateDecode" % len(index)
        return pdf_with_objects({2: _stream(told, raw)})

    started = time.process_time()
    assert "cannot be followed" in _found(pdf(60_000)).unreadable[0]
    assert time.process_time() - started < 2
    assert _found(pdf(0)).unreadable == ()


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n/Info 1 0 R" + b"1 0 obj<</A(" * 200_000,
        b"%PDF-1.7\n/Info 1 0 R 1 0 obj<<" + b"/A(" * 500_000,
        b"%PDF-1.7\n/Info 1 0 R/Filter 9 0 R" + b" obj" * 500_000,
        b"%PDF-1.7\n/Info 1 0 R/Filter 9 0 R" + b"1 0 obj" * 150_000,
        b"%PDF-1.7\n" + b"1 0 obj<</Type/Page" * 200_000,
        b"%PDF-1.7\n" + b"".join(b"/Info %d 0 R" % n for n in range(200_000)),
        b"%PDF-1.7\n" + b"9 0 obj<</Filter 9 0 R>>stream\n" * 20_000,
    ],
)
def test_hostile_revisions_are_done_with_quickly(data: bytes) -> None:
    started = time.process_time()
    _found(data)
    assert time.process_time() - started < 3


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("entry", "names"),
    [
        (b"/Keywords[(stage) (file:///home/somebody/a)]", {"Keywords"}),
        (b"/Keywords [ [(a)] <FEFF002F00550073006500720073002F0061> ]", {"Keywords"}),
        (b"/Manager[(Q)]", {"Manager"}),
        (b"/Own<</Note[<</Contact#20email(q@aurora.example)>>]>>", {"Contact email"}),
        (b"/Keywords[(stage) (lights)]/Trapped/False", set()),
        (b"/Keywords[]/Title(Starlight)", set()),
        # Two who wrote it together; nobody took the place of anybody.
        (b"/Author[(NOVA9) (Aurora Entertainment)]", set()),
    ],
)
def test_texts_in_an_array_of_an_information_dictionary_are_judged(
    entry: bytes, names: set[str], *, packed: bool
) -> None:
    objects = {1: b"<</Type/Catalog>>"}
    body = b"<<%s/ModDate(D:2026)>>" % entry
    data = (
        pdf_with_objects(objects, in_object_stream={2: body}, trailer=_WITH_INFORMATION)
        if packed
        else pdf_with_objects({**objects, 2: body}, trailer=_WITH_INFORMATION)
    )
    assert _names(data) == names


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("value", "texts"),
    [(b"7 0 R", {7: b"[(stage) %s]"}), (b"[7 0 R 8 0 R]", {7: b"(stage)", 8: b"%s"})],
)
def test_an_array_that_stands_elsewhere_or_leads_there_is_read(
    value: bytes, texts: Mapping[int, bytes], *, packed: bool
) -> None:
    for said, names in ((b"(/Users/somebody/a)", {"Keywords"}), (b"(lights)", set())):
        told = {n: body.replace(b"%s", said) for n, body in texts.items()}
        information = {1: b"<</Type/Catalog>>", 2: b"<</Keywords %s>>" % value}
        data = pdf_with_objects(
            information if packed else {**information, **told},
            in_object_stream=told if packed else None,
            trailer=_WITH_INFORMATION,
        )
        assert _names(data) == names


def test_more_texts_than_are_read_of_one_dictionary_are_not_passed_over() -> None:
    def pdf(number: int, value: bytes) -> bytes:
        objects = {1: b"<</Type/Catalog>>", 2: b"<<%s>>" % (value * number)}
        return pdf_with_objects(objects, trailer=_WITH_INFORMATION)

    for value in (b"/A(b)", b"/A[(b)]"):
        assert _found(pdf(999, value)).unreadable == ()
        (sentence,) = _found(pdf(1_000, value)).unreadable
        assert "more in information dictionaries than is read" in sentence
    # Of one that is longer than is read nobody takes a part for the whole.
    (sentence,) = _found(pdf(1, b"/A(%s)" % (b"x" * 70_000))).unreadable
    assert "dictionary was not found" in sentence


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"<</S/URI/URI(file:///C:/Users/somebody/a.pdf)>>", {"URI"}),
        (b"<</S/URI/URI(https://aurora.example/home/a)>>", set()),
        (b"<</S/GoToR/F(/C/Users/somebody/a.pdf)>>", {"F"}),
        (b"<</Type/Filespec/F(a.pdf)/UF<FEFF0043003A005C00550073006500720073005C0061>>>", {"UF"}),
        (b"<</Type/Filespec/F(press/Users/a.pdf)/UF(a.pdf)>>", set()),
        (b"<</S/Figure/Alt(C:\\\\Users\\\\somebody\\\\stage.png)>>", {"Alt"}),
        (b"<</S/Figure/Alt(NOVA9 \\(on stage\\) at home)>>", set()),
        (b"<</PieceInfo<</AdobePhotoshop 9 0 R>>>>", {"AdobePhotoshop"}),
        (b"<</PieceInfo<</InDesign 9 0 R>>>>", set()),
    ],
)
def test_links_and_descriptions_that_name_a_folder_are_found(
    body: bytes, names: set[str], *, packed: bool
) -> None:
    data = (
        pdf_with_objects({5: b"null"}, in_object_stream={8: body})
        if packed
        else pdf_with_objects({5: body})
    )
    assert _names(data) == names


@pytest.mark.parametrize(
    ("before", "behind", "names"),
    [
        (b'\x1b%-12345X@PJL SET USERNAME="somebody"\n', b"", {"pdf:head"}),
        (b"\r\n", b"\r\n\0\0\x1a", set()),
        (b"", b"saved by somebody", {"trailer"}),
    ],
)
def test_what_stands_before_and_behind_a_document_is_found(
    before: bytes, behind: bytes, names: set[str]
) -> None:
    data = before + pdf_with_objects({1: b"<</Type/Catalog>>"}, trailer=b"/Root 1 0 R") + behind
    reading = _found(data)
    assert reading.unreadable == ()
    assert {field.name for field in reading.fields} == names


@pytest.mark.parametrize(
    "text", [b"/F(", b"/F(((((((", b"/Alt<", b"/URI(\\", b"/Subtype/Ink", b"/Subtype/Ink/T "]
)
def test_hostile_links_are_done_with_quickly(text: bytes) -> None:
    started = time.process_time()
    _found(b"%PDF-1.7\n" + text * 300_000)
    assert time.process_time() - started < 3


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"<</Type/Annot/Subtype/Stamp/T(somebody)/Rect[0 0 9 9]>>", {"AnnotAuthor"}),
        (b"<</T <FEFF0051>/Type/Annot/Subtype /FreeText/Contents(NOVA9)>>", {"AnnotAuthor"}),
        (b"<</Type/Annot/Subtype/Ink/T 5 0 R>>", {"AnnotAuthor"}),
        (b"<</Type/Annot/Subtype/Stamp/T()/Rect[0 0 9 9]>>", set()),
        (b"<</Type/Annot/Subtype/FreeText/Contents(NOVA9)/Title(a)>>", set()),
        # The name of a field of a form.
        (b"<</Type/Annot/Subtype/Widget/T(surname)>>", set()),
    ],
)
def test_who_marked_a_page_is_found(body: bytes, names: set[str], *, packed: bool) -> None:
    # Beside it a field of a form, whose name is nobody's.
    field = b"<</Type/Annot/Subtype/Widget/T(surname)>>"
    data = (
        pdf_with_objects({5: b"(somebody)"}, in_object_stream={7: field, 8: body, 9: field})
        if packed
        else pdf_with_objects({5: b"(somebody)", 7: field, 8: body, 9: field})
    )
    assert _names(data) == names
