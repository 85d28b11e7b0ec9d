"""Whether a change may be taken into the register, as far as it says so by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.manifest_store import parse_manifest_store
from provenance.errors import LimitError, MalformedError, RegisterError
from provenance.registry.log.agencies import AgencyChecker, EntryState
from provenance.registry.log.leaf import SignedStatement
from provenance.registry.log.statement import (
    Embargo,
    Register,
    ReleaseFile,
    Reveal,
    Supersede,
    Withdraw,
    commitment_to,
)
from provenance.registry.register.records import Change, ReleaseStatement

__all__ = ["CLAIM_AHEAD", "check_change", "label_of_store", "release_statement"]

CLAIM_AHEAD = timedelta(minutes=5)
"""How far an agency's clock may be ahead of the register's."""


def check_change(
    change: Change, *, taken_at: datetime, agencies: AgencyChecker, where: str
) -> None:
    """May this change be taken in, whatever the register holds so far?

    Its signature is right, the key is the agency's at that time, and what was handed over
    beside it is what it states.

    Args:
        change: The change.
        taken_at: When the register took it, by a clock that is believed.
        agencies: Whose keys count.
        where: What errors call it.

    Raises:
        RegisterError: It may not; says why.
    """
    statement = release_statement(change.signed, where=where)
    _check_signature(change.signed, taken_at, agencies, where)
    if statement.claimed_at > taken_at + CLAIM_AHEAD:
        raise RegisterError(
            f"{where}: is claimed for {statement.claimed_at.isoformat()}, and it is "
            f"{taken_at.isoformat()}"
        )
    _check_facts(change, statement, where)
    if change.secret is None:
        until = statement.embargo_until if isinstance(statement, Register) else None
        if until is not None and until > taken_at:
            raise RegisterError(
                f"{where}: is under embargo, and there is no commitment to it that a log could be "
                "given instead"
            )
        return
    if isinstance(statement, Reveal):
        raise RegisterError(f"{where}: a statement that reveals cannot be under embargo")
    commitment = change.secret.commitment.statement
    _check_signature(change.secret.commitment, taken_at, agencies, f"{where}, its commitment")
    try:
        opened = commitment_to(statement, change.secret.salt)
    except ValueError as error:
        raise RegisterError(f"{where}: {error}") from error
    if (
        not isinstance(commitment, Embargo)
        or commitment.agency != statement.agency
        or commitment.commitment != opened
    ):
        raise RegisterError(f"{where}: salt and statement do not open the commitment")


def release_statement(signed: SignedStatement, *, where: str) -> ReleaseStatement:
    """Which statement about a release is it?

    Raises:
        RegisterError: It is one that belongs to a log alone.
    """
    statement = signed.statement
    if isinstance(statement, Register | Withdraw | Supersede | Reveal):
        return statement
    raise RegisterError(
        f"{where}: expected a statement about a release, got {statement.type!r}, which belongs "
        "to a log alone"
    )


def label_of_store(store: bytes, *, where: str) -> str:
    """Which label has the active manifest of this store?

    Raises:
        RegisterError: It is no manifest store.
    """
    try:
        return parse_manifest_store(store).active.label
    except (MalformedError, LimitError) as error:
        raise RegisterError(f"{where}: expected a manifest store: {error}") from error


def _check_signature(
    signed: SignedStatement, taken_at: datetime, agencies: AgencyChecker, where: str
) -> None:
    if not agencies.has_directory:
        if signed.check_signature() is not SignatureAnswer.VALID:
            raise RegisterError(f"{where}: the agency's signature does not verify")
        return
    answer = agencies.check_statement(signed, taken_at=taken_at)
    if answer.state is not EntryState.AGENCY:
        raise RegisterError(f"{where}: {answer.why}")


def _check_facts(change: Change, statement: ReleaseStatement, where: str) -> None:
    stated = {file.sha256: file for file in _files_of(statement)}
    digests = [facts.sha256 for facts in change.facts]
    if len(set(digests)) < len(digests) or not stated.keys() >= set(digests):
        raise RegisterError(f"{where}: something is handed over about a file it does not state")
    for facts in change.facts:
        if facts.manifest is None:
            continue
        file = stated[facts.sha256]
        place = f"{where}: manifest of {facts.sha256}"
        got = sha256(facts.manifest).hexdigest()
        if got != file.manifest_sha256:
            raise RegisterError(f"{place}: expected {file.manifest_sha256}, got {got}")
        label = label_of_store(facts.manifest, where=place)
        if label != file.active_manifest:
            raise RegisterError(f"{place}: expected {file.active_manifest}, got {label}")


def _files_of(statement: ReleaseStatement) -> tuple[ReleaseFile, ...]:
    return statement.files if isinstance(statement, Register) else ()
