from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provenance.cli.history_tree import render_history
from provenance.cli.terminal import COLUMNS, display_width
from provenance.pages.ingredient_tree import placed_ingredients
from provenance.report import Action, AgencyRef, Ingredient, ManifestFacts, Report
from provenance.verdict import TimeState

MakeReport = Callable[..., Report]


def ingredient(number: int, parent: int | None = None, **fields: Any) -> Ingredient:
    whole = {"depth": 1, "relationship": "componentOf", "title": f"part {number}", "state": "holds"}
    return Ingredient(id=number, parent=parent, **{**whole, **fields})


def test_a_tree_with_actions_states_and_failures(make_report: MakeReport) -> None:
    manifest = make_report().manifest
    assert manifest is not None
    created = Action(
        action="c2pa.created",
        digital_source_type="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
        created=True,
    )
    edited = Action(action="do something", software="Edit\x1bor", when="then", created=False)
    beneath = ManifestFacts(
        label="urn:c2pa:2",
        claim_version=2,
        kind="standard",
        says_signer="Camera",
        time_state=TimeState.NONE,
    )
    agency = AgencyRef(id="aurora", name="Aurora Entertainment", names={})
    report = make_report(
        manifest=manifest.model_copy(update={"actions": (created, edited)}),
        ingredients=(
            ingredient(0, relationship="parentOf", manifest=beneath, agency=agency),
            ingredient(1, state="failed", failures=("claimSignature.mismatch",)),
            ingredient(2, 0, state="none", media_type="image/png", title=None),
            ingredient(3, 0, recorded_failures=("assertion.dataHash.mismatch",)),
        ),
    )
    assert render_history(report) == (
        'History of this file, says its title is "stage lights"\n'
        '│  signer says "Aurora claim signing"\n'
        '│  product says "Aurora Press Room 1.0"\n'
        "│  signed 2026-05-03 12:00:00 UTC, claimed, not proven\n"
        "│  action c2pa.created source type digitalCapture\n"
        '│  action "do something" at then with "Edit\ufffdor" (gathered, the product does not\n'
        "│    vouch for it)\n"
        '├─ parentOf "part 0": its credentials hold together\n'
        "│  │  a release of Aurora Entertainment\n"
        '│  │  signer says "Camera"\n'
        "│  ├─ componentOf without a title (image/png): it had no credentials\n"
        '│  └─ componentOf "part 3": its credentials hold together\n'
        "│        failures that its user wrote down: assertion.dataHash.mismatch\n"
        '└─ componentOf "part 1": its credentials do not hold\n'
        "      failures: claimSignature.mismatch"
    )


def test_a_deep_history_still_fits(make_report: MakeReport) -> None:
    chain = tuple(
        ingredient(n, n - 1 if n else None, title="오로라 " * 30, failures=("x" * 90,))
        for n in range(64)
    )
    text = render_history(make_report(ingredients=chain))
    assert max(map(display_width, text.splitlines())) <= COLUMNS
    assert "(level 64)" in text


def test_a_circle_of_parents_ends() -> None:
    circle = (ingredient(0), ingredient(1, 0), ingredient(1, 1), ingredient(0, 1))
    assert len(list(placed_ingredients(circle))) == 4


def test_no_credentials_are_said_to_be_none(make_report: MakeReport) -> None:
    assert "no credentials that can be read" in render_history(make_report(manifest=None))
