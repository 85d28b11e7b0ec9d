"""What is found of private metadata in bytes, and the copy without it."""

from __future__ import annotations

import io

from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import FORMATS
from provenance.media.privacy import Cleaning, PrivateReading, clean_copy, find_private

__all__ = ["clean", "found", "names"]


def found(kind: str, data: bytes, limits: Limits = DEFAULT_LIMITS) -> PrivateReading:
    """What is private in this file of a format."""
    return find_private(io.BytesIO(data), FORMATS[kind], None, limits)


def names(kind: str, data: bytes) -> set[str]:
    """The names alone, of a file of which everything can be read."""
    reading = found(kind, data)
    assert reading.unreadable == ()
    return {field.name for field in reading.fields}


def clean(kind: str, data: bytes, *keep: str) -> tuple[Cleaning, bytes]:
    """The copy without, and what was done."""
    out = io.BytesIO()
    return clean_copy(io.BytesIO(data), out, FORMATS[kind], keep=keep), out.getvalue()
