"""What a complaint has to be before it is taken."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import asdict

import rfc8785

from provenance.errors import ConflictError
from provenance.moderation.model import Contact
from provenance.moderation.views import NewComplaint
from provenance.moderation.vocabulary import Category, ReporterRole
from provenance.records.keys import ApiKey
from provenance.records.scopes import Scope

__all__ = ["MAX_TEXT_CHARS", "canonical", "check_complaint", "missing_for_48h", "network_of"]

MAX_TEXT_CHARS = 5_000
_MAX_LOCATORS = 20
_MAX_CONTACT_CHARS = 320
_MAX_EXTERNAL_ID_CHARS = 128
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_OWN = frozenset({ReporterRole.DEPICTED_PERSON, ReporterRole.REPRESENTATIVE})


def network_of(address: str) -> str:
    """Who is counted together: an IPv4 address, or the 64 bits that one household gets."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return address[:100]
    if parsed.version == 6:
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def missing_for_48h(new: NewComplaint) -> tuple[str, ...]:
    """What the 48 hours of a request about intimate images need and this one has not.

    Source: TAKE IT DOWN Act §3 (a) (1) (B).
    """
    if new.category is not Category.INTIMATE_IMAGE:
        return ()
    contact = new.contact or Contact()
    lacks = {
        "depicted-person": new.role not in _OWN,
        "signature": not (contact.signature or "").strip(),
        "contact": not (contact.email or "").strip(),
        "good-faith": not new.good_faith,
    }
    return tuple(name for name, lacking in lacks.items() if lacking)


def canonical(new: NewComplaint) -> str:
    """The complaint as one text, by which the same is known again."""
    return rfc8785.dumps(asdict(new)).decode("utf-8", "surrogatepass")


def check_complaint(new: NewComplaint, key: ApiKey | None) -> None:
    """Make sure that a complaint is complete and no longer than it may be.

    Raises:
        ConflictError: It is not.
    """
    _check_words(new)
    _check_sender(new, key)


def _check_words(new: NewComplaint) -> None:
    if not 0 < len(new.locators) <= _MAX_LOCATORS:
        raise ConflictError(
            f"locators: expected 1 to {_MAX_LOCATORS}: where it is; got {len(new.locators)}"
        )
    texts = [new.explanation, *_contact_texts(new.contact), new.external_id or ""]
    if any("\0" in text or not _is_unicode(text) for text in texts):
        raise ConflictError("complaint: expected text, got characters that are none")
    if len(new.explanation) > MAX_TEXT_CHARS:
        raise ConflictError(
            f"explanation: expected at most {MAX_TEXT_CHARS} characters, got {len(new.explanation)}"
        )
    if _LOCALE.fullmatch(new.locale) is None or len(new.locale) > 12:
        raise ConflictError(f"locale: expected a language like en or ko, got {new.locale!r:.40}")
    for text in _contact_texts(new.contact):
        if len(text) > _MAX_CONTACT_CHARS:
            raise ConflictError(f"contact: expected at most {_MAX_CONTACT_CHARS} characters each")
    email = new.contact.email if new.contact is not None else None
    if email and _EMAIL.fullmatch(email.strip()) is None:
        raise ConflictError("contact: email: expected an address like name@example.org")


def _check_sender(new: NewComplaint, key: ApiKey | None) -> None:
    if new.role is ReporterRole.AGENCY and (key is None or key.agency is None):
        raise ConflictError("role: an agency complains with its own key")
    if new.role is ReporterRole.TRUSTED_FLAGGER and (
        key is None or Scope.COMPLAINTS_TRUSTED not in key.scopes
    ):
        raise ConflictError("role: a trusted flagger complains with a key of its own")
    if new.external_id is not None:
        if key is None:
            raise ConflictError("external_id: only with a key")
        if not 0 < len(new.external_id) <= _MAX_EXTERNAL_ID_CHARS:
            raise ConflictError(
                f"external_id: expected 1 to {_MAX_EXTERNAL_ID_CHARS} characters, "
                f"got {len(new.external_id)}"
            )


def _contact_texts(contact: Contact | None) -> list[str]:
    if contact is None:
        return []
    return [text for text in (contact.name, contact.email, contact.signature) if text]


def _is_unicode(text: str) -> bool:
    # Half of a surrogate pair cannot be stored.
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)
