"""Release manifests that somebody damaged: read, or refused with a place, and never slowly."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.errors import ReleaseError
from provenance.signing.release import parse_release
from provenance.signing.release_model import Release
from provenance.signing.structured_text import parse_yaml
from tests.factory.releases import EXAMPLE

TEXT = EXAMPLE.read_bytes()
DOCUMENT: Any = parse_yaml(TEXT.decode(), where="example").value
MOST_S = 2.0
# What means something to YAML, or to those who read it carelessly.
TOKENS = (
    b"*a", b"&a ", b"!!python/object ", b"<<: ", b"- ", b"? ", b"|\n", b">\n", b"---\n", b"{", b"[",
    b"}", b"]", b'"', b"'", b"#", b": ", b"\n", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"%TAG ",
    b"null", b"true", b"0x1F", b"1e999", b"2026-11-01", "\u202e".encode(), "별".encode(),
)  # fmt: skip

edits = st.lists(
    st.tuples(st.integers(0, len(TEXT)), st.integers(0, 40), st.sampled_from(TOKENS)), max_size=8
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
    | st.sampled_from(["NOVA9", "voice", "worldwide", "allowed", "../x", "**/*", "c2pa.created"])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=10,
)


def parse(data: bytes, *, as_json: bool = False) -> None:
    begun = time.perf_counter()
    try:
        found = parse_release(data, where="r", json=as_json)
    except ReleaseError as error:
        lines = str(error).splitlines()
        assert 1 <= len(lines) <= 11
        assert all(line.startswith("r: ") for line in lines), lines
    else:
        assert isinstance(found, Release)
        assert Release.model_validate_json(found.model_dump_json()) == found
    assert time.perf_counter() - begun < MOST_S


@given(st.binary(max_size=300), st.booleans())
def test_random_bytes(data: bytes, as_json: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    parse(data, as_json=as_json)


@given(edits, st.integers(0, len(TEXT)))
def test_a_damaged_manifest(changes: list[tuple[int, int, bytes]], cut: int) -> None:
    data = TEXT
    for at, length, token in changes:
        data = data[:at] + token + data[at + length :]
    parse(data)
    parse(data[:cut])


@given(st.sampled_from(TOKENS), st.integers(1, 3_000), st.integers(0, len(TEXT)))
def test_one_token_over_and_over(token: bytes, times: int, at: int) -> None:
    parse(TEXT[:at] + token * times + TEXT[at:])


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list)
        else ()
    )  # fmt: skip
    found = [place] if place else []
    for key, item in inner:
        found += _places(item, (*place, key))
    return found


def _with(place: tuple[Any, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(DOCUMENT))
    here = changed
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = value
    return changed


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.sampled_from(_places(DOCUMENT)), values)
def test_a_value_of_any_type_in_any_place(place: tuple[Any, ...], value: Any) -> None:
    changed = _with(place, value)
    parse(json.dumps(changed).encode(), as_json=True)
    parse(yaml.safe_dump(changed, allow_unicode=True).encode("utf-8", "replace"))


@given(st.sampled_from([place for place in _places(DOCUMENT) if isinstance(place[-1], str)]))
def test_a_misspelt_name_is_told_with_its_place(place: tuple[Any, ...]) -> None:
    changed = _with(place, None)
    here = changed
    for step in place[:-1]:
        here = here[step]
    here[f"{place[-1]}x"] = here.pop(place[-1])
    with pytest.raises(ReleaseError, match=r"^r: [a-z_]+"):
        parse_release(json.dumps(changed).encode(), where="r", json=True)
