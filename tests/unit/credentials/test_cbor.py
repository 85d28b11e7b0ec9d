from __future__ import annotations

import re
import time
from itertools import islice, product

import cbor2
import pytest

from provenance.credentials.cbor import decode_cbor
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits


def _decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> object:
    return decode_cbor(data, where="claim", limits=limits)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -7,
        2**64 - 1,
        1.5,
        "오로라",
        b"\0\xff",
        [],
        {},
        [1, [2, [3]]],
        {"a": {"b": [b"c"]}, 33: "x5chain", b"k": None},
    ],
)
def test_what_was_encoded_comes_back(value: object) -> None:
    assert _decode(cbor2.dumps(value)) == value


def test_strings_and_containers_of_unstated_length_come_back() -> None:
    encoded = bytes.fromhex("9f 5f 4101 4102 ff bf 6161 9f ff ff 7f 6162 ff ff".replace(" ", ""))
    assert _decode(encoded) == [b"\1\2", {"a": []}, "b"]


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        ("a201020203", "a201020103", "Duplicate map key: 1"),
        ("a2616101616202", "a2616101616102", "Duplicate map key: 'a'"),
        ("bf0102 0203ff", "bf0102 0103ff", "Duplicate map key: 1"),
        ("00", "0000", "expected one CBOR item of 1 bytes, got 2"),
        ("4101", "4201", "expected one CBOR item of 3 bytes, got 2"),
        ("8101", "81", "got an item cut off at 1"),
        ("9f01ff", "9f01", "got an item cut off at 2"),
        ("6161", "61ff", "expected CBOR"),
        ("f4", "ff", "expected CBOR, got 0xff at 0"),
        ("8100", "811c", "expected CBOR, got 0x1c at 1"),
        ("a14101 02", "a18101 02", "a CBOR map key at 1 is no text or integer"),
        ("a1182a02", "a1c2412a02", "a CBOR map key at 1 is no text or integer"),
        ("a1 6161 a10102", "a1 6161 a1f902 0002", "a CBOR map key at 4 is no text or integer"),
        ("d86701", "d81c8101", "error decoding semantic tag 28"),
        # An array that holds itself: tag 28 marks it, tag 29 refers to it.
        ("d8678101", "d81c81d81d00", "error decoding semantic tag"),
        ("d86701", "c24101", "error decoding semantic tag 2"),
        ("d8678100", "d9010281 00", "error decoding semantic tag 258"),
        ("d867 01", "d823 6128", "error decoding semantic tag 35"),
    ],
)
def test_one_defect_is_refused_and_its_twin_is_not(good: str, bad: str, reason: str) -> None:
    _decode(bytes.fromhex(good.replace(" ", "")))
    with pytest.raises(MalformedError, match=f"^claim: .*{re.escape(reason)}"):
        _decode(bytes.fromhex(bad.replace(" ", "")))


@pytest.mark.parametrize("nested", [b"\x81", b"\xa1\x00", b"\xd8\x67", b"\x9f"])
def test_nesting_is_followed_only_so_far(nested: bytes) -> None:
    limits = Limits(max_cbor_depth=10)
    end = b"\xff" if nested == b"\x9f" else b""
    _decode(nested * 9 + b"\0" + end * 9, limits)
    with pytest.raises(MalformedError, match=r"nest"):
        _decode(nested * 11 + b"\0" + end * 11, limits)
    with pytest.raises(MalformedError, match=r"nest"):
        _decode(nested * 100_000 + b"\0", DEFAULT_LIMITS)


def test_values_are_counted_before_they_are_built() -> None:
    limits = Limits(max_cbor_items=1000)
    assert _decode(b"\x99\x03\xe7" + b"\x80" * 999, limits) == [[]] * 999
    with pytest.raises(LimitError, match="claim: more CBOR values than max_cbor_items"):
        _decode(b"\x99\x03\xe8" + b"\x80" * 1000, limits)


@pytest.mark.parametrize("head", ["9b", "bb", "5b", "7b"])
def test_a_length_beyond_the_data_costs_nothing(head: str) -> None:
    with pytest.raises(MalformedError):
        _decode(bytes.fromhex(head) + b"\x7f" * 8)


def test_keys_made_to_collide_cost_no_quadratic_time() -> None:
    # Integers that differ by a multiple of 2**61 - 1 have one hash, and so have arrays
    # of them. Filling a hash table with these takes minutes.
    same_hash = [cbor2.dumps(5 + n * (2**61 - 1)) for n in range(8)]
    keys = [b"\x86" + b"".join(key) for key in islice(product(same_hash, repeat=6), 60_000)]
    data = b"\xb9" + len(keys).to_bytes(2, "big") + b"\0".join([*keys, b""])

    started = time.process_time()
    with pytest.raises(MalformedError, match="no text or integer"):
        _decode(data)
    assert time.process_time() - started < 2
