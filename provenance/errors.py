"""Every error this package raises on purpose, as one tree.

    ProvenanceError
    ├── ConfigurationError      what the operator controls is wrong
    │   ├── DirectoryError      the agency directory cannot be used
    │   └── TrustListError      a trust list cannot be used
    ├── SourceError             the file or stream to verify cannot be opened
    ├── EngineUnsafeError       the engine fails its own self-test
    ├── RequirementNotMetError  `Report.require` was not met
    ├── SigningError            a release could not be signed; nothing was written
    ├── FetchError              a question to the network got no answer that may be used
    ├── MalformedError          bytes that are not what they claim to be
    └── LimitError              an input is larger than a limit allows

`MalformedError` and `LimitError` come from parsers of untrusted media. The
verifier turns both into findings, so `verify` never raises because of what is
inside a file. `FetchError` comes from fetchers, and a check without its answer
is one that did not run. The other errors are for the caller.

Messages say what, where, expected and got, in that order.
"""

from __future__ import annotations

__all__ = [
    "ConfigurationError",
    "DirectoryError",
    "EngineUnsafeError",
    "FetchError",
    "LimitError",
    "MalformedError",
    "ProvenanceError",
    "RequirementNotMetError",
    "SigningError",
    "SourceError",
    "TrustListError",
]


class ProvenanceError(Exception):
    """Base of every error raised on purpose by this package."""


class ConfigurationError(ProvenanceError):
    """Something the operator gave (a path, a setting, a document) cannot be used."""


class DirectoryError(ConfigurationError):
    """The agency directory is not readable, not valid or not allowed here."""


class TrustListError(ConfigurationError):
    """A trust list holds something that is not a usable certificate."""


class SourceError(ProvenanceError):
    """The source cannot be opened or read to its end: missing, a folder, no permission."""


class EngineUnsafeError(ProvenanceError):
    """The C2PA engine did not answer as expected on the built-in samples."""


class RequirementNotMetError(ProvenanceError):
    """A report does not meet the requirement that the caller named."""


class SigningError(ProvenanceError):
    """Signing failed; no output was left behind."""


class FetchError(ProvenanceError):
    """Nothing was fetched: refused by the rules, unreachable, too slow, too large or malformed."""


class MalformedError(ProvenanceError):
    """Bytes are not what their container, box or encoding requires."""


class LimitError(ProvenanceError):
    """An input exceeds one of the limits in `provenance.limits.Limits`."""
