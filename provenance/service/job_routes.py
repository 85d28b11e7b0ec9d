"""Batch jobs: made, filled, followed, cancelled."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.responses import Response

from provenance.limits import DEFAULT_LIMITS
from provenance.records.idempotency import record_answer
from provenance.records.job_model import Job, Webhook
from provenance.records.scopes import Scope
from provenance.records.webhooks import parse_webhook_secret
from provenance.runtime.addresses import is_public
from provenance.runtime.fetch import USUAL_PORTS
from provenance.runtime.uploads import Upload
from provenance.service.answers import policy_of, url_of
from provenance.service.bodies import Slots, check_encoding, each_chunk, receive_upload
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.documents import (
    JobDocument,
    JobFile,
    JobFiles,
    JobRequest,
    WebhookRequest,
)
from provenance.service.problems import Problem, ProblemKind, responses
from provenance.service.verify_routes import IdempotencyKey, first_of

__all__ = ["router"]

router = APIRouter(tags=["jobs"], prefix="/v1/jobs")

Makes = Annotated[Caller, Depends(caller_for(Scope.JOBS))]
JobId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{22}$", description="A job's name.")]
FileName = Annotated[
    str,
    Path(
        pattern=r"^[^/\\\x00-\x1f\x7f]+$",
        max_length=400,
        min_length=1,
        description="What the file is called; once in a job.",
    ),
]

_LEASE = timedelta(minutes=5)
# A thousand long addresses, each with a long name.
_MAX_REQUEST_BYTES = 8 * 1024**2
_PROBLEMS = responses(
    ProblemKind.BAD_REQUEST,
    ProblemKind.UNAUTHORISED,
    ProblemKind.FORBIDDEN,
    ProblemKind.NOT_FOUND,
    ProblemKind.CONFLICT,
    ProblemKind.WRONG_HOST,
    ProblemKind.INVALID,
    ProblemKind.RATE_LIMITED,
    ProblemKind.INTERNAL,
    ProblemKind.UNAVAILABLE,
)
_UPLOAD_PROBLEMS = {
    **_PROBLEMS,
    **responses(
        ProblemKind.UPLOAD_TIMEOUT,
        ProblemKind.TOO_LARGE,
        ProblemKind.UNSUPPORTED_BODY,
        ProblemKind.STORAGE_FULL,
    ),
}
_LOCATED: dict[int | str, dict[str, Any]] = {
    **_PROBLEMS,
    **responses(ProblemKind.KEY_REUSED, ProblemKind.SWITCHED_OFF, ProblemKind.UNSUPPORTED_BODY),
}


async def _wanted(request: Request, caller: Makes) -> JobRequest:
    """The job that is asked for: read when the key is known, since it may be long."""
    del caller
    check_encoding(request)
    body = bytearray()

    async def take(chunk: bytes) -> None:
        body.extend(chunk)
        if len(body) > _MAX_REQUEST_BYTES:
            raise Problem(ProblemKind.TOO_LARGE, headers={"Connection": "close"})

    await each_chunk(request, take)
    try:
        return JobRequest.model_validate_json(bytes(body))
    except ValidationError as error:
        raise Problem(ProblemKind.INVALID, first_of(error)) from error


@router.post(
    "",
    status_code=201,
    responses=_LOCATED,
    operation_id="createJob",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/JobRequest"}}
            },
        }
    },
)
async def create_job(
    request: Request,
    response: Response,
    caller: Makes,
    body: Annotated[JobRequest, Depends(_wanted)],
    idempotency_key: IdempotencyKey = None,
) -> JobDocument:
    """Make a job. Files are added one by one, or named by URL where that is switched on."""
    parts = parts_of(request)
    profile = policy_of(request, body.policy)
    webhook = None if body.webhook is None else _webhook(request, body.webhook)
    if body.references:
        _check_references(request, caller)
    owner, now = caller.held_owner, parts.clock()

    def create() -> Job:
        begun = None
        if idempotency_key is not None:
            begun = parts.requests.begin(
                owner=owner,
                key=idempotency_key,
                request=hashlib.sha256(b"job " + body.model_dump_json().encode()).hexdigest(),
                now=now,
                lease=_LEASE,
            )
            if begun.answer is not None:
                known = parts.jobs.get(str(begun.answer.get("job")), owner=owner, now=now)
                return _found(known)

        def answer(connection: Connection, job: str) -> None:
            if idempotency_key is not None:
                record_answer(connection, owner=owner, key=idempotency_key, answer={"job": job})

        try:
            job = parts.jobs.create(
                owner=owner,
                reader=caller.reader,
                policy=profile.name,
                webhook=webhook,
                now=now,
                ends_at=now + timedelta(days=parts.settings.service.report_days),
                references=[(entry.name, entry.url) for entry in body.references],
                also=answer,
            )
        except BaseException:
            if idempotency_key is not None and begun is not None:
                parts.requests.abandoned(
                    owner=owner, key=idempotency_key, leased_until=begun.leased_until
                )
            raise
        return job

    job = await asyncio.to_thread(create)
    parts.call("jobs")
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return _document(request, job)


@router.put(
    "/{id}/files/{name}",
    status_code=202,
    responses=_UPLOAD_PROBLEMS,
    operation_id="addJobFile",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def add_file(request: Request, caller: Makes, id: JobId, name: FileName) -> JobDocument:  # noqa: A002
    """Add a file to an open job. The body is the file; it is judged when its turn comes."""
    parts = parts_of(request)
    owner = caller.held_owner
    # Before the bytes are taken; what counts is asked again after them.
    await asyncio.to_thread(_get, request, caller, id)
    slots: Slots = request.app.state.slots
    async with slots.taken(request, caller):
        upload = await receive_upload(request)
    await _write_down(
        request,
        upload,
        lambda: parts.jobs.add(
            id,
            owner=owner,
            name=name,
            upload=upload.name,
            sha256=upload.sha256,
            size_bytes=upload.size_bytes,
        ),
    )
    parts.call("jobs")
    return _document(request, await asyncio.to_thread(_get, request, caller, id))


@router.put(
    "/{id}/files/{name}/sidecar",
    status_code=202,
    responses=_UPLOAD_PROBLEMS,
    operation_id="addJobSidecar",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "Credentials kept beside the file (`.c2pa`).",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def add_sidecar(
    request: Request,
    caller: Makes,
    id: JobId,  # noqa: A002
    name: FileName,
) -> JobDocument:
    """Add the credentials of a file that comes next: they are sent before it.

    A file is judged as soon as it is there, and then takes no more. Credentials whose file has
    not come when the job is closed are deleted.
    """
    parts = parts_of(request)
    owner = caller.held_owner
    await asyncio.to_thread(_get, request, caller, id)
    slots: Slots = request.app.state.slots
    async with slots.taken(request, caller):
        upload = await receive_upload(request, max_bytes=DEFAULT_LIMITS.max_manifest_store_bytes)
    await _write_down(
        request,
        upload,
        lambda: parts.jobs.add_sidecar(id, owner=owner, name=name, upload=upload.name),
    )
    return _document(request, await asyncio.to_thread(_get, request, caller, id))


@router.post("/{id}/close", responses=_PROBLEMS, operation_id="closeJob")
async def close_job(request: Request, caller: Makes, id: JobId) -> JobDocument:  # noqa: A002
    """Say that no more files come: the job ends with its last one."""
    parts = parts_of(request)
    await asyncio.to_thread(_get, request, caller, id)
    job, uploads = await asyncio.to_thread(
        parts.jobs.close, id, owner=caller.held_owner, now=parts.clock()
    )
    for name in uploads:
        parts.uploads.remove(name)
    parts.call("webhooks")
    return _document(request, job)


@router.post("/{id}/cancel", responses=_PROBLEMS, operation_id="cancelJob")
async def cancel_job(request: Request, caller: Makes, id: JobId) -> JobDocument:  # noqa: A002
    """Judge no more of a job. What is being judged at this moment is still finished."""
    parts = parts_of(request)
    await asyncio.to_thread(_get, request, caller, id)
    job, uploads = await asyncio.to_thread(
        parts.jobs.cancel, id, owner=caller.held_owner, now=parts.clock()
    )
    for name in uploads:
        parts.uploads.remove(name)
    parts.call("webhooks")
    return _document(request, job)


@router.get("/{id}", responses=_PROBLEMS, operation_id="getJob")
async def get_job(request: Request, caller: Makes, id: JobId) -> JobDocument:  # noqa: A002
    """Say how far a job is, and what became of its messages."""
    job = await asyncio.to_thread(_get, request, caller, id)
    deliveries = await asyncio.to_thread(parts_of(request).webhooks.of_job, id)
    url = url_of(request, f"/v1/jobs/{job.id}")
    return JobDocument.of(job, url=url, deliveries=tuple(deliveries))


@router.get("/{id}/files", responses=_PROBLEMS, operation_id="listJobFiles")
async def list_files(
    request: Request,
    caller: Makes,
    id: JobId,  # noqa: A002
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    most: Annotated[int, Query(ge=1, le=500)] = 100,
) -> JobFiles:
    """List the files of a job with their reports, in order."""
    await asyncio.to_thread(_get, request, caller, id)
    items = await asyncio.to_thread(parts_of(request).jobs.items, id, after=after, most=most + 1)
    files = tuple(
        JobFile.of(
            item,
            report=None if item.report is None else url_of(request, f"/v1/reports/{item.report}"),
        )
        for item in items[:most]
    )
    return JobFiles(files=files, more=len(items) > most)


async def _write_down(request: Request, upload: Upload, write: Callable[[], None]) -> None:
    """Let a job have these bytes; they are deleted where it does not take them."""

    def work() -> None:
        try:
            write()
        except BaseException:
            parts_of(request).uploads.remove(upload.name)
            raise

    writing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        # Whoever sent them has gone. The job may have them by now: only the thread that writes
        # it knows whether they are to be deleted.
        await asyncio.wait({writing})
        if not writing.cancelled():
            writing.exception()
        raise


def _get(request: Request, caller: Caller, id_: str) -> Job:
    parts = parts_of(request)
    return _found(parts.jobs.get(id_, owner=caller.held_owner, now=parts.clock()))


def _found(job: Job | None) -> Job:
    if job is None:
        # Another key's job is none.
        raise Problem(ProblemKind.NOT_FOUND)
    return job


def _document(request: Request, job: Job) -> JobDocument:
    return JobDocument.of(job, url=url_of(request, f"/v1/jobs/{job.id}"))


def _check_references(request: Request, caller: Caller) -> None:
    if parts_of(request).fetcher is None:
        raise Problem(ProblemKind.SWITCHED_OFF, "verifying by reference")
    if caller.key is None or Scope.VERIFY_REFERENCE not in caller.key.scopes:
        raise Problem(
            ProblemKind.FORBIDDEN, f"a key with the scope {Scope.VERIFY_REFERENCE} is needed"
        )


def _webhook(request: Request, wanted: WebhookRequest) -> Webhook:
    """What can be refused at once; the addresses of a name are looked at when it is asked."""
    parts = urlsplit(wanted.url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if f"{shown}:{port}" not in parts_of(request).settings.network_allow:
        if parts.scheme != "https":
            raise Problem(ProblemKind.INVALID, "webhook: expected an https URL")
        if port not in USUAL_PORTS.values():
            raise Problem(ProblemKind.INVALID, "webhook: expected port 443 or 80")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            if not is_public(host):
                raise Problem(ProblemKind.INVALID, "webhook: expected a public address")
    return Webhook(url=wanted.url, secret=parse_webhook_secret(wanted.secret))
