"""Time-stamps while signing: honest, broken and lying authorities on loopback."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp

from provenance.errors import TimeStampError
from provenance.signing.dev_agency import DevAgency
from provenance.signing.time_stamping import TimeStamper
from tests.factory.desk import Desk, authority_of, now, time_stamp_list
from tests.factory.tsa import (
    TimeStampAuthority,
    make_authority,
    make_token,
    running_authority,
    timestamp_response,
)

MESSAGE = b"what is stamped"


@pytest.fixture
def desk(agency: DevAgency, tsa_server: TimeStampAuthority) -> Desk:
    return Desk(agency=agency, tsa=tsa_server)


def _lie(desk: Desk, **wrong: Any) -> Callable[[bytes], bytes]:
    """An answer that is right but for what is told."""

    def answer(request: bytes) -> bytes:
        asked = tsp.TimeStampReq.load(request)
        given = {
            "tsa": desk.tsa.tsa,
            "gen_time": now(),
            "nonce": asked["nonce"].native,
            **{key: value for key, value in wrong.items() if key != "digest"},
        }
        digest = wrong.get("digest", asked["message_imprint"]["hashed_message"].native)
        return timestamp_response(make_token(digest, **given))

    return answer


def test_an_honest_authority_is_believed(desk: Desk) -> None:
    stamp = desk.stamper().stamp(MESSAGE)
    assert abs(stamp.at - now()) < timedelta(minutes=1)
    assert (stamp.authority_url, stamp.trust_list, stamp.tried) == (desk.tsa.url, "tsa", ())
    asked = tsp.TimeStampReq.load(desk.tsa.requests[0])
    assert asked["message_imprint"]["hashed_message"].native == hashlib.sha256(MESSAGE).digest()
    assert asked["cert_req"].native is True


def test_the_same_answer_built_by_hand_is_believed(desk: Desk) -> None:
    desk.tsa.answer = _lie(desk)
    assert desk.stamper().stamp(MESSAGE).trust_list == "tsa"


def test_no_question_is_asked_twice_with_one_nonce(desk: Desk) -> None:
    stamper = desk.stamper()
    for _ in range(2):
        stamper.stamp(MESSAGE)
    one, other = (tsp.TimeStampReq.load(r)["nonce"].native for r in desk.tsa.requests)
    assert one != other
    assert one.bit_length() > 64


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"digest": bytes(32)}, "it was made for other bytes"),
        ({"nonce": 7}, "the nonce differs"),
        ({"nonce": None}, "the nonce differs"),
        ({"tsa": make_authority("Home-made")[1]}, "its time-stamp does not count"),
        ({"gen_time": now() + timedelta(hours=1)}, "states a time that has not come yet"),
        ({"gen_time": now() - timedelta(hours=1)}, "from before it was asked"),
        ({"spoil_signature": True}, "its signature does not hold"),
        ({"certificates": ()}, "no certificate of its signer"),
    ],
    ids=["imprint", "nonce", "no-nonce", "untrusted", "future", "past", "signature", "bare"],
)
def test_a_lie_is_found_and_the_next_authority_asked(
    wrong: dict[str, Any], why: str, desk: Desk
) -> None:
    desk.tsa.answer = _lie(desk, **wrong)
    with pytest.raises(TimeStampError, match=why):
        desk.stamper().stamp(MESSAGE)
    with _second(desk) as (stamper, second):
        stamp = stamper.stamp(MESSAGE)
        assert stamp.authority_url == second.url
        ((url, said),) = stamp.tried
        assert (url, why in said) == (desk.tsa.url, True)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _r: timestamp_response(None, status="rejection"), "did not grant it"),
        (lambda _r: b"<html>sign in to the hotel network</html>", "expected an RFC 3161"),
        (lambda _r: bytes(200_000), "answer is too large"),
    ],
    ids=["refusal", "garbage", "endless"],
)
def test_an_answer_that_is_none(answer: Callable[[bytes], bytes], why: str, desk: Desk) -> None:
    desk.tsa.answer = answer
    with pytest.raises(TimeStampError, match=why):
        desk.stamper().stamp(MESSAGE)


def test_an_authority_that_is_down_or_silent_is_passed_over(desk: Desk) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        slow = authority_of(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.2)
        down = authority_of("http://127.0.0.1:1/")
        stamper = desk.stamper(down, slow, authority_of(desk.tsa.url))
        stamp = stamper.stamp(MESSAGE)
        assert stamp.authority_url == desk.tsa.url
        assert [url for url, _ in stamp.tried] == [down.url, slow.url]
        assert "no answer in time" in stamp.tried[1][1]
        # They are asked last for a while: a batch does not wait for them at each file.
        assert stamper.stamp(MESSAGE).tried == ()


def test_a_connection_that_breaks_is_made_once_more(desk: Desk) -> None:
    desk.tsa.break_off = 1
    stamp = desk.stamper().stamp(MESSAGE)
    assert (stamp.trust_list, stamp.tried, desk.tsa.break_off) == ("tsa", (), 0)


def test_an_authority_that_breaks_off_twice_gave_no_stamp(desk: Desk) -> None:
    desk.tsa.break_off = 2
    with pytest.raises(TimeStampError, match=r"no authority gave .*127\.0\.0\.1"):
        desk.stamper().stamp(MESSAGE)
    assert (desk.tsa.break_off, desk.tsa.requests) == (0, [])


def test_when_all_fail_each_is_named_with_its_reason(desk: Desk) -> None:
    desk.tsa.http_status = 503
    down = authority_of("http://127.0.0.1:1/")
    with pytest.raises(TimeStampError) as raised:
        desk.stamper(down, authority_of(desk.tsa.url)).stamp(MESSAGE)
    assert "127.0.0.1:1" in str(raised.value)
    assert "expected HTTP status 200, got 503" in str(raised.value)


def test_a_private_address_is_asked_only_if_it_is_allowed(desk: Desk) -> None:
    unlisted = authority_of(desk.tsa.url)
    unlisted = type(unlisted)(url=unlisted.url)
    with pytest.raises(TimeStampError, match="only ports 80 and 443 are asked"):
        desk.stamper(unlisted).stamp(MESSAGE)
    assert desk.tsa.requests == []


def test_a_stamp_from_outside_the_certificate_is_no_use(desk: Desk, tmp_path: Path) -> None:
    """The time-stamp would say that the certificate had expired when it signed."""
    job = desk.job(tmp_path, "jpeg")
    late = desk.agency.leaf.not_valid_after_utc + timedelta(days=1)
    stamper = TimeStamper(
        (authority_of(desk.tsa.url),), [time_stamp_list(desk.tsa.root)], clock=lambda: late
    )
    desk.tsa.gen_time = late
    with pytest.raises(TimeStampError, match="when the signing certificate is not valid"):
        desk.signer(stamper=stamper).sign(job)
    assert not job.out.exists()
    desk.tsa.gen_time = None
    desk.signer().sign(job)


def test_without_authorities_or_lists_there_is_no_stamper(desk: Desk) -> None:
    with pytest.raises(TimeStampError, match="at least one authority to ask"):
        TimeStamper((), [time_stamp_list(desk.tsa.root)], clock=now)
    with pytest.raises(TimeStampError, match="list of time-stamp authorities, got none"):
        TimeStamper((authority_of(desk.tsa.url),), [], clock=now)


@contextmanager
def _second(desk: Desk) -> Iterator[tuple[TimeStamper, TimeStampAuthority]]:
    with running_authority() as second:
        second.root, second.tsa = desk.tsa.root, desk.tsa.tsa
        stamper = desk.stamper(authority_of(desk.tsa.url), authority_of(second.url))
        yield stamper, second
