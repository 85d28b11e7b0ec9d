from __future__ import annotations

import io
import itertools
import warnings
import zipfile

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.problems import MAX_PROBLEMS, MULTIPLE_STORES
from provenance.media.containers.zip import MANIFEST_NAME, collection_ranges, parse_layout
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange, merge

LIMITS = Limits()
STORE = b"\0\0\0\x10jumb a store"


class Pipe(io.BytesIO):
    """A file that cannot seek: the writer then adds data descriptors."""

    def tell(self) -> int:
        raise OSError("not seekable")


def archive(
    entries: dict[str, bytes], *, method: int = zipfile.ZIP_STORED, comment: bytes = b""
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, data in entries.items():
            target.writestr(zipfile.ZipInfo(name), data, compress_type=method)
        target.comment = comment
    return buffer.getvalue()


def streamed(entries: dict[str, bytes]) -> bytes:
    buffer = Pipe()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, data in entries.items():
            target.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


PLAIN = archive({"mimetype": b"application/epub+zip", "a.xhtml": b"<p>", MANIFEST_NAME: STORE})


def parse(data: bytes, limits: Limits = LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def labels(layout: Layout) -> list[str]:
    return [segment.label for segment in layout.segments]


def covers(layout: Layout) -> bool:
    top = [s.range for s in layout.segments]
    disjoint = all(a.end <= b.start for a, b in itertools.pairwise(top))
    return disjoint and merge(top) == (ByteRange(0, layout.size_bytes),)


def patched(data: bytes, needle: bytes, offset: int, value: bytes, *, last: bool = False) -> bytes:
    at = (data.rindex(needle) if last else data.index(needle)) + offset
    return data[:at] + value + data[at + len(value) :]


def test_lists_entries_directory_and_end_record() -> None:
    layout = parse(PLAIN)

    assert labels(layout) == [
        "mimetype",
        "a.xhtml",
        MANIFEST_NAME,
        "central directory",
        "end of central directory",
    ]
    assert layout.problems == ()
    assert layout.gaps == ()
    assert layout.media_end == len(PLAIN)
    assert covers(layout)


def test_the_manifest_store_is_the_data_of_its_entry() -> None:
    layout = parse(PLAIN)

    (payload,) = layout.manifest_payload
    assert PLAIN[payload.start : payload.end] == STORE
    (whole,) = layout.manifest
    assert PLAIN[whole.start :].startswith(b"PK\3\4")
    assert layout.segments[2].kind is SegmentKind.MANIFEST


def test_a_compressed_manifest_has_no_payload() -> None:
    layout = parse(archive({MANIFEST_NAME: STORE * 20}, method=zipfile.ZIP_DEFLATED))

    assert layout.manifest_payload == ()
    assert len(layout.manifest) == 1
    assert layout.problems == (f"{MANIFEST_NAME} is compressed: expected stored",)


def test_data_descriptors_belong_to_their_entry() -> None:
    data = streamed({"a.txt": b"one", "b.txt": b"two"})
    layout = parse(data)

    assert data[layout.segments[0].end - 16 :].startswith(b"PK\7\x08")
    assert layout.problems == ()
    assert covers(layout)


def test_a_data_descriptor_that_disagrees_is_a_gap() -> None:
    layout = parse(patched(streamed({"a.txt": b"one"}), b"PK\7\x08", 4, b"\0\0\0\0"))

    assert labels(layout)[:2] == ["a.txt", "gap"]
    assert layout.problems == (
        "entry 'a.txt' has no data descriptor that agrees with the central directory",
    )


def test_a_stub_in_front_is_a_gap() -> None:
    layout = parse(b"MZ an executable" + PLAIN)

    assert layout.gaps == (ByteRange(0, 16),)
    assert layout.segments[0].label == "stub"
    assert layout.segments[0].kind is SegmentKind.UNKNOWN
    assert layout.problems == ("offsets do not count the first 16 bytes of the file",)
    assert len(layout.manifest_payload) == 1
    assert covers(layout)


def test_bytes_between_entries_are_a_gap() -> None:
    first = PLAIN.index(b"PK\3\4", 4)
    hole = b"hidden between entries"
    data = PLAIN[:first] + hole + PLAIN[first:]
    for record in (1, 2):
        at = 0
        for _ in range(record + 1):
            at = data.index(b"PK\1\2", at + 1)
        moved = int.from_bytes(data[at + 42 : at + 46], "little") + len(hole)
        data = data[: at + 42] + moved.to_bytes(4, "little") + data[at + 46 :]
    end = data.rindex(b"PK\5\6")
    moved = int.from_bytes(data[end + 16 : end + 20], "little") + len(hole)
    data = data[: end + 16] + moved.to_bytes(4, "little") + data[end + 20 :]
    layout = parse(data)

    assert layout.gaps == (ByteRange(first, first + len(hole)),)
    assert layout.problems == ()
    assert covers(layout)


def test_an_entry_missing_from_the_directory_is_a_gap_with_a_name() -> None:
    hidden = archive({"hidden": b"x"})
    hidden = hidden[: hidden.index(b"PK\1\2")]
    layout = parse(hidden + PLAIN)

    assert layout.gaps == (ByteRange(0, len(hidden)),)


def test_a_comment_and_a_trailer_are_told_apart() -> None:
    data = archive({"a": b"x"}, comment=b"a comment")
    layout = parse(data + b"appended")

    assert labels(layout)[-2:] == ["comment", "trailer"]
    assert layout.segments[-2].kind is SegmentKind.TEXT
    assert layout.segments[-1].kind is SegmentKind.TRAILER
    assert layout.media_end == len(data)


def test_a_long_trailer_does_not_hide_the_archive() -> None:
    layout = parse(PLAIN + bytes(300_000))

    assert layout.media_end == len(PLAIN)
    assert len(layout.manifest_payload) == 1


def test_an_end_record_in_the_trailer_that_leads_nowhere_is_passed_over() -> None:
    fake = b"PK\5\6" + bytes(4) + b"\1\0\1\0" + (46).to_bytes(4, "little") + bytes(6)
    layout = parse(PLAIN + fake)

    assert layout.media_end == len(PLAIN)


@pytest.mark.parametrize(
    ("offset", "value", "problem"),
    [
        (30, b"MIMETYPE", "entry 'mimetype' has another name in its local header: b'MIMETYPE'"),
        (8, b"\x08\0", "entry 'mimetype' has another compression method in its local header"),
        (14, b"abcd", "entry 'mimetype' has another size or checksum in its local header"),
        (18, b"\5\0\0\0", "entry 'mimetype' has another size or checksum in its local header"),
        (22, b"\5\0\0\0", "entry 'mimetype' has another size or checksum in its local header"),
    ],
)
def test_a_local_header_that_disagrees_is_a_problem(
    offset: int, value: bytes, problem: str
) -> None:
    assert parse(patched(PLAIN, b"PK\3\4", offset, value)).problems == (problem,)


def test_two_entries_of_one_name_are_a_problem() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(MANIFEST_NAME, STORE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            target.writestr(MANIFEST_NAME, b"other")
    layout = parse(buffer.getvalue())

    assert layout.problems == (
        f"two entries named '{MANIFEST_NAME}'",
        "more than one C2PA manifest store",
    )


def test_overlapping_entries_are_a_problem_and_stay_apart_in_the_list() -> None:
    data = archive({"a": b"x" * 50, "b": b"y" * 50})
    layout = parse(patched(data, b"PK\1\2", 42, b"\0\0\0\0", last=True))

    assert "entry 'b' at offset 0 overlaps another" in layout.problems
    assert covers(layout)


def test_an_entry_that_leads_nowhere_is_a_problem() -> None:
    nowhere = parse(patched(PLAIN, b"PK\1\2", 42, b"\1\0\0\0"))
    beyond = parse(patched(PLAIN, b"PK\1\2", 20, b"\xff\xff\0\0"))

    assert nowhere.problems[0] == "entry 'mimetype' has no local header at offset 1"
    assert beyond.problems[0].startswith("entry 'mimetype' reaches beyond the central directory")
    assert covers(nowhere)
    assert covers(beyond)


def test_two_central_directories_are_a_problem() -> None:
    # The decoy stands where the declared offset points; most readers look
    # just before the end record.
    directory = PLAIN.index(b"PK\1\2")
    decoy = archive({"decoy": b"x" * (directory - 35)})
    assert decoy.index(b"PK\1\2") == directory
    layout = parse(decoy + PLAIN)

    assert "two central directories: readers may disagree about the entries" in layout.problems
    assert MANIFEST_NAME in labels(layout)


def test_zip64_records_are_followed() -> None:
    entry = PLAIN.index(b"PK\1\2")
    end = PLAIN.rindex(b"PK\5\6")
    record = b"PK\6\6" + (44).to_bytes(8, "little") + bytes(12)
    record += (3).to_bytes(8, "little") * 2
    record += (end - entry).to_bytes(8, "little") + entry.to_bytes(8, "little")
    locator = b"PK\6\7" + bytes(4) + end.to_bytes(8, "little") + b"\1\0\0\0"
    last = PLAIN[end : end + 8] + b"\xff" * 12 + b"\0\0"
    layout = parse(PLAIN[:end] + record + locator + last)

    assert labels(layout)[-3:] == [
        "central directory",
        "zip64 end of central directory",
        "end of central directory",
    ]
    assert layout.problems == ()
    assert covers(layout)


def test_a_collection_hash_leaves_out_the_manifest_and_its_checksum() -> None:
    found = collection_ranges(io.BytesIO(PLAIN), len(PLAIN), LIMITS)

    assert [name for name, _ in found.entries] == ["mimetype", "a.xhtml"]
    assert found.entries[0][1] == ByteRange(0, PLAIN.index(b"PK\3\4", 4))
    before, after = found.directory
    assert before.start == PLAIN.index(b"PK\1\2")
    assert after == ByteRange(before.end + 4, len(PLAIN))
    assert before.end == PLAIN.rindex(b"PK\1\2") + 16


def test_too_many_entries_hit_the_limit() -> None:
    with pytest.raises(LimitError, match="too many zip entries: 3, expected up to 2"):
        parse(PLAIN, Limits(max_segments=2))


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"%PDF-1.7", PLAIN[:-30], bytes(200_000)])
def test_no_end_record_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError, match="not a zip file"):
        parse(data)


def test_a_directory_shorter_than_its_count_is_malformed() -> None:
    with pytest.raises(MalformedError, match="expected 9 entries, got 3"):
        parse(patched(PLAIN, b"PK\5\6", 10, b"\x09\0"))


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_archive_is_malformed(tenth: int) -> None:
    with pytest.raises(MalformedError):
        parse(PLAIN[: len(PLAIN) * tenth // 10])


@pytest.mark.parametrize("stub", [0, 1, 17])
def test_a_stub_in_front_of_an_empty_archive_is_one_gap(stub: int) -> None:
    # Found by fuzzing: the empty directory left the gap open, and it was listed again.
    layout = parse(bytes(stub) + b"PK\5\6" + bytes(18))
    assert layout.gaps == ((ByteRange(0, stub),) if stub else ())
    assert covers(layout)


@pytest.mark.parametrize("others", [0, 200])
@pytest.mark.parametrize("stores", [1, 2])
def test_a_second_store_is_told_however_much_else_is_wrong(others: int, stores: int) -> None:
    # Found by fuzzing: whoever adds a store could have filled the list of problems first.
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as target:
        warnings.filterwarnings("ignore", message="Duplicate name")
        for _ in range(others):
            target.writestr("same", b"")
        for _ in range(stores):
            target.writestr(MANIFEST_NAME, STORE)
    data = buffer.getvalue()
    layout = parse(data)
    assert len(layout.problems) <= MAX_PROBLEMS + 2
    assert (MULTIPLE_STORES in layout.problems) is (stores == 2)
