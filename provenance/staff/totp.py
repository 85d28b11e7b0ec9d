"""Codes by time, as an app on a telephone shows them.

Spec: RFC 6238, with its defaults: six digits, 30 seconds, HMAC-SHA-1.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

import pyotp

from provenance.staff.tokens import Random

__all__ = ["new_secret", "parse_code", "provisioning_uri", "step_of"]

_SECRET_BYTES = 20
_STEP_S = 30
# One step of time to either side: clocks differ, and people type slowly (RFC 6238 §5.2).
_WINDOW = 1
_ISSUER = "Provenance"
_DIGITS = 6


def new_secret(random: Random) -> str:
    """160 random bits in base32 (RFC 4226 §4, R6)."""
    return base64.b32encode(random(_SECRET_BYTES)).decode("ascii")


def provisioning_uri(secret: str, *, account: str) -> str:
    """What a QR code says to the app."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=_ISSUER)


def parse_code(text: str) -> str | None:
    """Six digits as people type them; None for anything else."""
    code = "".join(text.split()).replace("-", "")
    return code if len(code) == _DIGITS and code.isascii() and code.isdecimal() else None


def step_of(secret: str, code: str, *, now: datetime, after: int | None) -> int | None:
    """Of which step of time is this code? None if of none that may count.

    Args:
        secret: Base32.
        code: Six digits.
        now: What time it is.
        after: The last step of which a code was taken: neither it nor any before it
            counts again (RFC 6238 §5.2).
    """
    totp = pyotp.TOTP(secret)
    current = int(now.timestamp()) // _STEP_S
    found = None
    # All are compared, whichever it is.
    for step in range(current - _WINDOW, current + _WINDOW + 1):
        same = hmac.compare_digest(totp.generate_otp(step), code)
        if same and (after is None or step > after):
            found = step
    return found
