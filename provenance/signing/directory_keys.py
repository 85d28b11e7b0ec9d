"""The keys that sign a directory: making, writing and loading them (Ed25519, PKCS #8 in PEM)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

# Documented names, which the package imports without saying so.
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

from provenance.errors import DirectoryError
from provenance.trust.directory_files import read_bounded

__all__ = [
    "MIN_PASSPHRASE_CHARS",
    "Passphrases",
    "load_public_key",
    "load_signer",
    "write_new_key",
]

MIN_PASSPHRASE_CHARS = 12
_MAX_KEY_BYTES = 64 * 1024

Passphrases = Callable[[str], bytes | None]
"""Gives the passphrase of a key by the key's name; None where it shall not be encrypted."""


def write_new_key(
    folder: Path, name: str, *, passphrase: bytes | None, unsafe_plain: bool = False
) -> SSlibKey:
    """Make a key: its private half goes to NAME.pem, its public half to NAME.pub.pem.

    Args:
        folder: Where to; has to exist.
        name: What the key is called.
        passphrase: Encrypts the private half.
        unsafe_plain: Permit a private half that anybody can use who can read it.

    Returns:
        The public half.

    Raises:
        DirectoryError: No passphrase or a short one; or a file cannot be written, or exists.
    """
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        if len(passphrase) < MIN_PASSPHRASE_CHARS:
            raise DirectoryError(
                f"key {name}: expected a passphrase of at least {MIN_PASSPHRASE_CHARS} "
                f"characters, got {len(passphrase)}"
            )
        encryption = serialization.BestAvailableEncryption(passphrase)
    elif not unsafe_plain:
        raise DirectoryError(f"key {name}: expected a passphrase, got none")
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write_new(folder / f"{name}.pem", private, 0o600)
    _write_new(folder / f"{name}.pub.pem", public, 0o644)
    return SSlibKey.from_crypto(key.public_key())


def load_signer(path: Path, passphrases: Passphrases) -> CryptoSigner:
    """Which signer does this private key make?

    Args:
        path: A PKCS #8 file.
        passphrases: Asked only if the file is encrypted; by the name of the file.

    Raises:
        DirectoryError: Not a private Ed25519 key, or the passphrase does not open it.
    """
    data = read_bounded(path, _MAX_KEY_BYTES)
    encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in data
    passphrase = passphrases(path.stem) if encrypted else None
    if encrypted and passphrase is None:
        raise DirectoryError(f"{path}: is encrypted; expected its passphrase, got none")
    try:
        key = serialization.load_pem_private_key(data, passphrase)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise DirectoryError(
            f"{path}: expected a private key in PEM that opens with this passphrase"
        ) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise DirectoryError(f"{path}: expected an Ed25519 key, got {type(key).__name__}")
    return CryptoSigner(key)


def load_public_key(path: Path) -> SSlibKey:
    """Which public key is in this file?

    Raises:
        DirectoryError: Not a public Ed25519 key in PEM.
    """
    data = read_bounded(path, _MAX_KEY_BYTES)
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DirectoryError(f"{path}: expected a public key in PEM (NAME.pub.pem)") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise DirectoryError(f"{path}: expected an Ed25519 key, got {type(key).__name__}")
    return SSlibKey.from_crypto(key)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise DirectoryError(
            f"{path}: cannot be written: {(error.strerror or str(error)).lower()}"
        ) from error
