"""With what was a report judged, as one value that changes when its answer might."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from provenance.errors import RegisterError
from provenance.report import Context, Report
from provenance.verification.register import RegisteredFile, ReleaseRegister

__all__ = ["JudgedBy", "judged_by", "release_stamp"]

_MOST_RESEMBLED = 8


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

    Asked by the file's digest, by its manifest's label, and by the files it resembles. A
    release that is registered later, and that the file merely resembles, changes nothing.

    Returns:
        None where the register cannot be asked now: nothing follows from that.
    """
    if register is None:
        return _digest([])
    said: list[Any] = []
    try:
        if report.asset.sha256 is not None:
            said.append(_facts(register.files(report.asset.sha256, at=at)))
        if report.integrity.manifest is not None:
            said.append(_facts(register.files_of_manifest(report.integrity.manifest, at=at)))
        said.extend(
            _facts(register.files(like.file_sha256, at=at))
            for like in report.resemblance[:_MOST_RESEMBLED]
            if like.file_sha256 is not None
        )
    except RegisterError:
        return None
    return _digest(said)


def _facts(files: Any) -> list[list[str | None]]:
    return sorted(map(_facts_of, files), key=str)


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
