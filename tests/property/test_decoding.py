"""Videos and tracks with any bytes changed: decoded, or refused by name, within their bounds."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.decoding.frames import open_frames
from provenance.media.decoding.sound import open_sound
from tests.factory.recordings import avi, flac, m4a, mov, mp3, mp4, wav

LIMITS = Limits(
    max_video_pixels=200_000,
    max_video_frames=50,
    max_decoded_pixels=5_000_000,
    max_media_s=20,
    max_media_packets=500,
    max_media_errors=10,
)
SAMPLES = {make.__name__: make() for make in (mp4, mov, avi, m4a, mp3, flac, wav)}

changes = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=8
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), changes, st.floats(0.05, 1))
def test_changed_media(name: str, edits: list[tuple[float, bytes]], kept: float) -> None:
    data = bytearray(SAMPLES[name])
    for where, new in edits:
        at = int(where * len(data))
        data[at : at + len(new)] = new
    data = data[: int(len(data) * kept)]
    try:
        with open_frames(io.BytesIO(bytes(data)), every_ms=50, limits=LIMITS) as frames:
            for frame in frames:
                assert 0 <= frame.at_ms <= LIMITS.max_media_s * 1000
                assert max(frame.pixels.shape[:2]) <= 320
    except (MalformedError, LimitError):
        pass
    try:
        with open_sound(io.BytesIO(bytes(data)), limits=LIMITS) as sound:
            assert sum(map(len, sound)) <= LIMITS.max_media_s * 11_025
    except (MalformedError, LimitError):
        pass
