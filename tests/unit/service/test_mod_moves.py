"""What the console's moves take: a time that is one everywhere, and text that can be stored."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from provenance.service.mod_moves import Draft, Second

DRAFT = {
    "outcome": "violation",
    "policies": ["impersonation@1"],
    "ground": "terms",
    "reference": "Terms of use",
    "facts": "The account says it is the agency and is not.",
    "actions": ["remove"],
}


def test_an_end_without_a_time_zone_is_none() -> None:
    assert Draft.model_validate({**DRAFT, "ends_at": "2030-01-01T00:00:00Z"}).ends_at
    with pytest.raises(ValidationError, match="timezone"):
        Draft.model_validate({**DRAFT, "ends_at": "2030-01-01T00:00:00"})


@pytest.mark.parametrize(
    ("kind", "values", "name"),
    [
        (Second, {"agree": False, "why": "too much"}, "why"),
        (Draft, DRAFT, "facts"),
        (Draft, DRAFT, "reference"),
    ],
)
def test_what_no_database_stores_is_no_text(kind: Any, values: dict[str, Any], name: str) -> None:
    assert getattr(kind.model_validate(values), name) == values[name]
    with pytest.raises(ValidationError, match="control characters"):
        kind.model_validate({**values, name: f"{values[name]}\x00"})
