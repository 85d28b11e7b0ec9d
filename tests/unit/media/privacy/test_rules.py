"""A name is judged by a table, at a cost that its length does not multiply."""

from __future__ import annotations

import time

import pytest

from provenance.media.privacy import Category
from provenance.media.privacy.rules import category_of


@pytest.mark.parametrize("part", ["gps", ".location.", ":latitude.", "{geo geo}", ":serial"])
def test_a_name_of_a_megabyte_is_judged_at_once(part: str) -> None:
    name = f"container:{part * (1_000_000 // len(part))}\n"
    started = time.process_time()
    category_of(name)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("between", ["", "a" * 10_000, "\n"])
def test_the_two_ends_of_a_name_say_what_it_is(between: str) -> None:
    assert category_of(f"xmp:{{http://maker.example/{between}/}}HomeLatitude") is Category.POSITION
    assert category_of(f"xmp:{{http://maker.example/{between}/}}HomePlatitude") is None
