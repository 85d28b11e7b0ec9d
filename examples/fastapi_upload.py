"""An upload hook for FastAPI: every upload is verified before it is stored.

    PROVENANCE_URL=http://127.0.0.1:8080 PROVENANCE_KEY=pv_live_... uvicorn fastapi_upload:app

The file goes on as it comes, so memory stays flat. What to do with a verdict is the
platform's own policy: here everything is accepted, and the disclosure is stored beside it.
Needs `pip install fastapi uvicorn httpx2`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI, HTTPException, Request

SERVICE = os.environ.get("PROVENANCE_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("PROVENANCE_KEY", "")
STORE = Path(os.environ.get("UPLOADS", "uploads"))

STORE.mkdir(parents=True, exist_ok=True)
app = FastAPI()


@app.put("/uploads")
async def upload(request: Request) -> dict[str, Any]:
    """Take a file, and say what to show beside it."""
    name = uuid.uuid4().hex
    path = STORE / name

    async def passing_through() -> AsyncIterator[bytes]:
        with path.open("xb") as stored:
            async for chunk in request.stream():
                stored.write(chunk)
                yield chunk

    headers = {
        "Authorization": f"Bearer {KEY}",
        # A repetition of this request is not judged twice.
        "Idempotency-Key": name,
        "Accept-Language": request.headers.get("Accept-Language", "en"),
    }
    async with httpx2.AsyncClient(base_url=SERVICE, headers=headers, timeout=120) as service:
        answer = await service.put("/v1/disclosures", content=passing_through())
    if answer.status_code != 200:
        path.unlink(missing_ok=True)
        # Neither pass nor fail: it could not be asked. 415: it is no media file.
        raise HTTPException(415 if answer.status_code == 415 else 503, answer.json()["title"])
    disclosure: dict[str, Any] = answer.json()
    path.with_suffix(".json").write_text(answer.text, "utf-8")
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
