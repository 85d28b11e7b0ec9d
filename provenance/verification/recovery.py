"""Where are a file's credentials: in it, beside it, or in the register?

The first place that proves these bytes speaks. Embedded credentials come before a
sidecar, and that before the register, unless what comes first does not match the file
and an agency's manifest from further down proves exactly these bytes: a broken manifest
can be put into any file by anybody, an agency's signature cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from provenance.credentials.engine import EngineState
from provenance.errors import RegisterError
from provenance.findings import MEANINGS, FindingCode, Severity
from provenance.report import CheckNotRun, Finding, RecoveryStep, finding
from provenance.untrusted import clean_text
from provenance.verdict import IntegrityState, SignerKind
from provenance.verification.credentials import Judgement
from provenance.verification.register import RegisteredManifest

__all__ = ["NO_REGISTER", "Origin", "Recovered", "recover_credentials"]

NO_REGISTER = "no register of releases is consulted"

Origin = Literal["embedded", "sidecar", "register"]
_MATCHES = {IntegrityState.INTACT, IntegrityState.PARTIAL}
_MAX_TRIED = 8


@dataclass(slots=True, kw_only=True)
class Recovered:
    """Which credentials speak for the file, and where they were looked for.

    Attributes:
        judgement: What they are worth.
        origin: Where they come from.
        store: The manifest store, where it is not the embedded one.
        steps: What came of each place.
        findings: What was found on the way.
        checks_not_run: What was not looked at, and why.
    """

    judgement: Judgement
    origin: Origin = "embedded"
    store: bytes | None = None
    steps: list[RecoveryStep] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    checks_not_run: list[CheckNotRun] = field(default_factory=list)

    def note(self, code: FindingCode, **evidence: Any) -> None:
        """Write down a finding."""
        self.findings.append(finding(code, **evidence))

    def use(self, judgement: Judgement, origin: Origin, store: bytes) -> None:
        """From now on, these credentials speak."""
        self.judgement, self.origin, self.store = judgement, origin, store


def recover_credentials(
    judge: Callable[[bytes | None], Judgement],
    *,
    sidecar: bytes | None,
    registered: Callable[[], Sequence[RegisteredManifest]] | None,
) -> Recovered:
    """Which credentials speak for this file?

    Args:
        judge: Judges a manifest store against the file; None stands for the embedded one.
        sidecar: A manifest store from beside the file.
        registered: Asks the register which manifests it has for exactly these bytes; None
            where there is no register. Called only if what comes first gives no answer.
    """
    embedded = judge(None)
    found = Recovered(judgement=embedded)
    found.steps.append(_step_of("embedded", embedded))
    if embedded.state in _MATCHES:
        why = "the embedded credentials match the file and come first"
        found.steps.append(_not_tried("sidecar", why))
        found.steps.append(_not_tried("register-bytes", why))
        if sidecar is not None:
            found.checks_not_run.append(CheckNotRun(check="sidecar", why=why))
        return found
    _try_sidecar(found, judge, sidecar)
    _try_register(found, judge, registered)
    return found


def _try_sidecar(
    found: Recovered, judge: Callable[[bytes | None], Judgement], sidecar: bytes | None
) -> None:
    if sidecar is None:
        found.steps.append(_nothing("sidecar", "none was given"))
        return
    embedded = found.judgement
    beside = judge(sidecar)
    found.steps.append(_step_of("sidecar", beside))
    if _has_none(embedded):
        found.use(beside, "sidecar", sidecar)
        found.note(FindingCode.SIDECAR_USED)
    elif _proves(beside):
        found.use(beside, "sidecar", sidecar)
        found.note(FindingCode.SIDECAR_USED)
        found.note(FindingCode.EMBEDDED_OVERRULED, embedded=embedded.state.value)
    else:
        why = "there are embedded credentials, and they come first"
        found.checks_not_run.append(CheckNotRun(check="sidecar", why=why))


def _try_register(
    found: Recovered,
    judge: Callable[[bytes | None], Judgement],
    registered: Callable[[], Sequence[RegisteredManifest]] | None,
) -> None:
    place: Literal["register-bytes"] = "register-bytes"
    if found.judgement.state in _MATCHES:
        found.steps.append(_not_tried(place, "the sidecar matches the file and comes first"))
        return
    if registered is None:
        found.steps.append(_not_tried(place, NO_REGISTER))
        return
    try:
        manifests = registered()
    except RegisterError as error:
        why = clean_text(error)
        found.steps.append(_not_tried(place, why))
        found.checks_not_run.append(CheckNotRun(check="manifests in the register", why=why))
        return
    if not manifests:
        found.steps.append(_nothing(place, "the register has no manifest for exactly these bytes"))
        return
    for manifest in manifests[:_MAX_TRIED]:
        judgement = judge(manifest.store)
        # The register is the operator's own; it is believed no more than a sidecar.
        if not _proves(judgement):
            continue
        overruled = {} if _has_none(found.judgement) else {found.origin: found.judgement.state}
        found.use(judgement, "register", manifest.store)
        found.note(FindingCode.REGISTER_MANIFEST_USED, manifest=clean_text(manifest.label))
        if overruled:
            found.note(FindingCode.EMBEDDED_OVERRULED, **overruled)
        found.steps.append(
            RecoveryStep(
                place=place,
                outcome="answered",
                why="an agency's manifest in the register proves exactly these bytes",
                manifest=clean_text(manifest.label),
                release=manifest.file.release.release,
            )
        )
        return
    why = "no manifest that the register has for these bytes proves them as an agency's"
    if len(manifests) > _MAX_TRIED:
        tried = f"{_MAX_TRIED} of {len(manifests)} manifests for these bytes were tried"
        why = f"{tried}, and none of them proves these bytes as an agency's"
        found.checks_not_run.append(
            CheckNotRun(check="manifests in the register", why=f"only {tried}")
        )
    found.steps.append(RecoveryStep(place=place, outcome="failed", why=why))


def _has_none(judgement: Judgement) -> bool:
    """Are there no credentials here that could be contradicted?"""
    return judgement.state is IntegrityState.ABSENT or judgement.reading.state is EngineState.REMOTE


def _proves(judgement: Judgement) -> bool:
    """Do these credentials prove exactly these bytes, as a listed agency's?"""
    return judgement.state is IntegrityState.INTACT and (
        judgement.party is not None and judgement.party.recognition.kind is SignerKind.AGENCY
    )


def _step_of(place: Literal["embedded", "sidecar"], judgement: Judgement) -> RecoveryStep:
    if judgement.reading.state is EngineState.REMOTE:
        return _nothing(place, "the credentials are kept elsewhere and were not fetched")
    match judgement.state:
        case IntegrityState.INTACT:
            return RecoveryStep(place=place, outcome="answered", why="the credentials match")
        case IntegrityState.PARTIAL:
            why = "the credentials match, and cover only part of the file"
            return RecoveryStep(place=place, outcome="answered", why=why)
        case IntegrityState.ABSENT:
            return _nothing(place, "there are no credentials")
        case _:
            return RecoveryStep(place=place, outcome="failed", why=_why_failed(judgement))


def _why_failed(judgement: Judgement) -> str:
    for found in judgement.findings:
        if MEANINGS[found.code].severity is Severity.FAILURE:
            return found.text
    return f"the credentials are {judgement.state.value}"


def _nothing(place: Literal["embedded", "sidecar", "register-bytes"], why: str) -> RecoveryStep:
    return RecoveryStep(place=place, outcome="nothing", why=why)


def _not_tried(place: Literal["sidecar", "register-bytes"], why: str) -> RecoveryStep:
    return RecoveryStep(place=place, outcome="not-tried", why=why)
