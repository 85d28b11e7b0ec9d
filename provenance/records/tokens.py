"""Secrets that are handed out once, and what is kept of them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

__all__ = [
    "Random",
    "digest_of",
    "looks_like_id",
    "looks_like_key",
    "new_access_token",
    "new_id",
    "new_key_token",
]

Random = Callable[[int], bytes]
"""So many bytes that nobody can foretell."""

_ID_BYTES = 16
_KEY_ID_BYTES = 8
# With 256 random bits there is nothing to guess, so one pass of SHA-256 is all the hashing
# that is needed; a slow hash protects what people think up, and would cost every request.
_SECRET_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_KEY = re.compile(r"pv_(live|test)_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def new_id(random: Random) -> str:
    """A name of 128 random bits: who knows it was told."""
    return _text(random(_ID_BYTES))


def looks_like_id(text: str) -> bool:
    """Is this written as `new_id` writes one?"""
    return _ID.fullmatch(text) is not None


def new_key_token(random: Random, key: str | None, *, test: bool) -> tuple[str, str]:
    """A key's id and a secret for it, as its holder writes it.

    Args:
        random: Where the secret comes from.
        key: The id of a key that is there; None for a new one.
        test: Whether it is for a service in test mode, and says so on its face.
    """
    key = key or random(_KEY_ID_BYTES).hex()
    return key, f"pv_{'test' if test else 'live'}_{key}_{_text(random(_SECRET_BYTES))}"


def new_access_token(random: Random) -> str:
    """A token of short life, as OAuth clients get it."""
    return f"pvt_{_text(random(_SECRET_BYTES))}"


def looks_like_key(token: str) -> bool:
    """Is this written as a key is?"""
    return _KEY.fullmatch(token) is not None


def digest_of(token: str) -> str:
    """What is kept of a secret: its SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
