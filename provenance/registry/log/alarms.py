"""What a look at a log comes to: the alarms, and what is kept for the next look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from provenance.registry.log.checkpoint import Checkpoint
from provenance.registry.log.policy import CheckedCheckpoint

__all__ = ["MAX_ALARMS", "Alarm", "AlarmKind", "MonitorReport"]

MAX_ALARMS = 1_000


class AlarmKind(StrEnum):
    """What is wrong with a log.

    `unsigned`: the checkpoint is none, or not signed as the policy asks. `regression`: it is
    smaller than one seen before. `fork`: it does not continue one seen before. `damaged`:
    a tile or bundle is missing, or not what the signed root covers. `entry`: an entry is
    none. `agency-signature`, `agency-key`: the agency named does not stand behind it.
    `embargo`: it reveals what was never put under embargo. `clock`: its time is before that
    of the entry above it, or still to come.
    """

    UNSIGNED = "unsigned"
    REGRESSION = "regression"
    FORK = "fork"
    DAMAGED = "damaged"
    ENTRY = "entry"
    AGENCY_SIGNATURE = "agency-signature"
    AGENCY_KEY = "agency-key"
    EMBARGO = "embargo"
    CLOCK = "clock"


_OF_THE_TREE = frozenset(
    {AlarmKind.UNSIGNED, AlarmKind.REGRESSION, AlarmKind.FORK, AlarmKind.DAMAGED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that is wrong.

    Attributes:
        kind: What kind of thing.
        text: What, where, expected, got.
        index: Number of the entry, if it is about one.
    """

    kind: AlarmKind
    text: str
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReport:
    """What one look at a log came to.

    Attributes:
        seen: What was seen before; None at first.
        current: What it shows now, if that is signed as the policy asks.
        entries: How many entries were looked at.
        keys_checked: Whether there was a directory to ask about the agencies' keys.
        alarms: What is wrong; 1,000 at most.
    """

    seen: Checkpoint | None
    current: CheckedCheckpoint | None
    entries: int
    keys_checked: bool
    alarms: tuple[Alarm, ...]

    @property
    def next_seen(self) -> bytes | None:
        """Which checkpoint is to be kept as the one seen last?

        None where the tree itself gave an alarm: then the old one is kept, as evidence.
        """
        if self.current is None or any(alarm.kind in _OF_THE_TREE for alarm in self.alarms):
            return None
        return self.current.note.encoded

    def __bool__(self) -> NoReturn:
        raise TypeError("a look at a log is neither true nor false: look at its alarms")
