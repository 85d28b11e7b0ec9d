from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

import provenance
from provenance.credentials import engine as adapter
from provenance.credentials.engine import (
    CLAIM_EKUS,
    Engine,
    EngineReading,
    EngineState,
    engine_settings,
    engine_version,
    native_version,
)
from provenance.credentials.engine_signing import sign_stream
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media, surgery
from tests.factory.fragments import sign_fragments
from tests.factory.sign import ingredient, manifest, sidecar, sign, store_of
from tests.factory.stores import Store

JPEG, PNG, MP4 = "image/jpeg", "image/png", "video/mp4"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def read(engine: Engine) -> Callable[..., EngineReading]:
    def call(data: bytes, media_type: str = JPEG, **options: object) -> EngineReading:
        return engine.read(io.BytesIO(data), media_type, **options)  # type: ignore[arg-type]

    return call


Read = Callable[..., EngineReading]


def test_a_signed_file_gives_its_store_and_its_successes(read: Read, signed_jpeg: bytes) -> None:
    reading = read(signed_jpeg)
    assert reading.state is EngineState.MANIFEST
    assert reading.store == store_of(signed_jpeg, JPEG)
    assert reading.active_label
    assert reading.active_label.encode() in reading.store
    assert reading.succeeded("claimSignature.validated")
    assert reading.succeeded("assertion.dataHash.match")
    assert not reading.failures
    assert not reading.failed("assertion.dataHash.mismatch")


def test_a_changed_file_gives_its_failure(read: Read, signed_jpeg: bytes) -> None:
    reading = read(surgery.flip_in_media(signed_jpeg, JPEG))
    assert reading.state is EngineState.MANIFEST
    assert reading.failed("assertion.dataHash.mismatch")
    assert not reading.succeeded("assertion.dataHash.match")


def test_without_anchors_the_engine_gives_no_opinion_about_the_signer(
    read: Read, signed_jpeg: bytes, agency: DevAgency
) -> None:
    silent = read(signed_jpeg)
    assert not silent.succeeded("signingCredential.trusted")
    assert not silent.failed("signingCredential.untrusted")

    asked = Engine({"agency": agency.root_pem.decode()})
    assert asked.asks_for_trust
    assert asked.read(io.BytesIO(signed_jpeg), JPEG).succeeded("signingCredential.trusted")


def test_a_file_without_credentials_has_none(read: Read) -> None:
    assert read(media.jpeg()).state is EngineState.NONE
    assert read(media.mp4(), MP4).state is EngineState.NONE


def test_a_type_the_engine_cannot_read_is_unsupported(read: Read) -> None:
    reading = read(b"plain text", "text/x-unknown")
    assert reading.state is EngineState.UNSUPPORTED


def test_credentials_elsewhere_are_named_and_not_fetched(
    read: Read, agency_signer: MemorySigner
) -> None:
    out = io.BytesIO()
    sign_stream(
        io.BytesIO(media.jpeg()),
        out,
        media_type=JPEG,
        manifest=manifest(),
        signer=agency_signer,
        sidecar=True,
        remote_url="https://aurora.example/teaser.c2pa",
    )
    reading = read(out.getvalue())
    assert reading.state is EngineState.REMOTE
    assert reading.remote_url == "https://aurora.example/teaser.c2pa"


def test_broken_credentials_are_unreadable_and_never_none(read: Read, signed_jpeg: bytes) -> None:
    store = store_of(signed_jpeg, JPEG)
    broken = surgery.replace_store(signed_jpeg, JPEG, store[:60] + bytes(len(store) - 60))
    reading = read(broken)
    assert reading.state is EngineState.UNREADABLE
    assert reading.message


def test_a_sidecar_counts_only_where_it_is_given(read: Read, agency_signer: MemorySigner) -> None:
    store = sidecar(media.jpeg(), JPEG, signer=agency_signer)
    assert read(media.jpeg()).state is EngineState.NONE
    assert read(media.jpeg(), manifest=store).succeeded("assertion.dataHash.match")
    assert read(media.jpeg(2), manifest=store).failed("assertion.dataHash.mismatch")


def test_one_bad_fragment_among_good_ones_speaks(read: Read, agency_signer: MemorySigner) -> None:
    start, fragments = sign_fragments(*media.fragmented_mp4(), signer=agency_signer)
    streams = [io.BytesIO(fragment) for fragment in fragments]
    assert read(start, MP4, fragments=streams).succeeded("assertion.bmffHash.match")

    for bad in range(len(fragments)):
        spoilt = [io.BytesIO(f) for f in fragments]
        spoilt[bad] = io.BytesIO(surgery.flip_bit(fragments[bad], -9))
        assert read(start, MP4, fragments=spoilt).failed("assertion.bmffHash.mismatch")


def test_failures_of_ingredients_are_kept_apart(
    read: Read, signed_jpeg: bytes, agency_signer: MemorySigner
) -> None:
    source = ingredient(signed_jpeg, JPEG)
    data = sign(media.jpeg(2), JPEG, signer=agency_signer, ingredients=[source])

    def edit(store: Store) -> None:
        beneath = store.root.children[1]
        claim = next(b for b in beneath.children[1:] if b.label.startswith("c2pa.claim"))
        content = claim.children[1]
        content.payload = content.payload.replace(b"TEST", b"TESU")

    assert not read(data).ingredients or not any(d.failures for d in read(data).ingredients)
    reading = read(surgery.edit_store(data, JPEG, edit))
    assert not reading.failed("claimSignature.mismatch")
    assert any(delta.failures for delta in reading.ingredients)


def test_the_stream_is_read_from_its_start(read: Read, signed_jpeg: bytes, engine: Engine) -> None:
    stream = io.BytesIO(signed_jpeg)
    stream.seek(100)
    assert engine.read(stream, JPEG) == read(signed_jpeg)


def test_the_crjson_is_the_engines_own_or_none(
    engine: Engine, signed_jpeg: bytes, signed_png: bytes
) -> None:
    document = engine.crjson(io.BytesIO(signed_jpeg), JPEG)
    assert document is not None
    assert document["manifests"]
    assert engine.crjson(io.BytesIO(media.jpeg()), JPEG) is None
    broken = surgery.replace_store(signed_png, PNG, bytes(len(store_of(signed_png, PNG))))
    assert engine.crjson(io.BytesIO(broken), PNG) is None


def test_the_settings_are_offline_and_name_every_purpose() -> None:
    settings = engine_settings()
    assert settings["core"] == {"allowed_network_hosts": [], "allow_redirects": False}
    assert settings["verify"]["remote_manifest_fetch"] is False
    assert settings["verify"]["ocsp_fetch"] is False
    assert settings["verify"]["verify_trust"] is False
    assert settings["trust"]["trust_config"].split() == list(CLAIM_EKUS)


def test_anchors_are_given_for_claims_and_for_nothing_else(agency: DevAgency) -> None:
    settings = engine_settings({"one": agency.root_pem.decode(), "two": "PEM"})
    assert [a["trust_kind"] for a in settings["trust"]["anchors"]] == ["manifest", "manifest"]
    assert [a["trust_uri"] for a in settings["trust"]["anchors"]] == [
        "urn:list:one",
        "urn:list:two",
    ]


@pytest.mark.parametrize("model", ["_Settings", "_Anchor", "_Trust", "_Verify", "_Core"])
def test_a_misspelt_setting_is_refused_where_the_engine_would_ignore_it(model: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        getattr(adapter, model).model_validate({"allowed_network_host": []})


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        ("_Core", {"allowed_network_hosts": ["aurora.example"]}),
        ("_Core", {"allow_redirects": True}),
        ("_Verify", {"remote_manifest_fetch": True}),
        ("_Verify", {"ocsp_fetch": True}),
        ("_Verify", {"verify_after_reading": False}),
    ],
)
def test_no_setting_can_open_the_network(model: str, wrong: dict[str, object]) -> None:
    rest = {"verify_trust": True, "verify_timestamp_trust": True} if model == "_Verify" else {}
    getattr(adapter, model).model_validate(rest)
    with pytest.raises(ValidationError):
        getattr(adapter, model).model_validate(rest | wrong)


def test_one_callers_settings_are_not_the_next_ones() -> None:
    engine_settings()["core"]["allowed_network_hosts"].append("aurora.example")
    assert engine_settings()["core"]["allowed_network_hosts"] == []


def test_the_versions_are_known() -> None:
    assert engine_version().count(".") == 2
    assert native_version()


@pytest.mark.parametrize(
    ("swap", "message"),
    [
        ({}, ""),
        ({"good.jpg": "bad.jpg"}, "engine self-test, good sample"),
        ({"bad.jpg": "good.jpg"}, "engine self-test, damaged sample"),
        ({"good.jpg": None}, "engine self-test, good sample"),
        ({"bad.jpg": None}, "engine self-test, damaged sample"),
    ],
)
def test_an_engine_that_misreads_the_samples_does_not_start(
    swap: dict[str, str | None], message: str, tmp_path: Path
) -> None:
    package = Path(provenance.__file__).parent
    shutil.copytree(package, tmp_path / "provenance", ignore=shutil.ignore_patterns("__pycache__"))
    samples = package / "credentials" / "samples"
    for name, source in swap.items():
        # Without a source: a picture that was never signed.
        content = media.jpeg() if source is None else (samples / source).read_bytes()
        (tmp_path / "provenance" / "credentials" / "samples" / name).write_bytes(content)
    code = "from provenance.credentials.engine import Engine; Engine(); print('started')"

    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )

    if not message:
        assert (run.returncode, run.stdout) == (0, "started\n")
    else:
        assert run.returncode == 1
        assert f"EngineUnsafeError: {message}" in run.stderr
