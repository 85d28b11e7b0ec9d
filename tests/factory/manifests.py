"""Manifests of signed samples, parsed, for what judges them without the bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from provenance.credentials.engine_signing import ClaimSigner
from provenance.credentials.manifest_store import Manifest, parse_manifest_store
from tests.factory import media
from tests.factory.metadata import NAMESPACES
from tests.factory.sign import CREATED, sign, store_of
from tests.factory.stores import Store, parse_store

__all__ = ["SOURCE_TYPES", "described_manifest", "json_ld", "source_type"]

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def source_type(term: str) -> str:
    """The address of a digital source type."""
    return SOURCE_TYPES + term


def json_ld(label: str = "cawg.metadata", /, **properties: Any) -> dict[str, Any]:
    """A metadata assertion; `dc__creator` is the property `dc:creator`."""
    data = {"@context": dict(NAMESPACES)} | {
        key.replace("__", ":"): value for key, value in properties.items()
    }
    return {"label": label, "data": data}


def described_manifest(
    signer: ClaimSigner,
    *,
    actions: Sequence[Mapping[str, Any]] = (CREATED,),
    created: bool = True,
    assertions: Sequence[Mapping[str, Any]] = (),
    edit: Callable[[Store], object] | None = None,
) -> Manifest:
    """The active manifest of a signed JPEG that says these things.

    `edit` changes the store afterwards, which leaves its hashes and signature as they were.
    """
    listed = {
        "label": "c2pa.actions.v2",
        "data": {"actions": [dict(action) for action in actions], "allActionsIncluded": True},
        "created": created,
    }
    data = sign(
        media.jpeg(1, size=(64, 48)),
        "image/jpeg",
        signer=signer,
        actions=(),
        assertions=[listed, *assertions],
    )
    raw = store_of(data, "image/jpeg")
    if edit is not None:
        store = parse_store(raw)
        edit(store)
        raw = store.to_bytes()
    return parse_manifest_store(raw).active
