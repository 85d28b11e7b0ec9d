"""The proxies whose word for an address counts, however a socket tells theirs."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

__all__ = ["proxies_as_met"]

# RFC 4291 §2.5.5.2: IPv4 as IPv6 writes it.
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def proxies_as_met(trusted: Sequence[str]) -> list[str]:
    """Under which addresses are these proxies met?

    On a socket that listens on `::`, and in headers of proxies that listen on one, IPv4 is
    told as `::ffff:a.b.c.d`. So every IPv4 address and network counts in both spellings,
    whichever of them the operator wrote. What is neither stays as it is.
    """
    met: dict[str, None] = {}
    for entry in trusted:
        text = entry.strip()
        met[text] = None
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            continue
        if isinstance(network, ipaddress.IPv4Network):
            mapped = f"::ffff:{network.network_address}"
            other, bits, whole = mapped, network.prefixlen + 96, 128
        elif network.subnet_of(_MAPPED):
            unmapped = network.network_address.ipv4_mapped
            other, bits, whole = str(unmapped), network.prefixlen - 96, 32
        else:
            continue
        met[other if bits == whole else f"{other}/{bits}"] = None
    return list(met)
