"""What a statement of identity refers to: is all of it there, exactly, and the hard binding too?

Spec: CAWG identity assertion 1.3, "Referenced assertions requirements".
"""

from __future__ import annotations

from collections import deque

from provenance.credentials.identity import IdentityAssertion
from provenance.credentials.manifest_store import (
    HARD_BINDING_LABELS,
    HashedUri,
    Manifest,
    ManifestStore,
    base_label,
    ingredient_manifest,
)
from provenance.limits import Limits
from provenance.untrusted import clean_text
from provenance.verification.selection import INGREDIENT_LABELS, Judged

__all__ = ["References"]

Place = tuple[str, str]
"""Label of a manifest, and the path of a box inside it."""


def _label(place: Place) -> str:
    return place[1].rpartition("/")[2]


class References:
    """The assertions that statements of identity of one manifest may refer to.

    Those are the assertions of the same claim, and of the claims of manifests that
    are among its ingredients, however deep, and are there intact.
    """

    def __init__(self, judged: Judged, store: ManifestStore, limits: Limits) -> None:
        self._own = judged.manifest
        self._binding = judged.binding
        self._store = store
        self._limits = limits
        self._traced: dict[str, Manifest] | None = None
        # Many statements may refer to one large assertion, and many ingredients to one large
        # manifest: each is hashed once.
        self._there: dict[Place, bool] = {}
        self._digests: dict[tuple[str, str], bytes | None] = {}
        self._listed: dict[str, dict[Place, HashedUri]] = {}

    def fault(self, identity: IdentityAssertion) -> str:
        """What is wrong with what the statement refers to? Empty where nothing is."""
        places = [self._place(reference) for reference in identity.references]
        if self._assertion_place(identity.label) in places:
            return "it refers to itself"
        if len(set(places)) != len(places):
            return "it refers to an assertion twice"
        for place, reference in zip(places, identity.references, strict=True):
            why = self._why_not_there(place, reference)
            if why:
                return f"{why}: {clean_text(reference.label)}"
        bindings = [place for place in places if base_label(_label(place)) in HARD_BINDING_LABELS]
        if not bindings:
            return "it does not refer to the hard binding"
        binding = self._binding
        if bindings != [self._assertion_place(a.label, binding) for a in binding.hard_bindings]:
            return "it refers to another hard binding than that of these bytes"
        return ""

    def covered(self, identity: IdentityAssertion) -> tuple[frozenset[str], tuple[str, ...]]:
        """Labels of what it covers in its own manifest, and all that it covers for a reader."""
        places = [self._place(reference) for reference in identity.references]
        own = frozenset(_label(place) for place in places if place[0] == self._own.label)
        return own, tuple(
            clean_text(_label(place) if place[0] == self._own.label else "/".join(place))
            for place in places
        )

    def _place(self, reference: HashedUri, manifest: Manifest | None = None) -> Place:
        """Which box does a reference in this manifest name? Absolute or relative, it is one."""
        label = reference.manifest_label
        path = reference.url.partition("jumbf=")[2]
        if label is None:
            return (manifest or self._own).label, path
        return label, path.removeprefix(f"/c2pa/{label}/")

    def _assertion_place(self, label: str, manifest: Manifest | None = None) -> Place:
        return (manifest or self._own).label, f"c2pa.assertions/{label}"

    def _why_not_there(self, place: Place, reference: HashedUri) -> str:
        label = place[0]
        manifest = self._own if label == self._own.label else self._ingredients().get(label)
        listed = None if manifest is None else self._listed_in(manifest).get(place)
        if manifest is None or listed is None:
            return "it refers to an assertion that is not in the claim"
        default = manifest.claim.algorithm
        said = reference.digest, reference.algorithm or default
        if said != (listed.digest, listed.algorithm or default):
            return "it refers to an assertion with another digest than the claim"
        if place not in self._there:
            assertion = manifest.assertions.get(reference.label)
            self._there[place] = assertion is not None and assertion.has_digest(listed, default)
        if not self._there[place]:
            return "it refers to an assertion that is not there as it was signed"
        return ""

    def _listed_in(self, manifest: Manifest) -> dict[Place, HashedUri]:
        if manifest.label not in self._listed:
            listed: dict[Place, HashedUri] = {}
            for reference in manifest.claim.references:
                listed.setdefault(self._place(reference, manifest), reference)
            self._listed[manifest.label] = listed
        return self._listed[manifest.label]

    def _ingredients(self) -> dict[str, Manifest]:
        """Manifests among the ingredients, by label; looked for only when one is referred to."""
        if self._traced is None:
            self._traced = {}
            queue = deque([self._own])
            while queue and len(self._traced) < self._limits.max_ingredients:
                referring = queue.popleft()
                algorithm = referring.claim.algorithm
                for assertion in referring.of_type(*INGREDIENT_LABELS):
                    fields = assertion.decode_map(self._limits)
                    reference = ingredient_manifest(assertion, fields)
                    label = reference.manifest_label if reference else None
                    if reference is None or label is None or label in self._traced:
                        continue
                    manifest = self._store.manifests.get(label)
                    if manifest is not None and self._is_meant(manifest, reference, algorithm):
                        self._traced[label] = manifest
                        queue.append(manifest)
        return self._traced

    def _is_meant(self, manifest: Manifest, reference: HashedUri, default: str) -> bool:
        algorithm = reference.algorithm or default
        known = manifest.label, algorithm
        if known not in self._digests:
            self._digests[known] = manifest.digest(algorithm)
        return self._digests[known] == reference.digest
