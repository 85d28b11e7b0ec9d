"""Passwords: which are taken, how they are kept, and whether one is right."""

from __future__ import annotations

import threading
import unicodedata
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from provenance.staff.tokens import Random

__all__ = ["MAX_PASSWORD_CHARS", "MIN_PASSWORD_CHARS", "PasswordFault", "Passwords", "fault_of"]

MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_CHARS = 256
# What may be typed for one: some keyboards send a letter as a base and its marks, a syllable of
# Hangul as its three parts, and it is counted when they are put together. No more than that is
# looked at: putting many marks in order takes the square of their number.
_MAX_TYPED_CHARS = 4 * MAX_PASSWORD_CHARS
_SALT_BYTES = 16
# How many are worked out at once, each with its own memory: strangers may ask for it.
_AT_ONCE = 4
_MIN_DIFFERENT = 5
_COMMON = ("password", "passwort", "contraseña", "qwertyuiop", "1234567890", "letmein", "비밀번호")


class PasswordFault(StrEnum):
    """Why a new password is not taken."""

    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    TOO_COMMON = "too-common"
    DIFFERENT = "different"
    """It was typed twice, and not the same."""


def fault_of(password: str, *, account: str) -> PasswordFault | None:
    """Why may this not be the password of this account? None if it may.

    Length counts, kinds of characters do not. Spec: NIST SP 800-63B-4 §3.1.1.2.
    """
    if len(password) > _MAX_TYPED_CHARS:
        return PasswordFault.TOO_LONG
    text = _normal(password)
    if len(text) < MIN_PASSWORD_CHARS:
        return PasswordFault.TOO_SHORT
    if len(text) > MAX_PASSWORD_CHARS:
        return PasswordFault.TOO_LONG
    folded = text.casefold()
    for common in (account.casefold(), *_COMMON):
        folded = folded.replace(common, "")
    # What is left is what an attacker has to guess.
    if len(set(folded)) < _MIN_DIFFERENT:
        return PasswordFault.TOO_COMMON
    return None


class Passwords:
    """Argon2id; by default with the parameters of RFC 9106 §4 for machines short of memory.

    Args:
        random: Where salts come from.
        passes: Over the memory.
        memory_kib: For one password.
        lanes: That may be worked on at once.
    """

    def __init__(
        self, random: Random, *, passes: int = 3, memory_kib: int = 64 * 1024, lanes: int = 4
    ) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        self._random = random
        self._busy = threading.BoundedSemaphore(_AT_ONCE)
        # What a password is held against where there is none: nobody's.
        self._nobody = self.hash(random(_SALT_BYTES).hex())

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self._busy:
            return self._hasher.hash(_normal(password), salt=self._random(_SALT_BYTES))

    def check(self, kept: str | None, password: str) -> bool:
        """Is it the one of which this is kept? Takes as long where there is none."""
        text = _normal(password[:_MAX_TYPED_CHARS])
        try:
            with self._busy:
                self._hasher.verify(self._nobody if kept is None else kept, text)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
        fits = len(password) <= _MAX_TYPED_CHARS and len(text) <= MAX_PASSWORD_CHARS
        return kept is not None and fits

    def is_outdated(self, kept: str) -> bool:
        """Was it made with other parameters than those of today?"""
        return self._hasher.check_needs_rehash(kept)


def _normal(password: str) -> str:
    # The same letters typed on another machine; NIST SP 800-63B-4 §3.1.1.2.
    text = unicodedata.normalize("NFKC", password)
    return text.encode("utf-8", "replace").decode("utf-8")
