"""The part of a release manifest about trained models: which, for what, and whom it concerns.

Spec: C2PA 2.5, "AI disclosure" and "Model type values".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from provenance.credentials.consent import ConsentUse, artist_key
from provenance.signing.public_text import Text
from provenance.signing.release_part import ReleasePart

__all__ = ["AiDeclaration", "AiModel", "AiPurpose", "Oversight"]


class AiPurpose(StrEnum):
    """What a trained model was used for."""

    VOICE = ConsentUse.VOICE.value
    LIKENESS = ConsentUse.LIKENESS.value
    TRANSLATION = ConsentUse.TRANSLATION.value
    VIRTUAL_COLLABORATION = ConsentUse.VIRTUAL_COLLABORATION.value
    OTHER = "other"

    @property
    def consent_use(self) -> ConsentUse | None:
        """To what does the artist have to consent for it? None: to nothing."""
        return None if self is AiPurpose.OTHER else ConsentUse(self.value)


_OF_SOMEBODY = {AiPurpose.VOICE, AiPurpose.LIKENESS, AiPurpose.VIRTUAL_COLLABORATION}

ModelType = Annotated[
    str,
    Field(
        pattern=r"^(c2pa\.types\.model(\.(caffe2?|catboost|coreml|flax|huggingface\.transformers"
        r"|jax|keras|lightgbm|ml_net|mxnet|onnx|openvino(\.parameter|\.topology)?|paddle|pytorch"
        r"|sklearn|tensorflow|tensorrt|tflite|torchscript|xgboost))?)$"
    ),
]
"""A model type of C2PA 2.5; `c2pa.types.model` for any other."""


class AiModel(ReleasePart):
    """The trained model that was used."""

    name: Text
    type: ModelType = "c2pa.types.model"
    version: Text | None = None
    identifier: Annotated[Text, Field(max_length=300)] | None = None
    """A URI or package URL."""

    @property
    def full_name(self) -> str:
        """Its name with its version."""
        return f"{self.name} {self.version}" if self.version else self.name


class Oversight(StrEnum):
    """How far a person looked after what the model did."""

    FULLY_AUTONOMOUS = "fully_autonomous"
    PROMPT_GUIDED = "prompt_guided"
    HUMAN_VALIDATED = "human_validated"


class AiDeclaration(ReleasePart):
    """One trained model, what it was used for, and whom that concerns."""

    model: AiModel
    oversight: Oversight | None = None
    used_for: Annotated[tuple[AiPurpose, ...], Field(min_length=1, max_length=len(AiPurpose))]
    artists: Annotated[tuple[Annotated[Text, Field(max_length=200)], ...], Field(max_length=50)]
    """Whose voice, likeness or words it was used on; an empty list says: nobody's."""
    invented: bool = False
    """The voice or the person was made up: it is no artist's."""

    @model_validator(mode="after")
    def _concerns_somebody(self) -> Self:
        if len(set(self.used_for)) != len(self.used_for):
            raise ValueError("used_for: one use is named twice")
        if len(set(map(artist_key, self.artists))) != len(self.artists):
            raise ValueError("artists: one artist is named twice")
        if self.invented and self.artists:
            raise ValueError("invented: what is invented is no artist's, and artists names some")
        of_somebody = _OF_SOMEBODY & set(self.used_for)
        if of_somebody and not self.artists and not self.invented:
            uses = ", ".join(sorted(of_somebody))
            raise ValueError(f"artists: expected whose {uses} it is, or `invented: true`")
        if self.artists and set(self.used_for) == {AiPurpose.OTHER}:
            raise ValueError(
                "used_for: expected what was done with these artists; `other` concerns nobody"
            )
        return self
