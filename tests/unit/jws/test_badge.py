"""A badge holds where and for what it was made, and nowhere else."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from provenance.errors import ConfigurationError, SourceError
from provenance.jws.badge import (
    BadgeClaims,
    BadgeState,
    badge_claims,
    check_badge,
    parse_origin,
    sign_badge,
)
from provenance.jws.keys import ServiceKey, load_public_keys, load_service_key
from provenance.jws.signed_report import open_report, sign_report
from tests.factory.reports import report_of

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ORIGIN = "https://aurora.example"


def pem(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def new_key() -> ServiceKey:
    return load_service_key(pem(ed25519.Ed25519PrivateKey.generate()), where="key.pem")


KEY, OTHER = new_key(), new_key()


def claims(**fields: object) -> BadgeClaims:
    made = badge_claims(
        report_of(), id_="A" * 22, issuer="https://check.example", origin=ORIGIN, now=NOW, days=30
    )
    assert made is not None
    return made.model_copy(update=fields)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_badge_holds_for_its_page_and_file() -> None:
    token = sign_badge(claims(), KEY)
    state, said = check_badge(token, KEY.key_set, at=NOW, origin=ORIGIN, sha256="c" * 64)
    assert (state, said) == (BadgeState.HOLDS, claims())
    assert claims().expires_at == NOW + timedelta(days=30)


def test_a_badge_on_another_page_or_file() -> None:
    token = sign_badge(claims(), KEY)
    for where in ({"origin": "https://evil.example"}, {"sha256": "d" * 64}):
        assert check_badge(token, KEY.key_set, at=NOW, **where)[0] is BadgeState.WRONG


def test_an_expired_badge() -> None:
    token = sign_badge(claims(), KEY)
    end = claims().expires_at
    last = end - timedelta(seconds=1)
    assert check_badge(token, KEY.key_set, at=last)[0] is BadgeState.HOLDS
    assert check_badge(token, KEY.key_set, at=end)[0] is BadgeState.EXPIRED


def test_a_forged_badge() -> None:
    token = sign_badge(claims(), KEY)
    head, body, signature = token.split(".")
    changed = b64(claims(origin="https://evil.example").model_dump_json().encode())
    assert (
        check_badge(f"{head}.{changed}.{signature}", KEY.key_set, at=NOW)[0] is BadgeState.INVALID
    )
    assert check_badge(sign_badge(claims(), OTHER), KEY.key_set, at=NOW)[0] is BadgeState.INVALID
    assert body != changed


@pytest.mark.parametrize("algorithm", ["none", "None", "EdDSA", "HS256", "ES256", "Ed448", ""])
def test_the_header_does_not_choose_the_algorithm(algorithm: str) -> None:
    _, body, signature = sign_badge(claims(), KEY).split(".")
    header = {"alg": algorithm, "kid": KEY.public["kid"], "typ": "provenance-badge+jwt"}
    head = b64(json.dumps(header).encode())
    for forged in (f"{head}.{body}.{signature}", f"{head}.{body}."):
        assert check_badge(forged, KEY.key_set, at=NOW) == (BadgeState.INVALID, None)


def test_a_signed_report_is_no_badge_and_a_badge_no_report() -> None:
    document = report_of().model_dump_json().encode()
    report = sign_report(document, KEY)
    assert check_badge(report, KEY.key_set, at=NOW)[0] is BadgeState.INVALID
    assert open_report(sign_badge(claims(), KEY), KEY.key_set) is None
    opened = open_report(report, KEY.key_set)
    assert opened is not None
    assert opened == (report_of(), document)
    assert open_report(report, OTHER.key_set) is None
    with pytest.raises(ValueError, match="not a report"):
        sign_report(b"{}", KEY)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "\u00e9.\u00e9.\u00e9", "x" * 5000, "\0"]
)
def test_what_is_no_token_is_invalid(token: str) -> None:
    assert check_badge(token, KEY.key_set, at=NOW) == (BadgeState.INVALID, None)


def test_a_token_with_claims_of_another_shape_is_invalid() -> None:
    for change in ({"exp": 10**18}, {"sha256": "x"}, {"more": 1}):
        body = {**claims().model_dump(mode="json"), **change}
        from provenance.jws.keys import seal_statement  # noqa: PLC0415

        token = seal_statement(json.dumps(body).encode(), KEY, kind="provenance-badge+jwt")
        assert check_badge(token, KEY.key_set, at=NOW) == (BadgeState.INVALID, None)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://aurora.example", "https://aurora.example"),
        ("https://Aurora.example:443/", "https://aurora.example"),
        ("https://aurora.example:8443", "https://aurora.example:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://aurora.example", None),
        ("https://aurora.example/path", None),
        ("https://user@aurora.example", None),
        ("https://aurora.example?x", None),
        ("https://aurora.example:port", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://a b", None),
        ("null", None),
        ("", None),
        # As they are read in the address bar, and as a browser spells them in an origin.
        ("https://오로라.example", "https://xn--oi2bpqx44a.example"),
        ("https://오로라.EXAMPLE:8443/", "https://xn--oi2bpqx44a.example:8443"),
        ("https://\u110b\u1169로라.example", "https://xn--oi2bpqx44a.example"),
        ("https://オーロラ。example", "https://xn--kckygla3d.example"),
        ("https://xn--oi2bpqx44a.example", "https://xn--oi2bpqx44a.example"),
        ("http://오로라.example", None),
        ("https://오로라.example/길", None),
        ("https://" + "오" * 64 + ".example", None),
        # The rules of 2003 made another website of this one.
        ("https://stra\u00dfe.example", "https://xn--strae-oqa.example"),
        # A joiner that joins nothing: no browser takes it.
        ("https://a\u200db\u0e01.example", None),
    ],
)
def test_origins(text: str, origin: str | None) -> None:
    assert parse_origin(text) == origin


def test_a_report_without_a_digest_has_no_badge() -> None:
    asset = report_of().asset.model_copy(update={"sha256": None})
    report = report_of(asset=asset)
    assert badge_claims(report, id_="A" * 22, issuer="x", origin=ORIGIN, now=NOW, days=1) is None


def test_keys_of_another_kind_are_refused_and_a_private_one_stays_inside() -> None:
    with pytest.raises(ConfigurationError, match="expected an Ed25519 key"):
        load_service_key(pem(ec.generate_private_key(ec.SECP256R1())), where="key.pem")
    with pytest.raises(ConfigurationError, match=r"key\.pem: expected a private key"):
        load_service_key(b"nonsense", where="key.pem")
    assert "d" not in KEY.public
    assert KEY.public["crv"] == "Ed25519"
    listed = json.dumps({"keys": [KEY.public]}).encode()
    token = sign_badge(claims(), KEY)
    keys = load_public_keys(listed, where="keys.json")
    assert check_badge(token, keys, at=NOW)[0] is BadgeState.HOLDS
    for bad in (b"{}", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "aaaa"}]}', b"-----"):
        with pytest.raises(SourceError, match=r"keys\.json"):
            load_public_keys(bad, where="keys.json")
