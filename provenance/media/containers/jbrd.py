"""What a JPEG XL file keeps of the JPEG that it was (`jbrd`), beside its picture.

Kinds and lengths of the segments come first, as bits; what stands in them follows, packed
with Brotli. A few bytes are stored there as they are, since packing would make them longer.

Source: ISO/IEC 18181-2 annex A (JPEG bitstream reconstruction data); RFC 7932 §9 (Brotli).
"""

from __future__ import annotations

from provenance.errors import MalformedError

__all__ = ["bare_jpeg"]

_APP, _COMMENT, _SCAN, _RESTARTS, _END, _BETWEEN = 0xE0, 0xFE, 0xDA, 0xDD, 0xD9, 0xFF
_MAX_MARKERS = 16_384
# Four ways to write a number, each with so many bits and what is added to them.
_Forms = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
_FEW: _Forms = ((0, 1), (0, 2), (0, 3), (0, 4))
_KINDS: _Forms = ((0, 0), (0, 1), (1, 2), (2, 4))
_CODES: _Forms = ((0, 4), (3, 2), (4, 10), (6, 26))
_COUNTS: _Forms = ((0, 0), (0, 1), (3, 2), (8, 0))
_SYMBOLS: _Forms = ((2, 0), (2, 4), (4, 8), (8, 1))
_PASSES: _Forms = ((0, 0), (0, 1), (0, 2), (3, 3))
_POINTS: _Forms = ((0, 0), (2, 1), (4, 4), (16, 20))
_BLOCKS: _Forms = ((0, 0), (3, 1), (5, 9), (28, 41))
_RUNS: _Forms = ((0, 1), (2, 2), (4, 5), (8, 20))
_TAILS: _Forms = ((0, 0), (8, 1), (16, 257), (22, 65_793))
_COMPONENTS = (1, 3, 3)


class _Bits:
    """Reads numbers bit by bit, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        at, self._at = self._at, self._at + count
        if self._at > 8 * len(self._data):
            raise MalformedError(f"jbrd: it ends at byte {len(self._data)}, expected more")
        raw = int.from_bytes(self._data[at >> 3 : (self._at + 7) >> 3], "little")
        return raw >> (at & 7) & ((1 << count) - 1)

    def number(self, forms: _Forms) -> int:
        count, more = forms[self.take(2)]
        return more + self.take(count)

    def whole(self, count: int) -> bytes:
        """So many bytes, from the next whole one on."""
        start = (self._at + 7) >> 3
        self._at = 8 * (start + count)
        if start + count > len(self._data):
            raise MalformedError(f"jbrd: it ends at byte {len(self._data)}, expected more")
        return self._data[start : start + count]

    def rest(self) -> bytes:
        """What follows, from the next whole byte on."""
        return self._data[(self._at + 7) >> 3 :]


def bare_jpeg(data: bytes) -> bytes:
    """Which JPEG without a picture do the parts in this box make?

    Its segments that are not kept elsewhere, as colours, EXIF and XMP are, and its comments;
    what stood between segments and behind the picture comes behind it.

    Raises:
        MalformedError: The box cannot be followed, or the parts are packed so that they cannot
            be read here.
    """
    bits = _Bits(data)
    bits.take(1)
    markers = [0xC0 + bits.take(6)]
    while markers[-1] != _END:
        if len(markers) >= _MAX_MARKERS:
            raise MalformedError(f"jbrd: more than {_MAX_MARKERS} markers")
        markers.append(0xC0 + bits.take(6))
    sizes = []
    for _ in (marker for marker in markers if marker & 0xF0 == _APP):
        is_kept_elsewhere, length = bits.number(_KINDS), bits.take(16)
        if not is_kept_elsewhere:
            sizes.append(length + 1)
    sizes += [bits.take(16) + 1 for _ in range(markers.count(_COMMENT))]
    _pass_over_tables(bits)
    _pass_over_scans(bits, markers)
    loose = sum(bits.take(16) for _ in range(markers.count(_BETWEEN)))
    loose += bits.number(_TAILS)
    if bits.take(1):
        bits.take(bits.take(24))
    parts = _stored(bits.rest(), sum(sizes) + loose)
    segments, at = [], 0
    for size in sizes:
        segments.append(b"\xff" + parts[at : at + size])
        at += size
    return b"\xff\xd8" + b"".join(segments) + b"\xff\xd9" + parts[at:]


def _pass_over_scans(bits: _Bits, markers: list[int]) -> None:
    """Skip what scans are told by, and what restores their bits exactly."""
    scans = markers.count(_SCAN)
    for _ in range(scans):
        # Which coefficients, to which precision; of each component its tables.
        bits.take(20 + 6 * bits.number(_FEW))
        bits.number(_PASSES)
    bits.take(16 * (_RESTARTS in markers))
    for _ in range(scans):
        for _ in range(bits.number(_POINTS)):
            bits.number(_BLOCKS)
        for _ in range(bits.number(_POINTS)):
            bits.number(_RUNS)
            bits.number(_BLOCKS)


def _stored(packed: bytes, size: int) -> bytes:
    """What does this Brotli stream hold, of which nothing is compressed?"""
    bits = _Bits(packed)
    # How far back it may refer: of no use where it does not.
    if bits.take(1) and not bits.take(3) and bits.take(3) == 1:
        raise MalformedError("jbrd: a Brotli stream of another kind")
    found = bytearray()
    while not bits.take(1):
        digits = 4 + bits.take(2)
        length = 1 + bits.take(4 * digits) if digits < 7 else 0
        if not length or not bits.take(1):
            raise MalformedError("jbrd: what it holds is compressed")
        found += bits.whole(length)
    if not bits.take(1) or bits.rest() or len(found) != size:
        raise MalformedError(f"jbrd: expected {size} bytes that are not compressed")
    return bytes(found)


def _pass_over_tables(bits: _Bits) -> None:
    """Skip what quantisation, components and Huffman codes are told by."""
    bits.take(4 * bits.number(_FEW))
    kind = bits.take(2)
    components = _COMPONENTS[kind] if kind < len(_COMPONENTS) else 0
    if not components:
        components = bits.number(_FEW)
        bits.take(8 * components)
    bits.take(2 * components)
    for _ in range(bits.number(_CODES)):
        bits.take(4)
        for _ in range(sum(bits.number(_COUNTS) for _ in range(17))):
            bits.number(_SYMBOLS)
