"""Had the signer's certificate been revoked by its issuer when it was used?

Answers of an issuer come with the signature, with a later manifest, or are asked
for; whoever brings them, they are worth what their own signature is worth.

Spec: C2PA 2.5, "Certificate revocation" and "Validate the credential revocation
information"; RFC 6960.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import AuthorityInformationAccessOID

from provenance.errors import FetchError, MalformedError
from provenance.trust.certificates import Certificate
from provenance.trust.ocsp import build_ocsp_request, parse_ocsp_response
from provenance.trust.revocation_times import is_lifted, status_when_used
from provenance.verdict import RevocationState

__all__ = [
    "OcspEvidence",
    "OcspFetcher",
    "RevocationAnswer",
    "RevocationChecker",
    "RevocationSource",
]

RevocationSource = Literal["stapled", "manifest", "fetched"]

_MAX_URLS = 2
_ASK_AGAIN_AFTER = timedelta(hours=1)
_TRY_AGAIN_AFTER = timedelta(minutes=1)
_REMEMBERED_ANSWERS = 1024
_FROM = {
    "stapled": "the answer that travels with the signature",
    "manifest": "the answer that a later manifest brought",
    "fetched": "the issuer's answer",
}


class OcspFetcher(Protocol):
    """Asks a responder a question over the network."""

    @property
    def network_allow(self) -> tuple[str, ...]:
        """Exceptions to the rule that only public addresses are asked, for the report."""
        ...

    def __call__(self, url: str, request: bytes, /) -> bytes:
        """Send the DER of an OCSP request and give the body of the answer.

        Raises:
            FetchError: There is no answer, or asking is refused.
        """
        ...


@dataclass(frozen=True, slots=True)
class OcspEvidence:
    """An answer that came with the file, not looked at yet."""

    source: RevocationSource
    der: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationAnswer:
    """Whether a certificate had been revoked when it was used.

    Attributes:
        state: `good` and `revoked` rest on an answer of the issuer; the absence
            of an answer is neither.
        why: In words.
        source: How the answer came here.
        produced_at: When the responder signed it.
        this_update: The moment for which it is right.
        next_update: Until when.
        revoked_at: Since when the certificate is revoked; with state `good`,
            that was after it had been used.
        reason: CRL reason, where stated.
        says_responder: The responder by its certificate; untrusted text.
        delegated: Whether the issuer authorised somebody else to answer.
        responder_exempt: Whether that somebody's certificate is exempt from
            revocation. Where it is not, it was not asked about.
        authority: The answer about an authority above the certificate, where
            that one was revoked: then nothing below it counts.
        subject: Digest of the certificate it is about, SHA-256.
    """

    state: RevocationState
    why: str
    source: RevocationSource | None = None
    produced_at: datetime | None = None
    this_update: datetime | None = None
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    reason: str | None = None
    says_responder: str | None = None
    delegated: bool = False
    responder_exempt: bool = False
    authority: RevocationAnswer | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class _Link:
    """One certificate of a path, with the one that issued it."""

    subject: Certificate
    issuer: Certificate


@dataclass(frozen=True, slots=True)
class _Kept:
    """What asking brought, and until when it need not be asked again."""

    der: bytes | None
    why: str
    since: datetime
    until: datetime


def _path_to(anchor: Certificate, chain: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """Which certificates lead from the leaf to this anchor, both included?

    Empty where the anchor did not issue any of them.

    Args:
        anchor: Where the chain ends, as somebody who validated it says.
        chain: Leaf first, linked; the anchor may be in it or not.
    """
    for number, certificate in enumerate(chain):
        if certificate.der == anchor.der:
            return tuple(chain[: number + 1])
        try:
            certificate.x509.verify_directly_issued_by(anchor.x509)
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return (*chain[: number + 1], anchor)
    return ()


class RevocationChecker:
    """Answers from what a file brings along, and asks an issuer only if it was told to.

    Args:
        fetch: Asks over the network; without one, nobody is ever asked.
    """

    def __init__(self, fetch: OcspFetcher | None = None) -> None:
        self._fetch = fetch
        self._asked: dict[str, _Kept] = {}

    def check(
        self,
        evidence: Sequence[OcspEvidence],
        chain: Sequence[Certificate],
        anchor: Certificate | None,
        *,
        trusted_time: datetime | None,
        now: datetime,
    ) -> RevocationAnswer:
        """Had the certificate at the start of this path been revoked when it was used?

        An answer of good counts if it is right for the trusted time, or for a
        later one; without a trusted time, if it is right for now. A revocation
        counts from its date on; before that, the certificate was good. An answer
        that is stale, from the future, for something else or by somebody else is
        no answer.

        Args:
            evidence: Answers that came with the file; few, for each is a signature
                to check.
            chain: Leaf first, linked.
            anchor: The recognised anchor that the chain was found to end at.
                Without one there is no issuer whose answers mean anything, and
                nobody is asked: the address would be a stranger's choice.
            trusted_time: The trusted time of signing, if there is one.
            now: The time of verification.
        """
        if anchor is None:
            return _not_checked("nobody who is recognised vouches for its issuer")
        if not evidence and self._fetch is None:
            return _not_checked("offline; no answer of its issuer travels with the file")
        path = _path_to(anchor, chain)
        if len(path) < 2:
            return _not_checked("its issuer is not among the certificates that are known")
        links = [_Link(*pair) for pair in pairwise(path)]
        whys: list[str] = []
        for link in links[1:]:
            authority = _decide(_weigh_all(evidence, link, trusted_time, now, []))
            if authority is not None and authority.state is RevocationState.REVOKED:
                why = "an authority above it was revoked, so its issuer's word is worth nothing"
                return replace(_not_checked(why), authority=authority)
        weighed = list(_weigh_all(evidence, links[0], trusted_time, now, whys))
        if self._fetch is not None and not any(
            answer.state is RevocationState.REVOKED for answer in weighed
        ):
            weighed += self._ask(self._fetch, links[0], trusted_time, now, whys)
        answer = _decide(weighed)
        if answer is not None:
            return answer
        if self._fetch is None:
            whys.insert(0, "offline")
        return _not_checked("; ".join(dict.fromkeys(whys)))

    def _ask(
        self,
        fetch: OcspFetcher,
        link: _Link,
        trusted_time: datetime | None,
        now: datetime,
        whys: list[str],
    ) -> list[RevocationAnswer]:
        """What does the issuer say now?"""
        kept = self._asked.get(link.subject.sha256)
        if kept is not None and kept.since <= now <= kept.until:
            der, why = kept.der, kept.why
        else:
            kept = None
            der, why = _fetch_answer(fetch, link)
        answers: list[RevocationAnswer] = []
        if der is None:
            whys.append(why)
        else:
            fetched = [OcspEvidence("fetched", der)]
            answers += _weigh_all(fetched, link, trusted_time, now, whys)
        if kept is None:
            if len(self._asked) >= _REMEMBERED_ANSWERS:
                self._asked.clear()
            # An answer that does not count may have been put in the way of a better one.
            until = now + (_ASK_AGAIN_AFTER if answers else _TRY_AGAIN_AFTER)
            soonest = now + _TRY_AGAIN_AFTER
            ends = [max(a.next_update, soonest) for a in answers if a.next_update]
            self._asked[link.subject.sha256] = _Kept(der, why, now, min([until, *ends]))
        return answers


def _fetch_answer(fetch: OcspFetcher, link: _Link) -> tuple[bytes | None, str]:
    """The body that the first responder to answer gives, or why none does."""
    why = "its certificate does not say whom to ask"
    request = build_ocsp_request(link.subject, link.issuer)
    for url in _responder_urls(link.subject):
        try:
            der = fetch(url, request)
        except FetchError as error:
            why = f"asking its issuer failed: {error}"
            continue
        return der, ""
    return None, why


def _responder_urls(certificate: Certificate) -> list[str]:
    """Where does the certificate say to ask about it? The first few."""
    return [
        description.access_location.value
        for extension in certificate.x509.extensions
        if isinstance(extension.value, x509.AuthorityInformationAccess)
        for description in extension.value
        if description.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(description.access_location, x509.UniformResourceIdentifier)
    ][:_MAX_URLS]


def _not_checked(why: str) -> RevocationAnswer:
    return RevocationAnswer(state=RevocationState.NOT_CHECKED, why=why)


def _weigh_all(
    evidence: Iterable[OcspEvidence],
    link: _Link,
    trusted_time: datetime | None,
    now: datetime,
    whys: list[str],
) -> Iterator[RevocationAnswer]:
    """Every answer that counts for this certificate; `whys` collects why others do not."""
    for one in evidence:
        try:
            statement = parse_ocsp_response(one.der).statement_about(link.subject, link.issuer)
        except MalformedError as error:
            why = str(error).removeprefix("OCSP response: ")
            whys.append(f"{_FROM[one.source]} does not count: {why}")
            continue
        if statement is None:
            whys.append(f"{_FROM[one.source]} does not count: it is about another certificate")
            continue
        state, why = status_when_used(
            statement,
            link.subject,
            trusted_time=trusted_time,
            now=now,
            live=one.source == "fetched",
        )
        if state is RevocationState.NOT_CHECKED:
            whys.append(f"{_FROM[one.source]} does not count: {why}")
            continue
        yield RevocationAnswer(
            state=state,
            why=why,
            source=one.source,
            produced_at=statement.produced_at,
            this_update=statement.this_update,
            next_update=statement.next_update,
            revoked_at=None if is_lifted(statement) else statement.revoked_at,
            reason=statement.reason,
            says_responder=statement.says_responder,
            delegated=statement.delegated,
            responder_exempt=statement.responder_exempt,
            subject=link.subject.sha256,
        )


def _decide(answers: Iterable[RevocationAnswer]) -> RevocationAnswer | None:
    """Which of the answers that count is the one? None where none does.

    A revocation stands against any number of good answers; only a hold is
    lifted, by a later answer.
    """
    good: RevocationAnswer | None = None
    holds: list[RevocationAnswer] = []
    for answer in answers:
        if answer.state is RevocationState.GOOD:
            if good is None or _is_newer(answer, good):
                good = answer
        elif answer.reason != "certificate_hold":
            return answer
        else:
            holds.append(answer)
    standing = [hold for hold in holds if good is None or not _is_newer(good, hold)]
    return standing[0] if standing else good


def _is_newer(one: RevocationAnswer, other: RevocationAnswer) -> bool:
    # Only answers with a date are weighed.
    return bool(one.this_update and other.this_update and one.this_update > other.this_update)
