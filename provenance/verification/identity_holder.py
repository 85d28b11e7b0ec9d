"""Who holds the key of a statement of identity, as of the moment it was made?

    (5) when it was made: by its own time-stamp, else by that of the manifest
    (6) may the certificate sign at all, and was it valid then
    (7) who holds the key: an agency, somebody on an identity list, nobody known
    (8) had the certificate been revoked

Spec: CAWG identity assertion 1.3, "Validating the COSE signature".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from provenance.credentials.cose import CoseSign1
from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.trust.certificates import Certificate, load_der_chain
from provenance.trust.directory import About
from provenance.trust.identities import Holder, IdentityRecogniser
from provenance.trust.profile import Purpose, profile_faults
from provenance.trust.revocation import OcspEvidence, RevocationAnswer, RevocationChecker
from provenance.trust.timestamps import TimeStampChecker, TimeStampState
from provenance.verdict import RevocationState

__all__ = ["HolderAnswer", "HolderJudge", "IdentityState"]

IdentityState = Literal["verified", "unverified", "invalid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderAnswer:
    """Who holds the key of an identity.

    Attributes:
        state: `verified` only where somebody vouches for the holder.
        why: Why, in words; may hold a stranger's text.
        holder: Who it is; asked for only where `asked`.
        asked: Whether the question who holds it was reached.
        says_name: What the certificate says of itself; untrusted text.
        not_checked: Why revocation was not, where it was not.
        evidence: What it rests on, for a finding.
    """

    state: IdentityState
    why: str
    holder: Holder = field(default_factory=Holder)
    asked: bool = False
    says_name: str | None = None
    not_checked: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)


class HolderJudge:
    """Answers for one file, by one directory and one set of identity and time-stamp lists."""

    def __init__(
        self,
        recogniser: IdentityRecogniser,
        time_stamps: TimeStampChecker,
        revocation: RevocationChecker,
        *,
        now: datetime,
        limits: Limits,
    ) -> None:
        self._recogniser = recogniser
        self._time_stamps = time_stamps
        self._revocation = revocation
        self._now = now
        self._limits = limits

    def judge(self, sign1: CoseSign1, manifest_time: datetime | None, about: About) -> HolderAnswer:
        """Who holds the key that made this signature?

        Args:
            sign1: The signature, which belongs to the statement.
            manifest_time: When the manifest was signed, by a recognised authority.
            about: What the release is about.
        """
        try:
            chain = load_der_chain(sign1.chain, where="identity signature")
        except MalformedError as error:
            return HolderAnswer(state="invalid", why=f"its certificate is malformed: {error}")
        leaf = chain[0]
        says_name = leaf.says_organization or leaf.says_common_name
        # (5)
        own_time = self._own_time(sign1)
        trusted_time = own_time or manifest_time
        stamp = "its own" if own_time else "the manifest's" if manifest_time else "none"
        evidence = {"time_stamp": stamp}
        # (6)
        failed = self._certificate_fails(leaf, trusted_time)
        if failed is not None:
            state, why = failed
            return HolderAnswer(state=state, why=why, says_name=says_name, evidence=evidence)
        # (7)
        holder = self._recogniser.recognise(
            chain,
            at=trusted_time or self._now,
            trusted_time=trusted_time,
            about=about,
        )
        state, why, not_checked = "unverified", holder.why, None
        if holder.recognised_by is not None:
            state, why = "verified", why or "its key is one that is recognised"
            # (8)
            answer = self._check_revocation(sign1, chain, trusted_time)
            evidence["revocation"] = answer.state.value
            if answer.state is RevocationState.REVOKED or answer.authority is not None:
                state, why = "unverified", "its certificate, or one above it, had been revoked"
            elif answer.state is RevocationState.NOT_CHECKED:
                not_checked = answer.why
        return HolderAnswer(
            state=state,
            why=why,
            holder=holder,
            asked=True,
            says_name=says_name,
            not_checked=not_checked,
            evidence=evidence,
        )

    def _own_time(self, sign1: CoseSign1) -> datetime | None:
        """When was it made, by its own time-stamp of a recognised authority?

        Stamps of version 1 (`sigTst`) do not count for identities.
        """
        message = sign1.to_be_stamped()
        tokens = [token.token for token in sign1.time_stamps if token.header == "sigTst2"]
        answers = [
            self._time_stamps.check(token, message, now=self._now)
            for token in tokens[: self._limits.max_time_stamps]
        ]
        # The earliest: each proves that the signature existed by then.
        return min(
            (a.at for a in answers if a.state is TimeStampState.TRUSTED and a.at), default=None
        )

    def _certificate_fails(
        self, leaf: Certificate, trusted_time: datetime | None
    ) -> tuple[IdentityState, str] | None:
        """May the certificate not sign at all, or not then?

        The profile is that of claim signers, to which CAWG refers: documentSigning,
        emailProtection or claimSigning as purpose, and nothing that excludes them.
        Which of these a list can vouch for is decided with the lists.
        """
        faults = profile_faults(leaf.x509, purpose=Purpose.CLAIM_SIGNING)
        if faults:
            why = f"its certificate may not sign: {faults[0].clause}, got {faults[0].got}"
            return "unverified", why
        if leaf.is_valid_at(trusted_time or self._now):
            return None
        if trusted_time is not None:
            return "invalid", "it was made when its certificate was not valid"
        why = "its certificate is not valid now, and no trusted time-stamp says it was then"
        return "unverified", why

    def _check_revocation(
        self, sign1: CoseSign1, chain: Sequence[Certificate], trusted_time: datetime | None
    ) -> RevocationAnswer:
        stapled = sign1.ocsp_responses[: self._limits.max_ocsp_responses]
        return self._revocation.check(
            [OcspEvidence("stapled", der) for der in stapled],
            chain,
            self._recogniser.anchor_of(chain, trusted_time or self._now),
            trusted_time=trusted_time,
            now=self._now,
        )
