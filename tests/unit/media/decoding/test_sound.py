"""Sound: one channel at one rate from every container, bounded, as far as damage lets it."""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Callable

import numpy as np
import pytest

from provenance.deadline import Deadline
from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.decoding.sound import SOUND_RATE_HZ, open_sound
from tests.factory.recordings import avi, flac, m4a, mp3, mp4, wav
from tests.factory.ticking import Ticking
from tests.factory.tracks import encode_track, track


@pytest.mark.parametrize("make", [mp4, m4a, mp3, flac])
def test_every_container_at_one_rate(make: Callable[[], bytes]) -> None:
    with open_sound(io.BytesIO(make())) as sound:
        blocks = list(sound)
    assert all(block.dtype == np.int16 and block.ndim == 1 for block in blocks)
    assert abs(sum(map(len, blocks)) - SOUND_RATE_HZ) < 0.1 * SOUND_RATE_HZ
    assert sound.why_not == []


def test_another_rate_is_another_length() -> None:
    with open_sound(io.BytesIO(flac()), rate_hz=22_050) as sound:
        assert sum(map(len, sound)) == 22_050


def stereo() -> bytes:
    at = np.arange(44_100) / 44_100
    both = np.stack([np.sin(2 * math.pi * 440 * at), -np.sin(2 * math.pi * 440 * at)], axis=1)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes((both * 9000).astype("<i2").tobytes())
    return out.getvalue()


def test_channels_are_mixed() -> None:
    with open_sound(io.BytesIO(stereo())) as sound:
        assert int(np.abs(np.concatenate(list(sound))).max()) <= 2


def test_long_sound_stops_at_its_bound() -> None:
    data = encode_track(track(1, seconds=5))
    with open_sound(io.BytesIO(data), limits=Limits(max_media_s=2)) as sound:
        assert sum(map(len, sound)) <= 2 * SOUND_RATE_HZ
    assert sound.why_not == ["sound: stopped at max_media_s (2)"]


def test_when_the_time_is_over_no_more_is_heard() -> None:
    data = encode_track(track(1, seconds=5))
    with open_sound(io.BytesIO(data), until=Deadline(20, clock=Ticking(each=1))) as sound:
        heard = sum(map(len, sound))
    assert 0 < heard < 3 * SOUND_RATE_HZ
    (why_not,) = sound.why_not
    assert why_not.startswith("sound: its first ")
    assert why_not.endswith(" heard in 20 seconds, and the rest was not")
    with open_sound(io.BytesIO(data), until=Deadline(10_000, clock=Ticking(each=1))) as sound:
        assert sum(map(len, sound)) >= 4.9 * SOUND_RATE_HZ
    assert sound.why_not == []


def test_damage_costs_some_samples() -> None:
    broken = bytearray(m4a())
    broken[600:900] = b"\xff" * 300
    with open_sound(io.BytesIO(bytes(broken))) as sound:
        assert sum(map(len, sound)) > 1000
    assert sound.why_not[0].startswith("sound: damaged")


@pytest.mark.parametrize("data", [b"", avi(), wav()[:20]], ids=["nothing", "silent film", "cut"])
def test_no_sound_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError), open_sound(io.BytesIO(data)) as sound:
        list(sound)
