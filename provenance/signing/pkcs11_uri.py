"""Names of keys in PKCS#11 tokens (RFC 7512): which library, which token, which key?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from provenance.errors import SigningKeyError

__all__ = ["Pkcs11Uri", "is_pkcs11_uri", "parse_pkcs11_uri"]

_SCHEME = "pkcs11:"
_PATH = frozenset({"token", "serial", "manufacturer", "model", "object", "id", "type"})
_QUERY = frozenset({"module-path", "pin-source"})
_MAX_CHARS = 4096
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Uri:
    """Where a key is. What is `None` was not said, and anything does.

    Attributes:
        module: The token's library.
        token: Label of the token.
        serial: Its serial number.
        object: Label of the key.
        id: Its CKA_ID.
        pin_source: A file whose first line is the PIN.
    """

    module: Path
    token: str | None = None
    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    object: str | None = None
    id: bytes | None = None
    pin_source: Path | None = None

    @property
    def token_name(self) -> str:
        """What the token is called in messages."""
        said = [f"serial {self.serial}"] if self.serial is not None else []
        return " ".join(([repr(self.token)] if self.token is not None else []) + said) or "any"

    @property
    def key_name(self) -> str:
        """What the key is called in messages."""
        said = [f"id {self.id.hex()}"] if self.id is not None else []
        return " ".join(([repr(self.object)] if self.object is not None else []) + said) or "any"


def is_pkcs11_uri(text: str) -> bool:
    """Is this the name of a key in a token, rather than a file's?"""
    return text.lower().startswith(_SCHEME)


def parse_pkcs11_uri(text: str) -> Pkcs11Uri:
    """Which key does this URI name?

    The library has to be named by `module-path`. A PIN in the URI (`pin-value`) is
    refused, since command lines are read by others and kept in histories.

    Spec: RFC 7512 §2.3 and §2.4.

    Raises:
        SigningKeyError: Malformed, with an attribute that is not understood, or without
            a library, token or key. No message repeats what stands in the query.
    """
    if not is_pkcs11_uri(text) or len(text) > _MAX_CHARS:
        raise SigningKeyError("PKCS#11 URI: expected pkcs11:... of at most 4096 characters")
    path, _, query = text[len(_SCHEME) :].partition("?")
    names = _attributes(path, ";", _PATH)
    asks = _attributes(query, "&", _QUERY)
    if _text(names, "type") not in (None, "private"):
        raise SigningKeyError("PKCS#11 URI: expected type=private, got another type")
    module = _text(asks, "module-path")
    if not module or not module.startswith("/"):
        raise SigningKeyError("PKCS#11 URI: expected ?module-path= with the path of a library")
    if not {"token", "serial"} & names.keys():
        raise SigningKeyError("PKCS#11 URI: expected token= or serial=, got neither")
    if not {"object", "id"} & names.keys():
        raise SigningKeyError("PKCS#11 URI: expected object= or id=, got neither")
    return Pkcs11Uri(
        module=Path(module),
        token=_text(names, "token"),
        serial=_text(names, "serial"),
        manufacturer=_text(names, "manufacturer"),
        model=_text(names, "model"),
        object=_text(names, "object"),
        id=names.get("id"),
        pin_source=_file(_text(asks, "pin-source")),
    )


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in text.split(separator) if text else ():
        name, equals, value = entry.partition("=")
        if name == "pin-value":
            raise SigningKeyError("PKCS#11 URI: pin-value is not accepted; give the PIN in a file")
        if not equals or name not in known:
            # RFC 7512 §2.3: an attribute that is not understood must not be ignored.
            raise SigningKeyError(
                f"PKCS#11 URI: expected {', '.join(sorted(known))}, got {name!r:.40}"
            )
        if name in found:
            raise SigningKeyError(f"PKCS#11 URI: expected {name} once, got it again")
        found[name] = _ENCODED.sub(lambda hit: bytes([int(hit[1], 16)]), value.encode())
    return found


def _text(found: dict[str, bytes], name: str) -> str | None:
    if name not in found:
        return None
    try:
        text = found[name].decode("utf-8")
    except UnicodeDecodeError:
        raise SigningKeyError(f"PKCS#11 URI: expected {name} in UTF-8") from None
    if "\0" in text:
        raise SigningKeyError(f"PKCS#11 URI: expected {name} without a null character")
    return text


def _file(source: str | None) -> Path | None:
    if source is None:
        return None
    path = source.removeprefix("file:")
    if path.startswith("///"):
        path = path[2:]
    if not path.startswith("/") or path.startswith("//"):
        raise SigningKeyError("PKCS#11 URI: expected pin-source with the path of a file")
    return Path(path)
