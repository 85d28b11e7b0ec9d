"""What happened to a copy is shown, and where it differs is boxed; nothing else is."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

from provenance.fingerprints.compare import (
    PictureComparison,
    PreparedPicture,
    compare_pictures,
    difference_picture,
)
from tests.benchmarks.accuracy_pictures import best_overlap, picture_of
from tests.factory.copies import COPIES, Copy, replaced
from tests.factory.scenes import photo

SIZE = (720, 480)
SCENE = 6


@cache
def reference() -> PreparedPicture:
    return PreparedPicture(picture_of(photo(SCENE, size=SIZE)))


def compared(copy: Copy) -> PictureComparison:
    comparison = compare_pictures(reference(), PreparedPicture(picture_of(copy.rgb)))
    assert comparison is not None
    return comparison


def made(name: str) -> Copy:
    return COPIES[name](photo(SCENE, size=SIZE), np.random.default_rng(4))


@pytest.mark.parametrize(
    ("name", "edits"),
    [
        ("same bytes anew", ()),
        ("jpeg q50", ()),
        ("blur", ()),
        ("noise", ()),
        ("resize x0.5", ("resized",)),
        ("crop 10 % off centre", ("cropped",)),
        ("mirror", ("mirrored",)),
        ("rotate 90°", ("rotated",)),
        ("border 5 %", ("bordered",)),
        ("letterbox 1:1", ("bordered",)),
        ("darker", ("recoloured",)),
        ("grey", ("recoloured",)),
        ("warm", ("recoloured",)),
    ],
)
def test_what_happened_is_shown_and_nothing_is_boxed(name: str, edits: tuple[str, ...]) -> None:
    comparison = compared(made(name))
    assert comparison.edits == edits
    assert comparison.regions == ()


@pytest.mark.parametrize("name", ["caption 12 %", "sticker 2 %", "sticker 10 %"])
def test_what_is_laid_over_is_boxed_and_named(name: str) -> None:
    copy = made(name)
    comparison = compared(copy)
    assert comparison.edits == ("overlaid",)
    assert best_overlap(comparison.regions, copy) >= 0.5


@pytest.mark.parametrize("area", [0.02, 0.06, 0.15])
def test_a_replaced_part_is_boxed(area: float) -> None:
    copy = replaced(area)(photo(SCENE, size=SIZE), np.random.default_rng(4))
    assert best_overlap(compared(copy).regions, copy) >= 0.5


def test_a_replaced_face_is_boxed_in_the_mirrored_copy_too() -> None:
    copy = replaced(0.02)(photo(SCENE, size=SIZE), np.random.default_rng(4))
    assert copy.changed is not None
    left, top, wide, high = copy.changed
    turned = Copy(
        np.ascontiguousarray(copy.rgb[:, ::-1]), (copy.rgb.shape[1] - left - wide, top, wide, high)
    )
    comparison = compared(turned)
    assert comparison.mirrored
    assert best_overlap(comparison.regions, turned) >= 0.5


def test_an_unrelated_picture_is_no_copy() -> None:
    other = PreparedPicture(picture_of(photo(777, size=SIZE)))
    assert compare_pictures(reference(), other) is None


def test_a_picture_without_features_is_no_copy() -> None:
    flat = PreparedPicture(picture_of(np.full((100, 100, 3), 30, np.uint8)))
    assert compare_pictures(reference(), flat) is None


def test_two_looks_at_the_same_pictures_give_the_same_answer() -> None:
    copy = made("repost chain")
    one, other = compared(copy), compared(copy)
    assert (one.inliers, one.regions, one.edits) == (other.inliers, other.regions, other.edits)
    assert np.array_equal(one.heat, other.heat)


def test_the_difference_is_shown_beside_what_was_registered() -> None:
    copy = replaced(0.06)(photo(SCENE, size=SIZE), np.random.default_rng(4))
    picture = picture_of(copy.rgb)
    data = difference_picture(reference().picture, picture, compared(copy))
    with Image.open(io.BytesIO(data)) as shown:
        assert shown.format == "PNG"
        assert shown.size == (2 * picture.rgb.shape[1] + 8, picture.rgb.shape[0])
        pixels = np.asarray(shown)
    assert (pixels == (255, 210, 0)).all(axis=2).sum() > 100


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_what_jpeg_takes_from_plain_parts_is_no_blur(seed: int) -> None:
    """A wall of windows lost its grain to JPEG; softened to match, it differed everywhere."""
    rgb = photo(seed, size=(640, 427))
    kept = PreparedPicture(picture_of(COPIES["jpeg q90"](rgb, np.random.default_rng(1)).rgb))
    comparison = compare_pictures(kept, PreparedPicture(picture_of(rgb)))
    assert comparison is not None
    assert comparison.regions == ()


def test_two_walls_of_windows_are_not_one_picture() -> None:
    """Sixteen features agreed, and half of the structure, by chance of the equal spacing."""
    wall, other = photo(42, size=(640, 427)), photo(1_000_001, size=(640, 427))
    half = np.ascontiguousarray(other[:, other.shape[1] // 2 :])
    pictures = [PreparedPicture(picture_of(rgb)) for rgb in (wall, half)]
    assert compare_pictures(*pictures) is None
    # Its twin: half of the same wall.
    part = np.ascontiguousarray(wall[:, wall.shape[1] // 2 :])
    assert compare_pictures(pictures[0], PreparedPicture(picture_of(part))) is not None


def _with_emblem(seed: int, at: tuple[int, int]) -> Copy:
    """A scene that has the same detailed emblem in it as others have."""
    rgb = photo(seed, size=SIZE).copy()
    emblem = photo(99, size=(360, 240))[60:180, 100:240]
    left, top = at
    rgb[top : top + emblem.shape[0], left : left + emblem.shape[1]] = emblem
    return Copy(rgb)


def test_two_pictures_with_the_same_emblem_are_not_one_picture() -> None:
    one, other = _with_emblem(31, (60, 50)), _with_emblem(47, (480, 300))
    registered = PreparedPicture(picture_of(one.rgb))
    assert compare_pictures(registered, PreparedPicture(picture_of(other.rgb))) is None
    # And what is the same picture is found by all of it, the emblem included.
    copy = COPIES["repost chain"](one.rgb, np.random.default_rng(1))
    found = compare_pictures(registered, PreparedPicture(picture_of(copy.rgb)))
    assert found is not None
    assert found.agreement > 0.9


@pytest.mark.parametrize(
    ("registered", "asked"),
    [((13, 2), 68), ((13, 1), 64), ((13, 0), 68), ((64, 0), 68), ((81, 0), 57)],
)
def test_scenes_with_the_same_drawn_face_are_not_one_picture(
    registered: tuple[int, int], asked: int
) -> None:
    one = photo(2_000_000 + registered[0], registered[1], size=(640, 427))
    other = photo(1_000_000 + asked, size=(640, 427))
    for part in (other, other[: other.shape[0] // 2, ::-1], other[:, other.shape[1] // 2 :]):
        prepared = PreparedPicture(picture_of(np.ascontiguousarray(part)))
        assert compare_pictures(PreparedPicture(picture_of(one)), prepared) is None


def test_the_same_word_alone_in_a_strip_that_both_have_makes_no_copy() -> None:
    """Of a release's edge only a word lay in the picture, and nine tenths of that edge agreed."""
    release = photo(351, size=(640, 427))
    other = photo(1_000_044, size=(640, 427))
    half = np.ascontiguousarray(other[:, other.shape[1] // 2 :])
    registered = PreparedPicture(picture_of(release))
    assert compare_pictures(registered, PreparedPicture(picture_of(half))) is None
    # Its twin: the same part of the release itself, with the same word in it.
    part = np.ascontiguousarray(release[:, release.shape[1] // 2 :])
    assert compare_pictures(registered, PreparedPicture(picture_of(part))) is not None
