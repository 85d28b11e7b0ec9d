"""Sound as one channel of 16-bit samples, one piece after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from provenance.deadline import NO_END, Deadline
from provenance.errors import MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.container import (
    clean_reason,
    decoder_of,
    duration_ms_of,
    open_container,
    packets_of,
)

__all__ = ["SOUND_RATE_HZ", "SoundReader", "open_sound"]

SOUND_RATE_HZ = 11_025


class SoundReader:
    """The samples of one open track or video; iterate once.

    Attributes:
        duration_ms: As the container says it; None where it does not, or says more than
            `max_duration_ms`.
        why_not: Filled while iterating: what was not decoded, and why.
    """

    def __init__(
        self, container: Any, stream: Any, *, rate_hz: int, limits: Limits, until: Deadline
    ) -> None:
        self._container = container
        self._stream = stream
        self._rate_hz = rate_hz
        self._limits = limits
        self._until = until
        self.why_not: list[str] = []
        self.duration_ms = duration_ms_of(container, limits=limits)

    def __iter__(self) -> Iterator[NDArray[np.int16]]:
        """Decode, mix down to one channel, and bring to the rate that was asked for."""
        decoder_of(self._stream, limits=self._limits)
        errors = 0
        samples = 0
        most = self._limits.max_media_s * self._rate_hz
        resampler = self._resampler()
        for packet in packets_of(
            self._container, self._stream, limits=self._limits, why_not=self.why_not
        ):
            if self._until.passed():
                self.why_not.append(
                    f"sound: its first {samples // self._rate_hz} seconds were heard in "
                    f"{self._until.seconds:.3g} seconds, and the rest was not"
                )
                break
            try:
                pieces = [piece for frame in packet.decode() for piece in resampler.resample(frame)]
            except (av.error.FFmpegError, ValueError) as error:
                # Damage, or a stream that changes its own form midway: begin again behind it.
                errors += 1
                if errors == 1:
                    self.why_not.append(f"sound: damaged: {clean_reason(error)}")
                if errors > self._limits.max_media_errors:
                    self.why_not.append(f"sound: stopped after {errors} damaged packets")
                    break
                resampler = self._resampler()
                continue
            for piece in pieces:
                block = np.asarray(piece.to_ndarray()[0], dtype=np.int16)
                samples += len(block)
                if samples > most:
                    self.why_not.append(
                        f"sound: stopped at max_media_s ({self._limits.max_media_s})"
                    )
                    return
                yield block
        try:
            rest = [np.asarray(p.to_ndarray()[0], dtype=np.int16) for p in resampler.resample(None)]
        except (av.error.FFmpegError, ValueError):
            # Nothing was ever put in.
            rest = []
        yield from rest
        if not samples and not any(len(block) for block in rest):
            reasons = "; ".join(self.why_not) or "no sample in it"
            raise MalformedError(f"sound: nothing could be decoded: {reasons}")

    def _resampler(self) -> Any:
        return av.AudioResampler(format="s16", layout="mono", rate=self._rate_hz)


@contextmanager
def open_sound(
    stream: BinaryIO,
    *,
    rate_hz: int = SOUND_RATE_HZ,
    limits: Limits = DEFAULT_LIMITS,
    until: Deadline = NO_END,
) -> Iterator[SoundReader]:
    """Open the sound of a track or video.

    Args:
        stream: Seekable.
        rate_hz: Samples a second.
        limits: `max_media_s`, `max_duration_ms`, `max_media_packets`, `max_media_errors`.
        until: When decoding ends, wherever it is; the reader says where that was.

    Raises:
        MalformedError: It has no sound that can be decoded; while iterating, where not one
            sample came out.
    """
    with open_container(stream, limits=limits) as container:
        if not container.streams.audio or container.streams.audio[0].codec_context is None:
            raise MalformedError("sound: no sound stream that can be decoded")
        yield SoundReader(
            container,
            container.streams.audio[0],
            rate_hz=rate_hz,
            limits=limits,
            until=until,
        )
