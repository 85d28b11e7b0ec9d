"""Signing keys in files: making, writing and loading them (PKCS #8 in PEM, encrypted)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from provenance.atomic_files import new_file, read_bounded
from provenance.errors import SigningKeyError
from provenance.signing.memory_signer import ClaimKey

__all__ = [
    "KEY_ALGORITHMS",
    "MIN_PASSPHRASE_CHARS",
    "Passphrase",
    "generate_key",
    "is_encrypted_key",
    "load_key",
    "write_new_key",
]

MIN_PASSPHRASE_CHARS = 12
_MAX_KEY_BYTES = 64 * 1024
_CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
_RSA = ("PS256", "PS384", "PS512")
KEY_ALGORITHMS = (*_CURVES, *_RSA, "EdDSA")
"""COSE names of the algorithms that claims may be signed with (C2PA 2.5, "Digital signatures")."""

_RSA_BITS = 3072

Passphrase = Callable[[], bytes | None]
"""Gives the passphrase of a key; asked only if the key is encrypted."""


def generate_key(algorithm: str) -> ClaimKey:
    """Which fresh key signs with this algorithm?

    Args:
        algorithm: One of `KEY_ALGORITHMS`.

    Raises:
        SigningKeyError: Another one.
    """
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    if algorithm in _RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    raise SigningKeyError(
        f"signing algorithm: expected one of {', '.join(KEY_ALGORITHMS)}, got {algorithm!r:.40}"
    )


def write_new_key(
    path: Path, key: ClaimKey, *, passphrase: bytes | None, unsafe_plain: bool = False
) -> None:
    """Write a key to a file that only its owner may read; nothing is overwritten.

    Args:
        path: A name that is not taken.
        key: The key.
        passphrase: Encrypts it.
        unsafe_plain: Permit a file that anybody can sign with who can read it.

    Raises:
        SigningKeyError: No passphrase, or a short one.
        ConfigurationError: The name is taken, or cannot be written.
    """
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        # Characters, not bytes: a passphrase in Hangul takes three bytes for each.
        length = len(passphrase.decode("utf-8", "replace"))
        if length < MIN_PASSPHRASE_CHARS:
            raise SigningKeyError(
                f"{path}: expected a passphrase of at least {MIN_PASSPHRASE_CHARS} characters, "
                f"got {length}"
            )
        encryption = serialization.BestAvailableEncryption(passphrase)
    elif not unsafe_plain:
        raise SigningKeyError(f"{path}: expected a passphrase for the new key, got none")
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    with new_file(path, replace=False, mode=0o600) as stream:
        stream.write(data)


def is_encrypted_key(path: Path) -> bool:
    """Does this file need a passphrase?

    Raises:
        ConfigurationError: It cannot be read.
    """
    return _is_encrypted(read_bounded(path, _MAX_KEY_BYTES))


def _is_encrypted(data: bytes) -> bool:
    # PKCS #8 (RFC 7468 §11), and the header of older files (RFC 1421 §4.6.1.1).
    return b"ENCRYPTED" in data


def load_key(path: Path, passphrase: Passphrase, *, unsafe_plain: bool = False) -> ClaimKey:
    """Which private key is in this file?

    Args:
        path: PEM.
        passphrase: Asked once, and only if the key is encrypted.
        unsafe_plain: Accept a key that is not.

    Raises:
        SigningKeyError: Not a key that can sign claims, the passphrase is missing or
            wrong, or the key is not encrypted.
        ConfigurationError: The file cannot be read.
    """
    data = read_bounded(path, _MAX_KEY_BYTES)
    encrypted = _is_encrypted(data)
    if not encrypted and not unsafe_plain:
        raise SigningKeyError(
            f"{path}: the key is not encrypted: whoever can read the file can sign. "
            "Encrypt it, or say --unsafe-plain-key"
        )
    secret = passphrase() if encrypted else None
    if encrypted and not secret:
        raise SigningKeyError(f"{path}: the key is encrypted; expected its passphrase, got none")
    try:
        key = serialization.load_pem_private_key(data, secret)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        # What the library says may quote the file, so it does not come along.
        raise SigningKeyError(
            f"{path}: expected a private key in PEM"
            + (" that opens with this passphrase" if encrypted else "")
        ) from None
    if not isinstance(
        key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    ):
        raise SigningKeyError(
            f"{path}: expected an EC, Ed25519 or RSA key, got {type(key).__name__}"
        )
    return key
