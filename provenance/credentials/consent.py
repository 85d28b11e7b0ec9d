"""A statement that an artist consented, as an assertion: taken apart, and written.

Neither C2PA 2.5 nor CAWG has an assertion for consent, so this is one of our own, in
a namespace of ours. It says what is written, not who vouches for it. The paper that
the artist signed stays with the agency: only its digest is here, and nothing about
the person beyond the name of the artist.

Spec: C2PA 2.5, "Labels" and "Entity-specific namespaces"; the label without a version
is version 1, and a change that old readers would misread gets `.v2`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from provenance.credentials.manifest_store import Assertion, Manifest
from provenance.errors import MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "AI_DISCLOSURE_LABEL",
    "CONSENT_LABEL",
    "CONTACT_PATTERN",
    "ConsentStatement",
    "ConsentUse",
    "DeclaredUse",
    "Moment",
    "artist_key",
    "concern_metadata",
    "consent_assertions",
    "declared_uses",
    "parse_consent",
]

CONSENT_LABEL = "org.provenance-verifier.consent"
"""Label of the assertion; further ones in a manifest are `...consent__1` and so on."""

AI_DISCLOSURE_LABEL = "c2pa.ai-disclosure"
"""Label of the standard assertion about a model that was used."""

CONTACT_PATTERN = r"^(https://[^\s\"'<>]{1,490}|mailto:[^\s\"'<>@]{1,200}@[^\s\"'<>@]{1,200})$"
"""A page or a mailbox of the agency's desk."""

# Other spellings of the label (after `__`, a label may go on with anything) could be
# mistaken for one that somebody signed for.
_LABEL = re.compile(re.escape(CONSENT_LABEL) + r"(__[1-9][0-9]{0,3})?")
# RFC 3339; what pydantic reads besides, such as a bare number, is not meant.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{5,20}([Zz]|[+-][0-9]{2}:[0-9]{2})")
_USES, _ARTISTS = "org.provenance-verifier.uses", "org.provenance-verifier.artists"
_MAX_NAME_CHARS = 200
_MAX_LISTED = 50


class ConsentUse(StrEnum):
    """Uses of an artist that a consent may be about."""

    VOICE = "voice"
    LIKENESS = "likeness"
    TRANSLATION = "translation"
    VIRTUAL_COLLABORATION = "virtual-collaboration"


def artist_key(name: str) -> str:
    """By what are two spellings of one artist's name told to be the same?

    Width, letter case and white space make no difference; nothing else is forgiven.
    """
    return " ".join(unicodedata.normalize("NFKC", name[:1000]).casefold().split())


def _moment(value: object) -> object:
    if isinstance(value, str) and not _MOMENT.fullmatch(value):
        raise ValueError("expected a date and time with its zone, as RFC 3339 writes them")
    if not isinstance(value, (str, datetime)):
        raise ValueError("expected a date and time")  # noqa: TRY004 - pydantic takes no TypeError
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""A date and time with its zone, as RFC 3339 writes them; nothing that merely could be one."""

_Use = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,49}$")]


class ConsentStatement(BaseModel):
    """What one assertion of consent says.

    Members that are not named here are left out of account by readers.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        title="org.provenance-verifier.consent",
        # Its patterns take as long to compile as the engine to load, and few files need them.
        defer_build=True,
    )

    artist: Annotated[str, Field(pattern=r"\S", max_length=_MAX_NAME_CHARS)] = Field(
        description="Who consented: the name under which the artist is known, not the legal one."
    )
    uses: Annotated[tuple[_Use, ...], Field(min_length=1, max_length=20)] = Field(
        description="To what: " + ", ".join(ConsentUse) + ". A use that a reader does not "
        "know counts for nothing."
    )
    valid_from: Moment = Field(description="From when, RFC 3339 with a zone.")
    valid_until: Moment = Field(description="Until when, RFC 3339 with a zone.")
    territories: (
        Annotated[
            tuple[Annotated[str, Field(pattern="^[A-Z]{2}$")], ...],
            Field(min_length=1, max_length=260),
        ]
        | None
    ) = Field(
        default=None, description="Countries (ISO 3166-1 alpha-2); absent or null: worldwide."
    )
    revocation_contact: Annotated[str, Field(pattern=CONTACT_PATTERN)] = Field(
        description="Where it can be withdrawn: a page or mailbox of the agency's desk."
    )
    paper_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the signed paper, which stays with the agency."
    )
    identifier: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="By what the agency finds the paper."
    )
    artist_signature: Annotated[str, Field(pattern="^[A-Za-z0-9+/]{4,24000}={0,2}$")] | None = (
        Field(
            default=None,
            description="The artist's own signature, if there is one: a detached COSE_Sign1 in "
            "base64, with its certificates in the protected header, over the label, a line feed "
            "and all other members in the form of RFC 8785.",
        )
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from >= self.valid_until:
            raise ValueError("it ends before it begins")
        return self

    def assertion(self) -> dict[str, Any]:
        """The assertion, as a manifest definition has it."""
        said = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {"label": CONSENT_LABEL, "data": said}


def consent_assertions(manifest: Manifest) -> tuple[Assertion, ...]:
    """The assertions of consent that the claim lists, by exactly their label."""
    return tuple(a for a in manifest.of_type(CONSENT_LABEL) if _LABEL.fullmatch(a.label))


def parse_consent(assertion: Assertion, limits: Limits = DEFAULT_LIMITS) -> ConsentStatement:
    """What does this statement of consent say?

    Raises:
        MalformedError: A required member is missing, or one has another form.
        LimitError: More CBOR values than the limit.
    """
    where = assertion.label
    said = assertion.decode(limits)
    if not isinstance(said, Mapping):
        raise MalformedError(f"{where}: expected a map, got {type(said).__name__}")
    names = {field.alias or name for name, field in ConsentStatement.model_fields.items()}
    known = {key: value for key, value in said.items() if isinstance(key, str) and key in names}
    try:
        return ConsentStatement.model_validate(known)
    except ValidationError as error:
        # What was read is a stranger's: it is not repeated.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise MalformedError(
            f"{where}: {place or 'its term'}: {first['msg'].removeprefix('Value error, ')}"
        ) from error
    except (OverflowError, RecursionError) as error:
        raise MalformedError(f"{where}: it cannot be read: {error}") from error


class DeclaredUse(NamedTuple):
    """What a model was used for, and whose voice, face or words that concerns."""

    use: str
    artist: str


def concern_metadata(uses: tuple[str, ...], artists: tuple[str, ...]) -> dict[str, Any]:
    """The `metadata` of a disclosure that says what its model was used for, and of whom.

    Spec: C2PA 2.5, "Metadata about assertions" (keys of a namespace of one's own).
    """
    return {_USES: list(uses), _ARTISTS: list(artists)}


def declared_uses(
    assertion: Assertion, limits: Limits = DEFAULT_LIMITS
) -> tuple[DeclaredUse, ...] | None:
    """Whom does the use of this disclosure's model concern? None where it does not say.

    An empty answer says that it concerns no artist. What is not well-formed does not say.
    """
    metadata = assertion.decode_map(limits).get("metadata")
    if not isinstance(metadata, Mapping) or _USES not in metadata or _ARTISTS not in metadata:
        return None
    uses, artists = _texts(metadata[_USES]), _texts(metadata[_ARTISTS])
    if uses is None or artists is None:
        return None
    return tuple(DeclaredUse(use, artist) for artist in artists for use in uses)


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or len(value) > _MAX_LISTED:
        return None
    found = tuple(_checked(value))
    return found if len(found) == len(value) else None


def _checked(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and value.strip() and len(value) <= _MAX_NAME_CHARS:
            yield value
