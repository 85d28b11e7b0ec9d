"""How messages are signed, and how long they are tried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from provenance.records.webhooks import (
    parse_webhook_secret,
    sign_webhook,
    time_in_message,
    wait_before,
)


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the Standard Webhooks libraries."""
    headers = sign_webhook(
        parse_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        body='{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
)
def test_what_is_no_secret(text: str) -> None:
    with pytest.raises(ValueError, match="secret: expected"):
        parse_webhook_secret(text)


def test_the_waits_grow_and_end() -> None:
    waits = [wait_before(attempt) for attempt in range(1, 13)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=5)
    assert waits[-1] == wait_before(1000) == timedelta(hours=6)
    # What the README says: 12 attempts, over about a day.
    assert timedelta(hours=20) < sum(waits[:11], timedelta()) < timedelta(hours=28)


def test_moments_are_written_in_utc_wherever_they_come_from() -> None:
    at = datetime(2026, 11, 30, 18, 5, 7, 120_000, tzinfo=UTC)
    assert time_in_message(at) == "2026-11-30T18:05:07.120000Z"
    seoul = at.replace(microsecond=0).astimezone(timezone(timedelta(hours=9)))
    assert time_in_message(seoul) == "2026-11-30T18:05:07Z"
