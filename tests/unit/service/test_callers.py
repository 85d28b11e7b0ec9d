"""Who is counted together: those of one address, or of one network."""

from __future__ import annotations

import pytest
from fastapi import Request

from provenance.service.callers import network_of


def asked_from(host: str) -> str:
    return network_of(Request({"type": "http", "client": (host, 40_000)}))


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        # The same two people, where the service listens on `::`.
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:0208", "192.0.2.8"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_one_address_or_of_ipv6_one_network(host: str, network: str) -> None:
    assert asked_from(host) == network


def test_nobody_known() -> None:
    assert network_of(Request({"type": "http", "client": None})) == "unknown"
