"""The manifest store, read twice: by the engine and by our own reading of the container."""

from __future__ import annotations

from typing import BinaryIO

from provenance.credentials.engine import EngineReading
from provenance.credentials.manifest_store import Manifest, ManifestStore, parse_manifest_store
from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers import extract_manifest
from provenance.media.containers.pieces import read_exactly
from provenance.media.formats import Container
from provenance.media.layout import Layout
from provenance.untrusted import clean_text
from provenance.verification.asset import AssetBytes
from provenance.verification.notes import Notes

__all__ = ["read_stores"]


def read_stores(
    asset: AssetBytes, reading: EngineReading, limits: Limits, notes: Notes, *, embedded: bool
) -> tuple[ManifestStore, bool | None]:
    """The manifest store, and whether the engine's reading of it is the same.

    An embedded store is taken from the file by our own reading of the container,
    and the engine's copy is held against it: manifest by manifest, since the
    engine writes a store anew, may order it otherwise and leaves out what no
    other manifest refers to.

    Raises:
        MalformedError, LimitError: The store cannot be parsed.
    """
    if not embedded:
        return parse_manifest_store(reading.store, limits), None
    check = "manifest store read twice"
    try:
        if asset.layout is None:
            raise MalformedError(asset.layout_error)  # noqa: TRY301 - one way out for all three
        own = extract_manifest(asset.stream, asset.layout, limits)
    except (MalformedError, LimitError) as error:
        notes.not_run(check, clean_text(error))
        return parse_manifest_store(reading.store, limits), None
    if not own:
        notes.not_run(check, "our own reading of the container finds no manifest store")
        return parse_manifest_store(reading.store, limits), None
    store = parse_manifest_store(own, limits)
    if asset.media_format.container is Container.BMFF and len(asset.layout.manifest_payload) > 1:
        store = _with_updates(asset.stream, asset.layout, limits)
    if store.data == reading.store:
        return store, True
    copy = parse_manifest_store(reading.store, limits)
    same = all(
        label in store.manifests and store.manifests[label].box.payload == manifest.box.payload
        for label, manifest in copy.manifests.items()
    )
    return store, same


def _with_updates(stream: BinaryIO, layout: Layout, limits: Limits) -> ManifestStore:
    """The stores of an ISO BMFF file, the original first, as the one store that they mean.

    An update of such a file leaves the box with the original store where it is,
    and puts the update's manifests into a store of their own in a box behind.

    Spec: C2PA 2.5, "Embedding manifests into BMFF-based assets".

    Raises:
        MalformedError, LimitError: One of them cannot be parsed, or two
            manifests share a label.
    """
    stores = [
        parse_manifest_store(read_exactly(stream, item.start, item.size_bytes), limits)
        for item in layout.manifest_payload
    ]
    manifests: dict[str, Manifest] = {}
    unreadable: dict[str, str] = {}
    for store in stores:
        labels = {*store.manifests, *store.unreadable}
        if labels & {*manifests, *unreadable}:
            raise MalformedError("manifest stores: more than one manifest under one label")
        manifests |= store.manifests
        unreadable |= store.unreadable
    return ManifestStore(b"".join(store.data for store in stores), manifests, unreadable)
