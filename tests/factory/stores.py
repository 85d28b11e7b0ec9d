"""A manifest store taken apart, changed by hand, signed again and put together.

What an attacker with a key (or without one) can do to the bytes, without an engine's
good manners in the way. JUMBF boxes are a tree; the claim, its assertions and the COSE
signature of the active manifest can be read and replaced.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.engine_signing import ClaimSigner

__all__ = ["Box", "Store", "parse_store", "store_over"]

_ALGORITHMS = {
    "ES256": -7,
    "EdDSA": -8,
    "ES384": -35,
    "ES512": -36,
    "PS256": -37,
    "PS384": -38,
    "PS512": -39,
}
_CBOR_UUID = b"cbor" + bytes.fromhex("00110010800000aa00389b71")


@dataclass(slots=True)
class Box:
    """A JUMBF box: a superbox has children, any other a payload."""

    kind: bytes
    payload: bytes = b""
    children: list[Box] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The label in a superbox's description: after the UUID and the toggles."""
        return self.children[0].payload[17:].partition(b"\0")[0].decode()

    def child(self, label: str) -> Box:
        """The superbox inside that has this label."""
        return next(box for box in self.children[1:] if box.label == label)

    def to_bytes(self) -> bytes:
        body = self.payload + b"".join(child.to_bytes() for child in self.children)
        return struct.pack(">I4s", len(body) + 8, self.kind) + body


@dataclass(slots=True)
class Store:
    """A manifest store; what is not said of a manifest is said of the active one."""

    root: Box

    @property
    def manifest(self) -> Box:
        """The active manifest: the last one."""
        return self.root.children[-1]

    @property
    def label(self) -> str:
        return self.manifest.label

    @property
    def assertions(self) -> Box:
        return self.manifest.child("c2pa.assertions")

    @property
    def claim_box(self) -> Box:
        return next(b for b in self.manifest.children[1:] if b.label.startswith("c2pa.claim"))

    @property
    def claim(self) -> dict[str, Any]:
        claim: dict[str, Any] = cbor2.loads(self.claim_box.children[1].payload)
        return claim

    @claim.setter
    def claim(self, claim: Mapping[str, Any]) -> None:
        self.claim_box.children[1].payload = cbor2.dumps(dict(claim))

    @property
    def cose(self) -> list[Any]:
        """Protected header (bytes), unprotected header, payload (`None`), signature."""
        return list(cbor2.loads(self._signature_box.payload).value)

    @cose.setter
    def cose(self, parts: list[Any]) -> None:
        self._signature_box.payload = cbor2.dumps(cbor2.CBORTag(18, parts))

    @property
    def signature(self) -> bytes:
        """The signature in the COSE structure."""
        signature: bytes = self.cose[3]
        return signature

    @property
    def _signature_box(self) -> Box:
        return self.manifest.child("c2pa.signature").children[1]

    def assertion(self, label: str) -> Any:
        """What an assertion says, decoded."""
        return cbor2.loads(self.assertions.child(label).children[1].payload)

    def set_assertion(self, label: str, data: Any) -> None:
        """Change what an assertion says; the claim still has the old hash until `sign`."""
        self.assertions.child(label).children[1].payload = cbor2.dumps(data)

    def add_assertion(self, label: str, data: Any, *, where: str = "created_assertions") -> None:
        """Add an assertion, and a reference to it in this list of the claim."""
        description = Box(b"jumd", _CBOR_UUID + b"\x03" + label.encode() + b"\0")
        content = Box(b"cbor", cbor2.dumps(data))
        self.assertions.children.append(Box(b"jumb", children=[description, content]))
        claim = self.claim
        entry = {"url": f"self#jumbf=c2pa.assertions/{label}", "hash": bytes(32)}
        claim[where] = [*claim.get(where, []), entry]
        self.claim = claim

    def remove_assertion(self, label: str) -> None:
        """Remove an assertion and every reference to it in the claim."""
        self.assertions.children.remove(self.assertions.child(label))
        claim = self.claim
        for where in self._lists(claim):
            claim[where] = [e for e in claim[where] if e["url"].rpartition("/")[2] != label]
        self.claim = claim

    def rehash(self) -> None:
        """Make the claim's hashes fit the assertions as they are now.

        The hash covers a superbox's content without its own header of 8 bytes.
        """
        claim = self.claim
        for where in self._lists(claim):
            for entry in claim[where]:
                box = self.assertions.child(entry["url"].rpartition("/")[2])
                entry["hash"] = hashlib.sha256(box.to_bytes()[8:]).digest()
        self.claim = claim

    def sign(self, signer: ClaimSigner, *, size_bytes: int | None = None) -> None:
        """Rehash and sign the claim anew, without a time-stamp.

        Args:
            signer: Signs it.
            size_bytes: The size the whole store must have; by default as it is.
        """
        size_bytes = size_bytes or len(self.to_bytes())
        self.rehash()
        chain = x509.load_pem_x509_certificates(signer.certificate_chain_pem)
        protected = cbor2.dumps(
            {
                1: _ALGORITHMS[signer.algorithm],
                33: [certificate.public_bytes(Encoding.DER) for certificate in chain],
            }
        )
        to_sign = cbor2.dumps(["Signature1", protected, b"", self.claim_box.children[1].payload])
        self.cose = [protected, {}, None, signer.sign(to_sign)]
        self.resize(size_bytes)

    def set_unprotected(self, headers: Mapping[Any, Any], *, keep_size: bool = True) -> None:
        """Replace the unprotected header, which no signature covers."""
        size_bytes = len(self.to_bytes())
        parts = self.cose
        parts[1] = dict(headers)
        self.cose = parts
        if keep_size:
            self.resize(size_bytes)

    def resize(self, size_bytes: int) -> None:
        """Bring the store to a size by its unsigned `pad` header."""
        protected, unprotected, payload, signature = self.cose
        kept = {key: value for key, value in unprotected.items() if key not in ("pad", "pad2")}
        self.cose = [protected, kept | {"pad": b""}, payload, signature]
        room = size_bytes - len(self.to_bytes())
        # The length of a byte string takes 1, 2, 3 or 5 bytes; one was counted already.
        for extra in (0, 1, 2, 4):
            if room - extra < 0:
                break
            self.cose = [protected, kept | {"pad": bytes(room - extra)}, payload, signature]
            if len(self.to_bytes()) == size_bytes:
                return
        raise ValueError(f"store: cannot be brought to {size_bytes} bytes, {room} to fill")

    def timestamp_message(self) -> bytes:
        """The bytes a time-stamp of this signature is about: a CounterSignature structure.

        Its payload is the claim for version 1; later it is the COSE signature, encoded
        as a CBOR byte string.
        """
        protected, _, _, signature = self.cose
        payload = self.claim_box.children[1].payload
        if self.claim_box.label != "c2pa.claim":
            payload = cbor2.dumps(signature)
        return cbor2.dumps(["CounterSignature", protected, b"", payload])

    def to_bytes(self) -> bytes:
        return self.root.to_bytes()

    @staticmethod
    def _lists(claim: Mapping[str, Any]) -> list[str]:
        names = ("assertions", "created_assertions", "gathered_assertions")
        return [name for name in names if name in claim]


def parse_store(data: bytes) -> Store:
    """Take a manifest store apart."""
    (root,) = _boxes(data)
    return Store(root)


def store_over(data: bytes, store: bytes, signer: ClaimSigner) -> bytes:
    """A manifest store for exactly these bytes, credentials inside them and all.

    The engine would take those out first.
    """
    made = parse_store(store)
    binding = made.assertion("c2pa.hash.data")
    binding.pop("exclusions", None)
    made.set_assertion("c2pa.hash.data", {**binding, "hash": hashlib.sha256(data).digest()})
    made.sign(signer)
    return made.to_bytes()


def _boxes(data: bytes) -> Iterator[Box]:
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        if kind == b"jumb":
            yield Box(kind, children=list(_boxes(body)))
        else:
            yield Box(kind, body)
        at += size
