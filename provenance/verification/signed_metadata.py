"""What the metadata assertions of a manifest say, flattened to names and text.

Spec: C2PA 2.4 "Metadata" (`c2pa.metadata`, JSON-LD); CAWG Metadata 1.1
(`cawg.metadata`); C2PA 1.4 `stds.exif`, `stds.iptc`, `stds.schema-org.CreativeWork`;
JSON-LD 1.1 §4.1 (context), §4.2.4 (language).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from provenance.credentials.manifest_store import Manifest, base_label
from provenance.limits import Limits
from provenance.media.metadata.model import MAX_VALUE_CHARS
from provenance.media.metadata.namespaces import PREFIXES, property_name
from provenance.media.metadata.positions import POSITION_NAME, coordinate, position_text
from provenance.untrusted import clean_text

__all__ = ["METADATA_LABELS", "Statement", "metadata_statements"]

METADATA_LABELS = (
    "c2pa.metadata",
    "cawg.metadata",
    "stds.exif",
    "stds.iptc",
    "stds.schema-org.CreativeWork",
)
"""Labels of assertions that describe the asset, without instance numbers."""

_CREATIVE_WORK = "stds.schema-org.CreativeWork"
_MAX_ITEMS = 200
_MAX_NAME_CHARS = 160
_LATITUDE, _LONGITUDE = "exif:GPSLatitude", "exif:GPSLongitude"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that an assertion says.

    Attributes:
        name: Property name with the namespace's usual prefix, `dc:creator`.
        value: As text; items of a list are joined with `; `.
        assertion: Label of the assertion.
        created: Whether the signing product vouches for it itself.
    """

    name: str
    value: str
    assertion: str
    created: bool


def metadata_statements(manifest: Manifest, limits: Limits) -> tuple[Statement, ...]:
    """What do the metadata assertions of this manifest say? At most `max_metadata_fields`."""
    return tuple(islice(_statements(manifest, limits), limits.max_metadata_fields))


def _statements(manifest: Manifest, limits: Limits) -> Iterator[Statement]:
    for assertion in manifest.of_type(*METADATA_LABELS):
        body = assertion.decode_map(limits)
        # After the type, a label may go on with anything.
        label = clean_text(assertion.label)
        default = "schema" if base_label(assertion.label) == _CREATIVE_WORK else ""
        prefixes = _prefixes(body.get("@context"))
        found: dict[str, str] = {}
        for key, value in islice(body.items(), limits.max_metadata_fields):
            if key.startswith("@"):
                continue
            for name, text in _values(_name(key, prefixes, default), value, prefixes, default):
                found.setdefault(name[:_MAX_NAME_CHARS], text[:MAX_VALUE_CHARS])
        _join_position(found)
        for name, text in found.items():
            if text.strip():
                yield Statement(name=name, value=text, assertion=label, created=assertion.created)


def _prefixes(context: object) -> dict[str, str]:
    """Which namespaces does this JSON-LD context bind to prefixes?"""
    found: dict[str, str] = {}
    for part in context[:_MAX_ITEMS] if isinstance(context, list) else [context]:
        if isinstance(part, Mapping):
            found |= {
                prefix: uri
                for prefix, uri in islice(part.items(), _MAX_ITEMS)
                if isinstance(prefix, str) and isinstance(uri, str)
            }
    return found


def _name(key: str, prefixes: Mapping[str, str], default: str) -> str:
    prefix, colon, local = key[:1000].partition(":")
    if not colon:
        return f"{default}:{key}" if default else key
    if local.startswith("//"):
        # A whole IRI: what stands after the last slash or hash is the local name.
        cut = max(key.rfind("/"), key.rfind("#")) + 1
        return property_name(key[:cut], key[cut:])
    uri = prefixes.get(prefix)
    if uri is None or uri == prefix:
        return key
    return property_name(uri, local) if uri in PREFIXES else key


def _values(
    name: str, value: object, prefixes: Mapping[str, str], default: str
) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        yield name, "; ".join(t for item in value[:_MAX_ITEMS] if (t := _text(item)))
    elif not isinstance(value, Mapping):
        yield name, _text(value)
    elif "@value" in value:
        language = value.get("@language")
        yield (f"{name}[{language.lower()}]" if isinstance(language, str) else name), _text(value)
    elif any(key in value for key in ("@list", "@set")):
        yield from _values(name, value.get("@list", value.get("@set")), {}, "")
    elif _is_language_map(value):
        for language, text in islice(value.items(), _MAX_ITEMS):
            yield (name if language == "x-default" else f"{name}[{language.lower()}]"), _text(text)
    else:
        yield name, _text(value)
        for key, inner in islice(value.items(), _MAX_ITEMS):
            if isinstance(key, str) and not key.startswith("@"):
                items = inner if isinstance(inner, list) else [inner]
                text = "; ".join(t for item in items[:_MAX_ITEMS] if (t := _text(item)))
                yield f"{name}/{_name(key, prefixes, default)}", text


def _is_language_map(value: Mapping[object, object]) -> bool:
    return bool(value) and all(
        isinstance(key, str)
        and isinstance(text, str)
        and (key == "x-default" or (key.replace("-", "").isalnum() and len(key.split("-")[0]) < 4))
        for key, text in islice(value.items(), _MAX_ITEMS)
    )


def _text(value: object) -> str:
    """The text of a plain value, or the name of a person or thing."""
    if isinstance(value, Mapping):
        for key in ("@value", "name", "schema:name", "@id"):
            if isinstance(value.get(key), (str, int, float)):
                return str(value[key])
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        # Python refuses to write out numbers of thousands of digits.
        return str(value) if value.bit_length() < 256 else ""
    return value if isinstance(value, str) else f"{value:.15g}" if isinstance(value, float) else ""


def _join_position(found: dict[str, str]) -> None:
    if _LATITUDE not in found or _LONGITUDE not in found:
        return
    degrees = coordinate(found[_LATITUDE]), coordinate(found[_LONGITUDE])
    # Some writers keep the hemisphere in a property of its own, as EXIF does.
    signed = []
    for value, reference, negative in zip(
        degrees, (f"{_LATITUDE}Ref", f"{_LONGITUDE}Ref"), "SW", strict=True
    ):
        if value is None:
            return
        is_negative = found.get(reference, "").strip().upper() == negative
        signed.append(-abs(value) if is_negative else value)
    position = position_text(*signed)
    if position is not None:
        del found[_LATITUDE], found[_LONGITUDE]
        found[POSITION_NAME] = position
