"""Whose forwarded header counts, however a socket tells an address."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from provenance.service.proxies import proxies_as_met


def who(trusted: list[str], peer: str, forwarded: str = "203.0.113.7") -> str:
    """For whom a service with these proxies takes whoever asks from there."""
    seen: list[str] = []

    async def app(scope: Any, *_: Any) -> None:
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", forwarded.encode())]
    scope: Any = {"type": "http", "client": (peer, 40_000), "headers": headers, "scheme": "http"}
    middleware = ProxyHeadersMiddleware(app, trusted_hosts=proxies_as_met(trusted))
    # In a thread of its own: a browser driven by earlier tests has a loop in this one.
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(lambda: asyncio.run(middleware(scope, None, None))).result()  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("trusted", "peer"),
    [
        ("10.0.0.2", "10.0.0.2"),
        ("10.0.0.2", "::ffff:10.0.0.2"),
        ("10.0.0.2", "::ffff:a00:2"),
        (" 10.0.0.2 ", "10.0.0.2"),
        ("::ffff:10.0.0.2", "10.0.0.2"),
        ("::ffff:10.0.0.2", "::ffff:10.0.0.2"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
        ("::ffff:10.0.0.0/104", "10.1.2.3"),
        ("2001:db8::2", "2001:db8::2"),
        ("2001:db8::/32", "2001:db8::2"),
        ("*", "192.0.2.1"),
    ],
)
def test_a_proxy_is_believed_in_either_spelling(trusted: str, peer: str) -> None:
    assert who([trusted], peer) == "203.0.113.7"


@pytest.mark.parametrize(
    ("trusted", "peer"),
    [
        ("10.0.0.2", "10.0.0.3"),
        ("10.0.0.2", "::ffff:10.0.0.3"),
        ("10.0.0.2", "::10.0.0.2"),
        ("10.0.0.0/8", "::ffff:11.0.0.1"),
        ("::ffff:10.0.0.2", "10.0.0.3"),
        ("::ffff:10.0.0.0/104", "11.0.0.1"),
        ("2001:db8::2", "2001:db8::3"),
        ("::/0", "10.0.0.2"),
        ("no address", "10.0.0.2"),
    ],
)
def test_nobody_else_is(trusted: str, peer: str) -> None:
    assert who([trusted], peer) == peer


def test_a_proxy_before_a_proxy_counts_in_either_spelling() -> None:
    """The one that listens on `::` tells the one before it as its socket does."""
    chain = "203.0.113.7, ::ffff:10.0.0.3"
    assert who(["10.0.0.2", "10.0.0.3"], "::ffff:10.0.0.2", chain) == "203.0.113.7"
    assert who(["10.0.0.2"], "::ffff:10.0.0.2", chain) == "::ffff:10.0.0.3"
