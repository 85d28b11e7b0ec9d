"""Statements of identity (CAWG) in a manifest: whether they hold. They never decide here.

Spec: CAWG identity assertion 1.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from provenance.credentials.engine import EngineReading
from provenance.credentials.manifest_store import Manifest
from provenance.findings import FindingCode
from provenance.report import CheckNotRun, Finding, finding
from provenance.untrusted import clean_text

__all__ = ["IdentityAnswer", "judge_identity"]

# What an untrusted or unreachable issuer looks like. Every other failure of an
# identity, known or not, breaks it.
_UNVERIFIED = frozenset(
    {
        "cawg.x509.credential.untrusted",
        "cawg.ica.untrusted_issuer",
        "cawg.ica.did_unavailable",
        "cawg.ica.revocation.unavailable",
        "cawg.identity.network_traffic_blocked",
    }
)


@dataclass(frozen=True, slots=True)
class IdentityAnswer:
    """What was found about identities, and what was not checked."""

    findings: tuple[Finding, ...] = ()
    checks_not_run: tuple[CheckNotRun, ...] = ()


def judge_identity(manifest: Manifest, reading: EngineReading) -> IdentityAnswer:
    """Do the manifest's statements of identity hold?

    A statement that fails, or that nobody vouches for, is named and then left
    out of account: the verdict is as if it were not there.
    """
    if not manifest.of_type("cawg.identity"):
        return IdentityAnswer()
    failed = {s.code for s in reading.failures if s.code.startswith("cawg.")}
    noted = {s.code for s in reading.informational if s.code.startswith("cawg.")}
    broken = sorted(clean_text(code) for code in failed - _UNVERIFIED)
    if broken:
        found = finding(FindingCode.IDENTITY_INVALID, codes=broken)
    else:
        codes = sorted(clean_text(code) for code in (failed | noted) & _UNVERIFIED)
        found = finding(FindingCode.IDENTITY_UNVERIFIED, codes=codes)
    why = "no list of identity issuers is consulted, so an identity names nobody"
    return IdentityAnswer((found,), (CheckNotRun(check="identity", why=why),))
