"""Questions to the operator's identity provider, by the rules of the fetcher."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from provenance.errors import FetchError
from provenance.runtime.addresses import Resolver, system_resolver
from provenance.runtime.fetch import GuardedFetcher

__all__ = ["ProviderClient"]

_TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 512 * 1024
_JSON = ("application/json", "application/jwk-set+json")


class ProviderClient:
    """Asks a provider for documents and tokens; no redirection is followed.

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

    def get(self, url: str) -> bytes:
        """The JSON document at this address.

        Raises:
            FetchError: The address is refused, nobody answers, or there is none.
        """
        headers = {"Accept": ", ".join(_JSON), "User-Agent": "provenance"}
        with self._fetcher.exchange("GET", url, headers=headers) as response:
            return _read(response)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
        """The JSON document that this form is answered with.

        Raises:
            FetchError: The address is refused, nobody answers, or the answer is no success.
        """
        sent = {
            **headers,
            "Accept": _JSON[0],
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "provenance",
        }
        body = urlencode(form).encode("ascii")
        with self._fetcher.exchange("POST", url, headers=sent, body=body) as response:
            return _read(response)


def _read(response: http.client.HTTPResponse) -> bytes:
    if response.status != 200:
        # Its text may quote the code.
        raise FetchError(f"provider: expected HTTP status 200, got {response.status}")
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if kind not in _JSON:
        raise FetchError(f"provider: expected {_JSON[0]}, got {kind!r:.60}")
    return response.read(_MAX_ANSWER_BYTES)
