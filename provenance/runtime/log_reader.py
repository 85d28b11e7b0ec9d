"""Reading a log from where it is served: over https, from this machine, or from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from tuf.api.exceptions import DownloadError, DownloadHTTPError

from provenance.errors import DirectoryError, FetchError
from provenance.registry.log.errors import LogError
from provenance.registry.log.folder import is_log_folder
from provenance.registry.log.reader import FolderReader, LogReader
from provenance.runtime.directory_fetcher import DirectoryFetcher, check_source

__all__ = ["WebReader", "open_log_reader"]


class WebReader:
    """Reads the files of one log; it satisfies `LogReader`.

    Bounded in bytes and time, without redirects and proxies, as a directory is fetched:
    https from anywhere, http from this machine and from what is listed.

    Args:
        url: The log's prefix.
        allow: HOST:PORT that may be asked without https.

    Raises:
        DirectoryError: The address may not be used.
    """

    def __init__(self, url: str, *, allow: Sequence[str] = ()) -> None:
        self._url = url.rstrip("/")
        check_source(self._url, allow)
        self._fetcher = DirectoryFetcher(self._url, allow=allow)

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """What is at this path below the log's prefix? None if the server has nothing there.

        Raises:
            FetchError: It could not be had, or is longer.
        """
        url = f"{self._url}/{path}"
        try:
            return self._fetcher.download_bytes(url, max_bytes)
        except DownloadHTTPError as error:
            if error.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                return None
            raise FetchError(str(error)) from error
        except DownloadError as error:
            cause = error.__cause__
            raise FetchError(f"{url}: {cause or error}") from error


def open_log_reader(source: str, *, allow: Sequence[str] = ()) -> LogReader:
    """Who has the files of the log at this place?

    Args:
        source: An address, the folder of a log, or a copy of what it serves.
        allow: HOST:PORT that may be asked without https.

    Raises:
        LogError: The place may not be used, or there is no log.
    """
    if "://" in source:
        try:
            return WebReader(source, allow=allow)
        except DirectoryError as error:
            raise LogError(str(error)) from error
    path = Path(source)
    if is_log_folder(path):
        return FolderReader(path / "public")
    if (path / "checkpoint").is_file():
        return FolderReader(path)
    raise LogError(f"{source}: expected the address or the folder of a log")
