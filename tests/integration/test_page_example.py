"""`make serve`: the page with the demo's agency, as anybody would start it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from provenance.runtime.clock import system_clock
from tests.factory.staff import PASSWORD, code_at, csrf_in

ROOT = Path(__file__).parents[2]


def complain_and_decide(client: httpx2.Client, *, link: str) -> None:
    """Report a problem, become the reviewer by the printed link, claim the case."""
    complaint = {
        "url": "https://video.example/watch?v=1", "category": "impersonation", "role": "anyone",
        "explanation": "It poses as NOVA9.", "good_faith": "yes",
    }  # fmt: skip
    client.headers |= {"Origin": str(client.base_url).rstrip("/"), "Accept": "text/html"}
    client.headers |= {"Sec-Fetch-Site": "same-origin"}
    assert client.post("/report?lang=en", data=complaint).status_code == 201
    form = {"csrf": csrf_in(client.get(link).text), "link": link.rpartition("=")[2]}
    form |= {"password": PASSWORD, "again": PASSWORD}
    page = client.post("/mod/enrol?lang=en", data=form, follow_redirects=True).text
    secret = re.search(r"\b(?:[A-Z2-7]{4} ?){8}\b", page)
    assert secret is not None, page
    code = code_at(secret[0].replace(" ", ""), system_clock())
    form = {"csrf": csrf_in(page), "code": code}
    page = client.post("/mod/enrol/second?lang=en", data=form, follow_redirects=True).text
    queue = re.search(r"/mod\?lang=en", page)
    assert queue is not None, page
    page = client.get(queue[0]).text
    case = re.search(r"/mod/cases/[\w-]{22}", page)
    assert case is not None, page
    form = {"csrf": csrf_in(page)}
    done = client.post(f"{case[0]}/claim?lang=en", data=form, follow_redirects=True)
    assert f"{case[0]}/decide" in done.text


def test_the_page_shows_the_demos_files_until_it_is_stopped(tmp_path: Path) -> None:
    out = tmp_path / "stage"
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.serve", "--out", str(out), "--port", "0"],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "PROVENANCE_SERVICE_MIN_FREE_BYTES": "0"},
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        listening = next(
            line for line in map(json.loads, process.stderr) if line.get("event") == "listening"
        )
        url = f"http://{listening['host']}:{listening['port']}"
        with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
            home = client.get("/?lang=ko", headers={"Accept": "text/html"})
            assert "누가 공개했을까요" in home.text
            file = {"file": ("picture.jpg", (out / "picture.jpg").read_bytes(), "image/jpeg")}
            answer = client.post("/check?lang=en", files=file, follow_redirects=True)
            assert "Official release of Aurora Entertainment." in answer.text
            keys = client.get("/.well-known/provenance-keys.json").json()["keys"]
            assert [key["crv"] for key in keys] == ["Ed25519"]
            told = [process.stdout.readline() for _ in range(3)]
            assert all(line.startswith("TEST: ") for line in told)
            complain_and_decide(client, link=told[2].split()[-1])
            assert listening["host"] == "127.0.0.1"
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    assert process.returncode is not None
