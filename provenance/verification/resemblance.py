"""Which registered releases does a file look or sound like? Never proof of anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

from provenance.errors import RegisterError
from provenance.findings import FindingCode
from provenance.report import (
    AgencyRef,
    CheckNotRun,
    Finding,
    RecoveryStep,
    Resemblance,
    finding,
)
from provenance.untrusted import clean_text
from provenance.verdict import ReleaseState
from provenance.verification.asset import AssetBytes
from provenance.verification.recovery import NO_REGISTER
from provenance.verification.register import ReleaseMatch, ReleaseRegister, ResemblanceAnswer

__all__ = ["ResemblanceFound", "look_for_resemblance", "no_resemblance"]

CHECK = "resemblance"
_SOFT_BINDING: Literal["io.iscc.v0"] = "io.iscc.v0"
_MAX_KEPT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ResemblanceFound:
    """The resemblance axis, and the last two steps of the recovery.

    Attributes:
        resemblances: The nearest first.
        steps: Of the recovery.
        findings: What was found.
        checks_not_run: What could not be asked, and why.
    """

    resemblances: tuple[Resemblance, ...] = ()
    steps: tuple[RecoveryStep, ...] = ()
    findings: tuple[Finding, ...] = ()
    checks_not_run: tuple[CheckNotRun, ...] = ()


def no_resemblance(why: str) -> ResemblanceFound:
    """Nobody was asked, for this reason."""
    return ResemblanceFound(
        steps=(
            RecoveryStep(place="register-binding", outcome="not-tried", why=why),
            RecoveryStep(place="resemblance", outcome="not-tried", why=why),
        ),
        checks_not_run=(CheckNotRun(check=CHECK, why=why),),
    )


def look_for_resemblance(
    register: ReleaseRegister | None,
    asset: AssetBytes | None,
    *,
    agency_of: Callable[[str], AgencyRef | None],
    at: datetime,
) -> ResemblanceFound:
    """Which registered releases does this file look or sound like?

    Args:
        register: The register; None where there is none.
        asset: The file; None where it is of no known type.
        agency_of: How a report names the agency of this id; None for one that the
            directory does not list, whose releases are then left out.
        at: As of when.
    """
    if register is None:
        return no_resemblance(NO_REGISTER)
    if asset is None:
        return no_resemblance("the file is of no type that could be looked at")
    try:
        answer = register.resembling(asset.stream, asset.media_format, at=at)
        binding = _binding_step(register, answer, at)
    except RegisterError as error:
        return no_resemblance(clean_text(error))
    if answer.not_run is not None:
        return no_resemblance(clean_text(answer.not_run))
    named = [(match, agency_of(match.file.release.agency)) for match in answer.matches]
    kept = [_resemblance(match, agency) for match, agency in named if agency is not None]
    why_not = [clean_text(why) for why in answer.why_not]
    if len(kept) < len(named):
        why_not.append("the register has releases of agencies that the directory does not list")
    kept = _current_first(kept)[:_MAX_KEPT]
    return ResemblanceFound(
        resemblances=tuple(kept),
        steps=(binding, _resemblance_step(kept)),
        findings=tuple(_findings(kept)),
        checks_not_run=tuple(CheckNotRun(check=f"part of the {CHECK}", why=why) for why in why_not),
    )


def _binding_step(
    register: ReleaseRegister, answer: ResemblanceAnswer, at: datetime
) -> RecoveryStep:
    """What does the register have for the soft binding that the content itself gives?

    A binding that the file's credentials state is not asked for: anybody could have
    copied it there from an official release.
    """
    place: Literal["register-binding"] = "register-binding"
    if answer.iscc is None:
        why = "no soft binding that tells the content from others could be made of it"
        return RecoveryStep(place=place, outcome="not-tried", why=why)
    matches = register.manifests_for_binding(_SOFT_BINDING, answer.iscc, at=at, most=1)
    if not matches:
        why = "the register has no manifest for a soft binding like this content's"
        return RecoveryStep(place=place, outcome="nothing", why=why)
    nearest = matches[0]
    return RecoveryStep(
        place=place,
        outcome="answered",
        why=f"a soft binding leads to a manifest of the register, {nearest.distance} of 256 "
        "bits apart: a lead, not proof",
        manifest=clean_text(nearest.manifest.label),
        release=nearest.manifest.file.release.release,
        distance=nearest.distance,
    )


def _resemblance(match: ReleaseMatch, agency: AgencyRef) -> Resemblance:
    release = match.file.release
    return Resemblance(
        release=release.release,
        distance=match.distance,
        agency=agency,
        title={tag: clean_text(text) for tag, text in release.title.items()},
        state=release.state,
        channels=release.channels,
        file_sha256=match.file.sha256 if match.certain_file else None,
        algorithm=match.algorithm,
        confirmed_by=match.confirmed_by,
        inliers=match.inliers,
        edits=match.edits,
        # Beside another picture of the same shoot everything differs.
        differs=match.differs if match.certain_file else (),
        spans=match.spans,
    )


def _current_first(nearest_first: list[Resemblance]) -> list[Resemblance]:
    """The same order, but of equally near ones those that stand come first.

    An agency releases a picture again after it withdrew it by mistake, or in a newer version.
    """
    equally_near = groupby(
        nearest_first, lambda one: (one.distance, one.inliers, one.edits, one.differs, one.spans)
    )
    return [
        one
        for _, group in equally_near
        for one in sorted(group, key=lambda one: one.state is not ReleaseState.CURRENT)
    ]


def _resemblance_step(kept: list[Resemblance]) -> RecoveryStep:
    place: Literal["resemblance"] = "resemblance"
    if not kept:
        return RecoveryStep(
            place=place, outcome="nothing", why="it resembles no registered release"
        )
    return RecoveryStep(
        place=place,
        outcome="answered",
        why="it resembles a registered release: a lead, not proof",
        release=kept[0].release,
    )


def _findings(kept: list[Resemblance]) -> list[Finding]:
    if not kept:
        return []
    nearest = kept[0]
    evidence = {"release": nearest.release, "distance": nearest.distance}
    found = [finding(FindingCode.RESEMBLES_RELEASE, **evidence)]
    if nearest.differs:
        found.append(
            finding(
                FindingCode.DIFFERS_FROM_RELEASE,
                release=nearest.release,
                regions=len(nearest.differs),
            )
        )
    return found
