"""Policies: complete, versioned, and not changed once somebody decided by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import ConfigurationError
from provenance.moderation.audit import writing
from provenance.moderation.policies import (
    PolicyBook,
    PolicyDocument,
    load_policy_book,
    packaged_policies,
    parse_policy,
)
from provenance.moderation.vocabulary import ActionType, Category
from tests.factory.moderation import NOW, Desks, about, draft, person

FOLDER = Path(parse_policy.__code__.co_filename).parent / "policy_documents"
TEXT = (FOLDER / "other.yaml").read_text("utf-8")


def test_the_packaged_ones_are_complete_in_english_and_korean() -> None:
    book = load_policy_book()
    for category in Category:
        [policy] = book.current(now=NOW, category=category)
        for field in ("title", "text"):
            english, korean = (policy.words(field, tag) for tag in ("en", "ko"))
            assert english
            assert korean
            assert english != korean
            # Other languages have the English text rather than none.
            assert policy.words(field, "th") == english
        assert policy.words("text", "ko-KR") == policy.words("text", "ko")
        said = f"{policy.title} {policy.text} {policy.hand_over}".casefold()
        assert not {"fake", "real", "true"} & set(said.replace(",", " ").split())
    [child] = book.current(now=NOW, category=Category.CHILD_SAFETY)
    assert child.needs_second
    assert ActionType.REFER_AUTHORITY in child.allowed_actions
    assert {"en", "ko"} <= set(child.hand_over)


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            changed("version: '1'\neff", "version: '1'\nx: y\neff"),
            "line 5: x: extra inputs are not",
        ),
        (changed("name: other", "name: Other One"), "name: string should match"),
        (changed("[other]", "[gossip]"), "categories.0: input should be"),
        (
            changed("categories: [other]", "categories: []"),
            "categories: tuple should have at least",
        ),
        (changed("  ko: 그", "  ja: 그"), "title: expected English and Korean, got no ko"),
        (changed("'2026-01-01T00:00:00Z'", "'2026-01-01'"), "effective_from: input should"),
        (changed("STATEMENT_CATEGORY_", "CATEGORY_"), "dsa_category: string should match"),
        (changed("remove, disable", "remove, erase"), "allowed_actions.1: input should be"),
        (changed("[other]", "[child-safety]"), "is about nothing else, needs a second person"),
        ("[", "expected YAML"),
        ("", "input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_policy(text, where="other.yaml")
    assert reason in str(error.value)
    assert str(error.value).startswith("other.yaml: ")


@given(st.text(max_size=80))
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_policy(text, where="x")


def version(number: str, since: str, *, text: str = TEXT) -> PolicyDocument:
    text = text.replace("version: '1'\neff", f"version: '{number}'\neff")
    return parse_policy(text.replace("2026-01-01", since), where="x")


def test_the_newest_version_that_holds_is_current() -> None:
    later = version("2", "2026-06-01")
    book = PolicyBook([*packaged_policies(), later])
    june = datetime(2026, 6, 1, tzinfo=UTC)
    for now, expected in ((june - timedelta(seconds=1), "other@1"), (june, "other@2")):
        assert [p.id for p in book.current(now=now, category=Category.OTHER)] == [expected]
        first = next(p for p in book if p.id == "other@1")
        assert book.replaced_at(first, now=now) == (june if expected == "other@2" else None)
        assert book.replaced_at(later, now=now) is None
    assert [p.id for p in book.versions("other")] == ["other@2", "other@1"]
    with pytest.raises(ConfigurationError, match="other@2: is there twice"):
        PolicyBook([*packaged_policies(), later, later])
    with pytest.raises(ConfigurationError, match="expected one for each category, got none for"):
        PolicyBook([later])


def test_comments_do_not_count_and_everything_else_does() -> None:
    same = parse_policy("# more\n" + TEXT, where="x")
    assert same.digest == parse_policy(TEXT, where="x").digest
    other = parse_policy(changed("fits none", "fits not one"), where="x")
    assert other.digest != same.digest


def test_what_was_decided_by_does_not_change_any_more(desks: Desks) -> None:
    kim = person("kim")
    case = desks.complaints.file(about(Category.OTHER), now=NOW).complaint.case
    assert case is not None
    desks.cases.claim(case, kim, now=NOW)
    desks.cases.decide(case, kim, draft(category=Category.OTHER), now=NOW)
    engine = desks.office.engine
    rest = [policy for policy in packaged_policies() if policy.name != "other"]
    edited = parse_policy(changed("fits none", "fits not one"), where="x")
    with writing(engine) as connection:
        load_policy_book().check_used(connection)
        with pytest.raises(ConfigurationError, match="was changed since: expected digest"):
            PolicyBook([*rest, edited]).check_used(connection)
        with pytest.raises(ConfigurationError, match="was changed since"):
            PolicyBook([*rest, edited]).use(connection, ["other@1"], now=NOW)
        with pytest.raises(ConfigurationError, match="other@1: decisions were made under it"):
            PolicyBook([*rest, version("2", "2026-02-01")]).check_used(connection)
        PolicyBook([*packaged_policies(), version("2", "2026-02-01")]).check_used(connection)


def test_a_folder_adds_to_what_is_packaged(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(TEXT.replace("version: '1'\neff", "version: '7'\neff"))
    assert load_policy_book(tmp_path).get("other@7") is not None
    with pytest.raises(ConfigurationError, match="expected a folder of policies"):
        load_policy_book(tmp_path / "gone")
    (tmp_path / "bad.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"bad\.yaml: expected UTF-8"):
        load_policy_book(tmp_path)
