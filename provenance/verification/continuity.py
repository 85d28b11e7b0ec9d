"""What differs between two reports about one file, and what may have led to it.

Reports are compared axis by axis, findings by their codes. Texts written for
people, and checks that did not run, are left out: they answer nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from provenance.findings import FindingCode
from provenance.report import Context, EngineRef, Report
from provenance.verdict import Axis, ConsentState, Verdict

__all__ = ["Cause", "Change", "Difference", "compare", "explain"]


class Cause(StrEnum):
    """What may have led to another answer.

    `register`: which register of releases was asked, or what it holds by now.
    `network`: whether the issuer was asked about the certificate. `unknown`:
    nothing that a report names differs; what is left is this program itself, in
    the same version.
    """

    FILE = "file"
    ENGINE = "engine"
    DIRECTORY = "directory"
    TRUST_LISTS = "trust-lists"
    REGISTER = "register"
    POLICY = "policy"
    VERIFIER = "verifier"
    NETWORK = "network"
    TIME = "time"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is said otherwise.

    Attributes:
        axis: Which question it belongs to.
        what: Which part of the answer.
        old: What was said, and is said no longer.
        new: What is said instead.
    """

    axis: Axis
    what: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How two reports about one file differ.

    Attributes:
        old_verdict: The verdict of the older report.
        new_verdict: The verdict of the newer one.
        old_reason: The finding that decided the one, where one did.
        new_reason: The finding that decided the other.
        changes: What is said otherwise, axis by axis; empty where nothing is.
        causes: What differs in what was judged with, each with what it was and
            is. Of more than one, any may have led to the changes: two reports
            do not tell them apart. Empty where there are no changes.
        also_time: Whether time passing has been shown to have its share.
    """

    old_verdict: Verdict
    new_verdict: Verdict
    old_reason: FindingCode | None
    new_reason: FindingCode | None
    changes: tuple[Change, ...]
    causes: Mapping[Cause, str]
    also_time: bool = False

    @property
    def is_changed(self) -> bool:
        """Is anything said otherwise?"""
        return bool(self.causes)

    @property
    def loses_official(self) -> bool:
        """Was it an official release before, and is it none now?"""
        return self.old_verdict is Verdict.OFFICIAL and self.new_verdict is not Verdict.OFFICIAL


_Facts = Iterable[str | None]


def _identities(report: Report) -> _Facts:
    for entry in report.identity:
        agency = f" as {entry.agency.id}" if entry.agency else ""
        yield f"{entry.assertion} {entry.state}{agency}"


def _history(report: Report) -> _Facts:
    for entry in report.ingredients:
        agency = f" of {entry.agency.id}" if entry.agency else ""
        failures = f", {' '.join(sorted(entry.failures))}" if entry.failures else ""
        yield f"{entry.id} {entry.relationship} {entry.state}{agency}{failures}"


def _agency(report: Report) -> str | None:
    return report.signer.agency.id if report.signer.agency else None


def _disowner(report: Report) -> str | None:
    return report.signer.disowned_by.id if report.signer.disowned_by else None


def _trusted_at(report: Report) -> str | None:
    moment = report.time.trusted_at
    return None if moment is None else moment.isoformat()


def _uncovered(report: Report) -> _Facts:
    return (f"{part.size_bytes} from byte {part.offset}" for part in report.coverage.uncovered)


def _metadata(report: Report) -> _Facts:
    return (f"{entry.name}={entry.value} {entry.state}" for entry in report.metadata)


def _consent(report: Report) -> _Facts:
    # Reports from before the question was asked say `not-checked`: no answer is no change.
    silent = {ConsentState.NOT_CHECKED, ConsentState.NOT_NEEDED, ConsentState.NONE}
    if report.ai.consent not in silent:
        yield report.ai.consent.value


def _consents(report: Report) -> _Facts:
    return (f"{c.artist}: {', '.join(c.uses)}: {c.state}" for c in report.ai.consents)


_SAID: tuple[tuple[Axis, str, Callable[[Report], _Facts]], ...] = (
    (Axis.ASSET, "format", lambda r: [r.asset.format]),
    (Axis.INTEGRITY, "state", lambda r: [r.integrity.state.value]),
    (Axis.INTEGRITY, "credentials from", lambda r: [r.integrity.credentials_from]),
    (Axis.INTEGRITY, "manifest judged", lambda r: [r.integrity.manifest]),
    (Axis.COVERAGE, "binding", lambda r: [r.coverage.binding]),
    (Axis.COVERAGE, "uncovered bytes", _uncovered),
    (Axis.SIGNER, "kind", lambda r: [r.signer.kind.value]),
    (Axis.SIGNER, "agency", lambda r: [_agency(r)]),
    (Axis.SIGNER, "disowned by", lambda r: [_disowner(r)]),
    (Axis.SIGNER, "recognised by", lambda r: [r.signer.recognised_by]),
    (Axis.TIME, "state", lambda r: [r.time.state.value]),
    (Axis.TIME, "trusted at", lambda r: [_trusted_at(r)]),
    (Axis.REVOCATION, "state", lambda r: [r.revocation.state.value]),
    (Axis.IDENTITY, "identities", _identities),
    (Axis.RELEASE, "state", lambda r: [r.release.state.value]),
    (Axis.RESEMBLANCE, "releases", lambda r: (entry.release for entry in r.resemblance)),
    (Axis.AI, "state", lambda r: [r.ai.state.value]),
    (Axis.AI, "consent", _consent),
    (Axis.AI, "statements of consent", _consents),
    (Axis.METADATA, "fields", _metadata),
    (Axis.HISTORY, "ingredients", _history),
)


def compare(old: Report, new: Report) -> Difference:
    """What does the newer report say otherwise, and what may have led to it?

    The passing of time counts among the causes wherever the reports were made
    as of different times; `explain` can do better.
    """
    changes = _changes(old, new)
    causes: Mapping[Cause, str] = {}
    if changes or (old.verdict, old.reason) != (new.verdict, new.reason):
        causes = _differing(old, new) or _unnamed(new)
    return Difference(
        old_verdict=old.verdict,
        new_verdict=new.verdict,
        old_reason=old.reason,
        new_reason=new.reason,
        changes=changes,
        causes=causes,
    )


def explain(old: Report, new: Report, *, as_of_old: Report) -> Difference:
    """What does the newer report say otherwise, with time's share told apart?

    Args:
        old: The older report.
        new: One of today about the same file.
        as_of_old: One of today too, judged as of the older report's time: what it
            says otherwise than the older one is not due to time, and what it
            says otherwise than the newer one is due to nothing else.
    """
    whole = compare(old, new)
    if not whole.is_changed:
        return whole
    without_time = compare(old, as_of_old)
    by_time = compare(as_of_old, new)
    return replace(
        whole,
        causes=without_time.causes if without_time.is_changed else by_time.causes,
        also_time=without_time.is_changed and by_time.is_changed,
    )


def _changes(old: Report, new: Report) -> tuple[Change, ...]:
    changes = []
    for axis, what, said in _SAID:
        changes += _change(axis, what, said(old), said(new))
    for axis in Axis:
        before = (found.code.value for found in old.findings if found.axis is axis)
        after = (found.code.value for found in new.findings if found.axis is axis)
        changes += _change(axis, "findings", before, after)
    order = list(Axis)
    return tuple(sorted(changes, key=lambda change: order.index(change.axis)))


def _change(axis: Axis, what: str, before: _Facts, after: _Facts) -> list[Change]:
    said, says = set(filter(None, before)), set(filter(None, after))
    if said == says:
        return []
    return [
        Change(axis=axis, what=what, old=tuple(sorted(said - says)), new=tuple(sorted(says - said)))
    ]


def _differing(old: Report, new: Report) -> dict[Cause, str]:
    """Everything judged with that is not the same, in words."""
    before, after = old.context, new.context
    pairs = {
        Cause.FILE: (_bytes_of(old), _bytes_of(new)),
        Cause.ENGINE: (_engines(before), _engines(after)),
        Cause.DIRECTORY: (_directory(before), _directory(after)),
        Cause.REGISTER: (_register(before), _register(after)),
        Cause.POLICY: (_policy(before), _policy(after)),
        Cause.VERIFIER: (before.verifier, after.verifier),
        Cause.NETWORK: (_asked(old), _asked(new)),
        Cause.TIME: (before.verified_at.isoformat(), after.verified_at.isoformat()),
    }
    found = {cause: f"{was} -> {now}" for cause, (was, now) in pairs.items() if was != now}
    lists = _lists(before, after)
    if lists:
        found[Cause.TRUST_LISTS] = lists
    return {cause: found[cause] for cause in Cause if cause in found}


def _unnamed(new: Report) -> dict[Cause, str]:
    """What may have led to another answer where nothing that a report names differs."""
    register = new.context.register_of_releases
    if register is not None:
        # It goes by one name while releases are added and withdrawn.
        return {Cause.REGISTER: f"{register.name}, which may hold other releases than then"}
    return {Cause.UNKNOWN: "nothing that a report names differs"}


def _bytes_of(report: Report) -> str:
    digests = [report.asset.sha256 or "not known", *report.asset.fragments]
    return f"SHA-256 {', '.join(digests)}"


def _engines(context: Context) -> str:
    engines: list[EngineRef] = [context.engine]
    if context.second_engine is not None:
        engines.append(context.second_engine)
    return " and ".join(f"{e.name} {e.version} (native {e.native_version})" for e in engines)


def _directory(context: Context) -> str:
    directory = context.directory
    if directory is None:
        return "none"
    # Signed or not is part of it: an unsigned copy of the same bytes is judged otherwise.
    return (
        f"{directory.name} version {directory.version} ({directory.source}, "
        f"SHA-256 {directory.sha256})"
    )


def _register(context: Context) -> str:
    register = context.register_of_releases
    return "none" if register is None else register.name


def _policy(context: Context) -> str:
    allowed = f", asks {', '.join(context.network_allow)}" if context.network_allow else ""
    return f"{context.policy.name} {context.policy.version}{allowed}"


def _asked(report: Report) -> str:
    fetched = report.revocation.source == "fetched"
    return f"issuer {'answered' if fetched else 'not asked, or without an answer'}"


def _lists(before: Context, after: Context) -> str:
    was = {(entry.purpose, entry.name): entry.sha256 for entry in before.trust_lists}
    now = {(entry.purpose, entry.name): entry.sha256 for entry in after.trust_lists}
    parts = []
    for key in dict.fromkeys([*was, *now]):
        if key not in now:
            how = "gone"
        elif key not in was:
            how = "new"
        elif was[key] != now[key]:
            how = f"SHA-256 {was[key]} -> {now[key]}"
        else:
            continue
        parts.append(f"{key[1]} ({key[0]}): {how}")
    # Lists are asked in their order.
    if not parts and list(was) != list(now):
        parts.append("their order")
    return "; ".join(parts)
