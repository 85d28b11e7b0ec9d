"""Signed samples in one call."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from c2pa import Builder, C2paSigningAlg, Context, Reader, Signer

from provenance.credentials.engine_signing import (
    ClaimSigner,
    IngredientSource,
    Intent,
    sign_stream,
)
from provenance.signing.memory_signer import MemorySigner

__all__ = [
    "CREATED",
    "DIGITAL_CAPTURE",
    "OFFLINE",
    "ingredient",
    "manifest",
    "sidecar",
    "sign",
    "stamped_by_engine",
    "store_of",
]

DIGITAL_CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"

CREATED: Mapping[str, Any] = {"action": "c2pa.created", "digitalSourceType": DIGITAL_CAPTURE}

OFFLINE: Mapping[str, Any] = {
    "core": {"allowed_network_hosts": [], "allow_redirects": False},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}


def manifest(
    *,
    title: str = "stage lights",
    actions: Sequence[Mapping[str, Any]] = (CREATED,),
    assertions: Sequence[Mapping[str, Any]] = (),
    **fields: Any,
) -> dict[str, Any]:
    """A manifest definition; `fields` are added to it or replace what is in it."""
    definition: dict[str, Any] = {
        "claim_generator_info": [
            {"name": "Aurora TEST Press Room", "version": "1.0", "specVersion": "2.4.0"}
        ],
        "title": title,
        "assertions": [dict(entry) for entry in assertions],
    }
    if actions:
        definition["assertions"].insert(
            0,
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [dict(action) for action in actions],
                    "allActionsIncluded": True,
                },
            },
        )
    return {**definition, **fields}


def ingredient(
    asset: bytes,
    media_type: str,
    *,
    relationship: str = "componentOf",
    title: str = "source",
    **fields: Any,
) -> IngredientSource:
    """An asset as an ingredient of another.

    A `label` among the fields is what an action's `ingredientIds` refer to.
    """
    return IngredientSource(
        stream=io.BytesIO(asset),
        media_type=media_type,
        definition={"title": title, "relationship": relationship, **fields},
    )


def sign(
    asset: bytes,
    media_type: str,
    *,
    signer: ClaimSigner,
    actions: Sequence[Mapping[str, Any]] | None = None,
    assertions: Sequence[Mapping[str, Any]] = (),
    ingredients: Sequence[IngredientSource] = (),
    intent: Intent | None = None,
    digital_source_type: str | None = None,
    remote_url: str | None = None,
    **fields: Any,
) -> bytes:
    """The asset with a manifest in it.

    Without `actions` it is `c2pa.created` where there is no intent; an intent makes the
    engine write the mandatory action itself. `fields` go into the manifest definition.
    """
    out = io.BytesIO()
    sign_stream(
        io.BytesIO(asset),
        out,
        media_type=media_type,
        manifest=_definition(actions, assertions, intent, fields),
        signer=signer,
        ingredients=ingredients,
        intent=intent,
        digital_source_type=digital_source_type,
        remote_url=remote_url,
    )
    return out.getvalue()


def stamped_by_engine(
    asset: bytes, media_type: str, *, signer: MemorySigner, tsa_url: str, claim_version: int = 2
) -> bytes:
    """The asset signed by the engine alone, which asks the authority for a time-stamp itself.

    Raises:
        C2paError: The authority's answer does not suit the engine.
    """
    out = io.BytesIO()
    definition = manifest(actions=(CREATED,), claim_version=claim_version)
    with (
        Context.from_dict(dict(OFFLINE)) as context,
        Builder.from_json(json.dumps(definition), context) as builder,
        Signer.from_callback(
            signer.sign,
            getattr(C2paSigningAlg, signer.algorithm.upper()),
            signer.certificate_chain_pem.decode(),
            tsa_url,
        ) as engine_signer,
    ):
        builder.sign(engine_signer, media_type, io.BytesIO(asset), out)
    return out.getvalue()


def sidecar(
    asset: bytes,
    media_type: str,
    *,
    signer: ClaimSigner,
    actions: Sequence[Mapping[str, Any]] | None = None,
    assertions: Sequence[Mapping[str, Any]] = (),
    ingredients: Sequence[IngredientSource] = (),
    intent: Intent | None = None,
    **fields: Any,
) -> bytes:
    """A manifest store for the asset, which itself stays as it is."""
    return sign_stream(
        io.BytesIO(asset),
        io.BytesIO(),
        media_type=media_type,
        manifest=_definition(actions, assertions, intent, fields),
        signer=signer,
        ingredients=ingredients,
        sidecar=True,
        intent=intent,
    )


def store_of(asset: bytes, media_type: str) -> bytes:
    """The manifest store in a signed asset, whatever its container."""
    out = io.BytesIO()
    with (
        Context.from_dict(dict(OFFLINE)) as context,
        Reader(media_type, io.BytesIO(asset), context=context) as reader,
    ):
        active = reader.get_active_manifest()
        assert active is not None
        # The engine answers a request for the signature with the whole store.
        reader.resource_to_stream(f"self#jumbf=/c2pa/{active['label']}/c2pa.signature", out)
    return out.getvalue()


def _definition(
    actions: Sequence[Mapping[str, Any]] | None,
    assertions: Sequence[Mapping[str, Any]],
    intent: Intent | None,
    fields: Mapping[str, Any],
) -> dict[str, Any]:
    if actions is None:
        actions = (CREATED,) if intent is None else ()
    return manifest(actions=actions, assertions=assertions, **fields)
