"""`make serve`: the page with the demo's agency, as anybody would start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_demos_files_until_it_is_stopped(tmp_path: Path) -> None:
    out = tmp_path / "stage"
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.serve", "--out", str(out), "--port", "0"],
        cwd=ROOT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "PROVENANCE_SERVICE_MIN_FREE_BYTES": "0"},
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
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
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
        if process.stderr is not None:
            process.stderr.close()
    assert process.returncode is not None
