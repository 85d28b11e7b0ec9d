"""What the log says about one release: all its entries, and when it was first stated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.errors import LogError
from provenance.registry.log.leaf import Leaf, parse_leaf
from provenance.registry.log.statement import Reveal
from provenance.registry.log.store import LogStore

__all__ = ["FirstStatement", "NumberedLeaf", "entries_about", "first_stated"]


@dataclass(frozen=True, slots=True)
class NumberedLeaf:
    """An entry with its number."""

    index: int
    leaf: Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStatement:
    """When an agency first stated something about a release.

    Attributes:
        index: Number of the entry.
        logged_at: When the log took it.
        under_embargo: Whether that entry only committed to what a later one revealed.
    """

    index: int
    logged_at: datetime
    under_embargo: bool


def entries_about(store: LogStore, agency: str, release: str) -> tuple[NumberedLeaf, ...]:
    """Which entries are about this release? In their order.

    One under embargo is not among them: nothing in the log says what it is about. Only
    entries that a checkpoint covers are shown, for nobody could check others.

    Raises:
        LogError: The store is damaged.
    """
    last = store.last_checkpoint()
    size = 0 if last is None else last.size
    indices = (i for i in store.named("release", f"{agency}/{release}") if i < size)
    return tuple(NumberedLeaf(index, _leaf(store, index)) for index in indices)


def first_stated(store: LogStore, agency: str, release: str) -> FirstStatement | None:
    """When did the agency first state something about this release? None if it has not.

    What was revealed counts from the entry that put it under embargo.

    Raises:
        LogError: The store is damaged.
    """
    found = []
    for entry in entries_about(store, agency, release):
        statement = entry.leaf.statement
        revealed = isinstance(statement, Reveal)
        index = statement.entry if isinstance(statement, Reveal) else entry.index
        logged_at = _leaf(store, index).logged_at
        found.append(FirstStatement(index=index, logged_at=logged_at, under_embargo=revealed))
    return min(found, key=lambda first: first.index, default=None)


def _leaf(store: LogStore, index: int) -> Leaf:
    try:
        return parse_leaf(store.record(index), where=f"entry {index}")
    except (MalformedError, LimitError) as error:
        raise LogError(f"{store.path}: {error}") from error
