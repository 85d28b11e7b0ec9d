"""The form of a notice to a host, as somebody filled it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from provenance.moderation.model import Case
from provenance.moderation.outcomes.notices import TEMPLATES, NoticeDraft
from provenance.moderation.personal_data import without_sharer
from provenance.service.staff_forms import Fields

__all__ = ["NoticeForm"]

_MOST_CHARS = 20_000
_MOST_SENDER_CHARS = 400
_FIRST = next(iter(TEMPLATES))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeForm:
    """What was filled in.

    Attributes:
        host: Name of the host.
        addresses: Addresses, one on each line.
        sender: Who notifies.
        language: Of the notice.
        template: Its text, with the version.
        decision: The decision that was shown beside it.
    """

    host: str = ""
    addresses: str = ""
    sender: str = ""
    language: str = "en"
    template: str = _FIRST
    decision: str = ""

    @classmethod
    def about(cls, case: Case) -> Self:
        """What is known before anybody writes: where it was first seen, at that host."""
        urls = list(filter(None, (without_sharer(subject.url) for subject in case.subjects)))
        host = _host(urls[0]) if urls else ""
        return cls(host=host, addresses="\n".join(url for url in urls if _host(url) == host))

    @classmethod
    def of(cls, fields: Fields) -> Self:
        """What this form says."""
        return cls(
            host=fields.one("host").strip().lower()[:253],
            addresses=fields.one("addresses")[:_MOST_CHARS],
            sender=fields.one("sender")[:_MOST_SENDER_CHARS],
            language=fields.one("language")[:20],
            template=fields.one("template")[:40],
            decision=fields.one("decision")[:64],
        )

    @property
    def draft(self) -> NoticeDraft:
        """The same for the desk."""
        lines = (line.strip() for line in self.addresses.splitlines())
        return NoticeDraft(
            host=self.host,
            addresses=tuple(dict.fromkeys(line for line in lines if line)),
            sender=self.sender.strip(),
            language=self.language,
            template=self.template,
        )

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The fields that the form to confirm carries on, but for the decision."""
        names = ("host", "addresses", "sender", "language", "template")
        return tuple((name, getattr(self, name)) for name in names)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
