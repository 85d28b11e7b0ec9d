"""Would whoever vouched for a report's signer still do so? Told without the file.

A new version of the directory, or of a list, is no news of a file whose signer it leaves as
it was. Where it cannot be told that it does, the answer is no: a badge is then not confirmed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from provenance.records.judged_with import JudgedBy, judged_by
from provenance.report import CertificateFacts, Report
from provenance.trust.directory import Agency, Anchor, Key, LoadedDirectory, SubjectConstraint
from provenance.untrusted import clean_text
from provenance.verdict import SignerKind, Verdict
from provenance.verification.context import why_too_old
from provenance.verification.policy import Policy

__all__ = ["JudgedNow", "is_fresh", "is_still_vouched", "signer_stamp"]

# What decides whose key it is, and what the agency is called; not where it can be reached.
_DECIDES = {"id", "names", "test", "keys", "anchors", "revoked", "scope", "products"}
# These rest on nobody's word about a signer.
_NOBODYS = {Verdict.ALTERED, Verdict.UNDETERMINED, Verdict.UNVERIFIED}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedNow:
    """What is judged with now, under one policy.

    Attributes:
        by: As digests.
        directory: The agency directory.
        policy: The policy.
    """

    by: JudgedBy
    directory: LoadedDirectory | None
    policy: Policy


def is_fresh(now: JudgedNow, *, at: datetime) -> bool:
    """Is there a directory by which anything may be called official at this time?"""
    return now.directory is not None and why_too_old(now.directory, now.policy, at) is None


def signer_stamp(report: Report, directory: LoadedDirectory | None) -> str:
    """What does this directory say of whoever signed, as one value?

    Of every agency that the report names as the signer's, and of every other one with an
    entry that the certificate could match: one that is added can disown it.
    """
    said = [
        agency.model_dump(mode="json", include=_DECIDES) for agency in _concerned(report, directory)
    ]
    text = json.dumps([directory is not None and directory.document.test, said], sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def is_still_vouched(report: Report, stamp: str | None, now: JudgedNow, *, at: datetime) -> bool:
    """Would the signer of this report still be judged as in it?

    Args:
        report: As it was made.
        stamp: Its `signer_stamp` by the directory it was judged with; None: unknown.
        now: What is judged with now.
        at: The time now.
    """
    if report.verdict in _NOBODYS:
        return True
    then = judged_by(report.context)
    same_directory = then.directory == now.by.directory
    if then.policy != now.by.policy or not (
        same_directory or signer_stamp(report, now.directory) == stamp
    ):
        return False
    # Whom a copy is like is the register's to say.
    return report.verdict is Verdict.LOOKALIKE or _signer_counts(report, now, at)


def _signer_counts(report: Report, now: JudgedNow, at: datetime) -> bool:
    """By what the directory and the lists say now, at the trusted time of signing or at `at`?"""
    signer, used_at = report.signer, report.time.trusted_at
    if used_at is not None and not _has_list(
        report, report.time.recognised_by, "time-stamp", now.by
    ):
        if _needs_time(report, now.directory):
            return False
        used_at = None
    used_at = used_at or at
    certificate = signer.certificate
    if certificate is None or not certificate.not_before <= used_at <= certificate.not_after:
        return False
    if signer.kind is SignerKind.LISTED:
        return _has_list(report, signer.recognised_by, "claim", now.by)
    return signer.kind is not SignerKind.AGENCY or _is_agencys(
        report, certificate, now, used_at=used_at, at=at
    )


def _is_agencys(
    report: Report,
    certificate: CertificateFacts,
    now: JudgedNow,
    *,
    used_at: datetime,
    at: datetime,
) -> bool:
    """May the entry that matched still make a file official?"""
    if not is_fresh(now, at=at):
        return False
    entry = next(
        (
            entry
            for agency in _concerned(report, now.directory)
            if report.signer.agency is not None and agency.id == report.signer.agency.id
            for name, entry in _entries(agency)
            if name == report.signer.recognised_by
        ),
        None,
    )
    if entry is None or not entry.contains(used_at):
        return False
    # One that does not match vouches for a statement of identity inside a product's claim,
    # and lists vouch for the product.
    return _matches(entry, certificate) or judged_by(report.context).lists == now.by.lists


def _needs_time(report: Report, directory: LoadedDirectory | None) -> bool:
    """Was there anything that only an early enough time of signing could answer?"""
    return report.revocation.revoked_at is not None or any(
        agency.revoked or any(entry.compromised_since for _, entry in _entries(agency))
        for agency in _concerned(report, directory)
    )


def _has_list(report: Report, named: str | None, purpose: str, by: JudgedBy) -> bool:
    """Is the list that matched still there, as it was?"""
    return any(
        f"list:{entry.name}" == named and f"{entry.purpose} {entry.sha256}" in by.lists
        for entry in report.context.trust_lists
        if entry.purpose == purpose
    )


def _concerned(report: Report, directory: LoadedDirectory | None) -> Iterator[Agency]:
    signer = report.signer
    named = {ref.id for ref in (signer.agency, signer.disowned_by) if ref is not None}
    for agency in directory.document.agencies if directory is not None else ():
        if agency.id in named or _could_match(agency, signer.certificate):
            yield agency


def _could_match(agency: Agency, certificate: CertificateFacts | None) -> bool:
    if certificate is None:
        return False
    revoked = any(entry.spki_sha256 == certificate.spki_sha256 for entry in agency.revoked)
    return revoked or any(_matches(entry, certificate) for _, entry in _entries(agency))


def _entries(agency: Agency) -> Iterator[tuple[str, Key | Anchor]]:
    for key in agency.keys:
        yield f"key:{key.id}", key
    for anchor in agency.anchors:
        yield f"anchor:{anchor.id}", anchor


def _matches(entry: Key | Anchor, certificate: CertificateFacts) -> bool:
    """As far as a report can tell: it holds no chain, and names only as they are shown."""
    if isinstance(entry, Key):
        return entry.spki_sha256 == certificate.spki_sha256
    subject: SubjectConstraint = entry.subject
    pairs = (
        (subject.organization, certificate.says_organization),
        (subject.common_name, certificate.says_common_name),
    )
    return all(wanted is None or clean_text(wanted) == said for wanted, said in pairs)
