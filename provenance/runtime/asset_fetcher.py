"""Files that are verified by reference: fetched over https, bounded in bytes and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from provenance.errors import FetchError, LimitError
from provenance.runtime.addresses import Resolver, system_resolver
from provenance.runtime.fetch import GuardedFetcher, Pace

__all__ = ["AssetFetcher"]

_CHUNK_BYTES = 256 * 1024
_MAX_HEADER_BYTES = 64 * 1024


class AssetFetcher:
    """Fetches files that clients name by URL; only an operator switches that on.

    No redirection is followed: a reference leads to the bytes or to nothing.

    Args:
        max_bytes: Largest file.
        timeout_s: Longest time for one file.
        pace: How fast its bytes have to come; None: the time alone is bounded.
        network_allow: Exact `host:port` exceptions to the rule that only public addresses
            on the usual ports are asked; without TLS only those.
        resolver: Resolves names.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        timeout_s: float,
        pace: Pace | None = None,
        network_allow: Sequence[str] = (),
        resolver: Resolver = system_resolver,
    ) -> None:
        self._max_bytes = max_bytes
        self._fetcher = GuardedFetcher(
            network_allow=network_allow,
            timeout_s=timeout_s,
            max_bytes=max_bytes + _MAX_HEADER_BYTES,
            pace=pace,
            resolver=resolver,
        )

    def fetch(self, url: str, write: Callable[[bytes], object]) -> None:
        """Hand the bytes behind this address to `write`, piece by piece.

        Raises:
            FetchError: The address is refused, nobody answers, or the answer is no file.
            LimitError: The file is larger than allowed.
        """
        if not url.startswith("https://") and not self._listed(url):
            raise FetchError("expected an https URL")
        headers = {"Accept": "*/*", "User-Agent": "provenance"}
        with self._fetcher.exchange("GET", url, headers=headers) as response:
            if response.status != 200:
                raise FetchError(f"expected HTTP status 200, got {response.status}")
            if (response.getheader("Content-Encoding") or "identity").lower() != "identity":
                raise FetchError("the answer is compressed, which was not asked for")
            announced, taken = response.length, 0
            if announced is not None and announced > self._max_bytes:
                raise LimitError(self._too_large())
            while chunk := response.read(_CHUNK_BYTES):
                taken += len(chunk)
                if taken > self._max_bytes:
                    raise LimitError(self._too_large())
                write(chunk)
            if announced is not None and taken < announced:
                raise FetchError("the answer ended before its end")

    def _listed(self, url: str) -> bool:
        place = url.removeprefix("http://").partition("/")[0].lower()
        return url.startswith("http://") and place in self._fetcher.network_allow

    def _too_large(self) -> str:
        return f"reference: expected at most {self._max_bytes} bytes, got more"
