"""Secrets at rest: encrypted with the operator's key, each for its one place."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provenance.errors import ConfigurationError
from provenance.staff.tokens import Random

__all__ = ["KEY_BYTES", "Sealer"]

KEY_BYTES = 32
_NONCE_BYTES = 12


class Sealer:
    """Seals and opens with one key.

    AES-256-GCM; what a secret is for and whose it is goes in as associated data, so that
    one that was moved to another row does not open.

    Args:
        key: The operator's, 32 bytes.
        random: Where nonces come from.

    Raises:
        ConfigurationError: The key has another length.
    """

    def __init__(self, key: bytes, random: Random) -> None:
        if len(key) != KEY_BYTES:
            raise ConfigurationError(f"staff key: expected {KEY_BYTES} bytes, got {len(key)}")
        self._cipher = AESGCM(_derived(key, b"provenance staff sealing"))
        self._mac_key = _derived(key, b"provenance staff marks")
        self._random = random

    def seal(self, secret: bytes, *, place: str) -> bytes:
        """What is kept of it."""
        nonce = self._random(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """The secret.

        Raises:
            ConfigurationError: It was sealed with another key, for another place, or changed.
        """
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                "staff key: does not open what is kept; expected the key it was sealed with"
            ) from error

    def mark(self, purpose: str, text: str) -> str:
        """A digest that nobody can compute, or look up, without the key; hex."""
        data = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._mac_key, data, hashlib.sha256).hexdigest()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)
