"""The keys that a service signs its own statements with: Ed25519, named by their thumbprint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from provenance.errors import ConfigurationError, SourceError

__all__ = [
    "ALGORITHM",
    "ServiceKey",
    "load_public_keys",
    "load_service_key",
    "open_statement",
    "seal_statement",
]

ALGORITHM = "Ed25519"
"""EdDSA with the one curve that is used here, under its own name (RFC 9864); a header that
says another is refused (RFC 8725 §3.1)."""

_MAX_KEYS = 20


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A private key, and the public one as others get it."""

    _key: OKPKey

    @property
    def public(self) -> dict[str, Any]:
        """The public key as a JWK (RFC 8037)."""
        return {
            **self._key.as_dict(private=False),
            "kid": self._key.thumbprint(),
            "alg": ALGORITHM,
            "use": "sig",
        }

    @property
    def key_set(self) -> KeySet:
        """A set of this key's public half alone."""
        return _key_set([self.public])


def load_service_key(data: bytes, *, where: str, passphrase: bytes | None = None) -> ServiceKey:
    """Which private key is in this PEM?

    Raises:
        ConfigurationError: None that can be read, or none for Ed25519.
    """
    try:
        key = load_pem_private_key(data, password=passphrase)
    except (ValueError, TypeError) as error:
        # What the library says may quote the key.
        raise ConfigurationError(f"{where}: expected a private key (PEM) that opens") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{where}: expected an Ed25519 key, got another kind")
    return ServiceKey(OKPKey.import_key(key))


def load_public_keys(data: bytes, *, where: str) -> KeySet:
    """Which public keys are in this JWK set or PEM?

    Raises:
        SourceError: None that can be used.
    """
    try:
        if data.lstrip().startswith(b"{"):
            listed = json.loads(data)["keys"]
        else:
            key = load_pem_public_key(data)
            if not isinstance(key, Ed25519PublicKey):
                raise SourceError(f"{where}: expected an Ed25519 key, got another kind")
            raw = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            listed = [OKPKey.import_key(raw).as_dict(private=False)]
        usable = [k for k in listed[:_MAX_KEYS] if (k["kty"], k["crv"]) == ("OKP", "Ed25519")]
        if not usable:
            raise SourceError(f"{where}: expected a key for Ed25519, got none")
        return _key_set(usable)
    except (ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
        raise SourceError(f"{where}: expected a JWK set or a public key in PEM") from error


def _key_set(keys: list[dict[str, Any]]) -> KeySet:
    loaded = [OKPKey.import_key({"kty": k["kty"], "crv": k["crv"], "x": k["x"]}) for k in keys]
    # By the thumbprint, which is the key's own, and not by what the list calls it.
    return KeySet([OKPKey.import_key({**k.as_dict(), "kid": k.thumbprint()}) for k in loaded])


def seal_statement(payload: bytes, key: ServiceKey, *, kind: str) -> str:
    """Sign a statement: which compact JWS says it?

    Args:
        payload: What is stated.
        key: Whose word it is.
        kind: `typ` of the header, so that one kind is never taken for another.
    """
    header = {"alg": ALGORITHM, "kid": key.public["kid"], "typ": kind}
    return jws.serialize_compact(header, payload, key._key, algorithms=[ALGORITHM])  # noqa: SLF001


def open_statement(token: str, keys: KeySet, *, kind: str) -> bytes | None:
    """What does this statement say, if one of these keys signed it as this kind? Else None."""
    try:
        opened = jws.deserialize_compact(token.encode("ascii"), keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    # `deserialize` has compared the algorithm; an unsigned or otherwise signed one is out.
    return opened.payload if opened.protected.get("typ") == kind else None
