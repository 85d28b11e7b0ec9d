"""Verify signed provenance on official agency media.

    import provenance

    directory = provenance.load_directory("directory.json")
    report = provenance.verify("teaser.mp4", directory=directory)
    print(report.verdict, report.summary)

For many files make one `Verifier` and keep it. `report.require("official")`
raises where a release is not official; a report itself is neither true nor
false.

Names are loaded when they are first used, so that importing the package costs
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provenance.errors import (
        ConfigurationError,
        ProvenanceError,
        RequirementNotMetError,
        SourceError,
    )
    from provenance.findings import FindingCode
    from provenance.limits import Limits
    from provenance.report import Finding, Report
    from provenance.runtime.clock import system_clock
    from provenance.runtime.directory_at import load_directory_at as load_directory
    from provenance.runtime.once import verify
    from provenance.runtime.sign_once import sign
    from provenance.signing.signer import Signer
    from provenance.trust.directory import LoadedDirectory
    from provenance.trust.lists import ListPurpose, TrustList, load_trust_list
    from provenance.verdict import Verdict
    from provenance.verification.policy import Policy
    from provenance.verification.verifier import Verifier

__all__ = [
    "ConfigurationError",
    "Finding",
    "FindingCode",
    "Limits",
    "ListPurpose",
    "LoadedDirectory",
    "Policy",
    "ProvenanceError",
    "Report",
    "RequirementNotMetError",
    "Signer",
    "SourceError",
    "TrustList",
    "Verdict",
    "Verifier",
    "load_directory",
    "load_trust_list",
    "sign",
    "system_clock",
    "verify",
]

_HOMES = {
    "errors": ("ConfigurationError", "ProvenanceError", "RequirementNotMetError", "SourceError"),
    "findings": ("FindingCode",),
    "limits": ("Limits",),
    "report": ("Finding", "Report"),
    "runtime.clock": ("system_clock",),
    "runtime.once": ("verify",),
    "runtime.sign_once": ("sign",),
    "signing.signer": ("Signer",),
    "trust.directory": ("LoadedDirectory",),
    "trust.lists": ("ListPurpose", "TrustList", "load_trust_list"),
    "verdict": ("Verdict",),
    "verification.policy": ("Policy",),
    "verification.verifier": ("Verifier",),
}


# A folder that a client keeps up to date is loaded as well as a plain file.
_RENAMED = {"load_directory": ("runtime.directory_at", "load_directory_at")}


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        home, original = _RENAMED[name]
        return getattr(import_module(f"provenance.{home}"), original)
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"provenance.{home}"), name)
    raise AttributeError(f"module 'provenance' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
