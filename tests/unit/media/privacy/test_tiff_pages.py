"""Every page of a TIFF file is searched, wherever its table lies."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Mapping

import pytest

from provenance.limits import DEFAULT_LIMITS
from provenance.media.formats import FORMATS
from provenance.media.privacy import find_private
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media
from tests.factory.sign import sign

_GPS, _SUB, _HOST, _TITLE, _XMP, _LAYERS = 0x8825, 330, 0x013C, 0x010E, 700, 37724


def _directory(at: int, entries: Mapping[int, bytes | int], following: int = 0) -> bytes:
    """A table at this offset, with its values behind it; a number is the offset of a table."""
    values_at = at + 2 + 12 * len(entries) + 4
    table, values = struct.pack("<H", len(entries)), b""
    for tag, value in sorted(entries.items()):
        if isinstance(value, int):
            table += struct.pack("<HHII", tag, 4, 1, value)
        else:
            table += struct.pack("<HHII", tag, 7, len(value), values_at + len(values))
            values += value
    return table + struct.pack("<I", following) + values


def _tiff(*directories: tuple[Mapping[int, bytes | int], int], start: int = 8) -> bytes:
    """Tables a kilobyte apart, each with its entries and the place of the one that follows."""
    data = (b"II*\0" + struct.pack("<I", start)).ljust(start, b"\0")
    for number, (entries, following) in enumerate(directories):
        at = start + 1024 * number
        data = data.ljust(at, b"\0") + _directory(at, entries, following)
    return data


def _names(data: bytes) -> set[str]:
    reading = find_private(io.BytesIO(data), FORMATS["tiff"])
    assert reading.unreadable == ()
    return {field.name for field in reading.fields}


_PLAIN: Mapping[int, bytes | int] = {_TITLE: b"NOVA9 on stage"}
_POSITION: Mapping[int, bytes | int] = {1: b"N\0\0\0\0"}


@pytest.mark.parametrize("entries", [{_HOST: b"HOSTQ5520"}, {_TITLE: b"/home/somebody/a.tif"}])
def test_a_table_behind_the_picture_is_read(entries: Mapping[int, bytes | int]) -> None:
    far = DEFAULT_LIMITS.max_metadata_bytes + 4096
    assert len(_names(_tiff((entries, 0), start=far))) == 1
    assert _names(_tiff((_PLAIN, 0), start=far)) == set()


@pytest.mark.parametrize(("end", "found"), [(b" /home/somebody/a", True), (b" on stage", False)])
def test_the_end_of_a_long_text_is_searched_too(end: bytes, *, found: bool) -> None:
    data = _tiff(({_TITLE: b"NOVA9 " * 5_000 + end}, 0))
    assert _names(data) == ({"exif:ImageDescription"} if found else set())


def test_a_position_of_any_page_and_of_what_lies_below_it_is_found() -> None:
    second = 8 + 1024
    third, fourth = second + 1024, second + 2048
    pages = ((_PLAIN, second), (_PLAIN, third), ({**_PLAIN, _GPS: fourth}, 0))
    assert _names(_tiff(*pages, (_POSITION, 0))) == {"exif:GPSPosition"}
    assert _names(_tiff(*pages, ({0: b"\2\3\0\0\0"}, 0))) == set()
    below = (({_SUB: second}, 0), ({_GPS: third}, 0), (_POSITION, 0))
    assert _names(_tiff(*below)) == {"exif:GPSPosition"}


def test_packets_resources_and_layers_of_a_later_page_are_found() -> None:
    packet = (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf="
        b"'http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description xmlns:d='http://a.example/'"
        b" d:%s='1'/></rdf:RDF></x:xmpmeta>"
    )
    second = 8 + 1024
    assert _names(_tiff((_PLAIN, second), ({_XMP: packet % b"SerialNumber"}, 0))) == {
        "xmp:{http://a.example/}SerialNumber"
    }
    assert _names(_tiff((_PLAIN, second), ({_XMP: packet % b"Number"}, 0))) == set()
    assert _names(_tiff((_PLAIN, second), ({_LAYERS: b"layers"}, 0))) == {"exif:ImageSourceData"}
    resource = b"8BIM\4\x0c\0\0" + struct.pack(">I", 4) + b"jpeg"
    assert _names(_tiff((_PLAIN, second), ({34377: resource}, 0))) == {"photoshop:Thumbnail"}


def test_tables_that_lead_to_each_other_end() -> None:
    assert _names(_tiff((_PLAIN, 8 + 1024), ({_SUB: 8, _HOST: b"HOSTQ5520"}, 8))) == {
        "exif:HostComputer"
    }


def test_texts_that_thousands_of_entries_share_are_not_searched_thousands_of_times() -> None:
    def with_entries(number: int) -> bytes:
        entry = struct.pack("<HHII", _TITLE, 2, 60_000, 8)
        table = struct.pack("<H", number) + entry * number + bytes(4)
        return b"II*\0\x08\0\0\0" + table.ljust(60_000, b"a")

    assert _names(with_entries(26)) == set()
    started = time.process_time()
    reading = find_private(io.BytesIO(with_entries(2_000)), FORMATS["tiff"])
    assert time.process_time() - started < 0.5
    assert any("texts of more than" in sentence for sentence in reading.unreadable)


@pytest.mark.parametrize("kind", [2, 129])
@pytest.mark.parametrize(("tag", "name"), [(0x011D, "exif:PageName"), (0xA480, "exif:0xa480")])
def test_a_text_of_any_tag_is_judged_for_what_it_says(tag: int, name: str, kind: int) -> None:
    for said, names in ((b"/home/somebody/a.tif\0", {name}), (b"page one\0", set())):
        table = struct.pack("<HHHIII", 1, tag, kind, len(said), 26, 0)
        assert _names(b"II*\0\x08\0\0\0" + table + said) == names


@pytest.mark.parametrize(
    ("tag", "names"),
    [
        (0xC68C, {"exif:OriginalRawFileData"}),
        (0x9213, {"exif:ImageHistory"}),
        (0x8482, {"exif:ModelTiePoint"}),
        (0x830E, set()),
    ],
)
def test_private_tags_of_raw_files_and_maps_are_found(tag: int, names: set[str]) -> None:
    assert _names(_tiff(({**_PLAIN, tag: b"SERIALQ7731"}, 0))) == names


def test_what_nothing_refers_to_any_more_is_found() -> None:
    """A programme may write a new table and leave the one before it where it is."""
    second = 8 + 1024
    for old, names in ((_POSITION, {"tiff:gap"}), (None, set())):
        data = bytearray(_tiff((old or {}, 0), (_PLAIN, 0)))
        data[4:8] = struct.pack("<I", second)
        if old is None:
            data[8:second] = bytes(1024)
        assert _names(bytes(data)) == names


@pytest.mark.parametrize(("more", "names"), [(b"SERIALQ7731", {"trailer"}), (bytes(11), set())])
def test_what_follows_a_picture_is_found(more: bytes, names: set[str]) -> None:
    assert _names(media.tiff(1) + more) == names
    assert _names(_tiff((_PLAIN, 0)) + more) == names


def test_a_table_that_says_what_another_one_says_was_left_behind_by_who_signed() -> None:
    def file(old: Mapping[int, bytes | int]) -> bytes:
        table = _directory(8, old)
        new = _directory(8 + len(table), {0x0100: 64, 0x0101: 48})
        return b"II*\0" + struct.pack("<I", 8 + len(table)) + table + new

    assert _names(file({0x0100: 64})) == set()
    assert _names(file({0x0100: 64, 0x0101: 48})) == set()
    assert _names(file({0x0100: 65})) == {"tiff:gap"}
    assert _names(file({0x0100: 64, _HOST: b"DESK"})) == {"tiff:gap"}


def test_a_tiff_that_was_signed_is_not_refused_for_what_its_signer_left(
    agency_signer: MemorySigner,
) -> None:
    assert _names(sign(media.tiff(1), "image/tiff", signer=agency_signer)) == set()
