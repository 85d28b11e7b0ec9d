"""Everything that proves one release, in one file that is checked without a network.

A ZIP file of one fixed form, with these members, in this order:

    entry.json          the log's entry
    entry.tlog-proof    that it is in the log
    embargo.json        of a release that was embargoed: the entry that committed to it
    embargo.tlog-proof  that this one is in the log
    policy              the policy of whoever made the bundle; whoever checks it has his own
    checkpoint.tst      optional: an RFC 3161 token over the checkpoint of the first proof
    manifest.c2pa       optional: the manifest store
    asset               optional: the file itself; without it, its digest is in the entry
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.registry.log.leaf import MAX_LEAF_BYTES
from provenance.registry.log.policy import MAX_POLICY_BYTES
from provenance.registry.log.proof import MAX_PROOF_BYTES
from provenance.registry.log.stored_zip import (
    MAX_MEMBER_BYTES,
    read_stored_zip,
    write_stored_zip,
)
from provenance.registry.log.time_stamps import MAX_TOKEN_BYTES

__all__ = ["BUNDLE_MEMBERS", "Bundle", "ReadBundle", "read_bundle_file", "write_bundle_file"]

_MAX_MANIFEST_BYTES = 64 * 1024**2
BUNDLE_MEMBERS = {
    "entry.json": MAX_LEAF_BYTES,
    "entry.tlog-proof": MAX_PROOF_BYTES,
    "embargo.json": MAX_LEAF_BYTES,
    "embargo.tlog-proof": MAX_PROOF_BYTES,
    "policy": MAX_POLICY_BYTES,
    "checkpoint.tst": MAX_TOKEN_BYTES,
    "manifest.c2pa": _MAX_MANIFEST_BYTES,
    "asset": MAX_MEMBER_BYTES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The parts of a bundle but the asset, as bytes, none of them checked.

    Attributes:
        entry: The log's entry.
        proof: Its `.tlog-proof`.
        policy: The maker's policy.
        embargo: The entry that committed to it, and its proof.
        time_stamp: A token over the checkpoint.
        manifest: The manifest store.
    """

    entry: bytes
    proof: bytes
    policy: bytes
    embargo: tuple[bytes, bytes] | None = None
    time_stamp: bytes | None = None
    manifest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBundle:
    """A bundle that was read.

    Attributes:
        bundle: Its parts.
        asset_sha256: Digest of the asset in it, if there is one.
    """

    bundle: Bundle
    asset_sha256: str | None


def write_bundle_file(stream: BinaryIO, bundle: Bundle, asset: BinaryIO | None = None) -> None:
    """Write a bundle. The same parts give the same bytes.

    Args:
        stream: Empty, for writing and seeking.
        bundle: Its parts.
        asset: The file, read to its end.

    Raises:
        LimitError: The asset is too long; leave it out, its digest is in the entry.
    """
    embargo = bundle.embargo or (None, None)
    parts = (
        bundle.entry,
        bundle.proof,
        *embargo,
        bundle.policy,
        bundle.time_stamp,
        bundle.manifest,
    )
    members: list[tuple[str, BinaryIO]] = [
        (name, io.BytesIO(data))
        for name, data in zip(BUNDLE_MEMBERS, parts, strict=False)
        if data is not None
    ]
    if asset is not None:
        members.append(("asset", asset))
    write_stored_zip(stream, members)


def read_bundle_file(stream: BinaryIO, *, where: str) -> ReadBundle:
    """Which bundle is this? Nothing about its parts is checked.

    Raises:
        MalformedError: It is none.
        LimitError: A part is too long.
    """
    parts: dict[str, bytearray] = {}
    digest = sha256()

    def take(name: str, piece: bytes) -> None:
        if name == "asset":
            digest.update(piece)
        else:
            parts.setdefault(name, bytearray()).extend(piece)

    names = read_stored_zip(stream, BUNDLE_MEMBERS, take, where=where)
    for name in ("entry.json", "entry.tlog-proof", "policy"):
        if name not in names:
            raise MalformedError(f"{where}: expected {name} in it, got none")
    if ("embargo.json" in names) is not ("embargo.tlog-proof" in names):
        raise MalformedError(f"{where}: expected embargo.json and embargo.tlog-proof together")

    def part(name: str) -> bytes | None:
        return bytes(parts.get(name, b"")) if name in names else None

    entry, proof = part("embargo.json"), part("embargo.tlog-proof")
    return ReadBundle(
        bundle=Bundle(
            entry=part("entry.json") or b"",
            proof=part("entry.tlog-proof") or b"",
            policy=part("policy") or b"",
            embargo=None if entry is None or proof is None else (entry, proof),
            time_stamp=part("checkpoint.tst"),
            manifest=part("manifest.c2pa"),
        ),
        asset_sha256=digest.hexdigest() if "asset" in names else None,
    )
