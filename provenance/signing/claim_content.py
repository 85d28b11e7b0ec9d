"""What will be claimed about one file, as it goes to whoever signs it.

Apart from what makes it of a release: a process that signs needs no release.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from provenance.credentials.engine_signing import Intent

__all__ = ["ClaimContent", "PlannedIngredient"]


class PlannedIngredient(BaseModel):
    """An asset that goes into the claim as an ingredient.

    Attributes:
        path: Where it is; its type is to be sniffed from its bytes.
        definition: The ingredient, as the engine's manifest definition has it. Its `label`
            is what actions refer to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    definition: dict[str, Any]


class ClaimContent(BaseModel):
    """Everything that will be claimed about one file; JSON-able, and picklable.

    Attributes:
        manifest: The engine's manifest definition.
        ingredients: In this order: their assertions are numbered by it.
        referenced: Labels of all assertions that a statement of identity refers to; the
            hard binding comes on top.
        intent: None: actions and ingredients are as `manifest` and `ingredients` have them.
        digital_source_type: None, for the same reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: dict[str, Any]
    ingredients: tuple[PlannedIngredient, ...] = ()
    referenced: tuple[str, ...]
    intent: Intent | None = None
    digital_source_type: str | None = None
