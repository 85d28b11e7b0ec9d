"""The process behind `provenance serve`: one server, its workers, and an orderly end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from provenance.errors import ConfigurationError
from provenance.runtime.service_log import prepare_log
from provenance.runtime.service_parts import ServiceParts
from provenance.runtime.settings import Settings
from provenance.service.app import create_app
from provenance.service.connections import BoundedConnection
from provenance.service.proxies import proxies_as_met

__all__ = ["serve"]

_BACKLOG = 2048
_KEEP_ALIVE_S = 20
_ENDING = (signal.SIGTERM, signal.SIGINT)


def serve(settings: Settings) -> None:
    """Answer requests until the process is told to stop; then finish what was begun.

    Raises:
        ConfigurationError: A setting cannot be used, or the address not be listened on.
        StoreError: The database cannot be reached.
    """
    service = settings.service
    listening = _listen(service.host, service.port)
    log = prepare_log()
    try:
        parts = ServiceParts.open(settings, note=log.info)
    except BaseException:
        listening.close()
        raise
    host, port = listening.getsockname()[:2]
    log.info("listening", host=host, port=port, test=service.test)
    server = _Server(
        uvicorn.Config(
            create_app(parts),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(service.trusted_proxies),
            forwarded_allow_ips=proxies_as_met(service.trusted_proxies),
            http=BoundedConnection,
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=service.grace_s,
        )
    )
    with listening:
        server.run(sockets=[listening])
    log.info("stopped")


class _Server(uvicorn.Server):
    """Ends by itself when told to, and is then not killed by what told it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that end a service, for as long as the block runs."""
        before = {number: signal.signal(number, self.handle_exit) for number in _ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{host}:{port}: cannot be listened on: {reason.lower()}") from (
            error
        )
    return listening
