"""The form of a complaint, field by field: what was filled in, and what is wrong with it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

from provenance.hosts import ascii_host
from provenance.moderation.model import Contact, Locator
from provenance.moderation.views import NewComplaint
from provenance.moderation.vocabulary import Category, ReporterRole
from provenance.records.tokens import looks_like_id
from provenance.wording.messages import Message, say

__all__ = ["LIMITS", "ReportForm", "parse_digest", "parse_url"]

LIMITS: Mapping[str, int] = {
    "url": 2000,
    "explanation": 4000,
    "name": 200,
    "email": 254,
    "text": 4000,
}
"""How many characters a field may have."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_EMAIL = re.compile(r"[^@\s<>\"(),:;\\]{1,64}@[^@\s<>\"(),:;\\]+\.[^@\s<>\"(),:;\\.]{2,}")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9.])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Where the address and the category say enough by themselves, nobody has to describe it.
_NEEDS_NO_WORDS = frozenset({Category.INTIMATE_IMAGE, Category.CHILD_SAFETY})

# An agency and a trusted flagger are known by their keys, and a page takes none: who comes
# without is taken at their word as what everybody may say of themselves. The form tells so.
_WITHOUT_KEY: Mapping[ReporterRole, ReporterRole] = {
    ReporterRole.AGENCY: ReporterRole.REPRESENTATIVE,
    ReporterRole.TRUSTED_FLAGGER: ReporterRole.ANYONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportForm:
    """What somebody filled in, as they did: a form with an error shows it again.

    Attributes:
        r: The report from whose page they came.
        url: Address of the page or file.
        digest: SHA-256 of the file.
        category: What is wrong.
        explanation: In their words.
        role: Who they say they are.
        name: Their name.
        email: Their address for the answer.
        signature: Their signature.
        good_faith: Whether they ticked the declaration.
        website: A field that people do not see; what fills in everything does.
    """

    r: str = ""
    url: str = ""
    digest: str = ""
    category: str = ""
    explanation: str = ""
    role: str = ""
    name: str = ""
    email: str = ""
    signature: str = ""
    good_faith: bool = False
    website: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Self:
        """The form with these fields; others are not looked at."""
        one_line = ("r", "url", "digest", "category", "role", "name", "email", "signature",
                    "website")  # fmt: skip
        return cls(
            **{name: _CONTROL.sub(" ", fields.get(name, "")).strip() for name in one_line},
            explanation=fields.get("explanation", "").strip(),
            good_faith=fields.get("good_faith") == "yes",
        )

    @property
    def report(self) -> str | None:
        """The name of the report, if it can be one."""
        return self.r if looks_like_id(self.r) else None

    def errors(self, *, attached: bool) -> dict[str, Message]:
        """What is wrong, by field, in the order of the form? Empty: nothing.

        Args:
            attached: Whether the report that it names is there.
        """
        return {
            **self._where(attached=attached),
            **self._what(),
            **self._who(),
            **({"website": say("report.trap")} if self.website else {}),
            **({} if self.good_faith else {"good_faith": say("wrong.good_faith")}),
        }

    def complaint(
        self, *, locale: str, report: str | None = None, sha256: str | None = None
    ) -> NewComplaint:
        """The complaint of a form without errors.

        Args:
            locale: The language it is answered in.
            report: The report that is attached: only one that is there.
            sha256: Digest of the file of that report.
        """
        contact = Contact(
            name=self.name or None, email=self.email or None, signature=self.signature or None
        )
        return NewComplaint(
            category=Category(self.category),
            locators=(
                Locator(
                    url=parse_url(self.url),
                    sha256=sha256 or parse_digest(self.digest),
                    report=report,
                ),
            ),
            role=_WITHOUT_KEY.get(ReporterRole(self.role), ReporterRole(self.role)),
            explanation=self.explanation,
            good_faith=self.good_faith,
            locale=locale,
            contact=None if contact == Contact() else contact,
        )

    def _where(self, *, attached: bool) -> dict[str, Message]:
        wrong: dict[str, Message] = {}
        if self.url and parse_url(self.url) is None:
            wrong["url"] = _too_long("url") if len(self.url) > LIMITS["url"] else say("wrong.url")
        if self.digest and not attached and parse_digest(self.digest) is None:
            wrong["digest"] = say("wrong.digest")
        if not (self.url or self.digest or attached):
            wrong["url"] = say("wrong.where")
        return wrong

    def _what(self) -> dict[str, Message]:
        wrong: dict[str, Message] = {}
        if self.category not in set(Category):
            wrong["category"] = say("wrong.category")
        if len(self.explanation) > LIMITS["explanation"]:
            wrong["explanation"] = _too_long("explanation")
        elif not self.explanation and self.category not in _NEEDS_NO_WORDS:
            wrong["explanation"] = say("wrong.explanation")
        return wrong

    def _who(self) -> dict[str, Message]:
        wrong: dict[str, Message] = {}
        if self.role not in set(ReporterRole):
            wrong["role"] = say("wrong.role")
        for name in ("name", "signature"):
            if len(getattr(self, name)) > LIMITS["name"]:
                wrong[name] = _too_long("name")
        if self.email and (len(self.email) > LIMITS["email"] or not _EMAIL.fullmatch(self.email)):
            wrong["email"] = say("wrong.email")
        if self.category == Category.COPYRIGHT:
            needed = {"name": "wrong.name", "email": "wrong.email-needed",
                      "signature": "wrong.signature"}  # fmt: skip
            for name, message in needed.items():
                if not getattr(self, name):
                    wrong[name] = say(message)
        return {
            name: wrong[name] for name in ("role", "name", "email", "signature") if name in wrong
        }


def parse_url(text: str) -> str | None:
    """Which address is this, in ASCII (RFC 3986)? None: it is none of a page or a file.

    People copy addresses with letters of their own language; those are written as bytes.
    """
    text = text.strip()
    if not 0 < len(text) <= LIMITS["url"] or any(c.isspace() for c in text):
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            ipaddress.IPv6Address(host)
        else:
            host = ascii_host(host)
        if ":" not in host and not _HOST.fullmatch(host):
            return None
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        return None
    shown = f"[{host}]" if ":" in host else host
    place = shown if port is None else f"{shown}:{port}"
    kept = "!#$%&'()*+,/:;=?@[]~"
    whole = urlunsplit(
        (
            parts.scheme,
            place,
            quote(parts.path, safe=kept),
            quote(parts.query, safe=kept),
            quote(parts.fragment, safe=kept),
        )
    )
    return whole if len(whole) <= LIMITS["url"] else None


def parse_digest(text: str) -> str | None:
    """Which SHA-256 is this, however it was copied? None: it is none."""
    bare = re.sub(r"[\s:]", "", text.lower().removeprefix("sha256").removeprefix("sha-256"))
    return bare if _DIGEST.fullmatch(bare) else None


def _too_long(field: str) -> Message:
    return say("wrong.too-long", most=LIMITS[field])
