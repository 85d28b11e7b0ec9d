"""What every part of a release manifest has in common: it is frozen, and knows all its fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["ReleasePart"]


class ReleasePart(BaseModel):
    """A map of the manifest, in which a field that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
