"""Judging whether the artists consented to what trained models were used for.

    (1) what is it said that models were used for, and of whom, by an agency
    (2) who has signed for each statement of consent: agencies, and the artist's own key
    (3) does each count: artist, use, territory, term
    (4) is there one for every use that is declared

A statement of consent is the word of the agency that signed for it. It never moves
the verdict: that a release is official, and how it was made, are two questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from provenance.credentials.consent import (
    AI_DISCLOSURE_LABEL,
    ConsentStatement,
    artist_key,
    consent_assertions,
    declared_uses,
    parse_consent,
)
from provenance.credentials.manifest_store import Assertion, Manifest
from provenance.errors import LimitError, MalformedError
from provenance.findings import FindingCode
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.report import AiUse, Consent, ConsentSigner, Finding, finding
from provenance.trust.directory import Agency
from provenance.untrusted import clean_text
from provenance.verdict import AiState, ConsentState, SignerKind
from provenance.verification.agencies import agency_ref
from provenance.verification.identity import IdentityAnswer
from provenance.verification.identity_holder import HolderJudge
from provenance.verification.party import Party

if TYPE_CHECKING:
    from provenance.verification.artist_signature import ArtistAnswer

__all__ = ["ConsentAnswer", "judge_consent"]

_MAX_STATEMENTS = 50
_MAX_NEEDS = 200
_MAX_LISTED = 20
_OTHER = "other"

_State = Literal[
    "counts",
    "ended",
    "expired",
    "not-begun",
    "other-artist",
    "other-use",
    "other-territory",
    "out-of-scope",
    "not-attributed",
    "signature-mismatch",
]
# Of several consents for one use, the one that comes closest to counting speaks for it.
_CLOSENESS: tuple[str, ...] = get_args(_State)
_IN_FORCE = {"counts", "ended"}
_MISMATCH = {"other-artist", "other-use", "other-territory", "not-begun"}
_UNATTRIBUTED = {"out-of-scope", "not-attributed"}
_NOBODYS = {*_UNATTRIBUTED, "signature-mismatch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswer:
    """What is known about consent."""

    state: ConsentState = ConsentState.NOT_CHECKED
    uses: tuple[AiUse, ...] = ()
    consents: tuple[Consent, ...] = ()
    findings: tuple[Finding, ...] = ()


def judge_consent(
    manifest: Manifest | None,
    *,
    ai: AiState,
    party: Party | None,
    identity: IdentityAnswer,
    now: datetime,
    holders: HolderJudge | None = None,
    territory: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> ConsentAnswer:
    """Is the consent of the artists on record, for what is declared?

    Only what stands in the judged manifest is looked at, not what its ingredients say.

    Args:
        manifest: The judged manifest, only where its signature and hashes hold.
        ai: Whether a use of a trained model is declared.
        party: Who signed the manifest.
        identity: Who else signed for parts of it.
        now: The time of verification.
        holders: Says whose key an artist's own signature was made with.
        territory: The country that the operator asks for.
        limits: Bounds on text and on nesting.
    """
    if manifest is None or party is None:
        return ConsentAnswer()
    case = _Case(
        party=party,
        identity=identity,
        now=now,
        holders=holders,
        territory=territory,
        limits=limits,
        declared=ai is not AiState.NOT_DECLARED,
    )
    # (1)
    needs, all_told = case.needs(manifest)
    # (2), (3)
    judged, unreadable = [], []
    for assertion in consent_assertions(manifest)[:_MAX_STATEMENTS]:
        try:
            statement = parse_consent(assertion, limits)
        except (MalformedError, LimitError) as error:
            evidence = {"assertion": clean_text(assertion.label), "why": clean_text(error)}
            unreadable.append(finding(FindingCode.CONSENT_UNREADABLE, **evidence))
            continue
        judged.append(case.judge(assertion, statement, needs))
    # (4)
    state, missing = _state(needs, judged, all_told=all_told)
    findings = [*_findings([entry.consent for entry in judged], state), *unreadable]
    unknown = [entry for entry in judged if entry.artist.why and not entry.artist.is_wrong]
    if unknown:
        who = [_unknown(entry) for entry in unknown[:_MAX_LISTED]]
        findings.append(finding(FindingCode.CONSENT_SIGNER_UNKNOWN, consents=who))
    if missing and (case.is_agencys or any(need.artist for need in missing)):
        said = [_said(need) for need in missing[:_MAX_LISTED]]
        findings.append(finding(FindingCode.CONSENT_MISSING, uses=said))
    return ConsentAnswer(
        state=state,
        uses=tuple(
            AiUse(use=clean_text(need.use), artist=clean_text(need.artist))
            for need in needs[:_MAX_LISTED]
            if need.use and need.artist
        ),
        consents=tuple(entry.consent for entry in judged),
        findings=tuple(findings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """One use for which there should be a consent; an empty name stands for any."""

    use: str
    artist: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A statement, and what it is worth."""

    statement: ConsentStatement
    key: str
    consent: Consent
    artist: ArtistAnswer

    def is_for(self, need: _Need) -> bool:
        return _is_artist(need, self.key) and _is_use(need, self.statement)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What all statements of one manifest are judged by."""

    party: Party
    identity: IdentityAnswer
    now: datetime
    holders: HolderJudge | None
    territory: str | None
    limits: Limits
    declared: bool

    @property
    def is_agencys(self) -> bool:
        return self.party.recognition.kind is SignerKind.AGENCY

    @property
    def claimant(self) -> Agency | None:
        """The agency that signed the claim itself, with its own key."""
        if not self.is_agencys or self.identity.carried is not None:
            return None
        return self.party.recognition.agency

    def signers(self, assertion: Assertion) -> tuple[ConsentSigner, ...]:
        """Who has signed for this assertion?

        The signer of a claim vouches for what it lists as created; what it gathered is
        somebody else's word, until a statement of identity refers to it. A listed holder
        of an identity, who may be the artist, is named and makes nothing count.
        """
        found = []
        if self.claimant is not None and assertion.created:
            matched = self.party.recognition.recognised_by or ""
            found.append(_signer(self.claimant, matched, None))
        found += [
            _signer(entry.agency, entry.recognised_by, entry.says_name)
            for entry in self.identity.attested
            if assertion.label in entry.labels
        ]
        return tuple(found)

    def agencies(self, assertion: Assertion) -> tuple[Agency, ...]:
        """Which agencies vouch for this assertion, under a claim that is an agency's?

        Under any other claim none does: an identity can be taken out of its manifest
        and put under a stranger's.
        """
        if not self.is_agencys:
            return ()
        found = [
            entry.agency
            for entry in self.identity.attested
            if entry.agency is not None and assertion.label in entry.labels
        ]
        if self.claimant is not None and assertion.created:
            found.append(self.claimant)
        return tuple(found)

    def needs(self, manifest: Manifest) -> tuple[tuple[_Need, ...], bool]:
        """For which uses should there be a consent, and are these all?

        Whom a model's use concerns is taken from disclosures that an agency vouches for.
        Where one does not say, it concerns whom the signed metadata names as shown or
        heard, or else somebody who is not known.
        """
        if not self.declared:
            return (), True
        found: dict[tuple[str, str], _Need] = {}
        disclosures = manifest.of_type(AI_DISCLOSURE_LABEL)
        silent = not disclosures
        for disclosure in disclosures[:_MAX_STATEMENTS]:
            uses = declared_uses(disclosure, self.limits) if self.agencies(disclosure) else None
            silent = silent or uses is None
            for use, artist in uses or ():
                if use != _OTHER:
                    key = artist_key(artist)
                    found.setdefault((use, key), _Need(use=use, artist=artist, key=key))
        if silent:
            for artist in self.party.about.artists[: _MAX_NEEDS + 1] or ("",):
                key = artist_key(artist)
                found.setdefault(("", key), _Need(use="", artist=artist, key=key))
        needs = tuple(found.values())
        return needs[:_MAX_NEEDS], len(needs) <= _MAX_NEEDS and len(disclosures) <= _MAX_STATEMENTS

    def judge(
        self, assertion: Assertion, statement: ConsentStatement, needs: tuple[_Need, ...]
    ) -> _Judged:
        # Hardly a file needs it, and it brings a library of its own.
        from provenance.verification.artist_signature import judge_artist_signature

        key = artist_key(statement.artist)
        artist = judge_artist_signature(assertion, self.party, self.holders, self.limits)
        state, why = self._counts(assertion, statement, key, needs)
        if artist.is_wrong:
            # Whoever else signed for it has signed for a contradiction.
            state, why = "signature-mismatch", artist.why
        consent = Consent(
            artist=self._text(statement.artist),
            uses=statement.uses,
            valid_from=statement.valid_from,
            valid_until=statement.valid_until,
            territories=statement.territories,
            revocation_contact=self._text(statement.revocation_contact),
            paper_sha256=statement.paper_sha256,
            identifier=self._text(statement.identifier) if statement.identifier else None,
            assertion=clean_text(assertion.label),
            state=state,
            why=why,
            signed_by=(*self.signers(assertion), *([artist.signer] if artist.signer else [])),
        )
        return _Judged(statement=statement, key=key, consent=consent, artist=artist)

    def _text(self, text: str) -> str:
        return clean_text(text, max_chars=self.limits.max_text_chars)

    def _counts(
        self,
        assertion: Assertion,
        statement: ConsentStatement,
        key: str,
        needs: tuple[_Need, ...],
    ) -> tuple[_State, str]:
        agencies = self.agencies(assertion)
        if not agencies:
            why = "no agency of the directory has signed for it"
            if self.is_agencys:
                why = "the claim lists it as gathered, and no agency's identity refers to it"
            return "not-attributed", why
        if not any(_speaks_for(agency, key) for agency in agencies):
            return "out-of-scope", "the directory does not list the artist for this agency"
        same_artist = [need for need in needs if _is_artist(need, key)]
        if needs and not same_artist:
            return "other-artist", "no use that is declared concerns this artist"
        if needs and not any(_is_use(need, statement) for need in same_artist):
            return "other-use", "it is about another use than those that are declared"
        where = statement.territories
        if self.territory is not None and where is not None and self.territory not in where:
            return "other-territory", f"it does not reach to {self.territory}"
        return self._in_term(statement)

    def _in_term(self, statement: ConsentStatement) -> tuple[_State, str]:
        trusted = self.party.time.trusted_at
        at = trusted or self.now
        if at < statement.valid_from:
            began = "its term began after the file was signed"
            return "not-begun", began if trusted else "its term has not begun"
        if at > statement.valid_until:
            if trusted:
                return "expired", "its term had ended when the file was signed"
            why = "its term has ended, and no trusted time says that it was signed before"
            return "expired", why
        if self.now > statement.valid_until:
            return "ended", "in force when the file was signed; its term has ended since"
        return "counts", "an agency has signed for it, and it is in force"


def _signer(agency: Agency | None, recognised_by: str, says_name: str | None) -> ConsentSigner:
    return ConsentSigner(
        kind="listed" if agency is None else "agency",
        agency=agency_ref(agency) if agency else None,
        recognised_by=recognised_by,
        says_name=says_name,
    )


def _speaks_for(agency: Agency, key: str) -> bool:
    listed = agency.scope.artists
    return listed is None or key in set(map(artist_key, listed))


def _is_artist(need: _Need, key: str) -> bool:
    return not need.artist or need.key == key


def _is_use(need: _Need, statement: ConsentStatement) -> bool:
    return not need.use or need.use in statement.uses


def _state(
    needs: Sequence[_Need], judged: Sequence[_Judged], *, all_told: bool
) -> tuple[ConsentState, tuple[_Need, ...]]:
    """The axis, and the uses for which there is no consent that ever counted."""
    closest = {
        need: min(
            (entry.consent.state for entry in judged if entry.is_for(need)),
            key=_CLOSENESS.index,
            default=None,
        )
        for need in needs
    }
    states = set(closest.values())
    missing = tuple(need for need, state in closest.items() if state not in _IN_FORCE)
    anywhere = {entry.consent.state for entry in judged}
    rows = (
        (ConsentState.NOT_NEEDED, not needs),
        # What was not looked at may lack one.
        (ConsentState.PARTLY, bool(states & _IN_FORCE) and bool(missing or not all_told)),
        (ConsentState.ON_RECORD, states == {"counts"}),
        (ConsentState.ENDED, states <= _IN_FORCE),
        (ConsentState.EXPIRED, "expired" in states),
        (ConsentState.NOT_ATTRIBUTED, bool(anywhere & _NOBODYS)),
    )
    return next((state for state, applies in rows if applies), ConsentState.NONE), missing


def _findings(consents: Sequence[Consent], state: ConsentState) -> list[Finding]:
    if state is ConsentState.NOT_NEEDED:
        # Nothing asks for them; but nobody may put words into an artist's mouth.
        consents = [consent for consent in consents if consent.state in _NOBODYS]
    groups = (
        (FindingCode.CONSENT_ON_RECORD, {"counts"}),
        (FindingCode.CONSENT_ENDED, {"ended"}),
        (FindingCode.CONSENT_EXPIRED, {"expired"}),
        (FindingCode.CONSENT_MISMATCH, _MISMATCH),
        (FindingCode.CONSENT_NOT_ATTRIBUTED, _UNATTRIBUTED),
        (FindingCode.CONSENT_SIGNATURE_MISMATCH, {"signature-mismatch"}),
    )
    found = []
    for code, states in groups:
        meant = [consent for consent in consents if consent.state in states]
        if meant:
            found.append(finding(code, consents=[_evidence(c) for c in meant[:_MAX_LISTED]]))
    return found


def _evidence(consent: Consent) -> dict[str, Any]:
    return {
        "assertion": consent.assertion,
        "artist": consent.artist,
        "uses": list(consent.uses),
        "why": consent.why,
    }


def _unknown(entry: _Judged) -> dict[str, Any]:
    says = (
        {"certificate_says": clean_text(entry.artist.says_name)} if entry.artist.says_name else {}
    )
    return _evidence(entry.consent) | {"why": entry.artist.why} | says


def _said(need: _Need) -> dict[str, str]:
    return {
        "use": clean_text(need.use) or "not said",
        "artist": clean_text(need.artist) or "not said",
    }
