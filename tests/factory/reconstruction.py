"""What a JPEG XL file keeps of the JPEG that it was (`jbrd`): of no picture, but in its form."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["reconstruction", "stored"]


class _Bits:
    """Numbers written bit by bit, the lowest first."""

    def __init__(self) -> None:
        self._value = self._count = 0

    def add(self, value: int, count: int) -> None:
        self._value |= value << self._count
        self._count += count

    def to_bytes(self) -> bytes:
        return self._value.to_bytes((self._count + 7) // 8, "little")


def stored(data: bytes, *, piece_bytes: int = 65_536) -> bytes:
    """A Brotli stream of parts of this size that are not compressed, or of none."""
    if not data:
        return b"\x06"
    out = b""
    for at in range(0, len(data), piece_bytes):
        piece = data[at : at + piece_bytes]
        bits = _Bits()
        # At the beginning, a window of 22 bits; not the last part, of so many bytes, not
        # compressed.
        window = () if at else ((0b1011, 4),)
        for value, count in (*window, (0, 1), (0, 2), (len(piece) - 1, 16), (1, 1)):
            bits.add(value, count)
        out += bits.to_bytes() + piece
    return out + b"\3"


def reconstruction(
    segments: Sequence[bytes],
    comments: Sequence[bytes] = (),
    behind: bytes = b"",
    *,
    elsewhere: int = 0,
    packed: bytes | None = None,
) -> bytes:
    """The content of a `jbrd` box of a grey picture without a scan.

    Args:
        segments: Application segments, from their code on.
        comments: Comments, the same way.
        behind: What followed the picture.
        elsewhere: How many segments more there were, which are kept elsewhere.
        packed: In place of what all of them are packed to.
    """
    bits = _Bits()
    bits.add(1, 1)
    codes = [*(part[0] for part in segments), *[0xE1] * elsewhere, *(c[0] for c in comments), 0xD9]
    for code in codes:
        bits.add(code - 0xC0, 6)
    for part in segments:
        bits.add(0, 2)
        bits.add(len(part) - 1, 16)
    for _ in range(elsewhere):
        # EXIF.
        bits.add(0b010, 3)
        bits.add(100, 16)
    for part in comments:
        bits.add(len(part) - 1, 16)
    # One table of quantisation; one component; four Huffman codes without symbols.
    for count in (2, 4, 2, 2, 2, *[4 + 17 * 2] * 4):
        bits.add(0, count)
    if behind:
        bits.add(1, 2)
        bits.add(len(behind) - 1, 8)
    else:
        bits.add(0, 2)
    bits.add(0, 1)
    whole = b"".join((*segments, *comments, behind))
    return bits.to_bytes() + (stored(whole) if packed is None else packed)
