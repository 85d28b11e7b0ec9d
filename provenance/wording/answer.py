"""What a report comes to for a person: known, how, what it does not mean, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from provenance.findings import MEANINGS, FindingCode
from provenance.report import AgencyRef, Report, Resemblance
from provenance.verdict import (
    AiState,
    IntegrityState,
    Obstacle,
    ReleaseState,
    TimeState,
    Verdict,
)
from provenance.wording.keys import AI, CONSENT, label_of, reason_of
from provenance.wording.messages import Message, Quoted, say

__all__ = ["Answer", "answer_of", "signer_name"]

_OFFICIAL = {Verdict.OFFICIAL, Verdict.OFFICIAL_WITHDRAWN}
_MAX_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A report in words, in the order in which they are read.

    Attributes:
        verdict: The report's.
        test: Whether it means nothing outside a trial.
        label: The verdict in a few words.
        known: What is known. The first is the one sentence.
        how: How that is known.
        not_meant: What it does not mean.
        to_do: What can be done.
    """

    verdict: Verdict
    test: bool
    label: Message
    known: tuple[Message, ...]
    how: tuple[Message, ...]
    not_meant: tuple[Message, ...]
    to_do: tuple[Message, ...]


def answer_of(report: Report) -> Answer:
    """Which messages say what this report says, and nothing stronger?"""
    return Answer(
        verdict=report.verdict,
        test=report.test,
        label=say(label_of(report.verdict)),
        known=(_KNOWN[report.verdict](report), *_also(report)),
        how=tuple(_how(report)),
        not_meant=tuple(_not_meant(report)),
        to_do=(_to_do(report),),
    )


def signer_name(report: Report) -> str | None:
    """What does the certificate call its holder? A name that proves nothing by itself."""
    certificate = report.signer.certificate
    if certificate is None:
        return None
    return certificate.says_common_name or certificate.says_organization


def _agency(report: Report) -> AgencyRef:
    if report.signer.agency is None:
        raise AssertionError(f"{report.verdict}: without an agency")
    return report.signer.agency


def _lookalike(report: Report) -> Message:
    nearest = report.resemblance[0]
    if nearest.agency is None:
        return say("known.lookalike-unnamed", release=_release(nearest))
    return say("known.lookalike", release=_release(nearest), agency=nearest.agency)


def _signed(report: Report) -> Message:
    name = signer_name(report)
    return say("known.signed", name=Quoted(name)) if name else say("known.signed-unnamed")


def _unrecognised(report: Report) -> Message:
    if report.signer.disowned_by is not None:
        return say("known.disowned", agency=report.signer.disowned_by)
    if report.has(FindingCode.CERTIFICATE_REVOKED):
        return say("known.revoked")
    for found in report.findings:
        if found.code is FindingCode.KEY_OUT_OF_SCOPE and found.evidence.get("agency_name"):
            # The name in the directory, which the finding took from there.
            return say("known.out-of-scope", agency=str(found.evidence["agency_name"]))
    if _key_does_not_count(report):
        return say("known.outside-window")
    return say("known.signed-unrecognised")


def _key_does_not_count(report: Report) -> bool:
    return (
        report.signer.disowned_by is not None
        or report.has(FindingCode.CERTIFICATE_REVOKED)
        or report.has(FindingCode.KEY_OUT_OF_SCOPE)
        or report.has(FindingCode.KEY_OUTSIDE_WINDOW)
    )


_KNOWN: Mapping[Verdict, Callable[[Report], Message]] = {
    Verdict.ALTERED: lambda _: say("known.altered"),
    Verdict.OFFICIAL: lambda r: say("known.official", agency=_agency(r)),
    Verdict.OFFICIAL_WITHDRAWN: lambda r: say("known.official-withdrawn", agency=_agency(r)),
    Verdict.LOOKALIKE: _lookalike,
    Verdict.SIGNED: _signed,
    Verdict.SIGNED_UNRECOGNISED: _unrecognised,
    Verdict.UNDETERMINED: lambda r: say("known.undetermined", reason=say(reason_of(r.reason))),
    Verdict.UNVERIFIED: lambda _: say("known.unverified"),
}


def _release(resemblance: Resemblance) -> Quoted | Mapping[str, str]:
    return resemblance.title or Quoted(resemblance.release)


def _also(report: Report) -> Iterator[Message]:
    nearest = report.resemblance[0] if report.resemblance else None
    if nearest is not None:
        if report.verdict is not Verdict.LOOKALIKE and report.verdict not in _OFFICIAL:
            yield say("also.resembles", release=_release(nearest))
        if nearest.state is ReleaseState.WITHDRAWN and nearest.agency is not None:
            yield say("also.withdrawn", agency=nearest.agency)
        if nearest.differs:
            yield say("also.differs")
    if report.verdict in _OFFICIAL:
        yield from _about_release(report)
    elif report.integrity.state is IntegrityState.INTACT:
        made_from = next((i.agency for i in report.ingredients if i.agency), None)
        if made_from is not None:
            yield say("also.made-from", agency=made_from)


def _about_release(report: Report) -> Iterator[Message]:
    agency = _agency(report)
    if report.verdict is Verdict.OFFICIAL and report.release.state is ReleaseState.SUPERSEDED:
        yield say("known.superseded", agency=agency)
    by_identity = any(identity.agency == agency for identity in report.identity)
    if by_identity and report.signer.says_product and report.has(FindingCode.IDENTITY_VERIFIED):
        yield say("also.identity", agency=agency, product=Quoted(report.signer.says_product))
    if report.ai.state is AiState.NOT_DECLARED:
        return
    yield say(AI[report.ai.state])
    consent = CONSENT[report.ai.consent]
    if consent is not None:
        counted = (c.artist for c in report.ai.consents if c.state in {"counts", "ended"})
        artists = tuple(dict.fromkeys(counted))[:_MAX_NAMES]
        yield say(consent, agency=agency, artists=Quoted(artists))


def _how(report: Report) -> Iterator[Message]:
    yield from _HOW[report.verdict](report)
    if report.has(FindingCode.UPDATED_BY_OTHERS):
        yield say("found.updated-by-others")
    if report.has(FindingCode.IMPOSTOR_NAME):
        yield say("how.impostor")
    if report.context.directory is None:
        yield say("how.no-directory")


def _how_altered(report: Report) -> Iterator[Message]:
    content = report.reason in {None, FindingCode.CONTENT_MISMATCH}
    yield say("how.altered.content" if content else "how.altered.signature")


def _how_official(report: Report) -> Iterator[Message]:
    agency = _agency(report)
    yield say("how.official", agency=agency)
    if report.integrity.credentials_from == "register":
        yield say("how.by-register")
    yield from _time(report)
    if report.verdict is Verdict.OFFICIAL_WITHDRAWN:
        if report.release.reason:
            yield say("how.withdrawn-reason", reason=Quoted(report.release.reason))
        else:
            yield say("how.withdrawn")


def _how_signed(report: Report) -> Iterator[Message]:
    if report.verdict is Verdict.SIGNED:
        yield say("how.signed")
    elif _key_does_not_count(report):
        yield say("how.key-does-not-count")
    else:
        yield say("how.signed-unrecognised")
    yield from _time(report)


def _how_undetermined(report: Report) -> Iterator[Message]:
    yield say(f"how.undetermined.{_whose(report).value}")


def _how_unverified(report: Report) -> Iterator[Message]:
    yield say("how.unverified")
    asked = report.context.register_of_releases is not None
    not_run = {check.check for check in report.checks_not_run}
    if not asked or "resemblance" in not_run:
        yield say("how.not-compared")
    elif "part of the resemblance" in not_run:
        yield say("how.partly-compared")
    else:
        yield say("how.compared")


_HOW: Mapping[Verdict, Callable[[Report], Iterator[Message]]] = {
    Verdict.ALTERED: _how_altered,
    Verdict.OFFICIAL: _how_official,
    Verdict.OFFICIAL_WITHDRAWN: _how_official,
    Verdict.LOOKALIKE: lambda _: iter((say("how.lookalike"),)),
    Verdict.SIGNED: _how_signed,
    Verdict.SIGNED_UNRECOGNISED: _how_signed,
    Verdict.UNDETERMINED: _how_undetermined,
    Verdict.UNVERIFIED: _how_unverified,
}


def _time(report: Report) -> Iterator[Message]:
    time = report.time
    if time.state is TimeState.TRUSTED and time.trusted_at is not None:
        yield say("how.time-trusted", date=time.trusted_at)
    elif time.state is TimeState.CLAIMED and time.claimed_at is not None:
        yield say("how.time-claimed", date=time.claimed_at)


def _whose(report: Report) -> Obstacle:
    obstacle = MEANINGS[report.reason].obstacle if report.reason else None
    return obstacle or Obstacle.FILE


def _not_meant(report: Report) -> Iterator[Message]:
    yield say(f"not.{report.verdict.value}")
    if report.verdict in {Verdict.OFFICIAL, Verdict.UNVERIFIED}:
        # Where some files carry a mark, those without one must not look worse.
        yield say("not.implied")


def _to_do(report: Report) -> Message:
    match report.verdict:
        case Verdict.OFFICIAL | Verdict.OFFICIAL_WITHDRAWN:
            return say(f"do.{report.verdict.value}", agency=_agency(report))
        case Verdict.UNDETERMINED:
            return say(f"do.undetermined.{_whose(report).value}")
        case _:
            return say(f"do.{report.verdict.value}")
