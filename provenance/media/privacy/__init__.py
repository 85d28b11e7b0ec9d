"""Private metadata: finding it, showing it, and copying a file without it."""

from __future__ import annotations

from provenance.media.privacy.clean import clean_copy
from provenance.media.privacy.find import find_private
from provenance.media.privacy.keeping import is_kept
from provenance.media.privacy.model import Category, Cleaning, PrivateField, PrivateReading
from provenance.media.privacy.rules import is_part_of

__all__ = [
    "Category",
    "Cleaning",
    "PrivateField",
    "PrivateReading",
    "clean_copy",
    "find_private",
    "is_kept",
    "is_part_of",
]
