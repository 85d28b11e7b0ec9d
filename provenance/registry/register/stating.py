"""The changes that an agency signs: releases stated, withdrawn, superseded, revealed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from provenance.registry.log.leaf import embargo, reveal, sign_statement
from provenance.registry.log.parts import sign_release, split_release
from provenance.registry.log.statement import Register, ReleaseFile, Supersede, Withdraw
from provenance.registry.register.ledger import PlacedChange
from provenance.registry.register.records import Change, FileFacts, LogSecret

if TYPE_CHECKING:
    # Loads the engine, which stating has no need of.
    from provenance.credentials.engine_signing import ClaimSigner

__all__ = ["StatedFile", "state_change", "state_release", "state_reveal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFile:
    """A file with what is kept of it.

    Attributes:
        file: What the agency states.
        facts: What goes beside it.
    """

    file: ReleaseFile
    facts: FileFacts


def state_release(
    files: Sequence[StatedFile],
    *,
    agency: str,
    release: str,
    at: datetime,
    signer: ClaimSigner,
    embargo_until: datetime | None = None,
    make_salt: Callable[[], bytes] | None = None,
) -> tuple[Change, ...]:
    """Which changes say that these files are this release?

    Args:
        files: In the order in which they are stated; an original before its renditions.
        agency: Its id in the directory.
        release: The release's id.
        at: When the agency says it states this.
        signer: Its key.
        embargo_until: Until when nobody else is to hear of it.
        make_salt: Gives 32 random bytes, new each time; for an embargo.

    Raises:
        LimitError: One file alone makes a statement that is too long.
        SigningError: The signer's chain or algorithm cannot be used.
        ValidationError: An id is none, a file stands in one part twice, or the embargo ends
            before it begins.
    """
    facts = {entry.file.sha256: entry.facts for entry in files}
    stated = [entry.file for entry in files]
    if embargo_until is None:
        signed = sign_release(stated, agency=agency, release=release, at=at, signer=signer)
        return tuple(Change(signed=part, facts=_facts_of(part.statement, facts)) for part in signed)
    parts = split_release(
        stated, agency=agency, release=release, at=at, embargo_until=embargo_until
    )
    if make_salt is None:
        raise ValueError("an embargo needs salts")
    return tuple(
        state_change(part, at=at, signer=signer, salt=make_salt(), facts=_facts_of(part, facts))
        for part in parts
    )


def state_change(
    statement: Register | Withdraw | Supersede,
    *,
    at: datetime,
    signer: ClaimSigner,
    salt: bytes | None = None,
    facts: tuple[FileFacts, ...] = (),
) -> Change:
    """Which change is this statement, signed?

    Args:
        statement: What is stated.
        at: When the agency says it states this.
        signer: Its key.
        salt: 32 random bytes, where a log is not to hear yet what is stated.
        facts: About the files it states.

    Raises:
        LimitError: The statement is too long.
        SigningError: The signer's chain or algorithm cannot be used.
    """
    secret = None
    if salt is not None:
        commitment = sign_statement(embargo(statement, salt, at=at), signer)
        secret = LogSecret(salt=salt, commitment=commitment)
    return Change(signed=sign_statement(statement, signer), facts=facts, secret=secret)


def state_reveal(placed: PlacedChange, *, at: datetime, signer: ClaimSigner) -> Change:
    """Which change reveals what the log has a commitment of?

    Raises:
        LimitError: The statement is too long.
        SigningError: The signer's chain or algorithm cannot be used.
    """
    statement = placed.signed.statement
    if not isinstance(statement, Register | Withdraw | Supersede):
        raise TypeError(f"nothing to reveal in {statement.type}")
    told = reveal(statement, placed.salt, entry=placed.entry, at=at)
    return Change(signed=sign_statement(told, signer))


def _facts_of(statement: object, facts: dict[str, FileFacts]) -> tuple[FileFacts, ...]:
    if not isinstance(statement, Register):
        return ()
    return tuple(facts[file.sha256] for file in statement.files)
