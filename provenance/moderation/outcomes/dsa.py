"""A decision as the EU's database of statements of reasons takes it.

A pure function from a decision to the document, and a model that refuses what the database
would refuse. Nothing is sent from here: whoever has to submit them (Art. 24 (5); micro and
small enterprises need not, Art. 19) takes them from `GET /v1/decisions/{id}?format=dsa`.

Spec: Regulation (EU) 2022/2065 (DSA), Art. 17 and 24 (5).
Source of the fields: digital-services-act/transparency-database,
`resources/markdown/api-documentation.md` ("Statement Attributes"),
`app/Http/Requests/StatementStoreRequest.php` and `app/Models/Statement.php`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from provenance.errors import ConflictError
from provenance.moderation.model import Decision
from provenance.moderation.personal_data import refuse_personal_data
from provenance.moderation.vocabulary import ActionType, Category, Channel, Ground, Outcome

__all__ = [
    "DSA_ACTIONS",
    "EEA",
    "MAX_BATCH",
    "DsaCategory",
    "DsaContentType",
    "DsaFacts",
    "DsaSource",
    "DsaStatement",
    "default_classification",
    "dsa_statement",
    "source_type_of",
]

MAX_BATCH = 100
"""How many statements the database takes in one request."""
EEA = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
    *("IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
)
"""Countries that a restriction may be said to hold in."""

_MAX_FACTS, _MAX_EXPLANATION, _MAX_SHORT = 5000, 2000, 500


class DsaCategory(StrEnum):
    """`category`: what the content was restricted for."""

    ANIMAL_WELFARE = "STATEMENT_CATEGORY_ANIMAL_WELFARE"
    CONSUMER_INFORMATION = "STATEMENT_CATEGORY_CONSUMER_INFORMATION"
    CYBER_VIOLENCE = "STATEMENT_CATEGORY_CYBER_VIOLENCE"
    CYBER_VIOLENCE_AGAINST_WOMEN = "STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN"
    PRIVACY = "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS"
    SPEECH = "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH"
    INTELLECTUAL_PROPERTY = "STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS"
    CIVIC_DISCOURSE = "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS"
    NOT_SPECIFIED = "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE"
    OTHER_TERMS = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
    MINORS = "STATEMENT_CATEGORY_PROTECTION_OF_MINORS"
    PUBLIC_SECURITY = "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY"
    SCAMS = "STATEMENT_CATEGORY_SCAMS_AND_FRAUD"
    SELF_HARM = "STATEMENT_CATEGORY_SELF_HARM"
    PRODUCTS = "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS"
    VIOLENCE = "STATEMENT_CATEGORY_VIOLENCE"


class DsaContentType(StrEnum):
    """`content_type`: what the content is; more than one may be said."""

    APP = "CONTENT_TYPE_APP"
    AUDIO = "CONTENT_TYPE_AUDIO"
    IMAGE = "CONTENT_TYPE_IMAGE"
    PRODUCT = "CONTENT_TYPE_PRODUCT"
    SYNTHETIC_MEDIA = "CONTENT_TYPE_SYNTHETIC_MEDIA"
    TEXT = "CONTENT_TYPE_TEXT"
    VIDEO = "CONTENT_TYPE_VIDEO"
    OTHER = "CONTENT_TYPE_OTHER"


class DsaSource(StrEnum):
    """`source_type`: what the decision began with."""

    ARTICLE_16 = "SOURCE_ARTICLE_16"
    TRUSTED_FLAGGER = "SOURCE_TRUSTED_FLAGGER"
    OTHER_NOTIFICATION = "SOURCE_TYPE_OTHER_NOTIFICATION"
    VOLUNTARY = "SOURCE_VOLUNTARY"


Visibility = Literal[
    "DECISION_VISIBILITY_CONTENT_REMOVED",
    "DECISION_VISIBILITY_CONTENT_DISABLED",
    "DECISION_VISIBILITY_CONTENT_DEMOTED",
    "DECISION_VISIBILITY_CONTENT_AGE_RESTRICTED",
    "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED",
    "DECISION_VISIBILITY_CONTENT_LABELLED",
    "DECISION_VISIBILITY_OTHER",
]
Account = Literal["DECISION_ACCOUNT_SUSPENDED", "DECISION_ACCOUNT_TERMINATED"]
Keyword = Literal[
    "KEYWORD_BULLYING_AGAINST_GIRLS",
    "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL",
    "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE",
    "KEYWORD_COPYRIGHT_INFRINGEMENT",
    "KEYWORD_CYBER_BULLYING_INTIMIDATION",
    "KEYWORD_CYBER_HARASSMENT",
    "KEYWORD_CYBER_HARASSMENT_AGAINST_WOMEN",
    "KEYWORD_CYBER_INCITEMENT",
    "KEYWORD_CYBER_STALKING",
    "KEYWORD_CYBER_STALKING_AGAINST_WOMEN",
    "KEYWORD_DATA_FALSIFICATION",
    "KEYWORD_DEFAMATION",
    "KEYWORD_FEMALE_GENDERED_DISINFORMATION",
    "KEYWORD_GROOMING_SEXUAL_ENTICEMENT_MINORS",
    "KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING",
    "KEYWORD_INAUTHENTIC_ACCOUNTS",
    "KEYWORD_INCITEMENT_AGAINST_WOMEN",
    "KEYWORD_MISINFORMATION_DISINFORMATION",
    "KEYWORD_MISSING_PROCESSING_GROUND",
    "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING",
    "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING_AGAINST_WOMEN",
    "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE",
    "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE_AGAINST_WOMEN",
    "KEYWORD_PHISHING",
    "KEYWORD_RIGHT_TO_BE_FORGOTTEN",
    "KEYWORD_TRADEMARK_INFRINGEMENT",
    "KEYWORD_OTHER",
]
"""Those of the database's keywords that a matter of ours can come under."""

Country = Annotated[str, Field(pattern=f"^({'|'.join(EEA)})$")]
_Short = Annotated[str, Field(min_length=1, max_length=_MAX_SHORT)]
_Explanation = Annotated[str, Field(min_length=1, max_length=_MAX_EXPLANATION)]
_AUTOMATED = Literal[
    "AUTOMATED_DECISION_FULLY", "AUTOMATED_DECISION_PARTIALLY", "AUTOMATED_DECISION_NOT_AUTOMATED"
]


class DsaStatement(BaseModel):
    """The published fields of one statement, with the database's own names, values and bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision_visibility: Annotated[tuple[Visibility, ...], Field(min_length=1)] | None = None
    decision_visibility_other: _Short | None = None
    decision_monetary: (
        Literal[
            "DECISION_MONETARY_SUSPENSION",
            "DECISION_MONETARY_TERMINATION",
            "DECISION_MONETARY_OTHER",
        ]
        | None
    ) = None
    decision_monetary_other: _Short | None = None
    decision_provision: (
        Literal[
            "DECISION_PROVISION_PARTIAL_SUSPENSION",
            "DECISION_PROVISION_TOTAL_SUSPENSION",
            "DECISION_PROVISION_PARTIAL_TERMINATION",
            "DECISION_PROVISION_TOTAL_TERMINATION",
        ]
        | None
    ) = None
    decision_account: Account | None = None
    account_type: Literal["ACCOUNT_TYPE_BUSINESS", "ACCOUNT_TYPE_PRIVATE"] | None = None
    decision_facts: Annotated[str, Field(min_length=1, max_length=_MAX_FACTS)]
    decision_ground: Literal[
        "DECISION_GROUND_ILLEGAL_CONTENT", "DECISION_GROUND_INCOMPATIBLE_CONTENT"
    ]
    decision_ground_reference_url: (
        Annotated[str, Field(max_length=_MAX_SHORT, pattern=r"^https?://[!-~]+$")] | None
    ) = None
    illegal_content_legal_ground: _Short | None = None
    illegal_content_explanation: _Explanation | None = None
    incompatible_content_ground: _Short | None = None
    incompatible_content_explanation: _Explanation | None = None
    incompatible_content_illegal: Literal["Yes", "No"] | None = None
    content_type: Annotated[tuple[DsaContentType, ...], Field(min_length=1)]
    content_type_other: _Short | None = None
    category: DsaCategory
    category_addition: tuple[DsaCategory, ...] | None = None
    category_specification: tuple[Keyword, ...] | None = None
    category_specification_other: _Short | None = None
    territorial_scope: tuple[Country, ...] | None = None
    content_language: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    content_date: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2038, 1, 1))]
    application_date: Annotated[date, Field(ge=date(2020, 1, 1), le=date(2038, 1, 1))]
    end_date_account_restriction: Annotated[date, Field(le=date(2038, 1, 1))] | None = None
    end_date_monetary_restriction: Annotated[date, Field(le=date(2038, 1, 1))] | None = None
    end_date_service_restriction: Annotated[date, Field(le=date(2038, 1, 1))] | None = None
    end_date_visibility_restriction: Annotated[date, Field(le=date(2038, 1, 1))] | None = None
    source_type: DsaSource
    source_identity: _Short | None = None
    automated_detection: Literal["Yes", "No"]
    automated_decision: _AUTOMATED
    puid: Annotated[str, Field(min_length=1, max_length=_MAX_SHORT, pattern="^[A-Za-z0-9_-]+$")]

    @model_validator(mode="after")
    def _conditions(self) -> Self:
        """What one field asks of another, in the order of the documentation."""
        restrictions = (
            self.decision_visibility,
            self.decision_monetary,
            self.decision_provision,
            self.decision_account,
        )
        if not any(restrictions):
            raise ValueError(
                "decision_visibility: expected at least one restriction (visibility, monetary, "
                "provision or account), got none"
            )
        self._only_if(
            "DECISION_VISIBILITY_OTHER" in (self.decision_visibility or ()),
            "decision_visibility_other",
        )
        self._only_if(
            self.decision_monetary == "DECISION_MONETARY_OTHER", "decision_monetary_other"
        )
        illegal = self.decision_ground == "DECISION_GROUND_ILLEGAL_CONTENT"
        self._only_if(illegal, "illegal_content_legal_ground")
        self._only_if(illegal, "illegal_content_explanation")
        self._only_if(not illegal, "incompatible_content_ground")
        self._only_if(not illegal, "incompatible_content_explanation")
        if illegal and self.incompatible_content_illegal is not None:
            raise ValueError("incompatible_content_illegal: expected none for illegal content")
        self._only_if(DsaContentType.OTHER in self.content_type, "content_type_other")
        if self.category_specification_other is not None and "KEYWORD_OTHER" not in (
            self.category_specification or ()
        ):
            raise ValueError("category_specification_other: expected none without KEYWORD_OTHER")
        if self.source_type is DsaSource.VOLUNTARY and self.source_identity is not None:
            raise ValueError("source_identity: expected none where the source is our own")
        for name in ("account", "monetary", "service", "visibility"):
            end = getattr(self, f"end_date_{name}_restriction")
            if end is not None and end < self.application_date:
                raise ValueError(
                    f"end_date_{name}_restriction: expected none before the application_date"
                )
        return self

    def _only_if(self, wanted: bool, field: str) -> None:  # noqa: FBT001 - the condition itself
        if wanted and getattr(self, field) is None:
            raise ValueError(f"{field}: expected a text, got none")
        if not wanted and getattr(self, field) is not None:
            raise ValueError(f"{field}: expected none beside this ground or restriction")


DSA_ACTIONS: Mapping[ActionType, Visibility | Account | None] = MappingProxyType(
    {
        ActionType.REMOVE: "DECISION_VISIBILITY_CONTENT_REMOVED",
        ActionType.DISABLE: "DECISION_VISIBILITY_CONTENT_DISABLED",
        ActionType.RESTRICT: "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED",
        ActionType.AGE_GATE: "DECISION_VISIBILITY_CONTENT_AGE_RESTRICTED",
        ActionType.LABEL: "DECISION_VISIBILITY_CONTENT_LABELLED",
        ActionType.SUSPEND_ACCOUNT: "DECISION_ACCOUNT_SUSPENDED",
        ActionType.TERMINATE_ACCOUNT: "DECISION_ACCOUNT_TERMINATED",
        # Future uploads of the same bytes do not appear: that is a restriction of its own.
        ActionType.HASH_BLOCK: "DECISION_VISIBILITY_OTHER",
        ActionType.REFER_AUTHORITY: None,
        ActionType.NOTIFY_HOST: None,
        ActionType.NONE: None,
    }
)
"""What each action is to whoever uploaded it; None: no restriction of theirs."""

_HASH_BLOCK = "Copies of the same file are not accepted when they are uploaded."
_LAW_CATEGORY: Mapping[Category, tuple[DsaCategory, tuple[Keyword, ...]]] = MappingProxyType(
    {
        Category.INTIMATE_IMAGE: (
            DsaCategory.CYBER_VIOLENCE,
            ("KEYWORD_NON_CONSENSUAL_IMAGE_SHARING",),
        ),
        Category.CHILD_SAFETY: (DsaCategory.MINORS, ("KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL",)),
        Category.IMPERSONATION: (DsaCategory.SCAMS, ("KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING",)),
        Category.MISLEADING_MEDIA: (
            DsaCategory.CYBER_VIOLENCE,
            ("KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE",),
        ),
        Category.HARASSMENT: (DsaCategory.CYBER_VIOLENCE, ("KEYWORD_CYBER_HARASSMENT",)),
        Category.PRIVACY: (DsaCategory.PRIVACY, ("KEYWORD_MISSING_PROCESSING_GROUND",)),
        Category.FRAUD: (DsaCategory.SCAMS, ()),
        Category.COPYRIGHT: (
            DsaCategory.INTELLECTUAL_PROPERTY,
            ("KEYWORD_COPYRIGHT_INFRINGEMENT",),
        ),
        Category.OTHER: (DsaCategory.OTHER_TERMS, ()),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DsaFacts:
    """What the database asks beside the decision itself.

    Attributes:
        category: Of the policy that was applied.
        keywords: The same, finer.
        content_types: What the content is.
        content_date: When it was uploaded or, where nobody knows, first reported.
        source: What it began with.
        explanation: Why the content comes under the ground; the policy's text.
        content_language: ISO 639-1, of the content.
        reference_url: Where the law or the policy can be read.
        content_type_other: What it is, where none of the types fits.
        repeats: Whether a machine repeats, for the same bytes, what a person decided before.
    """

    category: DsaCategory
    content_types: tuple[DsaContentType, ...]
    content_date: datetime
    source: DsaSource
    explanation: str
    keywords: tuple[str, ...] = ()
    content_language: str | None = None
    reference_url: str | None = None
    content_type_other: str | None = None
    repeats: bool = False


def default_classification(category: Category) -> tuple[DsaCategory, tuple[str, ...]]:
    """Category and keywords of the database, where a policy names none of its own."""
    return _LAW_CATEGORY[category]


def source_type_of(channels: Sequence[Channel], *, agency_only: bool = False) -> DsaSource:
    """What did a case with complaints of these channels begin with?

    Args:
        channels: Of its complaints, the first first.
        agency_only: Whether those that came by a trusted key are all of agencies, which are
            trusted by us and by no Digital Services Coordinator (Art. 22).
    """
    if not channels:
        return DsaSource.VOLUNTARY
    if channels[0] is Channel.TRUSTED and not agency_only:
        return DsaSource.TRUSTED_FLAGGER
    return DsaSource.ARTICLE_16


def dsa_statement(decision: Decision, facts: DsaFacts) -> dict[str, Any]:
    """Which document says this decision to the database?

    Pure: the same decision and facts give the same document, and the same `puid`, so that a
    statement submitted twice is refused there as one that is known.

    Args:
        decision: A decision that restricts something.
        facts: What it does not say itself.

    Returns:
        The JSON document, without the fields that do not apply.

    Raises:
        ConflictError: The decision restricts nothing, a text names personal data, or a field
            is not what the database takes; names the field.
    """
    if decision.outcome is not Outcome.VIOLATION:
        raise ConflictError(
            f"decision {decision.id}: expected one that restricts, got {decision.outcome.value}"
        )
    refuse_personal_data(
        [
            ("decision_facts", decision.facts),
            ("reference", decision.reference),
            ("explanation", facts.explanation),
            ("content_type_other", facts.content_type_other),
        ]
    )
    said = dict.fromkeys(DSA_ACTIONS[action] for action in decision.actions)
    visibility = [word for word in said if word and word.startswith("DECISION_VISIBILITY_")]
    account = [word for word in said if word and word.startswith("DECISION_ACCOUNT_")]
    fields: dict[str, Any] = {
        "decision_visibility": visibility or None,
        "decision_visibility_other": (
            _HASH_BLOCK if "DECISION_VISIBILITY_OTHER" in visibility else None
        ),
        # The graver of two; the database takes one.
        "decision_account": max(account, default=None),
        "decision_facts": decision.facts,
        **_ground(decision, facts),
        "decision_ground_reference_url": facts.reference_url,
        "content_type": facts.content_types,
        "content_type_other": facts.content_type_other,
        "category": facts.category,
        "category_specification": facts.keywords or None,
        "territorial_scope": _territory(decision.territories),
        "content_language": facts.content_language,
        "content_date": _day(facts.content_date),
        "application_date": _day(decision.created_at),
        "end_date_visibility_restriction": (
            _day(decision.ends_at) if decision.ends_at and visibility else None
        ),
        "end_date_account_restriction": (
            _day(decision.ends_at) if decision.ends_at and account else None
        ),
        "source_type": facts.source,
        "automated_detection": "Yes" if decision.automated_detection else "No",
        # A named person decides; the most that a machine does is to do the same again.
        "automated_decision": (
            "AUTOMATED_DECISION_PARTIALLY" if facts.repeats else "AUTOMATED_DECISION_NOT_AUTOMATED"
        ),
        "puid": decision.id,
    }
    try:
        statement = DsaStatement.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ConflictError(f"{place}: {message}" if place else message) from error
    return statement.model_dump(mode="json", exclude_none=True)


def _ground(decision: Decision, facts: DsaFacts) -> dict[str, str]:
    if decision.ground is Ground.LAW:
        return {
            "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
            "illegal_content_legal_ground": decision.reference,
            "illegal_content_explanation": facts.explanation,
        }
    return {
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": decision.reference,
        "incompatible_content_explanation": facts.explanation,
    }


def _territory(countries: tuple[str, ...]) -> tuple[str, ...]:
    if not countries:
        return EEA
    # One that holds outside of the EEA alone is nothing to the database.
    within = tuple(country for country in EEA if country in countries)
    if not within:
        raise ConflictError("territorial_scope: expected a country of the EEA, got none")
    return within


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
