"""Forgeries: what somebody does to a signed file, or to an unsigned one, to deceive.

Every function takes a file as bytes and gives the forged one. None of them needs the
agency's key; where one takes a signer, it is the forger's own.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from provenance.credentials.engine_signing import ClaimSigner
from tests.factory import pki
from tests.factory.pki import Holder
from tests.factory.sign import sign, store_of
from tests.factory.stores import Store, parse_store
from tests.factory.tsa import make_token, timestamp_response

__all__ = [
    "append",
    "append_box",
    "corrupt_signature",
    "edit_store",
    "embed_store",
    "flip_bit",
    "flip_in_assertion",
    "flip_in_claim",
    "flip_in_media",
    "forge_timestamp",
    "place_of_store",
    "prepend",
    "rename_brand",
    "replace_store",
    "resign",
    "sign_unchecked",
    "strip_store",
]


# GIF cuts it into blocks of 255 bytes, SVG writes it in base64.
_NOT_IN_ONE_PIECE = ("image/gif", "image/svg+xml")


def flip_bit(data: bytes, at: int, *, bit: int = 0) -> bytes:
    """One bit changed; a negative offset counts from the end."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def append(data: bytes, tail: bytes = b"PK\x05\x06" + bytes(18)) -> bytes:
    """Bytes after the end; by default an empty ZIP archive."""
    return data + tail


def append_box(data: bytes, kind: bytes = b"free", payload: bytes = b"hidden") -> bytes:
    """One more box at the end of an MP4 or HEIC."""
    return data + struct.pack(">I4s", len(payload) + 8, kind) + payload


def prepend(data: bytes, head: bytes = b"MZ" + bytes(62)) -> bytes:
    """Bytes before the start; by default the start of an executable."""
    return head + data


def place_of_store(data: bytes, media_type: str) -> tuple[int, int]:
    """Where the manifest store lies, if it lies in one piece: start and end."""
    store = store_of(data, media_type)
    start = data.find(store)
    if start < 0:
        raise ValueError(f"{media_type}: the manifest store is not in one piece")
    return start, start + len(store)


def flip_in_media(data: bytes, media_type: str) -> bytes:
    """One bit changed in the middle of the longer side of the file, beside the store."""
    if media_type in _NOT_IN_ONE_PIECE:
        return flip_bit(data, -24)
    start, end = place_of_store(data, media_type)
    return flip_bit(data, start // 2 if start > len(data) - end else (end + len(data)) // 2)


def edit_store(data: bytes, media_type: str, edit: Callable[[Store], object]) -> bytes:
    """The file with its store changed by `edit`, at the size it had."""
    store = parse_store(store_of(data, media_type))
    edit(store)
    return replace_store(data, media_type, store.to_bytes())


def flip_in_claim(data: bytes, media_type: str) -> bytes:
    """One letter of the claim's generator name changed: the claim signature fails."""

    def edit(store: Store) -> None:
        content = store.claim_box.children[1]
        content.payload = content.payload.replace(b"TEST", b"TESU")

    return edit_store(data, media_type, edit)


def flip_in_assertion(data: bytes, media_type: str, label: str = "c2pa.actions.v2") -> bytes:
    """The last byte of an assertion changed: the claim's hash of it fails."""

    def edit(store: Store) -> None:
        content = store.assertions.child(label).children[1]
        content.payload = flip_bit(content.payload, -1)

    return edit_store(data, media_type, edit)


def corrupt_signature(data: bytes, media_type: str) -> bytes:
    """One bit of the claim signature changed."""

    def edit(store: Store) -> None:
        parts = store.cose
        parts[3] = flip_bit(parts[3], 5)
        store.cose = parts

    return edit_store(data, media_type, edit)


def replace_store(data: bytes, media_type: str, store: bytes) -> bytes:
    """The file with another store of the same size in the place of its own."""
    start, end = place_of_store(data, media_type)
    if len(store) != end - start:
        raise ValueError(f"store: expected {end - start} bytes, got {len(store)}")
    if media_type == "image/png":
        # The checksum follows the chunk and covers its type, which stands before it.
        chunk = data[start - 4 : start] + store
        return data[: start - 4] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[end + 4 :]
    return data[:start] + store + data[end:]


def embed_store(data: bytes, media_type: str, store: bytes) -> bytes:
    """An unsigned file that carries a store made for another.

    The room is made by signing the file with a key nobody knows, so every container the
    engine can write is possible. The pad brings the store to the size of that room.
    """
    _, _, leaf = pki.three_tier("Nobody", organization="Nobody")
    filler = {"label": "example.aurora.filler", "data": {"pad": "x" * len(store)}}
    carrier = sign(data, media_type, signer=pki.signer_of(leaf), assertions=[filler])
    start, end = place_of_store(carrier, media_type)
    moved = parse_store(store)
    moved.resize(end - start)
    return replace_store(carrier, media_type, moved.to_bytes())


def strip_store(data: bytes, media_type: str) -> bytes:
    """The file without its credentials: cut out, or in MP4 turned into free space."""
    start, end = place_of_store(data, media_type)
    if media_type == "image/jpeg":
        # Marker, length, common identifier, instance and sequence numbers: 12 bytes.
        return data[: start - 12] + data[end:]
    if media_type == "image/png":
        return data[: start - 8] + data[end + 4 :]
    # The box header, UUID, version, purpose and offset stand before the store.
    at = data.rindex(b"uuid", 0, start)
    size = struct.unpack_from(">I", data, at - 4)[0]
    return data[:at] + b"free" + bytes(size - 8) + data[at - 4 + size :]


def forge_timestamp(
    data: bytes, media_type: str, *, tsa: Holder, gen_time: datetime, **options: Any
) -> bytes:
    """The file with a time-stamp of the forger's own authority instead of any it had.

    No key but the authority's is needed: the unprotected header is not signed. A claim
    of version 1 gets the old header with a whole response, a later one the token.
    """

    def edit(store: Store) -> None:
        digest = hashlib.sha256(store.timestamp_message()).digest()
        stamp = make_token(digest, tsa=tsa, gen_time=gen_time, **options)
        if store.claim_box.label == "c2pa.claim":
            name, value = "sigTst", timestamp_response(stamp)
        else:
            name, value = "sigTst2", stamp
        store.set_unprotected({name: {"tstTokens": [{"val": value}]}})

    return edit_store(data, media_type, edit)


def resign(
    data: bytes,
    media_type: str,
    *,
    signer: ClaimSigner,
    edit: Callable[[Store], object] | None = None,
) -> bytes:
    """The same manifest, changed by `edit`, under the forger's own signature."""

    def change(store: Store) -> None:
        size_bytes = len(store.to_bytes())
        if edit is not None:
            edit(store)
        store.sign(signer, size_bytes=size_bytes)

    return edit_store(data, media_type, change)


def sign_unchecked(
    asset: bytes,
    media_type: str,
    *,
    signer: ClaimSigner,
    edit: Callable[[Store], object] | None = None,
    **options: Any,
) -> bytes:
    """Sign with a certificate that the engine would refuse: expired, wrong purpose, weak.

    The engine signs with a stand-in's key, then the claim is signed again. `options` are
    those of `sign`; a time-stamp is not among what survives.
    """
    _, _, stand_in = pki.three_tier("Stand-in", organization="Stand-in")
    data = sign(asset, media_type, signer=pki.signer_of(stand_in), **options)
    return resign(data, media_type, signer=signer, edit=edit)


def rename_brand(data: bytes, brand: bytes) -> bytes:
    """An MP4 or HEIC with another major brand: no binding covers `ftyp`."""
    return data[:8] + brand + data[12:]
