from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.errors import DirectoryError
from provenance.signing.directory_draft import (
    Limits,
    Subject,
    add_agency,
    add_anchor,
    add_key,
    add_product,
    revoke_key,
    set_compromised,
)
from provenance.trust.directory import Directory
from tests.factory import pki
from tests.factory.keepers import certificate_of

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
DIGEST = "ab" * 32


@pytest.fixture
def draft() -> dict[str, Any]:
    """One agency with one key."""
    document: dict[str, Any] = {
        "schema_version": "1",
        "name": "Trial",
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "test": True,
        "agencies": [],
    }
    add_agency(document, "aurora", names={"en": "Aurora Entertainment"}, limits=Limits())
    add_key(document, "aurora", "press", spki_sha256=DIGEST, limits=Limits())
    return document


def test_every_edit_makes_a_directory(draft: dict[str, Any]) -> None:
    root, issuing, leaf = pki.three_tier()
    add_anchor(
        draft,
        "aurora",
        "root",
        certificate=certificate_of(root.certificate),
        subject=Subject(organization="Aurora Entertainment"),
        limits=Limits(not_before=JUNE, artists=["NOVA9"], media_kinds=["image"]),
    )
    add_product(
        draft,
        "aurora",
        "room",
        name="Press Room",
        certificates=[certificate_of(leaf.certificate), certificate_of(issuing.certificate)],
        subject=Subject(common_name="Press Room"),
    )
    revoke_key(draft, "aurora", spki_sha256="cd" * 32, since=None, reason="lost")
    set_compromised(draft, "aurora", what="keys", entry_id="press", since=JUNE)
    (agency,) = Directory.model_validate(draft).agencies
    assert agency.test
    assert agency.keys[0].compromised_since == JUNE
    assert agency.anchors[0].scope is not None
    assert agency.anchors[0].scope.artists == ("NOVA9",)
    assert agency.revoked[0].since is None


def test_an_entry_is_added_once(draft: dict[str, Any]) -> None:
    with pytest.raises(DirectoryError, match="agency aurora: is in the draft already"):
        add_agency(draft, "aurora", names={"en": "x"}, limits=Limits())
    with pytest.raises(DirectoryError, match="key press: is in the draft already"):
        add_key(draft, "aurora", "press", spki_sha256="cd" * 32, limits=Limits())


def test_what_is_not_there_is_named_with_what_is(draft: dict[str, Any]) -> None:
    with pytest.raises(DirectoryError, match="agency nova: is not in the draft, which has aurora"):
        add_key(draft, "nova", "k", spki_sha256=DIGEST, limits=Limits())
    with pytest.raises(DirectoryError, match="key k: is not in the draft, which has press"):
        set_compromised(draft, "aurora", what="keys", entry_id="k", since=JUNE)


def test_a_theft_may_be_found_to_be_earlier_and_never_later(draft: dict[str, Any]) -> None:
    set_compromised(draft, "aurora", what="keys", entry_id="press", since=JULY)
    set_compromised(draft, "aurora", what="keys", entry_id="press", since=JUNE)
    with pytest.raises(DirectoryError, match="is compromised since 2026-06-01T00:00:00Z already"):
        set_compromised(draft, "aurora", what="keys", entry_id="press", since=JULY)


def test_a_disowned_key_stays_disowned_as_early_as_it_was(draft: dict[str, Any]) -> None:
    revoke_key(draft, "aurora", spki_sha256=None, key_id="press", since=JULY, reason="lost")
    revoke_key(draft, "aurora", spki_sha256=DIGEST, since=None, reason="never ours")
    assert [entry["since"] for entry in draft["agencies"][0]["revoked"]] == [None]
    with pytest.raises(DirectoryError, match="has disowned this key already, for all times"):
        revoke_key(draft, "aurora", spki_sha256=DIGEST, since=JUNE, reason="lost")
