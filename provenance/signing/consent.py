"""Consent records: who consented to what, and whether that covers what a release declares.

The paper that the artist signed stays in the agency's safe. A record holds its digest,
the name the artist is known by, and how the agency's desk is reached.

Spec: none; C2PA 2.5 and CAWG define no assertion of consent. The form of the one that is
written is `schemas/consent.schema.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from provenance.credentials.consent import (
    CONTACT_PATTERN,
    ConsentStatement,
    ConsentUse,
    Moment,
    artist_key,
)
from provenance.signing.media_identifiers import Territories
from provenance.signing.public_text import Text
from provenance.signing.release_part import ReleasePart

__all__ = ["ConsentFault", "ConsentNeed", "ConsentRecord", "consent_faults", "consents_for"]

_MAILBOX = re.compile(r"[^\s\"'<>@:/]{1,200}@[^\s\"'<>@:/]{1,200}")
_MAX_COUNTRIES_NAMED = 10


def _contact(value: object) -> object:
    return f"mailto:{value}" if isinstance(value, str) and _MAILBOX.fullmatch(value) else value


class ConsentRecord(ReleasePart):
    """One consent, as the agency has it on record."""

    artist: Text = Field(
        max_length=200, description="The name the artist is known by, not the legal one."
    )
    uses: Annotated[tuple[ConsentUse, ...], Field(min_length=1, max_length=len(ConsentUse))]
    valid_from: Moment
    valid_until: Moment
    territories: Territories = Field(
        description="`worldwide`, or the countries (ISO 3166-1 alpha-2) that it covers."
    )
    revocation_contact: Annotated[
        str, BeforeValidator(_contact), Field(pattern=CONTACT_PATTERN)
    ] = Field(
        description="A page (https) or mailbox of the agency's desk, not of the person: it "
        "becomes public."
    )
    paper_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the signed paper; the paper itself is never embedded."
    )
    identifier: Annotated[Text, Field(max_length=100)] | None = Field(
        default=None, description="By what the agency finds the paper; it becomes public."
    )
    artist_signature: Annotated[str, Field(pattern="^[A-Za-z0-9+/]{4,24000}={0,2}$")] | None = (
        Field(
            default=None,
            description="The artist's own signature, as `provenance release sign-consent` "
            "writes it.",
        )
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from >= self.valid_until:
            raise ValueError("the consent ends before it begins")
        if len(set(self.uses)) != len(self.uses):
            raise ValueError("one use is named twice")
        return self

    def statement(self) -> ConsentStatement:
        """The record, as it is made public."""
        return ConsentStatement(
            artist=self.artist,
            uses=tuple(use.value for use in self.uses),
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            territories=self.territories,
            revocation_contact=self.revocation_contact,
            paper_sha256=self.paper_sha256,
            identifier=self.identifier,
            artist_signature=self.artist_signature,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentNeed:
    """A use of an artist that a release declares.

    Attributes:
        artist: The artist's name.
        also_called: Names that mean the same artist.
        use: The use.
        where: Where in the release manifest it is declared, `files[2].ai[0]`.
    """

    artist: str
    also_called: tuple[str, ...] = ()
    use: ConsentUse
    where: str

    def concerns(self, record: ConsentRecord) -> bool:
        """Is the record about this artist?"""
        key = artist_key(record.artist)
        return any(artist_key(name) == key for name in (self.artist, *self.also_called))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFault:
    """A declared use without a consent that covers it."""

    need: ConsentNeed
    why: str

    def __str__(self) -> str:
        return f"{self.need.where}: {self.need.use.value} of {self.need.artist}: {self.why}"


def consent_faults(
    needs: Iterable[ConsentNeed],
    records: Sequence[ConsentRecord],
    *,
    at: datetime,
    published_at: datetime | None,
    territories: tuple[str, ...] | None,
) -> tuple[ConsentFault, ...]:
    """For which declared uses is there no consent on record that covers them?

    One record has to cover the use, all of the territories, the moment of signing and
    that of publication: a term is never pieced together.

    Args:
        needs: What is declared.
        records: What is on record.
        at: When it is signed.
        published_at: When it is published, where that is known.
        territories: Where it is released; None: worldwide.
    """
    return tuple(
        ConsentFault(need=need, why=why)
        for need in needs
        if (why := _why_not(need, records, at, published_at, territories)) is not None
    )


def consents_for(
    needs: Iterable[ConsentNeed],
    records: Sequence[ConsentRecord],
    *,
    at: datetime,
    published_at: datetime | None,
    territories: tuple[str, ...] | None,
) -> tuple[ConsentRecord, ...]:
    """Which records cover these uses, each once and in their own order?"""
    wanted = list(needs)
    return tuple(
        record
        for record in records
        if any(_why_not(need, [record], at, published_at, territories) is None for need in wanted)
    )


def _why_not(
    need: ConsentNeed,
    records: Sequence[ConsentRecord],
    at: datetime,
    published_at: datetime | None,
    territories: tuple[str, ...] | None,
) -> str | None:
    """Why does no record cover this use? The reason of the one that comes closest."""
    if not records:
        return "no consent is on record"
    about = [record for record in records if need.concerns(record)]
    if not about:
        others = ", ".join(sorted({record.artist for record in records})[:5])
        return f"no consent of this artist is on record, only of {others}"
    fitting = [record for record in about if need.use in record.uses]
    if not fitting:
        uses = ", ".join(sorted({use.value for record in about for use in record.uses}))
        return f"the consent on record is for another use: {uses}"
    reasons = [_why_out_of_bounds(r, at, published_at, territories) for r in fitting]
    return None if None in reasons else reasons[-1]


def _why_out_of_bounds(
    record: ConsentRecord,
    at: datetime,
    published_at: datetime | None,
    territories: tuple[str, ...] | None,
) -> str | None:
    for moment, what in ((at, "when it is signed"), (published_at, "when it is published")):
        if moment is None:
            continue
        if moment > record.valid_until:
            return f"the consent expired on {record.valid_until.isoformat()}: over {what}"
        if moment < record.valid_from:
            begins = record.valid_from.isoformat()
            return f"the consent begins on {begins}: not yet in force {what}"
    if record.territories is None:
        return None
    covered = _countries(record.territories)
    if territories is None:
        return f"the consent covers {covered} only, and the release is worldwide"
    missing = tuple(country for country in territories if country not in record.territories)
    if missing:
        return f"the consent covers {covered}, and not {_countries(missing)}"
    return None


def _countries(codes: tuple[str, ...]) -> str:
    more = len(codes) - _MAX_COUNTRIES_NAMED
    listed = ", ".join(codes[:_MAX_COUNTRIES_NAMED])
    return listed + (f" and {more} more" if more > 0 else "")
