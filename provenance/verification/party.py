"""Who made a manifest, and when: claim signature, time, certificate, recognition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from provenance.credentials.cose import (
    SIGNATURE_STAMP,
    CoseSign1,
    SignatureAnswer,
    TimeStampToken,
    check_claim_signature,
    parse_cose_sign1,
)
from provenance.credentials.manifest_store import Manifest, ManifestStore
from provenance.errors import LimitError, MalformedError
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.report import CertificateFacts, Finding, SigningTime, finding
from provenance.trust.certificates import Certificate, load_der_chain
from provenance.trust.directory import About
from provenance.trust.profile import Purpose, profile_faults
from provenance.trust.recognition import Recogniser, Recognition
from provenance.trust.revocation import OcspEvidence, RevocationAnswer, RevocationChecker
from provenance.trust.timestamps import TimeStampAnswer, TimeStampChecker, TimeStampState
from provenance.untrusted import clean_text
from provenance.verdict import RevocationState, SignerKind, TimeState
from provenance.verification.later_time_stamps import later_time_stamps
from provenance.verification.revocation import (
    apply_revocation,
    check_revocation,
    later_status,
)
from provenance.verification.subjects import artists_of

__all__ = ["NO_TIME", "Party", "PartyJudge", "certificate_facts"]

_NOBODY = Recognition(kind=SignerKind.NONE)
_NOTHING = About(media_kind="")
NO_TIME = SigningTime(state=TimeState.NONE)
_NO_SIGNATURE = RevocationAnswer(
    state=RevocationState.NOT_CHECKED, why="there is no signature that holds"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """What is known about the maker of one manifest.

    Attributes:
        signature: Our own answer about the claim signature.
        chain: Certificates, leaf first; empty where there is no usable one.
        algorithm: Name of the signature algorithm, where known.
        time: When it was signed, and who says so.
        recognition: Who stands behind the key.
        about: What the release is about, by its signed statements.
        revocation: Whether the certificate had been revoked when it was used.
        findings: What led there, in the order of the checks.
        why_unreadable: Why the signature could not be read, where it could not.
    """

    signature: SignatureAnswer
    chain: tuple[Certificate, ...] = ()
    algorithm: str | None = None
    time: SigningTime = NO_TIME
    recognition: Recognition = _NOBODY
    about: About = _NOTHING
    revocation: RevocationAnswer = _NO_SIGNATURE
    findings: tuple[Finding, ...] = ()
    why_unreadable: str = ""

    @property
    def leaf(self) -> Certificate | None:
        """The signing certificate."""
        return self.chain[0] if self.chain else None

    @property
    def is_withdrawn(self) -> bool:
        """Had the key been disowned or revoked when it was used, for all that anybody proves?"""
        return (
            self.recognition.disowned_by is not None
            or self.revocation.state is RevocationState.REVOKED
            or self.revocation.authority is not None
        )


def certificate_facts(leaf: Certificate, algorithm: str | None) -> CertificateFacts:
    """What does this certificate say of itself?"""

    def said(value: str | None) -> str | None:
        return clean_text(value) if value is not None else None

    return CertificateFacts(
        says_common_name=said(leaf.says_common_name),
        says_organization=said(leaf.says_organization),
        says_issuer=said(leaf.says_issuer),
        serial_number=f"{leaf.x509.serial_number:x}",
        sha256=leaf.sha256,
        spki_sha256=leaf.spki_sha256,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        algorithm=algorithm or "unknown",
    )


def _signing_time(answers: Sequence[TimeStampAnswer]) -> tuple[SigningTime, list[Finding]]:
    """Which time follows from these tokens?

    Of several trusted ones the earliest counts: each proves that the signature
    existed by then. A token that is not trusted never moves anything; its time
    is shown as a claim.
    """
    findings = []
    trusted: TimeStampAnswer | None = None
    claimed: TimeStampAnswer | None = None
    for answer in answers:
        evidence = {
            "states": answer.at.isoformat() if answer.at else None,
            "says_authority": clean_text(answer.authority) if answer.authority else None,
        }
        if answer.state is TimeStampState.TRUSTED and answer.at is not None:
            findings.append(finding(FindingCode.TIME_TRUSTED, list=answer.trust_list, **evidence))
            if trusted is None or trusted.at is None or answer.at < trusted.at:
                trusted = answer
            continue
        code = (
            FindingCode.TIME_STAMP_UNTRUSTED
            if answer.state is TimeStampState.UNTRUSTED
            else FindingCode.TIME_STAMP_INVALID
        )
        findings.append(finding(code, why=clean_text(answer.why), **evidence))
        if answer.state is TimeStampState.UNTRUSTED:
            claimed = claimed or answer
    shown = trusted or claimed
    if shown is None:
        return NO_TIME, findings
    time = SigningTime(
        state=TimeState.TRUSTED if trusted else TimeState.CLAIMED,
        trusted_at=trusted.at if trusted else None,
        claimed_at=None if trusted else shown.at,
        authority=clean_text(shown.authority) if shown.authority else None,
        recognised_by=f"list:{trusted.trust_list}" if trusted else None,
    )
    if trusted is None:
        findings.append(finding(FindingCode.TIME_CLAIMED))
    return time, findings


def _used_by(stamps: Sequence[tuple[str, TimeStampAnswer]]) -> datetime | None:
    """By when had the key been used, as recognised authorities attest?

    A stamp of version 1 is about the claim alone. Anybody can write one and have it
    stamped, and sign it when he has got hold of the key.
    """
    return min(
        (
            answer.at
            for header, answer in stamps
            if header == SIGNATURE_STAMP
            and answer.state is TimeStampState.TRUSTED
            and answer.at is not None
        ),
        default=None,
    )


def _validity_problem(
    leaf: Certificate, trusted_at: datetime | None, now: datetime
) -> FindingCode | None:
    """Was the certificate valid when it was used, as far as anybody proves?"""
    if leaf.is_valid_at(trusted_at or now):
        return None
    if trusted_at is not None:
        return FindingCode.TIME_OUTSIDE_VALIDITY
    if now > leaf.not_after:
        return FindingCode.CERTIFICATE_EXPIRED
    return FindingCode.CERTIFICATE_NOT_YET_VALID


class PartyJudge:
    """Judges the makers of manifests, each manifest once."""

    def __init__(
        self,
        recogniser: Recogniser,
        time_stamps: TimeStampChecker,
        revocation: RevocationChecker,
        *,
        now: datetime,
        media_kind: str,
        territory: str | None = None,
        limits: Limits,
    ) -> None:
        self._recogniser = recogniser
        self._time_stamps = time_stamps
        self._revocation = revocation
        self._now = now
        self._media_kind = media_kind
        self._territory = territory
        self._limits = limits
        self._known: dict[str, Party] = {}
        self._later: Mapping[str, tuple[TimeStampToken, ...]] = {}
        self._later_status: tuple[OcspEvidence, ...] = ()

    def judge(self, manifest: Manifest) -> Party:
        """Who made this manifest, and when?"""
        party = self._known.get(manifest.label)
        if party is None:
            party = self._known[manifest.label] = self._judge(manifest)
        return party

    def learn(self, store: ManifestStore) -> None:
        """Take note of what the store says about its manifests beside their signatures."""
        self._later = later_time_stamps(store, self._limits)
        self._later_status = later_status(store, self._limits)

    def _tokens(self, manifest: Manifest, sign1: CoseSign1) -> Sequence[TimeStampToken]:
        tokens = (*sign1.time_stamps, *self._later.get(manifest.label, ()))
        return tokens[: self._limits.max_time_stamps]

    def same_party(self, one: Manifest, other: Manifest) -> bool:
        """Do two manifests come from one key, or from one agency? Both must be signed.

        A key that counts for one of them and was withdrawn before the other is two
        parties': whose it was, and whoever has taken it.
        """
        first, second = self.judge(one), self.judge(other)
        if {first.signature, second.signature} != {SignatureAnswer.VALID}:
            return False
        if first.leaf is None or second.leaf is None:
            return False
        if first.leaf.spki_sha256 == second.leaf.spki_sha256:
            return first.is_withdrawn == second.is_withdrawn
        agencies = first.recognition.agency, second.recognition.agency
        return agencies[0] is not None and agencies[0] == agencies[1]

    def _judge(self, manifest: Manifest) -> Party:
        if manifest.signature is None:
            return Party(signature=SignatureAnswer.UNSUPPORTED, why_unreadable="no signature")
        try:
            sign1 = parse_cose_sign1(manifest.signature, self._limits)
            answer = check_claim_signature(sign1, manifest.claim.data)
            chain = load_der_chain(sign1.chain, where="claim signature")
        except (MalformedError, LimitError) as error:
            return Party(signature=SignatureAnswer.UNSUPPORTED, why_unreadable=clean_text(error))
        stamps = [
            (token.header, self._check_stamp(token, sign1, manifest))
            for token in self._tokens(manifest, sign1)
        ]
        time, findings = _signing_time([stamp for _, stamp in stamps])
        about = About(
            media_kind=self._media_kind,
            artists=artists_of(manifest, self._limits),
            territory=self._territory,
        )
        recognition, more = self._recognise(
            chain,
            time.trusted_at,
            about,
            used_by=_used_by(stamps),
            chain_protected=sign1.chain_protected,
        )
        revocation = _NO_SIGNATURE
        if answer is SignatureAnswer.VALID:
            revocation = self._check_revocation(sign1, chain, recognition, time.trusted_at)
        recognition, last = apply_revocation(revocation, recognition)
        return Party(
            signature=answer,
            chain=chain,
            algorithm=sign1.algorithm,
            time=time,
            recognition=recognition,
            about=about,
            revocation=revocation,
            findings=(*findings, *more, *recognition.findings, *last),
        )

    def _check_stamp(
        self, token: TimeStampToken, sign1: CoseSign1, manifest: Manifest
    ) -> TimeStampAnswer:
        claim = None if token.header == SIGNATURE_STAMP else manifest.claim.data
        return self._time_stamps.check(token.token, sign1.to_be_stamped(claim), now=self._now)

    def _recognise(
        self,
        chain: tuple[Certificate, ...],
        trusted_at: datetime | None,
        about: About,
        *,
        used_by: datetime | None,
        chain_protected: bool,
    ) -> tuple[Recognition, list[Finding]]:
        leaf = chain[0]
        faults = profile_faults(leaf.x509, purpose=Purpose.CLAIM_SIGNING)
        if faults:
            # Whoever vouches for it: it was not issued for this.
            evidence = [{"clause": fault.clause, "got": fault.got} for fault in faults]
            found = [finding(FindingCode.CERTIFICATE_PROFILE, faults=evidence)]
            return Recognition(kind=SignerKind.UNRECOGNISED), found
        findings = []
        problem = _validity_problem(leaf, trusted_at, self._now)
        if problem is not None:
            findings.append(
                finding(
                    problem,
                    not_before=leaf.not_before.isoformat(),
                    not_after=leaf.not_after.isoformat(),
                )
            )
        recognition = self._recogniser.recognise(
            chain,
            at=trusted_at or self._now,
            trusted_time=used_by,
            about=about,
            chain_protected=chain_protected,
        )
        return recognition, findings

    def _check_revocation(
        self,
        sign1: CoseSign1,
        chain: tuple[Certificate, ...],
        recognition: Recognition,
        trusted_at: datetime | None,
    ) -> RevocationAnswer:
        stapled = sign1.ocsp_responses[: self._limits.max_ocsp_responses]
        return check_revocation(
            self._revocation,
            self._recogniser,
            recognition,
            chain,
            (*self._later_status, *(OcspEvidence("stapled", der) for der in stapled)),
            trusted_time=trusted_at,
            now=self._now,
        )
