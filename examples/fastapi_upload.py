"""An upload hook for FastAPI: every upload is verified before it is stored.

    PROVENANCE_URL=http://127.0.0.1:8080 PROVENANCE_KEY=pv_live_... uvicorn fastapi_upload:app

The file goes on as it comes, so memory stays flat. It has its name in the store once it is whole
and was answered; a `.part` that is days old is from a process that was killed. What to do with a
verdict is the platform's own policy: here everything is accepted, and the disclosure is stored
beside it. Needs `pip install fastapi uvicorn httpx2`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI, HTTPException, Request
from starlette.requests import ClientDisconnect

SERVICE = os.environ.get("PROVENANCE_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("PROVENANCE_KEY", "")
STORE = Path(os.environ.get("UPLOADS", "uploads"))

STORE.mkdir(parents=True, exist_ok=True)
app = FastAPI()


@app.put("/uploads")
async def upload(request: Request) -> dict[str, Any]:
    """Take a file, and say what to show beside it."""
    temporary = STORE / f".{uuid.uuid4().hex}.part"

    async def passing_through() -> AsyncIterator[bytes]:
        with temporary.open("xb") as stored:
            async for chunk in request.stream():
                stored.write(chunk)
                yield chunk
            stored.flush()
            await asyncio.to_thread(os.fsync, stored.fileno())

    try:
        answer = await ask(request, passing_through())
        if answer.status_code != 200:
            raise refused(answer)
        disclosure: dict[str, Any] = answer.json()
        # A repetition has the same report, and so the same name: it is stored once.
        name = disclosure["report"]["id"]
        STORE.joinpath(f"{name}.json").write_text(answer.text, "utf-8")
        temporary.rename(STORE / name)
    finally:
        # Whatever happened: only a whole file with its answer has a name.
        temporary.unlink(missing_ok=True)
    return {
        "id": name,
        "show": disclosure["text"],
        "verdict": disclosure["verdict"],
        # What Californian law asks large platforms to show from 2027.
        "provenance_data_available": disclosure["provenance_data_available"],
        "system_or_device": disclosure["system_or_device"],
        "digital_signature_available": disclosure["digital_signature_available"],
        "inspect": disclosure["report"]["url"],
    }


async def ask(request: Request, body: AsyncIterator[bytes]) -> httpx2.Response:
    """What does the service say of this upload?"""
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Accept-Language": request.headers.get("Accept-Language", "en"),
    }
    if (repeated := request.headers.get("Idempotency-Key")) is not None:
        # Whoever uploads it once more sends the same: a repetition is not judged twice. A
        # platform with accounts hashes the account with it.
        headers["Idempotency-Key"] = hashlib.sha256(repeated.encode()).hexdigest()
    try:
        async with httpx2.AsyncClient(base_url=SERVICE, headers=headers, timeout=120) as service:
            return await service.put("/v1/disclosures", content=body)
    except ClientDisconnect as error:
        raise HTTPException(400, "the file did not arrive whole") from error
    except httpx2.TransportError as error:
        raise HTTPException(503, "the service that verifies is away") from error


def refused(answer: httpx2.Response) -> HTTPException:
    """Neither pass nor fail: it could not be asked, unless the reason is the upload's own.

    409: the same request is being worked on. 413: too large. 415: it is no media file. 422: the
    key was used for another file.
    """
    status = answer.status_code if answer.status_code in {409, 413, 415, 422} else 503
    try:
        return HTTPException(status, answer.json()["title"])
    except (ValueError, KeyError, TypeError):
        # Not the service's own words: something before it answered.
        return HTTPException(503, f"the service that verifies answered {answer.status_code}")
