"""History: what the file says it was made from, each part with its own states.

An ingredient never lifts or sinks the verdict about the file itself. Its bytes
are not here, so all that can be said is whether its credentials hold together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.engine import EngineReading
from provenance.credentials.manifest_store import (
    Assertion,
    HashedUri,
    Manifest,
    ManifestStore,
    ingredient_manifest,
)
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.report import Finding, Ingredient, ManifestFacts, finding
from provenance.trust.directory import Agency
from provenance.untrusted import clean_text
from provenance.verification.actions import actions_of
from provenance.verification.agencies import agency_ref
from provenance.verification.party import Party, PartyJudge
from provenance.verification.selection import INGREDIENT_LABELS

__all__ = ["History", "manifest_facts", "trace_history"]

# Recorded by every product that has no list with the ingredient's signer on it:
# it says nothing about whether the ingredient's credentials hold.
_NOT_TRUSTED_THERE = frozenset({"signingCredential.untrusted"})
_State = Literal["holds", "failed", "missing", "none", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The ingredient graph, flattened.

    Attributes:
        ingredients: In breadth-first order from the active manifest.
        agencies: Agencies whose releases are among them, each once.
        holding: Manifests among them whose own credentials hold, each once.
        findings: What was found about them.
    """

    ingredients: tuple[Ingredient, ...]
    agencies: tuple[Agency, ...]
    holding: tuple[Manifest, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """One ingredient assertion still to be looked at."""

    parent: int | None
    depth: int
    manifest: Manifest
    assertion: Assertion


def manifest_facts(manifest: Manifest, party: Party, limits: Limits) -> ManifestFacts:
    """What does this manifest say of itself?"""
    leaf = party.leaf
    signer = (leaf.says_common_name or leaf.says_organization) if leaf else None
    return ManifestFacts(
        label=clean_text(manifest.label),
        title=_text(manifest.claim.title),
        claim_version=manifest.claim.version,
        kind=manifest.kind,
        says_product=_text(manifest.claim.generator),
        says_signer=_text(signer),
        signed_at=party.time.trusted_at or party.time.claimed_at,
        time_state=party.time.state,
        actions=actions_of(manifest, limits),
    )


def _text(value: object) -> str | None:
    return clean_text(value) if isinstance(value, str) else None


def _recorded_failures(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Which failures did the signer write down when using this ingredient?

    The engine leaves these out of its own results, since they are not new.
    """
    found: list[object] = []
    results = fields.get("validationResults") or fields.get("validation_results")
    if isinstance(results, Mapping):
        found += _failures_of(results.get("activeManifest"))
        deltas = results.get("ingredientDeltas")
        for delta in deltas if isinstance(deltas, (list, tuple)) else ():
            if isinstance(delta, Mapping):
                found += _failures_of(delta.get("validationDeltas"))
    old = fields.get("validationStatus") or fields.get("validation_status")
    for status in old if isinstance(old, (list, tuple)) else ():
        if isinstance(status, Mapping) and status.get("success") is not True:
            found.append(status.get("code"))
    return tuple(dict.fromkeys(clean_text(code) for code in found if isinstance(code, str)))


def _failures_of(value: object) -> Iterator[object]:
    failures = value.get("failure") if isinstance(value, Mapping) else None
    for status in failures if isinstance(failures, (list, tuple)) else ():
        if isinstance(status, Mapping):
            yield status.get("code")


class _Tracer:
    def __init__(
        self,
        store: ManifestStore,
        reading: EngineReading,
        judge: PartyJudge,
        limits: Limits,
        own: frozenset[str],
    ) -> None:
        self._store = store
        self._own = own
        self._judge = judge
        self._limits = limits
        self._deltas = {
            delta.assertion_uri.partition("jumbf=")[2]: delta.failures
            for delta in reading.ingredients
        }
        # Redaction is declared by a later manifest, for assertions of an earlier one.
        self._redacted = frozenset(
            uri.rsplit("/", 1)[-1]
            for manifest in store.manifests.values()
            for uri in _strings(manifest.claim.fields.get("redacted_assertions"))
        )
        self._holds: dict[str, tuple[str, ...]] = {}
        self.findings: dict[FindingCode, list[int]] = {}

    def ingredient(
        self, step: _Step, number: int
    ) -> tuple[Ingredient, Manifest | None, Agency | None]:
        fields = step.assertion.decode_map(self._limits)
        reference = ingredient_manifest(step.assertion, fields)
        manifest, state, failures = self._resolve(step, reference)
        recorded = _recorded_failures(fields)
        facts, agency = None, None
        if manifest is not None:
            party = self._judge.judge(manifest)
            facts = manifest_facts(manifest, party, self._limits)
            if state == "holds" and manifest.label not in self._own:
                agency = party.recognition.agency
        self._note(state, recorded, agency, number)
        ingredient = Ingredient(
            id=number,
            parent=step.parent,
            depth=step.depth,
            relationship=_text(fields.get("relationship")) or "unknown",
            title=_text(fields.get("dc:title")),
            media_type=_text(fields.get("dc:format")),
            manifest=facts,
            state=state,
            agency=agency_ref(agency) if agency else None,
            failures=failures,
            recorded_failures=recorded,
        )
        return ingredient, manifest, agency

    def _resolve(
        self, step: _Step, reference: HashedUri | None
    ) -> tuple[Manifest | None, _State, tuple[str, ...]]:
        if reference is None or reference.manifest_label is None:
            return None, "none", ()
        label = reference.manifest_label
        if label in self._store.unreadable:
            return None, "unreadable", (clean_text(self._store.unreadable[label]),)
        manifest = self._store.manifests.get(label)
        if manifest is None:
            return None, "missing", ("ingredient.manifest.missing",)
        uri = f"/c2pa/{step.manifest.label}/c2pa.assertions/{step.assertion.label}"
        told = tuple(clean_text(status.code) for status in self._deltas.get(uri, ()))
        failures = tuple(dict.fromkeys((*told, *self._own_failures(manifest))))
        return manifest, "failed" if failures else "holds", failures

    def _own_failures(self, manifest: Manifest) -> tuple[str, ...]:
        known = self._holds.get(manifest.label)
        if known is None:
            failures = []
            party = self._judge.judge(manifest)
            if party.signature is SignatureAnswer.MISMATCH:
                failures.append("claimSignature.mismatch")
            elif party.signature is SignatureAnswer.UNSUPPORTED:
                failures.append("algorithm.unsupported")
            # What was redacted is gone; what is there has to be what was signed.
            if manifest.changed_assertions():
                failures.append("assertion.hashedURI.mismatch")
            if set(manifest.missing_assertions()) - self._redacted:
                failures.append("assertion.missing")
            known = self._holds[manifest.label] = tuple(failures)
        return known

    def _note(
        self, state: _State, recorded: Sequence[str], agency: Agency | None, number: int
    ) -> None:
        codes = {
            "failed": FindingCode.INGREDIENT_FAILED,
            "unreadable": FindingCode.INGREDIENT_FAILED,
            "missing": FindingCode.INGREDIENT_MISSING,
        }
        if state in codes:
            self.findings.setdefault(codes[state], []).append(number)
        if set(recorded) - _NOT_TRUSTED_THERE:
            self.findings.setdefault(FindingCode.INGREDIENT_RECORDED_FAILURE, []).append(number)
        if agency is not None:
            self.findings.setdefault(FindingCode.MADE_FROM_RELEASE, []).append(number)


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(item for item in value if isinstance(item, str))


def trace_history(
    store: ManifestStore,
    start: Manifest,
    reading: EngineReading,
    judge: PartyJudge,
    limits: Limits,
    *,
    own: frozenset[str] = frozenset(),
) -> History:
    """What does the file say it was made from?

    Every manifest is followed once, however often it is named, so a circle ends
    and a lattice stays small.

    Args:
        store: All manifests.
        start: The manifest whose ingredients come first.
        reading: For the engine's failures about ingredients.
        judge: Says who made each manifest.
        limits: `max_ingredients` and `max_ingredient_depth`.
        own: Labels of the manifests that are the judged release itself: a release
            beneath its own update is not something it was made from.
    """
    tracer = _Tracer(store, reading, judge, limits, own)
    ingredients: list[Ingredient] = []
    agencies: dict[str, Agency] = {}
    holding: dict[str, Manifest] = {}
    followed = {start.label}
    cut = False
    queue = deque(_Step(None, 1, start, a) for a in start.of_type(*INGREDIENT_LABELS))
    while queue:
        step = queue.popleft()
        if len(ingredients) >= limits.max_ingredients or step.depth > limits.max_ingredient_depth:
            cut = True
            break
        ingredient, manifest, agency = tracer.ingredient(step, len(ingredients))
        ingredients.append(ingredient)
        if agency is not None:
            agencies.setdefault(agency.id, agency)
        if manifest is not None and ingredient.state == "holds":
            holding.setdefault(manifest.label, manifest)
        if manifest is not None and manifest.label not in followed:
            followed.add(manifest.label)
            queue.extend(
                _Step(ingredient.id, step.depth + 1, manifest, a)
                for a in manifest.of_type(*INGREDIENT_LABELS)
            )
    findings = [
        finding(code, ingredients=numbers[:20], count=len(numbers))
        for code, numbers in tracer.findings.items()
    ]
    if cut:
        findings.append(finding(FindingCode.HISTORY_CUT, listed=len(ingredients)))
    return History(
        ingredients=tuple(ingredients),
        agencies=tuple(agencies.values()),
        holding=tuple(holding.values()),
        findings=tuple(findings),
    )
