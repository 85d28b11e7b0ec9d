"""Small translations: languages, hosts, errors, and the one table of problems."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import (
    ConflictError,
    FetchError,
    LimitError,
    ProvenanceError,
    RegisterError,
    StorageFullError,
    StoreError,
    WorkerBugError,
)
from provenance.service.answers import languages_of
from provenance.service.envelope import host_name
from provenance.service.problems import Problem, ProblemKind, problem_response, responses
from provenance.service.translate import as_problem


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        ("", []),
        ("ko", ["ko"]),
        ("fr;q=0.5, ko-KR, en;q=0.8", ["ko-KR", "en", "fr"]),
        ("*, ko;q=0", []),
        ("ko; q=0.9, en;q=0.95, ja ; Q=0.97", ["ja", "en", "ko"]),
        ("ko;q=x, en;q=2, ja;q=nan, de", ["de"]),
        ("../../etc, a_b", []),
        (",".join(["de"] * 1000), ["de"] * 10),
    ],
)
def test_the_most_wanted_language_comes_first(header: str, languages: list[str]) -> None:
    assert languages_of(header) == languages


@given(st.text(max_size=300))
def test_any_header_has_languages(header: str) -> None:
    assert len(languages_of(header)) <= 10


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Localhost:80", "localhost"),
        ("localhost:", "localhost"),
        ("[::1]:80", "[::1]"),
        ("a", "a"),
        ("", ""),
        ("[::1", ""),
        ("[::1]evil.example", ""),
        ("localhost:80@evil.example", ""),
        ("localhost:evil", ""),
        ("localhost/evil", ""),
    ],
)
def test_hosts(text: str, host: str) -> None:
    assert host_name(text) == host


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (StorageFullError("x"), ProblemKind.STORAGE_FULL, None),
        (StoreError("host db1 is away"), ProblemKind.UNAVAILABLE, None),
        (RegisterError("host db1 is away"), ProblemKind.UNAVAILABLE, None),
        (LimitError("at most 1"), ProblemKind.TOO_LARGE, "at most 1"),
        (ConflictError("not open"), ProblemKind.CONFLICT, "not open"),
        (ConflictError("it was used for another request"), ProblemKind.KEY_REUSED, "it was used"),
        (FetchError("no answer"), ProblemKind.UNFETCHABLE, "no answer"),
        (WorkerBugError("KeyError", "secret", "trace"), ProblemKind.INTERNAL, None),
        (ProvenanceError("secret"), ProblemKind.INTERNAL, None),
        (KeyError("secret"), ProblemKind.INTERNAL, None),
    ],
)
def test_errors_are_told_as_problems(error: Exception, kind: ProblemKind, told: str | None) -> None:
    problem = as_problem(error)
    assert problem.kind is kind
    assert problem.detail is None if told is None else told in str(problem.detail)


@pytest.mark.parametrize("kind", ProblemKind)
def test_every_problem_has_a_name_of_its_own_and_is_documented(kind: ProblemKind) -> None:
    response = problem_response(Problem(kind, "why"), request="r")
    document = json.loads(bytes(response.body))
    assert document == {
        "type": f"https://provenance.example/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": "why",
        "request": "r",
    }
    assert response.media_type == "application/problem+json"
    assert kind.slug in responses(kind)[kind.status]["description"]
    assert len({other.slug for other in ProblemKind}) == len(ProblemKind)
