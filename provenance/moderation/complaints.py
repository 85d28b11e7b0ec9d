"""Complaints: filed by anybody, followed by reference and PIN, answered each for itself."""

from __future__ import annotations

from datetime import datetime

from provenance.moderation.views import Filed, Followed, NewComplaint
from provenance.records.keys import ApiKey

__all__ = ["ComplaintDesk"]


class ComplaintDesk:
    """Where people complain."""

    def file(
        self,
        new: NewComplaint,
        *,
        now: datetime,
        address: str | None = None,
        key: ApiKey | None = None,
    ) -> Filed:
        """Take a complaint.

        Raises:
            ConflictError: It is incomplete, malformed, or another one was sent under its
                external id.
            TooOftenError: Too many came from this address.
        """
        raise NotImplementedError

    def follow(self, ref: str, pin: str, *, now: datetime, address: str | None = None) -> Followed:
        """How does this complaint stand?

        Raises:
            NotFoundError: There is none of this reference, or the PIN is another; which of
                the two is not said.
            TooOftenError: It was tried too often.
        """
        raise NotImplementedError

    def add_info(
        self, ref: str, pin: str, text: str, *, now: datetime, address: str | None = None
    ) -> Followed:
        """Add to a complaint, in words."""
        raise NotImplementedError

    def withdraw(
        self, ref: str, pin: str, *, now: datetime, address: str | None = None
    ) -> Followed:
        """Take a complaint back."""
        raise NotImplementedError
