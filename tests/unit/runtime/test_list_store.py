from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import ConfigurationError, TrustListError
from provenance.runtime.list_store import ListStore, StoredList
from provenance.trust.lists import ListPurpose
from tests.factory import pki

ROOT, ISSUING, LEAF = pki.three_tier()
AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> ListStore:
    return ListStore(tmp_path / "state" / "home")


def add(store: ListStore, tmp_path: Path, data: bytes = ROOT.pem, **options: Any) -> StoredList:
    file = tmp_path / "studio.pem"
    file.write_bytes(data)
    name = options.pop("name", "studio")
    options.setdefault("purpose", ListPurpose.CLAIM)
    return store.add(name, file, at=AT, **options)


def stored_files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "state/home/lists").iterdir())


def test_a_list_comes_back_with_what_was_said_of_it(store: ListStore, tmp_path: Path) -> None:
    dated = datetime(2026, 10, 5, tzinfo=UTC)
    added = add(store, tmp_path, source="handed over", dated=dated, note="trial")
    (tmp_path / "studio.pem").unlink()
    assert store.load("studio") == added
    kept = added.trust_list
    assert (kept.name, kept.source, kept.dated, kept.note, added.added_at) == (
        "studio", "handed over", dated, "trial", AT,
    )  # fmt: skip
    assert [c.says_common_name for c in kept.anchors] == ["Aurora TEST root"]


def test_without_words_the_source_is_the_files_name_and_the_date_unknown(
    store: ListStore, tmp_path: Path
) -> None:
    kept = add(store, tmp_path).trust_list
    assert (kept.source, kept.dated, kept.note) == ("studio.pem", None, None)


def test_lists_are_kept_apart_and_in_the_order_of_their_names(
    store: ListStore, tmp_path: Path
) -> None:
    assert (store.names(), store.load_all()) == ((), ())
    add(store, tmp_path, name="b", purpose=ListPurpose.TIME_STAMP)
    add(store, tmp_path, name="a", data=ISSUING.pem)
    assert store.names() == ("a", "b")
    assert [(s.trust_list.name, s.trust_list.purpose) for s in store.load_all()] == [
        ("a", ListPurpose.CLAIM),
        ("b", ListPurpose.TIME_STAMP),
    ]


def test_a_name_that_is_taken_is_refused_unless_it_is_to_be_replaced(
    store: ListStore, tmp_path: Path
) -> None:
    first = add(store, tmp_path)
    with pytest.raises(ConfigurationError, match=r"^list studio: there is one of that name"):
        add(store, tmp_path, ISSUING.pem)
    assert store.load("studio") == first
    assert len(stored_files(tmp_path)) == 2
    second = add(store, tmp_path, ISSUING.pem, replacing=True)
    assert store.load("studio") == second != first
    # The bytes of the old one are gone as well.
    assert stored_files(tmp_path) == [f"studio-{second.trust_list.sha256}.list", "studio.json"]
    assert add(store, tmp_path, ISSUING.pem, replacing=True) == second


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".a", "a b", "x" * 65, "a\n", "오로라"])
def test_a_name_that_is_no_plain_name_is_refused(
    store: ListStore, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"^name of the list: expected letters"):
        add(store, tmp_path, name=name)
    with pytest.raises(ConfigurationError, match="there is none of that name"):
        store.load(name)
    assert not (tmp_path / "state").exists()


def test_a_file_that_is_no_list_is_named_with_the_line_and_not_kept(
    store: ListStore, tmp_path: Path
) -> None:
    spoilt = b"text\n" + ROOT.pem.replace(b"M", b"*", 1)
    with pytest.raises(TrustListError, match=rf"^{tmp_path}/studio\.pem, line 2: "):
        add(store, tmp_path, spoilt)
    with pytest.raises(TrustListError, match="expected 10485760 bytes at most"):
        add(store, tmp_path, b" " * (10 * 1024 * 1024 + 1))
    with pytest.raises(ConfigurationError, match=r"gone\.pem: cannot be read: no such file"):
        store.add("x", tmp_path / "gone.pem", purpose=ListPurpose.CLAIM, at=AT)
    assert store.names() == ()


def test_a_list_whose_bytes_changed_is_refused_by_name(store: ListStore, tmp_path: Path) -> None:
    sha256 = add(store, tmp_path).trust_list.sha256
    add(store, tmp_path, name="other")
    path = tmp_path / "state/home/lists" / f"studio-{sha256}.list"
    path.write_bytes(ROOT.pem + ISSUING.pem)
    for refused in (lambda: store.load("studio"), store.load_all):
        with pytest.raises(ConfigurationError, match=f"^list studio: expected {path} with the SHA"):
            refused()
    assert store.load("other").trust_list.name == "other"
    path.unlink()
    with pytest.raises(ConfigurationError, match=rf"{path.name}: cannot be read"):
        store.load("studio")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trusted": True}, "trusted: Extra inputs are not permitted"),
        ({"purpose": "all"}, "purpose: Input should be 'claim', 'time-stamp' or 'identity'"),
        ({"sha256": "../../x"}, "sha256: String should match pattern"),
        ({"added_at": "2026-01-01T00:00:00"}, "added_at: Input should have timezone info"),
        ({"name": "other"}, "expected the name 'studio', got 'other'"),
        (None, "document: Invalid JSON"),
    ],
)
def test_spoilt_facts_are_refused_by_name_and_can_be_replaced_or_removed(
    store: ListStore, tmp_path: Path, change: dict[str, Any] | None, reason: str
) -> None:
    whole = add(store, tmp_path)
    path = tmp_path / "state/home/lists/studio.json"
    facts = path.read_text()
    spoilt = "{" if change is None else json.dumps({**json.loads(facts), **change})
    path.write_text(spoilt)
    with pytest.raises(ConfigurationError) as error:
        store.load("studio")
    assert str(error.value).startswith(f"list studio: {path}: {reason}")
    assert add(store, tmp_path, replacing=True) == whole
    path.write_text(spoilt)
    store.remove("studio")
    assert store.names() == ()


def test_a_removed_list_is_gone(store: ListStore, tmp_path: Path) -> None:
    add(store, tmp_path)
    store.remove("studio")
    assert stored_files(tmp_path) == []
    with pytest.raises(ConfigurationError, match=r"^list 'studio': there is none of that name"):
        store.remove("studio")


def test_a_folder_that_cannot_be_used_is_the_operators_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    store = ListStore(tmp_path / "home")
    with pytest.raises(ConfigurationError, match="lists: cannot be read: not a directory"):
        store.names()
