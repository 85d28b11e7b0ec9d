from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest

from provenance.errors import ReleaseError
from provenance.signing.structured_text import parse_json, parse_yaml


def test_plain_values_stay_text_for_the_schema_to_judge() -> None:
    said = parse_yaml(
        "version: 1.10\ncountry: NO\ndate: 2026-11-01\nisrc: 0123\nquoted: 'true'\n", where="r"
    )
    assert said.value == {
        "version": "1.10",
        "country": "NO",
        "date": "2026-11-01",
        "isrc": "0123",
        "quoted": "true",
    }


def test_none_and_booleans_are_themselves() -> None:
    said = parse_yaml("a:\nb: ~\nc: null\nd: true\ne: False\nf: ''\ng: [x, ]\n", where="r")
    assert said.value == {
        "a": None, "b": None, "c": None, "d": True, "e": False, "f": "", "g": ["x"],
    }  # fmt: skip


def test_every_value_knows_its_line() -> None:
    said = parse_yaml(
        "a: 1\nfiles:\n  - path: x\n    ai:\n      model: m\n  - path: y\n", where="r"
    )
    assert said.line_of(("files", 0, "ai", "model")) == 5
    assert said.line_of(("files", 1)) == 6
    assert said.line_of(("files", 1, "no", "such", "thing")) == 6
    assert said.line_of(()) == 1


def test_korean_japanese_and_emoji_survive() -> None:
    text = "오로라 ・ 星 \U0001f49c\u2764\ufe0f"
    assert parse_yaml(f"a: {text}\n", where="r").value == {"a": text}
    assert parse_json(json.dumps({"a": text}), where="r").value == {"a": text}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: &x 1\nb: *x\n", "line 1: anchors and aliases"),
        ("a:\n  - &x {}\n", "line 2: anchors and aliases"),
        ("a: 1\nb: 2\na: 3\n", "line 3: 'a' stands twice"),
        ("a: !!python/object:os.system x\n", "line 1: tags such as"),
        ("a: !own x\n", "line 1: tags such as '!own'"),
        ("a: 1\n---\nb: 2\n", "line 2: expected one document"),
        ("? [a]\n: 1\n", "line 1: expected text as the name"),
        ("a: [1, 2\n", "line 2: expected YAML"),
        ("a: b: c\n", "line 1: expected YAML"),
        ("a: \x07\n", "expected YAML: unacceptable character"),
        ("[" * 100, "nested deeper than 24"),
        ("- " * 100, "nested deeper than 24"),
        ("- a\n" * 200_001, "expected 200000 values at most"),
        ("".join(f"k{n}: v\n" for n in range(1_001)), "line 1001: expected 1000 members"),
    ],
)
def test_yaml_that_is_refused(text: str, why: str) -> None:
    with pytest.raises(ReleaseError, match=r"^release\.yaml: ") as raised:
        parse_yaml(text, where="release.yaml")
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' stands twice"),
        ('{"a": 1,\n "b" 2}', "line 2: expected JSON: expecting ':'"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[" * 30 + "]" * 30, "nested deeper than 24"),
        ("[" * 100_000, "expected JSON: maximum recursion"),
        ("[" + "1," * 200_000 + "1]", "expected 200000 values at most"),
        (json.dumps({f"k{n}": 1 for n in range(1_001)}), "expected 1000 members at most"),
    ],
)
def test_json_that_is_refused(text: str, why: str) -> None:
    with pytest.raises(ReleaseError, match=r"^release\.json: ") as raised:
        parse_json(text, where="release.json")
    assert why in str(raised.value)


def test_numbers_in_json_are_text_too() -> None:
    digits = "1" * 10_000
    said = parse_json(f'{{"a": {digits}, "b": 1.10, "c": true, "d": null}}', where="r")
    assert said.value == {"a": digits, "b": "1.10", "c": True, "d": None}
    assert said.line_of(("a",)) is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "{a: " * 200_000,
        "- " * 200_000,
        "? " * 200_000,
        "k" * 2_000_000 + ": 1",
        "a: " + "b " * 1_000_000,
        "a: >\n" + "  b\n" * 300_000,
        "#\n" * 1_000_000,
        "a:\n" + "\n" * 1_000_000 + " b",
        '"' + "\\n" * 500_000 + '"',
        "---\n" * 200_000,
    ],
)
def test_nothing_takes_long(text: str) -> None:
    begun = time.perf_counter()
    with suppress(ReleaseError):
        parse_yaml(text, where="r")
    assert time.perf_counter() - begun < 5
