"""Who is the signer: an agency of the directory, somebody on a trust list, or nobody known?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from provenance.findings import FindingCode
from provenance.report import Finding, finding
from provenance.trust.certificates import Certificate
from provenance.trust.chain import ChainChecker
from provenance.trust.directory import About, Agency, Anchor, Key, LoadedDirectory, Scope
from provenance.trust.lists import ListPurpose, TrustList
from provenance.verdict import SignerKind

__all__ = ["Recogniser", "Recognition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """Who stands behind a signing key.

    Attributes:
        kind: `agency` only where the key counts as the agency's for this
            moment and this kind of media.
        agency: The agency, for that kind alone.
        disowned_by: The agency whose key it is and that does not stand by it.
        recognised_by: `key:ID`, `anchor:ID` or `list:NAME`.
        findings: What led there.
        not_checked: Limits of the directory that could not be held against the
            release, because nobody says what they are about.
    """

    kind: SignerKind
    agency: Agency | None = None
    disowned_by: Agency | None = None
    recognised_by: str | None = None
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[str, ...] = ()


class Recogniser:
    """Answers for one directory and one set of claim trust lists.

    The lists are asked one after the other and never merged; a list of
    time-stamp authorities is refused.
    """

    def __init__(self, directory: LoadedDirectory | None, lists: Sequence[TrustList]) -> None:
        if any(entry.purpose is not ListPurpose.CLAIM for entry in lists):
            raise ValueError("a list of time-stamp authorities cannot vouch for claim signers")
        agencies = directory.document.agencies if directory else ()
        self._is_test = directory is not None and directory.document.test
        self._keys = {key.spki_sha256: (agency, key) for agency in agencies for key in agency.keys}
        self._anchors: dict[str, list[tuple[Agency, Anchor]]] = {}
        for agency in agencies:
            for anchor in agency.anchors:
                self._anchors.setdefault(anchor.certificate.sha256, []).append((agency, anchor))
        self._disowned: dict[str, list[tuple[Agency, datetime | None]]] = {}
        for agency in agencies:
            for revoked in agency.revoked:
                if revoked.spki_sha256 is not None:
                    self._disowned.setdefault(revoked.spki_sha256, []).append(
                        (agency, revoked.since)
                    )
        known = {
            entry.certificate.sha256: entry.certificate
            for agency in agencies
            for entry in agency.anchors
        }
        self._anchor_checker = ChainChecker(tuple(known.values()))
        self._lists = [(entry, ChainChecker(entry.anchors)) for entry in lists]

    def recognise(
        self,
        chain: Sequence[Certificate],
        *,
        at: datetime,
        trusted_time: datetime | None,
        about: About,
        chain_protected: bool = True,
    ) -> Recognition:
        """Who stands behind this chain at this moment?

        The certificate's own validity and profile are not looked at here.

        Args:
            chain: Leaf first, linked.
            at: The trusted time of signing, else the time of verification.
            trusted_time: The trusted time of signing, if there is one.
            about: What the release is about.
            chain_protected: Whether the signature covers the chain. Where it does not,
                anybody can put another certificate over the same public key in its
                place, one that has not expired or is not disowned: then a key counts
                only where somebody known vouches for the certificate as well.
        """
        findings: list[Finding] = []
        if chain[0].is_test and not self._is_test:
            findings.append(finding(FindingCode.TEST_KEY))
        for agency, entry in self._matches(chain, at):
            if isinstance(entry, Key) and not chain_protected and not self.anchor_of(chain, at):
                continue
            if chain[0].is_test and not self._is_test:
                break  # named below, whoever lists it
            problem = _problem(agency, entry, chain, at, trusted_time, about)
            name = f"{'key' if isinstance(entry, Key) else 'anchor'}:{entry.id}"
            if problem is None:
                found = finding(FindingCode.SIGNER_IS_AGENCY, agency=agency.id, matched=name)
                return Recognition(
                    kind=SignerKind.AGENCY,
                    agency=agency,
                    recognised_by=name,
                    findings=(found,),
                    not_checked=tuple(
                        dict.fromkeys(
                            n for scope in _scopes(agency, entry) for n in scope.untold(about)
                        )
                    ),
                )
            evidence = {"agency": agency.id, "agency_name": agency.name, "matched": name}
            if problem is FindingCode.KEY_OUT_OF_SCOPE:
                evidence["outside"] = _why_outside(agency, entry, about) or ""
            findings.append(finding(problem, **evidence))
            if problem is FindingCode.KEY_DISOWNED:
                # Disowned counts as unlisted everywhere: a stolen key under a
                # public root would otherwise come back as "signed".
                return Recognition(
                    kind=SignerKind.UNRECOGNISED, disowned_by=agency, findings=tuple(findings)
                )
        disowner = self._disowner(chain[0], trusted_time)
        if disowner is not None:
            findings.append(
                finding(FindingCode.KEY_DISOWNED, agency=disowner.id, matched="revoked key")
            )
            return Recognition(
                kind=SignerKind.UNRECOGNISED, disowned_by=disowner, findings=tuple(findings)
            )
        return self._ask_lists(chain, at, findings)

    def anchor_of(self, chain: Sequence[Certificate], at: datetime) -> Certificate | None:
        """Which anchor, of the directory or of a list, does this chain end at? The first."""
        for checker in (self._anchor_checker, *(checker for _, checker in self._lists)):
            anchor = checker.check(chain, at).anchor
            if anchor is not None:
                return anchor
        return None

    def owners(self, chain: Sequence[Certificate]) -> frozenset[str]:
        """Which agencies' key is this by the directory, whether or not it counts? Their ids.

        Asked as of the certificate's own time: an expired one is still theirs.
        """
        if not chain:
            return frozenset()
        moments = (chain[0].not_before, chain[0].not_after)
        found = {agency.id for at in moments for agency, _ in self._matches(chain, at)}
        disowned = self._disowned.get(chain[0].spki_sha256, ())
        return frozenset(found | {agency.id for agency, _ in disowned})

    def _disowner(self, leaf: Certificate, trusted_time: datetime | None) -> Agency | None:
        """Which agency has disowned this key without listing it any more?

        Only by the key itself: anybody can write a serial number and an issuer's name.
        """
        for agency, since in self._disowned.get(leaf.spki_sha256, ()):
            if since is None or trusted_time is None or trusted_time >= since:
                return agency
        return None

    def _matches(
        self, chain: Sequence[Certificate], at: datetime
    ) -> Iterator[tuple[Agency, Key | Anchor]]:
        pinned = self._keys.get(chain[0].spki_sha256)
        if pinned is not None:
            yield pinned
        for found in self._anchor_checker.check(chain, at).anchors:
            for agency, anchor in self._anchors[found.sha256]:
                if anchor.subject.matches(chain[0]):
                    yield agency, anchor

    def _ask_lists(
        self, chain: Sequence[Certificate], at: datetime, findings: list[Finding]
    ) -> Recognition:
        for entry, checker in self._lists:
            exactly = entry.lists(chain[0], at)
            anchors = checker.check(chain, at).anchors
            if exactly or any(entry.trusts(anchor, at) for anchor in anchors):
                findings.append(finding(FindingCode.SIGNER_LISTED, list=entry.name))
                return Recognition(
                    kind=SignerKind.LISTED,
                    recognised_by=f"list:{entry.name}",
                    findings=tuple(findings),
                )
        asked = [entry.name for entry, _ in self._lists]
        findings.append(finding(FindingCode.SIGNER_UNRECOGNISED, lists_asked=asked))
        return Recognition(kind=SignerKind.UNRECOGNISED, findings=tuple(findings))


def _problem(  # noqa: PLR0917 - each is one fact of the question
    agency: Agency,
    entry: Key | Anchor,
    chain: Sequence[Certificate],
    at: datetime,
    trusted_time: datetime | None,
    about: About,
) -> FindingCode | None:
    """Why does a matched key not count as the agency's? None where it does."""
    # Only a time that somebody recognised attests can lie before a theft: a
    # thief sets his own clock back.
    ends = [entry.compromised_since] if entry.compromised_since is not None else []
    # Under an anchor, a disowned authority takes its leaves along, the anchor itself as
    # well, which the signer may leave out of the chain; a key that is listed by itself
    # depends on nobody above it.
    concerned = chain[:1] if isinstance(entry, Key) else (*chain, entry.certificate)
    for revoked in agency.revoked:
        if any(revoked.matches(certificate) for certificate in concerned):
            if revoked.since is None:
                return FindingCode.KEY_DISOWNED
            ends.append(revoked.since)
    if any(trusted_time is None or trusted_time >= end for end in ends):
        return FindingCode.KEY_DISOWNED
    if not entry.contains(at):
        return FindingCode.KEY_OUTSIDE_WINDOW
    return FindingCode.KEY_OUT_OF_SCOPE if _why_outside(agency, entry, about) else None


def _scopes(agency: Agency, entry: Key | Anchor) -> tuple[Scope, ...]:
    return (agency.scope,) if entry.scope is None else (agency.scope, entry.scope)


def _why_outside(agency: Agency, entry: Key | Anchor, about: About) -> str | None:
    reasons = (scope.why_outside(about) for scope in _scopes(agency, entry))
    return next((reason for reason in reasons if reason), None)
