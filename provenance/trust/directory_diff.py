"""What is different between two directories, in words: who gained or lost which key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from provenance.trust.directory import Agency, Anchor, Directory, Key, RevokedCertificate

__all__ = ["Change", "ChangeKind", "compare_directories"]


class ChangeKind(StrEnum):
    """What a change does to who may speak for an agency."""

    GAINED = "gained"
    LOST = "lost"
    DISOWNED = "disowned"
    RESTORED = "restored"
    """What was disowned counts again, or counts for longer."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    Attributes:
        agency: Id of the agency; None where it concerns the directory as a whole.
        kind: What it does.
        text: One sentence.
    """

    agency: str | None
    kind: ChangeKind
    text: str


def compare_directories(old: Directory, new: Directory) -> tuple[Change, ...]:
    """What changes for whom from one directory to the other? Version and dates are left out."""
    changes: list[Change] = []
    for field in ("name", "test"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            text = f"the directory's {field} changes from {before!r} to {after!r}"
            changes.append(Change(agency=None, kind=ChangeKind.OTHER, text=text))
    olds = {agency.id: agency for agency in old.agencies}
    news = {agency.id: agency for agency in new.agencies}
    for key in sorted(olds.keys() | news.keys()):
        before, after = olds.get(key), news.get(key)
        for kind, text in _agency_changes(before, after):
            name = after or before
            assert name is not None  # noqa: S101 - it is in one of the two
            changes.append(Change(agency=key, kind=kind, text=f"{name.name} ({key}) {text}"))
    return tuple(changes)


_Told = Iterator[tuple[ChangeKind, str]]


def _agency_changes(old: Agency | None, new: Agency | None) -> _Told:
    if old is None and new is not None:
        yield ChangeKind.GAINED, "is new in the directory"
    if new is None:
        # Whatever it had disowned is forgotten with it.
        yield ChangeKind.LOST, "is no longer in the directory"
    yield from _entries("key", old.keys if old else (), new.keys if new else ())
    yield from _entries("anchor", old.anchors if old else (), new.anchors if new else ())
    yield from _revoked(old.revoked if old else (), new.revoked if new else ())
    if old is not None and new is not None:
        yield from _descriptions(old, new)


_Entry = TypeVar("_Entry", Key, Anchor)


def _entries(what: str, old: Sequence[_Entry], new: Sequence[_Entry]) -> _Told:
    # By what is trusted, not by its id: an id that stays over another key is no small change.
    olds: Mapping[str, _Entry] = {_identity(entry): entry for entry in old}
    news: Mapping[str, _Entry] = {_identity(entry): entry for entry in new}
    for identity, entry in olds.items():
        if identity not in news:
            yield ChangeKind.LOST, f"loses {what} {_shown(entry)}"
    for identity, entry in news.items():
        before = olds.get(identity)
        if before is None:
            since = entry.compromised_since
            said = f", compromised since {_when(since)}" if since else ""
            yield ChangeKind.GAINED, f"gains {what} {_shown(entry)}{said}"
        else:
            yield from _entry_changes(what, before, entry)


def _entry_changes(what: str, old: _Entry, new: _Entry) -> _Told:
    name = f"{what} {_shown(new)}"
    was, now = old.compromised_since, new.compromised_since
    if was != now:
        if now is not None and (was is None or now < was):
            yield ChangeKind.DISOWNED, f"disowns {name} from {_when(now)} on"
        else:
            until = f"only from {_when(now)} on" if now else "no longer at all"
            yield ChangeKind.RESTORED, f"had disowned {name} from {_when(was)} on; now {until}"
    if (old.not_before, old.not_after) != (new.not_before, new.not_after):
        yield (
            ChangeKind.OTHER,
            f"changes the window of {name} from {_window(old)} to {_window(new)}",
        )
    if old.scope != new.scope:
        yield ChangeKind.OTHER, f"changes the scope of {name}"
    if old.id != new.id:
        yield ChangeKind.OTHER, f"calls {what} {old.id} {new.id} from now on"


def _revoked(old: Sequence[RevokedCertificate], new: Sequence[RevokedCertificate]) -> _Told:
    olds, news = {_meant(e): e for e in old}, {_meant(e): e for e in new}
    for meant, entry in news.items():
        before = olds.get(meant)
        if before is None or _earlier(entry.since, before.since):
            yield ChangeKind.DISOWNED, f"disowns {_named(entry)} {_since(entry.since)}"
    for meant, entry in olds.items():
        after = news.get(meant)
        if after is None:
            yield ChangeKind.RESTORED, f"had disowned {_named(entry)}; no longer"
        elif _earlier(entry.since, after.since):
            yield (
                ChangeKind.RESTORED,
                f"had disowned {_named(entry)} {_since(entry.since)}; now {_since(after.since)}",
            )


def _descriptions(old: Agency, new: Agency) -> _Told:
    for product in sorted(set(_products(new)) - set(_products(old))):
        yield ChangeKind.GAINED, f"gains product {product!r}"
    for product in sorted(set(_products(old)) - set(_products(new))):
        yield ChangeKind.LOST, f"loses product {product!r}"
    known = {"id", "keys", "anchors", "revoked", "products"}
    for field in Agency.model_fields:
        if field not in known and getattr(old, field) != getattr(new, field):
            yield ChangeKind.OTHER, f"changes its {field.replace('_', ' ')}"


def _products(agency: Agency) -> list[str]:
    return [str(product) for product in agency.products]


def _identity(entry: Key | Anchor) -> str:
    if isinstance(entry, Key):
        return entry.spki_sha256
    subject = entry.subject.model_dump_json()
    return f"{entry.certificate.sha256} {subject}"


def _shown(entry: Key | Anchor) -> str:
    digest = entry.spki_sha256 if isinstance(entry, Key) else entry.certificate.sha256
    return f"{entry.id} (SHA-256 {digest[:16]}...)"


def _meant(entry: RevokedCertificate) -> str:
    return entry.model_dump_json(exclude={"since", "reason"})


def _named(entry: RevokedCertificate) -> str:
    if entry.spki_sha256 is not None:
        return f"the key with SHA-256 {entry.spki_sha256[:16]}..."
    return f"certificate {entry.serial_number} of issuer {entry.issuer_common_name!r}"


def _earlier(first: datetime | None, second: datetime | None) -> bool:
    """Does the first disown more? Without a moment it was never good."""
    if second is None:
        return False
    return first is None or first < second


def _since(since: datetime | None) -> str:
    return f"from {_when(since)} on" if since else "for all times"


def _when(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else "any time"


def _window(entry: Key | Anchor) -> str:
    return f"{_when(entry.not_before)} .. {_when(entry.not_after)}"
