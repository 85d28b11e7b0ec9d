"""The release manifest: what an agency says about what it releases, in one document.

What cannot be told from the document alone (files, the directory, the time) is looked at
by `release_files`, `release_rules` and `release_content`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import core_schema

from provenance.credentials.consent import Moment, artist_key
from provenance.signing.consent import ConsentRecord
from provenance.signing.media_identifiers import Isni, Isrc, Iswc, Language, Territories
from provenance.signing.public_text import (
    HttpsUrl,
    LocalizedLine,
    LocalizedText,
    Text,
)
from provenance.signing.release_actions import CREATED, ReleaseAction, SourceType
from provenance.signing.release_ai import AiDeclaration
from provenance.signing.release_part import ReleasePart
from provenance.signing.release_rights import Rights, TrainingAndMining
from provenance.trust.directory import Identifier
from provenance.verification.source_types import is_trained

__all__ = [
    "Artist",
    "Credit",
    "FileEntry",
    "IngredientEntry",
    "Relationship",
    "Release",
]

_MAX_FILES = 20_000
_GLOB = frozenset("*?[")


def _path(value: str) -> str:
    parts = PurePosixPath(value).parts
    if "\\" in value or "\0" in value or value.endswith("/") or not parts:
        raise ValueError("expected a path with forward slashes")
    if value.startswith("/") or ".." in parts or (len(value) > 1 and value[1] == ":"):
        raise ValueError("expected a path inside the folder of the release manifest")
    return str(PurePosixPath(value))


def _pattern(value: str) -> str:
    if not _GLOB & set(value):
        raise ValueError("expected a pattern with * or ?; name a single file by path")
    if _path(value).split("/").count("**") > 1 or "***" in value:
        raise ValueError("expected ** once at most")
    return _path(value)


RelativePath = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_path)]
"""A path from the manifest's folder, with forward slashes, that does not leave it."""

Pattern = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_pattern)]
"""Such a path with `*`, `?`, `[...]`, or once `**` for any folders."""


class Artist(ReleasePart):
    """An artist of the release."""

    name: Annotated[Text, Field(max_length=200)]
    """The name that signed metadata give, and that the directory lists in the agency's scope."""
    names: dict[Language, Annotated[Text, Field(max_length=200)]] = Field(
        default_factory=dict, max_length=50
    )
    """The name in other languages."""
    isni: Isni | None = None

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name of this artist."""
        return (self.name, *self.names.values())


class Credit(ReleasePart):
    """Who did what."""

    role: Annotated[Text, Field(max_length=100)]
    """`photographer`, `director`, `composer`, ..., or any other."""
    name: Annotated[Text, Field(max_length=200)]
    isni: Isni | None = None


class Relationship(StrEnum):
    """What an ingredient is to the file."""

    PARENT = "parentOf"
    COMPONENT = "componentOf"
    INPUT = "inputTo"


class IngredientEntry(ReleasePart):
    """An original that went into a file."""

    path: RelativePath
    relationship: Relationship
    title: Text | None = None
    """What it is called in public; without it, its file name becomes public."""
    digital_source_type: SourceType | None = None
    """How it came to be; only where it has no credentials of its own."""


class _OneOrMore:
    """One entry may stand by itself, without the list."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class FileEntry(ReleasePart):
    """One file, or many that share all that is said of them."""

    path: RelativePath | None = None
    glob: Pattern | None = None
    """A pattern instead of a path. In the title, `{number}` and `{stem}` stand for the number of
    the file among those that it matches, and for its name without the extension."""
    title: LocalizedLine | None = None
    """Without it, the title of the release."""
    description: LocalizedText | None = None
    alt_text: LocalizedText | None = None
    """For whoever cannot see it."""
    digital_source_type: SourceType | None = None
    """How the content came to be; may be left out only where the file has a parent."""
    actions: Annotated[tuple[ReleaseAction, ...], Field(max_length=200)] = ()
    all_actions: bool = False
    """Whether everything that was done is in `actions`."""
    ingredients: Annotated[tuple[IngredientEntry, ...], Field(max_length=200)] = ()
    ai: Annotated[tuple[AiDeclaration, ...], Field(max_length=20), _OneOrMore()] = ()
    shows: Annotated[tuple[Text, ...], Field(max_length=100)] | None = None
    """Artists who are seen or heard; without it, all artists of the release."""
    isrc: Isrc | None = None
    iswc: Iswc | None = None
    languages: Annotated[tuple[Language, ...], Field(max_length=50)] = ()
    """Languages that are spoken, sung or written in it."""
    credits: Annotated[tuple[Credit, ...], Field(max_length=200)] | None = None
    """Instead of those of the release."""
    thumbnail: Literal["none"] = "none"
    """No thumbnail is made: it would make public a picture that nobody reviewed."""

    @model_validator(mode="after")
    def _by_the_rules(self) -> Self:
        if (self.path is None) == (self.glob is None):
            raise ValueError("expected either path or glob")
        if self.glob is not None and (self.isrc or self.iswc):
            raise ValueError("glob: an ISRC or ISWC is that of one file: name it by path")
        if sum(i.relationship is Relationship.PARENT for i in self.ingredients) > 1:
            raise ValueError("ingredients: expected one parentOf at most")
        if any(action.action == CREATED for action in self.actions[1:]):
            raise ValueError(f"actions: {CREATED} can only come first, and once")
        self._check_ai()
        return self

    def _check_ai(self) -> None:
        says_so = (
            is_trained(self.digital_source_type)
            or any(action.is_trained for action in self.actions)
            or any(is_trained(i.digital_source_type) for i in self.ingredients)
        )
        if says_so and not self.ai:
            raise ValueError("ai is missing: a source type says that a trained model was used")
        if self.ai and not says_so:
            raise ValueError(
                "ai: no source type says that a trained model was used. State it as "
                "digital_source_type of the file (trainedAlgorithmicMedia, "
                "compositeWithTrainedAlgorithmicMedia), of an action or of an ingredient"
            )


class Release(ReleasePart):
    """A release manifest, version 1."""

    schema_version: Literal["1"]
    agency: Identifier
    """The agency's id in the directory."""
    release_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    title: LocalizedLine
    artists: Annotated[tuple[Artist, ...], Field(max_length=100)] = ()
    publication_date: Moment | None = None
    embargo_until: Moment | None = None
    channels: Annotated[tuple[HttpsUrl, ...], Field(max_length=50)] = ()
    """Where it is published officially."""
    credits: Annotated[tuple[Credit, ...], Field(max_length=200)] = ()
    rights: Rights = Rights()
    territories: Territories = None
    """`worldwide`, or the countries (ISO 3166-1 alpha-2) that it is released in."""
    training_and_mining: TrainingAndMining = TrainingAndMining()
    keep_metadata: Annotated[
        tuple[Annotated[Text, Field(max_length=100)], ...], Field(max_length=100)
    ] = ()
    """Names of private fields, or patterns of them with `*`, that may stay in the files."""
    consents: Annotated[tuple[ConsentRecord, ...], Field(max_length=500)] = ()
    files: Annotated[tuple[FileEntry, ...], Field(min_length=1, max_length=_MAX_FILES)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        seen: set[str] = set()
        for artist in self.artists:
            keys = set(map(artist_key, artist.all_names))
            if keys & seen:
                raise ValueError(f"artists: two artists are called {artist.name}")
            seen |= keys
        begin, end = self.publication_date, self.embargo_until
        if begin is not None and end is not None and begin < end:
            raise ValueError("publication_date: it is before the embargo ends")
        for number, entry in enumerate(self.files):
            unknown = [n for n in entry.shows or () if artist_key(n) not in seen]
            if unknown:
                raise ValueError(
                    f"files[{number}].shows: {unknown[0]} is not among the artists of the release"
                )
        return self

    def artist_called(self, name: str) -> Artist | None:
        """Which artist of the release goes by this name, in any language?"""
        key = artist_key(name)
        return next((a for a in self.artists if key in map(artist_key, a.all_names)), None)

    def canonical_name(self, name: str) -> str:
        """Under which name is this artist named in public?"""
        artist = self.artist_called(name)
        return artist.name if artist is not None else name

    def declarations(self) -> Iterator[tuple[str, AiDeclaration]]:
        """Every declared use of a model, with where it stands."""
        for number, entry in enumerate(self.files):
            for position, declaration in enumerate(entry.ai):
                yield f"files[{number}].ai[{position}]", declaration
