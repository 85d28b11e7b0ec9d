"""The OpenAPI document holds for the real service: generated requests, checked answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS

from provenance.records.scopes import Scope
from tests.factory.registers import AGENCY
from tests.factory.service import RunningService

DOCUMENT = json.loads((Path(__file__).parents[3] / "schemas" / "openapi.json").read_text("utf-8"))
schemathesis.serializer.alias("application/c2pa", "application/octet-stream")
OPERATIONS = [
    (method.upper(), path)
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
]
WANTED = ("not_a_server_error", "status_code_conformance", "content_type_conformance",
          "response_headers_conformance", "response_schema_conformance",
          "negative_data_rejection")  # fmt: skip


@pytest.fixture(scope="module")
def token(on_sqlite: RunningService) -> str:
    """A key that may do everything."""
    return on_sqlite.key(*Scope, agency=AGENCY)


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{m} {p}" for m, p in OPERATIONS])
def test_answers_are_as_the_document_says(
    on_sqlite: RunningService, token: str, method: str, path: str
) -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.config.update(base_url=on_sqlite.url)
    operation = schema[path][method]
    checks: list[Any] = [check for check in CHECKS.get_all() if check.__name__ in WANTED]

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"}, checks=checks, timeout=60
        )

    run()
