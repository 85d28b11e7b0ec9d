"""Time-stamp authorities that are asked over HTTP.

Spec: RFC 3161 §3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from provenance.errors import ConnectionLostError
from provenance.runtime.fetch import GuardedFetcher

__all__ = ["HttpTimeStampAuthority"]

_MEDIA_TYPES = ("application/timestamp-query", "application/timestamp-reply")
# The largest chains of public authorities take about 10 kB.
_MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimeStampAuthority:
    """An authority at an address that the operator named.

    Only public addresses on the usual ports are asked, unless `network_allow` lists
    `host:port`. Plain HTTP is allowed, as most authorities have nothing else: the
    answer is signed, and the question is a digest and a random number.

    It can be sent to another process.

    Attributes:
        url: Where it answers.
        network_allow: Exceptions.
        timeout_s: Longest time that one question may take.
    """

    url: str
    network_allow: Sequence[str] = ()
    timeout_s: float = 10.0

    def __call__(self, request: bytes, /) -> bytes:
        """What does it answer to this TimeStampReq?

        A connection that breaks is made once more: one lost among the thousands of a
        batch says nothing about the authority, and a file is not worth losing for it.

        Raises:
            FetchError: The address is refused, or there is no answer within the bounds.
        """
        fetch = _fetcher(tuple(self.network_allow), self.timeout_s)
        try:
            return fetch(self.url, request)
        except ConnectionLostError:
            return fetch(self.url, request)


@cache
def _fetcher(network_allow: tuple[str, ...], timeout_s: float) -> GuardedFetcher:
    """Kept, because making one ready for HTTPS reads the system's authorities."""
    return GuardedFetcher(
        network_allow=network_allow,
        timeout_s=timeout_s,
        max_bytes=_MAX_ANSWER_BYTES,
        media_types=_MEDIA_TYPES,
    )
