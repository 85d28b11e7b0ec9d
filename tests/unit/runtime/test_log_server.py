from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from provenance.errors import ConfigurationError, FetchError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.errors import LogError
from provenance.registry.log.monitor import LogMonitor
from provenance.registry.log.prove import make_inclusion_proof
from provenance.registry.log.reader import read_checkpoint
from provenance.runtime.log_reader import WebReader, open_log_reader
from provenance.runtime.log_server import LogServer
from provenance.signing.memory_signer import MemorySigner
from tests.factory.keepers import serving
from tests.factory.release_log import AT, Trial


@contextmanager
def served(folder: Path) -> Iterator[LogServer]:
    with LogServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, agency_signer: MemorySigner) -> Trial:
    trial = Trial(tmp_path_factory.mktemp("served") / "log", agency_signer)
    trial.fill(260)
    stamps = trial.folder.public / "time-stamp"
    stamps.mkdir()
    (stamps / "260.tst").write_bytes(b"token")
    (trial.folder.public / "tile" / "0" / "009").symlink_to(trial.folder.path / "log.json")
    (trial.folder.public / "tile" / "0" / "008").mkdir()
    return trial


@pytest.fixture(scope="module")
def server(log: Trial) -> Iterator[LogServer]:
    with served(log.folder.public) as running:
        yield running


def ask(server: LogServer, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=5)  # type: ignore[arg-type]
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "kind", "caching"),
    [
        ("/checkpoint", "text/plain; charset=utf-8", "public, max-age=5"),
        ("/tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/tile/0/001.p/4", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/tile/entries/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/time-stamp/260.tst", "application/timestamp-token", "public, max-age=31536000, immut"),
    ],
)
def test_files_are_served_with_the_caching_they_allow(
    path: str, kind: str, caching: str, server: LogServer, log: Trial
) -> None:
    status, headers, body = ask(server, path)
    assert (status, headers["content-type"]) == (200, kind)
    assert headers["cache-control"].startswith(caching)
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" in headers
    assert "Python" not in headers["server"]
    assert body == (log.folder.public / path[1:]).read_bytes()
    status, headers, nothing = ask(server, path, "HEAD")
    assert (status, headers["content-length"], nothing) == (200, str(len(body)), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/tile/0/002",
        "/tile/0/000.p/256",
        "/tile/0/../../checkpoint",
        "/../log.json",
        "/../entries.sqlite",
        "/%2e%2e/log.json",
        "/tile/0/000?x",
        "/checkpoint/",
        "/time-stamp/1.tst",
        # A link out of the folder, and a folder, under the name of a tile.
        "/tile/0/009",
        "/tile/0/008",
    ],
)
def test_nothing_else_is_served(path: str, server: LogServer) -> None:
    status, headers, body = ask(server, path)
    assert (status, headers["cache-control"], body) == (404, "no-store", b"")


def test_nothing_can_be_sent(server: LogServer) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert ask(server, "/checkpoint", method)[0] == 501


def test_a_port_that_is_taken_is_said(log: Trial) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}: cannot be listened on"):
            LogServer(log.folder.public, port=port)
    with LogServer(log.folder.public, host="::1") as six:
        assert six.url.startswith("http://[::1]:")


def test_a_log_is_watched_and_proven_over_the_network(server: LogServer, log: Trial) -> None:
    reader = open_log_reader(server.url)
    record, proof = make_inclusion_proof(reader, 258, log.policy)
    assert proof.index == 258
    assert b"NOVA9-258" in record
    report = LogMonitor(reader, log.policy, AgencyChecker(None)).look(
        None, now=AT + timedelta(days=1)
    )
    assert (report.alarms, report.entries) == ((), 260)


def test_what_is_not_there_is_told_from_what_cannot_be_had(server: LogServer) -> None:
    reader = WebReader(server.url + "/")
    assert reader.read("tile/0/005", max_bytes=8192) is None
    with pytest.raises(FetchError, match="exceeding the maximum allowed length of 10"):
        reader.read("tile/0/000", max_bytes=10)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(FetchError, match=f"{address}/checkpoint"):
            read_checkpoint(WebReader(address))


def test_a_server_that_fails_is_not_one_without_the_file() -> None:
    class Failing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, *_arguments: object) -> None:
            pass

    with serving(Failing) as url, pytest.raises(FetchError, match="503"):
        WebReader(url).read("checkpoint", max_bytes=10)


def test_a_log_is_found_in_a_folder_too(log: Trial, tmp_path: Path) -> None:
    for place in (log.folder.path, log.folder.public):
        assert read_checkpoint(open_log_reader(str(place))) == log.checkpoint
    with pytest.raises(LogError, match="expected the address or the folder of a log"):
        open_log_reader(str(tmp_path))
    with pytest.raises(LogError, match="expected https"):
        open_log_reader("http://log.aurora.example/releases")
    with pytest.raises(LogError, match="expected an https address or a folder"):
        open_log_reader("ftp://log.aurora.example/releases")
