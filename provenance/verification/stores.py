"""The manifest store, read twice: by the engine and by our own reading of the container."""

from __future__ import annotations

from typing import BinaryIO

from provenance.credentials.engine import EngineReading
from provenance.credentials.manifest_store import Manifest, ManifestStore, parse_manifest_store
from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers import extract_manifest
from provenance.media.containers.pieces import read_exactly
from provenance.media.formats import Container
from provenance.media.layout import Layout
from provenance.verification.asset import AssetBytes
from provenance.verification.notes import Notes

__all__ = ["compare_stores", "own_store"]


def own_store(asset: AssetBytes, limits: Limits) -> ManifestStore | None:
    """Which manifest store does our own reading of the container find? None where none is.

    Raises:
        MalformedError, LimitError: It cannot be taken out or parsed.
    """
    if asset.layout is None or not asset.layout.manifest:
        return None
    data = extract_manifest(asset.stream, asset.layout, limits)
    if not data:
        return None
    if asset.media_format.container is Container.BMFF and len(asset.layout.manifest_payload) > 1:
        return _with_updates(asset.stream, asset.layout, limits)
    return parse_manifest_store(data, limits)


def compare_stores(
    own: ManifestStore | None, reading: EngineReading, limits: Limits, notes: Notes
) -> tuple[ManifestStore, bool | None]:
    """The embedded manifest store, and whether the engine's reading of it is the same.

    Ours comes from the file itself, and the engine's copy is held against it:
    manifest by manifest, since the engine writes a store anew, may order it
    otherwise and leaves out what no other manifest refers to.

    Raises:
        MalformedError, LimitError: The engine's copy cannot be parsed.
    """
    if own is None:
        why = "our own reading of the container finds no manifest store"
        notes.not_run("manifest store read twice", why)
        return parse_manifest_store(reading.store, limits), None
    if own.data == reading.store:
        return own, True
    copy = parse_manifest_store(reading.store, limits)
    same = all(
        label in own.manifests and own.manifests[label].box.payload == manifest.box.payload
        for label, manifest in copy.manifests.items()
    )
    return own, same


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
