"""The folder a throw-away agency is kept in, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from provenance.errors import ConfigurationError
from provenance.signing.dev_agency import TEST_UNIT, DevAgency
from provenance.signing.memory_signer import MemorySigner

__all__ = ["load_dev_signer", "write_dev_agency"]

_KEY_FILE = "leaf.key.pem"
_CHAIN_FILE = "chain.pem"

_README = """\
{unit}

This folder holds a throw-away agency for trying out signing and verifying:
{name} ({name_ko}), whose certificates begin on {begin}.

  root.pem        the root certificate; the directory lists it as the agency's anchor
  issuing.pem     the issuing authority below it
  leaf.pem        the claim-signing certificate
  chain.pem       leaf and issuing certificate, as they go into a signature
  leaf.key.pem    the private key of the leaf, {protection}
  directory.json  a directory with this one agency, marked as a test

The keys of both authorities were never written down: no further certificate can be
issued. Whatever is signed with this key proves nothing about anybody, and a directory
that is not itself marked as a test refuses it.
"""


def write_dev_agency(agency: DevAgency, folder: Path, *, passphrase: bytes | None) -> None:
    """Put the agency's certificates, key and directory into a folder of their own.

    Everything is written beside the folder first and takes its name at the end, so a
    reader never meets half an agency. Folder and key are for their owner only.

    Args:
        agency: What to write.
        folder: A folder that does not exist yet or is empty.
        passphrase: Encrypts the key; `None` leaves it readable.

    Raises:
        ConfigurationError: The folder holds something, or cannot be written.
    """
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    key = agency.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    directory = json.dumps(agency.directory_entry(), ensure_ascii=False, indent=2)
    readme = _README.format(
        unit=TEST_UNIT,
        name=agency.name,
        name_ko=agency.name_ko,
        begin=agency.created_at.date().isoformat(),
        protection="not encrypted" if passphrase is None else "encrypted",
    )
    files = {
        "root.pem": agency.root_pem,
        "issuing.pem": agency.issuing_pem,
        "leaf.pem": agency.leaf_pem,
        _CHAIN_FILE: agency.chain_pem,
        _KEY_FILE: key,
        "directory.json": f"{directory}\n".encode(),
        "README.txt": readme.encode(),
    }
    try:
        _write_folder(folder, files)
    except OSError as error:
        raise ConfigurationError(
            f"agency folder {folder}: expected a new or empty folder that can be written, "
            f"got {error.strerror or error}"
        ) from error


def load_dev_signer(folder: Path, passphrase: bytes | None = None) -> MemorySigner:
    """Which claim signer does a folder written by `write_dev_agency` hold?

    Raises:
        ConfigurationError: A file is missing or not what it should be, or the
            passphrase is missing, wrong or not needed.
        SigningError: Key and certificate do not belong together.
    """
    try:
        key_pem = (folder / _KEY_FILE).read_bytes()
        chain_pem = (folder / _CHAIN_FILE).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"agency folder {folder}: cannot read the key or the chain: {error.strerror or error}"
        ) from error
    try:
        key = serialization.load_pem_private_key(key_pem, passphrase)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{folder / _KEY_FILE}: expected a private key that opens with this passphrase"
        ) from error
    if not isinstance(
        key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    ):
        raise ConfigurationError(
            f"{folder / _KEY_FILE}: expected an EC, Ed25519 or RSA key, got {type(key).__name__}"
        )
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
    except ValueError as error:
        raise ConfigurationError(f"{folder / _CHAIN_FILE}: expected certificates in PEM") from error
    return MemorySigner.for_chain(key, chain)


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    parent = folder.absolute().parent
    # mkdtemp gives mode 0700, which the folder keeps.
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=parent))
    try:
        for name, content in files.items():
            _write_file(staging / name, content, 0o600 if name == _KEY_FILE else 0o644)
        _sync_folder(staging)
        # POSIX: replaces an empty folder, fails on one that holds something.
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _sync_folder(parent)


def _write_file(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
