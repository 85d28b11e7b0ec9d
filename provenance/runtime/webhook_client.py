"""Messages over HTTP to addresses that API clients wrote down, by the rules of the fetcher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provenance.errors import FetchError
from provenance.runtime.addresses import Resolver, system_resolver
from provenance.runtime.fetch import GuardedFetcher

__all__ = ["WebhookClient"]

_TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 16 * 1024


class WebhookClient:
    """Posts messages to public addresses, and to those the operator listed.

    Args:
        network_allow: Exact `host:port` exceptions to the rule that only public addresses
            on the usual ports are asked.
        resolver: Resolves names.
    """

    def __init__(
        self, *, network_allow: Sequence[str] = (), resolver: Resolver = system_resolver
    ) -> None:
        self._fetcher = GuardedFetcher(
            network_allow=network_allow,
            timeout_s=_TIMEOUT_S,
            max_bytes=_MAX_ANSWER_BYTES,
            resolver=resolver,
        )

    def deliver(self, url: str, body: str, headers: Mapping[str, str]) -> None:
        """Post this JSON document. What is answered does not matter, unless it refuses.

        Raises:
            FetchError: The address is refused, nobody answers, or the answer is no success;
                a redirection is none.
        """
        sent = {**headers, "Content-Type": "application/json", "User-Agent": "provenance"}
        with self._fetcher.exchange("POST", url, headers=sent, body=body.encode()) as response:
            if not 200 <= response.status < 300:
                raise FetchError(f"expected HTTP status 2xx, got {response.status}")
