"""Fragmented MP4 as DASH and HLS serve it: a signed initialisation segment, bound fragments."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence

import cbor2

from provenance.credentials.engine_signing import ClaimSigner
from tests.factory.sign import sign
from tests.factory.stores import Store
from tests.factory.surgery import resign

__all__ = ["sign_fragments"]

_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_EXEMPT = (b"ftyp", b"mfra", b"free", b"skip")
_LABEL = "c2pa.hash.bmff.v3"


def sign_fragments(
    initialisation: bytes, fragments: Sequence[bytes], *, signer: ClaimSigner
) -> tuple[bytes, tuple[bytes, ...]]:
    """The initialisation segment with a manifest, the fragments with their place in it.

    The engine's binding cannot do this, so the hashes are made here: a Merkle tree of
    which all leaves are listed, and no proof is needed.

    Spec: C2PA 2.5, "BMFF-based hash" (fragmented content).
    """
    bound = tuple(_merkle_box(at) + fragment for at, fragment in enumerate(fragments))
    signed = sign(initialisation, "video/mp4", signer=signer)

    def edit(store: Store) -> None:
        binding = store.assertion(_LABEL)
        del binding["hash"]
        binding["merkle"] = [
            {
                "uniqueId": 1,
                "localId": 1,
                "count": len(bound),
                "alg": "sha256",
                "initHash": _hash(signed),
                "hashes": [_hash(fragment) for fragment in bound],
            }
        ]
        store.set_assertion(_LABEL, binding)

    return resign(signed, "video/mp4", signer=signer, edit=edit), bound


def _merkle_box(location: int) -> bytes:
    place = cbor2.dumps({"uniqueId": 1, "localId": 1, "location": location})
    body = _C2PA_UUID + bytes(4) + b"merkle\0" + place
    return struct.pack(">I4s", len(body) + 8, b"uuid") + body


def _hash(data: bytes) -> bytes:
    """Top-level boxes that are not exempt, each after its offset as eight bytes."""
    digest = hashlib.sha256()
    for start, end, kind in _boxes(data):
        if kind in _EXEMPT or data[start + 8 : start + 24] == _C2PA_UUID:
            continue
        digest.update(struct.pack(">Q", start) + data[start:end])
    return digest.digest()


def _boxes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield at, at + size, kind
        at += size
