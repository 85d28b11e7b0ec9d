"""PKCS#11 URIs: what is understood, and that nothing else is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import SigningKeyError
from provenance.signing.pkcs11_uri import Pkcs11Uri, is_pkcs11_uri, parse_pkcs11_uri


def test_what_a_uri_says() -> None:
    text = (
        "pkcs11:token=%EB%B3%84%20one;id=%00%ff;type=private?module-path=/a.so&pin-source=file:///p"
    )
    assert parse_pkcs11_uri(text) == Pkcs11Uri(
        module=Path("/a.so"), token="별 one", id=b"\x00\xff", pin_source=Path("/p")
    )
    assert is_pkcs11_uri("PKCS11:token=a")
    assert not is_pkcs11_uri("pkcs11.pem")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("token=a", "expected pkcs11:"),
        ("pkcs11:token=a;object=b?module-path=a.so", "with the path of a library"),
        ("pkcs11:token=a?module-path=/a", "expected object= or id="),
        ("pkcs11:token=a;token=b;object=c?module-path=/a", "expected token once"),
        ("pkcs11:token=a;slot-id=1;object=c?module-path=/a", "got 'slot-id'"),
        ("pkcs11:token=%ff;object=c?module-path=/a", "expected token in UTF-8"),
        ("pkcs11:token=a;object=c;type=cert?module-path=/a", "expected type=private"),
        ("pkcs11:token=a;object=c?module-path=/a%00", "without a null character"),
        ("pkcs11:token=a;object=c?module-path=/a&pin-source=//h/p", "expected pin-source"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, says: str) -> None:
    with pytest.raises(SigningKeyError, match=says):
        parse_pkcs11_uri(text)


def test_a_pin_in_the_uri_is_refused_and_not_repeated() -> None:
    with pytest.raises(SigningKeyError, match="pin-value is not accepted") as caught:
        parse_pkcs11_uri("pkcs11:token=a;object=b?module-path=/a&pin-value=nova9")
    assert "nova9" not in str(caught.value)
