"""ISCC video codes against `iscc-core`, and frame signatures against FFmpeg's own XML of them."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import iscc_core
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import LimitError, MalformedError
from provenance.fingerprints.frame_signatures import parse_frame_signatures
from provenance.fingerprints.iscc import spell_iscc
from provenance.fingerprints.iscc_video import iscc_video_bits
from provenance.fingerprints.media import content_code, fingerprint_media
from provenance.fingerprints.model import Algorithm
from provenance.limits import DEFAULT_LIMITS
from provenance.media.formats import FORMATS, MediaFormat
from tests.factory.clips import clip, encode_clip
from tests.factory.frame_signatures import write_frame_signatures
from tests.factory.media import jpeg
from tests.factory.recordings import avi

MP4 = FORMATS["mp4"]
SIGNED = spell_iscc(bytes(range(32)), "video")


def rows_of(seed: int, count: int) -> list[tuple[int, ...]]:
    table = np.random.default_rng(seed).integers(0, 3, (count, 380))
    return [tuple(row) for row in table.tolist()]


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode_clip(clip(3, seconds=4.0))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 2))
def test_codes_are_those_of_the_reference(seed: int, count: int, times: int) -> None:
    rows = rows_of(seed, count) * times
    parsed = parse_frame_signatures(write_frame_signatures(rows))
    assert [tuple(row) for row in parsed.tolist()] == rows
    bits = iscc_video_bits(parsed)
    assert bits == iscc_core.soft_hash_video_v0(rows, 256)
    assert spell_iscc(bits, "video") == iscc_core.gen_video_code_v0(rows, 256)["iscc"]


def test_signatures_are_those_that_ffmpeg_spells_out(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(data)
    for form in ("xml", "binary"):
        what = f"fps=fps=5,signature=format={form}:filename={form}"
        command = ["ffmpeg", "-nostdin", "-i", "clip.mp4", "-vf", what, "-f", "null", "-"]
        subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    spelt = re.findall(r"<FrameSignature>([^<]*)<", (tmp_path / "xml").read_text())
    rows = [tuple(int(number) for number in text.split()) for text in spelt]
    parsed = parse_frame_signatures((tmp_path / "binary").read_bytes())
    assert len(rows) == 20
    assert [tuple(row) for row in parsed.tolist()] == rows


GOOD = write_frame_signatures(rows_of(1, 3))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"", "break off"),
        (GOOD[:-1], "expected 461 bytes"),
        (GOOD + b"\0", "expected 461 bytes"),
        (b"\0\0\0\2" + GOOD[4:], "one region"),
        (write_frame_signatures(rows_of(1, 3), segments=2), "2 segments of 3 frames"),
        (GOOD[:-76] + b"\xff" * 76, "no five numbers"),
    ],
)
def test_what_no_filter_wrote_is_refused(bad: bytes, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        parse_frame_signatures(bad)
    assert len(parse_frame_signatures(GOOD)) == 3


def test_no_more_frames_are_read_than_a_video_may_have() -> None:
    limits = replace(DEFAULT_LIMITS, max_media_s=1)
    with pytest.raises(LimitError, match="6 are more than those of max_media_s"):
        parse_frame_signatures(write_frame_signatures(rows_of(1, 6)), limits=limits)
    assert len(parse_frame_signatures(write_frame_signatures(rows_of(1, 5)), limits=limits)) == 5


def test_of_no_frame_there_is_no_code() -> None:
    with pytest.raises(MalformedError, match="got none"):
        iscc_video_bits(parse_frame_signatures(write_frame_signatures([])))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8),
    st.integers(0, len(GOOD)),
    st.binary(max_size=4),
)
def test_changed_signatures(edits: list[tuple[int, int]], kept: int, more: bytes) -> None:
    changed = bytearray(GOOD)
    for at, byte in edits:
        changed[at] = byte
    try:
        parsed = parse_frame_signatures(bytes(changed[:kept]) + more)
    except (MalformedError, LimitError):
        return
    assert parsed.shape[1] == 380
    assert parsed.size == 0 or parsed.max() <= 2


def made(stream: Any, media_format: MediaFormat) -> bytes:
    assert media_format is MP4
    assert stream.read(0) == b""
    return write_frame_signatures(rows_of(7, 9))


def failing(*_: object) -> bytes:
    raise LimitError("ffmpeg: took more than 1 seconds")


def test_a_video_has_a_code_where_something_makes_its_signatures(data: bytes) -> None:
    expected = iscc_core.gen_video_code_v0(rows_of(7, 9), 256)["iscc"]
    fingerprint = fingerprint_media(io.BytesIO(data), MP4, frame_signatures=made)
    assert fingerprint.iscc == expected
    assert content_code(io.BytesIO(data), MP4, frame_signatures=made) == expected
    (code,) = [c for c in fingerprint.codes if c.algorithm is Algorithm.ISCC_VIDEO]
    assert spell_iscc(code.bits, "video") == expected
    assert not any("iscc" in why for why in fingerprint.why_not)


def test_and_none_but_a_note_where_nothing_does(data: bytes) -> None:
    assert content_code(io.BytesIO(data), MP4) is None
    assert content_code(io.BytesIO(data), MP4, frame_signatures=failing) is None
    for maker, note in (
        (None, "iscc-video: not made, as nothing at hand computes"),
        (failing, "iscc-video: not made: ffmpeg: took more than 1 seconds"),
    ):
        fingerprint = fingerprint_media(io.BytesIO(data), MP4, frame_signatures=maker)
        assert fingerprint.iscc is None
        assert {c.algorithm for c in fingerprint.codes} == {Algorithm.PDQ_FRAME}
        assert [why for why in fingerprint.why_not if why.startswith(note)]


def test_what_its_agency_signed_is_taken_and_nothing_made(data: bytes) -> None:
    fingerprint = fingerprint_media(
        io.BytesIO(data), MP4, signed_iscc=SIGNED, frame_signatures=failing
    )
    assert fingerprint.iscc == SIGNED
    assert fingerprint.codes[-1].bits == bytes(range(32))
    assert not any("iscc" in why for why in fingerprint.why_not)
    for other in (spell_iscc(bytes(32), "image"), "ISCC:NONSENSE", "x\x1b" * 9000):
        twin = fingerprint_media(io.BytesIO(data), MP4, signed_iscc=other)
        assert twin.iscc is None


def test_a_picture_is_looked_at_whatever_was_signed_for_it() -> None:
    picture, kind = jpeg(3), FORMATS["jpeg"]
    plain = fingerprint_media(io.BytesIO(picture), kind)
    lied = spell_iscc(bytes(32), "image")
    assert plain.iscc == fingerprint_media(io.BytesIO(picture), kind, signed_iscc=lied).iscc


def test_a_video_that_shows_nothing_is_not_looked_at_twice() -> None:
    broken = avi()[:200]
    fingerprint = fingerprint_media(io.BytesIO(broken), FORMATS["avi"], frame_signatures=made)
    assert fingerprint.iscc is None
