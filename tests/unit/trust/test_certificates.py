from __future__ import annotations

import time
import warnings
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from provenance.errors import MalformedError, TrustListError
from provenance.trust.certificates import load_der, load_der_chain, parse_pem_bundle
from tests.factory import pki

ROOT, ISSUING, LEAF = pki.three_tier()


def _der(holder: pki.Holder) -> bytes:
    return holder.certificate.public_bytes(Encoding.DER)


def _pem(holder: pki.Holder) -> str:
    return holder.pem.decode("ascii")


def test_a_certificate_says_what_its_maker_wrote() -> None:
    leaf = load_der(_der(LEAF), where="leaf")
    assert leaf.says_common_name == "Aurora TEST leaf"
    assert leaf.says_organization == "Aurora Entertainment"
    assert leaf.says_issuer == "Aurora TEST issuing CA"
    assert leaf.spki_sha256 == pki.spki_sha256(LEAF.certificate)
    assert not leaf.is_ca
    assert load_der(_der(ROOT), where="root").is_ca


def test_a_name_may_say_nothing() -> None:
    bare = pki.issue(pki.name(None, organization=None), pki.root(pki.name(None)))
    certificate = load_der(_der(bare), where="bare")
    assert certificate.says_common_name is None
    assert certificate.says_organization is None
    assert certificate.says_issuer == "Aurora Entertainment"


def test_validity_includes_its_first_and_last_moment() -> None:
    leaf = load_der(_der(LEAF), where="leaf")
    second = timedelta(seconds=1)
    assert leaf.is_valid_at(pki.NOT_BEFORE)
    assert leaf.is_valid_at(pki.NOT_AFTER)
    assert not leaf.is_valid_at(pki.NOT_BEFORE - second)
    assert not leaf.is_valid_at(pki.NOT_AFTER + second)


def _with_version(number: int) -> bytes:
    der = _der(LEAF)
    at = der.index(bytes.fromhex("a003020102")) + 4
    return der[:at] + bytes([number]) + der[at + 1 :]


def _with_extension(extension: x509.UnrecognizedExtension) -> bytes:
    return _der(pki.issue("odd", ISSUING, extensions=[(extension, False)]))


def _with_extension_twice() -> bytes:
    # The key identifiers' object identifiers differ in one byte: 2.5.29.14 and 2.5.29.35.
    return _der(LEAF).replace(bytes.fromhex("0603551d23"), bytes.fromhex("0603551d0e"))


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"certificate",
        _der(LEAF)[:-1],
        _der(LEAF) + b"\0",
        _with_version(1),
        _with_version(3),
        _with_version(0x30),
        _with_extension_twice(),
        _with_extension(x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), b"\xff")),
        # A name of a kind that has no meaning here: x400Address.
        _with_extension(
            x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), bytes.fromhex("3004a3020500"))
        ),
    ],
)
def test_what_cannot_be_used_is_refused_as_malformed(der: bytes) -> None:
    load_der(_der(LEAF), where="leaf")
    with pytest.raises(MalformedError, match=r"^leaf: expected an X.509 certificate"):
        load_der(der, where="leaf")


def test_an_odd_attribute_is_read_without_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        country = x509.NameAttribute(NameOID.COUNTRY_NAME, "KOR", _validate=False)
        odd = pki.issue(x509.Name([country]), ISSUING)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        certificate = load_der(_der(odd), where="odd")
    assert certificate.says(NameOID.COUNTRY_NAME) == "KOR"


def test_a_chain_is_followed_as_far_as_it_links_up() -> None:
    whole = [_der(LEAF), _der(ISSUING), _der(ROOT)]
    other = _der(pki.root("Other TEST root"))
    for given, kept in (
        (whole, 3),
        (whole[:1], 1),
        ([whole[0], whole[2]], 1),
        ([whole[0], whole[2], whole[1]], 1),
        ([*whole[:2], other], 2),
        ([whole[0], other, *whole[1:]], 1),
        ([*whole[:2], b"junk", whole[2]], 2),
    ):
        chain = load_der_chain(given, where="signature")
        assert [c.der for c in chain] == whole[:kept]


def test_a_chain_without_a_leaf_is_refused() -> None:
    with pytest.raises(MalformedError, match="expected a certificate chain, got none"):
        load_der_chain([], where="signature")
    with pytest.raises(MalformedError, match=r"^signature, leaf: expected an X.509 certificate"):
        load_der_chain([b"junk", _der(ISSUING)], where="signature")


def test_a_bundle_is_read_in_order() -> None:
    text = f"# Aurora\n{_pem(ROOT)}\nSubject: the second\r\n{_pem(LEAF)}# end of the list\n"
    found = parse_pem_bundle(text, where="list.pem")
    assert [c.der for c in found] == [_der(ROOT), _der(LEAF)]
    unix = parse_pem_bundle(_pem(ROOT), where="x")
    assert parse_pem_bundle(_pem(ROOT).replace("\n", "\r\n"), where="x") == unix


def test_blocks_joined_without_a_newline_are_both_read() -> None:
    text = _pem(ROOT).strip() + _pem(LEAF).strip()
    assert [c.der for c in parse_pem_bundle(text, where="x")] == [_der(ROOT), _der(LEAF)]


def _lines(text: str) -> int:
    return text.count("\n")


AFTER = _lines(_pem(ROOT)) + 1
"""The line after one certificate."""


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (_pem(LEAF).replace("MII", "!!!", 1), f", line {AFTER}: not base64"),
        (_pem(LEAF).replace("MII", "é", 1), f", line {AFTER}: not base64"),
        (_pem(LEAF).replace("MII", "MIJ", 1), f", line {AFTER}: expected an X.509 certificate"),
        (_pem(LEAF).replace("-----END CERTIFICATE-----", ""), f", line {AFTER}: expected an END"),
        (_pem(LEAF).replace("-----BEGIN CERTIFICATE-----", ""), "expected a BEGIN"),
        (_pem(LEAF).replace("-----END", "----END"), f", line {AFTER}: expected an END"),
        (_pem(LEAF).replace("-----BEGIN", "----BEGIN"), r"got '--BEGIN'"),
        (_pem(LEAF).replace("CERTIFICATE-----", "CERTIFICATE----"), "got '--BEGIN'"),
        (_pem(LEAF).replace("CERTIFICATE", "certificate"), "got '--BEGIN'"),
        (_pem(LEAF).replace("-----", "--- "), "got '-- ?BEGIN'"),
        (
            "-----BEGIN CERTIFICATE-----\n" + _pem(LEAF),
            f", line {AFTER}: expected an END line for this block",
        ),
        (
            LEAF.key_pem.decode("ascii"),
            f", line {AFTER}: expected a CERTIFICATE block, got PRIVATE KEY",
        ),
        (_pem(LEAF).replace("CERTIFICATE", "X509 CRL"), "expected a CERTIFICATE block"),
        (_pem(LEAF).replace("END CERTIFICATE", "END PRIVATE KEY"), "expected a CERTIFICATE block"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_bundle_with_a_bad_block_is_no_bundle(second: str, reason: str, *, first: bool) -> None:
    assert len(parse_pem_bundle(_pem(ROOT) + _pem(LEAF), where="list.pem")) == 2
    text = _pem(ROOT) + second if first else _pem(ROOT) + second + _pem(ROOT)
    with pytest.raises(TrustListError, match=f"^list.pem.*{reason}"):
        parse_pem_bundle(text, where="list.pem")


@pytest.mark.parametrize("text", ["", "no certificate here", "# -- a comment --\n"])
def test_a_bundle_without_a_certificate_is_refused(text: str) -> None:
    with pytest.raises(TrustListError, match="x: expected at least one certificate, got none"):
        parse_pem_bundle(text, where="x")


def test_a_bundle_of_beginnings_costs_no_quadratic_time() -> None:
    started = time.process_time()
    with pytest.raises(TrustListError, match="expected an END"):
        parse_pem_bundle("-----BEGIN CERTIFICATE-----\n" * 30_000, where="x")
    assert time.process_time() - started < 1
