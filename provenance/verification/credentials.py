"""Judging one set of credentials against one asset: from the engine's reading to the axes.

The verifier calls this once for the credentials embedded in a file, and once
more for those of a sidecar.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from provenance.credentials.engine import Engine, EngineReading, EngineState
from provenance.credentials.manifest_store import Manifest, ManifestStore, parse_manifest_store
from provenance.errors import LimitError, MalformedError
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.media.containers.absence import holds_no_credentials
from provenance.media.containers.collector import MULTIPLE_STORES
from provenance.report import CheckNotRun, Coverage, Finding, finding
from provenance.untrusted import clean_text
from provenance.verdict import IntegrityState, SignerKind
from provenance.verification.asset import AssetBytes, fragment_layout, why_not_read
from provenance.verification.bindings import (
    BmffHash,
    HardBinding,
    parse_hard_binding,
    recompute,
    unknown_algorithm,
)
from provenance.verification.coverage import CoverageAnswer, judge_coverage, unknown_coverage
from provenance.verification.history import History, trace_history
from provenance.verification.identity import IdentityAnswer, IdentityEvidence, IdentityJudge
from provenance.verification.integrity import IntegrityEvidence, judge_integrity
from provenance.verification.notes import Notes
from provenance.verification.party import Party, PartyJudge
from provenance.verification.selection import Judged, select_judged
from provenance.verification.stores import compare_stores, own_store

__all__ = ["Judgement", "judge_credentials", "own_reading"]

_LAPSED = {
    FindingCode.CERTIFICATE_EXPIRED,
    FindingCode.CERTIFICATE_NOT_YET_VALID,
    FindingCode.TIME_OUTSIDE_VALIDITY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one set of credentials is worth for one asset.

    Attributes:
        state: The integrity axis.
        findings: Everything found on the way.
        checks_not_run: What could not be checked, and why.
        reading: The engine's reading.
        store: The manifest store, where it could be parsed.
        judged: Which manifest is judged, where there is one.
        party: Who made it.
        history: What it was made from.
        coverage: Which bytes it stands for.
        identity: Who else put a name to it.
    """

    state: IntegrityState
    reading: EngineReading
    findings: tuple[Finding, ...] = ()
    checks_not_run: tuple[CheckNotRun, ...] = ()
    store: ManifestStore | None = None
    judged: Judged | None = None
    party: Party | None = None
    history: History | None = None
    coverage: CoverageAnswer | None = None
    identity: IdentityAnswer = field(default_factory=IdentityAnswer)

    @classmethod
    def without_credentials(
        cls, state: IntegrityState = IntegrityState.ABSENT, *findings: Finding
    ) -> Judgement:
        """Nothing to judge: no credentials, or a file in which none could be looked for."""
        return cls(state=state, reading=EngineReading(state=EngineState.NONE), findings=findings)

    @property
    def intact_manifest(self) -> Manifest | None:
        """The judged manifest, where its statements may be repeated as signed ones."""
        matches = self.state in {IntegrityState.INTACT, IntegrityState.PARTIAL}
        return self.judged.manifest if matches and self.judged else None

    @property
    def attributed_manifest(self) -> Manifest | None:
        """The same, with those statements alone that are the word of the party judged.

        An agency recognised by its identity has signed for what that refers to.
        """
        manifest, carried = self.intact_manifest, self.identity.carried
        return carried.attributed(manifest) if manifest and carried else manifest

    @property
    def covered(self) -> Coverage:
        """Coverage for the report; empty where there is none."""
        return self.coverage.coverage if self.coverage else Coverage()


def judge_credentials(  # noqa: PLR0911 - each way out is an answer of its own
    engine: Engine,
    asset: AssetBytes,
    judge: PartyJudge,
    identities: IdentityJudge,
    limits: Limits,
    *,
    manifest: bytes | None = None,
) -> Judgement:
    """What are these credentials worth for this asset?

    Args:
        engine: Compares bytes with hashes.
        asset: The bytes, with their layout.
        judge: Says who made a manifest.
        identities: Says who else put a name to it.
        limits: Bounds for every parser.
        manifest: A manifest store from beside the asset; None for the embedded one.
    """
    too_many = why_not_read(asset, limits)
    if too_many:
        return _unreadable(EngineReading(state=EngineState.UNREADABLE), LimitError(too_many))
    own, problem = own_reading(asset, manifest, limits)
    unread = EngineReading(state=EngineState.UNREADABLE)
    if manifest is None and asset.layout and MULTIPLE_STORES in asset.layout.problems:
        # The engine takes the first in some containers; another reader, the last.
        found = finding(FindingCode.SEVERAL_MANIFEST_STORES, why="seen by our own reading")
        return Judgement(state=IntegrityState.UNREADABLE, reading=unread, findings=(found,))
    if problem is not None and asset.media_format.engine_type is not None:
        # What is not known here is not given to the engine: it may take any memory.
        return _unreadable(unread, problem)
    reading = _engine_reading(engine, asset, manifest)
    if reading.state is not EngineState.MANIFEST:
        return _without_manifest(reading, asset)
    notes = Notes()
    same_store = None
    try:
        if manifest is not None:
            store = parse_manifest_store(reading.store, limits)
        else:
            store, same_store = compare_stores(own, reading, limits, notes)
    except (MalformedError, LimitError) as error:
        return _unreadable(reading, error)
    judge.learn(store)
    judged = select_judged(store, judge.same_party, limits)
    if judged is None:
        found = finding(FindingCode.CREDENTIALS_INCOMPLETE, lacks="the manifest that was updated")
        return Judgement(
            state=IntegrityState.UNREADABLE, reading=reading, findings=(found,), store=store
        )
    case = _Case(
        asset=asset,
        reading=reading,
        store=store,
        judged=judged,
        same_store=same_store,
        embedded=manifest is None,
        engine_was_asked=engine.asks_for_trust,
        limits=limits,
        notes=notes,
    )
    return _judge_manifest(case, judge, identities)


def _engine_reading(engine: Engine, asset: AssetBytes, manifest: bytes | None) -> EngineReading:
    """What the engine says, where there can be anything for it to say."""
    engine_type = asset.media_format.engine_type
    if engine_type is None:
        return EngineReading(state=EngineState.UNSUPPORTED)
    if (
        manifest is None
        and not asset.fragments
        and holds_no_credentials(asset.stream, asset.media_format.container, asset.layout)
    ):
        # Most files that anybody uploads: the engine would take longer to say the same.
        return EngineReading(state=EngineState.NONE)
    return engine.read(asset.stream, engine_type, manifest=manifest, fragments=asset.fragments)


def own_reading(
    asset: AssetBytes, manifest: bytes | None, limits: Limits
) -> tuple[ManifestStore | None, MalformedError | LimitError | None]:
    """The credentials by our own reading, or why the engine is not asked about them either."""
    try:
        store = (
            own_store(asset, limits) if manifest is None else parse_manifest_store(manifest, limits)
        )
    except (MalformedError, LimitError) as error:
        return None, error
    repeated = _repeats_references(store)
    return store, MalformedError(repeated) if repeated else None


def _repeats_references(store: ManifestStore | None) -> str:
    """Which claim lists an assertion more than once?

    The engine copies it for each time it is listed: a file of 1 MB takes gigabytes.
    """
    for one in store.manifests.values() if store else ():
        # By label: one box can be addressed in more than one way.
        labels = [reference.label for reference in one.claim.references]
        if len(set(labels)) != len(labels):
            return f"the claim of {one.label} lists an assertion more than once"
    return ""


def _without_manifest(reading: EngineReading, asset: AssetBytes) -> Judgement:
    message = clean_text(reading.message)
    match reading.state:
        case EngineState.NONE:
            return _judgement_of_none(reading, asset)
        case EngineState.REMOTE:
            code, evidence = FindingCode.CREDENTIALS_ELSEWHERE, clean_text(reading.remote_url)
        case EngineState.SEVERAL:
            code, evidence = FindingCode.SEVERAL_MANIFEST_STORES, message
        case EngineState.UNSUPPORTED:
            code, evidence = FindingCode.UNSUPPORTED_TYPE, message
        case EngineState.OUT_OF_MEMORY:
            # The engine says so where it can, and is ended by the kernel where it cannot.
            code, evidence = FindingCode.MEMORY_EXHAUSTED, message
        case _ if asset.layout is None or not asset.layout.manifest:
            # Nothing that looks like credentials, in a file nobody can follow.
            code, evidence = FindingCode.CONTAINER_UNREADABLE, message
        case _:
            code, evidence = FindingCode.CREDENTIALS_UNREADABLE, message
    found = finding(code, why=evidence)
    return Judgement(state=IntegrityState.UNREADABLE, reading=reading, findings=(found,))


def _judgement_of_none(reading: EngineReading, asset: AssetBytes) -> Judgement:
    """No manifest by the engine. If our own eyes see one, nobody knows."""
    if asset.layout is not None and asset.layout.manifest:
        found = finding(
            FindingCode.CREDENTIALS_UNREADABLE, why="there is a manifest the engine does not find"
        )
        return Judgement(state=IntegrityState.UNREADABLE, reading=reading, findings=(found,))
    return Judgement(state=IntegrityState.ABSENT, reading=reading)


def _unreadable(reading: EngineReading, error: MalformedError | LimitError) -> Judgement:
    code = (
        FindingCode.LIMIT_REACHED
        if isinstance(error, LimitError)
        else FindingCode.CREDENTIALS_UNREADABLE
    )
    found = finding(code, why=clean_text(error))
    return Judgement(state=IntegrityState.UNREADABLE, reading=reading, findings=(found,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """The facts that the steps below share."""

    asset: AssetBytes
    reading: EngineReading
    store: ManifestStore
    judged: Judged
    same_store: bool | None
    embedded: bool
    engine_was_asked: bool
    limits: Limits
    notes: Notes

    @property
    def binding(self) -> HardBinding:
        """The one hard binding.

        Raises:
            MalformedError: There is none, more than one, or one that cannot be read.
        """
        bindings = self.judged.binding.hard_bindings
        if len(bindings) != 1:
            raise MalformedError(f"expected one hard binding, got {len(bindings)}")
        return parse_hard_binding(bindings[0], self.limits)


def _judge_manifest(case: _Case, judge: PartyJudge, identities: IdentityJudge) -> Judgement:
    judged, reading, notes = case.judged, case.reading, case.notes
    coverage = _coverage(case)
    integrity = judge_integrity(
        IntegrityEvidence(
            reading=reading,
            binding=judged.binding,
            signed=[(m, judge.judge(m)) for m in (*judged.updates, judged.binding)],
            own_content=_own_content(case),
            same_store=case.same_store,
            fully_covered=coverage.full,
            lacks_fragments=_lacks_fragments(case),
            unknown_hash=_unknown_hash(case),
        )
    )
    party = judge.judge(judged.manifest)
    release = (*judged.updates, judged.binding) if not judged.by_others else ()
    history = trace_history(
        case.store,
        case.store.active,
        reading,
        judge,
        case.limits,
        own=frozenset(manifest.label for manifest in release),
    )
    if judged.by_others:
        notes.findings.append(finding(FindingCode.UPDATED_BY_OTHERS))
    counts = integrity.state in {IntegrityState.INTACT, IntegrityState.PARTIAL}
    identity = identities.judge(
        IdentityEvidence(
            judged=judged, store=case.store, party=party, reading=reading, holds=counts
        )
    )
    if engine_trust := _engine_trust(case, party):
        notes.findings.append(engine_trust)
    if identity.carried is not None:
        party = replace(party, recognition=identity.carried.recognition)
    return Judgement(
        state=integrity.state,
        reading=reading,
        findings=(
            *integrity.findings,
            # What is said about bytes that do not match says nothing about this file.
            *(coverage.findings if counts else ()),
            *party.findings,
            *_lapsed_beneath(judged, judge),
            *identity.findings,
            *notes.findings,
            *history.findings,
        ),
        checks_not_run=(
            *notes.checks_not_run,
            *identity.checks_not_run,
            *(
                CheckNotRun(check=name, why="nobody says what the release is about in this regard")
                for name in party.recognition.not_checked
            ),
        ),
        store=case.store,
        judged=judged,
        party=party,
        history=history,
        coverage=coverage if counts else None,
        identity=identity,
    )


def _engine_trust(case: _Case, party: Party) -> Finding | None:
    """The engine's own opinion of the signer, where it was asked and differs. It never decides."""
    if not case.engine_was_asked:
        return None
    engine = case.reading.succeeded("signingCredential.trusted")
    own = party.recognition.kind in {SignerKind.AGENCY, SignerKind.LISTED}
    if engine == own:
        return None
    return finding(
        FindingCode.ENGINE_TRUST_DIFFERS,
        engine="trusted" if engine else "not trusted",
        own=party.recognition.kind.value,
    )


def _lapsed_beneath(judged: Judged, judge: PartyJudge) -> list[Finding]:
    """Which manifests beneath the judged update were signed when nobody says they could be?

    An update has no binding to the bytes of its own, so it cannot revive the one it needs.
    """
    chain = (*judged.updates, judged.binding)
    at = next(i for i, manifest in enumerate(chain) if manifest is judged.manifest)
    return [
        found
        for manifest in chain[at + 1 :]
        for found in judge.judge(manifest).findings
        if found.code in _LAPSED
    ]


def _coverage(case: _Case) -> CoverageAnswer:
    if case.asset.layout is None:
        return unknown_coverage(MalformedError(case.asset.layout_error))
    try:
        return judge_coverage(
            case.binding,
            case.asset.layout,
            case.asset.stream,
            media_format=case.asset.media_format,
            store_bytes=len(case.store.data),
            embedded=case.embedded,
            limits=case.limits,
            fragments=[
                (piece, fragment_layout(piece, case.asset.media_format, case.limits))
                for piece in case.asset.fragments
            ],
        )
    except (MalformedError, LimitError) as error:
        case.notes.not_run("coverage", clean_text(error))
        return unknown_coverage(error)


def _own_content(case: _Case) -> bool | None:
    """Our own answer about the content, where the engine accuses."""
    check = "second opinion on the content hash"
    accused = any(
        status.code.startswith("assertion.") and status.code.endswith("Hash.mismatch")
        for status in case.reading.failures
    )
    if not accused or case.asset.layout is None or case.asset.fragments:
        return None
    try:
        answer = recompute(
            case.binding,
            case.asset.stream,
            case.asset.layout,
            case.judged.binding.claim.algorithm,
        )
    except (MalformedError, LimitError) as error:
        case.notes.not_run(check, clean_text(error))
        return None
    if answer is None:
        case.notes.not_run(check, "this kind of binding is not recomputed here")
    return answer


def _lacks_fragments(case: _Case) -> bool:
    """Is the binding one over fragments, and no fragment was given with the asset?"""
    if case.asset.fragments:
        return False
    try:
        binding = case.binding
    except (MalformedError, LimitError):
        return False
    return isinstance(binding, BmffHash) and binding.has_merkle


def _unknown_hash(case: _Case) -> str | None:
    """The hard binding's hash algorithm, where nobody here can compute it."""
    try:
        return unknown_algorithm(case.binding, case.judged.binding.claim.algorithm)
    except (MalformedError, LimitError):
        return None
