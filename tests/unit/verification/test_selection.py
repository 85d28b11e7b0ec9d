from __future__ import annotations

from typing import Any

import pytest

from provenance.limits import Limits
from provenance.verification.selection import Judged, parent_of, select_judged

LIMITS = Limits()
NOTE = {"example.note": {"a": 1}}
STATUS = {"c2pa.time-stamp": {"below": b"token"}}


def _same(*parties: set[str]) -> Any:
    """Which labels come from one party."""
    return lambda one, other: any({one.label, other.label} <= party for party in parties)


def _chosen(judged: Judged | None) -> tuple[str, str, tuple[str, ...], bool]:
    assert judged is not None
    updates = tuple(update.label for update in judged.updates)
    return judged.manifest.label, judged.binding.label, updates, judged.by_others


def test_a_standard_manifest_speaks_for_itself(makes: Any) -> None:
    makes.manifest("below")
    makes.manifest("active", parents=["below"])
    judged = select_judged(makes.store(), _same(), LIMITS)
    assert _chosen(judged) == ("active", "active", (), False)


@pytest.mark.parametrize(
    ("assertions", "same", "speaks"),
    [
        (NOTE, {"below", "active"}, "below"),
        (NOTE, set(), "active"),
        (STATUS, set(), "below"),
        (STATUS | NOTE, set(), "active"),
        ({"c2pa.certificate-status": {"ocspVals": []}}, set(), "below"),
        ({"c2pa.actions.v2": {"actions": []}}, set(), "active"),
    ],
)
def test_who_speaks_for_an_updated_file(
    assertions: dict[str, Any], same: set[str], speaks: str, makes: Any
) -> None:
    makes.manifest("below")
    makes.manifest("active", kind="update", parents=["below"], assertions=assertions)
    judged = select_judged(makes.store(), _same(same), LIMITS)
    assert _chosen(judged) == (speaks, "below", ("active",), speaks == "active")


def test_an_update_by_the_owner_over_one_by_others_is_the_owners(makes: Any) -> None:
    makes.manifest("below")
    makes.manifest("between", kind="update", parents=["below"], assertions=NOTE)
    makes.manifest("active", kind="update", parents=["between"], assertions=NOTE)
    judged = select_judged(makes.store(), _same({"below", "active"}), LIMITS)
    # Judged as its last author's, since it carries the other's statements too.
    assert _chosen(judged) == ("active", "below", ("active", "between"), True)


@pytest.mark.parametrize(
    "fields", [{"parents": []}, {"parents": ["gone"]}, {"components": ["below"]}]
)
def test_an_update_of_nothing_binds_nothing(fields: dict[str, Any], makes: Any) -> None:
    makes.manifest("below")
    makes.manifest("active", kind="update", **fields)
    assert select_judged(makes.store(), _same(), LIMITS) is None


def test_a_parent_of_other_bytes_is_no_parent(makes: Any) -> None:
    makes.manifest("below")
    makes.manifest("active", kind="update", parents=["below"], wrong_digest=True)
    assert select_judged(makes.store(), _same(), LIMITS) is None
    assert parent_of(makes.made["active"], makes.store(), LIMITS) is None


def test_updates_that_lead_round_in_a_circle_bind_nothing(makes: Any) -> None:
    # Real digests make a circle impossible; here a manifest's digest is that of its
    # label and of how much is in it.
    for label in ("one", "two"):
        makes.manifest(label, kind="update", components=["nothing"])
    makes.manifest("one", kind="update", parents=["two"])
    makes.manifest("two", kind="update", parents=["one"])
    store, one, two = makes.store(), makes.made["one"], makes.made["two"]
    assert (parent_of(one, store, LIMITS), parent_of(two, store, LIMITS)) == (two, one)
    assert select_judged(makes.store(), _same(), LIMITS) is None


def test_a_tower_of_updates_higher_than_the_limit_binds_nothing(makes: Any) -> None:
    makes.manifest("0")
    for n in range(1, 80):
        makes.manifest(str(n), kind="update", parents=[str(n - 1)])
    assert select_judged(makes.store(), _same(), LIMITS) is None
    assert select_judged(makes.store(), _same(), Limits(max_ingredient_depth=100)) is not None
