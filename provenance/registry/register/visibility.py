"""Whom the register shows what: what is under embargo, to nobody but its agency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, or_

from provenance.registry.register.moments import to_seconds
from provenance.registry.register.schema import CHANGE, FILE, RELEASE

__all__ = ["COUNTS", "SEEN", "Reader"]

SEEN = and_(
    FILE.c.counts_from <= bindparam("as_of"),
    or_(FILE.c.visible_from <= bindparam("shown_at"), RELEASE.c.agency == bindparam("reader")),
)
"""Which rows of FILE, joined with RELEASE, does a reader see? With `Reader.bound`."""

COUNTS = CHANGE.c.counts_from <= bindparam("as_of")
"""Which rows of CHANGE count?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who reads the register.

    An embargo ends at the time that the agency has signed, or earlier if it reveals. The
    time that is asked about may lie in the future, and must not end one: the clock has to
    have got there too.

    Attributes:
        agency: Whose own entries are shown although they are under embargo; None for
            everybody.
        clock: What time it is.
    """

    agency: str | None
    clock: Callable[[], datetime]

    def bound(self, at: datetime) -> dict[str, int | str]:
        """Which values does a question of this reader have, as of this time?"""
        moment = to_seconds(at)
        return {
            "as_of": moment,
            "shown_at": min(moment, to_seconds(self.clock())),
            # No agency has this id.
            "reader": self.agency or "",
        }
