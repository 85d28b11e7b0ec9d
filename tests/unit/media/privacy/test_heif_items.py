"""Items of a HEIF that lie in other items are searched, and none is passed over."""

from __future__ import annotations

import io
from typing import NamedTuple

import pytest

from provenance.media.formats import FORMATS
from provenance.media.privacy import PrivateReading, find_private
from tests.factory.metadata import box, exif_block, ratios, text

_PLACE = {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))}
_PRIVATE = bytes(4) + exif_block({}, gps=_PLACE)
_PLAIN = bytes(4) + exif_block({0x8298: text("NOVA9")})


class _Item(NamedTuple):
    number: int
    kind: bytes
    method: int
    # The index of a reference, where it begins, and how long it is.
    extents: list[tuple[int, int, int]]


def _number(value: int, width: int = 4) -> bytes:
    return value.to_bytes(width, "big")


def _file(
    items: list[_Item], references: list[tuple[int, list[int]]], data: bytes, *, wide: bool
) -> bytes:
    width = 4 if wide else 2
    entries = b"".join(
        box(
            b"infe",
            bytes([3 if wide else 2, 0, 0, 0]),
            _number(i.number, width),
            b"\0\0",
            i.kind,
            b"\0",
        )
        for i in items
    )
    listed = box(b"iinf", bytes([int(wide), 0, 0, 0]), _number(len(items), width), entries)
    places = b"".join(
        _number(item.number, width)
        + _number(item.method, 2)
        + b"\0\0"
        + _number(len(item.extents), 2)
        + b"".join(b"".join(map(_number, extent)) for extent in item.extents)
        for item in items
    )
    version = bytes([2 if wide else 1, 0, 0, 0])
    located = box(b"iloc", version, b"\x44\x04", _number(len(items), width), places)
    referred = box(
        b"iref",
        bytes([int(wide), 0, 0, 0]),
        *(
            box(b"iloc", _number(a, width), _number(len(to), 2), *(_number(b, width) for b in to))
            for a, to in references
        ),
    )
    handler = box(b"hdlr", bytes(8), b"pict", bytes(13))
    inner = (handler, listed, located, referred, box(b"idat", data))
    return box(b"ftyp", b"heic\0\0\0\0heic") + box(b"meta", bytes(4), *inner)


def _found(data: bytes) -> PrivateReading:
    return find_private(io.BytesIO(data), FORMATS["heic"])


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("index", "references", "size"),
    [(0, [7], None), (1, [7], None), (2, [8, 7], None), (1, [7], 0)],
)
def test_an_item_that_lies_in_another_is_searched(
    index: int, references: list[int], size: int | None, *, wide: bool
) -> None:
    def file(exif: bytes) -> bytes:
        # The item around it lies in two pieces, with something else between them.
        half = len(exif) // 2
        data = b"before" + exif[:half] + b"amid" + exif[half:] + b"behind"
        pieces = [(0, 0, 6 + half), (0, 10 + half, len(exif) - half)]
        around = [_Item(7, b"hvc1", 1, pieces), _Item(8, b"hvc1", 1, [(0, 0, 6)])]
        told = len(exif) if size is None else size
        item = _Item(5, b"Exif", 2, [(index, 6, told)])
        return _file([*around, item], [(5, references)], data, wide=wide)

    reading = _found(file(_PRIVATE))
    assert reading.unreadable == ()
    assert {field.name for field in reading.fields} == {"exif:GPSPosition"}
    assert _found(file(_PLAIN)) == PrivateReading()


@pytest.mark.parametrize(
    ("item", "references"),
    [
        # It refers to none, to one that is not there, to itself, to more than there are.
        (_Item(5, b"Exif", 2, [(1, 0, 9)]), []),
        (_Item(5, b"Exif", 2, [(1, 0, 9)]), [(5, [9])]),
        (_Item(5, b"Exif", 2, [(1, 0, 9)]), [(5, [5])]),
        (_Item(5, b"Exif", 2, [(3, 0, 9)]), [(5, [7])]),
        # A method that nobody has thought of yet.
        (_Item(5, b"Exif", 3, [(1, 0, 9)]), [(5, [7])]),
    ],
)
def test_an_item_that_cannot_be_followed_is_not_passed_over(
    item: _Item, references: list[tuple[int, list[int]]]
) -> None:
    around = _Item(7, b"hvc1", 1, [(0, 0, 99)])
    (sentence, *_) = _found(_file([around, item], references, _PRIVATE, wide=False)).unreadable
    assert sentence.startswith("iloc: item 5") or "item 9" in sentence
    # A picture that lies so is for who decodes it.
    picture = item._replace(kind=b"hvc1")
    twin = _file([around, picture], references, _PRIVATE, wide=False)
    assert _found(twin) == PrivateReading()


def test_what_an_item_in_the_data_box_implies_is_its_whole_rest() -> None:
    for exif, names in ((_PRIVATE, {"exif:GPSPosition"}), (_PLAIN, set())):
        item = _Item(5, b"Exif", 1, [(0, 3, 0)])
        reading = _found(_file([item], [], b"xyz" + exif, wide=False))
        assert reading.unreadable == ()
        assert {field.name for field in reading.fields} == names


@pytest.mark.parametrize(
    ("kind", "media_type", "name"),
    [
        (b"mime", b"application/json", "item:application/json"),
        (b"uri ", b"urn:maker:notes", "item:urn:maker:notes"),
        (b"hvc1", b"", None),
        (b"tmap", b"", None),
    ],
)
def test_items_of_programmes_are_named(kind: bytes, media_type: bytes, name: str | None) -> None:
    item = _Item(5, kind + b"\0" + media_type, 1, [(0, 0, 9)])
    reading = _found(_file([item], [], b'{"gps":1}', wide=False))
    assert reading.unreadable == ()
    assert {field.name for field in reading.fields} == ({name} if name else set())
