"""Labels: a policy's word about bytes, signed, ending, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine

from provenance.database.transactions import transaction
from provenance.jws.badge import BadgeClaims, sign_badge
from provenance.jws.keys import ServiceKey
from provenance.moderation.outcomes.labels import (
    LabelClaims,
    LabelMaker,
    LabelStore,
    LabelValue,
    holding,
    open_label,
    sign_label,
)
from provenance.records.tokens import new_id
from provenance.verdict import Verdict
from tests.factory.service_keys import new_service_key

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SHA = "ab" * 32


def claims(**changed: object) -> LabelClaims:
    fields = {
        "iss": "https://verify.example",
        "jti": "0123456789abcdefghijkl",
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + DAY).timestamp()),
        "sha256": SHA,
        "val": LabelValue.RESTRICTED_POLICY,
        "neg": False,
        "decision": "decision",
    }
    return LabelClaims.model_validate({**fields, **changed})


def maker(key: ServiceKey) -> LabelMaker:
    return LabelMaker(key=key, issuer="https://verify.example", lasts=30 * DAY)


def test_a_label_is_its_makers_until_it_ends(service_key: ServiceKey) -> None:
    label = sign_label(claims(), service_key)
    assert open_label(label.token, service_key.key_set, at=NOW) == claims()
    assert open_label(label.token, service_key.key_set, at=NOW + DAY) is None
    assert open_label(label.token, new_service_key().key_set, at=NOW) is None


def test_a_badge_is_no_label(service_key: ServiceKey) -> None:
    badge = BadgeClaims(
        iss="x",
        iat=0,
        exp=2**31,
        origin="https://a.example",
        report="a" * 22,
        sha256=SHA,
        media_type=None,
        verdict=Verdict.OFFICIAL,
        test=False,
    )
    assert open_label(sign_badge(badge, service_key), service_key.key_set, at=NOW) is None


@given(place=st.integers(0, 10_000), turn=st.integers(1, 127))
def test_one_character_changed_is_no_label_any_more(place: int, turn: int) -> None:
    token = sign_label(claims(), KEY).token
    place %= len(token) - 1  # the last character has bits that mean nothing
    changed = token[:place] + chr(ord(token[place]) ^ turn) + token[place + 1 :]
    assert open_label(changed, KEY.key_set, at=NOW) is None


KEY = new_service_key()


def test_only_words_of_policies_are_values() -> None:
    for word in ("fake", "real", "true", "manipulated"):
        with pytest.raises(ValidationError):
            claims(val=word)
    assert not {"fake", "real", "true"} & {value.value for value in LabelValue}


def test_there_is_no_place_for_a_person() -> None:
    assert set(LabelClaims.model_fields) == {
        "iss", "jti", "iat", "exp", "sha256", "val", "neg", "decision",
    }  # fmt: skip
    for place in ("jti", "sha256", "decision"):
        with pytest.raises(ValidationError):
            claims(**{place: "minji@mail.example"})


def test_it_is_taken_back_once(
    engine: Engine, service_key: ServiceKey, random: Callable[[int], bytes]
) -> None:
    labels, store = maker(service_key), LabelStore(engine)
    with transaction(engine) as connection:
        for sha256, case in ((SHA, "one"), ("cd" * 32, "two")):
            labels.put(
                connection,
                id=new_id(random),
                sha256=sha256,
                value=LabelValue.RESTRICTED_POLICY,
                decision="decision",
                case=case,
                ends_at=None,
                now=NOW,
            )
    (before,) = store.about(SHA, now=NOW)
    assert holding([before.claims], at=NOW) == (before.claims,)
    for count in (1, 0):
        with transaction(engine) as connection:
            made = labels.negate(
                connection, decision="decision", case="one", new_id=lambda: new_id(random), now=NOW
            )
        assert len(made) == count
    both = [label.claims for label in store.about(SHA, now=NOW)]
    assert [one.neg for one in both] == [False, True]
    assert holding(both, at=NOW) == ()
    assert all(open_label(one.token, service_key.key_set, at=NOW) for one in store.about(
        SHA, now=NOW))  # fmt: skip
    # The other case of the same decision keeps its label.
    assert holding([one.claims for one in store.about("cd" * 32, now=NOW)], at=NOW)
    assert store.about(SHA, now=NOW + 31 * DAY) == []


def test_it_ends_with_its_decision(engine: Engine, service_key: ServiceKey) -> None:
    with transaction(engine) as connection:
        label = maker(service_key).put(
            connection,
            id="0123456789abcdefghijkl",
            sha256=SHA,
            value=LabelValue.AGE_RESTRICTED,
            decision="decision",
            case="case",
            ends_at=NOW + DAY,
            now=NOW,
        )
    assert label.claims.expires_at == NOW + DAY


@given(
    st.lists(
        st.tuples(
            st.integers(0, 50), st.booleans(), st.integers(1, 60), st.sampled_from(LabelValue)
        ),
        max_size=8,
    ),
    st.integers(0, 60),
)
def test_what_holds_is_the_newest_of_each(
    made: list[tuple[int, bool, int, LabelValue]], at: int
) -> None:
    base = int(NOW.timestamp())
    all_ = [claims(iat=base + iat, neg=neg, exp=base + exp, val=val) for iat, neg, exp, val in made]
    moment = NOW + timedelta(seconds=at)
    for one in holding(all_, at=moment):
        rivals = [other for other in all_ if other.val is one.val]
        assert not one.neg
        assert one.exp > base + at
        assert all(other.iat <= one.iat for other in rivals)
        assert not any(other.neg and other.iat == one.iat for other in rivals)
