"""Keys: what counts, what does not any more, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from provenance.errors import ConflictError
from provenance.records.keys import KeyStore
from provenance.records.scopes import Scope
from provenance.records.tokens import digest_of
from tests.unit.records.conftest import NOW

WEEK = timedelta(days=7)


@pytest.fixture
def keys(engine: Engine, random: Callable[[int], bytes]) -> KeyStore:
    return KeyStore(engine, random)


def test_a_secret_is_recognised_and_never_stored(keys: KeyStore, engine: Engine) -> None:
    made, token = keys.create(label="one", scopes=[Scope.VERIFY], now=NOW, agency="aurora")
    assert keys.recognise(token, now=NOW) == made.__class__(
        id=made.id, label="one", scopes=frozenset({Scope.VERIFY}), agency="aurora",
        test=False, created_at=NOW,
    )  # fmt: skip
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM service_key_secret")).all()
    assert token not in str(rows)
    assert digest_of(token) in str(rows)
    for wrong in (token[:-1] + "x", token.replace("live", "test"), made.id, ""):
        assert keys.recognise(wrong, now=NOW) is None


def test_the_older_secret_ends_with_its_grace(keys: KeyStore) -> None:
    made, first = keys.create(label="one", scopes=[Scope.VERIFY], now=NOW)
    second = keys.rotate(made.id, now=NOW, grace=WEEK)
    assert [entry.secrets for entry in keys.all(now=NOW)] == [2]
    just_before = NOW + WEEK - timedelta(seconds=1)
    assert keys.recognise(first, now=just_before) is not None
    assert keys.recognise(first, now=NOW + WEEK) is None
    assert keys.recognise(second, now=NOW + WEEK) is not None


def test_a_token_ends_with_its_time_and_with_its_secret(keys: KeyStore) -> None:
    made, secret = keys.create(label="one", scopes=[Scope.VERIFY, Scope.JOBS], now=NOW)
    hour = timedelta(hours=1)
    token = keys.grant(secret, scopes=frozenset({Scope.JOBS}), now=NOW, lasts=hour)
    found = keys.recognise(token, now=NOW)
    assert found is not None
    assert found.scopes == {Scope.JOBS}
    assert keys.recognise(token, now=NOW + hour) is None
    keys.rotate(made.id, now=NOW, grace=timedelta(minutes=10))
    assert keys.recognise(token, now=NOW + timedelta(minutes=9)) is not None
    assert keys.recognise(token, now=NOW + timedelta(minutes=10)) is None


def test_what_cannot_be_done(keys: KeyStore) -> None:
    made, token = keys.create(label="one", scopes=[Scope.VERIFY], now=NOW)
    keys.revoke(made.id, now=NOW)
    assert keys.recognise(token, now=NOW) is None
    with pytest.raises(ConflictError, match="got a revoked one"):
        keys.rotate(made.id, now=NOW, grace=WEEK)
    with pytest.raises(ConflictError, match="expected one that counts, got none"):
        keys.revoke(made.id, now=NOW)
    with pytest.raises(ConflictError, match="expected one that counts, got none"):
        keys.rotate("unknown", now=NOW, grace=WEEK)
    with pytest.raises(ConflictError, match="at least one scope"):
        keys.create(label="one", scopes=[], now=NOW)
    with pytest.raises(ConflictError, match="printable characters"):
        keys.create(label="\x1b[2J", scopes=[Scope.VERIFY], now=NOW)
