from __future__ import annotations

import struct
import tracemalloc

import pytest

from provenance.credentials.jumbf import parse_jumbf
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits

UUID = b"c2pa" + bytes(12)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _description(label: bytes | None = b"store", *, uuid: bytes = UUID, toggles: int = 3) -> bytes:
    return _box(b"jumd", uuid + bytes([toggles]) + (b"" if label is None else label + b"\0"))


def _super(*children: bytes, label: bytes = b"store") -> bytes:
    return _box(b"jumb", _description(label) + b"".join(children))


def test_a_superbox_is_taken_apart() -> None:
    inner = _super(_box(b"cbor", b"\xa0"), label="안".encode())
    data = _super(inner, _box(b"json", b"{}"), label=b"outer")

    box, end = parse_jumbf(data + b"padding", DEFAULT_LIMITS)

    assert end == len(data)
    assert (box.label, box.kind, box.uuid) == ("outer", b"c2pa", UUID)
    assert [(c.type, c.content) for c in box.contents] == [(b"json", b"{}")]
    assert [(c.label, c.payload) for c in box.children] == [("안", inner[8:])]
    assert box.payload == data[8:]


def test_a_box_may_say_its_size_in_three_ways() -> None:
    description, content = _description(), b"\xa0"
    plain = _box(b"cbor", content)
    long = struct.pack(">I4sQ", 1, b"cbor", 16 + len(content)) + content
    to_the_end = struct.pack(">I4s", 0, b"cbor") + content
    for last in (plain, long, to_the_end):
        box, end = parse_jumbf(_box(b"jumb", description + last), DEFAULT_LIMITS)
        assert box.contents[0].content == content
        assert end == 8 + len(description) + len(last)
    whole = struct.pack(">I4s", 0, b"jumb") + description + plain
    assert parse_jumbf(whole, DEFAULT_LIMITS)[1] == len(whole)
    whole = struct.pack(">I4sQ", 1, b"jumb", 16 + len(description)) + description
    assert parse_jumbf(whole, DEFAULT_LIMITS)[0].payload == description


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (struct.pack(">I4s", 7, b"cbor"), "size 7 does not fit into 8 bytes"),
        (struct.pack(">I4s", 9, b"cbor"), "size 9 does not fit into 8 bytes"),
        (struct.pack(">I4s", 0xFFFFFFFF, b"cbor"), "size 4294967295 does not fit"),
        (struct.pack(">I4sQ", 1, b"cbor", 15), "size 15 does not fit into 16 bytes"),
        (struct.pack(">I4sQ", 1, b"cbor", 2**64 - 1), "size 18446744073709551615 does not fit"),
        (struct.pack(">I4sI", 1, b"cbor", 0), "its 64-bit size is cut off"),
        (b"\0\0\0", "expected 8 header bytes, got 3"),
    ],
)
def test_a_box_whose_size_does_not_fit_is_refused(last: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_jumbf(_box(b"jumb", _description() + last), DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "expected 8 header bytes, got 0"),
        (_box(b"free", b""), "expected a jumb box, got b'free'"),
        (_box(b"jumb", b""), "expected 8 header bytes, got 0"),
        (_box(b"jumb", _box(b"cbor", b"\xa0")), "expected jumd first, got b'cbor'"),
        (_box(b"jumb", _box(b"jumd", UUID)), "too short, 16 bytes"),
        (_box(b"jumb", _box(b"jumd", UUID + b"\3label")), "its label has no end"),
        (_box(b"jumb", _description(b"\xff")), "not UTF-8"),
    ],
)
def test_what_is_no_superbox_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_jumbf(data, DEFAULT_LIMITS)


def test_a_box_may_go_without_a_label() -> None:
    data = _box(b"jumb", _description(None, toggles=1))
    assert parse_jumbf(data, DEFAULT_LIMITS)[0].label == ""


def _nested(depth: int, content: bytes = b"") -> bytes:
    data = _super(content)
    for _ in range(depth):
        data = _super(data)
    return data


def test_nesting_is_followed_only_so_far() -> None:
    limits = Limits(max_jumbf_depth=5)
    parse_jumbf(_nested(5), limits)
    with pytest.raises(LimitError, match="deeper than max_jumbf_depth"):
        parse_jumbf(_nested(6), limits)
    with pytest.raises(LimitError, match="deeper than max_jumbf_depth"):
        parse_jumbf(_nested(5000), DEFAULT_LIMITS)


def test_boxes_are_counted() -> None:
    limits = Limits(max_jumbf_boxes=10)
    boxes = [_box(b"free", b"")] * 11
    parse_jumbf(_super(*boxes[:10]), limits)
    with pytest.raises(LimitError, match="more JUMBF boxes than max_jumbf_boxes"):
        parse_jumbf(_super(*boxes), limits)
    # The count is of the whole store, not of one box.
    with pytest.raises(LimitError, match="more JUMBF boxes than max_jumbf_boxes"):
        parse_jumbf(_super(_super(*boxes[:5]), _super(*boxes[:5])), limits)


def test_a_store_over_the_limit_is_not_looked_at() -> None:
    data = _super(_box(b"free", bytes(100)))
    parse_jumbf(data, Limits(max_manifest_store_bytes=len(data)))
    with pytest.raises(LimitError, match="more than max_manifest_store_bytes"):
        parse_jumbf(data, Limits(max_manifest_store_bytes=len(data) - 1))


def test_nesting_does_not_multiply_what_is_held() -> None:
    data = _nested(30, _box(b"free", bytes(1_000_000)))
    tracemalloc.start()
    parse_jumbf(data, DEFAULT_LIMITS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(data)
