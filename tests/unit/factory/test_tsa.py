from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asn1crypto import cms, tsp
from c2pa import C2paError

from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media, pki, surgery
from tests.factory.pki import KeyKind
from tests.factory.reading import read
from tests.factory.sign import stamped_by_engine
from tests.factory.tsa import (
    TimeStampAuthority,
    make_authority,
    make_token,
    timestamp_response,
)

JPEG = "image/jpeg"
STAMPED = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("claim_version", [1, 2])
def test_the_engine_gets_a_time_stamp_from_the_authority(
    claim_version: int, tsa_server: TimeStampAuthority, agency_signer: MemorySigner
) -> None:
    tsa_server.gen_time = STAMPED
    data = stamped_by_engine(
        media.jpeg(),
        JPEG,
        signer=agency_signer,
        tsa_url=tsa_server.url,
        claim_version=claim_version,
    )

    result = read(data, JPEG, tsa_anchors=[tsa_server.root])

    assert {"timeStamp.validated", "timeStamp.trusted"} <= result.success
    assert result.active["signature_info"]["time"] == "2026-05-05T12:00:00+00:00"
    assert len(tsa_server.requests) == 1


def test_the_engine_does_not_sign_with_a_token_for_other_bytes(
    tsa_server: TimeStampAuthority, agency_signer: MemorySigner
) -> None:
    tsa_server.wrong_imprint = True
    with pytest.raises(C2paError, match="time stamp does not match data"):
        stamped_by_engine(media.jpeg(), JPEG, signer=agency_signer, tsa_url=tsa_server.url)


def test_an_authority_that_fails_stops_the_signing(
    tsa_server: TimeStampAuthority, agency_signer: MemorySigner
) -> None:
    tsa_server.http_status = 500
    with pytest.raises(C2paError, match="status = 500"):
        stamped_by_engine(media.jpeg(), JPEG, signer=agency_signer, tsa_url=tsa_server.url)


def test_an_authority_that_refuses_stops_the_signing(
    tsa_server: TimeStampAuthority, agency_signer: MemorySigner
) -> None:
    tsa_server.answer = lambda _request: timestamp_response(None, status="rejection")
    with pytest.raises(C2paError, match="unable to find signed data"):
        stamped_by_engine(media.jpeg(), JPEG, signer=agency_signer, tsa_url=tsa_server.url)


@pytest.mark.parametrize(
    "kind", [KeyKind.P256, KeyKind.P384, KeyKind.ED25519, KeyKind.RSA2048, KeyKind.RSA3072]
)
def test_every_key_makes_tokens(kind: KeyKind, signed_jpeg: bytes) -> None:
    root, tsa = make_authority(f"Clock {kind}", kind=kind)
    data = surgery.forge_timestamp(signed_jpeg, JPEG, tsa=tsa, gen_time=STAMPED)
    assert "timeStamp.trusted" in read(data, JPEG, tsa_anchors=[root]).success


@pytest.mark.parametrize(
    ("spoiled", "code"),
    [
        ({"spoil_signature": True}, "timeStamp.untrusted"),
        ({"certificates": ()}, "timeStamp.untrusted"),
        ({"signed_digest": bytes(32)}, "timeStamp.mismatch"),
    ],
)
def test_a_spoiled_token_proves_nothing(
    spoiled: dict[str, object], code: str, signed_jpeg: bytes
) -> None:
    root, tsa = make_authority()
    data = surgery.forge_timestamp(signed_jpeg, JPEG, tsa=tsa, gen_time=STAMPED, **spoiled)

    result = read(data, JPEG, tsa_anchors=[root])

    assert code in result.informational
    assert not any(code.startswith("timeStamp") for code in result.success)


@pytest.mark.parametrize(
    "spoiled",
    [{"name_signing_certificate": False}, {"signing_certificate": make_authority()[0].certificate}],
)
def test_the_engine_does_not_look_at_the_named_certificate(
    spoiled: dict[str, object], signed_jpeg: bytes
) -> None:
    root, tsa = make_authority()
    data = surgery.forge_timestamp(signed_jpeg, JPEG, tsa=tsa, gen_time=STAMPED, **spoiled)
    assert "timeStamp.trusted" in read(data, JPEG, tsa_anchors=[root]).success


@pytest.mark.parametrize("purpose", [pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION, None])
def test_the_engine_blames_the_signer_for_an_unfit_authority(
    purpose: str | None, agency: DevAgency, signed_jpeg: bytes
) -> None:
    root, tsa = make_authority(eku=None if purpose is None else [purpose])
    data = surgery.forge_timestamp(signed_jpeg, JPEG, tsa=tsa, gen_time=STAMPED)

    result = read(data, JPEG, anchors=[agency.root_pem], tsa_anchors=[root])

    assert "signingCredential.trusted" in result.success
    assert result.failure == {"signingCredential.invalid"}


def test_a_token_says_what_it_was_told_to() -> None:
    _, tsa = make_authority()
    token = make_token(b"\7" * 48, tsa=tsa, gen_time=STAMPED, hash_name="sha384", nonce=99)

    signed_data = cms.ContentInfo.load(token)["content"]
    info = tsp.TSTInfo.load(signed_data["encap_content_info"]["content"].contents)

    assert info["gen_time"].native == STAMPED
    assert info["nonce"].native == 99
    assert info["message_imprint"]["hash_algorithm"]["algorithm"].native == "sha384"
    assert info["message_imprint"]["hashed_message"].native == b"\7" * 48
    assert tsp.TimeStampResp.load(timestamp_response(token))["time_stamp_token"].dump() == token
