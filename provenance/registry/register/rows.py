"""Rows that a writer adds: gathered, numbered and written many at once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, func, insert, select, update

from provenance.fingerprints.model import MediaFingerprint
from provenance.registry.register.packed_codes import pack_codes
from provenance.registry.register.schema import (
    BINDING,
    CHANGE,
    COUNTER,
    FILE,
    FINGERPRINT,
    MANIFEST,
    REFERENCE,
    RELEASE,
)

__all__ = ["NewRows"]

# Referred to before those that refer to them.
_ORDER = (RELEASE, CHANGE, MANIFEST, FILE, FINGERPRINT, REFERENCE, BINDING)
_COUNTER = select(COUNTER.c.value, COUNTER.c.clock)


class NewRows:
    """The rows of one transaction that writes, of which there is one at a time.

    Args:
        connection: The transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._pending: dict[Table, list[dict[str, Any]]] = {table: [] for table in _ORDER}
        self._last: dict[Table, int] = {}
        row = connection.execute(_COUNTER).one()
        self.number: int = row.value
        self.clock: int = row.clock

    def next_number(self) -> int:
        """Which number gets the next change of anything?"""
        self.number += 1
        return self.number

    def add(self, table: Table, **values: Any) -> None:
        """Gather a row that numbers itself."""
        self._pending[table].append(values)

    def add_numbered(self, table: Table, **values: Any) -> int:
        """Gather a row; which id does it get?"""
        if table not in self._last:
            key: Column[Any] = table.c.id
            self._last[table] = self._db.execute(select(func.max(key))).scalar() or 0
        self._last[table] += 1
        self.add(table, id=self._last[table], **values)
        return self._last[table]

    def add_fingerprint(self, file_id: int, seq: int, fingerprint: MediaFingerprint) -> int:
        """Gather what a file looks and sounds like; which id do its codes go by in a search?

        Raises:
            RegisterError: It cannot be stored.
        """
        owner = self.add_numbered(
            FINGERPRINT,
            file_id=file_id,
            codes=pack_codes(fingerprint.codes),
            duration_ms=fingerprint.duration_ms,
            added_seq=seq,
        )
        for reference in fingerprint.references:
            self.add(
                REFERENCE,
                fingerprint_id=owner,
                kind=reference.kind,
                data=reference.data,
                at_ms=reference.at_ms,
                width=reference.width,
                height=reference.height,
            )
        return owner

    def write(self) -> None:
        """Write what was gathered; before anything is asked that depends on it."""
        for table, rows in self._pending.items():
            if rows:
                self._db.execute(insert(table), rows)
                rows.clear()
        self._db.execute(update(COUNTER), {"value": self.number, "clock": self.clock})
