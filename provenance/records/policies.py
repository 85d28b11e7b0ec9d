"""Policies of a platform: whom it asks, how strictly, what passes, and in which words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from provenance.records.yaml_models import parse_model
from provenance.report import Report
from provenance.verdict import Verdict
from provenance.verification.policy import Policy
from provenance.wording.answer import answer_of
from provenance.wording.catalogue import wording_in
from provenance.wording.languages import DEFAULT, language_of

__all__ = ["DEFAULT_PROFILE", "PolicyProfile", "parse_profile"]

_MAX_TEXT_CHARS = 400
_PLACEHOLDER = "{agency}"

ProfileName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
Words = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT_CHARS)]


class PolicyProfile(BaseModel):
    """One policy, as an operator writes it down.

    Attributes:
        schema_version: Of this kind of document.
        name: What reports and requests call it.
        version: Changed by whoever changes the rest.
        test: Whether it is for a service in test mode; its name then begins with `test-`.
        lists: Names of the trust lists that are judged with; None for all there are.
        max_directory_age_days: How old the directory may be for anything to be official.
        territory: The country for which is asked (ISO 3166-1 alpha-2).
        second_engine: Whether a second engine is asked about the bytes.
        passes: Verdicts that the platform lets pass. It is no word about the file.
        keep_uploads: Whether the bytes are kept as long as the report.
        report_days: How long reports are kept; None for the service's own setting.
        texts: What is said by language and verdict; `{agency}` stands for the agency's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1"] = "1"
    name: ProfileName
    version: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9._-]+$")]
    test: bool = False
    lists: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] | None = None
    max_directory_age_days: Annotated[int, Field(ge=0, le=36_500)] | None = None
    territory: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    second_engine: bool = False
    passes: tuple[Verdict, ...] = (Verdict.OFFICIAL,)
    keep_uploads: bool = False
    report_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    texts: dict[Language, dict[Verdict, Words]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_what_it_is(self) -> Self:
        if self.test != self.name.startswith("test-"):
            raise ValueError("a policy is named test-... where it is for tests, and only there")
        if not self.passes:
            # An empty list must not read as "everything".
            raise ValueError("passes: expected at least one verdict, got none")
        for language, texts in self.texts.items():
            for verdict, words in texts.items():
                if set("{}") & set(words.replace(_PLACEHOLDER, "")):
                    raise ValueError(
                        f"texts: {language}: {verdict.value}: expected no placeholder but "
                        f"{_PLACEHOLDER}"
                    )
                named = {Verdict.OFFICIAL, Verdict.OFFICIAL_WITHDRAWN}
                if _PLACEHOLDER in words and verdict not in named:
                    raise ValueError(
                        f"texts: {language}: {verdict.value}: names an agency, which only an "
                        "official release has"
                    )
        return self

    @property
    def policy(self) -> Policy:
        """The part of it that a verification is made under."""
        days = self.max_directory_age_days
        return Policy(
            name=self.name,
            version=self.version,
            max_directory_age=None if days is None else timedelta(days=days),
            territory=self.territory,
            second_engine=self.second_engine,
        )

    def passed(self, report: Report) -> bool:
        """Does the platform let this pass? A decision of its policy, not a word about the file."""
        return report.verdict in self.passes

    def words(self, report: Report, languages: Sequence[str]) -> tuple[str, str]:
        """What is said of this report, in the first of these languages that there is.

        The operator's own words go first; where there are none for a language, those of the
        page of the report are said.

        Returns:
            The language and the text; the report's own English where there is none.
        """
        # Tags are written in any case (RFC 5646 §2.1.1), and one for a region asks for the
        # language too (RFC 4647 §3.4).
        own = {language.casefold(): language for language in self.texts}
        for asked in languages:
            for tag in _ever_shorter(asked.casefold()):
                language = own.get(tag, "")
                words = self.texts.get(language, {}).get(report.verdict)
                if words is None:
                    continue
                agency = report.signer.agency
                name = "" if agency is None else agency.names.get(language, agency.name)
                said = words.replace(_PLACEHOLDER, name)
                return language, f"TEST. {said}" if report.test else said
            ours = language_of(asked)
            if ours is DEFAULT:
                break
            if ours is not None:
                said = wording_in(ours).text(answer_of(report).known[0])
                return ours.tag, f"TEST. {said}" if report.test else said
        return "en", report.summary


def _ever_shorter(tag: str) -> Iterator[str]:
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


DEFAULT_PROFILE = PolicyProfile(name="default", version="1")
"""What holds where the operator wrote nothing down."""


def parse_profile(text: str, *, where: str) -> PolicyProfile:
    """Which policy does this YAML document state?

    Raises:
        ConfigurationError: It is no such document; says where and why.
    """
    return parse_model(text, PolicyProfile, where=where)
