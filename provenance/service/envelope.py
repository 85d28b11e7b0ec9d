"""Around every request: its id, the host it names, headers of safety, one line of log, counters."""

from __future__ import annotations

import re
import secrets
import time
import traceback
from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from provenance.runtime.service_work import Note
from provenance.service.metrics import Metrics
from provenance.service.problems import Problem, ProblemKind, problem_response
from provenance.service.translate import as_problem

__all__ = ["Envelope", "host_name"]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_HOST = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^\s:/?#@\[\]\\]+)(:[0-9]*)?")
_SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    # Answers are about one file and one asker; nobody in between keeps them.
    (b"cache-control", b"no-store"),
]
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Envelope:
    """The outermost layer.

    Args:
        app: What is inside.
        trusted_hosts: Names that a request may be addressed to.
        metrics: The counters.
        note: Writes to the log.
        https: Whether clients come by https.
        test: Whether the service is in test mode; every answer then says so.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        trusted_hosts: Sequence[str],
        metrics: Metrics,
        note: Note,
        https: bool,
        test: bool,
    ) -> None:
        self._app = app
        self._hosts = frozenset(name.lower() for name in trusted_hosts if name)
        self._metrics = metrics
        self._note = note
        extra = [_HSTS] if https else []
        extra += [(b"provenance-test", b"true")] if test else []
        self._safe = [*_SAFE, *extra]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request"] = _request_id(scope)
        begin, status, begun = time.perf_counter(), 0, False
        method = scope["method"]
        if method == "HEAD":
            # Whatever GET would answer; of that the server sends no body (RFC 9110 §9.3.2).
            scope = {**scope, "method": "GET"}

        async def safe_send(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun, status = True, message["status"]
                given = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", state["request"].encode()),
                    *(pair for pair in self._safe if pair[0] not in given),
                ]
            await send(message)

        self._metrics.begun()
        try:
            await self._answer(scope, receive, safe_send)
        except ClientDisconnect:
            # Nobody is there to be told.
            status = 499
        except Exception as error:  # noqa: BLE001 - whatever is left is told as a problem
            problem = as_problem(error)
            if problem.kind is ProblemKind.INTERNAL:
                self._note_bug(error, state["request"])
            if not begun:
                response = problem_response(problem, request=state["request"])
                await response(scope, receive, safe_send)
        finally:
            self._finish(scope, method, status, time.perf_counter() - begin)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or host_name(hosts[0].decode("latin-1")) not in self._hosts:
            raise Problem(ProblemKind.WRONG_HOST)
        await self._app(scope, receive, send)

    def _finish(self, scope: Scope, method: str, status: int, took_s: float) -> None:
        state: dict[str, Any] = scope["state"]
        # The template, never the path: a path may name a report.
        route = getattr(scope.get("route"), "path", None) or "(none)"
        method = method if method.isalpha() else "(other)"
        self._metrics.finished(method, route, status, took_s)
        self._note(
            "request",
            request=state["request"],
            method=method,
            route=route,
            status=status,
            duration_ms=round(took_s * 1000, 1),
            bytes_in=state.get("bytes_in", 0),
            key=state.get("key"),
        )

    def _note_bug(self, error: Exception, request: str) -> None:
        # Places, no messages: these may quote a file's name.
        stack = [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
        self._note("bug", request=request, error=type(error).__name__, stack=stack[-12:])


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode("ascii"))
    return secrets.token_hex(16)


def host_name(text: str) -> str:
    """The host of HOST or HOST:PORT, in lower case, of IPv6 with its brackets; else "".

    Spec: RFC 9110 §7.2. What follows a host and is no port would lead elsewhere in a link.
    """
    found = _HOST.fullmatch(text.lower())
    return "" if found is None else found["host"]
