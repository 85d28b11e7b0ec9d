"""A queue worker: files that wait in a folder are verified as one batch job.

    export PROVENANCE_URL=http://127.0.0.1:8080 PROVENANCE_KEY=pv_live_...
    python queue_worker.py incoming done

Moves each file to DONE, with its report beside it as NAME.json. Stopped at any moment, it
can be started again: a file leaves the queue when its report is written. In place of asking
again and again, give the job a webhook. Needs nothing but Python.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

SERVICE = os.environ.get("PROVENANCE_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("PROVENANCE_KEY", "")
WAIT_S = 0.5
GIVE_UP_S = 600.0


def call(method: str, path: str, body: bytes | Path | None = None, kind: str = "") -> Any:
    """One request; the answer's document."""
    url = path if "://" in path else f"{SERVICE}{path}"
    request = urllib.request.Request(url, method=method)  # noqa: S310 - our own service
    request.add_header("Authorization", f"Bearer {KEY}")
    if kind:
        request.add_header("Content-Type", kind)
    if isinstance(body, Path):
        with body.open("rb") as stream:
            request.add_header("Content-Length", str(body.stat().st_size))
            request.data = stream
            return answer_to(request)
    request.data = body
    return answer_to(request)


def answer_to(request: urllib.request.Request) -> Any:
    """The document; a refusal says why."""
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - see above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            problem = json.load(error)
        raise SystemExit(f"{request.selector}: {problem['title']}") from error


def main() -> int:
    """Verify what is in the folder now."""
    if len(sys.argv) != 3:
        print("usage: queue_worker.py INCOMING DONE", file=sys.stderr)
        return 2
    incoming, done = map(Path, sys.argv[1:])
    done.mkdir(parents=True, exist_ok=True)
    waiting = sorted(path for path in incoming.iterdir() if path.is_file())
    if not waiting:
        return 0
    job = call("POST", "/v1/jobs", b"{}", "application/json")
    for path in waiting:
        name = quote(path.name, safe="")
        call("PUT", f"/v1/jobs/{job['id']}/files/{name}", path, "application/octet-stream")
    call("POST", f"/v1/jobs/{job['id']}/close")
    deadline = time.monotonic() + GIVE_UP_S
    while (state := call("GET", f"/v1/jobs/{job['id']}")["state"]) in {"open", "running"}:
        if time.monotonic() > deadline:
            print(f"job {job['id']}: has not ended", file=sys.stderr)
            return 1
        time.sleep(WAIT_S)
    after, more = 0, True
    while more:
        page = call("GET", f"/v1/jobs/{job['id']}/files?after={after}")
        for file in page["files"]:
            after = file["number"]
            settle(file, incoming, done)
        more = page["more"]
    if state != "done":
        # What has its report has left the queue; the rest is in the next run's job.
        print(f"job {job['id']}: {state}", file=sys.stderr)
        return 1
    return 0


def settle(file: dict[str, Any], incoming: Path, done: Path) -> None:
    """Write a file's report, and then take the file out of the queue."""
    name = file["name"]
    if file["report"] is None:
        print(f"{name}: not verified: {file['why'] or file['state']}", file=sys.stderr)
        return
    report = call("GET", file["report"])
    (done / f"{name}.json").write_text(json.dumps(report), "utf-8")
    (incoming / name).rename(done / name)
    print(f"{name}: {report['verdict']}: {report['summary']}")


if __name__ == "__main__":
    sys.exit(main())
