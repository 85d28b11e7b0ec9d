"""Tracks found again, from where, and what does not count as being found."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest

from provenance.deadline import Deadline
from provenance.errors import MalformedError
from provenance.fingerprints import sound_matching
from provenance.fingerprints.index import CodeHit
from provenance.fingerprints.media import fingerprint_media
from provenance.fingerprints.model import Code, Reference
from provenance.fingerprints.sound import (
    MIN_SOUND_QUALITY,
    fingerprint_sound,
    numbers_from,
    sound_codes,
    sound_numbers,
)
from provenance.fingerprints.sound_matching import find_sound_at_speeds
from provenance.media.formats import FORMATS
from tests.factory.clips import clip, encode_clip
from tests.factory.recordings import avi
from tests.factory.ticking import Ticking
from tests.factory.timelines import SmallRegister
from tests.factory.tracks import RATE_HZ, TRACK_EDITS, Track, encode_track, track

FLOORS = {
    "MP3, 64 kbit/s": 0.95,
    "Opus, 48 kbit/s": 0.95,
    "8,000 Hz": 0.95,
    "equaliser": 0.9,
    "noise, 5 dB": 0.9,
    "excerpt, 5 s": 0.8,
    "after another track": 0.9,
    "1 % faster": 0.8,
    "5 % slower": 0.4,
}


@pytest.fixture(scope="module")
def first() -> Track:
    return track(0)


@pytest.mark.parametrize("edit", FLOORS)
def test_a_copy_leads_to_its_release_and_to_no_other(
    edit: str, tracks: SmallRegister, first: Track
) -> None:
    copy = TRACK_EDITS[edit](first, 0)
    (match,) = tracks.find_sound(copy.data)
    assert match.owner == 0
    covered = sum(span.end_s - span.start_s for span in match.spans)
    assert FLOORS[edit] <= covered / copy.seconds <= 1.05
    for span in match.spans:
        expected = copy.release_start_s + (span.start_s - copy.start_s) * copy.speed
        assert span.release_start_s == pytest.approx(expected, abs=0.4)


def test_a_speed_that_was_undone_is_said(tracks: SmallRegister, first: Track) -> None:
    (match,) = tracks.find_sound(TRACK_EDITS["5 % slower"](first, 0).data)
    assert match.edits == ("slowed down",)
    assert match.speed == pytest.approx(0.95, abs=0.03)


def test_another_track_is_not_like_it(tracks: SmallRegister) -> None:
    assert tracks.find_sound(encode_track(track(77, seconds=10))) == ()


@pytest.mark.parametrize(("registered", "asked"), [(47, 8), (5, 34)])
def test_a_track_with_the_same_chords_for_some_seconds_is_another_one(
    registered: int, asked: int
) -> None:
    register = SmallRegister()
    register.add_sound(registered, encode_track(track(registered)))
    assert register.find_sound(encode_track(track(1_000_000 + asked))) == ()
    # Its twin: as many seconds of the registered one.
    (match,) = register.find_sound(TRACK_EDITS["excerpt, 5 s"](track(registered), asked).data)
    assert match.owner == registered


def test_silence_and_a_held_tone_say_nothing() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(8 * RATE_HZ) / RATE_HZ) * 0.5
    for sound in (np.zeros(8 * RATE_HZ), tone):
        numbers, _ = sound_numbers(io.BytesIO(encode_track(sound)))
        codes = sound_codes(numbers, every=1)
        assert codes
        assert all(code.quality < MIN_SOUND_QUALITY for code in codes)


def test_the_same_silence_in_two_tracks_is_no_resemblance() -> None:
    quiet = np.zeros(6 * RATE_HZ)
    register = SmallRegister()
    register.add_sound(1, encode_track(np.concatenate([track(21, seconds=6), quiet])))
    copy = np.concatenate([track(22, seconds=6), quiet])
    assert register.find_sound(encode_track(copy)) == ()
    copy = np.concatenate([quiet, track(21, seconds=6)])
    assert register.find_sound(encode_track(copy))[0].spans[0].start_s > 3


def test_what_never_counts_does_not_count(tracks: SmallRegister, first: Track) -> None:
    data = encode_track(first[: 6 * RATE_HZ])
    assert tracks.find_sound(data)[0].owner == 0
    numbers, _ = sound_numbers(io.BytesIO(data))
    bank = [code.bits for code in sound_codes(numbers, every=1)]
    assert tracks.find_sound(data, never=bank) == ()


def test_what_is_registered_of_a_track(first: Track) -> None:
    fingerprint = fingerprint_sound(io.BytesIO(encode_track(first)))
    numbers = numbers_from(fingerprint.references[0])
    assert len(fingerprint.codes) == len(numbers) // 8
    assert fingerprint.iscc is not None
    assert fingerprint.iscc.startswith("ISCC:EI")
    assert fingerprint.duration_ms == pytest.approx(18_000, abs=130)


def test_sound_that_is_too_short_says_so() -> None:
    fingerprint = fingerprint_sound(io.BytesIO(encode_track(track(1, seconds=2))))
    assert fingerprint.codes == ()
    assert fingerprint.why_not == ("sound: shorter than 2.7 seconds",)


def test_of_what_a_reason_speaks_is_said_once() -> None:
    silent = fingerprint_media(io.BytesIO(encode_clip(clip(1))), FORMATS["mp4"])
    assert "sound: no sound stream that can be decoded" in silent.why_not
    broken = fingerprint_media(io.BytesIO(b"RIFF"), FORMATS["wav"])
    assert [why.split(":")[0] for why in broken.why_not] == ["sound"]


def test_no_sound_is_malformed() -> None:
    with pytest.raises(MalformedError, match="no sound stream"):
        fingerprint_sound(io.BytesIO(avi()))


def test_a_reference_that_is_no_sound_is_refused() -> None:
    with pytest.raises(MalformedError, match="whole numbers of 4 bytes, got sound in 3 bytes"):
        numbers_from(Reference(kind="sound", data=b"123"))


def heard_in(
    seconds: float, asked: Track, *registered: Track
) -> tuple[list[int], list[str], float]:
    """Who is found in so many looks at the clock, what is left out, and how often it looked."""
    register, clock = SmallRegister(), Ticking(each=1)
    for owner, known in enumerate(registered):
        register.add_sound(owner, encode_track(known))
    why_not: list[str] = []
    found = find_sound_at_speeds(
        io.BytesIO(encode_track(asked)),
        register,
        register,
        until=Deadline(seconds, clock=clock),
        why_not=why_not,
    )
    return [match.owner for match in found], why_not, clock.now


def test_where_the_time_is_short_the_likeliest_is_compared_and_the_rest_is_said() -> None:
    short, long = track(31, seconds=6), track(32, seconds=12)
    mixed = np.concatenate([short, long])
    owners, why_not, looks = heard_in(10_000, mixed, short, long)
    assert (owners, why_not) == ([1, 0], [])
    # The last look is before the second is compared; the first was when the time began.
    seconds = looks - 1
    owners, why_not, _ = heard_in(seconds, mixed, short, long)
    assert owners == [1]
    (left_out,) = why_not
    assert left_out == (
        f"sound: compared with 1 of 2 assets of the register in {seconds:.3g} seconds, "
        "and the rest were not"
    )


def test_of_hours_some_moments_are_searched_for_at_each_place_between_two_codes(
    tracks: SmallRegister, first: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(sound_matching, "_MOST_SEARCHED", 20)
    search = tracks.search

    def counting(codes: Sequence[Code], *, radius: int, most: int = 100) -> list[CodeHit]:
        asked.append(len(codes))
        return search(codes, radius=radius, most=most)

    monkeypatch.setattr(tracks, "search", counting)
    assert tracks.find_sound(encode_track(first))[0].owner == 0
    assert asked
    assert max(asked) <= 20
