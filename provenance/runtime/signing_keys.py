"""Where a signing key is, and the signer that it gives."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key

from provenance.atomic_files import read_bounded
from provenance.credentials.cose import SignatureAnswer, check_raw_signature
from provenance.credentials.engine_signing import ClaimSigner
from provenance.errors import SigningKeyError, TrustListError
from provenance.signing.certificate_request import PublicKey
from provenance.signing.memory_signer import MemorySigner, fitting_algorithms
from provenance.signing.pkcs11_signer import open_token_signer
from provenance.signing.pkcs11_uri import is_pkcs11_uri, parse_pkcs11_uri
from provenance.signing.private_keys import is_encrypted_key, load_key
from provenance.trust.certificates import parse_pem_bundle

__all__ = [
    "KeySpec",
    "chain_pem",
    "load_chain",
    "open_signer",
    "open_uncertified",
    "read_chain",
    "secret_of_key",
]

_PYTHON = "python:"
_MAX_CHAIN_BYTES = 256 * 1024
# Nobody can take it for a claim: what a claim's signature covers is CBOR.
_TRIAL = b"Provenance asks whether this key belongs to the certificate. It signs no release."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """A signing key and its certificate, as the operator names them. It can be pickled.

    Attributes:
        key: The path of a key in PEM; `pkcs11:...` (RFC 7512) for one in a token; or
            `python:MODULE:FUNCTION`, a function that is given the chain
            (`Sequence[x509.Certificate]`, leaf first) and returns a `ClaimSigner`.
        certificate: PEM, leaf first.
        passphrase: Opens an encrypted key; the PIN of a token.
        unsafe_plain: Accept a key in a file that is not encrypted.
        algorithm: COSE name; by default the one that the key allows, PS256 for RSA.
    """

    key: str
    certificate: Path
    passphrase: bytes | None = field(repr=False, default=None)
    unsafe_plain: bool = False
    algorithm: str | None = None


def secret_of_key(key: str) -> str | None:
    """What has to be known to use this key: its `passphrase`, its `PIN`, or nothing?

    Raises:
        SigningKeyError: A PKCS#11 URI that cannot be used.
        ConfigurationError: The file cannot be read.
    """
    if is_pkcs11_uri(key):
        return None if parse_pkcs11_uri(key).pin_source else "PIN"
    if key.startswith(_PYTHON):
        return None
    return "passphrase" if is_encrypted_key(Path(key)) else None


def read_chain(path: Path) -> tuple[x509.Certificate, ...]:
    """Which certificates are in this PEM file, in its order?

    Raises:
        SigningKeyError: Something in it is no certificate.
        ConfigurationError: The file cannot be read.
    """
    text = read_bounded(path, _MAX_CHAIN_BYTES).decode("utf-8", "replace")
    try:
        return tuple(c.x509 for c in parse_pem_bundle(text, where=str(path)))
    except TrustListError as error:
        raise SigningKeyError(str(error)) from error


def load_chain(path: Path) -> tuple[x509.Certificate, ...]:
    """Which chain goes into a claim: that of this PEM file, without a root at its end?

    Spec: C2PA 2.5, "X.509 Certificates": the anchor should not be in `x5chain`.

    Raises:
        SigningKeyError: Something in it is no certificate.
        ConfigurationError: The file cannot be read.
    """
    chain = read_chain(path)
    if len(chain) > 1 and chain[-1].subject == chain[-1].issuer:
        return chain[:-1]
    return chain


def chain_pem(path: Path) -> bytes:
    """The chain that goes into a claim, in PEM.

    Raises:
        SigningKeyError: Something in it is no certificate.
        ConfigurationError: The file cannot be read.
    """
    return b"".join(c.public_bytes(Encoding.PEM) for c in load_chain(path))


@contextmanager
def open_signer(spec: KeySpec) -> Iterator[ClaimSigner]:
    """Give a signer for this key, which is closed when the block ends.

    A key that is not in this process signs a sentence first, so that a key of another
    certificate is known before anything is signed with it.

    Raises:
        SigningKeyError: The key cannot be used, or the certificate is not for it.
        ConfigurationError: A file cannot be read.
    """
    chain = load_chain(spec.certificate)
    if is_pkcs11_uri(spec.key):
        with open_token_signer(
            parse_pkcs11_uri(spec.key), chain, pin=_pin(spec), algorithm=spec.algorithm
        ) as signer:
            _try(signer, chain, _shown(spec))
            yield signer
    elif spec.key.startswith(_PYTHON):
        foreign = _call(spec, chain)
        _try(foreign, chain, spec.key)
        yield foreign
    else:
        path = Path(spec.key)
        key = load_key(path, lambda: spec.passphrase, unsafe_plain=spec.unsafe_plain)
        if key.public_key() != chain[0].public_key():
            raise SigningKeyError(f"{spec.certificate}: its first certificate is not for {path}")
        yield MemorySigner.for_chain(key, chain, algorithm=spec.algorithm)


@contextmanager
def open_uncertified(
    spec: KeySpec, public_key: Path | None
) -> Iterator[tuple[ClaimSigner, PublicKey]]:
    """Give a signer for a key that has no certificate yet, and its public key.

    Args:
        spec: The key; its certificate is not looked at.
        public_key: PEM, where the key is not in a file. A `python:` function is given an
            empty chain.

    Raises:
        SigningKeyError: The key cannot be used, or the public key is not known.
        ConfigurationError: A file cannot be read.
    """
    in_token = is_pkcs11_uri(spec.key)
    if not in_token and not spec.key.startswith(_PYTHON):
        key = load_key(Path(spec.key), lambda: spec.passphrase, unsafe_plain=spec.unsafe_plain)
        public = key.public_key()
        algorithm = spec.algorithm or fitting_algorithms(public)[0]
        yield MemorySigner(algorithm=algorithm, certificate_chain_pem=b"", key=key), public
        return
    if public_key is None:
        raise SigningKeyError(f"{_shown(spec)}: expected its public key in a file, got none")
    known = _read_public_key(public_key)
    if in_token:
        with open_token_signer(
            parse_pkcs11_uri(spec.key), (), pin=_pin(spec),
            algorithm=spec.algorithm, public_key=known,
        ) as signer:  # fmt: skip
            yield signer, known
    else:
        yield _function(spec)(()), known


def _read_public_key(path: Path) -> PublicKey:
    data = read_bounded(path, _MAX_CHAIN_BYTES)
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise SigningKeyError(f"{path}: expected a public key in PEM") from None
    # Refuses every other kind.
    fitting_algorithms(key)
    return cast("PublicKey", key)


def _shown(spec: KeySpec) -> str:
    return spec.key.partition("?")[0]


def _pin(spec: KeySpec) -> bytes:
    source = parse_pkcs11_uri(spec.key).pin_source
    pin = spec.passphrase
    if pin is None and source is not None:
        pin = read_bounded(source, 4096).partition(b"\n")[0].rstrip(b"\r")
    if not pin:
        raise SigningKeyError("PKCS#11 token: expected its PIN, got none")
    return pin


def _function(spec: KeySpec) -> Callable[[Sequence[x509.Certificate]], ClaimSigner]:
    module_name, _, function_name = spec.key.removeprefix(_PYTHON).partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SigningKeyError(
            f"{spec.key}: expected python:MODULE:FUNCTION that can be imported: {error}"
        ) from error
    found: Callable[[Sequence[x509.Certificate]], ClaimSigner] = function
    return found


def _call(spec: KeySpec, chain: tuple[x509.Certificate, ...]) -> ClaimSigner:
    signer = _function(spec)(chain)
    if spec.algorithm is not None and signer.algorithm != spec.algorithm:
        raise SigningKeyError(f"{spec.key}: expected {spec.algorithm}, got {signer.algorithm}")
    try:
        given = parse_pem_bundle(signer.certificate_chain_pem.decode("ascii"), where=spec.key)
    except (TrustListError, UnicodeDecodeError) as error:
        raise SigningKeyError(f"{spec.key}: expected a chain in PEM: {error}") from error
    if given[0].x509 != chain[0]:
        raise SigningKeyError(
            f"{spec.key}: signs for another certificate than {spec.certificate} has first"
        )
    return signer


def _try(signer: ClaimSigner, chain: tuple[x509.Certificate, ...], name: str) -> None:
    answer = check_raw_signature(
        signer.algorithm, chain[0].public_key(), signer.sign(_TRIAL), _TRIAL
    )
    if answer is not SignatureAnswer.VALID:
        raise SigningKeyError(f"{name}: the certificate is not for this key ({signer.algorithm})")
