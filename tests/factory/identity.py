"""Statements of identity (`cawg.identity`): right ones, and each thing that can be wrong with one.

`engine_signed` lets the engine make one as it likes. `add_identity` builds one by hand
into a store taken apart, so that every field can be wrong on its own; `with_identity`
signs a file that carries what an edit like that put in.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import cbor2
from c2pa import Builder, Context
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.engine_signing import ClaimSigner
from tests.factory.pki import Holder
from tests.factory.sign import OFFLINE, manifest
from tests.factory.stores import Store
from tests.factory.surgery import sign_unchecked
from tests.factory.tsa import make_token

__all__ = ["PUBLISHER", "Stamp", "add_identity", "engine_signed", "with_identity"]

PUBLISHER = ("cawg.publisher",)

_FILLER = "example.aurora.filler"
_ALGORITHMS = {"ES256": -7, "EdDSA": -8, "ES384": -35, "ES512": -36, "PS256": -37}


class _SettingsSigner(Context):  # type: ignore[misc]  # it ships no types
    """A context whose settings hold the keys; the binding asks for a signer object."""

    @property
    def has_signer(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A time-stamp of the signature: by whom, of when, under which header."""

    tsa: Holder
    gen_time: datetime
    header: str = "sigTst2"
    imprint: bytes | None = None


def engine_signed(
    asset: bytes,
    media_type: str,
    *,
    claim: Holder,
    identity: Holder,
    references: Sequence[str] = (),
    roles: Sequence[str] = PUBLISHER,
    assertions: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """The asset with a claim by one holder and a statement of identity by another (P-256).

    The engine adds the hard binding to the `references` by itself.
    """

    def local(holder: Holder) -> dict[str, Any]:
        return {
            "alg": "es256",
            "sign_cert": holder.chain_pem.decode(),
            "private_key": holder.key_pem.decode(),
        }

    settings = {
        "version": 1,
        "core": OFFLINE["core"],
        "verify": {**OFFLINE["verify"], "verify_after_sign": False},
        "builder": {
            "thumbnail": {"enabled": False},
            "created_assertion_labels": ["c2pa.actions"],
        },
        "signer": {"local": local(claim)},
        "cawg_x509_signer": {
            "local": {
                **local(identity),
                "referenced_assertions": list(references),
                "roles": list(roles),
            }
        },
    }
    out = io.BytesIO()
    with (
        _SettingsSigner.from_dict(settings) as context,
        Builder.from_json(json.dumps(manifest(assertions=assertions)), context) as builder,
    ):
        builder.sign(media_type, io.BytesIO(asset), out)
    return out.getvalue()


def with_identity(
    asset: bytes,
    media_type: str,
    *,
    signer: ClaimSigner,
    edit: Callable[[Store], object],
    assertions: Sequence[Mapping[str, Any]] = (),
    **options: Any,
) -> bytes:
    """The asset signed by `signer` after `edit` changed its store: it has room to grow."""

    def change(store: Store) -> None:
        store.remove_assertion(_FILLER)
        store.rehash()
        edit(store)

    filler = {"label": _FILLER, "data": {"pad": "x" * 16_000}}
    return sign_unchecked(
        asset,
        media_type,
        signer=signer,
        edit=change,
        assertions=[*assertions, filler],
        **options,
    )


def add_identity(
    store: Store,
    signer: ClaimSigner,
    *,
    references: Sequence[str] = ("c2pa.hash.data",),
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None = None,
    roles: Sequence[Any] | None = PUBLISHER,
    sig_type: str = "cawg.x509.cose",
    label: str = "cawg.identity",
    canonical: bool = False,
    stamp: Stamp | None = None,
    ocsp: Sequence[bytes] = (),
    pad1: bytes = bytes(32),
    pad2: bytes | None = None,
    spoil_signature: bool = False,
    chain_protected: bool = True,
    sign_other: bool = False,
    payload_fields: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> None:
    """Put a statement of identity into the active manifest; the claim is not signed again.

    Args:
        store: With hashes that fit its assertions.
        signer: Whose identity it states.
        references: Labels of assertions of the claim, in order.
        change: Changes the references before they are signed.
        roles: None leaves the field out.
        sig_type: What it says its signature is.
        label: Its own label.
        canonical: Write and sign the payload in the deterministic order of RFC 8949 §4.2.1
            instead of the order in which the engine writes it.
        stamp: A time-stamp of its own.
        ocsp: Answers of the issuer that travel with it.
        pad1: Should be zeros.
        pad2: Should be zeros, or not there.
        spoil_signature: Change one bit of it.
        chain_protected: Whether the certificates stand in the protected header.
        sign_other: Sign another payload than the one that is written.
        payload_fields: Added to the payload.
        fields: Added to the assertion.
    """
    claim = store.claim
    listed = [*claim.get("created_assertions", ()), *claim.get("gathered_assertions", ())]
    by_label = {entry["url"].rpartition("/")[2]: dict(entry) for entry in listed}
    entries = [by_label[name] for name in references]
    payload: dict[str, Any] = {
        "referenced_assertions": entries if change is None else change(entries),
        "sig_type": sig_type,
    }
    if roles is not None:
        payload["role"] = list(roles)
    payload |= dict(payload_fields or {})
    if canonical:
        payload = cbor2.loads(cbor2.dumps(payload, canonical=True))
    signed = cbor2.dumps({**payload, "sig_type": "other"} if sign_other else payload)
    store.add_assertion(
        label,
        {
            "signer_payload": payload,
            "signature": _cose(
                signer,
                signed,
                stamp,
                ocsp,
                spoil=spoil_signature,
                chain_protected=chain_protected,
            ),
            "pad1": pad1,
            **({} if pad2 is None else {"pad2": pad2}),
            **(fields or {}),
        },
        where="gathered_assertions",
    )


def _cose(
    signer: ClaimSigner,
    payload: bytes,
    stamp: Stamp | None,
    ocsp: Sequence[bytes],
    *,
    spoil: bool,
    chain_protected: bool,
) -> bytes:
    chain = [
        certificate.public_bytes(Encoding.DER)
        for certificate in x509.load_pem_x509_certificates(signer.certificate_chain_pem)
    ]
    header: dict[Any, Any] = {1: _ALGORITHMS[signer.algorithm]}
    unprotected: dict[Any, Any] = {}
    (header if chain_protected else unprotected)[33] = chain
    protected = cbor2.dumps(header)
    signature = signer.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    if spoil:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    if stamp is not None:
        message = cbor2.dumps(["CounterSignature", protected, b"", cbor2.dumps(signature)])
        token = make_token(
            stamp.imprint or hashlib.sha256(message).digest(),
            tsa=stamp.tsa,
            gen_time=stamp.gen_time,
        )
        unprotected[stamp.header] = {"tstTokens": [{"val": token}]}
    if ocsp:
        unprotected["rVals"] = {"ocspVals": list(ocsp)}
    return cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, None, signature]))
