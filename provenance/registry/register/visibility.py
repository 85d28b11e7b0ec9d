"""Whom the register shows what: what is under embargo, to nobody but its agency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_

from provenance.registry.register.moments import to_seconds
from provenance.registry.register.schema import CHANGE, FILE, RELEASE

__all__ = ["Reader"]


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

    def sees_file(self, at: datetime) -> ColumnElement[bool]:
        """Which rows of FILE, joined with RELEASE, are shown as of this time?"""
        moment = to_seconds(at)
        public = and_(FILE.c.counts_from <= moment, FILE.c.visible_from <= min(moment, self._now()))
        if self.agency is None:
            return public
        own = and_(RELEASE.c.agency == self.agency, FILE.c.counts_from <= moment)
        return or_(public, own)

    def counts(self, at: datetime) -> ColumnElement[bool]:
        """Which rows of CHANGE, about a release that is shown, count as of this time?"""
        return CHANGE.c.counts_from <= to_seconds(at)

    def _now(self) -> int:
        return to_seconds(self.clock())
