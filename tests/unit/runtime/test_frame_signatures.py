"""FFmpeg's program for a video's frame signatures: found, asked, and shut in."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.fingerprints.frame_signatures import parse_frame_signatures
from provenance.limits import Limits
from provenance.media.formats import FORMATS
from provenance.runtime.frame_signatures import SignatureProgram, make_frame_signatures
from provenance.runtime.workers.limits import WorkerLimits
from tests.factory.clips import clip, encode_clip

MP4, AVI = FORMATS["mp4"], FORMATS["avi"]


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode_clip(clip(3, seconds=4.0))


@pytest.fixture
def program() -> SignatureProgram:
    found = shutil.which("ffmpeg")
    assert found is not None
    return SignatureProgram(program=Path(found).resolve())


def test_they_are_those_of_a_plain_call(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "-i clip.mp4"
    path.write_bytes(data)
    subprocess.run(
        ["ffmpeg", "-nostdin", "-i", f"file:{path}", "-f", "null",
         "-vf", "fps=fps=5,signature=format=binary:filename=plain", "-"],
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    plain = (tmp_path / "plain").read_bytes()
    assert make_frame_signatures(io.BytesIO(data), MP4) == plain
    with path.open("rb") as stream:
        stream.seek(99)
        assert make_frame_signatures(stream, FORMATS["mov"]) == plain
    assert len(parse_frame_signatures(plain)) == 20
    film = encode_clip(clip(3, seconds=4.0), codec="mpeg4", container="avi")
    assert len(parse_frame_signatures(make_frame_signatures(io.BytesIO(film), AVI))) == 20


def test_where_there_is_no_such_program(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MalformedError, match="no program `ffmpeg`"):
        make_frame_signatures(io.BytesIO(data), MP4)
    # One without the filter, as the libraries under the LGPL are built.
    other = tmp_path / "lesser"
    other.mkdir()
    shutil.copy("/bin/true", other / "ffmpeg")
    monkeypatch.setenv("PATH", str(other))
    with pytest.raises(MalformedError, match="with the filter `signature`"):
        make_frame_signatures(io.BytesIO(data), MP4)
    # Whatever lies in the folder that somebody happens to be in.
    monkeypatch.chdir(other)
    monkeypatch.setenv("PATH", ".")
    with pytest.raises(MalformedError, match="no program `ffmpeg`"):
        make_frame_signatures(io.BytesIO(data), MP4)


def playlist(path: Path) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{path}\n#EXT-X-ENDLIST\n".encode()


def concatenation(path: Path) -> bytes:
    return f"ffconcat version 1.0\nfile '{path}'\n".encode()


@pytest.mark.parametrize("write", [playlist, concatenation])
def test_what_names_other_files_is_no_video(
    data: bytes, tmp_path: Path, write: Callable[[Path], bytes]
) -> None:
    (tmp_path / "secret.mp4").write_bytes(data)
    for kind in (MP4, AVI):
        with pytest.raises(MalformedError, match="ended with status"):
            make_frame_signatures(io.BytesIO(write(tmp_path / "secret.mp4")), kind)
    assert make_frame_signatures(io.BytesIO(data), MP4)


def test_a_sound_has_none_and_other_kinds_are_not_asked_about(data: bytes) -> None:
    for kind in ("fmp4-fragment", "jpeg"):
        with pytest.raises(MalformedError, match=f"not asked about {kind}"):
            make_frame_signatures(io.BytesIO(data), FORMATS[kind])


def test_its_bounds(data: bytes, program: SignatureProgram) -> None:
    assert program(io.BytesIO(data), MP4)
    small = replace(program, limits=Limits(max_video_pixels=1000))
    with pytest.raises(MalformedError, match="ended with status"):
        small(io.BytesIO(data), MP4)
    hasty = replace(program, within=WorkerLimits(wall_s=0.01))
    with pytest.raises(LimitError, match="took more than"):
        hasty(io.BytesIO(data), MP4)
    short = replace(program, within=WorkerLimits(max_output_bytes=1000))
    with pytest.raises(MalformedError, match="ended with signal 25"):
        short(io.BytesIO(data), MP4)
