"""MPEG-7 frame signatures in the binary form in which FFmpeg's filter writes them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["write_frame_signatures"]


def write_frame_signatures(rows: Sequence[Sequence[int]], *, segments: int | None = None) -> bytes:
    """Rows of 380 numbers from 0 to 2, one for each frame; bags of words are left empty."""
    count = len(rows)
    several = -(-count // 45) if segments is None else segments
    bits = [_bits(1, 32), "1", _bits(0, 16) * 2, _bits(319, 16), _bits(179, 16), _bits(0, 32)]
    bits += [_bits(count, 32), _bits(5, 16), "1", _bits(0, 32), _bits(max(count - 1, 0), 32)]
    bits.append(_bits(several, 32))
    bits += ["0" * 64 + "1" + "0" * (64 + 5 * 243)] * several
    bits.append("0")
    for at, row in enumerate(rows):
        bits += ["1", _bits(at, 32), _bits(255, 8), "0" * 40]
        for start in range(0, len(row), 5):
            byte = 0
            for number in row[start : start + 5]:
                byte = byte * 3 + number
            bits.append(_bits(byte, 8))
    whole = "".join(bits)
    whole += "0" * (-len(whole) % 8)
    return int(whole, 2).to_bytes(len(whole) // 8)


def _bits(number: int, count: int) -> str:
    return format(number, f"0{count}b")
