"""Passkeys: each way in which one must not count, and the twin that does."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.errors import SignInRefusedError
from provenance.runtime.staff_parts import StaffParts
from provenance.staff.doors import Begun, Refused, RefusedBecause
from provenance.staff.passkeys import (
    Site,
    challenge_in,
    check_answer,
    check_new,
    credential_id,
    parse_credential,
    question_for_new,
    user_handle_in,
)
from provenance.staff.sessions import Stage
from tests.factory.authenticator import Authenticator
from tests.factory.staff import PASSWORD, VISITOR, Member, enrolled
from tests.unit.staff.conftest import NOW

SITE = Site(origin="https://moderation.example")
BROWSER = "a secret of this browser"


def authenticator() -> Authenticator:
    return Authenticator(origin=SITE.origin, party=SITE.relying_party)


def added(staff: StaffParts, member: Member) -> tuple[Authenticator, Begun]:
    device = authenticator()
    done = add(staff, member.begun.token, device)
    assert isinstance(done, Begun)
    return device, done


def add(
    staff: StaffParts, token: str, device: Authenticator, *, holder: str = BROWSER
) -> Begun | Refused:
    asked = staff.own_account.passkey_question(token, SITE, holder=BROWSER, now=NOW)
    assert isinstance(asked, str)
    return staff.own_account.add_passkey(
        token, SITE, device.make(asked), VISITOR, holder=holder, label="phone", now=NOW
    )


def ask(staff: StaffParts, *, token: str | None = None, holder: str = BROWSER) -> str:
    return staff.sign_in.passkey_question(SITE, holder=holder, token=token, now=NOW)


def answer(
    staff: StaffParts, credential: dict[str, Any], *, holder: str = BROWSER, seconds: int = 1
) -> Begun | Refused:
    return staff.sign_in.passkey(
        SITE, credential, VISITOR, holder=holder, now=NOW + timedelta(seconds=seconds)
    )


def why(found: Begun | Refused) -> str:
    assert isinstance(found, Refused)
    assert found.because is RefusedBecause.PASSKEY
    return found.why


def test_one_lets_its_holder_in_and_no_name_is_needed(staff: StaffParts) -> None:
    alice = enrolled(staff, "alice", now=NOW)
    device, _ = added(staff, alice)
    done = answer(staff, device.use(ask(staff)))
    assert isinstance(done, Begun)
    assert (done.session.account, done.session.means) == ("alice", "passkey")
    assert done.session.stage is Stage.FULL


def test_after_a_password_only_one_of_this_account_counts(staff: StaffParts) -> None:
    alice, bob = (enrolled(staff, name, now=NOW) for name in ("alice", "bob"))
    hers, _ = added(staff, alice)
    his, _ = added(staff, bob)
    half = staff.sign_in.password("alice", PASSWORD, VISITOR, now=NOW)
    assert isinstance(half, Begun)
    asked = ask(staff, token=half.token)
    assert "none of this account's" in why(answer(staff, his.use(asked)))
    assert isinstance(answer(staff, hers.use(ask(staff, token=half.token))), Begun)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"origin": "https://moderation.example.evil.example"}, "Unexpected client data origin"),
        ({"origin": "http://moderation.example"}, "Unexpected client data origin"),
        ({"party": "evil.example"}, "Unexpected RP ID hash"),
        ({"verifies": False}, "User verification is required"),
        ({"framed": True}, "in a frame of another website"),
    ],
)
def test_wrong_origin_wrong_party_unverified(
    staff: StaffParts, change: dict[str, Any], said: str
) -> None:
    alice = enrolled(staff, "alice", now=NOW)
    device, begun = added(staff, alice)
    honest = {name: getattr(device, name) for name in change}
    for name, value in change.items():
        setattr(device, name, value)
    assert said in why(answer(staff, device.use(ask(staff))))
    # Nor is one made so.
    other = authenticator()
    for name, value in change.items():
        setattr(other, name, value)
    assert said in why(add(staff, begun.token, other))
    for name, value in honest.items():
        setattr(device, name, value)
    assert isinstance(answer(staff, device.use(ask(staff))), Begun)


def test_a_wrong_challenge(staff: StaffParts) -> None:
    device, begun = added(staff, enrolled(staff, "alice", now=NOW))
    own = '{"challenge": "' + "A" * 43 + '"}'
    assert "no question that was asked here" in why(answer(staff, device.use(own)))
    # A question that was asked for making one is no question for using one.
    asked = staff.own_account.passkey_question(begun.token, SITE, holder=BROWSER, now=NOW)
    assert isinstance(asked, str)
    assert "no question that was asked here" in why(answer(staff, device.use(asked)))
    assert isinstance(answer(staff, device.use(ask(staff))), Begun)


def test_a_replayed_answer(staff: StaffParts) -> None:
    device, _ = added(staff, enrolled(staff, "alice", now=NOW))
    credential = device.use(ask(staff))
    assert isinstance(answer(staff, credential), Begun)
    assert "no question that was asked here" in why(answer(staff, credential))


def test_a_question_is_used_up_by_a_wrong_answer(staff: StaffParts) -> None:
    device, _ = added(staff, enrolled(staff, "alice", now=NOW))
    asked = ask(staff)
    device.verifies = False
    assert "User verification" in why(answer(staff, device.use(asked)))
    device.verifies = True
    assert "no question that was asked here" in why(answer(staff, device.use(asked)))


def test_an_answer_of_another_browser_or_too_late(staff: StaffParts) -> None:
    device, _ = added(staff, enrolled(staff, "alice", now=NOW))
    credential = device.use(ask(staff))
    assert "no question" in why(answer(staff, credential, holder="another browser"))
    assert isinstance(answer(staff, credential), Begun)
    assert "no question" in why(answer(staff, device.use(ask(staff)), seconds=301))


def test_a_copy_is_found_by_its_count(staff: StaffParts) -> None:
    device, _ = added(staff, enrolled(staff, "alice", now=NOW))
    device.count = 10
    assert isinstance(answer(staff, device.use(ask(staff))), Begun)
    device.count = 5
    assert "sign count" in why(answer(staff, device.use(ask(staff))))
    device.count = 11
    assert isinstance(answer(staff, device.use(ask(staff))), Begun)


def test_another_key_under_the_same_id(staff: StaffParts) -> None:
    device, _ = added(staff, enrolled(staff, "alice", now=NOW))
    forged = Authenticator(
        origin=SITE.origin, party=SITE.relying_party, id=device.id, handle=device.handle
    )
    assert "Could not verify" in why(answer(staff, forged.use(ask(staff))))
    forged.key = device.key
    assert isinstance(answer(staff, forged.use(ask(staff))), Begun)


def test_a_handle_of_another_account(staff: StaffParts) -> None:
    hers, _ = added(staff, enrolled(staff, "alice", now=NOW))
    his, _ = added(staff, enrolled(staff, "bob", now=NOW))
    own, hers.handle = hers.handle, his.handle
    assert "made for another account" in why(answer(staff, hers.use(ask(staff))))
    hers.handle = own
    assert isinstance(answer(staff, hers.use(ask(staff))), Begun)


def test_one_that_somebody_has_is_nobody_elses(staff: StaffParts) -> None:
    hers, _ = added(staff, enrolled(staff, "alice", now=NOW))
    bob = enrolled(staff, "bob", now=NOW)
    assert "somebody's already" in why(add(staff, bob.begun.token, hers))


def test_a_disabled_accounts(staff: StaffParts) -> None:
    device, _ = added(staff, enrolled(staff, "alice", now=NOW))
    staff.accounts.disable("alice", now=NOW)
    assert "disabled" in why(answer(staff, device.use(ask(staff))))
    staff.accounts.enable("alice", now=NOW)
    assert isinstance(answer(staff, device.use(ask(staff))), Begun)


def test_adding_one_asks_for_a_fresh_proof_and_this_browser(staff: StaffParts) -> None:
    alice = enrolled(staff, "alice", now=NOW)
    assert "no question" in why(
        add(staff, alice.begun.token, authenticator(), holder="another browser")
    )
    late = NOW + staff.sessions.lengths.fresh
    found = staff.own_account.passkey_question(alice.begun.token, SITE, holder=BROWSER, now=late)
    assert isinstance(found, Refused)
    assert found.because is RefusedBecause.STALE


def test_proving_again_with_one(staff: StaffParts) -> None:
    alice = enrolled(staff, "alice", now=NOW)
    device, begun = added(staff, alice)
    token = begun.token

    def confirm(credential: dict[str, Any]) -> Begun | Refused:
        return staff.sign_in.confirm_passkey(token, SITE, credential, holder=BROWSER, now=NOW)

    # The answer to a question for signing in says nothing about this session.
    assert "another account" in why(confirm(device.use(ask(staff))))
    done = confirm(device.use(ask(staff, token=token)))
    assert isinstance(done, Begun)
    assert done.token != token
    assert staff.sign_in.who(token, now=NOW) is None


def test_the_last_way_in_stays(staff: StaffParts) -> None:
    staff.accounts.add("alice", display_name="Alice", roles=[], now=NOW)
    link = staff.accounts.invite("alice", now=NOW, lasts=timedelta(hours=1))
    begun = staff.own_account.enrol(link, PASSWORD, VISITOR, now=NOW)
    assert isinstance(begun, Begun)
    first = add(staff, begun.token, authenticator())
    assert isinstance(first, Begun)
    assert first.session.stage is Stage.FULL
    (entry,) = staff.own_account.ways_in("alice", now=NOW).passkeys
    assert "last way in" in why(
        staff.own_account.remove_passkey(first.token, entry.id, VISITOR, now=NOW)
    )
    second = add(staff, first.token, authenticator())
    assert isinstance(second, Begun)
    done = staff.own_account.remove_passkey(second.token, entry.id, VISITOR, now=NOW)
    assert isinstance(done, Begun)
    assert len(staff.own_account.ways_in("alice", now=NOW).passkeys) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=8,
)
PARTS = (
    "clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle",
)  # fmt: skip
CREDENTIALS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "rawId": JSON,
        "type": st.just("public-key") | JSON,
        "response": st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(PARTS, JSON),
        )
        | JSON,
    },
)  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(credential=CREDENTIALS)
def test_whatever_a_browser_sends_is_refused_and_no_more(credential: dict[str, Any]) -> None:
    for read in (challenge_in, credential_id, user_handle_in):
        try:
            read(credential)
        except SignInRefusedError:
            continue
    with pytest.raises(SignInRefusedError):
        check_new(SITE, credential, challenge=b"x")
    with pytest.raises(SignInRefusedError):
        check_answer(SITE, credential, challenge=b"x", public_key=b"", sign_count=0)


@pytest.mark.parametrize("nested", [b"[" * 9000, b'{"a":' * 1800])
def test_client_data_nested_too_deep(nested: bytes) -> None:
    def credential(data: bytes) -> Mapping[str, Any]:
        text = urlsafe_b64encode(data).decode()
        sent = json.dumps({"rawId": "AA", "response": {"clientDataJSON": text}})
        return parse_credential(sent)

    with pytest.raises(SignInRefusedError, match="passkey: "):
        challenge_in(credential(nested))
    honest = b'{"type": "webauthn.get", "origin": "https://a.example", "challenge": "AAAA"}'
    assert challenge_in(credential(honest)) == bytes(3)


@pytest.mark.parametrize("kind", ["android-safetynet", "none"])
def test_an_attestation_that_nobody_asked_for(kind: str) -> None:
    device = authenticator()
    asked = question_for_new(
        SITE, account="alice", display_name="Alice", handle=b"h", challenge=b"c", known=[]
    )
    made = device.make(asked)
    attested = cbor2.loads(urlsafe_b64decode(made["response"]["attestationObject"] + "=="))
    attested |= (
        {"fmt": kind} if kind == "none" else {"fmt": kind, "attStmt": {"ver": "1", "response": 5}}
    )
    made["response"]["attestationObject"] = urlsafe_b64encode(cbor2.dumps(attested)).decode()
    if kind == "none":
        assert check_new(SITE, made, challenge=b"c").credential == device.id
    else:
        with pytest.raises(SignInRefusedError, match="passkey: "):
            check_new(SITE, made, challenge=b"c")


@given(text=st.text(max_size=200))
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with suppress(SignInRefusedError):
        assert isinstance(parse_credential(text), dict)
    with pytest.raises(SignInRefusedError, match="too long"):
        parse_credential("[" * 20_000)
