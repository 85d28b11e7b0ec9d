"""A video that names other files: nothing is opened for it, seen by the system's own eyes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.errors import MalformedError
from provenance.media.decoding.frames import open_frames
from provenance.media.decoding.sound import open_sound
from tests.factory.recordings import mov, mp4

ROOT = Path(__file__).parents[2]

SDP = (
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    b"m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///%s\n#EXT-X-ENDLIST\n"
DASH = (
    b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    b'<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
    b"<BaseURL>%s</BaseURL></Representation></AdaptationSet></Period></MPD>"
)


def elsewhere(data: bytes, target: bytes) -> bytes:
    """The same film, with its samples said to lie in another file (a QuickTime alias)."""
    path = bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    name = target.rpartition(b"/")[2]
    path += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    path += (1).to_bytes(2, "big") * 2 + bytes(16)
    path += (2).to_bytes(2, "big") + len(target).to_bytes(2, "big") + target + b"\xff\xff\0\0"
    alias = path.ljust(200, b"\0")
    entry = (12 + len(alias)).to_bytes(4, "big") + b"alis" + bytes(4) + alias
    for kind in (b"alis", b"url "):
        at = data.find((12).to_bytes(4, "big") + kind, data.index(b"dref"))
        if at >= 0:
            break
    grown = bytearray(data[:at] + entry + data[at + 12 :])
    inside = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"}
    start, end = 0, len(data)
    while start < end:
        size, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        if start < at < start + size and kind in inside:
            larger = size + len(entry) - 12
            grown[start : start + 4] = larger.to_bytes(4, "big")
            start, end = start + (16 if kind == b"dref" else 8), start + size
        else:
            start += size
    return bytes(grown)


@pytest.mark.parametrize(
    "data",
    [
        SDP,
        b"ffconcat version 1.0\nfile canary.mp4\n",
        PLAYLIST % b"canary.mp4",
        DASH % b"canary.mp4",
    ],
    ids=["session description", "concat list", "playlist", "dash"],
)
def test_a_list_of_other_files_is_no_video(data: bytes) -> None:
    with (
        pytest.raises(MalformedError, match="media: cannot be opened"),
        open_frames(io.BytesIO(data)),
    ):
        pass
    with (
        pytest.raises(MalformedError, match="media: cannot be opened"),
        open_sound(io.BytesIO(data)),
    ):
        pass


def test_samples_in_another_file_are_not_fetched(tmp_path: Path) -> None:
    canary = tmp_path / "canary.mov"
    canary.write_bytes(mov())
    with open_frames(io.BytesIO(mov())) as frames:
        assert len(list(frames)) == 1
    moved = bytearray(elsewhere(mov(), os.fsencode(canary)))
    first = moved.index(b"mdat") + 4
    moved[first : moved.index(b"moov") - 4] = bytes(moved.index(b"moov") - 4 - first)
    with (
        pytest.raises(MalformedError, match="nothing could be decoded"),
        open_frames(io.BytesIO(bytes(moved))) as frames,
    ):
        list(frames)


PROBE = """
import io, sys, av
from pathlib import Path
from provenance.errors import MalformedError
from provenance.media.decoding.frames import open_frames
for path in sorted(Path("hostile").iterdir()):
    data = io.BytesIO(path.read_bytes())
    try:
        if sys.argv[1] == "ours":
            with open_frames(data) as frames:
                list(frames)
        else:
            with av.open(data, timeout=1) as bare:
                bare.streams
    except (MalformedError, av.error.FFmpegError):
        pass
print("came to the end")
"""


@pytest.mark.parametrize("door", ["ours", "bare"])
def test_no_file_and_no_socket_is_opened(door: str, tmp_path: Path) -> None:
    """The bare library does open both: that the trace sees it is what makes ours worth much."""
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    canary = os.fsencode(tmp_path / "canary.mp4")
    (tmp_path / "canary.mp4").write_bytes(mp4())
    (hostile / "a").write_bytes(b"ffconcat version 1.0\nfile canary.mp4\n")
    (hostile / "b").write_bytes(SDP)
    (hostile / "c").write_bytes(PLAYLIST % canary)
    (hostile / "d").write_bytes(DASH % canary)
    (hostile / "e").write_bytes(elsewhere(mov(), canary))
    trace = tmp_path / "trace"
    done = subprocess.run(
        ["strace", "-f", "-e", "trace=openat,open,socket,connect", "-o", str(trace),
         sys.executable, "-c", PROBE, door],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("came to the end\n", "")
    calls = trace.read_text("utf-8", "replace")
    reached = ("canary" in calls, "AF_INET" in calls)
    assert reached == ((False, False) if door == "ours" else (True, True))
