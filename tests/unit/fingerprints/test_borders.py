"""Bars, frames and blurred sides are told from the picture within them."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.fingerprints.borders import Box, content_boxes
from provenance.fingerprints.index import FlatCodeIndex
from provenance.fingerprints.pdq import CONFIDENT_BITS
from provenance.fingerprints.pictures import fingerprint_picture, query_codes
from provenance.media.decoding.pictures import DecodedPicture
from tests.factory.copies import COPIES
from tests.factory.scenes import photo

SIZE = (480, 320)


@pytest.mark.parametrize(
    "name", ["letterbox 9:16", "letterbox 1:1", "border 2 %", "border 5 %", "story with text"]
)
def test_a_framed_picture_is_found_by_its_code(name: str) -> None:
    rgb = photo(11, size=SIZE)
    index = FlatCodeIndex()
    picture = DecodedPicture(rgb=rgb, width=SIZE[0], height=SIZE[1])
    index.add(1, fingerprint_picture(picture).codes)
    copy = COPIES[name](rgb, np.random.default_rng(1))
    assert content_boxes(copy.rgb)
    hits = index.search(query_codes(copy.rgb), radius=90)
    assert hits[0].distance <= CONFIDENT_BITS


def test_bars_are_cut_to_about_a_pixel() -> None:
    rgb = np.random.default_rng(1).integers(60, 256, (256, 512, 3), np.uint8)
    framed = np.zeros((512, 512, 3), np.uint8)
    framed[100:356] = rgb
    box = content_boxes(framed)[0]
    assert (box.left, box.right) == (0, 512)
    assert abs(box.top - 100) <= 3
    assert abs(box.bottom - 356) <= 3


def test_a_picture_without_a_border_is_left_alone() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    assert content_boxes(noise) == ()


def test_a_picture_of_one_colour_has_no_content() -> None:
    assert content_boxes(np.full((64, 64, 3), 9, np.uint8)) == ()


def test_a_box_gives_its_pixels() -> None:
    rgb = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    assert np.array_equal(Box(1, 2, 3, 5).of(rgb), rgb[2:5, 1:3])
