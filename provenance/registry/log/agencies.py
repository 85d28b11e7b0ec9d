"""Whose statement is an entry, by the agency directory?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from provenance.credentials.cose import SignatureAnswer
from provenance.errors import MalformedError
from provenance.findings import FindingCode
from provenance.registry.log.leaf import Leaf, SignedStatement
from provenance.registry.log.statement import Register, Reveal, Statement
from provenance.trust.directory import About, LoadedDirectory
from provenance.trust.recognition import Recogniser
from provenance.verdict import SignerKind

__all__ = ["AgencyAnswer", "AgencyChecker", "EntryState"]


class EntryState(StrEnum):
    """What an entry's signature and key come to."""

    AGENCY = "agency"
    SIGNATURE = "signature"
    KEY = "key"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyAnswer:
    """Whose statement an entry is.

    Attributes:
        state: `agency`: the agency named, with a key that the directory lists for it.
            `signature`: it does not belong to the statement. `key`: it does, and the key
            is not one that counts as the agency's. `not-checked`: the signature is right,
            and there is no directory to ask about the key.
        why: In words, unless the agency stands behind it.
    """

    state: EntryState
    why: str = ""


class AgencyChecker:
    """Answers for one directory, or for none.

    The time at which the log took an entry is taken as the time of signing. That is right
    for a log that somebody watches: its times never go back, and an entry that is put in
    later than its time says stands below others.

    Args:
        directory: Who the agencies are; without one nothing is said about keys.
    """

    def __init__(self, directory: LoadedDirectory | None) -> None:
        self._recogniser = Recogniser(directory, ()) if directory else None

    @property
    def has_directory(self) -> bool:
        """Is there somebody to ask about keys?"""
        return self._recogniser is not None

    def check(self, leaf: Leaf) -> AgencyAnswer:
        """Does the agency that an entry names stand behind it?"""
        return self.check_statement(leaf.signed, taken_at=leaf.logged_at)

    def check_statement(self, signed: SignedStatement, *, taken_at: datetime) -> AgencyAnswer:
        """Does the agency that a statement names stand behind it?

        Args:
            signed: The statement.
            taken_at: When somebody who is believed had it in hands: the time of signing.
        """
        answer = signed.check_signature()
        if answer is not SignatureAnswer.VALID:
            return AgencyAnswer(
                state=EntryState.SIGNATURE, why=f"the agency's signature: {answer.value}"
            )
        if self._recogniser is None:
            return AgencyAnswer(state=EntryState.NOT_CHECKED, why="no directory was given")
        why = _why_not_the_agencys(signed, taken_at, self._recogniser)
        if why is not None:
            return AgencyAnswer(state=EntryState.KEY, why=why)
        return AgencyAnswer(state=EntryState.AGENCY)


def _why_not_the_agencys(
    signed: SignedStatement, taken_at: datetime, recogniser: Recogniser
) -> str | None:
    """Why does the key not count as that of the agency named? None where it does."""
    try:
        chain = signed.chain
    except MalformedError as error:
        return str(error)
    if not chain[0].is_valid_at(taken_at):
        return "the certificate was not valid when the statement was taken"
    agency, key = signed.statement.agency, f"key {chain[0].spki_sha256}"
    for kind in _kinds(signed.statement):
        found = recogniser.recognise(
            chain, at=taken_at, trusted_time=taken_at, about=About(media_kind=kind)
        )
        if found.kind is not SignerKind.AGENCY or found.agency is None:
            # Scopes are about media: a statement without any is inside all of them.
            if not kind and any(
                entry.code is FindingCode.KEY_OUT_OF_SCOPE
                and entry.evidence.get("agency") == agency
                for entry in found.findings
            ):
                continue
            why = ", ".join(entry.code.value for entry in found.findings)
            return f"{key} is not one of {agency}: {why}"
        if found.agency.id != agency:
            return f"{key} is of {found.agency.id}, not of {agency}"
    return None


def _kinds(statement: Statement) -> list[str]:
    """Which kinds of media is a statement about? One empty name for none."""
    about = statement.statement if isinstance(statement, Reveal) else statement
    if not isinstance(about, Register):
        return [""]
    kinds = {file.media_type.partition("/")[0] for file in about.files}
    return sorted(kind if kind in {"image", "video", "audio"} else "document" for kind in kinds)
