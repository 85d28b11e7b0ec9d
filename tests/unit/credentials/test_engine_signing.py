from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from provenance.credentials.engine_signing import Intent, sign_stream
from provenance.errors import SigningError
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media, pki
from tests.factory.pki import KeyKind
from tests.factory.reading import read
from tests.factory.sign import CREATED, DIGITAL_CAPTURE, ingredient, manifest, sign

BINDINGS = {
    "jpeg": "assertion.dataHash.match",
    "png": "assertion.dataHash.match",
    "webp": "assertion.dataHash.match",
    "gif": "assertion.dataHash.match",
    "tiff": "assertion.dataHash.match",
    "heic": "assertion.bmffHash.match",
    "avif": "assertion.bmffHash.match",
    "svg": "assertion.dataHash.match",
    "mp4": "assertion.bmffHash.match",
    "mov": "assertion.bmffHash.match",
    "avi": "assertion.dataHash.match",
    "m4a": "assertion.bmffHash.match",
    "mp3": "assertion.dataHash.match",
    "wav": "assertion.dataHash.match",
    "flac": "assertion.dataHash.match",
    "pdf": "assertion.dataHash.match",
    "docx": "assertion.collectionHash.match",
    "epub": "assertion.collectionHash.match",
}


@dataclass
class BrokenSigner:
    """A signer whose hardware is gone, or that answers nonsense."""

    answer: bytes | Exception
    certificate_chain_pem: bytes
    algorithm: str = "ES256"

    def sign(self, data: bytes) -> bytes:
        assert data
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("kind", media.MEDIA_TYPES)
def test_every_container_comes_back_signed_and_bound(
    kind: str, signed: Callable[..., bytes], agency: DevAgency
) -> None:
    result = read(signed(kind), media.MEDIA_TYPES[kind], anchors=[agency.root_pem])

    assert result.state == "Trusted"
    assert {"claimSignature.validated", BINDINGS[kind]} <= result.success
    assert result.failure == frozenset()


def test_every_sample_has_its_binding_in_the_table() -> None:
    assert set(BINDINGS) == set(media.MEDIA_TYPES) == set(media.SAMPLES)


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        (KeyKind.P256, "ES256"),
        (KeyKind.P384, "ES384"),
        (KeyKind.P521, "ES512"),
        (KeyKind.ED25519, "EdDSA"),
        (KeyKind.RSA2048, "PS256"),
        (KeyKind.RSA2048, "PS384"),
        (KeyKind.RSA2048, "PS512"),
    ],
)
def test_every_algorithm_signs(kind: KeyKind, algorithm: str) -> None:
    root, _, leaf = pki.three_tier(kind=kind)
    data = sign(media.png(), "image/png", signer=pki.signer_of(leaf, algorithm=algorithm))

    result = read(data, "image/png", anchors=[root])

    assert result.state == "Trusted"
    assert "claimSignature.validated" in result.success


def test_actions_are_created_assertions(signed_jpeg: bytes) -> None:
    (actions,) = read(signed_jpeg, "image/jpeg").active["assertions"]
    assert actions["label"] == "c2pa.actions.v2"
    assert actions["created"] is True


def test_actions_stay_gathered_where_the_definition_says_so(agency_signer: MemorySigner) -> None:
    definition = manifest()
    definition["assertions"][0]["created"] = False
    out = io.BytesIO()
    sign_stream(
        io.BytesIO(media.png()),
        out,
        media_type="image/png",
        manifest=definition,
        signer=agency_signer,
    )
    (actions,) = read(out.getvalue(), "image/png").active["assertions"]
    assert "created" not in actions


def test_the_definition_is_left_as_it_was(agency_signer: MemorySigner) -> None:
    definition = manifest()
    before = repr(definition)
    sign_stream(
        io.BytesIO(media.png()),
        io.BytesIO(),
        media_type="image/png",
        manifest=definition,
        signer=agency_signer,
    )
    assert repr(definition) == before


def test_no_thumbnail_is_made(signed_jpeg: bytes) -> None:
    assert "thumbnail" not in read(signed_jpeg, "image/jpeg").active


def test_a_sidecar_leaves_the_asset_as_it_is(
    agency_signer: MemorySigner, agency: DevAgency
) -> None:
    asset, out = media.jpeg(), io.BytesIO()
    store = sign_stream(
        io.BytesIO(asset),
        out,
        media_type="image/jpeg",
        manifest=manifest(),
        signer=agency_signer,
        sidecar=True,
    )

    result = read(asset, "image/jpeg", store=store, anchors=[agency.root_pem])

    assert out.getvalue() == asset
    assert result.state == "Trusted"
    assert "assertion.dataHash.match" in result.success


def test_a_remote_url_is_written_into_the_asset(agency_signer: MemorySigner) -> None:
    url = "https://aurora.example/m/1.c2pa"
    data = sign(media.jpeg(), "image/jpeg", signer=agency_signer, remote_url=url)
    assert url.encode() in data
    assert read(data, "image/jpeg").state == "Valid"


def test_an_ingredient_keeps_its_own_manifest(
    signed_png: bytes, agency_signer: MemorySigner, agency: DevAgency
) -> None:
    placed = {"action": "c2pa.placed", "parameters": {"ingredientIds": ["source"]}}
    part = ingredient(signed_png, "image/png", label="source")
    data = sign(
        media.jpeg(),
        "image/jpeg",
        signer=agency_signer,
        actions=[CREATED, placed],
        ingredients=[part],
    )

    result = read(data, "image/jpeg", anchors=[agency.root_pem])

    assert result.state == "Trusted"
    assert [i["relationship"] for i in result.active["ingredients"]] == ["componentOf"]
    assert len(result.document["manifests"]) == 2


def test_create_writes_the_created_action(agency_signer: MemorySigner) -> None:
    data = sign(
        media.jpeg(),
        "image/jpeg",
        signer=agency_signer,
        intent=Intent.CREATE,
        digital_source_type=DIGITAL_CAPTURE,
    )
    (actions,) = read(data, "image/jpeg").active["assertions"]
    (action,) = actions["data"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == DIGITAL_CAPTURE
    assert actions["created"] is True


def test_edit_takes_the_source_as_parent(signed_jpeg: bytes, agency_signer: MemorySigner) -> None:
    data = sign(signed_jpeg, "image/jpeg", signer=agency_signer, intent=Intent.EDIT)

    result = read(data, "image/jpeg")

    assert [i["relationship"] for i in result.active["ingredients"]] == ["parentOf"]
    assert "assertion.dataHash.match" in result.success
    assert len(result.document["manifests"]) == 2


def test_an_update_has_the_binding_of_the_manifest_beneath(
    signed_jpeg: bytes, agency_signer: MemorySigner, agency: DevAgency
) -> None:
    data = sign(signed_jpeg, "image/jpeg", signer=agency_signer, intent=Intent.UPDATE)

    result = read(data, "image/jpeg", anchors=[agency.root_pem])

    assert result.state == "Trusted"
    assert [i["relationship"] for i in result.active["ingredients"]] == ["parentOf"]
    labels = {a["label"] for a in result.active["assertions"]}
    assert labels == {"c2pa.actions.v2"}


def test_an_unknown_source_type_is_refused(agency_signer: MemorySigner) -> None:
    with pytest.raises(SigningError, match="expected an IPTC term, got 'handmade'"):
        sign(
            media.jpeg(),
            "image/jpeg",
            signer=agency_signer,
            intent=Intent.CREATE,
            digital_source_type="handmade",
        )


def test_an_unknown_algorithm_is_refused(agency: DevAgency) -> None:
    signer = BrokenSigner(b"", agency.chain_pem, algorithm="RS256")
    with pytest.raises(SigningError, match=r"expected one of ES256.*got 'RS256'"):
        sign(media.jpeg(), "image/jpeg", signer=signer)


def test_what_the_signer_raises_comes_out_unchanged(agency: DevAgency) -> None:
    gone = ConnectionError("the token is gone")
    with pytest.raises(ConnectionError) as caught:
        sign(media.jpeg(), "image/jpeg", signer=BrokenSigner(gone, agency.chain_pem))
    assert caught.value is gone


@pytest.mark.parametrize("size", [0, 63, 65, 72])
def test_a_signature_of_the_wrong_length_is_refused(agency: DevAgency, size: int) -> None:
    with pytest.raises(SigningError, match=f"expected 64 bytes, got {size}"):
        sign(media.jpeg(), "image/jpeg", signer=BrokenSigner(b"\1" * size, agency.chain_pem))


def test_a_chain_that_is_not_pem_is_refused() -> None:
    for chain in (b"", b"nonsense", "오로라".encode()):
        with pytest.raises(SigningError):
            sign(media.jpeg(), "image/jpeg", signer=BrokenSigner(b"\1" * 64, chain))


def test_an_asset_of_another_kind_is_refused(agency_signer: MemorySigner) -> None:
    with pytest.raises(SigningError, match="could not sign image/png"):
        sign(media.jpeg(), "image/png", signer=agency_signer)


def test_an_unknown_media_type_is_refused(agency_signer: MemorySigner) -> None:
    with pytest.raises(SigningError, match="could not sign text/plain"):
        sign(b"hello", "text/plain", signer=agency_signer)
