"""The files that pages load: styles, scripts, the bundled reader; each under its own digest."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["Asset", "asset_named", "asset_url", "has_device_reader", "packed_asset"]

_KINDS: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
_DIGEST_CHARS = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent.

    Attributes:
        data: Its bytes.
        media_type: What they are.
        digest: The beginning of their SHA-256.
    """

    data: bytes
    media_type: str
    digest: str


def _folder() -> Traversable:
    return files("provenance.pages") / "static"


@cache
def asset_named(name: str) -> Asset | None:
    """Which file is this, if there is one?"""
    kind = next((kind for ending, kind in _KINDS.items() if name.endswith(ending)), None)
    if kind is None or "/" in name or name.startswith("."):
        return None
    place = _folder() / name
    if not place.is_file():
        return None
    data = place.read_bytes()
    return Asset(data, kind, hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS])


@cache
def packed_asset(name: str) -> bytes | None:
    """What is this file compressed (gzip), if that is shorter? Takes a while for the reader."""
    asset = asset_named(name)
    if asset is None:
        return None
    packed = gzip.compress(asset.data, 6, mtime=0)
    return packed if len(packed) < len(asset.data) else None


def asset_url(name: str) -> str:
    """Where is this file? Its digest is in the address, so it may be kept for ever."""
    asset = asset_named(name)
    if asset is None:
        raise KeyError(f"{name}: there is no such file among the static ones")
    return f"/static/{asset.digest}/{name}"


def has_device_reader() -> bool:
    """Has `make assets` put the reader of credentials for browsers here?"""
    return all((_folder() / name).is_file() for name in ("c2pa.wasm", "c2pa-reader.js"))
