"""Recovery codes: what somebody writes down for the day their telephone is gone."""

from __future__ import annotations

import base64

from provenance.staff.tokens import Random, digest_of

__all__ = ["CODES", "new_codes", "recovery_digest"]

CODES = 10
# 80 random bits: nothing to guess, so one pass of SHA-256 is all the hashing that is needed.
_BYTES = 10
_GROUP = 4
_CHARS = _BYTES * 8 // 5


def new_codes(random: Random) -> list[str]:
    """Ten codes, each like `ABCD-EFGH-IJKL-MNOP`."""
    return [_new(random) for _ in range(CODES)]


def recovery_digest(account: str, text: str) -> str | None:
    """What is kept of a code of this account, as people type it; None if it is none at all."""
    code = "".join(character for character in text.upper() if character.isalnum())
    # As they read it: the letters are never these digits.
    code = code.replace("0", "O").replace("1", "I").replace("8", "B")
    if len(code) != _CHARS or not code.isascii():
        return None
    return digest_of(f"{account}\0{code}")


def _new(random: Random) -> str:
    text = base64.b32encode(random(_BYTES)).decode("ascii")
    return "-".join(text[n : n + _GROUP] for n in range(0, len(text), _GROUP))
