"""Opening an untrusted video or sound so that nothing else is opened with it.

FFmpeg follows what a file refers to: playlists, `concat` lists and QuickTime data references
name other files and addresses. Three bars stand before that, each enough alone: only containers
that carry their own data are tried, no protocol is allowed, and what FFmpeg still asks to open
is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NoReturn

import av
import av.error

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits

__all__ = [
    "CODECS",
    "clean_reason",
    "decoder_of",
    "duration_ms_of",
    "open_container",
    "packets_of",
]

# Containers that carry their own data, and the codecs that agencies and platforms use. What is
# not named is not tried: FFmpeg knows some 300 formats, most of them of forgotten games.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,"
    "mp3,wav,w64,aiff,flac,ogg,aac,caf"
)
CODECS = (
    "h264,hevc,libdav1d,av1,vp8,vp9,libvpx,libvpx-vp9,mpeg4,msmpeg4v3,mpeg1video,mpeg2video,"
    "prores,mjpeg,theora,dnxhd,vc1,wmv2,"
    "aac,aac_latm,mp3float,mp3,mp2float,mp2,opus,libopus,vorbis,libvorbis,flac,alac,ac3,eac3,"
    "wmav2,wavpack,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,"
    "pcm_f64be,pcm_u8,pcm_s8,pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav"
)
# A file may be read more than once over, where its index stands at its end; not without end.
_READ_FACTOR = 8
_READ_EXTRA = 16 * 1024**2


class _Bounded:
    """What FFmpeg sees of a stream: bytes, without a name, and not for ever."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        stream.seek(0, 2)
        self._left = stream.tell() * _READ_FACTOR + _READ_EXTRA
        stream.seek(0)

    def read(self, count: int = -1) -> bytes:
        if self._left <= 0:
            raise LimitError("media: read many times over without coming to an end")
        data = self._stream.read(count)
        # An empty read counts too, so that asking again at the end is no loop.
        self._left -= max(len(data), 4096)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _refuse(url: str, flags: int, options: dict[str, Any]) -> NoReturn:
    del flags, options
    raise MalformedError(f"media: asks for another file or address to be opened: {url[:80]!r}")


def clean_reason(error: Exception) -> str:
    """What FFmpeg says went wrong, without the name that it gives to a stream."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


@contextmanager
def open_container(stream: BinaryIO, *, limits: Limits) -> Iterator[Any]:
    """Open a video or sound for decoding, with everything else shut.

    Args:
        stream: Seekable.
        limits: `max_video_pixels` bounds every frame before its memory is taken.

    Raises:
        MalformedError: Not a video or sound that can be opened here, or one that refers to
            another file.
        LimitError: It is read many times over.
    """
    # FFmpeg would write to the standard error of the process.
    av.logging.set_level(None)
    options = {
        "format_whitelist": _FORMATS,
        "codec_whitelist": CODECS,
        "protocol_whitelist": "none",
        # Also while FFmpeg looks what is inside, which decodes.
        "max_pixels": str(limits.max_video_pixels),
        # Enough to tell what is inside; more only delays the answer on damaged files.
        "probesize": str(5 * 1024**2),
        "analyzeduration": "5000000",
        "max_streams": "64",
    }
    try:
        container = av.open(
            _Bounded(stream),
            mode="r",
            options=options,
            io_open=_refuse,
            # A title in another encoding than UTF-8 is common, and made by anybody: it must
            # not keep the pictures and the sound from being looked at.
            metadata_errors="replace",
        )
    except (MalformedError, LimitError):
        raise
    except (av.error.FFmpegError, ValueError) as error:
        raise MalformedError(f"media: cannot be opened: {clean_reason(error)}") from error
    try:
        yield container
    finally:
        container.close()


def duration_ms_of(container: Any, stream: Any = None, *, limits: Limits) -> int | None:
    """How long does the container say it is, in milliseconds?

    None where it does not say, and where it says what nobody could have recorded: the fields
    have room for ages, and what is kept of a release has none for them.

    Args:
        container: As `open_container` gives it.
        stream: The stream whose own duration goes first.
        limits: `max_duration_ms`.
    """
    seconds = -1.0
    if stream is not None and stream.duration is not None and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        seconds = container.duration / av.time_base
    # An infinite one, and one that is no number, is in no range.
    return round(seconds * 1000) if 0 <= seconds * 1000 <= limits.max_duration_ms else None


def decoder_of(stream: Any, *, limits: Limits) -> Any:
    """The decoder of one stream, bounded, before it decodes anything."""
    context = stream.codec_context
    context.options = {"max_pixels": str(limits.max_video_pixels), "codec_whitelist": CODECS}
    # Two threads answer sooner and cost more; the caller has other files for them.
    context.thread_count = 1
    context.thread_type = "NONE"
    return context


def packets_of(container: Any, stream: Any, *, limits: Limits, why_not: list[str]) -> Iterator[Any]:
    """The packets of one stream, as far as they can be read, and the flushing one.

    Args:
        container: As `open_container` gives it.
        stream: One of its streams.
        limits: `max_media_packets`, counted over all streams.
        why_not: Told why the packets ended early.
    """
    packets = container.demux(stream)
    count = 0
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, LimitError, MalformedError) as error:
            why_not.append(f"media: reading stopped after {count} packets: {clean_reason(error)}")
            return
        if packet is None:
            return
        count += 1
        if count > limits.max_media_packets:
            why_not.append(f"media: stopped at max_media_packets ({limits.max_media_packets})")
            return
        yield packet
