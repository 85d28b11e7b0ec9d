"""Which manifest of a store speaks for the asset?

An update manifest stands on top of the one it updates and has no binding to the
bytes of its own. If it comes from the same signer, or adds nothing but
time-stamps and certificate status, the manifest beneath is judged. If it comes
from anybody else, that party is judged, and what is beneath is only an ingredient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provenance.credentials.manifest_store import (
    Manifest,
    ManifestStore,
    base_label,
    ingredient_manifest,
)
from provenance.limits import Limits

__all__ = ["INGREDIENT_LABELS", "Judged", "adds_only_status", "parent_of", "select_judged"]

INGREDIENT_LABELS = ("c2pa.ingredient", "c2pa.ingredient.v2", "c2pa.ingredient.v3")
_STATUS_ONLY = {*INGREDIENT_LABELS, "c2pa.time-stamp", "c2pa.certificate-status"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The manifest that is judged, and the one that binds the bytes.

    Attributes:
        manifest: Whose signer is judged.
        binding: The manifest whose hard binding stands for the bytes; the same
            but for an update manifest.
        updates: Every update manifest above the binding one, top first.
        by_others: Whether an update manifest by somebody else is judged.
    """

    manifest: Manifest
    binding: Manifest
    updates: tuple[Manifest, ...] = ()
    by_others: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Of every manifest from the active one down to the binding one."""
        return tuple(manifest.label for manifest in (*self.updates, self.binding))


def parent_of(manifest: Manifest, store: ManifestStore, limits: Limits) -> Manifest | None:
    """Which manifest of the store does this one's parent ingredient carry, if it is there intact?

    The reference is a digest over the whole parent manifest, signed through the
    ingredient assertion: a parent whose bytes differ is no parent.
    """
    parents = [
        (assertion, fields)
        for assertion in manifest.of_type(*INGREDIENT_LABELS)
        if (fields := assertion.decode_map(limits)).get("relationship") == "parentOf"
    ]
    # An update has exactly one parent; of two, each reader may follow another.
    if len(parents) != 1:
        return None
    reference = ingredient_manifest(*parents[0])
    if reference is None or reference.manifest_label is None:
        return None
    parent = store.manifests.get(reference.manifest_label)
    if parent is None or not parent.has_digest(reference, manifest.claim.algorithm):
        return None
    return parent


def adds_only_status(manifest: Manifest) -> bool:
    """Does this update bring nothing but time-stamps and certificate status?"""
    labels = [base_label(label) for label in manifest.assertions]
    # One ingredient, the parent: any other would be a statement of the updater's own.
    return set(labels) <= _STATUS_ONLY and sum(x in INGREDIENT_LABELS for x in labels) == 1


def select_judged(
    store: ManifestStore, same_party: Callable[[Manifest, Manifest], bool], limits: Limits
) -> Judged | None:
    """Which manifest is judged, and which one binds the bytes?

    None where an update manifest has no parent that is there intact, so that
    nothing binds the bytes.

    Spec: C2PA 2.5, "Update manifests".

    Args:
        store: All manifests.
        same_party: Whether two manifests come from the same signer or agency.
        limits: Bounds for decoding.
    """
    chain = [store.active]
    while chain[-1].kind == "update":
        parent = parent_of(chain[-1], store, limits)
        if parent is None or parent in chain or len(chain) > limits.max_ingredient_depth:
            return None
        chain.append(parent)
    judged = chain[-1]
    # From the bottom up: each update leaves the judgement where it is, or takes it over.
    for update in reversed(chain[:-1]):
        if not adds_only_status(update) and not same_party(update, judged):
            judged = update
    return Judged(
        manifest=judged,
        binding=chain[-1],
        updates=tuple(chain[:-1]),
        by_others=judged.kind == "update",
    )
