from __future__ import annotations

import cbor2
import pytest

from provenance.credentials.cbor_slices import slice_of_value
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits


def _slice(data: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes | None:
    return slice_of_value(data, "b", where="sample", limits=limits)


@pytest.mark.parametrize(
    "value",
    [
        "00",
        "3903e7",
        "fb3ff199999999999a",
        "f6",
        "c074323032362d31312d32325430303a30303a30305a",
        "4100",
        "5f41014102ff",
        "7f61616162ff",
        "80",
        "9f0102ff",
        "83018202039f0405ff",
        "a0",
        "bf6161016162bf6163f5ffff",
        # Longer than it need be: encoded again it would be another byte string.
        "1900ff",
        "a2626262006161a16162f5",
    ],
)
@pytest.mark.parametrize("shape", ["a3 6161 {0} 6162 {0} 6163 {0}", "bf 01 {0} 6162 {0} ff"])
def test_the_bytes_of_a_value_come_back_as_they_stand(shape: str, value: str) -> None:
    assert _slice(bytes.fromhex(shape.format(value))) == bytes.fromhex(value)


@pytest.mark.parametrize("data", ["a0", "bfff", "a1616100", "a14162 00", "a16161a1616200"])
def test_a_map_without_the_key_has_no_such_value(data: str) -> None:
    assert _slice(bytes.fromhex(data)) is None


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        ("a1616201", "8161620 1".replace(" ", ""), "expected one CBOR item"),
        ("a1616280", "80", "expected a CBOR map, got major type 4"),
        ("a1616280", "a16162", "expected CBOR, got an item cut off at 3"),
        ("a1616280", "a1616281", "expected CBOR, got an item cut off at 4"),
        ("a2616101616202", "a2616201616202", "expected CBOR, got an error"),
    ],
)
def test_one_defect_is_refused_and_its_twin_is_not(good: str, bad: str, reason: str) -> None:
    assert _slice(bytes.fromhex(good)) is not None
    with pytest.raises(MalformedError, match=f"^sample: {reason}"):
        _slice(bytes.fromhex(bad))


def test_more_values_than_the_limit_are_not_followed() -> None:
    data = cbor2.dumps({"b": [0] * 20})
    assert _slice(data, Limits(max_cbor_items=30)) == cbor2.dumps([0] * 20)
    with pytest.raises(LimitError, match="max_cbor_items"):
        _slice(data, Limits(max_cbor_items=10))
