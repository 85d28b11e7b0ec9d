"""A platform's end of moderation: what a decision asks for is done here, and confirmed.

    export PROVENANCE_URL=http://127.0.0.1:8080 PROVENANCE_KEY=pv_live_...   # scope: actions
    export WEBHOOK_SECRET=whsec_...        # the one in the service's file of receivers
    uvicorn moderation_actions:app --port 8099

Messages may come twice, late, or in another order than they were sent; what is shown is the
same in the end. The store is a toy, a table of posts in SQLite: put your own in its place.
Needs `pip install fastapi uvicorn httpx2`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import httpx2
from fastapi import FastAPI, HTTPException, Request, Response

SERVICE = os.environ.get("PROVENANCE_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("PROVENANCE_KEY", "")
SECRET = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
STORE = os.environ.get("POSTS", "posts.db")

TOLERANCE_S = 300
MAX_BODY_BYTES = 256 * 1024
# What this platform can do by itself, and what people then see. The rest is for its people.
SHOWN = {
    "remove": "gone",
    "disable": "gone",
    "hash-block": "gone",
    "restrict": "only by its address",
    "age-gate": "for adults",
    "label": "with a label",
}

app = FastAPI()


@contextmanager
def store() -> Iterator[sqlite3.Connection]:
    """The toy store, in one transaction."""
    with closing(sqlite3.connect(STORE, timeout=10)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS posts (url TEXT PRIMARY KEY, sha256 TEXT)")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS actions (id TEXT PRIMARY KEY, type TEXT, url TEXT, "
            "sha256 TEXT, holds INTEGER)"
        )
        yield connection


def check_signature(headers: Mapping[str, str], body: bytes) -> None:
    """Refuse what the service did not send just now (Standard Webhooks 1.0).

    The bytes are signed: they are checked as they came, before anything is read from them.
    """
    name, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > TOLERANCE_S:
        raise HTTPException(401, "too old, or without a time")
    signed = f"{name}.{sent_at}.".encode() + body
    expected = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    # Several signatures while the secret is being changed; compared in the same time always.
    given = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(f"v1,{expected}".encode(), one.encode()) for one in given):
        raise HTTPException(401, "not signed with our secret")


@app.post("/moderation", status_code=204)
async def message(request: Request) -> Response:
    """Take a message. Whatever is answered but 2xx, it comes again later."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, "too long")
    check_signature(request.headers, body)
    told = json.loads(body)
    if told["type"] == "action.requested":
        await settle(told["data"]["action"], perform(told["data"]))
    elif told["type"] == "action.reversed":
        take_back(told["data"]["action"])
    # Of the rest nothing has to be done here: a new kind of message is no error.
    return Response(status_code=204)


def perform(asked: Mapping[str, Any]) -> str | None:
    """Do it, once: why not, if it cannot be done."""
    kind, subject = asked["type"], asked["subject"]
    if kind not in SHOWN:
        return f"{kind}: is done by a person here"
    # Of a restricted case no address is sent: a person looks it up in the console.
    if "url" not in subject:
        return "no address was sent: is done by a person here"
    with store() as connection:
        # What was taken back before this message arrived stays taken back.
        connection.execute(
            "INSERT OR IGNORE INTO actions VALUES (?, ?, ?, ?, 1)",
            (asked["action"], kind, subject["url"], subject["sha256"]),
        )
    return None


def take_back(action: str) -> None:
    """Let an action hold no more, also one that we are only going to be asked for."""
    with store() as connection:
        connection.execute(
            "INSERT INTO actions VALUES (?, NULL, NULL, NULL, 0) "
            "ON CONFLICT (id) DO UPDATE SET holds = 0",
            (action,),
        )


async def settle(action: str, why_not: str | None) -> None:
    """Tell the service what became of it."""
    said = {"state": "done"} if why_not is None else {"state": "failed", "why": why_not}
    # Our own setting says where, and no message: the key goes nowhere else.
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(base_url=SERVICE, headers=headers, timeout=5) as service:
        answer = await service.post(f"/v1/actions/{action}", json=said)
    # 409: it was taken back meanwhile, and `action.reversed` is on its way.
    if answer.status_code not in {200, 409}:
        raise HTTPException(503, "done, and not confirmed: please tell again")


@app.put("/posts", status_code=204)
async def put_post(request: Request) -> Response:
    """Somebody posts something."""
    post = await request.json()
    with store() as connection:
        row = (post["url"], post.get("sha256"))
        connection.execute("INSERT OR REPLACE INTO posts VALUES (?, ?)", row)
    return Response(status_code=204)


@app.get("/posts")
async def posts() -> dict[str, list[str]]:
    """How each post is shown: by what holds of it, or of another post of the same file."""
    with store() as connection:
        rows = connection.execute(
            "SELECT posts.url, actions.type FROM posts LEFT JOIN actions ON holds = 1 AND "
            "(actions.url = posts.url OR actions.sha256 = posts.sha256)"
        ).fetchall()
    shown: dict[str, list[str]] = {}
    for url, kind in rows:
        words = shown.setdefault(url, [])
        if kind is not None and SHOWN[kind] not in words:
            words.append(SHOWN[kind])
    return shown
