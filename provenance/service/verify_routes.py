"""Verifying: a file comes in, its report goes out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from provenance.records.disclosure import Disclosure
from provenance.records.idempotency import is_idempotency_key
from provenance.records.policies import PolicyProfile
from provenance.records.reports import StoredReport
from provenance.records.scopes import Scope
from provenance.report import Report
from provenance.runtime.report_desk import Question
from provenance.service.answers import (
    disclosure_answer,
    policy_of,
    refuse_unreadable,
    report_answer,
)
from provenance.service.bodies import (
    Slots,
    check_references,
    each_chunk,
    fetch_upload,
    receive_upload,
)
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.documents import PolicyName, Reference, ShortText
from provenance.service.forms import FormUpload, receive_form
from provenance.service.problems import Problem, ProblemKind, responses

__all__ = ["router"]

router = APIRouter(tags=["verify"])

Verifies = Annotated[Caller, Depends(caller_for(Scope.VERIFY, anonymous=True))]
References = Annotated[
    Caller, Depends(caller_for(Scope.VERIFY, Scope.VERIFY_REFERENCE, anonymous=True))
]
PolicyQuery = Annotated[PolicyName | None, Query(description="Under which policy to judge.")]
NameQuery = Annotated[ShortText | None, Query(description="What the report calls the file.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same request with the same key gets the same answer, for a day. "
        "For those with a key.",
        min_length=1,
        max_length=128,
        pattern="^[!-~]+$",
    ),
]

_MAX_REFERENCE_BYTES = 16 * 1024
_PROBLEMS = responses(
    ProblemKind.BAD_REQUEST,
    ProblemKind.EMPTY_UPLOAD,
    ProblemKind.TOO_MANY_PARTS,
    ProblemKind.UNAUTHORISED,
    ProblemKind.FORBIDDEN,
    ProblemKind.SWITCHED_OFF,
    ProblemKind.UPLOAD_TIMEOUT,
    ProblemKind.CONFLICT,
    ProblemKind.TOO_LARGE,
    ProblemKind.UNSUPPORTED_BODY,
    ProblemKind.UNSUPPORTED_CONTAINER,
    ProblemKind.WRONG_HOST,
    ProblemKind.INVALID,
    ProblemKind.KEY_REUSED,
    ProblemKind.RATE_LIMITED,
    ProblemKind.INTERNAL,
    ProblemKind.UNFETCHABLE,
    ProblemKind.UNAVAILABLE,
    ProblemKind.OVERLOADED,
    ProblemKind.STORAGE_FULL,
)
_LOCATION = {
    "Location": {
        "description": "Where it can be read again until it is forgotten.",
        "schema": {"type": "string"},
    }
}
_REPORTED: dict[int | str, dict[str, Any]] = {
    **_PROBLEMS,
    200: {"model": Report, "description": "The report, whatever it says.", "headers": _LOCATION},
}
_DISCLOSED: dict[int | str, dict[str, Any]] = {
    **_PROBLEMS,
    200: {"model": Disclosure, "description": "The compact form.", "headers": _LOCATION},
}
_RAW = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_FORM_OR_REFERENCE = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "sidecar": {
                            "type": "string",
                            "format": "binary",
                            "description": "Credentials kept beside the file (`.c2pa`).",
                        },
                        "name": {"type": "string", "maxLength": 400},
                    },
                }
            },
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Reference"},
            },
        },
    }
}


@router.put("/v1/verify", responses=_REPORTED, openapi_extra=_RAW, operation_id="verify")
async def verify(
    request: Request,
    caller: Verifies,
    policy: PolicyQuery = None,
    name: NameQuery = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say who released a file and whether it is unchanged. The body is the file.

    Whatever is in the file, the answer is 200 and the same document as `verify --json`.
    """
    profile = policy_of(request, policy)
    entry = await _judge_raw(request, caller, profile, name, idempotency_key)
    return report_answer(request, entry, new=True)


@router.post(
    "/v1/verify",
    responses=_REPORTED,
    openapi_extra=_FORM_OR_REFERENCE,
    operation_id="verifyForm",
)
async def verify_form(
    request: Request,
    caller: References,
    policy: PolicyQuery = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The same for a form with a file and perhaps a sidecar, or for a file named by a URL.

    By URL only where the operator has switched it on, and with a key for it.
    """
    entry = await _judge_posted(request, caller, policy, idempotency_key)
    return report_answer(request, entry, new=True)


@router.put("/v1/disclosures", responses=_DISCLOSED, openapi_extra=_RAW, operation_id="disclose")
async def disclose(
    request: Request,
    caller: Verifies,
    policy: PolicyQuery = None,
    name: NameQuery = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say what to show beside an upload. The body is the file; the report is kept too."""
    profile = policy_of(request, policy)
    entry = await _judge_raw(request, caller, profile, name, idempotency_key)
    return disclosure_answer(request, entry, new=True)


@router.post(
    "/v1/disclosures",
    responses=_DISCLOSED,
    openapi_extra=_FORM_OR_REFERENCE,
    operation_id="discloseForm",
)
async def disclose_form(
    request: Request,
    caller: References,
    policy: PolicyQuery = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The same for a form with a file and perhaps a sidecar, or for a file named by a URL."""
    entry = await _judge_posted(request, caller, policy, idempotency_key)
    return disclosure_answer(request, entry, new=True)


async def _judge_raw(
    request: Request,
    caller: Caller,
    profile: PolicyProfile,
    name: str | None,
    idempotency_key: str | None,
) -> StoredReport:
    _check_key(caller, idempotency_key)
    kind = _kind(request)
    if kind.startswith("multipart/"):
        raise Problem(ProblemKind.UNSUPPORTED_BODY, "send a form with POST")
    slots: Slots = request.app.state.slots
    async with slots.taken(request, caller):
        upload = await receive_upload(request)
        return await _judge(request, caller, profile, FormUpload(file=upload, name=name),
                            idempotency_key)  # fmt: skip


async def _judge_posted(
    request: Request, caller: Caller, policy: str | None, idempotency_key: str | None
) -> StoredReport:
    _check_key(caller, idempotency_key)
    slots: Slots = request.app.state.slots
    async with slots.taken(request, caller):
        if _kind(request) == "application/json":
            wanted = await _reference(request, caller)
            profile = policy_of(request, policy or wanted.policy)
            form = FormUpload(file=await fetch_upload(request, wanted.url), name=wanted.name)
        else:
            if caller.key is not None and Scope.VERIFY not in caller.key.scopes:
                raise Problem(ProblemKind.FORBIDDEN, "a key with the scope verify is needed")
            profile = policy_of(request, policy)
            form = await receive_form(request)
        return await _judge(request, caller, profile, form, idempotency_key)


async def _judge(
    request: Request,
    caller: Caller,
    profile: PolicyProfile,
    form: FormUpload,
    idempotency_key: str | None,
) -> StoredReport:
    question = Question(
        policy=profile.name,
        owner=caller.owner,
        reader=caller.reader,
        name=form.name,
        idempotency_key=idempotency_key,
    )
    entry = await parts_of(request).desk.judge(form.file, question, sidecar=form.sidecar)
    refuse_unreadable(entry)
    return entry


def _check_key(caller: Caller, idempotency_key: str | None) -> None:
    if idempotency_key is None:
        return
    if caller.key is None:
        # Without a key it would be anybody's, and its answer with it.
        raise Problem(ProblemKind.BAD_REQUEST, "Idempotency-Key: is for those with a key")
    if not is_idempotency_key(idempotency_key):
        raise Problem(ProblemKind.INVALID, "Idempotency-Key: expected 1 to 128 visible characters")


def _kind(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def _reference(request: Request, caller: Caller) -> Reference:
    check_references(request, caller)
    body = bytearray()

    async def take(chunk: bytes) -> None:
        body.extend(chunk)
        if len(body) > _MAX_REFERENCE_BYTES:
            raise Problem(ProblemKind.TOO_LARGE, headers={"Connection": "close"})

    await each_chunk(request, take)
    try:
        return Reference.model_validate_json(bytes(body))
    except ValidationError as error:
        raise Problem(ProblemKind.INVALID, first_of(error)) from error


def first_of(error: ValidationError) -> str:
    """Where the first thing is that is not valid, and why; nothing of what was sent."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "body"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"[:300]
