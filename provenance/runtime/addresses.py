"""Which addresses may be asked at all: those of the public Internet, resolved by the system."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from queue import Empty, SimpleQueue

from provenance.errors import FetchError

__all__ = ["Resolver", "is_public", "system_resolver"]

Resolver = Callable[[str, int, float], list[str]]
"""Addresses of a host for a port, within so many seconds; `FetchError` where there is none."""

_MAX_ADDRESSES = 8

# Python's `is_global` differs between releases in these, or is about assignment
# and not about where a packet goes (IANA special-purpose address registries).
_NOT_PUBLIC_V4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
]
# Everything outside is loopback, link-local, unique-local, multicast, mapped,
# compatible or translated (NAT64): some of them are an IPv4 address in disguise.
_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries any IPv4 address
        "3fff::/20",  # documentation
    )
]


def is_public(address: str) -> bool:
    """Is this the address of a host on the public Internet? What is none is not public."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not any(parsed in network for network in _NOT_PUBLIC_V4)
    return (
        parsed.is_global
        and parsed in _PUBLIC_V6
        and not any(parsed in network for network in _NOT_PUBLIC_V6)
    )


def system_resolver(host: str, port: int, timeout_s: float) -> list[str]:
    """Which addresses does the system give for a host?

    The system's own call knows no time-out, so it runs in a thread that is left
    to itself when the time is over.

    Raises:
        FetchError: None, or not in time.
    """
    answers: SimpleQueue[list[str] | OSError | UnicodeError] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True, name="resolve").start()
    try:
        answer = answers.get(timeout=max(timeout_s, 0))
    except Empty as error:
        raise FetchError(f"{host}: not resolved in time") from error
    if isinstance(answer, (OSError, UnicodeError)):
        raise FetchError(f"{host}: cannot be resolved: {answer}") from answer
    return answer[:_MAX_ADDRESSES]
