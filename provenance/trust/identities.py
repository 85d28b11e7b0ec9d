"""Who holds an identity: an agency of the directory, somebody on an identity list, or nobody known?

Spec: CAWG identity assertion 1.3, "Trust model for X.509 certificates" and
"Interim trust model additions".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.findings import FindingCode
from provenance.trust.certificates import Certificate
from provenance.trust.chain import ChainChecker
from provenance.trust.directory import About, Agency, LoadedDirectory, Product
from provenance.trust.lists import ListPurpose, TrustList
from provenance.trust.recognition import Recogniser
from provenance.verdict import SignerKind

__all__ = ["INTERIM_END", "SMIME_POLICIES", "Holder", "IdentityRecogniser"]

INTERIM_END = datetime(2027, 4, 1, tzinfo=UTC)
"""From here on nothing is accepted under the interim model: it ends with 31 March 2027."""

# Organisation, sponsor and individual validated, each multipurpose and strict, of
# the CA/Browser Forum's S/MIME requirements. Mailbox-validated and legacy ones say
# no more than that somebody could read a mail.
SMIME_POLICIES = frozenset(
    {
        "2.23.140.1.5.2.2",
        "2.23.140.1.5.2.3",
        "2.23.140.1.5.3.2",
        "2.23.140.1.5.3.3",
        "2.23.140.1.5.4.2",
        "2.23.140.1.5.4.3",
    }
)
_DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36"

_PROBLEMS = {
    FindingCode.KEY_DISOWNED: "the agency whose key it is has disowned it",
    FindingCode.KEY_OUTSIDE_WINDOW: "the directory does not list its key for that time",
    FindingCode.KEY_OUT_OF_SCOPE: "the agency has not authorised its key for this kind of release",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who stands behind the key of an identity.

    Attributes:
        agency: The agency, where the key counts as its own now and for this kind of media.
        recognised_by: `key:ID`, `anchor:ID` or `list:NAME`; None where nobody vouches.
        why: Why nobody does, or why an agency does not.
        not_checked: Limits of the directory that could not be held against the release.
    """

    agency: Agency | None = None
    recognised_by: str | None = None
    why: str = ""
    not_checked: tuple[str, ...] = ()


class IdentityRecogniser:
    """Answers for one directory and one set of identity lists.

    Anchors of claim signers never enter here, nor do those of identities anywhere else.
    """

    def __init__(self, directory: LoadedDirectory | None, lists: Sequence[TrustList]) -> None:
        if any(entry.purpose is not ListPurpose.IDENTITY for entry in lists):
            raise ValueError("a list for another purpose cannot vouch for identities")
        self._agencies = Recogniser(directory, ())
        self._lists = [(entry, ChainChecker(entry.anchors)) for entry in lists]
        self._products = {
            agency.id: [
                (product, ChainChecker([anchor.certificate for anchor in product.anchors]))
                for product in agency.products
                if isinstance(product, Product)
            ]
            for agency in (directory.document.agencies if directory else ())
        }

    def recognise(
        self,
        chain: Sequence[Certificate],
        *,
        at: datetime,
        trusted_time: datetime | None,
        about: About,
    ) -> Holder:
        """Who stands behind this chain at this moment?

        The directory's keys and anchors count by the rules they count by for claims:
        window, scope, compromise, revocation. The certificate's own validity and
        profile are not looked at here.

        Args:
            chain: Leaf first, linked.
            at: The trusted time of signing, else the time of verification.
            trusted_time: The trusted time of signing, if there is one.
            about: What the release is about.
        """
        found = self._agencies.recognise(chain, at=at, trusted_time=trusted_time, about=about)
        if found.kind is SignerKind.AGENCY:
            return Holder(
                agency=found.agency,
                recognised_by=found.recognised_by,
                not_checked=found.not_checked,
            )
        why = next((_PROBLEMS[f.code] for f in found.findings if f.code in _PROBLEMS), "")
        if found.disowned_by is not None:
            return Holder(why=why)
        for entry, checker in self._lists:
            exactly = entry.lists(chain[0], at)
            anchors = checker.check(chain, at).anchors
            if not exactly and not any(entry.trusts(anchor, at) for anchor in anchors):
                continue
            refused = _why_not_by_a_list(chain[0], trusted_time)
            if not refused:
                return Holder(recognised_by=f"list:{entry.name}", why=why)
            why = why or refused
        return Holder(why=why or "no agency and no list of identities vouches for its certificate")

    def anchor_of(self, chain: Sequence[Certificate], at: datetime) -> Certificate | None:
        """Which anchor, of the directory or of an identity list, does this chain end at?"""
        anchor = self._agencies.anchor_of(chain, at)
        ends = (checker.check(chain, at).anchor for _, checker in self._lists)
        return anchor or next((end for end in ends if end is not None), None)

    def product_of(
        self, agency: Agency, chain: Sequence[Certificate], at: datetime
    ) -> Product | None:
        """Which product of this agency is it that signed with this chain at this moment?"""
        for product, checker in self._products.get(agency.id, ()):
            if not product.contains(at):
                continue
            if chain[0].spki_sha256 in product.spki_sha256:
                return product
            ends = {anchor.sha256 for anchor in checker.check(chain, at).anchors}
            if any(
                anchor.certificate.sha256 in ends and anchor.subject.matches(chain[0])
                for anchor in product.anchors
            ):
                return product
        return None


def _why_not_by_a_list(leaf: Certificate, trusted_time: datetime | None) -> str:
    """Why can no list vouch for this certificate as an identity? Empty where one can.

    documentSigning is accepted without more, as CAWG has it. A certificate for
    e-mail, whatever else it is for, is accepted by the interim model alone, since
    roots for e-mail vouch for anybody with a mailbox. One for claims names a product.
    """
    extensions = leaf.x509.extensions
    usages: set[x509.ObjectIdentifier] = set()
    policies: set[str] = set()
    for extension in extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            usages |= set(extension.value)
        elif isinstance(extension.value, x509.CertificatePolicies):
            policies |= {entry.policy_identifier.dotted_string for entry in extension.value}
    if ExtendedKeyUsageOID.EMAIL_PROTECTION not in usages:
        if _DOCUMENT_SIGNING in {usage.dotted_string for usage in usages}:
            return ""
        return "its certificate was issued to a product, not for an identity"
    if not policies & SMIME_POLICIES:
        return "its e-mail certificate has no policy under which somebody was identified"
    if trusted_time is None:
        return "no trusted time-stamp says when it was made with its e-mail certificate"
    if trusted_time >= INTERIM_END:
        return "it was made with an e-mail certificate after 31 March 2027"
    return ""
