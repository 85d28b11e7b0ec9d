"""Three registered clips and three tracks, made once."""

from __future__ import annotations

import pytest

from tests.factory.clips import clip, encode_clip
from tests.factory.timelines import SmallRegister
from tests.factory.tracks import encode_track, track


@pytest.fixture(scope="session")
def clips() -> SmallRegister:
    register = SmallRegister()
    for seed in range(3):
        register.add_video(seed, encode_clip(clip(seed, venue=0)))
    return register


@pytest.fixture(scope="session")
def tracks() -> SmallRegister:
    register = SmallRegister()
    for seed in range(3):
        register.add_sound(seed, encode_track(track(seed)))
    return register
