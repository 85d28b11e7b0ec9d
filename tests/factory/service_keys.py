"""Keys that a service signs with, made for a test."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from provenance.jws.keys import ServiceKey, load_service_key

__all__ = ["new_service_key", "service_key_pem"]


def service_key_pem() -> bytes:
    """A new key."""
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def new_service_key() -> ServiceKey:
    """A new key, loaded."""
    return load_service_key(service_key_pem(), where="test")
