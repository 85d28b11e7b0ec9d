"""What does the register say of the release that an agency signed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from provenance.errors import RegisterError
from provenance.findings import FindingCode
from provenance.report import AgencyRef, CheckNotRun, Finding, LogEntryRef, Release, finding
from provenance.untrusted import clean_text
from provenance.verdict import ReleaseState
from provenance.verification.recovery import NO_REGISTER
from provenance.verification.register import LogPlace, RegisteredFile, ReleaseRegister

__all__ = ["ReleaseAnswer", "judge_release", "log_entry_ref"]

CHECK = "release status"

_SAYS = {
    ReleaseState.CURRENT: (
        FindingCode.RELEASE_CURRENT,
        "the register has it as a current release",
    ),
    ReleaseState.SUPERSEDED: (
        FindingCode.RELEASE_SUPERSEDED,
        "the agency has released a newer version",
    ),
    ReleaseState.WITHDRAWN: (FindingCode.RELEASE_WITHDRAWN, "the agency has withdrawn it"),
}
# The same bytes may be part of several releases. What the agency still stands by in one
# of them, it stands by.
_ORDER = tuple(_SAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseAnswer:
    """The release axis.

    Attributes:
        release: For the report.
        findings: What was found.
        checks_not_run: Set where the register gave no answer.
    """

    release: Release
    findings: tuple[Finding, ...] = ()
    checks_not_run: tuple[CheckNotRun, ...] = ()


def judge_release(
    register: ReleaseRegister | None,
    *,
    agency: AgencyRef | None,
    sha256: str | None,
    manifests: Sequence[str],
    at: datetime,
) -> ReleaseAnswer:
    """Does the agency still stand by this release?

    Only what the signer's own agency registered is listened to: nobody can withdraw
    somebody else's release.

    Args:
        register: The register; None where there is none.
        agency: Whose signature counts; None where no agency's does.
        sha256: Digest of the file.
        manifests: Labels of the active manifest and of those beneath it, down to the one that
            binds the file: any of them may have been the active one when it was registered.
        at: As of when.
    """
    if register is None:
        return _unknown(NO_REGISTER, checked=False)
    if agency is None:
        return _unknown("no agency's signature counts")
    try:
        files = list(register.files(sha256, at=at)) if sha256 else []
        own = _of(agency, files)
        if not own:
            named = [register.files_of_manifest(label, at=at) for label in manifests]
            own = _of(agency, [file for files in named for file in files])
    except RegisterError as error:
        return _unknown(clean_text(error), checked=False)
    if not own:
        return _unknown("the register does not have this file as a release of this agency")
    best = min(own, key=lambda file: _ORDER.index(file.release.state))
    return _known(best, agency)


def log_entry_ref(place: LogPlace | None) -> LogEntryRef | None:
    """Name this place in a log, for a report."""
    if place is None:
        return None
    return LogEntryRef(
        origin=clean_text(place.origin), entry=place.entry, logged_at=place.logged_at
    )


def _of(agency: AgencyRef, files: Sequence[RegisteredFile]) -> list[RegisteredFile]:
    return [
        file for file in files if file.release.agency == agency.id and file.release.state in _SAYS
    ]


def _known(file: RegisteredFile, agency: AgencyRef) -> ReleaseAnswer:
    release = file.release
    code, why = _SAYS[release.state]
    evidence = {
        "release": release.release,
        **({"reason": release.reason} if release.reason else {}),
        **({"replaced_by": release.replaced_by} if release.replaced_by else {}),
    }
    return ReleaseAnswer(
        release=Release(
            state=release.state,
            why=why,
            id=release.release,
            agency=agency,
            title={tag: clean_text(text) for tag, text in release.title.items()},
            reason=release.reason,
            changed_at=release.changed_at,
            replaced_by=release.replaced_by,
            rendition_of=file.rendition_of,
            first_stated_at=release.first_stated_at,
            log=log_entry_ref(release.log),
            channels=release.channels,
        ),
        findings=(finding(code, **evidence),),
    )


def _unknown(why: str, *, checked: bool = True) -> ReleaseAnswer:
    return ReleaseAnswer(
        release=Release(state=ReleaseState.UNKNOWN, why=why),
        checks_not_run=() if checked else (CheckNotRun(check=CHECK, why=why),),
    )
