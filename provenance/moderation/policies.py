"""Policies: versioned documents in a folder, which say what may be done about what.

A version that a decision was made under does not change any more: its digest is kept, and
a document that no longer has it is refused when the service starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self

import rfc8785
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection, select

from provenance.atomic_files import read_bounded
from provenance.database.statements import insert_unless_there
from provenance.errors import ConfigurationError
from provenance.moderation.tables import policy_versions
from provenance.moderation.vocabulary import ActionType, Category, Ground
from provenance.records.yaml_models import parse_model

__all__ = [
    "PolicyBook",
    "PolicyDocument",
    "PolicyGround",
    "load_policy_book",
    "packaged_policies",
    "parse_policy",
]

_MAX_BYTES = 256 * 1024
_FOLDER = Path(__file__).parent / "policy_documents"

PolicyName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
PolicyVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?$")]
Title = Annotated[str, Field(min_length=1, max_length=120)]
Words = Annotated[str, Field(min_length=1, max_length=8_000)]
# A number or a word in YAML is text here, and "lax" reads enumerations from text.
_STRICT = ConfigDict(frozen=True, extra="forbid")


class PolicyGround(BaseModel):
    """One ground that decisions under a policy may rest on.

    Attributes:
        ground: Law or terms.
        reference: Which article or clause, as the decide form offers it.
    """

    model_config = _STRICT

    ground: Ground
    reference: Annotated[str, Field(min_length=1, max_length=500)]


class PolicyDocument(BaseModel):
    """One version of one policy, as the operator writes it down and everybody may read it.

    Attributes:
        schema_version: Of this kind of document.
        name: What decisions call it.
        version: Changed by whoever changes the rest.
        effective_from: Since when decisions may be made under it; under the version that it
            replaces, only about cases that were open by then.
        categories: What complaints it is about.
        title: Its title by language; English and Korean at least.
        text: What it says by language; English and Korean at least.
        allowed_actions: What may be done under it.
        grounds: What decisions under it may rest on.
        dsa_category: Category of the EU transparency database, `STATEMENT_CATEGORY_...`.
        dsa_keywords: Keywords of it, `KEYWORD_...`.
        needs_second: Whether every decision under it needs a second person.
        interim: Whether what it is about may be blocked until it is decided, for 30 days.
        hand_over: What is to be done outside of this program, by language: for cases that
            are handed over to somebody else.
    """

    model_config = _STRICT

    schema_version: Literal["1"] = "1"
    name: PolicyName
    version: PolicyVersion
    effective_from: AwareDatetime
    categories: Annotated[tuple[Category, ...], Field(min_length=1)]
    title: dict[Language, Title]
    text: dict[Language, Words]
    allowed_actions: Annotated[tuple[ActionType, ...], Field(min_length=1)]
    grounds: Annotated[tuple[PolicyGround, ...], Field(min_length=1, max_length=20)]
    dsa_category: Annotated[str, Field(pattern=r"^STATEMENT_CATEGORY_[A-Z_]{2,80}$")]
    dsa_keywords: tuple[Annotated[str, Field(pattern=r"^KEYWORD_[A-Z_]{2,80}$")], ...] = ()
    needs_second: bool = False
    interim: bool = False
    hand_over: dict[Language, Words] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for field in ("title", "text", "hand_over"):
            texts: Mapping[str, str] = getattr(self, field)
            missing = {"en", "ko"} - set(texts)
            if missing and (texts or field != "hand_over"):
                raise ValueError(f"{field}: expected English and Korean, got no {min(missing)}")
        alone = len(set(self.categories)) == 1 and self.hand_over and self.needs_second
        if Category.CHILD_SAFETY in self.categories and not alone:
            raise ValueError(
                "categories: a policy for child-safety is about nothing else, needs a "
                "second person and says under hand_over whom it is handed to"
            )
        return self

    @property
    def id(self) -> str:
        """What decisions refer to: `name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of what it says; comments and the order of members do not count."""
        said = self.model_dump(mode="json", exclude_unset=True)
        return sha256(rfc8785.dumps(said)).hexdigest()

    def words(self, field: Literal["title", "text", "hand_over"], language: str) -> str:
        """A text of it in this language, else in English."""
        texts: Mapping[str, str] = getattr(self, field)
        return texts.get(language) or texts.get(language.partition("-")[0]) or texts.get("en", "")


def parse_policy(text: str, *, where: str) -> PolicyDocument:
    """Which policy does this YAML document state?

    Raises:
        ConfigurationError: It is no such document; says where and why.
    """
    return parse_model(text, PolicyDocument, where=where)


class PolicyBook:
    """All versions of all policies.

    Args:
        documents: They.

    Raises:
        ConfigurationError: A version is there twice, or a category has no policy.
    """

    def __init__(self, documents: Iterable[PolicyDocument]) -> None:
        self._by_id: dict[str, PolicyDocument] = {}
        for document in documents:
            if document.id in self._by_id:
                raise ConfigurationError(f"policy {document.id}: is there twice")
            self._by_id[document.id] = document
        covered = {category for d in self._by_id.values() for category in d.categories}
        missing = sorted(set(Category) - covered)
        if missing:
            raise ConfigurationError(
                f"policies: expected one for each category, got none for {missing[0]}"
            )

    def __iter__(self) -> Iterator[PolicyDocument]:
        return iter(self._by_id.values())

    def get(self, id: str) -> PolicyDocument | None:  # noqa: A002 - the word of the document
        """The policy of this `name@version`."""
        return self._by_id.get(id)

    def versions(self, name: str) -> Sequence[PolicyDocument]:
        """All versions of a policy, the newest first."""
        found = [document for document in self._by_id.values() if document.name == name]
        return sorted(found, key=_age, reverse=True)

    def current(
        self, *, now: datetime, category: Category | None = None
    ) -> Sequence[PolicyDocument]:
        """The version of each policy that holds now, for this category if one is named."""
        newest: dict[str, PolicyDocument] = {}
        for document in sorted(self._by_id.values(), key=_age):
            if document.effective_from <= now:
                newest[document.name] = document
        return [
            document
            for _, document in sorted(newest.items())
            if category is None or category in document.categories
        ]

    def replaced_at(self, document: PolicyDocument, *, now: datetime) -> datetime | None:
        """Since when does a newer version hold instead of this one? None: it is the newest."""
        newer = [
            other.effective_from
            for other in self.versions(document.name)
            if _age(other) > _age(document) and other.effective_from <= now
        ]
        return min(newer, default=None)

    def use(self, connection: Connection, ids: Iterable[str], *, now: datetime) -> None:
        """Keep the digests of these policies: a decision is made under them.

        Raises:
            ConfigurationError: One says something else than when it was used before.
        """
        for id_ in ids:
            document = self._by_id[id_]
            values = {"id": id_, "sha256": document.digest, "first_used_at": now}
            if not insert_unless_there(connection, policy_versions, **values):
                self._check(connection, id_)

    def check_used(self, connection: Connection) -> None:
        """Make sure that no policy that was ever used has changed or is gone.

        Raises:
            ConfigurationError: One has, or is.
        """
        for id_ in connection.execute(select(policy_versions.c.id)).scalars().all():
            self._check(connection, id_)

    def _check(self, connection: Connection, id_: str) -> None:
        query = select(policy_versions.c.sha256).where(policy_versions.c.id == id_)
        expected = connection.execute(query).scalar_one()
        document = self._by_id.get(id_)
        if document is None:
            raise ConfigurationError(f"policy {id_}: decisions were made under it, and it is gone")
        if document.digest != expected:
            raise ConfigurationError(
                f"policy {id_}: decisions were made under it and it was changed since: expected "
                f"digest {expected}, got {document.digest}; give the new text a new version"
            )


def _age(document: PolicyDocument) -> tuple[datetime, str]:
    return document.effective_from.astimezone(UTC), document.version


def packaged_policies() -> Sequence[PolicyDocument]:
    """The policies that come with the program: short and general, and no legal advice."""
    return _load(_FOLDER)


def load_policy_book(folder: Path | None = None) -> PolicyBook:
    """The policies that come with the program, and those of the operator's folder.

    A later version of the same name takes the place of the packaged one from the day on
    from which it holds.

    Raises:
        ConfigurationError: One cannot be read, or the folder is none.
    """
    return PolicyBook([*packaged_policies(), *(_load(folder) if folder else ())])


def _load(folder: Path) -> list[PolicyDocument]:
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: expected a folder of policies")
    documents = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            text = read_bounded(path, _MAX_BYTES).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{path}: expected UTF-8") from error
        documents.append(parse_policy(text, where=str(path)))
    return documents
