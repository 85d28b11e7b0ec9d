"""Hard bindings that the engine would not make by itself: box hashes, further exclusions."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from provenance.credentials.engine_signing import ClaimSigner
from tests.factory.sign import sign
from tests.factory.stores import Store
from tests.factory.surgery import place_of_store, resign

__all__ = ["box_hashed_jpeg", "box_hashed_png", "exclude", "excluded_pixels_png"]


def excluded_pixels_png(shown: bytes, hashed: bytes, *, signer: ClaimSigner) -> bytes:
    """A PNG whose pixels lie in a second, declared exclusion, and were replaced.

    Both pictures must be of one size and not compressed, so that their data are equally
    long. The result shows `shown` under a manifest that was signed over `hashed`.
    """
    data = sign(hashed, "image/png", signer=signer)
    start, end = place_of_store(data, "image/png")
    pixels, others = _png_pixels(data), _png_pixels(shown)
    new = shown[others[0] : others[1]]
    if len(new) != pixels[1] - pixels[0]:
        raise ValueError("pictures: expected pixel data of one length")
    store_chunk = (start - 8, end + 4)

    def edit(store: Store) -> None:
        exclude(store, data, [store_chunk, pixels])

    signed = resign(data, "image/png", signer=signer, edit=edit)
    return signed[: pixels[0]] + new + signed[pixels[1] :]


def exclude(store: Store, data: bytes, ranges: Sequence[tuple[int, int]]) -> None:
    """Make a store's data hash leave out these ranges of the file, and be right."""
    ranges = sorted(ranges)
    digest, at = hashlib.sha256(), 0
    for start, end in ranges:
        digest.update(data[at:start])
        at = end
    digest.update(data[at:])
    store.set_assertion(
        "c2pa.hash.data",
        {
            "exclusions": [{"start": a, "length": b - a} for a, b in ranges],
            "name": "jumbf manifest",
            "alg": "sha256",
            "hash": digest.digest(),
            "pad": b"",
        },
    )


def box_hashed_jpeg(data: bytes, *, signer: ClaimSigner, leave_out: Sequence[str] = ()) -> bytes:
    """A JPEG bound by `c2pa.hash.boxes` instead of by byte ranges.

    Args:
        data: The picture, unsigned.
        signer: Signs it.
        leave_out: Names of segments that get no entry.
    """
    signed = sign(data, "image/jpeg", signer=signer)
    return _box_hashed(signed, "image/jpeg", _jpeg_boxes(signed), signer, leave_out)


def box_hashed_png(data: bytes, *, signer: ClaimSigner, leave_out: Sequence[str] = ()) -> bytes:
    """A PNG bound by `c2pa.hash.boxes`; the arguments are those of `box_hashed_jpeg`."""
    signed = sign(data, "image/png", signer=signer)
    return _box_hashed(signed, "image/png", _png_boxes(signed), signer, leave_out)


def _box_hashed(
    signed: bytes,
    media_type: str,
    boxes: Sequence[tuple[str, int, int]],
    signer: ClaimSigner,
    leave_out: Sequence[str],
) -> bytes:
    # The shape the engine gives the assertion where it makes one itself.
    entries = [
        {"names": [name], "hash": b"\0", "excluded": True, "pad": b""}
        if name == "C2PA"
        else {
            "names": [name],
            "alg": "sha256",
            "hash": hashlib.sha256(signed[start:end]).digest(),
            "pad": b"",
        }
        for name, start, end in boxes
        if name not in leave_out
    ]

    def edit(store: Store) -> None:
        store.remove_assertion("c2pa.hash.data")
        store.add_assertion("c2pa.hash.boxes", {"boxes": entries})

    return resign(signed, media_type, signer=signer, edit=edit)


def _png_boxes(data: bytes) -> list[tuple[str, int, int]]:
    """The signature and the chunks of a PNG by name."""
    found, at = [("PNGh", 0, 8)], 8
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        name = "C2PA" if kind == b"caBX" else kind.decode("ascii")
        found.append((name, at, at + size + 12))
        at += size + 12
    return found


def _png_pixels(data: bytes) -> tuple[int, int]:
    """Where the IDAT chunks lie, which follow each other."""
    found = [box for box in _png_boxes(data) if box[0] == "IDAT"]
    return found[0][1], found[-1][2]


_JPEG_NAMES = {
    0xC0: "SOF0",
    0xC2: "SOF2",
    0xC4: "DHT",
    0xD8: "SOI",
    0xD9: "EOI",
    0xDA: "SOS",
    0xDB: "DQT",
    0xFE: "COM",
} | {0xE0 + n: f"APP{n}" for n in range(16)}


def _jpeg_boxes(data: bytes) -> list[tuple[str, int, int]]:
    """The segments of a baseline JPEG by name; a scan's data belong to its SOS."""
    found, at = [("SOI", 0, 2)], 2
    while True:
        marker = data[at + 1]
        if marker == 0xD9:
            return [*found, ("EOI", at, at + 2)]
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xDA:
            while data[end] != 0xFF or data[end + 1] == 0 or 0xD0 <= data[end + 1] <= 0xD7:
                end += 1
        name = _JPEG_NAMES[marker]
        if marker == 0xEB and data[at + 4 : at + 6] == b"JP":
            name = "C2PA"
        found.append((name, at, end))
        at = end
