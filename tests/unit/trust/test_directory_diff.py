from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from provenance.signing.dev_agency import DevAgency
from provenance.trust.directory import Directory
from provenance.trust.directory_diff import ChangeKind, compare_directories

Edit = Callable[[dict[str, Any]], object]
SINCE = "2026-06-01T00:00:00Z"
LATER = "2026-07-01T00:00:00Z"
DIGEST = "ab" * 32


@pytest.fixture
def told(agency: DevAgency) -> Callable[..., list[tuple[str, str]]]:
    """What is said of two directories that differ by these edits."""
    base = agency.directory_entry(list_key=True)

    def compare(old: Edit, new: Edit) -> list[tuple[str, str]]:
        documents = []
        for edit in (old, new):
            document = copy.deepcopy(base)
            edit(document["agencies"][0])
            documents.append(Directory.model_validate(document))
        return [(c.kind.value, c.text) for c in compare_directories(*documents)]

    return compare


def nothing(_: dict[str, Any]) -> None:
    """No edit."""


def setting(what: str, **fields: Any) -> Edit:
    return lambda agency: agency[what][0].update(fields)


def listing(what: str, *entries: Any) -> Edit:
    return lambda agency: agency.update({what: list(entries)})


def revoked(**fields: Any) -> Edit:
    return listing("revoked", {"spki_sha256": DIGEST, **fields})


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        (nothing, listing("keys"), "lost", "loses key aurora-entertainment-test-key (SHA-256"),
        (listing("keys"), nothing, "gained", "gains key aurora-entertainment-test-key"),
        (nothing, listing("anchors"), "lost", "loses anchor"),
        (nothing, setting("keys", compromised_since=SINCE), "disowned", f"from {SINCE} on"),
        (
            setting("keys", compromised_since=LATER),
            setting("keys", compromised_since=SINCE),
            "disowned",
            f"from {SINCE} on",
        ),
        (setting("keys", compromised_since=SINCE), nothing, "restored", "now no longer at all"),
        (
            setting("keys", compromised_since=SINCE),
            setting("keys", compromised_since=LATER),
            "restored",
            f"now only from {LATER} on",
        ),
        (nothing, revoked(), "disowned", "for all times"),
        (revoked(since=LATER), revoked(since=SINCE), "disowned", f"from {SINCE} on"),
        (revoked(), nothing, "restored", "had disowned the key with SHA-256 abababababababab"),
        (revoked(), revoked(since=SINCE), "restored", f"for all times; now from {SINCE} on"),
        (nothing, setting("keys", not_after=LATER), "other", "changes the window of key"),
        (nothing, setting("keys", scope={"media_kinds": []}), "other", "changes the scope of key"),
        (nothing, setting("keys", id="other"), "other", "calls key"),
        (nothing, listing("products", "Press Room"), "gained", "gains product 'Press Room'"),
        (listing("products", "Press Room"), nothing, "lost", "loses product 'Press Room'"),
        (nothing, listing("channels"), "other", "changes its channels"),
    ],
)
def test_each_change_is_one_sentence_about_the_agency(
    told: Callable[..., list[tuple[str, str]]], old: Edit, new: Edit, kind: str, words: str
) -> None:
    ((got, text),) = told(old, new)
    assert got == kind
    assert text.startswith("Aurora Entertainment (aurora-entertainment) ")
    assert words in text


def test_another_key_under_the_same_id_is_a_loss_and_a_gain(
    told: Callable[..., list[tuple[str, str]]],
) -> None:
    changes = told(nothing, setting("keys", spki_sha256=DIGEST))
    assert [kind for kind, _ in changes] == ["lost", "gained"]


def test_an_anchor_for_another_subject_is_a_loss_and_a_gain(
    told: Callable[..., list[tuple[str, str]]],
) -> None:
    changes = told(nothing, setting("anchors", subject={"organization": "Somebody else"}))
    assert [kind for kind, _ in changes] == ["lost", "gained"]


def test_versions_and_dates_are_no_change(agency: DevAgency) -> None:
    old = agency.directory_entry()
    new = {**old, "version": 2, "issued_at": LATER}
    assert compare_directories(Directory.model_validate(old), Directory.model_validate(new)) == ()


def test_an_agency_comes_and_goes_with_all_it_has(agency: DevAgency) -> None:
    full = Directory.model_validate(agency.directory_entry(list_key=True))
    empty = full.model_copy(update={"agencies": ()})
    gained = compare_directories(empty, full)
    lost = compare_directories(full, empty)
    assert [change.kind for change in gained] == [ChangeKind.GAINED] * 3
    assert [change.kind for change in lost] == [ChangeKind.LOST] * 3
