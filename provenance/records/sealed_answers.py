"""Answers that hold a secret, kept so that only whoever asked can have them again.

A request that may be sent twice gets the same answer twice. Where that answer is a secret,
what is kept of it opens with the idempotency key of the request alone, and of that key
nothing but a digest is kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provenance.errors import ConflictError

__all__ = ["key_digest", "open_answer", "seal_answer"]

_NONCE_BYTES = 12


def key_digest(key: str) -> str:
    """Under which name is this idempotency key kept? It cannot be found from there."""
    return hashlib.sha256(b"idempotency key\x00" + key.encode("utf-8")).hexdigest()


def seal_answer(
    answer: Mapping[str, Any], key: str, *, random: Callable[[int], bytes]
) -> dict[str, Any]:
    """The answer as it is kept."""
    nonce = random(_NONCE_BYTES)
    plain = json.dumps(dict(answer)).encode("utf-8")
    sealed = nonce + AESGCM(_secret(key)).encrypt(nonce, plain, None)
    return {"sealed": base64.b64encode(sealed).decode("ascii")}


def open_answer(kept: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The answer that was kept.

    Raises:
        ConflictError: It is another key's.
    """
    sealed = base64.b64decode(str(kept["sealed"]))
    try:
        plain = AESGCM(_secret(key)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except InvalidTag as error:
        raise ConflictError("Idempotency-Key: it was used for another request") from error
    answer: dict[str, Any] = json.loads(plain)
    return answer


def _secret(key: str) -> bytes:
    return hashlib.sha256(b"sealed answer\x00" + key.encode("utf-8")).digest()
