"""Reading what a file says about itself: EXIF, XMP, IPTC, tags, document properties."""

from __future__ import annotations

from provenance.media.metadata.extract import extract_metadata
from provenance.media.metadata.model import MetadataReading, RawField

__all__ = ["MetadataReading", "RawField", "extract_metadata"]
