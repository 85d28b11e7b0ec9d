"""Credentials beside a file or at an address: which of them speak, and that nothing is fetched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import IntegrityState, SignerKind, Verdict
from tests.factory import media, surgery
from tests.factory.judging import GOOD, codes
from tests.factory.sign import sidecar, sign, store_of
from tests.factory.stores import store_over

Judge = Callable[..., Report]
Signed = Callable[..., bytes]
JPEG = "image/jpeg"
USED = {FindingCode.SIDECAR_USED}


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    """A server on loopback, and every path it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_POST = do_GET  # noqa: N815 - names that the server looks for

        def log_message(self, *_arguments: object) -> None:
            """Say nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def beside(agency_signer: MemorySigner) -> bytes:
    """The agency's sidecar for the unsigned picture."""
    return sidecar(media.jpeg(), JPEG, signer=agency_signer)


def _pointing(url: str, signer: MemorySigner) -> bytes:
    """A picture that says where its credentials are, and holds none."""
    data = sign(media.jpeg(), JPEG, signer=signer, remote_url=f"{url}/manifest.c2pa")
    return surgery.strip_store(data, JPEG)


def test_an_address_in_the_file_is_named_and_not_asked(
    web: tuple[str, list[str]], agency_signer: MemorySigner, judge: Judge
) -> None:
    url, asked = web
    report = judge(_pointing(url, agency_signer))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CREDENTIALS_ELSEWHERE
    assert codes(report) == {FindingCode.CREDENTIALS_ELSEWHERE}
    assert report.integrity.remote_url == f"{url}/manifest.c2pa"
    assert asked == []


def test_an_address_beside_embedded_credentials_is_not_asked(
    web: tuple[str, list[str]], agency_signer: MemorySigner, judge: Judge
) -> None:
    url, asked = web
    data = sign(media.jpeg(), JPEG, signer=agency_signer, remote_url=f"{url}/manifest.c2pa")
    report = judge(data)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD
    assert asked == []


def test_a_sidecar_speaks_for_a_file_that_names_an_address(
    web: tuple[str, list[str]], agency_signer: MemorySigner, judge: Judge
) -> None:
    url, asked = web
    asset = _pointing(url, agency_signer)
    report = judge(asset, sidecar=sidecar(asset, JPEG, signer=agency_signer))
    assert report.verdict is Verdict.OFFICIAL, report.findings
    assert codes(report) == GOOD | USED
    assert asked == []


def test_twin_a_sidecar_of_the_agency_for_an_unsigned_file(beside: bytes, judge: Judge) -> None:
    report = judge(media.jpeg(), sidecar=beside)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | USED
    assert report.integrity.credentials_from == "sidecar"


def test_a_file_whose_sidecar_was_left_away(judge: Judge) -> None:
    report = judge(media.jpeg())
    assert report.verdict is Verdict.UNVERIFIED
    assert codes(report) == frozenset()
    assert report.integrity.credentials_from is None


def test_the_sidecar_of_another_file(beside: bytes, judge: Judge) -> None:
    report = judge(media.jpeg(2), sidecar=beside)
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH
    assert FindingCode.SIDECAR_USED in codes(report)


def test_the_sidecar_of_a_stranger_for_an_unsigned_file(
    stranger: MemorySigner, judge: Judge
) -> None:
    report = judge(media.jpeg(), sidecar=sidecar(media.jpeg(), JPEG, signer=stranger))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.signer.kind is SignerKind.UNRECOGNISED


@pytest.mark.parametrize("junk", [b"", b"junk", bytes(5000), b"\0\0\0\x08jumb"])
def test_a_sidecar_that_is_none(junk: bytes, judge: Judge) -> None:
    report = judge(media.jpeg(), sidecar=junk)
    assert report.verdict is not Verdict.OFFICIAL
    assert report.verdict is not Verdict.ALTERED
    assert report.integrity.state in {IntegrityState.UNREADABLE, IntegrityState.ABSENT}


def test_a_sidecar_never_outranks_embedded_credentials_that_match(
    signed_jpeg: bytes, stranger: MemorySigner, judge: Judge
) -> None:
    other = sidecar(signed_jpeg, JPEG, signer=stranger)
    report = judge(signed_jpeg, sidecar=other)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD
    assert report.integrity.credentials_from == "embedded"
    assert "sidecar" in {check.check for check in report.checks_not_run}


@pytest.fixture(scope="module")
def spoiled(stranger: MemorySigner) -> bytes:
    """A picture into which somebody put credentials that do not match."""
    data = sign(media.jpeg(), JPEG, signer=stranger)
    return surgery.flip_in_media(data, JPEG)


def test_the_agencys_sidecar_overrules_broken_embedded_credentials(
    spoiled: bytes, beside: bytes, agency_signer: MemorySigner, judge: Judge
) -> None:
    assert judge(spoiled).verdict is Verdict.ALTERED

    report = judge(spoiled, sidecar=store_over(spoiled, beside, agency_signer))
    assert report.verdict is Verdict.OFFICIAL, report.findings
    assert codes(report) == GOOD | USED | {FindingCode.EMBEDDED_OVERRULED}
    assert report.integrity.credentials_from == "sidecar"


def test_a_strangers_sidecar_overrules_nothing(
    spoiled: bytes, beside: bytes, stranger: MemorySigner, judge: Judge
) -> None:
    report = judge(spoiled, sidecar=store_over(spoiled, beside, stranger))
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH
    assert FindingCode.EMBEDDED_OVERRULED not in codes(report)
    assert report.integrity.credentials_from == "embedded"


def test_the_agencys_sidecar_for_other_bytes_overrules_nothing(
    spoiled: bytes, beside: bytes, judge: Judge
) -> None:
    report = judge(spoiled, sidecar=beside)
    assert report.verdict is Verdict.ALTERED
    assert FindingCode.EMBEDDED_OVERRULED not in codes(report)


def test_an_altered_release_with_its_own_store_as_sidecar(signed_jpeg: bytes, judge: Judge) -> None:
    altered = surgery.flip_in_media(signed_jpeg, JPEG)
    report = judge(altered, sidecar=store_of(signed_jpeg, JPEG))
    assert report.verdict is Verdict.ALTERED


def test_a_stripped_release_with_its_own_store_as_sidecar(signed_jpeg: bytes, judge: Judge) -> None:
    # Its binding leaves out a range that now holds picture data.
    stripped = surgery.strip_store(signed_jpeg, JPEG)
    report = judge(stripped, sidecar=store_of(signed_jpeg, JPEG))
    assert report.verdict is not Verdict.OFFICIAL
    assert report.integrity.state is not IntegrityState.INTACT


def test_a_sidecar_file_alone(beside: bytes, judge: Judge) -> None:
    report = judge(beside)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.SIDECAR_ALONE
    assert codes(report) == {FindingCode.SIDECAR_ALONE}


def test_bytes_behind_a_file_that_a_sidecar_binds(beside: bytes, judge: Judge) -> None:
    report = judge(surgery.append(media.jpeg()), sidecar=beside)
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH
