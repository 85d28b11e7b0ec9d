"""Every error this package raises on purpose, as one tree.

    ProvenanceError
    ├── ConfigurationError      what the operator controls is wrong
    │   ├── DirectoryError      the agency directory cannot be used
    │   ├── TrustListError      a trust list cannot be used
    │   ├── ReleaseError        a release manifest, or what it refers to, cannot be used
    │   └── IsolationError      no process can be shut in as it has to be
    ├── SourceError             the file or stream to verify cannot be opened
    ├── EngineUnsafeError       the engine fails its own self-test
    ├── RequirementNotMetError  `Report.require` was not met
    ├── SigningError            a release could not be signed; nothing was written
    │   ├── SigningKeyError     the key cannot be used: locked, gone, not for the certificate
    │   ├── TimeStampError      no authority gave a time-stamp that may be used
    │   ├── PrivateDataError    private metadata that cannot be taken out
    │   ├── PlanError           something is not as it was planned
    │   └── SelfCheckError      the signed file did not verify as it should
    ├── RegisterError           the register of releases cannot be used
    ├── StoreError              what the service keeps cannot be read or written
    │   └── StorageFullError    there is no room left for an upload
    ├── ConflictError           what is asked for does not fit the state of things
    │   └── NotFoundError           there is nothing of that name, or not for whoever asks
    ├── PermissionRefusedError  whoever asks may not do this
    ├── TooOftenError           the same was tried too often; it says when to come back
    ├── SignInRefusedError      a proof of who somebody is that does not count
    ├── WorkerBugError          a process that examined a file met a bug of ours
    ├── FetchError              a question to the network got no answer that may be used
    │   └── ConnectionLostError the connection broke before the answer was there
    ├── MalformedError          bytes that are not what they claim to be
    └── LimitError              an input is larger than a limit allows

`MalformedError` and `LimitError` come from parsers of untrusted media. The
verifier turns both into findings, so `verify` never raises because of what is
inside a file. `FetchError` comes from fetchers, and a check without its answer
is one that did not run. The other errors are for the caller.

Messages say what, where, expected and got, in that order.
"""

from __future__ import annotations

from datetime import datetime

__all__ = [
    "ConfigurationError",
    "ConflictError",
    "ConnectionLostError",
    "DirectoryError",
    "EngineUnsafeError",
    "FetchError",
    "IsolationError",
    "LimitError",
    "MalformedError",
    "NotFoundError",
    "PermissionRefusedError",
    "PlanError",
    "PrivateDataError",
    "ProvenanceError",
    "RegisterError",
    "ReleaseError",
    "RequirementNotMetError",
    "SelfCheckError",
    "SignInRefusedError",
    "SigningError",
    "SigningKeyError",
    "SourceError",
    "StorageFullError",
    "StoreError",
    "TimeStampError",
    "TrustListError",
    "WorkerBugError",
]


class ProvenanceError(Exception):
    """Base of every error raised on purpose by this package."""


class ConfigurationError(ProvenanceError):
    """Something the operator gave (a path, a setting, a document) cannot be used."""


class DirectoryError(ConfigurationError):
    """The agency directory is not readable, not valid or not allowed here."""


class TrustListError(ConfigurationError):
    """A trust list holds something that is not a usable certificate."""


class ReleaseError(ConfigurationError):
    """The release manifest is not valid, or a file, consent or artist it names is not usable.

    Args:
        faults: One text for each thing in the way, in the order of the manifest.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(self.faults)


class IsolationError(ConfigurationError):
    """No worker process can be started, or not one that is shut in as settings require."""


class WorkerBugError(ProvenanceError):
    """A bug of ours, met in a worker process; it says nothing about the file.

    Args:
        kind: Name of the exception's class.
        message: Its text.
        trace: Where it was raised, in many lines.
    """

    def __init__(self, kind: str, message: str, trace: str = "") -> None:
        super().__init__(kind, message, trace)
        self.kind = kind
        self.message = message
        self.trace = trace

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class SourceError(ProvenanceError):
    """The source cannot be opened or read to its end: missing, a folder, no permission."""


class EngineUnsafeError(ProvenanceError):
    """The C2PA engine did not answer as expected on the built-in samples."""


class RequirementNotMetError(ProvenanceError):
    """A report does not meet the requirement that the caller named."""


class SigningError(ProvenanceError):
    """Signing failed; no output was left behind."""


class SigningKeyError(SigningError):
    """The signing key cannot be used: wrong passphrase or PIN, token gone, mismatched."""


class TimeStampError(SigningError):
    """No time-stamp authority gave a token that is right and trusted."""


class PrivateDataError(SigningError):
    """The file holds private metadata that cannot be taken out, or that nobody decided about."""


class PlanError(SigningError):
    """A file, the release, the key or the directory is not what the plan was made with."""


class SelfCheckError(SigningError):
    """What was signed did not come back from the verifier as it should; it was deleted."""


class RegisterError(ProvenanceError):
    """The register of releases cannot be read or written, or refuses a change; says why."""


class StoreError(ProvenanceError):
    """The database or the folder of the service cannot be read or written now."""


class StorageFullError(StoreError):
    """An upload cannot be kept even for its verification: the disk, or a quota, is full."""


class ConflictError(ProvenanceError):
    """A job, key or request is in a state in which what was asked for cannot be done."""


class NotFoundError(ConflictError):
    """There is nothing of that name, or whoever asks is not to know that there is."""


class PermissionRefusedError(ProvenanceError):
    """Whoever asks may not do this: no such right, no training, a conflict of interest."""


class TooOftenError(ProvenanceError):
    """The same was tried too often.

    Args:
        message: What was.
        retry_at: From when on it may be tried again.
    """

    def __init__(self, message: str, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class SignInRefusedError(ProvenanceError):
    """What somebody shows to prove who they are does not count; says why, for the log alone."""


class FetchError(ProvenanceError):
    """Nothing was fetched: refused by the rules, unreachable, too slow, too large or malformed."""


class ConnectionLostError(FetchError):
    """The other side broke off before its answer was there; asking once more may do."""


class MalformedError(ProvenanceError):
    """Bytes are not what their container, box or encoding requires."""


class LimitError(ProvenanceError):
    """An input exceeds one of the limits in `provenance.limits.Limits`."""
