"""Finding what is private in credentials that a file, or an ingredient of it, brings along.

They go on into what is signed, as those of an ingredient: a position that was taken out of
the picture itself would be published by them, and a thumbnail shows it as it was before.

Spec: C2PA 2.5, "Ingredient", "Metadata about assets", "Thumbnail", "Embedded data".
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from provenance.credentials.manifest_store import (
    HARD_BINDING_LABELS,
    Assertion,
    base_label,
    parse_manifest_store,
)
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import extract_manifest, parse_layout
from provenance.media.formats import MediaFormat
from provenance.media.privacy import Category, PrivateReading, find_private
from provenance.media.privacy.model import Finder
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.sniff import sniff_stream

__all__ = ["find_in_credentials"]

_THUMBNAIL = "c2pa.thumbnail."
_PREFIXES = "@context"


def find_in_credentials(
    stream: BinaryIO, media_format: MediaFormat, limits: Limits = DEFAULT_LIMITS
) -> PrivateReading:
    """Which private things do the credentials in this file say, of all its manifests?

    Nothing of it can be taken out: whoever signed it would not have signed that.

    Returns:
        Each field once, `credentials:exif:GPSLatitude`, `credentials:c2pa.thumbnail.claim`,
        and a sentence for what could not be read. Whatever is in the file, it raises nothing.
    """
    finder = Finder(limits, erase=False)
    try:
        layout = parse_layout(stream, stream.seek(0, io.SEEK_END), media_format, limits)
        data = extract_manifest(stream, layout, limits)
        if data:
            _look_into(data, finder)
    except (MalformedError, LimitError) as error:
        finder.unreadable(f"credentials: {error}")
    return finder.reading()


def _look_into(data: bytes, finder: Finder) -> None:
    store = parse_manifest_store(data, finder.limits)
    for label, why in store.unreadable.items():
        finder.unreadable(f"credentials: manifest {label}: {why}")
    for manifest in store.manifests.values():
        _look_at(dict(manifest.claim.fields), finder)
        for assertion in manifest.assertions.values():
            label = base_label(assertion.label)
            if label.startswith(_THUMBNAIL):
                name = ".".join(label.split(".")[:3])
                finder.found(
                    f"credentials:{name}", Category.PREVIEW, "a small picture", removable=False
                )
            elif label not in HARD_BINDING_LABELS:
                _look_at_assertion(label, assertion, finder)


def _look_at_assertion(label: str, assertion: Assertion, finder: Finder) -> None:
    kinds = {content.type for content in assertion.box.contents}
    if kinds & {b"cbor", b"json"}:
        try:
            _look_at(assertion.decode(finder.limits), finder)
        except (MalformedError, LimitError) as error:
            finder.unreadable(f"credentials: {error}")
    for content in assertion.box.contents:
        if content.type == b"bidb":
            _look_at_file(label, content.content, finder)


def _look_at_file(label: str, data: bytes, finder: Finder) -> None:
    """Search a file that is embedded as an assertion."""
    stream = io.BytesIO(data)
    media_format = sniff_stream(stream, len(data))
    if media_format is None or not finder.may_look_into(f"credentials:{label}", len(data)):
        return
    reading = find_private(stream, media_format, limits=finder.limits)
    for field in reading.fields:
        name = f"credentials:{label}:{field.name}"
        finder.found(name, field.category, field.preview, removable=False)
    for sentence in reading.unreadable:
        finder.unreadable(f"credentials:{label}: {sentence}")


def _look_at(said: Any, finder: Finder) -> None:
    """Which names and values in this are private, however deep?"""
    open_: list[tuple[str, Any]] = [("", said)]
    while open_:
        name, item = open_.pop()
        if isinstance(item, dict):
            for key, value in item.items():
                if isinstance(key, str) and key != _PREFIXES and not _is_found(key, value, finder):
                    open_.append((key, value))
        elif isinstance(item, list):
            open_ += [(name, value) for value in item]
        elif isinstance(item, str):
            category = category_of_value(item)
            if category is not None:
                finder.found(f"credentials:{name}", category, item, removable=False)


def _is_found(key: str, value: Any, finder: Finder) -> bool:
    # As XMP has it, whose names these assertions use; one that is empty says nothing.
    category = category_of(f"xmp:{key}")
    if category is None or value in (None, "", [], {}):
        return False
    finder.found(f"credentials:{key}", category, str(value)[:1000], removable=False)
    return True
