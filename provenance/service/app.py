"""The application: its routes, its layers, and its OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Match

from provenance.errors import ProvenanceError
from provenance.records.scopes import SCOPES
from provenance.runtime.page_parts import PageParts
from provenance.runtime.service_parts import ServiceParts
from provenance.service import (
    audit_routes,
    badge_routes,
    binding_routes,
    blocklist_routes,
    complaint_page_routes,
    complaint_routes,
    decision_routes,
    job_routes,
    label_routes,
    mod_audit_routes,
    mod_blocklist_routes,
    mod_form_routes,
    mod_legal_routes,
    mod_message_routes,
    mod_notice_routes,
    mod_page_routes,
    mod_routes,
    oauth_routes,
    page_routes,
    plain_routes,
    public_page_routes,
    report_routes,
    staff_account_routes,
    staff_routes,
    verify_routes,
)
from provenance.service.bodies import Slots
from provenance.service.callers import RateLimits
from provenance.service.documents import JobRequest, Reference
from provenance.service.envelope import Envelope, host_name
from provenance.service.metrics import Metrics
from provenance.service.oauth_routes import TOKEN_PATH
from provenance.service.problems import (
    Problem,
    ProblemDocument,
    ProblemKind,
    problem_response,
    responses,
)
from provenance.service.staff_access import AnswerInsteadError
from provenance.service.translate import as_problem
from provenance.service.whole_bodies import WholeBodies

__all__ = ["create_app", "openapi_document"]

_THREADS = 24
_TITLE = "Provenance"
_VERSION = "1.0.0"
_DESCRIPTION = (
    "Says who released a photo, clip, track or document, and whether it is unchanged. Not "
    "whether what it shows is so; and the absence of credentials says nothing against a file."
)
_OPEN = frozenset(
    {
        "/",
        "/healthz",
        "/readyz",
        "/.well-known/c2pa-soft-binding-resolution",
        "/v1/services/capabilities",
        "/v1/services/status",
        "/v1/services/supportedAlgorithms",
        TOKEN_PATH,
    }
)
_METHODS = ["GET", "POST", "PUT", "DELETE"]
_CORS_HEADERS = [
    "Authorization",
    "Complaint-Pin",
    "Content-Type",
    "Idempotency-Key",
    "X-Request-Id",
]
_CORS_EXPOSED = ["Location", "Provenance-Stale", "Provenance-Test", "Retry-After", "X-Request-Id"]
# Whatever the body is, it can come too slowly, and be too long.
_BODY_PROBLEMS = responses(ProblemKind.UPLOAD_TIMEOUT, ProblemKind.TOO_LARGE)
_HTTP_PROBLEMS = {
    404: ProblemKind.NOT_FOUND,
    405: ProblemKind.METHOD_NOT_ALLOWED,
    408: ProblemKind.UPLOAD_TIMEOUT,
    413: ProblemKind.TOO_LARGE,
}


def create_app(parts: ServiceParts) -> FastAPI:
    """The application that translates between HTTP and these parts.

    It starts their work when it starts, and closes them when it ends.
    """
    service = parts.settings.service
    metrics = Metrics(lambda: parts.judges.pools, lambda: parts.desk.verdicts)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Questions to a database that is away take a while, and must not stop all others.
        asyncio.get_running_loop().set_default_executor(
            ThreadPoolExecutor(_THREADS, thread_name_prefix="service")
        )
        parts.start()
        try:
            yield
        finally:
            await asyncio.to_thread(parts.close)

    app = _routes(lifespan)
    app.state.parts = parts
    app.state.page_parts = PageParts.open(service)
    app.state.metrics = metrics
    app.state.slots = Slots(
        service.max_uploads,
        per_address=service.uploads_per_address,
        per_key=service.uploads_per_key,
    )
    app.state.rate_limits = RateLimits(
        per_key=service.rate_per_key, per_address=service.rate_per_address
    )
    app.add_middleware(WholeBodies, service=service)
    if service.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(service.cors_origins),
            allow_methods=_METHODS,
            allow_headers=_CORS_HEADERS,
            expose_headers=_CORS_EXPOSED,
            max_age=3600,
        )
    hosts = list(service.trusted_hosts)
    if service.public_url is not None:
        hosts.append(host_name(service.public_url.partition("://")[2]))
    app.add_middleware(
        Envelope,
        trusted_hosts=hosts,
        metrics=metrics,
        note=parts.note,
        https=(service.public_url or "").startswith("https:"),
        test=service.test,
    )
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, which is the same whatever the settings are."""
    return _openapi(_routes(None))


def _routes(lifespan: Any) -> FastAPI:
    app = FastAPI(
        title=_TITLE,
        version=_VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # Their pages load programs from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for module in (
        verify_routes,
        report_routes,
        job_routes,
        binding_routes,
        oauth_routes,
        page_routes,
        badge_routes,
        complaint_routes,
        complaint_page_routes,
        public_page_routes,
        plain_routes,
        staff_routes,
        staff_account_routes,
        mod_page_routes,
        mod_form_routes,
        mod_legal_routes,
        mod_notice_routes,
        mod_blocklist_routes,
        mod_message_routes,
        mod_audit_routes,
        mod_routes,
        label_routes,
        decision_routes,
        blocklist_routes,
        audit_routes,
    ):
        app.include_router(module.router)
    app.add_exception_handler(ProvenanceError, _tell)
    app.add_exception_handler(Problem, _tell)
    app.add_exception_handler(AnswerInsteadError, _answer_instead)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(HTTPException, _tell_http)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


async def _tell(request: Request, error: Exception) -> Response:
    problem = as_problem(error)
    if problem.kind is ProblemKind.INTERNAL:
        # It has a place in the log, and that is made outside.
        raise error
    return problem_response(problem, request=request.scope["state"]["request"])


async def _answer_instead(_: Request, error: Exception) -> Response:
    if not isinstance(error, AnswerInsteadError):
        raise error
    return error.response


async def _tell_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    detail = f"{place}: {str(first['msg']).removeprefix('Value error, ')}"[:300]
    return problem_response(
        Problem(ProblemKind.INVALID, detail), request=request.scope["state"]["request"]
    )


async def _tell_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    kind = _HTTP_PROBLEMS.get(error.status_code, ProblemKind.BAD_REQUEST)
    headers = dict(error.headers or {})
    if kind is ProblemKind.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_of(request))
    problem = Problem(kind, headers=headers)
    return problem_response(problem, request=request.scope["state"]["request"])


def _methods_of(request: Request) -> list[str]:
    """What can be done at this address? Each method may have a route of its own."""
    found = [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    return ["HEAD", *found] if "GET" in found else found


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's own document, with our problems in place of its errors, and the keys."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    reference = "#/components/schemas/{model}"
    schemas["Problem"] = ProblemDocument.model_json_schema(ref_template=reference)
    for model in (Reference, JobRequest):
        # Their routes read them themselves.
        schema = model.model_json_schema(ref_template=reference)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
        "oauth": {
            "type": "oauth2",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": TOKEN_PATH,
                    "scopes": {scope.value: text for scope, text in SCOPES.items()},
                }
            },
        },
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in _OPEN:
                operation["security"] = [{}, {"key": []}, {"oauth": []}]
            if "requestBody" in operation:
                for status, entry in _BODY_PROBLEMS.items():
                    operation["responses"].setdefault(str(status), entry)
            invalid = operation["responses"].get("422", {})
            if "HTTPValidationError" in str(invalid):
                del operation["responses"]["422"]
    app.openapi_schema = document
    return document
