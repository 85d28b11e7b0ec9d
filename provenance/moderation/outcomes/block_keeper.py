"""Whoever keeps the block list: what they change is written down in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from provenance.errors import ConflictError
from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.outcomes.hash_list import (
    EntryState,
    HashAlgorithm,
    HashEntry,
    HashList,
)
from provenance.moderation.outcomes.receivers import Outbox
from provenance.records.tokens import Random, new_id

__all__ = ["BlockKeeper", "tell_of_flood"]


class BlockKeeper:
    """Changes of the block list by people.

    Args:
        engine: The database.
        audit: Where it is written down.
    """

    def __init__(self, engine: Engine, audit: AuditLog) -> None:
        self._engine = engine
        self._audit = audit

    def entries(self, *, decision: str | None = None) -> Sequence[HashEntry]:
        """The entries, of one decision or the newest of all."""
        return HashList(self._engine).entries(decision=decision)

    def disable(
        self, entry: str, *, why: str, by: str, now: datetime, until: datetime | None = None
    ) -> HashEntry:
        """Switch an entry off now.

        Args:
            entry: Which one.
            why: Why.
            by: Who; their right to is checked by whoever calls.
            now: The time.
            until: Until when; None: until it is switched on.

        Raises:
            ConflictError: There is none, it is withdrawn, there is no reason, or the end is
                not to come.
        """
        if not why.strip():
            raise ConflictError("why: expected a reason, got none")
        if until is not None and until <= now:
            raise ConflictError("until: expected a time that is to come")
        with writing(self._engine) as connection:
            changed = HashList.disable(connection, entry, why=why.strip(), until=until)
            self._note(connection, "hash-entry.disabled", changed, by, now)
        return changed

    def enable(self, entry: str, *, by: str, now: datetime, why: str | None = None) -> HashEntry:
        """Let an entry count again.

        Args:
            entry: Which one.
            by: Who; their right to is checked by whoever calls.
            now: The time.
            why: Why, where they say so.

        Raises:
            ConflictError: There is none, or it is withdrawn.
        """
        with writing(self._engine) as connection:
            changed = HashList.enable(connection, entry, now=now)
            self._note(connection, "hash-entry.enabled", replace(changed, why=why), by, now)
        return changed

    def add_code(self, entry: str, code: str, *, by: str, random: Random, now: datetime) -> None:
        """Let pictures that look like an entry's file be proposed to a person, too.

        Args:
            entry: The entry of the file itself.
            code: PDQ code of it, hex, from whoever has the file.
            by: Who.
            random: Names the entry.
            now: The time.

        Raises:
            ConflictError: There is no such entry that counts, or the code is none.
        """
        with writing(self._engine) as connection:
            known = HashList.named(connection, entry)
            if known.algorithm is not HashAlgorithm.SHA256 or not known.counts(now):
                raise ConflictError(
                    f"hash entry {entry!r:.44}: expected one of a file that counts, got one of "
                    f"{known.algorithm.value} that is {known.state.value}"
                )
            HashList.add(
                connection,
                id=new_id(random),
                decision=known.decision,
                case=known.case,
                subject=known.subject,
                algorithm=HashAlgorithm.PDQ,
                value=code,
                ends_at=known.ends_at,
                now=now,
            )
            self._note(connection, "hash-entry.code-added", known, by, now)

    def _note(
        self, connection: Connection, verb: str, entry: HashEntry, by: str, now: datetime
    ) -> None:
        self._audit.append(
            connection,
            at=now,
            actor=by,
            verb=verb,
            object=f"case:{entry.case}",
            detail={"entry": entry.id, "state": entry.state.value, "why": entry.why},
        )


def tell_of_flood(
    outbox: Outbox, audit: AuditLog, connection: Connection, entry: HashEntry, now: datetime
) -> None:
    """Call a person: this entry hit far more often than is to be expected."""
    audit.append(
        connection,
        at=now,
        actor="system",
        verb="hash-entry.quarantined",
        object=f"case:{entry.case}",
        detail={"entry": entry.id, "hits": entry.window_hits, "state": EntryState.QUARANTINED},
    )
    outbox.put(
        connection,
        "blocklist.quarantined",
        {
            "entry": entry.id,
            "decision": entry.decision,
            "case": entry.case,
            "algorithm": entry.algorithm.value,
            "hits": entry.window_hits,
        },
        now=now,
    )
