"""With what was a report judged, as one value that changes when its answer might."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from provenance.errors import RegisterError
from provenance.report import Context, Report
from provenance.verification.register import RegisteredFile, ReleaseRegister

__all__ = [
    "JudgedBy",
    "Judging",
    "NumberedRegister",
    "begin_judging",
    "judged_by",
    "judging_stamp",
    "release_stamp",
]

_MOST_RESEMBLED = 8
# Equals no stamp: the first time it is compared, the report is stale.
_NONE = "unknown"


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """What a report was judged with, as digests.

    Attributes:
        directory: Of the agency directory; None where there was none.
        lists: Of the trust lists, in order.
        engines: Names and versions of what read the file.
        policy: Name and version.
    """

    directory: str | None
    lists: tuple[str, ...]
    engines: tuple[str, ...]
    policy: str

    @property
    def sha256(self) -> str:
        """One value for all of them."""
        return _digest([self.directory, self.lists, self.engines, self.policy])

    def differs_in(self, other: JudgedBy) -> tuple[str, ...]:
        """What is not the same: `directory`, `lists`, `engines`, `policy`."""
        pairs = {
            "directory": self.directory != other.directory,
            "lists": self.lists != other.lists,
            "engines": self.engines != other.engines,
            "policy": self.policy != other.policy,
        }
        return tuple(name for name, differs in pairs.items() if differs)


def judged_by(context: Context) -> JudgedBy:
    """What does this context say that was judged with? The time is left out."""
    engines = [context.verifier, f"{context.engine.name} {context.engine.native_version}"]
    if context.second_engine is not None:
        engines.append(f"{context.second_engine.name} {context.second_engine.version}")
    return JudgedBy(
        directory=context.directory.sha256 if context.directory else None,
        lists=tuple(f"{entry.purpose} {entry.sha256}" for entry in context.trust_lists),
        engines=tuple(engines),
        policy=f"{context.policy.name} {context.policy.version}",
    )


def release_stamp(report: Report, register: ReleaseRegister | None, *, at: datetime) -> str | None:
    """What does the register say now of the releases this report is about, as one value?

    Asked by the file's digest, by its manifests' labels, and by the files it resembles. A
    release that is registered later, and that the file merely resembles, changes nothing.

    Returns:
        None where the register cannot be asked now: nothing follows from that.
    """
    if register is None:
        return _digest([])
    try:
        return _stamp_of(_concerned(report, register, at))
    except RegisterError:
        return None


class NumberedRegister(ReleaseRegister, Protocol):
    """A register that numbers its changes in the order in which they are taken in."""

    def newest_change(self) -> int:
        """Which number has the last change? 0: there is none."""
        ...

    def has_changed(self, agency: str, name: str, *, since: int) -> bool:
        """Was anything stated of this release after the change of this number?"""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """Where the register was before a file was judged.

    Attributes:
        at: When.
        change: The number of its last change; None where it could not be asked.
    """

    at: datetime
    change: int | None


def begin_judging(register: NumberedRegister | None, *, at: datetime) -> Judging:
    """Where is the register, before the judge asks it?"""
    try:
        return Judging(at=at, change=register.newest_change() if register is not None else 0)
    except RegisterError:
        return Judging(at=at, change=None)


def judging_stamp(
    report: Report, register: NumberedRegister | None, *, begun: Judging, at: datetime
) -> str:
    """Which `release_stamp` belongs to a report that was just made?

    One that equals none where the register said something else of its releases while it was
    judged: nobody can tell whether before or after the judge asked.
    """
    if register is None:
        return _digest([])
    try:
        said = _concerned(report, register, at)
        # An embargo may have ended meanwhile, which is no change of the register.
        before = _concerned(report, register, begun.at)
        changed = begun.change is None or any(
            register.has_changed(agency, name, since=begun.change)
            for agency, name in {
                (file.release.agency, file.release.release) for files in said for file in files
            }
        )
    except RegisterError:
        return _NONE
    stamp = _stamp_of(said)
    return _NONE if changed or _stamp_of(before) != stamp else stamp


def _concerned(
    report: Report, register: ReleaseRegister, at: datetime
) -> list[Sequence[RegisteredFile]]:
    """The files of the releases that a report is about, question by question."""
    said: list[Sequence[RegisteredFile]] = []
    if report.asset.sha256 is not None:
        said.append(register.files(report.asset.sha256, at=at))
    labels = report.integrity.registered_as
    said.extend(register.files_of_manifest(label, at=at) for label in labels)
    said.extend(
        register.files(like.file_sha256, at=at)
        for like in report.resemblance[:_MOST_RESEMBLED]
        if like.file_sha256 is not None
    )
    return said


def _stamp_of(said: Sequence[Sequence[RegisteredFile]]) -> str:
    return _digest([sorted(map(_facts_of, files), key=str) for files in said])


def _facts_of(file: RegisteredFile) -> list[str | None]:
    release = file.release
    return [
        release.agency,
        release.release,
        release.state.value,
        release.changed_at.isoformat(),
        release.reason,
        release.replaced_by,
    ]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True).encode("ascii")).hexdigest()
