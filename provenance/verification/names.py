"""Impostor names: does anything in a manifest call itself like an agency whose key it is not?

A finding, never a verdict: the name is what a stranger wrote, and what he wrote is
only worth a warning. A plain copy of the name is one as much as a disguised one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice

from cryptography import x509
from cryptography.x509.oid import NameOID

from provenance.credentials.cose import CoseSign1, SignatureAnswer, parse_cose_sign1
from provenance.credentials.manifest_store import Assertion, Manifest
from provenance.errors import LimitError, MalformedError
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.report import Finding, finding
from provenance.trust.certificates import Certificate, load_der_chain
from provenance.trust.names import NameWatch
from provenance.trust.recognition import Recogniser, Recognition
from provenance.untrusted import clean_text
from provenance.verification.party import Party
from provenance.verification.signed_metadata import metadata_statements

__all__ = ["NameJudge", "judge_names", "names_in_certificates", "names_in_manifest"]

Names = Sequence[tuple[str, str]]
"""Where a name stands, and the name as it stands there."""

_MAX_NAMES = 1_000
_MAX_FINDINGS = 20
_MAX_IDENTITIES = 32
_IDENTITY = "cawg.identity"
_PARTS_OF_A_NAME = (
    (NameOID.COMMON_NAME, "common name"),
    (NameOID.ORGANIZATION_NAME, "organisation"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "organisational unit"),
)
# Local names, in small letters, of the properties that say who made or published
# something: Dublin Core, Photoshop, XMP rights, PLUS, IPTC, TIFF, schema.org.
_WHO = re.compile(
    "accountableperson|artist|author|contributor|copyright(holder|notice|owner|ownername)"
    "|creator|credit|creditline|image(creator|supplier)(name)?|licensor(name)?|owner|producer"
    "|provider|publisher|publishingorganization|recordlabel|rightsholder|source"
    "|sourceorganization"
)


def judge_names(
    names: Names,
    watch: NameWatch,
    recognition: Recognition,
    *,
    owners: Callable[[], Collection[str]] = tuple,
) -> tuple[Finding, ...]:
    """Which of these names look like those of agencies that the key does not belong to?

    Args:
        names: Where each stands, and the name as it stands there, not cleaned.
        watch: Knows the agencies' names.
        recognition: Who stands behind the key.
        owners: Ids of further agencies whose key it is, whether or not it counts
            now; asked only where a name looks like an agency's.
    """
    # A key that was disowned is the agency's own all the same; the report says so.
    known = recognition.agency or recognition.disowned_by
    own: Collection[str] | None = None
    found: dict[tuple[str, str, str], Finding] = {}
    for where, raw in names:
        for match in watch.look_alikes(raw, unless_agency=known.id if known else None):
            own = owners() if own is None else own
            place = clean_text(where)
            key = (place, match.cleaned, match.agency)
            if match.agency in own or key in found:
                continue
            found[key] = finding(
                FindingCode.IMPOSTOR_NAME,
                where=place,
                says=match.cleaned,
                looks_like=clean_text(match.listed),
                agency=match.agency,
                how=[likeness.value for likeness in match.how],
            )
            if len(found) == _MAX_FINDINGS:
                return tuple(found.values())
    return tuple(found.values())


class NameJudge:
    """Judges the names in manifests, for one directory.

    Args:
        watch: Knows the agencies' names.
        recogniser: Knows the agencies' keys.
    """

    def __init__(self, watch: NameWatch, recogniser: Recogniser) -> None:
        self._watch = watch
        self._recogniser = recogniser

    def judge(
        self, manifest: Manifest, party: Party, *, vouched: Collection[str] = (), limits: Limits
    ) -> tuple[Finding, ...]:
        """Which names in a manifest are impostors'?

        None where the claim signature does not hold: then nobody said any of it.

        Args:
            manifest: The manifest judged.
            party: Who made it.
            vouched: Ids of agencies whose own statement of identity in it holds.
            limits: Bounds for the parsers.
        """
        if party.signature is not SignatureAnswer.VALID or not self._watch.has_names:
            return ()
        found = judge_names(
            [
                *names_in_certificates(party.chain, "certificate"),
                *names_in_manifest(manifest, limits),
            ],
            self._watch,
            party.recognition,
            owners=lambda: {*vouched, *self._recogniser.owners(party.chain)},
        )
        for assertion in islice(manifest.of_type(_IDENTITY), _MAX_IDENTITIES):
            sign1 = _identity_signature(assertion, limits)
            if sign1 is None:
                continue
            certificates = _identity_chain(sign1)
            found += judge_names(
                [
                    *names_in_certificates(certificates, "identity certificate"),
                    *_aggregated_names(sign1),
                ],
                self._watch,
                party.recognition,
                owners=partial(self._recogniser.owners, certificates),
            )
        return found[:_MAX_FINDINGS]


def names_in_certificates(certificates: Sequence[Certificate], what: str) -> Names:
    """Whom do the leaf and its issuers name?"""
    if not certificates:
        return ()
    # The last one names an issuer whose own certificate need not be there.
    issuers = [c.x509.subject for c in certificates[1:]] + [certificates[-1].x509.issuer]
    return tuple(
        islice(
            chain(
                _names_in_subject(certificates[0].x509.subject, what),
                *(_names_in_subject(issuer, f"{what}, issuer") for issuer in issuers),
            ),
            _MAX_NAMES,
        )
    )


def _names_in_subject(subject: x509.Name, what: str) -> Iterator[tuple[str, str]]:
    for oid, part in _PARTS_OF_A_NAME:
        for attribute in subject.get_attributes_for_oid(oid):
            if isinstance(attribute.value, str):
                yield f"{what}, {part}", attribute.value


def names_in_manifest(manifest: Manifest, limits: Limits) -> Names:
    """Whom do the claim and the descriptive assertions of a manifest name?"""
    return tuple(
        islice(chain(_names_in_claim(manifest), _names_in_metadata(manifest, limits)), _MAX_NAMES)
    )


def _names_in_claim(manifest: Manifest) -> Iterator[tuple[str, str]]:
    claim = manifest.claim
    if claim.title is not None:
        yield "claim, title", claim.title
    info = claim.fields.get("claim_generator_info")
    for entry in info if isinstance(info, list) else [info]:
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
            yield "claim generator", entry["name"]
    generator = claim.fields.get("claim_generator")
    if isinstance(generator, str):
        # Written like a user agent, `Name_of_product/1.0 library/2.0`, or plainly.
        yield "claim generator", generator
        yield "claim generator", generator.partition("/")[0]


def _names_in_metadata(manifest: Manifest, limits: Limits) -> Iterator[tuple[str, str]]:
    for statement in metadata_statements(manifest, limits):
        steps = statement.name.partition("[")[0].split("/")
        if any(_WHO.fullmatch(step.rpartition(":")[2].lower()) for step in steps):
            where = f"{statement.assertion}, {statement.name}"
            yield where, statement.value
            if "; " in statement.value:
                for part in statement.value.split("; "):
                    yield where, part


def _identity_signature(assertion: Assertion, limits: Limits) -> CoseSign1 | None:
    """The signature of a statement of identity; one that cannot be read is named elsewhere."""
    signature = assertion.decode_map(limits).get("signature")
    if not isinstance(signature, bytes):
        return None
    try:
        return parse_cose_sign1(signature, limits)
    except (MalformedError, LimitError):
        return None


def _identity_chain(sign1: CoseSign1) -> tuple[Certificate, ...]:
    try:
        return load_der_chain(sign1.chain, where=_IDENTITY)
    except MalformedError:
        return ()


def _aggregated_names(sign1: CoseSign1) -> Iterator[tuple[str, str]]:
    """Names that an aggregator of identity claims repeats.

    Spec: CAWG identity assertion 1.3, "Identity claims aggregation", `verifiedIdentities`.
    """
    try:
        document = json.loads(sign1.payload or b"")
    except (ValueError, RecursionError):
        return
    subject = document.get("credentialSubject") if isinstance(document, dict) else None
    identities = subject.get("verifiedIdentities") if isinstance(subject, dict) else None
    for identity in islice(identities, _MAX_IDENTITIES) if isinstance(identities, list) else ():
        for key in ("name", "username"):
            if isinstance(identity, dict) and isinstance(identity.get(key), str):
                yield f"identity, {key}", identity[key]
