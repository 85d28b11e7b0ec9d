"""What a track sounds like: its Chromaprint numbers, codes of one second, and its ISCC.

A code is eight numbers on end. Sound that was sped up or slowed down by more than about one
per cent has other notes and so other numbers: `at_speed` undoes it while decoding.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from provenance.deadline import NO_END, Deadline
from provenance.errors import MalformedError
from provenance.fingerprints.chromaprint import NUMBER_S, NUMBER_SPAN, chromaprint
from provenance.fingerprints.iscc_audio import iscc_audio
from provenance.fingerprints.model import Algorithm, Code, MediaFingerprint, Reference
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.sound import SOUND_RATE_HZ, open_sound

__all__ = [
    "CODE_NUMBERS",
    "MIN_SOUND_QUALITY",
    "REGISTER_EVERY",
    "SEARCH_EVERY",
    "fingerprint_sound",
    "numbers_from",
    "says_something",
    "sound_codes",
    "sound_numbers",
]

CODE_NUMBERS = 8
# The register keeps codes end to end; a copy begins anywhere between two of them.
REGISTER_EVERY = 8
SEARCH_EVERY = 2
# So many equal numbers on end are no accident.
_STILL = 6
# Silence and held tones repeat one number, and are in every track.
MIN_SOUND_QUALITY = 30


def sound_numbers(
    stream: BinaryIO,
    *,
    at_speed: float = 1.0,
    limits: Limits = DEFAULT_LIMITS,
    until: Deadline = NO_END,
) -> tuple[NDArray[np.uint32], tuple[str, ...]]:
    """The Chromaprint numbers of a track or of a video's sound, and what could not be decoded.

    Args:
        stream: Seekable.
        at_speed: How much faster than its release it is taken to play; 1.05 hears it slowed
            down by a twentieth.
        limits: As for `open_sound`.
        until: Likewise.

    Raises:
        MalformedError: No sound in it.
    """
    rate_hz = round(SOUND_RATE_HZ * at_speed)
    with open_sound(stream, rate_hz=rate_hz, limits=limits, until=until) as sound:
        numbers = chromaprint(sound)
        return numbers, tuple(sound.why_not)


def sound_codes(numbers: NDArray[np.uint32], *, every: int) -> tuple[Code, ...]:
    """Codes of one second each, beginning every so many numbers.

    Their quality is how much the sound moves: 100 where five of 32 bits change from one
    number to the next, as they do in most music.
    """
    count = len(numbers) - CODE_NUMBERS + 1
    if count <= 0:
        return ()
    quality = _movement(numbers)
    data = numbers.astype("<u4").tobytes()
    return tuple(
        Code(
            algorithm=Algorithm.CHROMA,
            bits=data[at * 4 : (at + CODE_NUMBERS) * 4],
            quality=int(quality[at]),
            at_ms=round(at * NUMBER_S * 1000),
        )
        for at in range(0, count, every)
    )


def says_something(numbers: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which numbers are of sound that moves?

    Silence and held tones repeat a number. How any sound comes out of silence, or ends in it,
    is much the same too, and a number is made of all the sound that it spans.
    """
    same = np.concatenate(([False], numbers[1:] == numbers[:-1])).astype(np.int64)
    still = np.convolve(same, np.ones(_STILL, dtype=np.int64), mode="same") >= _STILL - 1
    reach = 2 * NUMBER_SPAN + 1
    near = np.convolve(still.astype(np.int64), np.ones(reach, dtype=np.int64), mode="full")
    moving: NDArray[np.bool_] = near[NUMBER_SPAN : NUMBER_SPAN + len(numbers)] == 0
    return moving


def _movement(numbers: NDArray[np.uint32]) -> NDArray[np.int64]:
    changes = np.bitwise_count(numbers[1:] ^ numbers[:-1]).astype(np.int64)
    sums = np.convolve(changes, np.ones(CODE_NUMBERS - 1, dtype=np.int64), mode="valid")
    quality: NDArray[np.int64] = np.minimum(100, sums * 100 // (5 * (CODE_NUMBERS - 1)))
    return np.where(says_something(numbers)[: len(quality)], quality, 0)


def numbers_from(reference: Reference) -> NDArray[np.uint32]:
    """The numbers that a reference of kind `sound` keeps."""
    if reference.kind != "sound" or len(reference.data) % 4:
        raise MalformedError(
            f"reference: expected sound in whole numbers of 4 bytes, got {reference.kind} "
            f"in {len(reference.data)} bytes"
        )
    return np.frombuffer(reference.data, dtype="<u4").astype(np.uint32)


def fingerprint_sound(stream: BinaryIO, *, limits: Limits = DEFAULT_LIMITS) -> MediaFingerprint:
    """The fingerprint that is registered of a track, or of a video's sound.

    Args:
        stream: Seekable.
        limits: As for `open_sound`.

    Returns:
        Its codes end to end, its ISCC audio code, and the numbers that confirm a resemblance.
        Sound of less than 2.7 seconds has none, and says so.

    Raises:
        MalformedError: No sound in it.
    """
    numbers, why_not = sound_numbers(stream, limits=limits)
    if not len(numbers):
        return MediaFingerprint(why_not=(*why_not, "sound: shorter than 2.7 seconds"))
    return MediaFingerprint(
        codes=sound_codes(numbers, every=REGISTER_EVERY),
        iscc=iscc_audio(numbers),
        references=(Reference(kind="sound", data=numbers.astype("<u4").tobytes()),),
        duration_ms=round((len(numbers) - 1 + NUMBER_SPAN) * NUMBER_S * 1000),
        why_not=why_not,
    )
