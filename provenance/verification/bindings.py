"""Hard bindings: how an assertion ties a manifest to the bytes of its asset.

Spec: C2PA 2.5, "Hard bindings" (data hash, general boxes hash, BMFF-based
hash, collection data hash).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from provenance.credentials.manifest_store import Assertion, base_label
from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.bmff_exclusions import BmffExclusion, DataMatch, SubsetRange
from provenance.media.hashing import (
    ALGORITHMS,
    UnsupportedBindingError,
    hash_bmff,
    hash_ranges,
)
from provenance.media.layout import Layout
from provenance.media.ranges import ByteRange, subtract

__all__ = [
    "BmffHash",
    "BoxesHash",
    "CollectionHash",
    "DataHash",
    "HardBinding",
    "parse_hard_binding",
    "recompute",
    "unknown_algorithm",
]


@dataclass(frozen=True, slots=True)
class DataHash:
    """One digest over the file, but for listed ranges."""

    label: str
    algorithm: str | None
    digest: bytes
    exclusions: tuple[ByteRange, ...]


@dataclass(frozen=True, slots=True)
class BoxesHash:
    """Digests over the container's own parts, by name.

    Attributes:
        excluded: Names of parts that are listed and left out of the hash.
    """

    label: str
    names: tuple[str, ...]
    excluded: tuple[str, ...]
    algorithms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BmffHash:
    """One digest, or a tree of digests, over an ISO BMFF file, but for listed boxes."""

    label: str
    version: int
    algorithm: str | None
    digest: bytes | None
    has_merkle: bool
    exclusions: tuple[BmffExclusion, ...]


@dataclass(frozen=True, slots=True)
class CollectionHash:
    """Digests over the files of an archive, by URI."""

    label: str
    uris: tuple[str, ...]
    has_directory: bool
    algorithms: frozenset[str] = frozenset()


HardBinding = DataHash | BoxesHash | BmffHash | CollectionHash

_BMFF_VERSIONS = {"c2pa.hash.bmff": 1, "c2pa.hash.bmff.v2": 2, "c2pa.hash.bmff.v3": 3}


def _texts(value: object) -> list[str]:
    return [n for n in value if isinstance(n, str)] if isinstance(value, (list, tuple)) else []


def _number(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise MalformedError(f"{where}: expected a number of bytes, got {value!r:.40}")
    return value


def _maps(value: object, where: str, limits: Limits) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, (list, tuple)) or len(value) > limits.max_segments:
        raise MalformedError(f"{where}: expected a list of maps")
    if not all(isinstance(item, Mapping) for item in value):
        raise MalformedError(f"{where}: expected a list of maps")
    return list(value)


def _bytes(value: object, where: str) -> bytes:
    # Some products write the numbers one by one.
    if isinstance(value, (list, tuple)) and all(type(n) is int and 0 <= n < 256 for n in value):
        return bytes(value)
    if value is not None and not isinstance(value, bytes):
        raise MalformedError(f"{where}: expected bytes, got {type(value).__name__}")
    return value or b""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _algorithms(*maps: Mapping[str, Any]) -> frozenset[str]:
    """The hash algorithms that these maps name."""
    return frozenset(alg for fields in maps if isinstance(alg := fields.get("alg"), str))


def _data_hash(label: str, fields: Mapping[str, Any], limits: Limits) -> DataHash:
    digest = fields.get("hash")
    if not isinstance(digest, bytes):
        raise MalformedError(f"{label}: expected a hash")
    exclusions = []
    for entry in _maps(fields.get("exclusions"), f"{label}, exclusions", limits):
        start = _number(entry.get("start"), f"{label}, exclusion start")
        length = _number(entry.get("length"), f"{label}, exclusion length")
        exclusions.append(ByteRange(start, start + length))
    return DataHash(label, _text(fields.get("alg")), digest, tuple(exclusions))


def _boxes_hash(label: str, fields: Mapping[str, Any], limits: Limits) -> BoxesHash:
    names: list[str] = []
    excluded: list[str] = []
    for entry in _maps(fields.get("boxes"), f"{label}, boxes", limits):
        listed = _texts(entry.get("names"))
        names += listed
        if entry.get("excluded"):
            excluded += listed
    if not names:
        raise MalformedError(f"{label}: expected at least one box, got none")
    entries = _maps(fields.get("boxes"), f"{label}, boxes", limits)
    return BoxesHash(label, tuple(names), tuple(excluded), _algorithms(fields, *entries))


def _bmff_exclusion(label: str, entry: Mapping[str, Any], limits: Limits) -> BmffExclusion:
    where = f"{label}, exclusion"
    xpath, length, exact = entry.get("xpath"), entry.get("length"), entry.get("exact")
    version, flags = entry.get("version"), entry.get("flags")
    if not isinstance(xpath, str):
        raise MalformedError(f"{where}: expected an xpath")
    data = subset = None
    if entry.get("data") is not None:
        data = tuple(
            DataMatch(_number(item.get("offset"), where), _bytes(item.get("value"), where))
            for item in _maps(entry["data"], where, limits)
        )
    if entry.get("subset") is not None:
        subset = tuple(
            SubsetRange(_number(item.get("offset"), where), _number(item.get("length"), where))
            for item in _maps(entry["subset"], where, limits)
        )
    return BmffExclusion(
        xpath=xpath,
        length=None if length is None else _number(length, where),
        data=data,
        subset=subset,
        version=None if version is None else _number(version, where),
        flags=flags if isinstance(flags, bytes) else None,
        exact=exact if isinstance(exact, bool) else None,
    )


def _bmff_hash(label: str, fields: Mapping[str, Any], limits: Limits) -> BmffHash:
    digest = fields.get("hash")
    return BmffHash(
        label=label,
        version=_BMFF_VERSIONS[base_label(label)],
        algorithm=_text(fields.get("alg")),
        digest=digest if isinstance(digest, bytes) and digest else None,
        has_merkle=bool(fields.get("merkle")),
        exclusions=tuple(
            _bmff_exclusion(label, entry, limits)
            for entry in _maps(fields.get("exclusions"), f"{label}, exclusions", limits)
        ),
    )


def _collection_hash(label: str, fields: Mapping[str, Any], limits: Limits) -> CollectionHash:
    listed = fields.get("uris")
    if isinstance(listed, Mapping):
        # The C2PA engine writes a map from name to digest, the specification a list.
        entries: list[Mapping[str, Any]] = [{"uri": uri} for uri in listed]
    else:
        entries = _maps(listed, f"{label}, uris", limits)
    uris = tuple(u for u in (_text(entry.get("uri")) for entry in entries) if u is not None)
    if not uris:
        raise MalformedError(f"{label}: expected at least one file, got none")
    directory = bool(fields.get("zip_central_directory_hash"))
    return CollectionHash(label, uris, directory, _algorithms(fields))


def parse_hard_binding(assertion: Assertion, limits: Limits) -> HardBinding:
    """How does this assertion tie its manifest to the bytes?

    Raises:
        MalformedError: It is not well-formed, or of a kind that is not read here.
    """
    fields = assertion.decode(limits)
    if not isinstance(fields, Mapping):
        raise MalformedError(f"{assertion.label}: expected a map")
    match base_label(assertion.label):
        case "c2pa.hash.data":
            return _data_hash(assertion.label, fields, limits)
        case "c2pa.hash.boxes":
            return _boxes_hash(assertion.label, fields, limits)
        case "c2pa.hash.collection.data":
            return _collection_hash(assertion.label, fields, limits)
        case label if label in _BMFF_VERSIONS:
            return _bmff_hash(assertion.label, fields, limits)
        case label:
            raise MalformedError(f"{label}: a hard binding of a kind that is not read here")


def unknown_algorithm(binding: HardBinding, default_algorithm: str) -> str | None:
    """Which hash algorithm of this binding can nobody here compute? None where all can be."""
    if isinstance(binding, (DataHash, BmffHash)):
        named = {binding.algorithm or default_algorithm}
    else:
        named = set(binding.algorithms or {default_algorithm})
    return min(named - ALGORITHMS, default=None)


def recompute(
    binding: HardBinding, stream: BinaryIO, layout: Layout, default_algorithm: str
) -> bool | None:
    """Do the file's bytes have the digest of this binding, by our own count?

    Asked where the engine reports a mismatch: altered is an accusation, and two
    have to agree on it. None where this kind is not recomputed.

    Raises:
        MalformedError, LimitError: The binding or the file cannot be followed.
    """
    try:
        if isinstance(binding, DataHash):
            kept = subtract([ByteRange(0, layout.size_bytes)], binding.exclusions)
            digest = hash_ranges(stream, kept, binding.algorithm or default_algorithm)
            return digest == binding.digest
        if isinstance(binding, BmffHash) and binding.digest is not None:
            digest = hash_bmff(
                stream,
                layout,
                binding.exclusions,
                binding.algorithm or default_algorithm,
                version=binding.version,
                has_merkle=binding.has_merkle,
            )
            return digest == binding.digest
    except UnsupportedBindingError:
        return None
    return None
