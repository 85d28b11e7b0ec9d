"""The C2PA Soft Binding Resolution API: from what a file looks like to its manifests.

Reading is also for those without a key, if the operator lets them: a page for people has
none. The standard asks for a token there; this is the one deviation. Nothing that is found
here makes a file official.

Spec: C2PA Soft Binding Resolution API 2.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from provenance.errors import MalformedError, StoreError
from provenance.limits import DEFAULT_LIMITS
from provenance.records.scopes import Scope
from provenance.runtime.binding_lookup import ISCC, BindingLookup, FoundManifest
from provenance.runtime.uploads import Upload
from provenance.service.answers import policy_of, url_of
from provenance.service.binding_documents import (
    AlgorithmName,
    BindingQuery,
    Capabilities,
    Discovery,
    Match,
    NamedAlgorithm,
    NewBinding,
    QueryResult,
    ReferenceQuery,
    ServiceStatus,
    StoredManifestId,
    SupportedAlgorithms,
)
from provenance.service.bodies import (
    Slots,
    check_references,
    each_chunk,
    fetch_upload,
    receive_upload,
)
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.problems import Problem, ProblemKind, responses

__all__ = ["router"]

T = TypeVar("T")

router = APIRouter(tags=["soft bindings"])

Fetches = Annotated[Caller, Depends(caller_for(Scope.FETCH_MANIFESTS, anonymous=True))]
StoresManifests = Annotated[Caller, Depends(caller_for(Scope.STORE_MANIFESTS))]
StoresBindings = Annotated[Caller, Depends(caller_for(Scope.STORE_BINDINGS))]
MaxResults = Annotated[int, Query(alias="maxResults", ge=1, le=1000)]
Algorithm = Annotated[AlgorithmName, Query(alias="alg")]
MaybeAlgorithm = Annotated[AlgorithmName | None, Query(alias="alg")]
ManifestPath = Annotated[str, Path(pattern=r"^[!-~]+$", min_length=1, max_length=300)]

_MOST = 10
_MAX_VALUE_CHARS = 2048
_TYPES = ("image/", "audio/", "video/", "application/", "model/", "text/")
_COMMON = (
    ProblemKind.BAD_REQUEST,
    ProblemKind.UNAUTHORISED,
    ProblemKind.FORBIDDEN,
    ProblemKind.WRONG_HOST,
    ProblemKind.INVALID,
    ProblemKind.RATE_LIMITED,
    ProblemKind.INTERNAL,
    ProblemKind.UNAVAILABLE,
)
_QUERY = responses(*_COMMON)
_STORE = responses(*_COMMON, ProblemKind.NOT_FOUND, ProblemKind.CONFLICT)
_CONTENT = responses(
    *_COMMON,
    ProblemKind.EMPTY_UPLOAD,
    ProblemKind.UPLOAD_TIMEOUT,
    ProblemKind.TOO_LARGE,
    ProblemKind.UNSUPPORTED_BODY,
    ProblemKind.STORAGE_FULL,
)
_ANY_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            f"{kind}*": {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES
        },
    }
}
_MANIFEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/c2pa": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_MANIFEST: dict[int | str, dict[str, Any]] = {
    **_STORE,
    200: {
        "description": "The manifest store.",
        "content": {"application/c2pa": {"schema": {"type": "string", "format": "binary"}}},
    },
}


@router.get(
    "/v1/matches/byBinding",
    responses={**_QUERY, **responses(ProblemKind.URI_TOO_LONG)},
    operation_id="findByBinding",
)
async def find_by_binding(
    request: Request,
    caller: Fetches,
    alg: Algorithm,
    value: Annotated[str, Query(min_length=1)],
    max_results: MaxResults = _MOST,
) -> QueryResult:
    """Look up a soft binding."""
    if len(value) > _MAX_VALUE_CHARS:
        raise Problem(ProblemKind.URI_TOO_LONG)
    return await _by_binding(request, caller, alg, value, max_results)


@router.post("/v1/matches/byBinding", responses=_QUERY, operation_id="queryByBinding")
async def query_by_binding(
    request: Request, caller: Fetches, body: BindingQuery, max_results: MaxResults = _MOST
) -> QueryResult:
    """Look up a soft binding that is too long for an address."""
    return await _by_binding(request, caller, body.alg, body.value, max_results)


@router.post(
    "/v1/matches/byContent",
    responses=_CONTENT,
    openapi_extra=_ANY_BODY,
    operation_id="queryByContent",
)
async def query_by_content(  # noqa: PLR0917 - query parameters
    request: Request,
    caller: Fetches,
    alg: MaybeAlgorithm = None,
    max_results: MaxResults = _MOST,
    hint_alg: Annotated[AlgorithmName | None, Query(alias="hintAlg")] = None,
    hint_value: Annotated[
        str | None, Query(alias="hintValue", min_length=1, max_length=_MAX_VALUE_CHARS)
    ] = None,
) -> QueryResult:
    """Look up a file: by its bytes, by what it looks or sounds like, and by the caller's hint.

    It is judged as an upload is, in a process that is shut in, and not kept. What is only
    alike is a lead, and says so by its score.
    """
    del alg
    if not request.headers.get("Content-Type", "").lower().startswith(_TYPES):
        raise Problem(ProblemKind.UNSUPPORTED_BODY)
    slots: Slots = request.app.state.slots
    async with slots.taken(request, caller):
        upload = await receive_upload(request)
        found = await _by_file(request, caller, upload, max_results)
    if hint_alg is not None and hint_value is not None:
        lookup = _lookup(request, caller)
        hinted = await _asked(lambda: lookup.by_binding(hint_alg, hint_value, most=max_results))
        known = {match.label for match in found}
        found = [*found, *(match for match in hinted if match.label not in known)]
    return _result(request, found[:max_results])


@router.post(
    "/v1/matches/byReference",
    responses={
        **_QUERY,
        **responses(
            ProblemKind.SWITCHED_OFF,
            ProblemKind.EMPTY_UPLOAD,
            ProblemKind.TOO_LARGE,
            ProblemKind.STORAGE_FULL,
            ProblemKind.UNFETCHABLE,
        ),
    },
    operation_id="queryByReference",
)
async def query_by_reference(
    request: Request, caller: Fetches, body: ReferenceQuery, max_results: MaxResults = _MOST
) -> QueryResult:
    """Look up a file that is fetched from where it is, if the operator lets that be done.

    No more is read than the length that was told, no redirection is followed, and only
    public addresses are asked. What kind of file it is, its bytes say.
    """
    check_references(request, caller)
    slots: Slots = request.app.state.slots
    async with slots.taken(request, caller):
        upload = await fetch_upload(request, body.referenceUrl, max_bytes=body.assetLength)
        found = await _by_file(request, caller, upload, max_results)
    return _result(request, found[:max_results])


@router.post("/v1/bindings", status_code=204, responses=_STORE, operation_id="storeBinding")
async def store_binding(request: Request, caller: StoresBindings, body: NewBinding) -> Response:
    """Let a soft binding lead to a manifest of the key's agency."""
    lookup = _lookup(request, caller, writes=True)
    if not await _asked(lambda: lookup.bind(body.alg, body.bindingValue, body.manifestId)):
        raise Problem(ProblemKind.NOT_FOUND)
    return Response(status_code=204)


@router.put("/v1/bindings", status_code=204, responses=_STORE, operation_id="updateBinding")
async def update_binding(request: Request, caller: StoresBindings, body: NewBinding) -> Response:
    """Let a soft binding lead to another manifest of the key's agency."""
    lookup = _lookup(request, caller, writes=True)
    if not await _asked(lambda: lookup.repoint(body.alg, body.bindingValue, body.manifestId)):
        raise Problem(ProblemKind.NOT_FOUND)
    return Response(status_code=204)


@router.post(
    "/v1/manifests",
    responses={**_CONTENT, **_STORE},
    openapi_extra=_MANIFEST_BODY,
    operation_id="storeManifest",
)
async def store_manifest(request: Request, caller: StoresManifests) -> StoredManifestId:
    """Store a manifest store of the key's agency."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/c2pa":
        raise Problem(ProblemKind.UNSUPPORTED_BODY, "Content-Type: expected application/c2pa")
    lookup = _lookup(request, caller, writes=True)
    body = bytearray()

    async def take(chunk: bytes) -> None:
        body.extend(chunk)
        if len(body) > DEFAULT_LIMITS.max_manifest_store_bytes:
            raise Problem(ProblemKind.TOO_LARGE, headers={"Connection": "close"})

    await each_chunk(request, take)
    return StoredManifestId(manifestId=await _asked(lambda: lookup.store(bytes(body))))


@router.get("/v1/manifests/{id}", responses=_MANIFEST, operation_id="getManifest")
async def get_manifest(
    request: Request,
    caller: Fetches,
    id: ManifestPath,  # noqa: A002 - its name
    active_only: Annotated[bool, Query(alias="returnActiveManifest")] = False,  # noqa: FBT002
) -> Response:
    """Fetch a manifest store by the label of its active manifest."""
    if active_only:
        # Its ingredients would be missing, and with them what it was made from.
        raise Problem(ProblemKind.BAD_REQUEST, "returnActiveManifest: stores are given whole")
    lookup = _lookup(request, caller)
    manifest = await _asked(lambda: lookup.manifest(id))
    if manifest is None:
        raise Problem(ProblemKind.NOT_FOUND)
    return Response(manifest.store, media_type="application/c2pa")


@router.delete(
    "/v1/manifests/{id}", status_code=204, responses=_STORE, operation_id="deleteManifest"
)
async def delete_manifest(
    request: Request,
    caller: StoresManifests,
    id: ManifestPath,  # noqa: A002 - its name
) -> Response:
    """Delete a manifest store that the key's agency stored, with its bindings.

    What follows from a signed statement of the agency stays.
    """
    lookup = _lookup(request, caller, writes=True)
    if not await _asked(lambda: lookup.remove(id)):
        raise Problem(ProblemKind.NOT_FOUND)
    return Response(status_code=204)


@router.get("/v1/manifests/{id}/receipts", responses=_STORE, operation_id="getReceipts")
async def get_receipts(request: Request, caller: Fetches, id: ManifestPath) -> Response:  # noqa: A002
    """Say that there are no receipts: what agencies state is proved by the release log."""
    del request, caller, id
    raise Problem(ProblemKind.NOT_FOUND)


@router.post("/v1/manifests/{id}/receipts", responses=_STORE, operation_id="addReceipt")
async def add_receipt(request: Request, caller: StoresManifests, id: ManifestPath) -> Response:  # noqa: A002
    """Refused: no receipts of others are kept."""
    del request, caller, id
    raise Problem(ProblemKind.NOT_FOUND)


@router.get("/v1/services/supportedAlgorithms", operation_id="getSupportedAlgorithms")
async def supported_algorithms() -> SupportedAlgorithms:
    """List the algorithms of the soft bindings that are looked up."""
    return SupportedAlgorithms(watermarks=(), fingerprints=(NamedAlgorithm(alg=ISCC),))


@router.get("/v1/services/status", operation_id="getServiceStatus")
async def service_status(request: Request) -> ServiceStatus:
    """Say how the service is."""
    parts = parts_of(request)
    try:
        await asyncio.to_thread(parts.check_database)
    except StoreError:
        return ServiceStatus(status="down", timestamp=parts.clock())
    return ServiceStatus(status="ok", timestamp=parts.clock())


@router.get("/v1/services/capabilities", operation_id="getServiceCapabilities")
async def capabilities(request: Request) -> Capabilities:
    """Say what the service does."""
    by_reference = () if parts_of(request).fetcher is None else ("queryByReference",)
    return Capabilities(
        supportedCapabilities=(
            "queryByContent",
            *by_reference,
            "storeManifests",
            "storeBindings",
        )
    )


@router.get("/.well-known/c2pa-soft-binding-resolution", operation_id="discover")
async def discover(request: Request) -> Discovery:
    """Say where the Soft Binding Resolution API is."""
    return Discovery(
        apiEndpoint=url_of(request, "/v1"),
        capabilitiesEndpoint=url_of(request, "/v1/services/capabilities"),
        statusEndpoint=url_of(request, "/v1/services/status"),
    )


async def _by_file(
    request: Request, caller: Caller, upload: Upload, most: int
) -> list[FoundManifest]:
    """What these bytes lead to; they are not kept."""
    parts = parts_of(request)
    try:
        policy = policy_of(request, None).name
        judged = parts.judges.submit(policy, upload.path, name=None, sidecar=None)
        report = await asyncio.wrap_future(judged)
    finally:
        parts.uploads.remove(upload.name)
    lookup = _lookup(request, caller)
    found = list(await _asked(lambda: lookup.by_digest(upload.sha256, most=most)))
    alike = await _asked(lambda: lookup.by_report(report, most=most))
    known = {match.label for match in found}
    return found + [match for match in alike if match.label not in known]


async def _by_binding(
    request: Request, caller: Caller, alg: str, value: str, most: int
) -> QueryResult:
    lookup = _lookup(request, caller)
    return _result(request, await _asked(lambda: lookup.by_binding(alg, value, most=most)))


def _lookup(request: Request, caller: Caller, *, writes: bool = False) -> BindingLookup:
    if writes and caller.reader is None:
        raise Problem(ProblemKind.FORBIDDEN, "a key of an agency is needed")
    parts = parts_of(request)
    return BindingLookup(parts.register, caller.reader, parts.clock)


async def _asked(ask: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(ask)
    except MalformedError as error:
        raise Problem(ProblemKind.BAD_REQUEST, str(error)) from error


def _result(request: Request, found: Sequence[FoundManifest]) -> QueryResult:
    endpoint = url_of(request, "/v1")
    return QueryResult(
        matches=tuple(
            Match(manifestId=match.label, endpoint=endpoint, similarityScore=match.score)
            for match in found
        )
    )
