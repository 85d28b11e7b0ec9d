"""Finding what is private in credentials that a file, or an ingredient of it, brings along.

They go on into what is signed, as those of an ingredient: a position that was taken out of
the picture itself would be published by them, and a thumbnail shows it as it was before.

Spec: C2PA 2.5, "Ingredient", "Metadata about assets", "Thumbnail", "Embedded data".
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from provenance.credentials.cbor import decode_cbor
from provenance.credentials.jumbf import SuperBox
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
from provenance.media.metadata.model import decode_text
from provenance.media.privacy import Category, PrivateReading
from provenance.media.privacy.find import look_into
from provenance.media.privacy.model import Finder
from provenance.media.privacy.rules import category_of, category_of_value

__all__ = ["find_in_credentials"]

_THUMBNAIL = "c2pa.thumbnail."
_PREFIXES = "@context"
# The type of data that says what a model was asked for.
_PROMPT = "c2pa.types.generator.prompt"
# Assertions, claims and signatures.
_READ_ELSEWHERE = frozenset({b"c2as", b"c2cl", b"c2cs"})


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
        for inside in finder.inside:
            look_into(inside, finder)
    except (MalformedError, LimitError) as error:
        finder.unreadable(f"credentials: {error}")
    return finder.reading()


def _look_into(data: bytes, finder: Finder) -> None:
    store = parse_manifest_store(data, finder.limits)
    for label, why in store.unreadable.items():
        finder.unreadable(f"credentials: manifest {label}: {why}")
    for manifest in store.manifests.values():
        _look_at(dict(manifest.claim.fields), finder)
        for box in _other_boxes(manifest.box):
            _look_at_contents(box, finder)
        for assertion in manifest.assertions.values():
            label = base_label(assertion.label)
            if label.startswith(_THUMBNAIL):
                name = ".".join(label.split(".")[:3])
                finder.found(
                    f"credentials:{name}", Category.PREVIEW, "a small picture", removable=False
                )
            elif label not in HARD_BINDING_LABELS:
                _look_at_assertion(label, assertion, finder)


def _other_boxes(manifest: SuperBox) -> Iterator[SuperBox]:
    """Data that assertions refer to, and credentials of persons: neither claim nor assertion."""
    open_ = [box for box in manifest.children if box.kind not in _READ_ELSEWHERE]
    while open_:
        box = open_.pop()
        open_ += box.children
        yield box


def _look_at_contents(box: SuperBox, finder: Finder) -> None:
    for content in box.contents:
        try:
            if content.type == b"cbor":
                _look_at(
                    decode_cbor(content.content, where=box.label, limits=finder.limits), finder
                )
            elif content.type == b"json":
                _look_at(json.loads(content.content), finder)
        except (MalformedError, LimitError, ValueError, RecursionError) as error:
            _note_unread(box.label, error, finder)


def _look_at_assertion(label: str, assertion: Assertion, finder: Finder) -> None:
    kinds = {content.type for content in assertion.box.contents}
    if kinds & {b"cbor", b"json"}:
        try:
            _look_at(assertion.decode(finder.limits), finder)
        except (MalformedError, LimitError) as error:
            _note_unread(label, error, finder)
    for content in assertion.box.contents:
        if content.type == b"bidb":
            # A file of its own, searched with the others when all is read.
            finder.look_inside(f"credentials:{label}", content.content)


def _note_unread(label: str, error: Exception, finder: Finder) -> None:
    # Whoever knows what it is may keep it by name, as anything else in it.
    finder.found(f"credentials:{label}", Category.HISTORY, str(error), removable=False)


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
        elif isinstance(item, str | bytes):
            text = item if isinstance(item, str) else decode_text(item)
            category = Category.TOOL if text == _PROMPT else category_of_value(text)
            if category is not None:
                finder.found(f"credentials:{name}", category, text, removable=False)


def _is_found(key: str, value: Any, finder: Finder) -> bool:
    # As XMP has it, whose names these assertions use; one that is empty says nothing.
    category = category_of(f"xmp:{key}")
    if category is None or value in (None, "", [], {}):
        return False
    finder.found(f"credentials:{key}", category, str(value)[:1000], removable=False)
    return True
