from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from provenance.credentials.second_engine import (
    _OPTIONS,
    NOT_INSTALLED,
    SecondAnswer,
    SecondEngine,
    SecondState,
    _reading,
)
from provenance.errors import ConfigurationError, LimitError
from provenance.limits import Limits
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media, surgery
from tests.factory.sign import sidecar, sign

JPEG = "image/jpeg"
ENGINE = SecondEngine()


def test_telemetry_network_and_its_own_trust_are_off() -> None:
    options = json.loads(_OPTIONS)
    assert options["no_default_trust"] is True
    assert options["online"] is False
    assert options["telemetry"]["enabled"] is False


def test_a_signed_file_matches(signed_jpeg: bytes) -> None:
    reading = ENGINE.read(io.BytesIO(signed_jpeg), JPEG)
    assert reading.state is SecondState.MATCHES
    assert {reading.signature, reading.assertions, reading.content} == {SecondAnswer.MATCHES}
    # It is asked about bytes: whom it trusts is no failure here.
    assert reading.codes == ()


def test_other_bytes_are_a_mismatch_of_the_content_alone(signed_jpeg: bytes) -> None:
    changed = surgery.flip_in_media(signed_jpeg, JPEG)
    reading = ENGINE.read(io.BytesIO(changed), JPEG)
    assert reading.state is SecondState.MISMATCH
    assert reading.content is SecondAnswer.MISMATCH
    assert reading.signature is SecondAnswer.MATCHES
    assert reading.codes == ("assertion.dataHash.mismatch",)


def test_another_assertion_is_a_mismatch(signed_jpeg: bytes) -> None:
    changed = surgery.flip_in_assertion(signed_jpeg, JPEG)
    reading = ENGINE.read(io.BytesIO(changed), JPEG)
    assert reading.state is SecondState.MISMATCH
    assert reading.assertions is SecondAnswer.MISMATCH


@pytest.mark.parametrize("forge", [surgery.flip_in_claim, surgery.corrupt_signature])
def test_another_claim_or_signature_is_a_mismatch(forge: Any, signed_jpeg: bytes) -> None:
    reading = ENGINE.read(io.BytesIO(forge(signed_jpeg, JPEG)), JPEG)
    assert reading.state is SecondState.MISMATCH
    assert reading.signature is SecondAnswer.MISMATCH


def test_a_sidecar(agency_signer: MemorySigner) -> None:
    store = sidecar(media.jpeg(), JPEG, signer=agency_signer)
    asset = io.BytesIO(media.jpeg())
    assert ENGINE.read(asset, JPEG, manifest=store).state is SecondState.MATCHES
    other = io.BytesIO(media.jpeg(2))
    assert ENGINE.read(other, JPEG, manifest=store).content is SecondAnswer.MISMATCH


def test_no_manifest_is_missing() -> None:
    assert ENGINE.read(io.BytesIO(media.jpeg()), JPEG).state is SecondState.MISSING


@pytest.mark.parametrize("media_type", ["application/c2pa", "video/iso.segment", "x", ""])
def test_a_type_it_does_not_know_is_unsupported(media_type: str, signed_jpeg: bytes) -> None:
    reading = ENGINE.read(io.BytesIO(signed_jpeg), media_type)
    assert reading.state in {SecondState.UNSUPPORTED, SecondState.UNREADABLE}
    assert reading.message


def test_a_file_cut_short_is_unreadable(signed_png: bytes) -> None:
    reading = ENGINE.read(io.BytesIO(signed_png[: len(signed_png) // 3]), "image/png")
    assert reading.state is SecondState.UNREADABLE
    assert "unexpected end" in reading.message


def test_a_remote_manifest_is_not_fetched(agency_signer: MemorySigner) -> None:
    url = "https://aurora.example/m.c2pa"
    data = sign(media.jpeg(), JPEG, signer=agency_signer, remote_url=url)
    reading = ENGINE.read(io.BytesIO(surgery.strip_store(data, JPEG)), JPEG)
    assert reading.state is SecondState.UNREADABLE
    assert reading.codes == ("manifest.inaccessible",)


def test_more_bytes_than_allowed_are_not_given_to_it(signed_jpeg: bytes) -> None:
    limits = Limits(max_second_engine_bytes=len(signed_jpeg) - 1)
    with pytest.raises(LimitError, match="max_second_engine_bytes"):
        ENGINE.read(io.BytesIO(signed_jpeg), JPEG, limits=limits)
    limits = Limits(max_second_engine_bytes=len(signed_jpeg))
    assert ENGINE.read(io.BytesIO(signed_jpeg), JPEG, limits=limits).state is SecondState.MATCHES


def test_it_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SecondEngine.available()
    monkeypatch.setitem(sys.modules, "encypher_c2pa", None)
    assert not SecondEngine.available()
    with pytest.raises(ConfigurationError, match="not installed") as raised:
        SecondEngine()
    assert str(raised.value) == NOT_INSTALLED


def _document(**fields: Any) -> dict[str, Any]:
    successes = [
        {"code": code}
        for code in (
            "claimSignature.validated",
            "assertion.hashedURI.match",
            "assertion.dataHash.match",
        )
    ]
    return {
        "present": True,
        "signature": "valid",
        "hard_binding": "match",
        "validation_results": {"success": successes, "failure": []},
        **fields,
    }


def test_only_a_whole_report_is_a_match() -> None:
    assert _reading(_document()).state is SecondState.MATCHES


@pytest.mark.parametrize(
    "spoiled",
    [
        {"present": "yes"},
        {"present": None},
        {"signature": "unknown"},
        {"signature": "invalid"},
        {"hard_binding": "missing"},
        {"hard_binding": "mismatch"},
        {"hard_binding": None},
        {"validation_results": None},
        {"validation_results": {"success": None, "failure": "none"}},
        {"validation_results": {"success": ["assertion.hashedURI.match"], "failure": []}},
    ],
)
def test_anything_less_is_none(spoiled: dict[str, Any]) -> None:
    # Words without a code accuse nobody either.
    assert _reading(_document(**spoiled)).state in {SecondState.UNREADABLE, SecondState.MISSING}


def test_a_mismatch_outweighs_a_proof() -> None:
    failure = [{"code": "assertion.dataHash.mismatch"}]
    results = {**_document()["validation_results"], "failure": failure}
    reading = _reading(_document(validation_results=results))
    assert reading.state is SecondState.MISMATCH
    assert reading.content is SecondAnswer.MISMATCH


def test_a_binding_it_cannot_read_is_no_mismatch() -> None:
    failure = [{"code": "assertion.collectionHash.malformed"}]
    results = {**_document()["validation_results"], "failure": failure}
    reading = _reading(_document(hard_binding="mismatch", validation_results=results))
    assert reading.content is SecondAnswer.NONE
