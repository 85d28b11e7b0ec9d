"""What goes into the register: a signed change, and what is handed over beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provenance.fingerprints.model import MediaFingerprint
from provenance.registry.log.leaf import SignedStatement
from provenance.registry.log.statement import Register, Reveal, Supersede, Withdraw

__all__ = ["Change", "FileFacts", "LogSecret", "ReleaseStatement", "Taken"]

ReleaseStatement = Register | Withdraw | Supersede | Reveal
"""What a register takes; other statements belong to the log alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What is kept of a file beside what the agency states of it.

    Attributes:
        sha256: The file.
        manifest: Its manifest store, which has to be the one that is stated.
        title: By language tag, from credentials that the agency signed.
        channels: Where the agency publishes it.
        fingerprint: What it looks and sounds like.
    """

    sha256: str
    manifest: bytes | None = field(default=None, repr=False)
    title: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    fingerprint: MediaFingerprint | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSecret:
    """What a log is given instead of a statement that is under embargo.

    Attributes:
        salt: Opens the commitment; a secret until the statement is revealed.
        commitment: The agency's signed `Embargo`.
    """

    salt: bytes = field(repr=False)
    commitment: SignedStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change to the register.

    Attributes:
        signed: What the agency states, exactly as a log takes it.
        facts: About the files it states.
        secret: Where the log must not hear yet what it says.
    """

    signed: SignedStatement
    facts: tuple[FileFacts, ...] = ()
    secret: LogSecret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of some changes.

    Attributes:
        numbers: Number of each, in the order given.
        added: How many of them are new; the register had the others already.
    """

    numbers: tuple[int, ...]
    added: int
