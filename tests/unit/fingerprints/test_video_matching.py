"""Videos found again, when, and what does not count as being found."""

from __future__ import annotations

import io

import numpy as np
import pytest

from provenance.errors import MalformedError
from provenance.fingerprints.video import MIN_FRAME_QUALITY, fingerprint_video, video_codes
from provenance.fingerprints.video_matching import find_video
from tests.factory.clips import CLIP_EDITS, FPS, Clip, clip, encode_clip, still
from tests.factory.recordings import m4a
from tests.factory.timelines import SmallRegister

# Per edit: the least share of the copy that has to be covered, and what is said of it.
FLOORS: dict[str, tuple[float, tuple[str, ...]]] = {
    "H.264, 150 kbit/s": (0.9, ()),
    "25 frames/s": (0.9, ()),
    "crop 5 %": (0.8, ("cropped",)),
    "crop 9:16": (0.7, ("cropped",)),
    "bars, 9:16": (0.9, ("bordered",)),
    "logo": (0.8, ()),
    "mirrored": (0.9, ("mirrored",)),
    "excerpt, 5 s": (0.7, ()),
    "10 % faster": (0.7, ("sped up",)),
}


@pytest.fixture(scope="module")
def first() -> Clip:
    return clip(0, venue=0)


@pytest.mark.parametrize("edit", FLOORS)
def test_a_copy_leads_to_its_release_and_to_no_other(
    edit: str, clips: SmallRegister, first: Clip
) -> None:
    copy = CLIP_EDITS[edit](first, 0)
    (match,) = clips.find_video(copy.data)
    least, edits = FLOORS[edit]
    assert match.owner == 0
    assert match.edits == edits
    covered = sum(span.end_s - span.start_s for span in match.spans)
    assert least <= covered / copy.seconds <= 1.05
    for span in match.spans:
        expected = copy.release_start_s + (span.start_s - copy.start_s) * copy.speed
        assert span.release_start_s == pytest.approx(expected, abs=0.4)


def test_a_release_inside_a_longer_video_is_found_where_it_is(
    clips: SmallRegister, first: Clip
) -> None:
    copy = CLIP_EDITS["8 s in a longer video"](first, 0)
    (match,) = clips.find_video(copy.data)
    assert match.owner == 0
    assert match.spans[0].start_s == pytest.approx(copy.start_s, abs=1.3)
    assert match.spans[-1].end_s == pytest.approx(copy.start_s + copy.seconds, abs=1.3)


def test_two_pieces_in_the_other_order_are_two_spans(clips: SmallRegister, first: Clip) -> None:
    swapped = np.concatenate([first[6 * FPS :], first[: 6 * FPS]])
    (match,) = clips.find_video(encode_clip(swapped))
    assert [round(span.release_start_s) for span in match.spans] == [6, 0]


def test_another_clip_of_the_same_evening_is_not_like_it(clips: SmallRegister) -> None:
    assert clips.find_video(encode_clip(clip(90, venue=0))) == ()


@pytest.mark.parametrize(("seed", "owners"), [(14, [14]), (94, [])])
def test_a_caption_leaves_two_moments_to_search_for_and_more_to_look_at_again(
    seed: int, owners: list[int]
) -> None:
    register = SmallRegister()
    register.add_video(14, encode_clip(clip(14, venue=2)))
    copy = CLIP_EDITS["caption"](clip(seed, venue=2), seed)
    assert [match.owner for match in register.find_video(copy.data)] == owners


def test_faint_pictures_count_beside_clear_ones_and_not_alone(
    clips: SmallRegister, first: Clip
) -> None:
    copy = io.BytesIO(CLIP_EDITS["crop 9:16"](first, 0).data)
    codes = video_codes(copy, purpose="search").codes
    clear_s = {(code.at_ms or 0) // 1000 for code in codes if code.quality >= MIN_FRAME_QUALITY}
    assert len(clear_s) > 2

    def match(seconds: set[int]) -> tuple[int, ...]:
        kept = [
            code
            for code in codes
            if code.quality < MIN_FRAME_QUALITY or (code.at_ms or 0) // 1000 in seconds
        ]
        return tuple(match.owner for match in find_video(kept, clips, clips))

    assert match(clear_s) == (0,)
    assert match({min(clear_s)}) == ()


def _faint(frames: Clip) -> Clip:
    return np.round(40 + 0.35 * frames).astype(np.uint8)


@pytest.mark.parametrize(("after", "owners"), [(12, [23]), (10, [])])
def test_two_clear_moments_in_common_are_enough_only_if_the_faint_ones_go_on_alike(
    after: int, owners: list[int]
) -> None:
    opening = clip(23, seconds=2)
    register = SmallRegister()
    register.add_video(23, encode_clip(np.concatenate([opening, _faint(clip(12, venue=0))])))
    copy = np.concatenate([opening, _faint(clip(after, venue=0))])
    assert [match.owner for match in register.find_video(encode_clip(copy))] == owners


@pytest.fixture(scope="module")
def with_a_card() -> SmallRegister:
    """Two releases that begin with the same card."""
    register = SmallRegister()
    card = still(1, "AURORA presents")
    for seed in (10, 11):
        register.add_video(seed, encode_clip(np.concatenate([card, clip(seed, seconds=5)])))
    return register


def test_a_card_that_is_held_is_one_moment_not_six(with_a_card: SmallRegister) -> None:
    copy = np.concatenate([still(1, "AURORA presents"), clip(12, seconds=5)])
    assert with_a_card.find_video(encode_clip(copy)) == ()
    (match,) = with_a_card.find_video(encode_clip(clip(10, seconds=5)))
    assert match.owner == 10


def test_black_frames_are_not_looked_for() -> None:
    black = encode_clip(np.zeros((4 * FPS, 180, 320, 3), dtype=np.uint8))
    codes = video_codes(io.BytesIO(black), purpose="search").codes
    assert codes
    assert all(code.quality < MIN_FRAME_QUALITY for code in codes)


def test_what_never_counts_does_not_count(clips: SmallRegister, first: Clip) -> None:
    data = encode_clip(first[: 6 * FPS])
    assert clips.find_video(data)[0].owner == 0
    bank = [code.bits for code in clips.frames(0)]
    assert clips.find_video(data, never=bank) == ()


def test_what_is_registered_of_a_clip(first: Clip) -> None:
    fingerprint = fingerprint_video(io.BytesIO(encode_clip(first[: 3 * FPS])))
    assert {code.view for code in fingerprint.codes} == {"whole", "margin 5 %", "crop 9:16"}
    assert [c.at_ms for c in fingerprint.codes if c.view == "whole"] == [0, 1000, 2000]
    assert fingerprint.duration_ms == 3000
    assert fingerprint.why_not == ()


def test_a_track_is_no_video() -> None:
    with pytest.raises(MalformedError, match="no video stream"):
        fingerprint_video(io.BytesIO(m4a()))
