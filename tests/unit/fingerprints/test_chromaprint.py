"""Chromaprint's numbers, held against `fpcalc`; ISCC audio codes against `iscc-core`."""

from __future__ import annotations

import io
import json
import subprocess
import wave
from pathlib import Path

import iscc_core
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from provenance.fingerprints.chromaprint import NUMBER_SPAN, chromaprint
from provenance.fingerprints.iscc_audio import iscc_audio
from provenance.media.decoding.sound import SOUND_RATE_HZ, open_sound
from tests.factory.tracks import encode_track, track

Samples = NDArray[np.int16]


def song(seed: int) -> Samples:
    with open_sound(io.BytesIO(encode_track(track(seed, seconds=12)))) as sound:
        return np.concatenate(list(sound))


def noise_and_silence() -> Samples:
    rng = np.random.default_rng(3)
    loud = rng.normal(0, 9000, 8 * SOUND_RATE_HZ)
    loud[3 * SOUND_RATE_HZ : 6 * SOUND_RATE_HZ] = 0
    return loud.clip(-32768, 32767).astype(np.int16)


def by_fpcalc(samples: Samples, folder: Path) -> NDArray[np.uint32]:
    path = folder / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    # Its exit status says that the file came to an end.
    done = subprocess.run(
        ["fpcalc", "-raw", "-json", "-length", "0", str(path)], capture_output=True, check=False
    )
    return np.array(json.loads(done.stdout)["fingerprint"], dtype=np.uint32)


@pytest.mark.parametrize(
    "samples", [song(1), song(2), noise_and_silence()], ids=["1", "2", "noise"]
)
def test_the_numbers_are_those_of_the_library(samples: Samples, tmp_path: Path) -> None:
    theirs = by_fpcalc(samples, tmp_path)
    ours = chromaprint([samples])
    assert len(ours) == len(theirs) > 40
    # A value within rounding of a bound may fall to either side; none did.
    assert int(np.bitwise_count(ours ^ theirs).sum()) == 0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 20_000), max_size=30))
def test_pieces_of_any_length_give_the_same(cuts: list[int]) -> None:
    samples = noise_and_silence()[: 4 * SOUND_RATE_HZ]
    whole = chromaprint([samples])
    places = np.cumsum(cuts) if cuts else np.array([], dtype=int)
    pieces = np.split(samples, places[places < len(samples)])
    assert np.array_equal(chromaprint(pieces), whole)


def test_the_shortest_sound() -> None:
    span = 4096 + (NUMBER_SPAN - 3) * 1365
    assert len(chromaprint([np.ones(span, dtype=np.int16)])) == 1
    assert len(chromaprint([np.ones(span - 1, dtype=np.int16)])) == 0
    assert len(chromaprint([])) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=60))
def test_iscc_audio_codes_are_those_of_the_reference(numbers: list[int]) -> None:
    array = np.array(numbers, dtype=np.uint32)
    expected = iscc_core.gen_audio_code(array.view(np.int32).tolist(), bits=256)["iscc"]
    assert iscc_audio(array) == expected
