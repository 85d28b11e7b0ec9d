"""A claim signer whose private key stays in a PKCS#11 token."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.cose import SignatureAnswer, check_raw_signature
from provenance.errors import SigningKeyError
from provenance.signing.memory_signer import fitting_algorithms
from provenance.signing.pkcs11_uri import Pkcs11Uri

__all__ = ["TokenSigner", "open_token_signer"]

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class _OpenToken:
    """One logged-in session with a token, which everybody in this process shares.

    A login is for the whole process, not for a session (PKCS #11 2.40, 5.6), so a second
    one to the same token would fail.
    """

    def __init__(self, session: Any, pin_digest: bytes) -> None:
        self.session = session
        self.pin_digest = pin_digest
        self.users = 1
        self.lock = Lock()
        # After a fork the child holds handles that the library does not know there.
        self.process = os.getpid()


_Token = tuple[str, str, bytes]  # library, label, serial number
_table = Lock()
_open: dict[_Token, _OpenToken] = {}
_refused: set[tuple[_Token, bytes]] = set()
# PINs that are remembered to be wrong, or compared, are kept as digests under a fresh key.
_digest_key = secrets.token_bytes(32)


class TokenSigner:
    """Signs claims with a key that never leaves its token; it satisfies `ClaimSigner`.

    Made by `open_token_signer`. It may be used from several threads, one after the
    other, and not in another process.
    """

    def __init__(
        self, held: _OpenToken, key: Any, chain: Sequence[x509.Certificate], *,
        public_key: object, algorithm: str, name: str,
    ) -> None:  # fmt: skip
        self.algorithm = algorithm
        self.certificate_chain_pem = b"".join(c.public_bytes(Encoding.PEM) for c in chain)
        self._held = held
        self._key = key
        self._public_key = public_key
        self._name = name

    def __repr__(self) -> str:
        return f"TokenSigner({self._name!r}, {self.algorithm})"

    def sign(self, data: bytes) -> bytes:
        """What is the signature over `data`, in the form COSE wants?

        The token gets the digest (Ed25519: the data). ECDSA comes back as r and s at
        full length, which is what COSE wants (PKCS #11 2.40 mechanisms, 2.3.1).

        Raises:
            SigningKeyError: The token is gone or refuses, or its key is not that of the
                certificate.
        """
        pkcs11 = _library_binding()
        if os.getpid() != self._held.process:
            raise SigningKeyError(f"{self._name}: opened in another process; open it in this one")
        asked, options = _request(pkcs11, self.algorithm, data)
        with self._held.lock:
            if self._held.users == 0:
                raise SigningKeyError(f"{self._name}: has been closed")
            try:
                signature = bytes(self._key.sign(asked, **options))
            except (pkcs11.exceptions.PKCS11Error, RuntimeError) as error:
                raise SigningKeyError(
                    f"{self._name}: the token did not sign ({_what(error)}); it may have been "
                    "taken out"
                ) from error
        answer = check_raw_signature(self.algorithm, self._public_key, signature, data)
        if answer is not SignatureAnswer.VALID:
            raise SigningKeyError(
                f"{self._name}: its signature does not belong to the certificate: another key, "
                f"or a token that does not do {self.algorithm} right"
            )
        return signature


@contextmanager
def open_token_signer(
    uri: Pkcs11Uri,
    chain: Sequence[x509.Certificate],
    *,
    pin: bytes,
    algorithm: str | None = None,
    public_key: object | None = None,
) -> Iterator[TokenSigner]:
    """Give a signer for this key of this token, logged in until the block ends.

    The PIN is tried once. A wrong one is not tried again by this process, since tokens
    lock themselves after a few. The key's certificate is not compared here: the first
    signature shows whether it is right.

    Args:
        uri: Names the library, the token and the key.
        chain: Certificates, leaf first, the root left out; empty for a key that is to
            get its certificate yet.
        pin: The user's PIN, UTF-8.
        algorithm: COSE name; may be left out where the key allows only one.
        public_key: The key's public half, where there is no chain.

    Raises:
        SigningKeyError: The library, the token or the key is not there, or there are
            several; the PIN is wrong; the algorithm does not fit the leaf's key.
    """
    key_known = chain[0].public_key() if chain else public_key
    if key_known is None:
        raise SigningKeyError("certificate chain: expected the leaf at least, got none")
    fitting = fitting_algorithms(key_known)
    if algorithm is not None and algorithm not in fitting:
        raise SigningKeyError(
            f"signing algorithm: expected {' or '.join(fitting)} for this key, got {algorithm!r}"
        )
    pkcs11 = _library_binding()
    name = f"PKCS#11 key {uri.key_name} of token {uri.token_name}"
    token = _find_token(pkcs11, uri)
    which = (str(uri.module), token.label, token.serial)
    held = _log_in(pkcs11, token, which, pin, uri)
    try:
        with held.lock:
            key = _find_key(pkcs11, held.session, uri, name)
        yield TokenSigner(
            held, key, chain,
            public_key=key_known, algorithm=algorithm or fitting[0], name=name,
        )  # fmt: skip
    finally:
        _log_out(pkcs11, which, held)


def _library_binding() -> ModuleType:
    try:
        # Not at the top: an optional part, which most who verify never need.
        import pkcs11  # noqa: PLC0415
    except ImportError as error:
        raise SigningKeyError(
            "PKCS#11 needs python-pkcs11: install provenance-verifier[pkcs11]"
        ) from error
    binding: ModuleType = pkcs11
    return binding


def _load(pkcs11: ModuleType, module: Path) -> Any:
    with _table:
        try:
            # The binding loads and initialises a library once in a process, and keeps it.
            return pkcs11.lib(str(module))
        except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError) as error:
            raise SigningKeyError(
                f"{module}: expected a PKCS#11 library that can be loaded ({_what(error)})"
            ) from error


def _find_token(pkcs11: ModuleType, uri: Pkcs11Uri) -> Any:
    library = _load(pkcs11, uri.module)
    found = []
    try:
        slots = library.get_slots(token_present=True)
    except pkcs11.exceptions.PKCS11Error as error:
        raise SigningKeyError(f"{uri.module}: cannot list its tokens ({_what(error)})") from error
    for slot in slots:
        # Another token that is broken, or was just taken out, is no reason to refuse.
        with suppress(pkcs11.exceptions.PKCS11Error):
            token = slot.get_token()
            if _is_named(pkcs11, token, uri):
                found.append(token)
    if not found:
        raise SigningKeyError(f"PKCS#11 token {uri.token_name}: not there")
    if len(found) > 1:
        serials = ", ".join(_serial(token.serial) for token in found[:5])
        raise SigningKeyError(
            f"PKCS#11 token {uri.token_name}: expected one, got {len(found)}; add serial= with "
            f"one of {serials}"
        )
    return found[0]


def _is_named(pkcs11: ModuleType, token: Any, uri: Pkcs11Uri) -> bool:
    if not token.flags & pkcs11.TokenFlag.TOKEN_INITIALIZED:
        return False
    said = (
        (uri.token, token.label),
        (uri.serial, _serial(token.serial)),
        (uri.manufacturer, token.manufacturer_id),
        (uri.model, token.model),
    )
    return all(wanted is None or wanted == got for wanted, got in said)


def _serial(value: bytes) -> str:
    return value.decode("utf-8", "replace").rstrip(" \0")


def _log_in(
    pkcs11: ModuleType, token: Any, which: _Token, pin: bytes, uri: Pkcs11Uri
) -> _OpenToken:
    digest = hmac.digest(_digest_key, pin, "sha256")
    errors = pkcs11.exceptions
    try:
        text = pin.decode("utf-8")
    except UnicodeDecodeError:
        raise SigningKeyError(f"PKCS#11 token {uri.token_name}: expected a PIN in UTF-8") from None
    with _table:
        held = _open.get(which)
        if held is not None:
            if held.process != os.getpid():
                raise SigningKeyError(
                    f"PKCS#11 token {uri.token_name}: opened before this process was forked; "
                    "start it anew (spawn)"
                )
            if not hmac.compare_digest(held.pin_digest, digest):
                raise SigningKeyError(
                    f"PKCS#11 token {uri.token_name}: already open with another PIN"
                )
            held.users += 1
            return held
        if (which, digest) in _refused:
            raise SigningKeyError(
                f"PKCS#11 token {uri.token_name}: this PIN was wrong before; it is not tried again"
            )
        try:
            session = token.open(user_pin=text)
        except (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange) as error:
            _refused.add((which, digest))
            raise SigningKeyError(
                f"PKCS#11 token {uri.token_name}: the PIN is wrong; it was tried once"
            ) from error
        except errors.PinLocked as error:
            raise SigningKeyError(f"PKCS#11 token {uri.token_name}: the PIN is locked") from error
        except (errors.PKCS11Error, RuntimeError) as error:
            raise SigningKeyError(
                f"PKCS#11 token {uri.token_name}: cannot be opened ({_what(error)})"
            ) from error
        _open[which] = _OpenToken(session, digest)
        return _open[which]


def _log_out(pkcs11: ModuleType, which: _Token, held: _OpenToken) -> None:
    with _table, held.lock:
        held.users -= 1
        if held.users or held.process != os.getpid():
            return
        if _open.get(which) is held:
            del _open[which]
        # A token that has been taken out has closed the session by itself.
        with suppress(pkcs11.exceptions.PKCS11Error, RuntimeError):
            held.session.close()


def _find_key(pkcs11: ModuleType, session: Any, uri: Pkcs11Uri, name: str) -> Any:
    wanted: dict[Any, Any] = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
    if uri.object is not None:
        wanted[pkcs11.Attribute.LABEL] = uri.object
    if uri.id is not None:
        wanted[pkcs11.Attribute.ID] = uri.id
    try:
        found = list(session.get_objects(wanted))
    except (pkcs11.exceptions.PKCS11Error, RuntimeError) as error:
        raise SigningKeyError(f"{name}: cannot be looked for ({_what(error)})") from error
    if len(found) != 1:
        raise SigningKeyError(
            f"{name}: expected one private key, got {len(found) or 'none'}"
            + ("; add id=" if found and uri.id is None else "")
        )
    return found[0]


def _request(pkcs11: ModuleType, algorithm: str, data: bytes) -> tuple[bytes, dict[str, Any]]:
    """What is the token asked to sign, and how?"""
    if algorithm == "EdDSA":
        return data, {"mechanism": pkcs11.Mechanism.EDDSA}
    bits = algorithm[2:]
    digest = _HASHES[bits](data).digest()
    if algorithm.startswith("ES"):
        return digest, {"mechanism": pkcs11.Mechanism.ECDSA}
    parameters = (
        getattr(pkcs11.Mechanism, f"SHA{bits}"),
        getattr(pkcs11.MGF, f"SHA{bits}"),
        # RFC 8230 §2: the salt is as long as the digest.
        len(digest),
    )
    return digest, {
        "mechanism": pkcs11.Mechanism.RSA_PKCS_PSS,
        "mechanism_param": parameters,
    }


def _what(error: Exception) -> str:
    """The error's kind: its text is the library's own, and may say anything."""
    return type(error).__name__
