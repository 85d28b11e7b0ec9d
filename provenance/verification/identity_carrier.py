"""Is a release an agency's by its statement of identity, under the claim of a product it lists?

A statement of identity can be taken out of its manifest and put under another
claim about the same bytes, by anybody. It makes a release official only where
the agency has listed the product that signed the claim, and then only what the
agency signed for is its word.

Spec: CAWG identity assertion 1.3, "Threat model" (re-use under another claim).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from provenance.credentials.manifest_store import Manifest
from provenance.findings import FindingCode
from provenance.report import Finding, finding
from provenance.trust.directory import Agency, Product
from provenance.trust.identities import IdentityRecogniser
from provenance.trust.recognition import Recognition
from provenance.untrusted import clean_text
from provenance.verdict import SignerKind
from provenance.verification.party import Party

__all__ = ["AgencyIdentity", "Carried", "judge_carrier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyIdentity:
    """A verified statement of identity by an agency.

    Attributes:
        assertion: Its label.
        agency: Whose it is.
        recognised_by: By which entry of the directory.
        publishes: Whether the agency says, by role or by naming none, that it publishes.
        labels: Assertions of its manifest that it covers.
        not_checked: Limits of the directory that could not be held against the release.
    """

    assertion: str
    agency: Agency
    recognised_by: str
    publishes: bool
    labels: frozenset[str]
    not_checked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """An agency that is recognised by its identity, under the claim of a product it lists.

    Attributes:
        recognition: Stands in the place of the claim signer's own.
        product: The directory's entry for the product.
        labels: Assertions of the manifest that the agency signed for.
    """

    recognition: Recognition
    product: Product
    labels: frozenset[str]

    def attributed(self, manifest: Manifest) -> Manifest:
        """The manifest with those assertions alone that the agency signed for."""
        own = {k: v for k, v in manifest.assertions.items() if k in self.labels}
        return replace(manifest, assertions=own)


def judge_carrier(
    identities: Sequence[AgencyIdentity],
    party: Party,
    recogniser: IdentityRecogniser,
    now: datetime,
    *,
    updated: bool,
) -> tuple[Carried | None, tuple[Finding, ...]]:
    """Which agency's release is it by these identities, under this claim signer?

    A claim generator's name is anybody's to write: the product is known by its key
    or by its issuer and subject, and only where a trust list vouches for its
    certificate as well. An agency that signs the claim itself needs no identity,
    nor need another agency that stands beside it list the first one.

    Args:
        identities: Verified statements of agencies.
        party: The claim signer.
        recogniser: Knows the agencies' products.
        now: For a claim without a trusted time.
        updated: Whether an update says more than time-stamps and status. A product
            updates for whoever holds it: its key does not make an update the agency's.

    Returns:
        The agency, if any, and a finding for each identity under a signer that its
        agency does not list.
    """
    if party.recognition.kind is SignerKind.AGENCY:
        return None, ()
    rewrapped = []
    for identity in identities:
        product = None
        if party.recognition.kind is SignerKind.LISTED and not updated:
            at = party.time.trusted_at or now
            product = recogniser.product_of(identity.agency, party.chain, at)
        if product is None:
            rewrapped.append(identity)
        elif identity.publishes:
            same = [other.labels for other in identities if other.agency is identity.agency]
            recognition = Recognition(
                kind=SignerKind.AGENCY,
                agency=identity.agency,
                recognised_by=f"identity:{identity.recognised_by} via product:{product.id}",
                not_checked=identity.not_checked,
            )
            labels = frozenset[str]().union(*same)
            return Carried(recognition=recognition, product=product, labels=labels), ()
    return None, tuple(
        finding(
            FindingCode.IDENTITY_REWRAPPED,
            assertion=clean_text(identity.assertion),
            agency=identity.agency.id,
            claim_signer=party.recognition.kind.value,
        )
        for identity in rewrapped
    )
