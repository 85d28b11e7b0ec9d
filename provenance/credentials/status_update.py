"""Update manifests that bring time-stamps and certificate status for a manifest beneath.

Both are byte strings, and the engine takes its assertions as JSON, which has none. So the
engine writes texts of the same length, whose encoding differs in one bit; then the bytes
are put in their place, and the claim, which lists their digest, is signed. Nothing moves.

Spec: C2PA 2.5, "Time-stamp assertion", "Certificate status assertion", "Update manifests".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from provenance.credentials.claim_stamps import encode_sign1
from provenance.credentials.cose import parse_cose_sign1
from provenance.credentials.engine_signing import ClaimSigner, Intent, sign_stream
from provenance.credentials.manifest_store import Manifest, parse_manifest_store
from provenance.errors import MalformedError, SigningError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = ["CERTIFICATE_STATUS", "TIME_STAMP", "StatusUpdate"]

TIME_STAMP = "c2pa.time-stamp"
CERTIFICATE_STATUS = "c2pa.certificate-status"
_PADS = ("pad", "pad2")
_SIGNATURE_BYTES = {"ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64}


class StatusUpdate:
    """What an update brings, and who signs it.

    Args:
        signer: Signs the claim of the update.
        time_stamps: RFC 3161 tokens (DER), by the label of the manifest they stamp.
        ocsp: OCSP responses (DER).
        limits: Bounds on the store.

    Raises:
        SigningError: One of them is too short to be one.
    """

    def __init__(
        self,
        *,
        signer: ClaimSigner,
        time_stamps: Mapping[str, bytes],
        ocsp: Sequence[bytes] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._signer = signer
        self._limits = limits
        self._labels = tuple(time_stamps)
        self._real = (*time_stamps.values(), *ocsp)
        self._stand_ins = [_stand_in(number, len(data)) for number, data in enumerate(self._real)]

    def write(
        self,
        source: BinaryIO,
        destination: BinaryIO,
        *,
        media_type: str,
        manifest: Mapping[str, Any],
    ) -> None:
        """Write the asset with an update that has the right length, and is not signed.

        Args:
            source: The signed asset, readable and seekable.
            destination: Where it goes, opened `w+b`, empty.
            media_type: Media type of the asset's container.
            manifest: Title and generator of the update, as the engine documents it.

        Raises:
            SigningError: The engine cannot do it.
        """
        count = len(self._labels)
        stamps = dict(zip(self._labels, self._stand_ins[:count], strict=True))
        assertions: list[dict[str, Any]] = [{"label": TIME_STAMP, "data": stamps, "created": True}]
        if self._stand_ins[count:]:
            status = {"ocspVals": self._stand_ins[count:]}
            assertions.append({"label": CERTIFICATE_STATUS, "data": status, "created": True})
        sign_stream(
            source,
            destination,
            media_type=media_type,
            manifest={**manifest, "assertions": assertions},
            signer=_Unsigned(self._signer),
            intent=Intent.UPDATE,
        )

    def complete(self, store: bytes) -> bytes:
        """Which store of the same length has the bytes in their place, and is signed?

        Args:
            store: The one that was written, or the part of it that holds the update.

        Raises:
            SigningError: The engine wrote something else than expected.
            MalformedError, LimitError: As `parse_manifest_store`.
            Exception: Whatever the signer's `sign` raises.
        """
        active = parse_manifest_store(store, self._limits).active
        claim = active.claim.data
        for assertion in active.of_type(TIME_STAMP, CERTIFICATE_STATUS):
            old = new = assertion.box.payload
            for text, data in zip(self._stand_ins, self._real, strict=True):
                new = new.replace(cbor2.dumps(text), cbor2.dumps(data))
            store = _replace_last(store, old, new)
            claim = _replace_last(claim, hashlib.sha256(old).digest(), hashlib.sha256(new).digest())
        store = _replace_last(store, active.claim.data, claim)
        return _sign_claim(store, active, claim, self._signer, self._limits)


def _sign_claim(
    store: bytes, manifest: Manifest, claim: bytes, signer: ClaimSigner, limits: Limits
) -> bytes:
    if manifest.signature is None:
        raise MalformedError(f"manifest {manifest.label}: it is not signed")
    parsed = parse_cose_sign1(manifest.signature, limits)
    protected, header, payload, _ = cbor2.loads(manifest.signature).value
    signed = encode_sign1(
        protected,
        {key: value for key, value in header.items() if key not in _PADS},
        payload,
        signer.sign(parsed.to_be_signed(claim)),
        size=len(manifest.signature),
    )
    return _replace_last(store, manifest.signature, signed)


def _stand_in(number: int, length: int) -> str:
    """A text of so many bytes that no other box holds."""
    if length < 64:
        raise SigningError(f"expected a token or response of at least 64 bytes, got {length}")
    return f"stand-in {number:03} ".ljust(length, "~")


def _replace_last(data: bytes, old: bytes, new: bytes) -> bytes:
    """The update is the last manifest; those beneath it are quoted and must stay as they are."""
    at = data.rfind(old)
    if at < 0 or len(old) != len(new):
        raise SigningError("update manifest: the engine wrote it in another form than expected")
    return data[:at] + new + data[at + len(old) :]


class _Unsigned:
    """Stands in for a signer whose key must not sign what is not yet what it will be."""

    def __init__(self, signer: ClaimSigner) -> None:
        self.algorithm = signer.algorithm
        self.certificate_chain_pem = signer.certificate_chain_pem

    def sign(self, data: bytes) -> bytes:
        """Zeros, as long as a signature."""
        del data
        length = _SIGNATURE_BYTES.get(self.algorithm)
        if length is None:
            key = x509.load_pem_x509_certificates(self.certificate_chain_pem)[0].public_key()
            if not isinstance(key, rsa.RSAPublicKey):
                raise SigningError(f"{self.algorithm}: the certificate is not of an RSA key")
            length = (key.key_size + 7) // 8
        return bytes(length)
