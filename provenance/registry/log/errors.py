"""The errors of the release log: what its keeper has to mend, and what proves nothing."""

from __future__ import annotations

from provenance.errors import ConfigurationError, ProvenanceError

__all__ = ["LogError", "LogProofError"]


class LogError(ConfigurationError):
    """The log cannot be used as it is, or must not be added to or signed."""


class LogProofError(ProvenanceError):
    """What was to prove an entry or a checkpoint does not prove it."""
