"""Frames of a video at even times, upright and small, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import av.error
import numpy as np
from av.codec.codec import Properties
from av.stream import Disposition
from av.video.reformatter import Interpolation
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

__all__ = ["Frame", "FrameReader", "open_frames"]

# Of the time that there is, before the rest is looked at in key frames only.
_DENSE_SHARE = 0.7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One frame as it is shown.

    Attributes:
        at_ms: When it is shown, from the start of the video.
        pixels: Height by width by red, green, blue; turned upright.
    """

    at_ms: int
    pixels: NDArray[np.uint8]


class FrameReader:
    """The frames of one open video; iterate once.

    Attributes:
        duration_ms: As the container says it, which may be wrong; None where it does not, or
            says more than `max_duration_ms`.
        width: Of a frame as it is stored.
        height: Likewise.
        why_not: Filled while iterating: what was not decoded, and why.
    """

    def __init__(
        self,
        container: Any,
        stream: Any,
        *,
        every_ms: int,
        max_side: int,
        limits: Limits,
        until: Deadline,
    ) -> None:
        self._container = container
        self._stream = stream
        self._every_ms = every_ms
        self._max_side = max_side
        self._limits = limits
        self._until = until
        self._errors = 0
        self._due_ms = 0
        self.why_not: list[str] = []
        self.width: int = stream.codec_context.width
        self.height: int = stream.codec_context.height
        self.duration_ms = duration_ms_of(container, stream, limits=limits)

    def __iter__(self) -> Iterator[Frame]:
        """Decode, and hand out one frame for each interval.

        Up to `dense_video_s` every frame that others are made from is decoded, which finds
        one for every interval. After that only key frames are, every few seconds in what
        platforms make: an hour costs little more than its first quarter. So it is sooner
        where the time is short.
        """
        context = decoder_of(self._stream, limits=self._limits)
        # What no other frame is made from need not be decoded where one in thirty is taken.
        context.skip_frame = "NONREF" if self._every_ms >= 250 else "DEFAULT"
        intra = bool(context.codec.properties & Properties.INTRA_ONLY.value)
        taken = 0
        pixels = 0
        dense = True
        for frame, at_ms in self._decoded(intra=intra):
            pixels += frame.width * frame.height
            if taken >= self._limits.max_video_frames:
                self.why_not.append(
                    f"video: stopped at max_video_frames ({self._limits.max_video_frames})"
                )
                return
            if pixels > self._limits.max_decoded_pixels:
                self.why_not.append(
                    f"video: stopped at max_decoded_pixels ({self._limits.max_decoded_pixels})"
                )
                return
            if at_ms > self._limits.max_media_s * 1000:
                self.why_not.append(f"video: stopped at max_media_s ({self._limits.max_media_s})")
                return
            hurried = self._until.used() >= _DENSE_SHARE
            if dense and (hurried or at_ms >= self._limits.dense_video_s * 1000):
                dense = False
                context.skip_frame = "NONKEY"
                why = ", to be done in time" if hurried else ""
                self.why_not.append(f"video: only key frames after {at_ms // 1000} seconds{why}")
            if at_ms < self._due_ms:
                continue
            try:
                small = self._reduced(frame)
            except (av.error.FFmpegError, ValueError) as error:
                if not self._forgive(error):
                    return
                continue
            self._due_ms = (at_ms // self._every_ms + 1) * self._every_ms
            taken += 1
            yield Frame(at_ms=at_ms, pixels=small)
        if not taken:
            reasons = "; ".join(self.why_not) or "no frame in it"
            raise MalformedError(f"video: nothing could be decoded: {reasons}")

    def _decoded(self, *, intra: bool) -> Iterator[tuple[Any, int]]:
        start = self._stream.start_time or 0
        base = self._stream.time_base
        reached_ms = 0
        for packet in packets_of(
            self._container, self._stream, limits=self._limits, why_not=self.why_not
        ):
            if self._until.passed():
                self.why_not.append(
                    f"video: its first {reached_ms // 1000} seconds were looked at in "
                    f"{self._until.seconds:.3g} seconds, and the rest was not"
                )
                return
            # Where no frame needs another, those in between need not be decoded at all.
            if (
                intra
                and packet.pts is not None
                and base
                and float((packet.pts - start) * base) * 1000 < self._due_ms
            ):
                continue
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError) as error:
                if not self._forgive(error):
                    return
                continue
            for frame in frames:
                if frame.pts is None or not frame.time_base:
                    continue
                at_ms = round(float((frame.pts - start) * frame.time_base) * 1000)
                reached_ms = max(reached_ms, at_ms)
                if at_ms >= 0:
                    yield frame, at_ms

    def _forgive(self, error: Exception) -> bool:
        """Count a damaged packet; is it still worth going on?"""
        self._errors += 1
        if self._errors == 1:
            self.why_not.append(f"video: damaged: {clean_reason(error)}")
        if self._errors <= self._limits.max_media_errors:
            return True
        self.why_not.append(f"video: stopped after {self._errors} damaged packets")
        return False

    def _reduced(self, frame: Any) -> NDArray[np.uint8]:
        scale = min(1.0, self._max_side / max(frame.width, frame.height))
        # Area averaging keeps what a few thousand pixels can say of two million.
        small = frame.reformat(
            width=max(2, round(frame.width * scale)),
            height=max(2, round(frame.height * scale)),
            format="rgb24",
            interpolation=Interpolation.AREA,
        )
        pixels: NDArray[np.uint8] = small.to_ndarray()
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


@contextmanager
def open_frames(
    stream: BinaryIO,
    *,
    every_ms: int = 1000,
    max_side: int = 320,
    limits: Limits = DEFAULT_LIMITS,
    until: Deadline = NO_END,
) -> Iterator[FrameReader]:
    """Open a video, to take a frame of it every so often.

    Pixels are taken as square: what is made of them here does not depend on their shape.

    Args:
        stream: Seekable.
        every_ms: How often; the times of the frames are their own, not these.
        max_side: Longest side that a frame is reduced to, in pixels.
        limits: `max_video_pixels`, `max_video_frames`, `max_decoded_pixels`, `max_media_s`,
            `max_duration_ms`, `max_media_packets`, `max_media_errors`, `dense_video_s`.
        until: When decoding ends, wherever it is; the reader says where that was.

    Raises:
        MalformedError: It has no video stream that can be decoded; while iterating, where not
            one frame came out.
    """
    with open_container(stream, limits=limits) as container:
        moving = [
            video
            for video in container.streams.video
            if not video.disposition & Disposition.attached_pic
        ]
        # The stream that a player would show, and never the cover of a track.
        if not moving or moving[0].codec_context is None:
            raise MalformedError("video: no video stream that can be decoded")
        yield FrameReader(
            container,
            moving[0],
            every_ms=every_ms,
            max_side=max_side,
            limits=limits,
            until=until,
        )
