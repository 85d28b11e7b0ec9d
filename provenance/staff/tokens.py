"""Secrets that are handed out once, and what is kept of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

__all__ = ["Random", "csrf_of", "digest_of", "new_public_id", "new_token"]

Random = Callable[[int], bytes]
"""So many bytes that nobody can foretell."""

_SECRET_BYTES = 32
_PUBLIC_BYTES = 8


def new_token(random: Random) -> str:
    """256 random bits, as they stand in a cookie or a link."""
    return base64.urlsafe_b64encode(random(_SECRET_BYTES)).rstrip(b"=").decode("ascii")


def new_public_id(random: Random) -> str:
    """A name that opens nothing."""
    return random(_PUBLIC_BYTES).hex()


def digest_of(token: str) -> str:
    """What is kept of a secret: its SHA-256. There is nothing to guess in 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(token: str) -> str:
    """What a form has to bring along with the cookie that holds this token.

    Who knows it does not know the token; and it changes whenever the token does.
    """
    key = token.encode("utf-8", "surrogatepass")
    return hmac.new(key, b"provenance staff form", hashlib.sha256).hexdigest()
