"""Does a text that anybody may read name a person or say how to reach one?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from provenance.errors import ConflictError

__all__ = ["PersonalData", "find_personal_data", "refuse_personal_data", "without_sharer"]


class PersonalData(StrEnum):
    """What was found."""

    EMAIL = "an e-mail address"
    TELEPHONE = "a telephone number"
    ACCOUNT = "the name of an account"
    USER_ADDRESS = "an address with a user in it"
    IDENTITY_NUMBER = "a resident registration number"


_EMAIL = re.compile(r"[^\s@<>()\[\]]{1,64}@[^\s@<>()\[\]]+\.[^\s@<>()\[\].,;:!?]{2,}")
_ACCOUNT = re.compile(r"(?<![\w@/])@\w[\w.]+")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
# Korea: six digits of a birthday, a hyphen, and a digit 1 to 8 with six more.
_IDENTITY_NUMBER = re.compile(r"(?<!\d)\d{6}\s?-\s?[1-8]\d{6}(?!\d)")
# What could be one; how many digits it has decides. No letter may touch it: digests,
# references and names of releases are full of digits.
_TELEPHONE = re.compile(r"(?<![\w./:-])\+?\(?\d[\d\s().\-\u2010-\u2015]{6,22}\d(?![\w-])")
_DATE = re.compile(r"\d{4}[-.]\s?\d{1,2}[-.]\s?\d{1,2}(?:[\s.]+\d{1,2})?\.?")
_LAW = re.compile(r"\d{4}/\d{2,4}|\d{2,4}/\d{4}")
_LEAST_DIGITS, _MOST_DIGITS = 8, 15
# First parts of paths that stand before somebody's name on many sites.
_USER_PARTS = frozenset(
    {"u", "user", "users", "profile", "profiles", "member", "members", "channel", "in", "people"}
)

# What apps put into a link they share: it stands for whoever shared it, or for their device.
_SHARE_TOKENS = frozenset({"fbclid", "igsh", "igshid", "mibextid"})
# The same under names that say something else on other sites.
_SHARE_TOKENS_OF = {
    "spotify.com": frozenset({"si"}),
    "tiktok.com": frozenset({"_d", "_r", "_t", "sec_uid", "sec_user_id", "u_code", "user_id"}),
    "twitter.com": frozenset({"s", "t"}),
    "x.com": frozenset({"s", "t"}),
    "youtu.be": frozenset({"si"}),
    "youtube.com": frozenset({"si"}),
}


def find_personal_data(text: str) -> tuple[PersonalData, ...]:
    """Which kinds of personal data are in this text, as far as their form gives them away?

    It finds addresses and numbers by which somebody could be reached or looked up. It
    cannot find a name: who writes for the public is told not to write any, and what is
    published from fields consists of words of ours.
    """
    found: set[PersonalData] = set()
    # Full-width signs are read like the others.
    text = unicodedata.normalize("NFKC", text)
    rest = text
    for address in _URL.findall(text):
        rest = rest.replace(address, " ")
        if _names_a_user(address):
            found.add(PersonalData.USER_ADDRESS)
    if _EMAIL.search(rest):
        found.add(PersonalData.EMAIL)
        rest = _EMAIL.sub(" ", rest)
    if _ACCOUNT.search(rest):
        found.add(PersonalData.ACCOUNT)
    if _IDENTITY_NUMBER.search(rest):
        found.add(PersonalData.IDENTITY_NUMBER)
        rest = _IDENTITY_NUMBER.sub(" ", rest)
    if any(map(_is_telephone, _TELEPHONE.findall(rest))):
        found.add(PersonalData.TELEPHONE)
    return tuple(kind for kind in PersonalData if kind in found)


def refuse_personal_data(texts: Iterable[tuple[str, str | None]]) -> None:
    """Let nothing be published that says who somebody is or how to reach them.

    Args:
        texts: What each is called, and what it says.

    Raises:
        ConflictError: One of them does; the message names the field and the kind, and
            repeats nothing of the text.
    """
    for name, text in texts:
        found = find_personal_data(text or "")
        if found:
            kinds = " and ".join(kind.value for kind in found)
            raise ConflictError(f"{name}: expected no personal data, got {kinds}")


def without_sharer(url: str | None) -> str | None:
    """An address for whoever is told where it is, without whoever shared it.

    A complainant pastes what their browser or an app gave them, and many sites write the
    account that a link was shared with into its query, or a token that the site alone can
    read: whoever posted the file may be that site's, or ask it. Only what holds an account or
    such a token goes: the rest says what is there. An account in the path is that of whoever
    uploaded it.
    """
    parts = urlsplit(url or "")
    said = parts.query.split("&")
    tokens = _SHARE_TOKENS | _tokens_of(parts.hostname or "")
    kept = [
        part
        for part in said
        if "@" not in part and "%40" not in part and part.partition("=")[0] not in tokens
    ]
    return url if kept == said else urlunsplit(parts._replace(query="&".join(kept)))


def _tokens_of(host: str) -> frozenset[str]:
    """Which parts of the query hold who shared a link, on this host alone?"""
    for site, tokens in _SHARE_TOKENS_OF.items():
        if host == site or host.endswith(f".{site}"):
            return tokens
    return frozenset()


def _is_telephone(text: str) -> bool:
    if _DATE.fullmatch(text.strip()) or _LAW.fullmatch(text.strip()):
        return False
    digits = sum(character.isdigit() for character in text)
    return _LEAST_DIGITS <= digits <= _MOST_DIGITS


def _names_a_user(address: str) -> bool:
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
    except ValueError:
        # Nobody can say what is in it.
        return True
    if "@" in parts.netloc:
        return True
    steps = [step.casefold() for step in parts.path.split("/") if step]
    if any(step[:1] in {"@", "~"} or step.startswith("%40") for step in steps):
        return True
    named = len(steps) > 1 and steps[0] in _USER_PARTS
    return named or "@" in parts.query or "%40" in parts.query.casefold()
