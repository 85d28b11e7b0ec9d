"""The manifest store as our own model: manifests, claims, assertions, ingredients.

Read from the JUMBF bytes, independently of the engine. It says what is written,
not whether any of it holds.

Spec: C2PA 2.5, "Manifests", "Claims", "Assertions".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from provenance.credentials.cbor import decode_cbor
from provenance.credentials.jumbf import SuperBox, parse_jumbf
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "HARD_BINDING_LABELS",
    "Assertion",
    "Claim",
    "HashedUri",
    "Manifest",
    "ManifestStore",
    "base_label",
    "ingredient_manifest",
    "parse_manifest_store",
]

HARD_BINDING_LABELS = (
    "c2pa.hash.data",
    "c2pa.hash.bmff",
    "c2pa.hash.bmff.v2",
    "c2pa.hash.bmff.v3",
    "c2pa.hash.boxes",
    "c2pa.hash.collection.data",
    "c2pa.hash.multi-asset",
)
_STORE, _MANIFEST, _UPDATE = b"c2pa", b"c2ma", b"c2um"
_ASSERTIONS, _CLAIM, _SIGNATURE = b"c2as", b"c2cl", b"c2cs"
# A reference has an address and a digest. What a store of the largest size costs the
# engine is borne; that many times as much still is.
_SHORTEST_REFERENCE, _MOST_COPIES = 40, 4
_HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


def _no_constant(name: str) -> NoReturn:
    # Python reads NaN and Infinity, which no JSON document of ours could repeat.
    raise ValueError(f"{name} is no JSON number")


def base_label(label: str) -> str:
    """What type of assertion is this, without its instance number?

    `c2pa.ingredient.v3__2` is a `c2pa.ingredient.v3`.
    """
    return label.split("__", 1)[0]


@dataclass(frozen=True, slots=True)
class HashedUri:
    """A reference to a box of the store, with the digest it must have."""

    url: str
    digest: bytes
    algorithm: str | None

    @property
    def label(self) -> str:
        """The last part of the URL: the label of the box."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def manifest_label(self) -> str | None:
        """The manifest that the URL names, where it is absolute."""
        _, separator, path = self.url.partition("jumbf=/c2pa/")
        return path.split("/", 1)[0] if separator else None

    @classmethod
    def of(cls, value: object) -> HashedUri | None:
        """Read one from a decoded map, or None where the value is none."""
        if not isinstance(value, Mapping):
            return None
        url, digest, algorithm = value.get("url"), value.get("hash"), value.get("alg")
        if not isinstance(url, str) or not isinstance(digest, bytes):
            return None
        return cls(url, digest, algorithm if isinstance(algorithm, str) else None)


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion box.

    Attributes:
        label: With its instance number, as referenced.
        box: The superbox it is.
        created: Whether the claim lists it as created by the signing product
            itself (claims of version 1 make no difference: true).
        referenced: Whether the claim lists it at all.
    """

    label: str
    box: SuperBox
    created: bool
    referenced: bool

    def decode(self, limits: Limits = DEFAULT_LIMITS) -> Any:
        """What does the assertion say, as decoded CBOR or JSON?

        Raises:
            MalformedError: Neither, or not well-formed.
            LimitError: More CBOR values than the limit.
        """
        for content in self.box.contents:
            if content.type == b"cbor":
                return decode_cbor(content.content, where=self.label, limits=limits)
            if content.type == b"json":
                try:
                    return json.loads(content.content, parse_constant=_no_constant)
                except (ValueError, RecursionError) as error:
                    raise MalformedError(f"{self.label}: expected JSON: {error}") from error
        raise MalformedError(f"{self.label}: expected a cbor or json box, got none")

    def decode_map(self, limits: Limits = DEFAULT_LIMITS) -> dict[str, Any]:
        """The same, where anything but a map counts as saying nothing.

        So does one of more values than the limit.
        """
        try:
            value = self.decode(limits)
        except (MalformedError, LimitError):
            return {}
        if not isinstance(value, dict):
            return {}
        return {key: item for key, item in value.items() if isinstance(key, str)}

    def has_digest(self, expected: HashedUri, default_algorithm: str) -> bool:
        """Do the bytes of the box have the digest that the claim gives?

        An unknown algorithm is no match.
        """
        make = _HASHES.get(expected.algorithm or default_algorithm)
        return make is not None and make(self.box.payload).digest() == expected.digest


def ingredient_manifest(assertion: Assertion, fields: Mapping[str, Any]) -> HashedUri | None:
    """Which manifest does this ingredient assertion refer to?

    Version 3 calls it `activeManifest`, the ones before `c2pa_manifest`. An
    assertion with both refers to none: two readers would each follow another.

    Spec: C2PA 2.5, "Ingredient".
    """
    if "activeManifest" in fields and "c2pa_manifest" in fields:
        return None
    version_3 = base_label(assertion.label) == "c2pa.ingredient.v3"
    return HashedUri.of(fields.get("activeManifest" if version_3 else "c2pa_manifest"))


@dataclass(frozen=True, slots=True)
class Claim:
    """One decoded claim."""

    version: int
    data: bytes
    fields: Mapping[str, Any]
    created: tuple[HashedUri, ...]
    gathered: tuple[HashedUri, ...]

    @property
    def references(self) -> tuple[HashedUri, ...]:
        """Every assertion that the claim lists."""
        return self.created + self.gathered

    @property
    def algorithm(self) -> str:
        """The default hash algorithm, `sha256` where the claim names none."""
        value = self.fields.get("alg")
        return value if isinstance(value, str) else "sha256"

    @property
    def title(self) -> str | None:
        """What the claim calls the asset."""
        value = self.fields.get("dc:title")
        return value if isinstance(value, str) else None

    @property
    def generator(self) -> str | None:
        """The product that the claim says made it; untrusted text."""
        info = self.fields.get("claim_generator_info")
        if isinstance(info, list):
            info = info[0] if info else None
        if isinstance(info, Mapping) and isinstance(info.get("name"), str):
            version = info.get("version")
            return f"{info['name']} {version}" if isinstance(version, str) else str(info["name"])
        value = self.fields.get("claim_generator")
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest of the store."""

    label: str
    kind: Literal["standard", "update"]
    box: SuperBox
    claim: Claim
    signature: bytes | None
    assertions: Mapping[str, Assertion] = field(repr=False)

    def of_type(self, *labels: str) -> tuple[Assertion, ...]:
        """The referenced assertions of these types, in the claim's order."""
        return tuple(
            a for a in self.assertions.values() if a.referenced and base_label(a.label) in labels
        )

    @property
    def hard_bindings(self) -> tuple[Assertion, ...]:
        """The referenced hard-binding assertions; more than one is against the rules."""
        return self.of_type(*HARD_BINDING_LABELS)

    def digest(self, algorithm: str) -> bytes | None:
        """The digest by which others refer to it; None by an algorithm that is not known."""
        make = _HASHES.get(algorithm)
        return None if make is None else make(self.box.payload).digest()

    def has_digest(self, expected: HashedUri, default_algorithm: str) -> bool:
        """Are these the bytes of a manifest that another one refers to?

        Args:
            expected: The reference.
            default_algorithm: That of the claim that refers, not of the one referred to.
        """
        return self.digest(expected.algorithm or default_algorithm) == expected.digest

    def missing_assertions(self) -> tuple[str, ...]:
        """Which assertions does the claim list that are not there?"""
        return tuple(r.label for r in self.claim.references if r.label not in self.assertions)

    def changed_assertions(self) -> tuple[str, ...]:
        """Which assertions are there, but not the bytes the claim was signed over?"""
        return tuple(
            r.label
            for r in self.claim.references
            if r.label in self.assertions
            and not self.assertions[r.label].has_digest(r, self.claim.algorithm)
        )


@dataclass(frozen=True, slots=True)
class ManifestStore:
    """All manifests of an asset; the last one is the active one.

    Attributes:
        data: The store's own bytes, without anything that followed them.
        manifests: By label, in file order; the active one is the last.
        unreadable: Labels of other manifests that could not be read, with the reason.
    """

    data: bytes
    manifests: Mapping[str, Manifest]
    unreadable: Mapping[str, str]

    @property
    def active(self) -> Manifest:
        """The manifest that speaks for the asset."""
        return next(reversed(self.manifests.values()))  # type: ignore[call-overload,no-any-return]


def _references(value: object) -> tuple[HashedUri, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(r for r in map(HashedUri.of, value) if r is not None)


def _parse_claim(box: SuperBox, label: str, limits: Limits) -> Claim:
    content = next((c.content for c in box.contents if c.type == b"cbor"), None)
    if content is None:
        raise MalformedError(f"manifest {label}: its claim holds no CBOR")
    fields = decode_cbor(content, where=f"claim of {label}", limits=limits)
    if not isinstance(fields, dict):
        raise MalformedError(f"claim of {label}: expected a map, got {type(fields).__name__}")
    version = 2 if box.label.startswith("c2pa.claim.v2") else 1
    if version == 1:
        created = _references(fields.get("assertions"))
        gathered: tuple[HashedUri, ...] = ()
    else:
        created = _references(fields.get("created_assertions"))
        gathered = _references(fields.get("gathered_assertions"))
    return Claim(version, content, fields, created, gathered)


def _parse_manifest(box: SuperBox, limits: Limits) -> Manifest:
    if box.kind not in {_MANIFEST, _UPDATE}:
        raise MalformedError(
            f"manifest {box.label}: expected a standard or update manifest, got {box.kind!r}"
        )
    claims = [child for child in box.children if child.kind == _CLAIM]
    if len(claims) != 1:
        raise MalformedError(f"manifest {box.label}: expected one claim, got {len(claims)}")
    claim = _parse_claim(claims[0], box.label, limits)
    signatures = [child for child in box.children if child.kind == _SIGNATURE]
    if len(signatures) > 1:
        raise MalformedError(f"manifest {box.label}: expected one signature, got more")
    signature = next((c.content for s in signatures for c in s.contents if c.type == b"cbor"), None)
    boxes: dict[str, SuperBox] = {}
    for store in (child for child in box.children if child.kind == _ASSERTIONS):
        for assertion in store.children:
            # Two boxes under one label: each reader may take another one.
            if assertion.label in boxes:
                raise MalformedError(
                    f"manifest {box.label}: more than one assertion {assertion.label}"
                )
            boxes[assertion.label] = assertion
    created = {r.label for r in claim.created}
    listed = created | {r.label for r in claim.gathered}
    order = [r.label for r in claim.references if r.label in boxes]
    order += [label for label in boxes if label not in listed]
    assertions = {
        label: Assertion(label, boxes[label], label in created, label in listed)
        for label in dict.fromkeys(order)
    }
    kind: Literal["standard", "update"] = "update" if box.kind == _UPDATE else "standard"
    return Manifest(box.label, kind, box, claim, signature, assertions)


def _check_unread(box: SuperBox, limits: Limits) -> None:
    """Could this manifest, which nobody here can read, list more than any store may hold?

    The engine may read it all the same, and copies an assertion each time it is listed.

    Raises:
        LimitError: It could, by the size of its claim and of its largest assertion.
    """
    claims = sum(
        part.size_bytes
        for part in box.children
        if part.kind == _CLAIM or part.label.startswith("c2pa.claim")
    )
    largest = max((b.size_bytes for part in box.children for b in part.children), default=0)
    if claims // _SHORTEST_REFERENCE * largest > _MOST_COPIES * limits.max_manifest_store_bytes:
        raise LimitError(f"manifest {box.label}: it cannot be read, and may list too much")


def parse_manifest_store(data: bytes, limits: Limits = DEFAULT_LIMITS) -> ManifestStore:
    """What manifests does this manifest store hold?

    Args:
        data: JUMBF bytes; padding after the store's own end is left out.
        limits: Bounds on size, nesting and number of boxes.

    Raises:
        MalformedError: Not a C2PA manifest store, or its active manifest
            cannot be read, or two manifests share a label.
        LimitError: A limit is exceeded.
    """
    root, end = parse_jumbf(data, limits)
    if root.kind != _STORE:
        raise MalformedError(f"manifest store: expected content type c2pa, got {root.kind!r}")
    labels = [box.label for box in root.children]
    if len(set(labels)) != len(labels):
        # Two manifests under one label: each reader may take another one.
        raise MalformedError("manifest store: more than one manifest under one label")
    if not labels:
        raise MalformedError("manifest store: it holds no manifest")
    manifests: dict[str, Manifest] = {}
    unreadable: dict[str, str] = {}
    for box in root.children[:-1]:
        # What an ingredient's manifest is worth never decides about the active one.
        try:
            manifests[box.label] = _parse_manifest(box, limits)
        except MalformedError as error:
            _check_unread(box, limits)
            unreadable[box.label] = str(error)
    active = root.children[-1]
    manifests[active.label] = _parse_manifest(active, limits)
    return ManifestStore(data[:end], manifests, unreadable)
