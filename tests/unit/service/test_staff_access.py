"""Deny by default: a route names who may, and an address names only our own pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.moderation.permissions import PERMISSIONS, Permission
from provenance.service.staff_access import HOME_PATH, SignedIn, safe_next, staff_for
from provenance.staff.accounts import Account
from provenance.staff.roles import Role
from provenance.staff.sessions import Session, Stage

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def member(*roles: Role) -> SignedIn:
    account = Account(
        id="alice", display_name="Alice", roles=frozenset(roles), languages=("ko",),
        conflicts=frozenset({"aurora-entertainment"}), exposure_cap=7, trained_until=NOW,
        created_at=NOW, disabled_at=None, has_password=True, has_codes=True,
    )  # fmt: skip
    session = Session(
        id="s", account="alice", stage=Stage.FULL, means="passkey", agent="", created_at=NOW,
        seen_at=NOW, proved_at=NOW, ends_at=NOW + timedelta(hours=1),
    )  # fmt: skip
    return SignedIn(account=account, session=session, csrf="csrf", fresh=True, token="token")


def test_a_route_that_names_nobody_is_a_bug_of_ours() -> None:
    with pytest.raises(TypeError, match="at least one right or role"):
        staff_for()


@pytest.mark.parametrize("permission", Permission)
def test_a_right_is_that_of_some_role_and_of_nobody_without_one(permission: Permission) -> None:
    assert not member().may(permission)
    for role in Role:
        assert member(role).may(permission) == (permission in PERMISSIONS.get(role, ()))
    assert member(*Role).may(permission)


def test_any_one_of_several_does() -> None:
    assert member(Role.LEGAL).may(Role.SENIOR, Role.LEGAL)
    assert not member(Role.REVIEWER).may(Role.SENIOR, Role.LEGAL)
    assert not member(Role.ADMIN).may()


def test_moderation_knows_of_them_what_it_needs() -> None:
    reviewer = member(Role.REVIEWER).reviewer
    assert (reviewer.id, reviewer.roles) == ("alice", frozenset({Role.REVIEWER}))
    assert (reviewer.trained_until, reviewer.exposure_cap) == (NOW, 7)
    assert reviewer.conflicts == {"aurora-entertainment"}
    assert "token" not in repr(member()).replace("token=", "")
    assert "csrf='" not in repr(member())


PIECES = st.lists(
    st.sampled_from(
        [
            "/",
            "mod",
            "//",
            "\\",
            "evil.example",
            "..",
            ".",
            "?",
            "#",
            "@",
            ":",
            "%2F",
            "\r\n",
            "a=b",
        ]
    ),
    max_size=8,
).map("".join)


@given(text=st.one_of(st.text(max_size=60), PIECES, PIECES.map("/mod".__add__)))
def test_an_address_is_one_of_ours_or_not_followed(text: str) -> None:
    found = safe_next(text)
    assert found in {text, HOME_PATH}
    assert found.startswith("/mod")
    path = found.partition("?")[0]
    assert "//" not in path
    assert ".." not in path.split("/")
    assert found.isascii()
    assert found.isprintable()
    assert not set(found) & set('\\"<>@:# ')


def test_addresses_of_ours_are_followed() -> None:
    for path in ("/mod", "/mod/", "/mod/cases/c_1-x.y", "/mod/queue?state=open&page=2%20"):
        assert safe_next(path) == path
    assert safe_next(None) == safe_next("") == HOME_PATH
