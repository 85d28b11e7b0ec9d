"""Chromaprint's numbers of a sound: 32 bits for every eighth of a second.

The default algorithm of Chromaprint 1.x (`TEST2`), with numpy in place of its library, which is
in no package that comes with its own binary. The numbers are those of `fpcalc -raw`: the tests
hold them against it. What is the same here is the format, that is its constants.

See https://oxygene.sk/2011/01/how-does-chromaprint-work/ for how it works.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["NUMBER_S", "NUMBER_SPAN", "chromaprint"]

_RATE_HZ = 11_025
_FRAME = 4096
_HOP = _FRAME // 3
_WIDEST = 16

# Seconds from one number to the next.
NUMBER_S = _HOP / _RATE_HZ
# How many of these steps of sound one number is made of.
NUMBER_SPAN = 22

_SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)
# Below this norm twelve bands of sound are silence.
_SILENCE = 0.01

# Of the picture that twelve notes make over time: the shape that is compared (0 to 5), first
# note, how many notes, how many frames, and the three bounds between four answers.
_CLASSIFIERS = (
    (0, 4, 3, 15, 1.98215, 2.35817, 2.63523),
    (4, 4, 6, 15, -1.03809, -0.651211, -0.282167),
    (1, 0, 4, 16, -0.298702, 0.119262, 0.558497),
    (3, 8, 2, 12, -0.105439, 0.0153946, 0.135898),
    (3, 4, 4, 8, -0.142891, 0.0258736, 0.200632),
    (4, 0, 3, 5, -0.826319, -0.590612, -0.368214),
    (1, 2, 2, 9, -0.557409, -0.233035, 0.0534525),
    (2, 7, 3, 4, -0.0646826, 0.00620476, 0.0784847),
    (2, 6, 2, 16, -0.192387, -0.029699, 0.215855),
    (2, 1, 3, 2, -0.0397818, -0.00568076, 0.0292026),
    (5, 10, 1, 15, -0.53823, -0.369934, -0.190235),
    (3, 6, 2, 10, -0.124877, 0.0296483, 0.139239),
    (2, 1, 1, 14, -0.101475, 0.0225617, 0.231971),
    (3, 5, 6, 4, -0.0799915, -0.00729616, 0.063262),
    (1, 9, 2, 12, -0.272556, 0.019424, 0.302559),
    (3, 4, 2, 14, -0.164292, -0.0321188, 0.0846339),
)
_GRAY = np.array((0, 1, 3, 2), dtype=np.uint32)


def _notes() -> tuple[NDArray[np.intp], int, int]:
    """Which of twelve notes each line of the spectrum belongs to, and the lines that count."""
    first = max(1, round(_FRAME * 28 / _RATE_HZ))
    last = min(_FRAME // 2, round(_FRAME * 3520 / _RATE_HZ))
    octaves = np.log2(np.arange(first, last) * _RATE_HZ / _FRAME / (440.0 / 16.0))
    return (12 * (octaves - np.floor(octaves))).astype(np.intp), first, last


_NOTE, _FIRST, _LAST = _notes()
_WINDOW = (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_FRAME) / (_FRAME - 1))) / 32767
_TO_NOTES = np.zeros((_LAST - _FIRST, 12))
_TO_NOTES[np.arange(_LAST - _FIRST), _NOTE] = 1.0


def chromaprint(samples: Iterable[NDArray[np.int16]]) -> NDArray[np.uint32]:
    """The numbers of a sound, one every 0.1238 s.

    Memory does not grow with the sound, but for twelve numbers each eighth of a second.

    Args:
        samples: One channel at 11,025 Hz, in pieces of any length.

    Returns:
        Empty where the sound is shorter than 2.7 seconds.
    """
    rows: list[NDArray[np.float64]] = []
    held: list[NDArray[np.int16]] = []
    length = 0
    for piece in samples:
        held.append(piece)
        length += len(piece)
        # A few seconds at a time: large enough for numpy, small enough for the cache.
        if length >= 32 * _HOP + _FRAME:
            joined = np.concatenate(held)
            count = (length - _FRAME) // _HOP + 1
            rows.append(_energies(joined, count))
            held = [joined[count * _HOP :]]
            length = len(held[0])
    if length >= _FRAME:
        rows.append(_energies(np.concatenate(held), (length - _FRAME) // _HOP + 1))
    if not rows:
        return np.empty(0, dtype=np.uint32)
    return _numbers(np.concatenate(rows))


def _energies(samples: NDArray[np.int16], count: int) -> NDArray[np.float64]:
    """How much of each note is in each frame."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[: count * _HOP : _HOP]
    spectrum = np.fft.rfft(frames * _WINDOW, axis=1)[:, _FIRST:_LAST]
    energies: NDArray[np.float64] = (spectrum.real**2 + spectrum.imag**2) @ _TO_NOTES
    return energies


def _numbers(energies: NDArray[np.float64]) -> NDArray[np.uint32]:
    length = len(energies) - len(_SMOOTHING) + 1
    if length < _WIDEST:
        return np.empty(0, dtype=np.uint32)
    smooth = sum(
        (weight * energies[i : i + length] for i, weight in enumerate(_SMOOTHING)),
        start=np.zeros((length, 12)),
    )
    norm = np.sqrt((smooth**2).sum(axis=1, keepdims=True))
    image = np.where(norm < _SILENCE, 0.0, smooth / np.maximum(norm, _SILENCE))
    integral = np.zeros((length + 1, 13))
    integral[1:, 1:] = image.cumsum(axis=0).cumsum(axis=1)
    count = length - _WIDEST + 1
    numbers = np.zeros(count, dtype=np.uint32)
    for shape, y, height, width, low, middle, high in _CLASSIFIERS:
        inside, outside = _halves(integral, shape, y, height, width)
        value = np.log1p(inside) - np.log1p(outside)
        answer = (value >= low).astype(np.intp) + (value >= middle) + (value >= high)
        numbers = (numbers << np.uint32(2)) | _GRAY[answer]
    return numbers


def _halves(
    integral: NDArray[np.float64], shape: int, y: int, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two areas that one shape compares, at every place."""
    count = len(integral) - _WIDEST

    def area(x0: int, y0: int, x1: int, y1: int) -> NDArray[np.float64]:
        total: NDArray[np.float64] = (
            integral[x1 : x1 + count, y1]
            - integral[x0 : x0 + count, y1]
            - integral[x1 : x1 + count, y0]
            + integral[x0 : x0 + count, y0]
        )
        # Differences of long sums may fall a hair below nothing.
        return np.maximum(total, 0.0)

    top = y + height
    whole = area(0, y, width, top)
    if shape == 0:
        return whole, np.zeros(count)
    if shape == 1:
        inside = area(0, y + height // 2, width, top)
    elif shape == 2:
        inside = area(width // 2, y, width, top)
    elif shape == 3:
        inside = area(0, y + height // 2, width // 2, top) + area(
            width // 2, y, width, y + height // 2
        )
    elif shape == 4:
        inside = area(0, y + height // 3, width, y + 2 * (height // 3))
    else:
        inside = area(width // 3, y, 2 * (width // 3), top)
    return inside, np.maximum(whole - inside, 0.0)
