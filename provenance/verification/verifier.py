"""The verifier: who released this, and is it unchanged?

    (1) hold the bytes still, and take their digest
    (2) sniff the type from the bytes, and follow the container's parts
    (3) judge the embedded credentials: signature, hashes, coverage, time, signer, history
    (4) judge a sidecar's credentials, or the register's, where those give no answer
    (5) ask a second engine about the bytes, where the policy says so
    (6) hold the agency directory against its own age
    (7) look for impostor names, and compare descriptive data, and what is said of
        trained models and of consent, with what was signed
    (8) ask the register whether the agency still stands by the release
    (9) ask it which releases the file resembles, unless an agency's signature counts
    (10) look whether the file changed meanwhile
    (11) derive the verdict, and write it all down

Nothing here reads a clock, an environment, a database or a network: what is
needed of them is given.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from provenance.credentials.engine import Engine
from provenance.errors import LimitError
from provenance.findings import MEANINGS, FindingCode
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import MediaFormat, MediaKind, extension_matches
from provenance.media.metadata import extract_metadata
from provenance.media.metadata.model import MetadataReading
from provenance.media.sniff import sniff_stream
from provenance.media.source import HeldFile, OpenSource, Source, open_source
from provenance.report import (
    AiFacts,
    Asset,
    CheckNotRun,
    Finding,
    MetadataField,
    Report,
    finding,
)
from provenance.trust.directory import LoadedDirectory
from provenance.trust.identities import IdentityRecogniser
from provenance.trust.lists import ListPurpose, TrustList
from provenance.trust.names import NameWatch
from provenance.trust.recognition import Recogniser
from provenance.trust.revocation import OcspFetcher, RevocationChecker
from provenance.trust.timestamps import TimeStampChecker
from provenance.untrusted import clean_text
from provenance.verdict import (
    IntegrityState,
    Obstacle,
    SignerKind,
)
from provenance.verification.agencies import agency_ref
from provenance.verification.ai import judge_ai
from provenance.verification.assembly import Answers, Evidence, assemble
from provenance.verification.asset import AssetBytes, asset_of, layout_of, why_not_read
from provenance.verification.consent import judge_consent
from provenance.verification.context import JudgedWith, second_engine_ref
from provenance.verification.credentials import Judgement, judge_credentials, own_reading
from provenance.verification.identity import IdentityJudge
from provenance.verification.identity_holder import HolderJudge
from provenance.verification.metadata_chain import judge_metadata
from provenance.verification.names import NameJudge
from provenance.verification.party import PartyJudge
from provenance.verification.policy import Policy
from provenance.verification.recovery import NO_REGISTER, Recovered, recover_credentials
from provenance.verification.register import RegisteredManifest, ReleaseRegister
from provenance.verification.release_status import ReleaseAnswer, judge_release
from provenance.verification.resemblance import (
    ResemblanceFound,
    look_for_resemblance,
    no_resemblance,
)

if TYPE_CHECKING:
    from provenance.credentials.second_engine import SecondEngine

__all__ = ["Clock", "Verifier"]

Clock = Callable[[], datetime]
"""Says what time it is, as aware UTC."""


@dataclass(slots=True, kw_only=True)
class _Case:
    """One file under examination, and what has been found out so far."""

    opened: OpenSource
    pieces: Sequence[OpenSource]
    sidecar: bytes | None
    now: datetime
    sha256: Callable[[], str] = lambda: ""
    media_format: MediaFormat | None = None
    asset: AssetBytes | None = None
    findings: list[Finding] = field(default_factory=list)
    checks_not_run: list[CheckNotRun] = field(default_factory=list)
    recovered: Recovered | None = None

    def note(self, code: FindingCode, **evidence: Any) -> None:
        self.findings.append(finding(code, **evidence))

    def not_run(self, check: str, why: str) -> None:
        self.checks_not_run.append(CheckNotRun(check=check, why=why))


class Verifier:
    """Verifies files against one directory, one set of trust lists and one policy.

    Make it once and use it for many files: anchors are parsed, and the engine is
    set up and tested, when it is made. It may be shared between threads, though
    processes are what makes a batch faster.

    Args:
        directory: Agencies; without one nothing can be official.
        trust_lists: Lists of claim signers, asked in this order, never merged.
        time_stamp_lists: Lists of time-stamp authorities.
        identity_lists: Lists of anchors for statements of identity (CAWG).
        register: The register of releases, as this verifier's audience may see it.
        policy: What is asked beyond whom to trust.
        clock: Says what time it is, where `verify` is not told.
        ocsp_fetcher: Asks issuers whether a certificate was revoked; without
            one, nobody is ever asked.
        limits: Bounds on every untrusted input.

    Raises:
        EngineUnsafeError: The engine misreads the built-in samples.
        ValueError: A list was given for the other purpose.
    """

    def __init__(  # noqa: PLR0913 - each is one thing to judge with
        self,
        *,
        directory: LoadedDirectory | None,
        trust_lists: Sequence[TrustList] = (),
        time_stamp_lists: Sequence[TrustList] = (),
        identity_lists: Sequence[TrustList] = (),
        register: ReleaseRegister | None = None,
        policy: Policy | None = None,
        clock: Clock,
        ocsp_fetcher: OcspFetcher | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        if any(entry.purpose is not ListPurpose.TIME_STAMP for entry in time_stamp_lists):
            raise ValueError("a list of claim signers cannot vouch for time-stamp authorities")
        policy = policy or Policy()
        self._clock = clock
        self._limits = limits
        self._asks_second = policy.second_engine
        self._territory = policy.territory
        self._second = _second_engine() if self._asks_second else None
        self._with = JudgedWith(
            directory,
            trust_lists,
            (*time_stamp_lists, *identity_lists),
            policy,
            register=register,
            second_engine=second_engine_ref(self._second),
            network_allow=ocsp_fetcher.network_allow if ocsp_fetcher else (),
        )
        self._register = register
        self._looks_for_resemblance = policy.resemblance
        self._recogniser = Recogniser(directory, trust_lists)
        self._names = NameJudge(NameWatch(directory), self._recogniser)
        self._identities = IdentityRecogniser(directory, identity_lists)
        self._time_stamps = TimeStampChecker(time_stamp_lists)
        self._revocation = RevocationChecker(ocsp_fetcher)
        self._engine = Engine(self._with.anchors_pem() if policy.ask_engine_about_trust else None)

    def verify(
        self,
        source: Source,
        *,
        name: str | None = None,
        sidecar: Source | None = None,
        fragments: Sequence[Source] = (),
        at: datetime | None = None,
    ) -> Report:
        """Who released this, and is it unchanged?

        Whatever is in the file, there is an answer; only a source that cannot be
        opened or read raises.

        Args:
            source: A path, bytes or a binary stream.
            name: What to call it, where the path does not say.
            sidecar: A manifest store kept beside the file (`.c2pa`).
            fragments: Fragments of a fragmented MP4 whose initialisation
                segment is `source`.
            at: Judge as of this time instead of now.

        Raises:
            SourceError: The file, the sidecar or a fragment cannot be read.
            ValueError: `at` has no time zone.
        """
        now = at or self._clock()
        if now.tzinfo is None:
            raise ValueError("at: expected an aware time, got one without a time zone")
        with ExitStack() as held:
            try:
                # (1) From here on the bytes stand still, or their change is noticed.
                opened = held.enter_context(open_source(source, name=name, limits=self._limits))
                pieces = [
                    held.enter_context(open_source(piece, limits=self._limits))
                    for piece in fragments
                ]
                store = _read_sidecar(sidecar, self._limits)
            except LimitError as error:
                return self.not_examined(
                    FindingCode.LIMIT_REACHED,
                    why=str(error),
                    name=name or _name_of(source),
                    at=now,
                )
            return self._examine(_Case(opened=opened, pieces=pieces, sidecar=store, now=now))

    def after_fork(self) -> None:
        """Make this verifier fit for a process that was forked from the one that made it.

        What it knows is shared with that process; what the engine holds cannot be.
        """
        self._engine.after_fork()

    def crjson(self, source: Source, *, sidecar: Source | None = None) -> dict[str, Any] | None:
        """What is the file's crJSON, as the engine writes it? None without readable credentials.

        Raises:
            SourceError: The file or the sidecar cannot be read.
            LimitError: One of them is larger than allowed.
        """
        with open_source(source, limits=self._limits) as opened:
            media_format = sniff_stream(opened.stream, opened.size_bytes)
            if media_format is None or media_format.engine_type is None:
                return None
            asset = asset_of(opened.stream, opened.size_bytes, media_format, self._limits)
            refused = why_not_read(asset, self._limits)
            if refused:
                raise LimitError(f"{opened.name or 'asset'}: {refused}")
            store = _read_sidecar(sidecar, self._limits)
            _, problem = own_reading(asset, store, self._limits)
            if isinstance(problem, LimitError):
                raise problem
            if problem is not None:
                return None
            return self._engine.crjson(opened.stream, media_format.engine_type, manifest=store)

    def _examine(self, case: _Case) -> Report:
        opened = case.opened
        case.sha256 = opened.sha256_meanwhile()
        # (2) The bytes say what they are; a name may say anything.
        case.media_format = sniff_stream(opened.stream, opened.size_bytes)
        judgement = self._refuse_unreadable_types(case)
        if judgement is None:
            # (3) and (4) Embedded credentials speak first; a sidecar, or the register,
            # where they say nothing, or proves them overruled.
            judgement = self._recover(case)
        # (5) Two engines that share no code seldom share a mistake.
        judgement = self._ask_second_engine(case, judgement)
        # (6) An old directory may still list a key that was withdrawn since.
        self._check_directory(case, judgement)
        # (7) Descriptive data is worth what the signature over it is worth.
        self._check_names(case, judgement)
        metadata, ai = self._judge_descriptions(case, judgement)
        # (8) What the agency said of the release since it signed it.
        release = self._judge_release(case, judgement)
        # (9) A lead for whatever nobody known vouches for.
        resemblance = self._look_for_resemblance(case, judgement)
        # (10) If the file changed meanwhile, the answers fit no file.
        digest = case.sha256()
        if opened.has_changed() or any(piece.has_changed() for piece in case.pieces):
            case.note(FindingCode.CHANGED_WHILE_READ)
        # (11) The table decides.
        asset = Asset(
            name=clean_text(opened.name) if opened.name else None,
            sha256=digest,
            size_bytes=opened.size_bytes,
            media_type=case.media_format.media_type if case.media_format else None,
            format=case.media_format.name if case.media_format else None,
            fragments=tuple(piece.sha256() for piece in case.pieces),
        )
        return self._report(
            case,
            asset,
            judgement,
            Answers(metadata=metadata, ai=ai, release=release, resemblance=resemblance),
        )

    def _refuse_unreadable_types(self, case: _Case) -> Judgement | None:
        """A judgement where nothing can be looked for, else None."""
        code = None
        if case.opened.size_bytes == 0:
            code = FindingCode.EMPTY_FILE
        elif case.media_format is None:
            code = FindingCode.UNSUPPORTED_TYPE
        elif case.media_format.kind is MediaKind.SIDECAR:
            code = FindingCode.SIDECAR_ALONE
        elif case.media_format.name == "fmp4-fragment":
            code = FindingCode.FRAGMENT_ALONE
        if code is None:
            return None
        case.note(code)
        return Judgement.without_credentials(IntegrityState.UNREADABLE)

    def _recover(self, case: _Case) -> Judgement:
        """What the credentials are worth that speak for the file, wherever they are."""
        asset = self._asset_of(case)
        case.asset = asset

        def judge(manifest: bytes | None) -> Judgement:
            return judge_credentials(
                self._engine,
                asset,
                self._judge_of(case),
                self._identities_of(case),
                self._limits,
                manifest=manifest,
            )

        found = recover_credentials(
            judge, sidecar=case.sidecar, registered=self._registered_for(case)
        )
        case.recovered = found
        case.findings += found.findings
        case.checks_not_run += found.checks_not_run
        return found.judgement

    def _registered_for(self, case: _Case) -> Callable[[], Sequence[RegisteredManifest]] | None:
        register = self._register
        if register is None:
            return None
        return lambda: register.manifests_for_bytes(case.sha256(), at=case.now)

    def _asset_of(self, case: _Case) -> AssetBytes:
        media_format = case.media_format
        assert media_format is not None  # noqa: S101 - refused above
        opened = case.opened
        if opened.name and extension_matches(opened.name, media_format) is False:
            case.note(
                FindingCode.EXTENSION_MISMATCH,
                name=clean_text(opened.name),
                bytes_are=media_format.media_type,
            )
        layout, error = layout_of(opened.stream, opened.size_bytes, media_format, self._limits)
        problems = [clean_text(p) for p in layout.problems[:10]] if layout else [error]
        if problems:
            case.note(FindingCode.CONTAINER_DAMAGED, problems=problems)
        return AssetBytes(
            stream=opened.stream,
            size_bytes=opened.size_bytes,
            media_format=media_format,
            layout=layout,
            layout_error=error,
            fragments=[piece.stream for piece in case.pieces],
        )

    def _judge_release(self, case: _Case, judgement: Judgement) -> ReleaseAnswer:
        party, judged = judgement.party, judgement.judged
        agency = None
        if judgement.state is IntegrityState.INTACT and party is not None:
            agency = party.recognition.agency
        answer = judge_release(
            self._register,
            agency=agency_ref(agency) if agency else None,
            sha256=case.sha256() if agency and self._register else None,
            manifests=judged.labels if judged else (),
            at=case.now,
        )
        case.findings += answer.findings
        case.checks_not_run += answer.checks_not_run
        return answer

    def _look_for_resemblance(self, case: _Case, judgement: Judgement) -> ResemblanceFound:
        party = judgement.party
        if not self._looks_for_resemblance:
            found = no_resemblance("the policy does not ask for it")
        elif self._register is not None and (
            judgement.state is IntegrityState.INTACT
            and party is not None
            and party.recognition.kind is SignerKind.AGENCY
        ):
            found = no_resemblance("an agency's signature counts, so no lead is needed")
        else:
            found = look_for_resemblance(
                self._register, case.asset, agency_of=self._with.agency_of, at=case.now
            )
        case.findings += found.findings
        case.checks_not_run += found.checks_not_run
        return found

    def _judge_of(self, case: _Case) -> PartyJudge:
        assert case.media_format is not None  # noqa: S101 - refused above
        return PartyJudge(
            self._recogniser,
            self._time_stamps,
            self._revocation,
            now=case.now,
            media_kind=case.media_format.kind.value,
            territory=self._territory,
            limits=self._limits,
        )

    def _holders_of(self, case: _Case) -> HolderJudge:
        return HolderJudge(
            self._identities,
            self._time_stamps,
            self._revocation,
            now=case.now,
            limits=self._limits,
        )

    def _identities_of(self, case: _Case) -> IdentityJudge:
        holders = self._holders_of(case)
        return IdentityJudge(self._identities, holders, now=case.now, limits=self._limits)

    def _ask_second_engine(self, case: _Case, judgement: Judgement) -> Judgement:
        if not self._asks_second:
            return judgement
        from provenance.verification.second_opinion import CHECK, with_second_opinion

        if self._second is None or case.asset is None:
            why = "there is nothing to compare" if self._second else "it is not installed"
            case.not_run(CHECK, why)
            return judgement
        return with_second_opinion(
            judgement,
            case.asset,
            self._second,
            self._limits,
            manifest=case.recovered.store if case.recovered else None,
        )

    def _check_names(self, case: _Case, judgement: Judgement) -> None:
        judged, party = judgement.judged, judgement.party
        if judged is None or party is None:
            return
        case.findings += self._names.judge(
            judged.manifest,
            party,
            vouched={entry.agency.id for entry in judgement.identity.identities if entry.agency},
            limits=self._limits,
        )

    def _check_directory(self, case: _Case, judgement: Judgement) -> None:
        if not self._with.has_directory:
            case.note(FindingCode.NO_DIRECTORY)
        if self._with.is_test:
            case.note(FindingCode.TEST_DIRECTORY)
        why = self._with.why_too_old(case.now)
        if why is None:
            return
        party = judgement.party
        if party is not None and party.recognition.kind is SignerKind.AGENCY:
            case.note(FindingCode.DIRECTORY_TOO_OLD, why=why)
        else:
            case.not_run("newer entries of the agency directory", why)

    def _judge_descriptions(
        self, case: _Case, judgement: Judgement
    ) -> tuple[tuple[MetadataField, ...], AiFacts]:
        """The metadata and the AI axis, for the report."""
        manifest = judgement.intact_manifest
        reading = MetadataReading()
        if case.asset is not None:
            reading = extract_metadata(
                case.asset.stream, case.asset.media_format, case.asset.layout, self._limits
            )
        coverage = judgement.coverage
        metadata = judge_metadata(
            reading,
            manifest=judgement.attributed_manifest,
            covered=coverage is not None and coverage.known,
            uncovered=coverage.uncovered if coverage else (),
            limits=self._limits,
        )
        case.findings += metadata.findings
        ai, findings = judge_ai(
            manifest,
            metadata.unvouched,
            self._limits,
            covered_fields=metadata.vouched,
            ingredients=judgement.history.holding if judgement.history else (),
        )
        consent = judge_consent(
            manifest,
            ai=ai.state,
            party=judgement.party,
            identity=judgement.identity,
            now=case.now,
            holders=self._holders_of(case),
            territory=self._territory,
            limits=self._limits,
        )
        case.findings += [*findings, *consent.findings]
        said = {"consent": consent.state, "uses": consent.uses, "consents": consent.consents}
        return metadata.fields, ai.model_copy(update=said)

    def _report(self, case: _Case, asset: Asset, judgement: Judgement, answers: Answers) -> Report:
        evidence = Evidence(
            asset=asset,
            judgement=judgement,
            findings=case.findings,
            checks_not_run=case.checks_not_run,
            recovered=case.recovered,
            now=case.now,
        )
        return assemble(evidence, answers, self._with, self._limits)

    def not_examined(
        self,
        code: FindingCode,
        *,
        why: str,
        name: str | None,
        at: datetime | None = None,
        sha256: str | None = None,
        size_bytes: int = 0,
    ) -> Report:
        """A report about a file that nothing here could look into.

        For a source that is larger than anything examined, and for whoever watches over
        processes that examine: theirs died, or was stopped.

        Args:
            code: What stood in the way; it has to say that the reason is ours.
            why: In words.
            name: What to call the file.
            at: The moment of judging.
            sha256: Its digest, if it could be taken.
            size_bytes: Its size, if it is known.
        """
        if MEANINGS[code].obstacle is not Obstacle.OURS:
            raise ValueError(f"code: expected a reason that is ours, got {code}")
        case = _Case(
            opened=OpenSource(io.BytesIO(), 0, None, live=False),
            pieces=(),
            sidecar=None,
            now=at or self._clock(),
        )
        case.note(code, why=clean_text(why))
        judgement = Judgement.without_credentials(IntegrityState.UNREADABLE)
        self._check_directory(case, judgement)
        asset = Asset(
            name=clean_text(name) if name else None,
            sha256=sha256,
            size_bytes=size_bytes,
            media_type=None,
            format=None,
        )
        ai, _ = judge_ai(None, (), self._limits)
        release = self._judge_release(case, judgement)
        resemblance = no_resemblance(NO_REGISTER if self._register is None else "it is too large")
        case.checks_not_run += resemblance.checks_not_run
        return self._report(
            case,
            asset,
            judgement,
            Answers(metadata=(), ai=ai, release=release, resemblance=resemblance),
        )


def _second_engine() -> SecondEngine | None:
    # Mostly nobody asks for it.
    from provenance.credentials.second_engine import SecondEngine

    return SecondEngine() if SecondEngine.available() else None


def _name_of(source: Source) -> str | None:
    if isinstance(source, HeldFile):
        return source.name
    return PurePath(source).name if isinstance(source, (str, PurePath)) else None


def _read_sidecar(sidecar: Source | None, limits: Limits) -> bytes | None:
    if sidecar is None:
        return None
    with open_source(sidecar, limits=limits) as opened:
        if opened.size_bytes > limits.max_manifest_store_bytes:
            raise LimitError(f"sidecar: {opened.size_bytes} bytes exceed max_manifest_store_bytes")
        return opened.head(opened.size_bytes)
