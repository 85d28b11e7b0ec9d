"""Tracks played by code: chords, a melody, a voice and drums; and what people do to them.

A track is an array of samples, one channel at 44,100 Hz, between -1 and 1.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

__all__ = ["RATE_HZ", "TRACK_EDITS", "EditedTrack", "Track", "encode_track", "track"]

RATE_HZ = 44_100

Track = NDArray[np.float64]

_SCALE = (0, 2, 4, 5, 7, 9, 11)
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (530, 1840, 2480), (570, 840, 2410))


def track(seed: int, *, seconds: float = 18.0, beat_s: float | None = None) -> Track:
    """A song of its own key, tempo, chords, melody and drum pattern."""
    rng = np.random.default_rng(seed)
    key = rng.uniform(55, 110)
    beat_s = rng.uniform(0.36, 0.62) if beat_s is None else beat_s
    beat = round(beat_s * RATE_HZ)
    total = round(seconds * RATE_HZ)
    out = np.zeros(total + 4 * beat)
    chords = rng.choice(6, 8)
    pattern = rng.random(16)
    for index in range(total // beat + 1):
        at = index * beat
        chord = chords[index // 4 % 8]
        if index % 4 == 0:
            for third in (0, 2, 4):
                _add(out, at, _tone(key * 2, chord + third, 4 * beat, rng, bright=3) * 0.13)
        for half in range(2):
            note = int(chord + rng.choice([0, 1, 2, 4, 5, 7]))
            _add(out, at + half * beat // 2, _tone(key * 4, note, beat // 2, rng, bright=5) * 0.16)
        _add(out, at, _voice(key * 2, int(chord + rng.choice([0, 2, 4])), beat, rng) * 0.35)
        if pattern[index % 16] > 0.3:
            _add(out, at, _kick(beat // 2) * 0.5)
        if pattern[(index + 5) % 16] > 0.5:
            noise = rng.normal(0, 1, beat // 3) * np.exp(-np.arange(beat // 3) / (RATE_HZ * 0.03))
            _add(out, at + beat // 2, noise * 0.12)
    return np.tanh(out[:total])


def _add(out: Track, at: int, sound: Track) -> None:
    part = sound[: max(0, len(out) - at)]
    out[at : at + len(part)] += part


def _pitch(base: float, step: int) -> float:
    octave, degree = divmod(step, 7)
    return float(base * 2 ** (octave + _SCALE[degree] / 12))


def _tone(base: float, step: int, length: int, rng: np.random.Generator, *, bright: int) -> Track:
    t = np.arange(length) / RATE_HZ
    pitch = _pitch(base, step)
    sound = sum(
        (np.sin(2 * np.pi * pitch * k * t + rng.uniform(0, 6.3)) / k for k in range(1, bright + 1)),
        start=np.zeros(length),
    )
    return np.asarray(sound * np.minimum(1, t * 60) * np.exp(-t * 2.0))


def _voice(base: float, step: int, length: int, rng: np.random.Generator) -> Track:
    """Overtones under the formants of a vowel, with a little vibrato."""
    t = np.arange(length) / RATE_HZ
    pitch = _pitch(base, step)
    formants = _VOWELS[rng.integers(0, len(_VOWELS))]
    phase = 2 * np.pi * pitch * (t + 0.0006 * np.sin(2 * np.pi * 5.5 * t))
    sound = np.zeros(length)
    for k in range(1, int(3500 / pitch)):
        weight = sum(np.exp(-(((pitch * k - f) / 160) ** 2)) for f in formants) + 0.02
        sound += weight * np.sin(k * phase) / np.sqrt(k)
    return np.asarray(sound * np.minimum(1, t * 20) * np.minimum(1, (t[-1] - t) * 20))


def _kick(length: int) -> Track:
    t = np.arange(length) / RATE_HZ
    return np.asarray(np.sin(2 * np.pi * (45 * t + 4 * (1 - np.exp(-t * 30)))) * np.exp(-t * 12))


def encode_track(
    samples: Track,
    *,
    codec: str = "flac",
    container: str = "flac",
    bit_rate: int | None = None,
    rate_hz: int = RATE_HZ,
) -> bytes:
    """The track as a file."""
    out = io.BytesIO()
    whole = (samples * 0.8).clip(-1, 1)
    if rate_hz != RATE_HZ:
        whole = _resampled(whole, RATE_HZ / rate_hz)
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate_hz)
        stream.layout = "mono"
        if bit_rate:
            stream.bit_rate = bit_rate
        block = np.round(whole * 32767).astype("<i2")[None]
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
        frame.rate = rate_hz
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=rate_hz, frame_size=stream.frame_size or 4096
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


def _resampled(samples: Track, step: float) -> Track:
    """Every `step`-th sample, in between by straight lines after a low-pass."""
    if step > 1:
        spectrum = np.fft.rfft(samples)
        spectrum[int(len(spectrum) / step) :] = 0
        samples = np.fft.irfft(spectrum, len(samples))
    at = np.arange(0, len(samples) - 1, step)
    return np.asarray(np.interp(at, np.arange(len(samples)), samples))


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedTrack:
    """A copy, and where the release stands in it; as `EditedClip`."""

    data: bytes
    start_s: float
    release_start_s: float
    seconds: float
    speed: float = 1.0


_Edit = Callable[[Track, int], EditedTrack]


def _plain(change: Callable[[Track, np.random.Generator], Track], **how: Any) -> _Edit:
    def edit(samples: Track, seed: int) -> EditedTrack:
        changed = change(samples, np.random.default_rng(seed))
        return EditedTrack(
            data=encode_track(changed, **how),
            start_s=0.0,
            release_start_s=0.0,
            seconds=len(changed) / RATE_HZ,
        )

    return edit


def _as_it_is(samples: Track, rng: np.random.Generator) -> Track:
    del rng
    return samples


def _quiet(samples: Track, rng: np.random.Generator) -> Track:
    del rng
    return samples * 0.1


def _equalised(samples: Track, rng: np.random.Generator) -> Track:
    """More bass, less of the middle, more treble: up to 9 dB apart."""
    del rng
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    gain_db = np.interp(np.log10(np.maximum(hz, 20)), [1.3, 2.3, 3.0, 4.3], [6, 2, -3, 5])
    return np.asarray(np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(samples)) * 0.6)


def _noisy(snr_db: float) -> Callable[[Track, np.random.Generator], Track]:
    def change(samples: Track, rng: np.random.Generator) -> Track:
        power = float(np.mean(samples**2)) / 10 ** (snr_db / 10)
        return np.asarray(samples + rng.normal(0, np.sqrt(power), len(samples)))

    return change


def _excerpt(seconds: float) -> _Edit:
    def edit(samples: Track, seed: int) -> EditedTrack:
        first = int(
            np.random.default_rng(seed).integers(0, len(samples) - round(seconds * RATE_HZ))
        )
        part = samples[first : first + round(seconds * RATE_HZ)]
        return EditedTrack(
            data=encode_track(part, codec="aac", container="adts", bit_rate=96_000),
            start_s=0.0,
            release_start_s=first / RATE_HZ,
            seconds=seconds,
        )

    return edit


def _after_another(samples: Track, seed: int) -> EditedTrack:
    before = track(50_000 + seed, seconds=11.3)
    return EditedTrack(
        data=encode_track(
            np.concatenate([before, samples]), codec="libmp3lame", container="mp3", bit_rate=128_000
        ),
        start_s=len(before) / RATE_HZ,
        release_start_s=0.0,
        seconds=len(samples) / RATE_HZ,
    )


def _under_speech(samples: Track, rng: np.random.Generator) -> Track:
    """A voice talks over it, as loud as it is."""
    t = np.arange(len(samples)) / RATE_HZ
    talk = np.zeros(len(samples))
    for at in np.arange(0, t[-1] - 0.3, 0.22):
        if rng.random() < 0.7:
            first = round(at * RATE_HZ)
            _add(talk, first, _voice(rng.uniform(95, 140), 0, round(0.2 * RATE_HZ), rng))
    talk *= np.sqrt(np.mean(samples**2) / np.mean(talk**2))
    return np.tanh(samples + talk)


def _faster(factor: float) -> _Edit:
    def edit(samples: Track, seed: int) -> EditedTrack:
        del seed
        changed = _resampled(samples, factor)
        return EditedTrack(
            data=encode_track(changed, codec="aac", container="adts", bit_rate=128_000),
            start_s=0.0,
            release_start_s=0.0,
            seconds=len(changed) / RATE_HZ,
            speed=factor,
        )

    return edit


TRACK_EDITS: dict[str, _Edit] = {
    "MP3, 64 kbit/s": _plain(_as_it_is, codec="libmp3lame", container="mp3", bit_rate=64_000),
    "MP3, 192 kbit/s": _plain(_as_it_is, codec="libmp3lame", container="mp3", bit_rate=192_000),
    "AAC, 96 kbit/s": _plain(_as_it_is, codec="aac", container="adts", bit_rate=96_000),
    "Opus, 48 kbit/s": _plain(
        _as_it_is, codec="libopus", container="ogg", bit_rate=48_000, rate_hz=48_000
    ),
    "22,050 Hz": _plain(_as_it_is, rate_hz=22_050),
    "8,000 Hz": _plain(_as_it_is, rate_hz=8_000),
    "a tenth as loud": _plain(_quiet),
    "equaliser": _plain(_equalised),
    "noise, 15 dB": _plain(_noisy(15)),
    "noise, 5 dB": _plain(_noisy(5)),
    "speech over it": _plain(_under_speech),
    "excerpt, 5 s": _excerpt(5),
    "excerpt, 10 s": _excerpt(10),
    "after another track": _after_another,
    "1 % faster": _faster(1.01),
    "2.5 % faster": _faster(1.025),
    "5 % faster": _faster(1.05),
    "5 % slower": _faster(0.95),
    "8 % faster": _faster(1.08),
}
