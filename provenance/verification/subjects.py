"""Whom a manifest's signed statements name as the artists."""

from __future__ import annotations

from provenance.credentials.manifest_store import Manifest
from provenance.limits import Limits
from provenance.verification.signed_metadata import metadata_statements

__all__ = ["artists_of"]

# Who performs or is shown, not who took the picture or holds the rights: IPTC
# Photo Metadata "Person Shown in the Image", XMP Dynamic Media, schema.org.
_ARTIST_FIELDS = frozenset(
    {"Iptc4xmpExt:PersonInImage", "xmpDM:artist", "schema:byArtist", "schema:performer"}
)


def artists_of(manifest: Manifest, limits: Limits) -> tuple[str, ...]:
    """Whom do the manifest's metadata assertions name as the artists, each once?

    What the file says outside its credentials names nobody here.
    """
    names = (
        name.strip()
        for statement in metadata_statements(manifest, limits)
        if statement.name.split("[")[0] in _ARTIST_FIELDS
        for name in statement.value.split(";")
    )
    return tuple(dict.fromkeys(name for name in names if name))
