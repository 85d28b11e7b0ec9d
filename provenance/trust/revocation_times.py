"""What does an issuer's statement say about the moment at which a certificate was used?

Spec: C2PA 2.5, "Validate the credential revocation information"; RFC 6960 §2.4 and §4.4.4.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from provenance.trust.certificates import Certificate
from provenance.trust.ocsp import CertificateStatus, Statement
from provenance.verdict import RevocationState

__all__ = ["is_lifted", "status_when_used"]

# Clocks differ by minutes; a responder's must not make its answer a forgery.
_SKEW = timedelta(minutes=5)
# An answer without an end of its own is right for its moment; one that was just
# asked for may be a little older than the question.
_UNSTATED_VALIDITY = timedelta(hours=1)


def is_lifted(statement: Statement) -> bool:
    """Does it say that the certificate was taken off the list of revoked ones?"""
    return statement.reason == "remove_from_crl"


def status_when_used(
    statement: Statement,
    subject: Certificate,
    *,
    trusted_time: datetime | None,
    now: datetime,
    live: bool,
) -> tuple[RevocationState, str]:
    """Was the certificate good or revoked when it was used, as far as this tells; and why?

    Args:
        statement: By an authorised responder.
        subject: The certificate it is about.
        trusted_time: When the certificate was used, if that is attested; else it
            is judged for now.
        now: The time of verification.
        live: Whether it was asked for just now, so that it has to be right now.
    """
    start, end = statement.this_update, statement.next_update
    if max(start, statement.produced_at) > now + _SKEW:
        return RevocationState.NOT_CHECKED, f"it is dated {start.isoformat()}, in the future"
    if end is not None and end < start:
        return RevocationState.NOT_CHECKED, "it ends before it begins"
    # Never added to what is stated: it may be the last moment of the calendar.
    is_stale = live and (end or start + _UNSTATED_VALIDITY) < now - _SKEW
    if statement.status is CertificateStatus.REVOKED and not is_lifted(statement):
        state, why = _weigh_revoked(statement, trusted_time)
        # A revocation does not go stale: it is never taken back, but for a hold.
        lasts = state is RevocationState.REVOKED and statement.reason != "certificate_hold"
        if lasts or not is_stale:
            return state, why
    if is_stale:
        # Asked now, it has to be right now: an old answer can be played again.
        return RevocationState.NOT_CHECKED, "it is stale although it was asked for just now"
    if statement.status is CertificateStatus.UNKNOWN:
        return RevocationState.NOT_CHECKED, "the responder does not know the certificate"
    return _weigh_good(statement, subject, trusted_time, now, live=live)


def _weigh_revoked(
    statement: Statement, trusted_time: datetime | None
) -> tuple[RevocationState, str]:
    dates = [d for d in (statement.revoked_at, statement.invalid_since) if d is not None]
    since = min(dates)
    if trusted_time is not None and trusted_time < since:
        return (
            RevocationState.GOOD,
            f"its issuer revoked it as of {since.isoformat()}, after the attested time",
        )
    if trusted_time is None:
        return RevocationState.REVOKED, "its issuer revoked it, and no trusted time is earlier"
    return RevocationState.REVOKED, f"its issuer revoked it as of {since.isoformat()}"


def _weigh_good(
    statement: Statement,
    subject: Certificate,
    trusted_time: datetime | None,
    now: datetime,
    *,
    live: bool,
) -> tuple[RevocationState, str]:
    start, end = statement.this_update, statement.next_update
    forgotten = start > subject.not_after and (
        statement.remembered_since is None or statement.remembered_since > subject.not_after
    )
    if forgotten:
        # RFC 6960 §4.4.4: a responder need not remember certificates that have ended.
        return RevocationState.NOT_CHECKED, "it was made after the certificate's end"
    if trusted_time is not None and start > trusted_time:
        return RevocationState.GOOD, "its issuer said later that it was not revoked"
    moment = trusted_time or now
    if end is None:
        end = start + _UNSTATED_VALIDITY if live else start
    if start <= moment + _SKEW and moment - (_SKEW if live else timedelta()) <= end:
        return RevocationState.GOOD, "its issuer said for that time that it was not revoked"
    return (
        RevocationState.NOT_CHECKED,
        f"it is stale: it was right until {end.isoformat()}, asked is {moment.isoformat()}",
    )
