"""The part of a release manifest about rights, and about training models and mining data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from provenance.signing.public_text import HttpsUrl, LocalizedText, LongText, Text
from provenance.signing.release_part import ReleasePart

__all__ = ["Licensor", "Permission", "Rights", "TrainingAndMining"]


class Licensor(ReleasePart):
    """Of whom a licence can be had."""

    name: Text
    url: HttpsUrl | None = None
    email: Annotated[str, Field(pattern=r"^[^\s@<>\"']+@[^\s@<>\"']+$", max_length=200)] | None = (
        None
    )


class Rights(ReleasePart):
    """Whose it is, and what may be done with it."""

    copyright: LocalizedText | None = None
    usage_terms: LocalizedText | None = None
    web_statement: HttpsUrl | None = None
    licensor: Licensor | None = None
    credit_line: Text | None = None


def _use(value: Any) -> Any:
    return {"use": value} if isinstance(value, str) else value


class _Permission(ReleasePart):
    use: Literal["allowed", "notAllowed", "constrained"]
    info: LongText | None = None
    """What the constraint is, or where it is told."""

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        # Without it, `constrained` means no more than `notAllowed`.
        if (self.use == "constrained") != (self.info is not None):
            raise ValueError("constrained needs info, and only constrained has it")
        return self


Permission = Annotated[
    _Permission,
    BeforeValidator(_use),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["allowed", "notAllowed"]},
                {
                    "type": "object",
                    "properties": {
                        "use": {"enum": ["allowed", "notAllowed", "constrained"]},
                        "info": {"type": "string"},
                    },
                    "required": ["use"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""`allowed`, `notAllowed`, or `{use: constrained, info: ...}`."""

_NOT_ALLOWED = _Permission(use="notAllowed")


class TrainingAndMining(ReleasePart):
    """May the content be used for training models, for inference and for data mining?"""

    ai_training: Permission = _NOT_ALLOWED
    ai_generative_training: Permission = _NOT_ALLOWED
    ai_inference: Permission = _NOT_ALLOWED
    data_mining: Permission = _NOT_ALLOWED
