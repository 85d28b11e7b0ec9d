"""MPEG-7 frame signatures by FFmpeg's program, where the machine has one that can make them.

The filter that makes them is in builds of FFmpeg under the GPL alone, such as Debian's, and
not in the libraries that come with `av`. So it is a program beside ours, for an agency's own
videos: what a stranger sends in never gets here.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from provenance.atomic_files import read_bounded
from provenance.errors import LimitError, MalformedError, ProvenanceError
from provenance.fingerprints.frame_signatures import FRAMES_A_SECOND
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.container import CODECS
from provenance.media.formats import MediaFormat
from provenance.runtime.workers.limits import WorkerLimits
from provenance.runtime.workers.program import run_confined

__all__ = ["SignatureProgram", "make_frame_signatures"]

_FILTER = re.compile(rb"^ *[A-Z.|]+ +signature +N?V*->V ", re.MULTILINE)
# By the name of a format: the one demultiplexer that is tried, and what keeps it from opening
# the files that a file refers to. No others can be signed.
_DEMULTIPLEXERS = {
    "mp4": ("mov", ("-enable_drefs", "0", "-use_absolute_path", "0")),
    "mov": ("mov", ("-enable_drefs", "0", "-use_absolute_path", "0")),
    "avi": ("avi", ()),
}
_RESULT = "signature"
# Six hours at five frames a second are 10 MB.
_MAX_RESULT_BYTES = 32 * 1024**2

_LIMITS = WorkerLimits(
    # An hour of 1080p is decoded in a few minutes.
    wall_s=1800.0,
    cpu_s=3600,
    max_output_bytes=_MAX_RESULT_BYTES,
    open_files=64,
)
_ASKING = replace(_LIMITS, wall_s=20.0, cpu_s=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureProgram:
    """Makes frame signatures by FFmpeg's program.

    Attributes:
        program: FFmpeg's program, which has the filter.
        within: What one run of it may use.
        limits: Of these, `max_video_pixels`.
    """

    program: Path
    within: WorkerLimits = _LIMITS
    limits: Limits = DEFAULT_LIMITS

    def __call__(self, stream: BinaryIO, media_format: MediaFormat) -> bytes:
        """The frame signatures of a video, five for each second.

        Raises:
            MalformedError: It cannot be decoded, or the program cannot be run.
            LimitError: It takes too long, or its signatures are too many.
        """
        if media_format.name not in _DEMULTIPLEXERS:
            raise MalformedError(f"FFmpeg: not asked about {media_format.name}")
        with (
            tempfile.TemporaryDirectory(prefix="provenance-frames-") as folder,
            _on_disk(stream, Path(folder)) as descriptor,
        ):
            scratch = Path(folder)
            run_confined(
                self.program,
                self._arguments(media_format, descriptor),
                scratch=scratch,
                limits=self.within,
                descriptors=[descriptor],
            )
            try:
                return read_bounded(scratch / _RESULT, _MAX_RESULT_BYTES)
            except (OSError, ProvenanceError) as error:
                raise MalformedError("FFmpeg: made no frame signatures that can be read") from error

    def _arguments(self, media_format: MediaFormat, descriptor: int) -> list[str]:
        """Fixed but for a number; no name of a file is among them."""
        demultiplexer, shut = _DEMULTIPLEXERS[media_format.name]
        return [
            *("-hide_banner", "-nostdin", "-nostats", "-loglevel", "quiet"),
            *("-threads", "2", "-filter_threads", "1"),
            *("-protocol_whitelist", "file", "-format_whitelist", demultiplexer),
            *("-codec_whitelist", CODECS, "-max_pixels", str(self.limits.max_video_pixels)),
            *("-max_streams", "64", "-f", demultiplexer, *shut),
            *("-i", f"file:/proc/self/fd/{descriptor}"),
            # The video that a player would show, and never a cover.
            *("-map", "0:V:0", "-an", "-sn", "-dn"),
            *("-vf", f"fps=fps={FRAMES_A_SECOND},signature=format=binary:filename={_RESULT}"),
            *("-f", "null", "-"),
        ]


def make_frame_signatures(stream: BinaryIO, media_format: MediaFormat) -> bytes:
    """The frame signatures of a video, by the first `ffmpeg` of the search path.

    What that can make is asked once in the life of this process.

    Raises:
        MalformedError: It cannot make them, of any video or of this one.
        LimitError: It takes too long.
    """
    program = _found(os.environ.get("PATH", os.defpath))
    if program is None:
        raise MalformedError("no program `ffmpeg` with the filter `signature` is at hand")
    return program(stream, media_format)


@lru_cache(maxsize=4)
def _found(search_path: str) -> SignatureProgram | None:
    place = shutil.which("ffmpeg", path=search_path)
    # What a folder is named relative to may be anybody's.
    if place is None or not Path(place).is_absolute():
        return None
    program = Path(place).resolve()
    with tempfile.TemporaryDirectory(prefix="provenance-frames-") as folder:
        try:
            with tempfile.TemporaryFile() as output:
                run_confined(
                    program,
                    ["-hide_banner", "-nostdin", "-loglevel", "quiet", "-filters"],
                    scratch=Path(folder),
                    limits=_ASKING,
                    output=output,
                )
                output.seek(0)
                filters = output.read(1024**2)
        except (MalformedError, LimitError):
            return None
    return SignatureProgram(program=program) if _FILTER.search(filters) else None


@contextmanager
def _on_disk(stream: BinaryIO, folder: Path) -> Iterator[int]:
    """A descriptor of a file that holds what this stream does."""
    try:
        stream.seek(0)
        descriptor = stream.fileno()
        stream.flush()
    except io.UnsupportedOperation:
        with tempfile.TemporaryFile(dir=folder) as copy:
            shutil.copyfileobj(stream, copy)
            copy.flush()
            yield copy.fileno()
        return
    yield descriptor
