"""Frames: at their times, upright, bounded, and as far as a damaged file goes."""

from __future__ import annotations

import io
from dataclasses import replace

import av
import numpy as np
import pytest

from provenance.deadline import Deadline
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.container import open_container
from provenance.media.decoding.frames import Frame, open_frames
from tests.factory.clips import FPS, clip, encode_clip, lasting
from tests.factory.media import png
from tests.factory.recordings import avi, m4a, mov, mp3, mp4
from tests.factory.ticking import Ticking


@pytest.fixture(scope="module")
def four_seconds() -> bytes:
    return encode_clip(clip(1, seconds=4), options={"g": "12"})


def taken(data: bytes, **how: object) -> tuple[list[Frame], list[str]]:
    with open_frames(io.BytesIO(data), **how) as frames:  # type: ignore[arg-type]
        return list(frames), frames.why_not


def test_one_frame_for_every_second(four_seconds: bytes) -> None:
    frames, why_not = taken(four_seconds)
    assert [frame.at_ms // 1000 for frame in frames] == [0, 1, 2, 3]
    assert all(frame.at_ms % 1000 <= 2000 / FPS for frame in frames)
    assert frames[0].pixels.shape == (180, 320, 3)
    assert why_not == []


def test_frames_are_reduced(four_seconds: bytes) -> None:
    frames, _ = taken(four_seconds, max_side=64)
    assert frames[0].pixels.shape == (36, 64, 3)


@pytest.mark.parametrize("make", [mp4, mov, avi])
def test_every_container(make: object) -> None:
    frames, why_not = taken(make(), every_ms=200)  # type: ignore[operator]
    assert len(frames) >= 3
    assert why_not == []


@pytest.mark.parametrize("container", ["mp4", "avi", "matroska"])
@pytest.mark.parametrize(
    "title", ["스페이스".encode("cp949"), b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe", b"NOVA9 01"]
)
def test_a_title_in_whatever_encoding_hides_no_picture(container: str, title: bytes) -> None:
    out, placeholder = io.BytesIO(), b"TITLE-00"
    with av.open(out, "w", format=container) as made:
        made.metadata["title"] = placeholder.decode()
        stream = made.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in (20, 120, 220):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade, np.uint8))
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    data = out.getvalue()
    assert placeholder in data
    frames, why_not = taken(data.replace(placeholder, title), every_ms=40)
    assert len(frames) == 3
    assert why_not == []


def turned(data: bytes, degrees: int) -> bytes:
    """The same packets, with a word to the player to turn them."""
    out = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(out, "w", format="mp4") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(degrees)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_turned_video_is_upright(degrees: int, four_seconds: bytes) -> None:
    (first, *_), _ = taken(four_seconds)
    (shown, *_), _ = taken(turned(four_seconds, degrees))
    expected = np.rot90(first.pixels, degrees // 90)
    assert shown.pixels.shape == expected.shape
    assert np.abs(shown.pixels.astype(int) - expected).mean() < 1


def test_long_videos_are_sampled_at_key_frames(four_seconds: bytes) -> None:
    limits = replace(DEFAULT_LIMITS, dense_video_s=1)
    frames, why_not = taken(four_seconds, every_ms=250, limits=limits)
    late = [frame.at_ms for frame in frames if frame.at_ms > 1200]
    assert late == [2000, 3000]
    assert why_not == ["video: only key frames after 1 seconds"]


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(max_video_frames=2), "video: stopped at max_video_frames (2)"),
        (Limits(max_decoded_pixels=10 * 320 * 180), "video: stopped at max_decoded_pixels"),
        (Limits(max_media_s=1), "video: stopped at max_media_s (1)"),
        (Limits(max_media_packets=10), "media: stopped at max_media_packets (10)"),
    ],
)
def test_each_bound_stops_and_says_so(limits: Limits, says: str, four_seconds: bytes) -> None:
    frames, why_not = taken(four_seconds, limits=limits)
    assert 1 <= len(frames) <= 2
    assert why_not[0].startswith(says)


def test_a_frame_too_large_is_not_decoded(four_seconds: bytes) -> None:
    with pytest.raises(MalformedError, match="nothing could be decoded: video: damaged"):
        taken(four_seconds, limits=Limits(max_video_pixels=100))


def test_damage_in_the_middle_costs_some_frames(four_seconds: bytes) -> None:
    broken = bytearray(four_seconds)
    middle = len(broken) // 2
    broken[middle : middle + 40_000] = bytes(40_000)
    frames, why_not = taken(bytes(broken), every_ms=250)
    assert len(frames) >= 4
    assert why_not[0].startswith("video: damaged")


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, mp4()[:900], m4a()], ids=range(4))
def test_no_video_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        taken(data)


def test_the_cover_of_a_track_is_no_video() -> None:
    cover = b"\0image/png\0\x03\0" + png()
    frame = b"APIC" + len(cover).to_bytes(4, "big") + b"\0\0" + cover
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    with pytest.raises(MalformedError, match="no video stream that can be decoded"):
        taken(b"ID3\x03\0\0" + size + frame + mp3())


class Endless(io.BytesIO):
    """A stream that never comes to an end, whatever its size was said to be."""

    def read(self, count: int | None = -1) -> bytes:
        return b"\0" * (count or 0)


def test_a_stream_without_an_end_is_left() -> None:
    with (
        pytest.raises((LimitError, MalformedError)),
        open_container(Endless(b"x"), limits=DEFAULT_LIMITS),
    ):
        pass


def test_nothing_is_written_to_the_terminal(
    four_seconds: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = bytearray(four_seconds)
    broken[2000:9000] = b"\xff" * 7000
    taken(bytes(broken))
    assert capfd.readouterr() == ("", "")


def test_where_the_time_is_short_the_rest_is_in_key_frames() -> None:
    data = encode_clip(clip(1, seconds=8), options={"g": "48"})
    # A look at the clock for each packet and for each frame: the last frames come late.
    frames, why_not = taken(data, until=Deadline(200, clock=Ticking(each=1)))
    assert 3 <= len(frames) < 8
    assert why_not[0].startswith("video: only key frames after ")
    assert why_not[0].endswith(" seconds, to be done in time")
    frames, why_not = taken(data, until=Deadline(3000, clock=Ticking(each=1)))
    assert len(frames) == 8
    assert why_not == []


def test_when_the_time_is_over_decoding_ends_and_says_where(four_seconds: bytes) -> None:
    until = Deadline(30, clock=Ticking(each=1))
    frames, why_not = taken(four_seconds, until=until)
    assert 1 <= len(frames) < 4
    assert why_not[-1].startswith("video: its first ")
    assert why_not[-1].endswith(" looked at in 30 seconds, and the rest was not")


def test_without_any_time_nothing_is_decoded(four_seconds: bytes) -> None:
    with pytest.raises(MalformedError, match="its first 0 seconds were looked at"):
        taken(four_seconds, until=Deadline(0))


@pytest.mark.parametrize(
    ("scale", "rate", "count", "believed"),
    [
        # A frame in so many seconds, and so many of them: 146 billion years.
        (2**30, 1, 2**32 - 1, None),
        (2**22, 1, 3, None),
        (1, 12, 3, 250),
    ],
)
def test_a_duration_that_nobody_could_have_recorded_is_none(
    scale: int, rate: int, count: int, believed: int | None
) -> None:
    with open_frames(io.BytesIO(lasting(scale, rate, count))) as frames:
        assert frames.duration_ms == believed
        assert next(iter(frames)).at_ms == 0


def test_a_duration_is_believed_up_to_its_limit() -> None:
    data = lasting(1, 12)
    for most, believed in ((250, 250), (249, None)):
        limits = replace(DEFAULT_LIMITS, max_duration_ms=most)
        with open_frames(io.BytesIO(data), limits=limits) as frames:
            assert frames.duration_ms == believed
