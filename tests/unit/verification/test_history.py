from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.verification.history import History, trace_history


@pytest.fixture
def trace(makes: Any, everybody: Any, reading: Callable[..., Any]) -> Callable[..., History]:
    """The history of the manifest made last, unless another is named."""

    def call(start: str | None = None, *, limits: Limits | None = None, **engine: Any) -> History:
        store = makes.store()
        manifest = store.manifests[start] if start else store.active
        return trace_history(store, manifest, reading(**engine), everybody, limits or Limits())

    return call


Trace = Callable[..., History]


def _codes(history: History) -> dict[FindingCode, int]:
    return {f.code: f.evidence.get("count", 1) for f in history.findings}


def test_a_manifest_without_ingredients(makes: Any, trace: Trace) -> None:
    makes.manifest("active")
    history = trace()
    assert history.ingredients == ()
    assert history.findings == ()


def test_parts_are_listed_breadth_first_with_their_parents(makes: Any, trace: Trace) -> None:
    makes.manifest("a1")
    makes.manifest("a", parents=["a1"])
    makes.manifest("b")
    makes.manifest("active", components=["a", "b"])
    listed = [(i.id, i.parent, i.depth, i.title, i.state) for i in trace().ingredients]
    assert listed == [
        (0, None, 1, "a", "holds"),
        (1, None, 1, "b", "holds"),
        (2, 0, 2, "a1", "holds"),
    ]


def test_an_ingredient_that_never_had_credentials(makes: Any, trace: Trace) -> None:
    makes.manifest(
        "active", assertions={"c2pa.ingredient.v3": {"relationship": "inputTo", "dc:title": "a"}}
    )
    (only,) = trace().ingredients
    assert (only.state, only.relationship, only.title) == ("none", "inputTo", "a")
    assert trace().findings == ()


def test_a_manifest_that_is_not_there(makes: Any, trace: Trace) -> None:
    makes.manifest("active", parents=["gone"])
    history = trace()
    assert history.ingredients[0].state == "missing"
    assert _codes(history) == {FindingCode.INGREDIENT_MISSING: 1}


def test_a_circle_ends(makes: Any, trace: Trace) -> None:
    makes.manifest("one")
    makes.manifest("two", parents=["one"])
    makes.manifest("one", parents=["two"])
    history = trace("one")
    assert [i.title for i in history.ingredients] == ["two", "one"]
    assert FindingCode.HISTORY_CUT not in _codes(history)


def test_a_manifest_that_names_itself(makes: Any, trace: Trace) -> None:
    makes.manifest("active", parents=["active"])
    assert [i.title for i in trace().ingredients] == ["active"]


def test_a_lattice_of_forty_levels_stays_small(makes: Any, trace: Trace) -> None:
    # Two in every level, each made from both below: 2 to the power of 40 paths.
    makes.manifest("l0")
    makes.manifest("r0")
    for level in range(1, 40):
        below = [f"l{level - 1}", f"r{level - 1}"]
        makes.manifest(f"l{level}", components=below)
        makes.manifest(f"r{level}", components=below)
    makes.manifest("active", components=["l39", "r39"])
    history = trace()
    assert len(history.ingredients) == 4 * 39 + 2
    assert FindingCode.HISTORY_CUT not in _codes(history)


def test_a_chain_deeper_than_the_limit_is_cut_and_says_so(makes: Any, trace: Trace) -> None:
    makes.manifest("0")
    for n in range(1, 100):
        makes.manifest(str(n), parents=[str(n - 1)])
    history = trace(limits=Limits(max_ingredient_depth=10))
    assert len(history.ingredients) == 10
    assert _codes(history) == {FindingCode.HISTORY_CUT: 1}
    assert FindingCode.HISTORY_CUT not in _codes(trace(limits=Limits(max_ingredient_depth=99)))


def test_more_ingredients_than_the_limit_are_cut_and_say_so(makes: Any, trace: Trace) -> None:
    parts = [str(n) for n in range(50)]
    for part in parts:
        makes.manifest(part)
    makes.manifest("active", components=parts)
    history = trace(limits=Limits(max_ingredients=20))
    assert len(history.ingredients) == 20
    assert _codes(history) == {FindingCode.HISTORY_CUT: 1}


def _broken(makes: Any, *, there: bool) -> None:
    """A manifest `a` with a note that was changed, or taken out."""
    manifest = makes.manifest("a", assertions={"example.note": {"a": 1}})
    other = makes.manifest("x", assertions={"example.note": {"a": 2}})
    if there:
        manifest.assertions["example.note"] = other.assertions["example.note"]
    else:
        del manifest.assertions["example.note"]


@pytest.mark.parametrize(
    ("there", "failure"),
    [(True, "assertion.hashedURI.mismatch"), (False, "assertion.missing")],
)
def test_an_ingredient_whose_statement_changed_fails(
    there: bool,  # noqa: FBT001 - a column of the table above
    failure: str,
    makes: Any,
    trace: Trace,
) -> None:
    _broken(makes, there=there)
    makes.manifest("active", parents=["a"])
    history = trace()
    assert history.ingredients[0].state == "failed"
    assert history.ingredients[0].failures == (failure,)
    assert _codes(history) == {FindingCode.INGREDIENT_FAILED: 1}


def test_a_statement_that_was_redacted_is_no_failure(makes: Any, trace: Trace) -> None:
    _broken(makes, there=False)
    uri = "self#jumbf=/c2pa/a/c2pa.assertions/example.note"
    makes.manifest("active", parents=["a"], redacted=[uri])
    history = trace()
    assert history.ingredients[0].state == "holds"
    assert history.findings == ()


def test_a_statement_that_was_rewritten_is_not_redacted(makes: Any, trace: Trace) -> None:
    # What was redacted is gone; anybody can declare a redaction and put in his own words.
    _broken(makes, there=True)
    uri = "self#jumbf=/c2pa/a/c2pa.assertions/example.note"
    makes.manifest("active", parents=["a"], redacted=[uri])
    history = trace()
    assert history.ingredients[0].state == "failed"
    assert history.ingredients[0].failures == ("assertion.hashedURI.mismatch",)


def _said(**results: Any) -> dict[str, Any]:
    return {"c2pa.ingredient.v3": {"relationship": "parentOf", **results}}


_FAILED = {"failure": [{"code": "assertion.dataHash.mismatch"}]}


def test_a_signer_that_the_using_product_did_not_know_is_no_failure(
    makes: Any, trace: Trace
) -> None:
    untrusted = [{"code": "signingCredential.untrusted"}]
    makes.manifest("active", assertions=_said(validationStatus=untrusted))
    history = trace()
    assert history.ingredients[0].recorded_failures == ("signingCredential.untrusted",)
    assert _codes(history) == {}


@pytest.mark.parametrize(
    "results",
    [
        {"validationResults": {"activeManifest": _FAILED}},
        {"validationResults": {"ingredientDeltas": [{"validationDeltas": _FAILED}]}},
        {"validation_results": {"activeManifest": _FAILED}},
        {"validationStatus": [{"code": "assertion.dataHash.mismatch"}]},
        {"validation_status": [{"code": "assertion.dataHash.mismatch", "success": False}]},
    ],
)
def test_failures_that_the_signer_recorded(
    results: dict[str, Any], makes: Any, trace: Trace
) -> None:
    makes.manifest("active", assertions=_said(**results))
    history = trace()
    assert history.ingredients[0].recorded_failures == ("assertion.dataHash.mismatch",)
    assert _codes(history) == {FindingCode.INGREDIENT_RECORDED_FAILURE: 1}


@pytest.mark.parametrize(
    "results",
    [
        {"validationResults": {"activeManifest": {"success": [{"code": "claim.fine"}]}}},
        {"validationStatus": [{"code": "claimSignature.validated", "success": True}]},
        {"validationResults": "none", "validationStatus": 7},
        {"validationResults": {"activeManifest": {"failure": ["odd", 7, {"code": 9}]}}},
    ],
)
def test_records_that_are_no_failures(results: dict[str, Any], makes: Any, trace: Trace) -> None:
    makes.manifest("active", assertions=_said(**results))
    assert trace().ingredients[0].recorded_failures == ()
    assert trace().findings == ()
