"""Time-stamps and certificate status, put into a claim signature after it was made.

Both stand in the unprotected header, which no signature covers. The engine reserves
room there (`pad`), so the store keeps its length, and nothing in the file moves.

Spec: C2PA 2.5, "Time-stamps" (`sigTst2`) and "Certificate revocation" (`rVals`);
RFC 9052 §3.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cbor2

from provenance.credentials.cbor import decode_cbor
from provenance.credentials.cose import parse_cose_sign1
from provenance.credentials.manifest_store import Manifest, parse_manifest_store
from provenance.errors import MalformedError, SigningError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = ["OpenSignature", "add_to_claim_signature", "encode_sign1", "stamp_message"]

_PADS = ("pad", "pad2")
_TAG_SIGN1 = 18


def stamp_message(store: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Which bytes has a time-stamp of the active manifest's signature to be about?

    For claims of version 2 and later; nobody writes older ones any more.

    Raises:
        MalformedError: Not a manifest store, or its active manifest is not signed.
        LimitError: A limit is exceeded.
    """
    manifest = parse_manifest_store(store, limits).active
    return parse_cose_sign1(_signature_of(manifest), limits).to_be_stamped()


def add_to_claim_signature(
    store: bytes,
    *,
    token: bytes | None,
    ocsp: Sequence[bytes] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """Which store of the same length also carries this time-stamp and these answers?

    Only the active manifest's unprotected header changes, and of it only what is added
    and the padding. As `OpenSignature`, for who needs it once.
    """
    return OpenSignature(store, limits).with_added(token=token, ocsp=ocsp)


class OpenSignature:
    """The claim signature of a store, taken apart once, to be added to.

    Args:
        store: A manifest store whose claim is of version 2 or later.
        limits: Bounds on the store.

    Attributes:
        message: What a time-stamp of it has to be about.
        chain: The signer's certificates, as they stand in it.

    Raises:
        SigningError: The claim is of version 1, which is not written any more.
        MalformedError, LimitError: As `parse_manifest_store`.
    """

    def __init__(self, store: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
        manifest = parse_manifest_store(store, limits).active
        if manifest.claim.version == 1:
            raise SigningError("claim signature: expected a claim of version 2, got version 1")
        self._store, self._limits = store, limits
        self._old = _signature_of(manifest)
        item = decode_cbor(self._old, where="claim signature", limits=limits)
        if not isinstance(item, cbor2.CBORTag) or item.tag != _TAG_SIGN1:
            raise MalformedError("claim signature: expected a tagged COSE_Sign1")
        parsed = parse_cose_sign1(self._old, limits)
        self.message = parsed.to_be_stamped()
        self.chain = parsed.chain
        self._protected, unprotected, self._payload, self._signature = item.value
        self._header = {key: value for key, value in unprotected.items() if key not in _PADS}

    def signature_with(self, *, token: bytes | None, ocsp: Sequence[bytes] = ()) -> bytes:
        """Which signature of the same length also carries these?

        Raises:
            SigningError: There is no room for it, or it is there already.
        """
        header = dict(self._header)
        if token is not None:
            if "sigTst2" in header or "sigTst" in header:
                raise SigningError("claim signature: it carries a time-stamp already")
            header["sigTst2"] = {"tstTokens": [{"val": token}]}
        if ocsp:
            if "rVals" in header:
                raise SigningError("claim signature: it carries the certificate's status already")
            header["rVals"] = {"ocspVals": list(ocsp)}
        return encode_sign1(
            self._protected, header, self._payload, self._signature, size=len(self._old)
        )

    def with_added(self, *, token: bytes | None, ocsp: Sequence[bytes] = ()) -> bytes:
        """Which store of the same length also carries this time-stamp and these answers?

        Args:
            token: DER of an RFC 3161 TimeStampToken over `message`.
            ocsp: DER of OCSP responses.

        Raises:
            SigningError: There is no room for it, or it is there already.
            MalformedError: The store does not end with the signature.
        """
        new = self.signature_with(token=token, ocsp=ocsp)
        # The same bytes can stand in the store twice: in an ingredient's manifest, or quoted.
        at = self._store.rfind(self._old)
        changed = self._store[:at] + new + self._store[at + len(self._old) :]
        if parse_manifest_store(changed, self._limits).active.signature != new:
            raise MalformedError("claim signature: it is not the last box of its store")
        return changed


def _signature_of(manifest: Manifest) -> bytes:
    if manifest.signature is None:
        raise MalformedError(f"manifest {manifest.label}: it is not signed")
    return manifest.signature


def encode_sign1(
    protected: bytes, header: Mapping[Any, Any], payload: object, signature: bytes, *, size: int
) -> bytes:
    """Which bytes, exactly so many, encode this COSE_Sign1 with padding in its header?

    Spec: C2PA 2.5, "Signing a claim" (`pad` and `pad2`, zeros in the unprotected header).

    Raises:
        SigningError: It is longer already, or by 1 to 4 bytes too short for padding.
    """

    def encode(pads: Mapping[str, bytes]) -> bytes:
        parts = [protected, {**header, **pads}, payload, signature]
        return cbor2.dumps(cbor2.CBORTag(_TAG_SIGN1, parts))

    room = size - len(encode({}))
    if room < 0:
        raise SigningError(
            f"claim signature: expected at most {size} bytes with what was added, "
            f"got {size - room}: {-room} too many"
        )
    if room == 0:
        return encode({})
    # A second one is needed where the length of the first would take a byte more or less
    # than is left.
    for second in (None, 0, 1):
        pads = {} if second is None else {"pad2": bytes(second)}
        left = size - len(encode({**pads, "pad": b""}))
        for extra in (0, 1, 2, 4):
            if left - extra < 0:
                break
            encoded = encode({**pads, "pad": bytes(left - extra)})
            if len(encoded) == size:
                return encoded
    raise SigningError(f"claim signature: {room} bytes are left, too few for padding")
