"""What a key may be used for."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["SCOPES", "Scope"]


class Scope(StrEnum):
    """One permission of a key; the ones with a colon are those of the C2PA standard or alike.

    Spec: C2PA Soft Binding Resolution API 2.4, security schemes.
    """

    VERIFY = "verify"
    VERIFY_REFERENCE = "verify:reference"
    JOBS = "jobs"
    METRICS = "metrics"
    FETCH_MANIFESTS = "fetch:manifests"
    STORE_MANIFESTS = "store:manifests"
    STORE_BINDINGS = "store:bindings"
    COMPLAINTS = "complaints"
    COMPLAINTS_TRUSTED = "complaints:trusted"
    ACTIONS = "actions"
    BLOCKLIST = "blocklist"
    AUDIT = "audit"


SCOPES: dict[Scope, str] = {
    Scope.VERIFY: "Verify uploads, and find the reports of one's own uploads by digest.",
    Scope.VERIFY_REFERENCE: "Verify by reference, where the operator allows it at all.",
    Scope.JOBS: "Make batch jobs, follow and cancel them.",
    Scope.METRICS: "Read the metrics.",
    Scope.FETCH_MANIFESTS: "Look up manifests by soft binding, content or reference.",
    Scope.STORE_MANIFESTS: "Store and delete manifests.",
    Scope.STORE_BINDINGS: "Store soft bindings.",
    Scope.COMPLAINTS: "File complaints with a number of one's own, and follow them.",
    Scope.COMPLAINTS_TRUSTED: "File complaints as a trusted flagger, which come first.",
    Scope.ACTIONS: "Say of requested actions that they are done, or why they failed.",
    Scope.BLOCKLIST: "Ask the block list about uploads, and add codes of blocked files.",
    Scope.AUDIT: "Read the audit of moderation.",
}
