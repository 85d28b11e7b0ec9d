"""The few ways in which the C2SP formats write numbers, hashes and names."""

from __future__ import annotations

import base64
import binascii
import re

from provenance.errors import MalformedError
from provenance.registry.log.merkle import HASH_BYTES

__all__ = ["base64_text", "is_key_name", "parse_base64", "parse_decimal", "parse_hash"]

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def parse_decimal(text: str, *, most: int, where: str) -> int:
    """Which number is this, in decimal ASCII without leading zeros?

    Raises:
        MalformedError: None, or one above `most`.
    """
    if not _DECIMAL.fullmatch(text) or int(text) > most:
        raise MalformedError(f"{where}: expected a decimal number up to {most}, got {text!r:.40}")
    return int(text)


def base64_text(data: bytes) -> str:
    """How are these bytes written (RFC 4648 §4)?"""
    return base64.b64encode(data).decode("ascii")


def parse_base64(text: str, *, where: str) -> bytes:
    """Which bytes does this standard base64 hold?

    Raises:
        MalformedError: It is none, or not the one way to write its bytes.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"{where}: expected base64, got {text!r:.40}") from error
    # Bits that are not used could be anything: one signature would have several spellings.
    if base64_text(data) != text:
        raise MalformedError(f"{where}: expected base64 in its one spelling, got {text!r:.40}")
    return data


def parse_hash(text: str, *, where: str) -> bytes:
    """Which SHA-256 hash is this?

    Raises:
        MalformedError: It is none in base64.
    """
    data = parse_base64(text, where=where)
    if len(data) != HASH_BYTES:
        raise MalformedError(f"{where}: expected a hash of {HASH_BYTES} bytes, got {len(data)}")
    return data


def is_key_name(name: str) -> bool:
    """May a key be called this? Spec: c2sp.org/signed-note, "Format"."""
    # A lone surrogate stands for an octet that was no UTF-8.
    unusable = any(c.isspace() or c < " " or "\ud800" <= c <= "\udfff" for c in name)
    return bool(name) and "+" not in name and not unusable
