"""Short videos and sounds, drawn and played by code."""

from __future__ import annotations

import io
import math
import random
import struct
import wave
from functools import cache
from typing import Any

import av
import numpy as np

from tests.factory.pictures import scene

__all__ = ["avi", "flac", "fragmented_mp4", "m4a", "mov", "mp3", "mp4", "tone", "wav"]

_RATE_HZ = 22_050


@cache
def tone(seed: int = 1, seconds: float = 1.0) -> bytes:
    """A short chord with a slow beat: signed 16-bit samples, one channel, 22,050 Hz."""
    rng = random.Random(seed)
    at = np.arange(int(_RATE_HZ * seconds)) / _RATE_HZ
    sound = sum(
        np.sin(2 * math.pi * rng.choice([220.0, 277.2, 329.6, 440.0, 554.4]) * k * at) / k
        for k in (1, 2, 3)
    )
    beat = 0.5 + 0.5 * np.sin(2 * math.pi * (1 + rng.random()) * at)
    return bytes((np.asarray(sound * beat) * 6000).astype("<i2").tobytes())


@cache
def mp4(seed: int = 1, *, frames: int = 12, sound: bool = True) -> bytes:
    return _video("mp4", seed, frames, sound=sound)


@cache
def mov(seed: int = 1, *, frames: int = 12) -> bytes:
    return _video("mov", seed, frames, sound=True)


@cache
def fragmented_mp4(seed: int = 1, *, frames: int = 24) -> tuple[bytes, tuple[bytes, ...]]:
    """An initialisation segment and its fragments, as DASH and HLS serve them."""
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    whole = _video("mp4", seed, frames, sound=False, options=options, gop=8)
    starts = [start for start, kind in _boxes(whole) if kind == b"moof"]
    ends = [*starts[1:], next((s for s, kind in _boxes(whole) if kind == b"mfra"), len(whole))]
    fragments = tuple(whole[a:b] for a, b in zip(starts, ends, strict=True))
    return whole[: starts[0]], fragments


@cache
def avi(seed: int = 1) -> bytes:
    return _video("avi", seed, 8, sound=False, codec="mjpeg", pixel_format="yuvj420p")


@cache
def m4a(seed: int = 1) -> bytes:
    return _audio("ipod", "aac", seed)


@cache
def mp3(seed: int = 1) -> bytes:
    return _audio("mp3", "libmp3lame", seed)


@cache
def flac(seed: int = 1) -> bytes:
    return _audio("flac", "flac", seed)


@cache
def wav(seed: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE_HZ)
        sound.writeframes(tone(seed, 0.25))
    return out.getvalue()


def _video(
    container: str,
    seed: int,
    frames: int,
    *,
    sound: bool,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    gop: int = 12,
) -> bytes:
    out = io.BytesIO()
    with av.open(
        out, "w", format=container, options={"fflags": "+bitexact", **(options or {})}
    ) as file:
        stream: Any = file.add_stream(codec, rate=12)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixel_format
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = gop
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "crf": "30"}
        voice = file.add_stream("aac", rate=_RATE_HZ, layout="mono") if sound else None
        for k in range(frames):
            picture = np.asarray(scene(seed, (128, 96), phase=0.2 * k))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if voice is not None:
            _encode_tone(file, voice, tone(seed, frames / 12), "fltp")
    return out.getvalue()


def _audio(container: str, codec: str, seed: int) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=container, options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream(codec, rate=_RATE_HZ, layout="mono")
        _encode_tone(file, stream, tone(seed), "s16" if codec == "flac" else "fltp")
    return out.getvalue()


def _encode_tone(file: Any, stream: Any, samples: bytes, sample_format: str) -> None:
    sound = np.frombuffer(samples, "<i2")
    if sample_format == "fltp":
        sound = (sound / 32768).astype(np.float32)
    for at in range(0, len(sound), 1024):
        part = np.ascontiguousarray(sound[at : at + 1024][None, :])
        frame = av.AudioFrame.from_ndarray(part, format=sample_format, layout="mono")
        frame.sample_rate = _RATE_HZ
        frame.pts = at
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _boxes(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((at, kind))
        at += size
    return found
