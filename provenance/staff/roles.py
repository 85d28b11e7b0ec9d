"""What members of the staff are there for."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Role"]


class Role(StrEnum):
    """What a member of the staff is there for; they may have several."""

    REVIEWER = "reviewer"
    SENIOR = "senior"
    LEGAL = "legal"
    ADMIN = "admin"
    AUDITOR = "auditor"
