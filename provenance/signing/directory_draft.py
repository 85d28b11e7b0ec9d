"""Edits of a directory document: each changes the JSON and says in words what it did.

Whether the result is a directory is for `parse_directory` to say, after the edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from provenance.errors import DirectoryError
from provenance.trust.certificates import Certificate

__all__ = [
    "Document",
    "Limits",
    "Subject",
    "add_agency",
    "add_anchor",
    "add_key",
    "add_product",
    "revoke_key",
    "set_compromised",
]

Document = dict[str, Any]
"""A directory as JSON holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When and about what an entry counts; None: not limited."""

    not_before: datetime | None = None
    not_after: datetime | None = None
    artists: Sequence[str] | None = None
    media_kinds: Sequence[str] | None = None

    def entry(self) -> Document:
        """The fields of a key or an anchor."""
        scope = self.scope()
        return {
            "not_before": _zulu(self.not_before),
            "not_after": _zulu(self.not_after),
            "scope": scope or None,
        }

    def scope(self) -> Document:
        """The fields of a scope, none where nothing is limited."""
        given = {"artists": self.artists, "media_kinds": self.media_kinds}
        return {name: list(values) for name, values in given.items() if values is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a leaf under an anchor must say of itself; one at least."""

    organization: str | None = None
    common_name: str | None = None

    def entry(self) -> Document:
        """The fields of a subject constraint."""
        given = {"organization": self.organization, "common_name": self.common_name}
        return {name: value for name, value in given.items() if value is not None}


def add_agency(
    document: Document,
    agency_id: str,
    *,
    names: Mapping[str, str],
    limits: Limits,
    channels: Sequence[tuple[str, str]] = (),
    contact: Mapping[str, str] | None = None,
) -> str:
    """Take in an agency, which has no key yet.

    Args:
        document: The directory; is changed.
        agency_id: Its id.
        names: Its names by language tag.
        limits: Artists and kinds of media; it has no window.
        channels: Kind and address of each place where it publishes.
        contact: Whom to ask, by kind (`email`).

    Raises:
        DirectoryError: There is one of that id.
    """
    if any(agency.get("id") == agency_id for agency in document["agencies"]):
        raise DirectoryError(f"agency {agency_id}: is in the draft already")
    document["agencies"].append(
        {
            "id": agency_id,
            "names": [{"language": tag, "name": name} for tag, name in names.items()],
            "test": bool(document.get("test")),
            "scope": limits.scope(),
            "channels": [{"kind": kind, "url": url} for kind, url in channels],
            "contact": dict(contact or {}),
        }
    )
    shown = ", ".join(f"{tag}: {name}" for tag, name in names.items())
    return f"agency {agency_id} taken in ({shown})"


def add_key(
    document: Document, agency_id: str, key_id: str, *, spki_sha256: str, limits: Limits
) -> str:
    """List one signing key of an agency.

    Raises:
        DirectoryError: There is no such agency, or it has a key of that id.
    """
    agency = _agency(document, agency_id)
    _refuse_known(agency, "keys", key_id)
    agency.setdefault("keys", []).append(
        {"id": key_id, "spki_sha256": spki_sha256, **limits.entry()}
    )
    return f"agency {agency_id} gains key {key_id}, SHA-256 {spki_sha256}"


def add_anchor(
    document: Document,
    agency_id: str,
    anchor_id: str,
    *,
    certificate: Certificate,
    subject: Subject,
    limits: Limits,
) -> str:
    """List a CA whose leaves speak for an agency, as far as their subject matches.

    Raises:
        DirectoryError: There is no such agency, or it has an anchor of that id.
    """
    agency = _agency(document, agency_id)
    _refuse_known(agency, "anchors", anchor_id)
    agency.setdefault("anchors", []).append(
        {
            "id": anchor_id,
            "certificate_pem": _pem(certificate),
            "subject": subject.entry(),
            **limits.entry(),
        }
    )
    return (
        f"agency {agency_id} gains anchor {anchor_id}, certificate SHA-256 {certificate.sha256}, "
        f"for {subject.entry()}"
    )


def add_product(
    document: Document,
    agency_id: str,
    product_id: str,
    *,
    name: str,
    certificates: Sequence[Certificate],
    subject: Subject,
) -> str:
    """List a product under whose claims the agency's identity counts.

    Args:
        document: The directory; is changed.
        agency_id: Whose.
        product_id: Its id.
        name: What reports call it.
        certificates: Those it signs claims with; a CA stands for what it issues.
        subject: What a leaf under one of the CAs must say.

    Raises:
        DirectoryError: There is no such agency, or it has a product of that id.
    """
    agency = _agency(document, agency_id)
    listed = [entry for entry in agency.get("products", ()) if isinstance(entry, dict)]
    _refuse_known({"products": listed}, "products", product_id)
    agency.setdefault("products", []).append(
        {
            "id": product_id,
            "name": name,
            "spki_sha256": [entry.spki_sha256 for entry in certificates if not entry.is_ca],
            "anchors": [
                {"certificate_pem": _pem(entry), "subject": subject.entry()}
                for entry in certificates
                if entry.is_ca
            ],
        }
    )
    return f"agency {agency_id} gains product {product_id} ({name})"


def revoke_key(
    document: Document,
    agency_id: str,
    *,
    spki_sha256: str | None,
    key_id: str | None = None,
    since: datetime | None,
    reason: str,
) -> str:
    """Disown a key, listed or not, whatever certificate it stands in.

    Args:
        document: The directory; is changed.
        agency_id: Whose key it is.
        spki_sha256: Digest of the public key.
        key_id: Id of a listed key, instead of its digest.
        since: From when on; None: it was never good.
        reason: Why, for whoever reads the directory.

    Raises:
        DirectoryError: There is no such agency or key, or it is disowned as early already.
    """
    agency = _agency(document, agency_id)
    if key_id is not None:
        spki_sha256 = _entry(agency, "keys", key_id)["spki_sha256"]
    listed = agency.setdefault("revoked", [])
    for entry in [e for e in listed if e.get("spki_sha256") == spki_sha256]:
        if _disowns_no_less(entry.get("since"), since):
            raise DirectoryError(
                f"agency {agency_id}: has disowned this key already, "
                f"{_since(_moment(entry.get('since')))}"
            )
        listed.remove(entry)
    listed.append({"spki_sha256": spki_sha256, "since": _zulu(since), "reason": reason})
    return f"agency {agency_id} disowns the key with SHA-256 {spki_sha256}, {_since(since)}"


def set_compromised(
    document: Document, agency_id: str, *, what: str, entry_id: str, since: datetime
) -> str:
    """Say from when on a key or an anchor counts only with an earlier trusted time-stamp.

    Args:
        document: The directory; is changed.
        agency_id: Whose.
        what: `keys` or `anchors`.
        entry_id: Id of the key or the anchor.
        since: From when on.

    Raises:
        DirectoryError: There is no such agency or entry, or it says an earlier moment
            already: what was disowned does not come back by this way.
    """
    entry = _entry(_agency(document, agency_id), what, entry_id)
    if _disowns_no_less(entry.get("compromised_since"), since, never_good=False):
        raise DirectoryError(
            f"agency {agency_id}: {what[:-1]} {entry_id}: is compromised since "
            f"{entry['compromised_since']} already"
        )
    entry["compromised_since"] = _zulu(since)
    return f"agency {agency_id}: {what[:-1]} {entry_id} is compromised since {_zulu(since)}"


def _agency(document: Document, agency_id: str) -> Document:
    for agency in document["agencies"]:
        if agency.get("id") == agency_id:
            found: Document = agency
            return found
    known = ", ".join(str(agency.get("id")) for agency in document["agencies"]) or "none"
    raise DirectoryError(f"agency {agency_id}: is not in the draft, which has {known}")


def _entry(agency: Document, what: str, entry_id: str) -> Document:
    for entry in agency.get(what, ()):
        if entry.get("id") == entry_id:
            found: Document = entry
            return found
    known = ", ".join(str(entry.get("id")) for entry in agency.get(what, ())) or "none"
    raise DirectoryError(
        f"agency {agency.get('id')}: {what[:-1]} {entry_id}: is not in the draft, which has {known}"
    )


def _refuse_known(agency: Document, what: str, entry_id: str) -> None:
    if any(entry.get("id") == entry_id for entry in agency.get(what, ())):
        raise DirectoryError(f"{what[:-1]} {entry_id}: is in the draft already")


def _disowns_no_less(was: str | None, now: datetime | None, *, never_good: bool = True) -> bool:
    before = _moment(was)
    if before is None:
        # In `revoked`, no moment means that it was never good; elsewhere, nothing.
        return never_good
    return now is not None and now >= before


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _since(since: datetime | None) -> str:
    return f"from {_zulu(since)} on" if since else "for all times"


def _pem(certificate: Certificate) -> str:
    return certificate.x509.public_bytes(Encoding.PEM).decode("ascii")


def _zulu(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
