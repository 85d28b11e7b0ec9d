"""The verifier as tests ask it: at one fixed moment, with trust that is made by code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.directory import LoadedDirectory, parse_directory
from provenance.trust.lists import ListPurpose, TrustList, parse_trust_list
from provenance.verdict import Axis
from provenance.verification.verifier import Verifier
from tests.factory import pki
from tests.factory.pki import Holder

__all__ = ["AT", "GOOD", "House", "codes", "directory_of", "house", "trust_list", "verifier_of"]

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
"""When every verification happens, unless a test says otherwise."""

GOOD = frozenset(
    {
        FindingCode.CLAIM_SIGNATURE_VALID,
        FindingCode.CONTENT_MATCHES,
        FindingCode.FULLY_COVERED,
        FindingCode.SIGNER_IS_AGENCY,
    }
)
"""What is found in a plain official release without a time-stamp."""

# Said of every file that a test directory judges, and what the container's own
# descriptions add: neither is what an attack is about.
_ASIDE = {Axis.METADATA, Axis.AI}


def codes(report: Report) -> frozenset[FindingCode]:
    """Everything found, but for descriptions and the mark of a test directory."""
    found = {f.code for f in report.findings if f.axis not in _ASIDE}
    return frozenset(found - {FindingCode.TEST_DIRECTORY})


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A second authority of the sample agency, whose keys the tests hold."""

    root: Holder
    issuing: Holder

    def signer(
        self, label: str = "Press", *, organization: str = "Aurora Entertainment", **fields: Any
    ) -> MemorySigner:
        """A signer under it; `fields` are those of `pki.issue`."""
        subject = pki.name(f"{label} TEST leaf", organization=organization)
        fields.setdefault("eku", (pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION))
        return pki.signer_of(pki.issue(subject, self.issuing, **fields))


def house(label: str = "Aurora second") -> House:
    """A root and an issuing authority in the agency's name."""
    root, issuing, _ = pki.three_tier(label)
    return House(root=root, issuing=issuing)


def directory_of(
    agency: DevAgency,
    *roots: Holder,
    keys: Sequence[Mapping[str, Any]] = (),
    entry: Mapping[str, Any] | None = None,
    agencies: Sequence[Mapping[str, Any]] = (),
    **document: Any,
) -> LoadedDirectory:
    """The sample agency's test directory.

    Args:
        agency: Whose directory.
        roots: Further anchors of the agency.
        keys: Its pinned keys.
        entry: Replaces fields of the agency's entry.
        agencies: Further agencies.
        document: Replaces fields of the directory.
    """
    whole = agency.directory_entry()
    listed = whole["agencies"][0]
    listed["anchors"] += [
        {
            "id": f"second-{number}",
            "certificate_pem": root.pem.decode("ascii"),
            "subject": {"organization": agency.organization},
        }
        for number, root in enumerate(roots)
    ]
    listed["keys"] = list(keys)
    listed.update(entry or {})
    whole["agencies"] += agencies
    whole.update(document)
    return parse_directory(json.dumps(whole).encode(), where="directory", source="made by a test")


def trust_list(
    name: str,
    *certificates: Holder | x509.Certificate,
    purpose: ListPurpose = ListPurpose.CLAIM,
) -> TrustList:
    """A list of these certificates."""
    data = b"".join(c.pem if isinstance(c, Holder) else pki.pem(c) for c in certificates)
    return parse_trust_list(data, name=name, purpose=purpose, source="made by a test")


def verifier_of(directory: LoadedDirectory | None, **options: Any) -> Verifier:
    """A verifier whose clock stands at `AT`."""
    return Verifier(directory=directory, clock=lambda: AT, **options)
