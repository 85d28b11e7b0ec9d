"""A directory as lines for a person."""

from __future__ import annotations

from datetime import datetime

from provenance.trust.directory import Agency, LoadedDirectory

__all__ = ["age_text", "agency_lines"]


def age_text(loaded: LoadedDirectory, now: datetime) -> str:
    """How old is a directory, and may anything still be called official by it?"""
    days = loaded.age(now).days
    text = f"it is {days} day{'' if days == 1 else 's'} old"
    end = loaded.expires_at
    if end is None:
        return f"{text}; it never expires"
    moment = end.strftime("%Y-%m-%d %H:%M UTC")
    if now > end:
        return f"{text}; it expired at {moment}: nothing can be called official by it"
    return f"{text}; it expires at {moment}"


def agency_lines(agency: Agency) -> list[str]:
    """What does a directory say about an agency? Names are as its keepers wrote them."""
    names = ", ".join(f"{entry.name} ({entry.language})" for entry in agency.names)
    lines = [f"{agency.id}: {names}"]
    entries = [("key", key.id, key.spki_sha256, key) for key in agency.keys]
    rows = [*entries, *(("anchor", a.id, a.certificate.sha256, a) for a in agency.anchors)]
    for what, name, digest, entry in rows:
        lines.append(f"  {what} {name}, SHA-256 {digest}")
        lines.append(f"    counts {entry.not_before or 'always'} .. {entry.not_after or 'always'}")
        if entry.compromised_since is not None:
            lines.append(f"    compromised since {entry.compromised_since.isoformat()}")
    for revoked in agency.revoked:
        meant = revoked.spki_sha256 or f"{revoked.serial_number} of {revoked.issuer_common_name}"
        since = f"since {revoked.since.isoformat()}" if revoked.since else "for all times"
        lines.append(f"  disowned {meant}, {since}: {revoked.reason or 'no reason given'}")
    names_of = (p if isinstance(p, str) else p.name for p in agency.products)
    return [*lines, *(f"  product {name}" for name in names_of)]
