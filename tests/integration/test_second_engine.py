"""Both engines over samples of every format; and the second one opens no socket and no file."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import Verdict
from provenance.verification.policy import Policy
from provenance.verification.second_opinion import CHECK
from tests.factory import judging, media, surgery
from tests.factory.command_line import Cli
from tests.factory.sign import sign, store_of

ROOT = Path(__file__).parents[2]
JPEG = "image/jpeg"
KNOWN = {"docx", "epub"}
"""Formats whose binding the second engine cannot read: a difference that is on the list."""

Judge = Callable[..., Report]


@pytest.fixture(scope="module")
def judge(agency: DevAgency) -> Judge:
    policy = Policy(name="two engines", version="1", second_engine=True)
    return judging.verifier_of(judging.directory_of(agency), policy=policy).verify


def _not_run(report: Report) -> list[str]:
    return [entry.why for entry in report.checks_not_run if entry.check == CHECK]


@pytest.mark.parametrize("kind", sorted(media.SAMPLES))
def test_a_good_file(kind: str, signed: Callable[..., bytes], judge: Judge) -> None:
    report = judge(signed(kind))
    assert report.verdict is Verdict.OFFICIAL
    if kind in KNOWN:
        assert "known difference collection-map" in _not_run(report)[0]
    else:
        assert report.has(FindingCode.SECOND_ENGINE_AGREES)
        assert _not_run(report) == []


@pytest.mark.parametrize("kind", sorted(media.SAMPLES))
def test_a_changed_file(kind: str, signed: Callable[..., bytes], judge: Judge) -> None:
    report = judge(surgery.flip_in_media(signed(kind), media.MEDIA_TYPES[kind]))
    assert report.verdict is Verdict.ALTERED
    assert report.has(FindingCode.SECOND_ENGINE_AGREES) is (kind not in KNOWN), _not_run(report)


@pytest.mark.parametrize("kind", sorted(media.SAMPLES))
def test_a_file_without_credentials(kind: str, judge: Judge) -> None:
    report = judge(media.make(kind))
    assert report.verdict is Verdict.UNVERIFIED
    assert report.has(FindingCode.SECOND_ENGINE_AGREES)


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "wav", "pdf"])
def test_credentials_of_another_file(kind: str, signed: Callable[..., bytes], judge: Judge) -> None:
    media_type = media.MEDIA_TYPES[kind]
    moved = surgery.replace_store(signed(kind, 2), media_type, store_of(signed(kind), media_type))
    report = judge(moved)
    assert report.verdict is Verdict.ALTERED
    assert report.has(FindingCode.SECOND_ENGINE_AGREES)


def test_on_the_command_line(
    cli: Cli, directory: tuple[str, str], tmp_path: Path, signed_jpeg: bytes
) -> None:
    file = tmp_path / "official.jpg"
    file.write_bytes(signed_jpeg)
    done = cli("verify", *directory, "--second-engine", "--json", str(file))
    (report,) = done.reports
    assert done.code == 0
    assert "second-engine-agrees" in [found["code"] for found in report["findings"]]
    assert report["context"]["second_engine"]["name"] == "encypher-c2pa"
    assert report["context"]["policy"] == {"name": "settings", "version": "second-engine"}


def test_asked_for_on_the_command_line_and_not_installed(
    cli: Cli,
    directory: tuple[str, str],
    tmp_path: Path,
    signed_jpeg: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "official.jpg"
    file.write_bytes(signed_jpeg)
    monkeypatch.setitem(sys.modules, "encypher_c2pa", None)
    done = cli("verify", *directory, "--second-engine", str(file))
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "provenance: --second-engine: the second engine is not installed: "
        "pip install 'provenance-verifier[second-engine]'\n"
    )
    assert cli("verify", *directory, str(file)).code == 0


@dataclass
class _Listener:
    """An HTTP server on loopback that notes every request."""

    url: str
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[_Listener]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the server looks for
            noted.requests.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_POST = do_CONNECT = do_GET  # noqa: N815 - the same

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        noted = _Listener(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield noted
        server.shutdown()
        thread.join()


_OURS = """
import io, sys
from pathlib import Path
from provenance.credentials.second_engine import SecondEngine
engine = SecondEngine()
for path in sys.argv[1:]:
    print(engine.read(io.BytesIO(Path(path).read_bytes()), "image/jpeg").state)
"""
# The same calls, with everything switched on that ours switch off.
_OPEN = """
import json, sys, time
from pathlib import Path
import encypher_c2pa
options = json.dumps({
    "no_default_trust": True, "online": True, "online_allow_private_networks": True,
    "telemetry": {"enabled": True, "endpoint": sys.argv[1] + "/telemetry", "sdk_name": "python"},
})
for path in sys.argv[2:]:
    encypher_c2pa.verify_bytes(Path(path).read_bytes(), "image/jpeg", options)
time.sleep(0.5)
"""


@pytest.fixture
def tempting(tmp_path: Path, agency_signer: MemorySigner, listener: _Listener) -> list[str]:
    """Files that give the engine reasons to ask somebody: an address, a failure, a good one."""
    good = sign(media.jpeg(), JPEG, signer=agency_signer)
    elsewhere = sign(
        media.jpeg(2), JPEG, signer=agency_signer, remote_url=f"{listener.url}/manifest.c2pa"
    )
    files = {
        "elsewhere.jpg": surgery.strip_store(elsewhere, JPEG),
        "changed.jpg": surgery.flip_in_media(good, JPEG),
        "good.jpg": good,
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return [str(tmp_path / name) for name in files]


def _environment(home: Path, listener: _Listener) -> dict[str, str]:
    """Everything that could talk the engine into using the network."""
    home.mkdir()
    proxies = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
        listener.url,
    )
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "ENCYPHER_C2PA_ONLINE": "on",
        "ENCYPHER_C2PA_TELEMETRY": "on",
        "ENCYPHER_C2PA_UPDATE_CHECK": "on",
        **proxies,
    }


def test_nobody_is_asked_and_nothing_is_kept(
    tmp_path: Path, tempting: list[str], listener: _Listener
) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", _OURS, *tempting],
        env=_environment(home, listener),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["unreadable", "mismatch", "matches"]
    assert listener.requests == []
    assert list(home.iterdir()) == []


def test_twin_it_would_ask_if_it_were_let(
    tmp_path: Path, tempting: list[str], listener: _Listener
) -> None:
    subprocess.run(
        [sys.executable, "-c", _OPEN, listener.url, *tempting],
        env={**os.environ, "HOME": str(tmp_path)},
        check=True,
        timeout=60,
    )
    assert "/manifest.c2pa" in listener.requests
    assert "/telemetry" in listener.requests


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("script", [_OURS, _OPEN], ids=["ours", "twin with all switched on"])
def test_system_calls(
    script: str, tmp_path: Path, tempting: list[str], listener: _Listener
) -> None:
    trace = tmp_path / "trace"
    arguments = tempting if script == _OURS else [listener.url, *tempting]
    strace = ["strace", "-f", "-e", "trace=network", "-o", str(trace)]
    # Where tracing is forbidden, strace fails, and so does this test.
    subprocess.run(
        [*strace, sys.executable, "-c", script, *arguments],
        env=_environment(tmp_path / "home", listener),
        capture_output=True,
        check=True,
        timeout=60,
    )
    calls = re.findall(r"\b(socket|connect|sendto|bind)\(", trace.read_text("utf-8"))
    assert bool(calls) is (script == _OPEN), trace.read_text("utf-8")[:2000]
