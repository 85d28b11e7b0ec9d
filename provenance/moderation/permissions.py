"""Who of the staff may do what: what no role is given, nobody may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from provenance.errors import PermissionRefusedError
from provenance.moderation.model import Reviewer
from provenance.moderation.vocabulary import Role

__all__ = ["PERMISSIONS", "Permission", "check_fit", "check_permission", "permissions_of"]


class Permission(StrEnum):
    """One right."""

    SEE_CASES = "see-cases"
    """See the general queue and its cases; evidence stays blurred."""
    SEE_RESTRICTED = "see-restricted"
    """See the queue of suspected abuse of minors, and work in it."""
    TRIAGE = "triage"
    CLAIM = "claim"
    DECIDE = "decide"
    SECOND = "second"
    ESCALATE = "escalate"
    HANDLE_ESCALATED = "handle-escalated"
    MERGE = "merge"
    """Merge and split cases, and confirm resemblances."""
    REOPEN = "reopen"
    VOID = "void"
    INTERIM_RESTRICT = "interim-restrict"
    UNBLUR = "unblur"
    BULK = "bulk"
    UNDO = "undo"
    DECIDE_APPEALS = "decide-appeals"
    ASK_REPORTER = "ask-reporter"
    MUTE = "mute"
    """Not listen to somebody for a time, or reject a complaint as abusive."""
    SEE_CONTACT = "see-contact"
    SEND_NOTICES = "send-notices"
    MAKE_BUNDLES = "make-bundles"
    LEGAL_HOLD = "legal-hold"
    KEEP_HASH_LIST = "keep-hash-list"
    KEEP_MESSAGES = "keep-messages"
    """See which messages could not be delivered, and send them again."""
    READ_AUDIT = "read-audit"
    KEEP_STAFF = "keep-staff"


_REVIEWER = frozenset(
    {
        Permission.SEE_CASES,
        Permission.TRIAGE,
        Permission.CLAIM,
        Permission.DECIDE,
        Permission.ESCALATE,
        Permission.MERGE,
        Permission.VOID,
        Permission.INTERIM_RESTRICT,
        Permission.UNBLUR,
        Permission.DECIDE_APPEALS,
        Permission.ASK_REPORTER,
    }
)
_SENIOR = _REVIEWER | {
    Permission.SEE_RESTRICTED,
    Permission.SECOND,
    Permission.HANDLE_ESCALATED,
    Permission.REOPEN,
    Permission.BULK,
    Permission.UNDO,
    Permission.MUTE,
    Permission.KEEP_HASH_LIST,
    Permission.KEEP_MESSAGES,
}
_LEGAL = frozenset(
    {
        Permission.SEE_CASES,
        Permission.SEE_RESTRICTED,
        Permission.TRIAGE,
        Permission.CLAIM,
        Permission.DECIDE,
        Permission.SECOND,
        Permission.ESCALATE,
        Permission.HANDLE_ESCALATED,
        Permission.REOPEN,
        Permission.INTERIM_RESTRICT,
        Permission.UNBLUR,
        Permission.DECIDE_APPEALS,
        Permission.ASK_REPORTER,
        Permission.SEE_CONTACT,
        Permission.SEND_NOTICES,
        Permission.MAKE_BUNDLES,
        Permission.LEGAL_HOLD,
        Permission.READ_AUDIT,
    }
)

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.REVIEWER: _REVIEWER,
    Role.SENIOR: _SENIOR,
    Role.LEGAL: _LEGAL,
    # Whoever gives out roles decides nothing with them.
    Role.ADMIN: frozenset({Permission.KEEP_STAFF}),
    Role.AUDITOR: frozenset({Permission.READ_AUDIT}),
}
"""What each role may do; several roles add up."""


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """What may somebody with these roles do? With none, nothing."""
    return frozenset().union(*(PERMISSIONS.get(role, frozenset()) for role in roles))


def check_permission(reviewer: Reviewer, permission: Permission) -> None:
    """Make sure that this person has this right.

    Raises:
        PermissionRefusedError: They have not.
    """
    if permission not in permissions_of(reviewer.roles):
        raise PermissionRefusedError(f"{reviewer.id}: has no right to {permission.value}")


def check_fit(reviewer: Reviewer, agencies: Iterable[str], *, now: datetime) -> None:
    """Make sure that this person may judge a matter of these agencies now.

    Raises:
        PermissionRefusedError: Their training is over or they have none, or they have an
            interest of their own in it.
    """
    if reviewer.trained_until is None or reviewer.trained_until <= now:
        raise PermissionRefusedError(f"{reviewer.id}: expected training that is still valid")
    if reviewer.conflicts & frozenset(agencies):
        raise PermissionRefusedError(f"{reviewer.id}: has a conflict of interest in this case")
