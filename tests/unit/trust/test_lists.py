from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.errors import TrustListError
from provenance.trust.lists import ListPurpose, load_trust_list, parse_trust_list
from tests.factory import pki

ROOT, ISSUING, LEAF = pki.three_tier()


def _parse(data: bytes, purpose: ListPurpose = ListPurpose.CLAIM) -> object:
    return parse_trust_list(data, name="sample", purpose=purpose, source="sample.pem")


def test_an_authority_is_an_anchor_and_a_leaf_is_pinned() -> None:
    data = ROOT.pem + LEAF.pem + ISSUING.pem + ROOT.pem
    found = parse_trust_list(data, name="sample", purpose=ListPurpose.CLAIM, source="file")
    assert [c.says_common_name for c in found.anchors] == [
        "Aurora TEST root",
        "Aurora TEST issuing CA",
    ]
    assert found.end_entities == {
        hashlib.sha256(LEAF.certificate.public_bytes(Encoding.DER)).hexdigest()
    }
    assert found.certificates == 3
    assert found.sha256 == hashlib.sha256(data).hexdigest()


def test_a_self_signed_certificate_that_is_no_authority_is_no_anchor() -> None:
    lonely = pki.issue("Lonely TEST signer", eku=[pki.CLAIM_SIGNING])
    found = parse_trust_list(lonely.pem, name="x", purpose=ListPurpose.CLAIM, source="x")
    assert found.anchors == ()
    assert len(found.end_entities) == 1


def test_a_list_of_time_stamp_authorities_pins_nobody() -> None:
    good = parse_trust_list(ROOT.pem, name="x", purpose=ListPurpose.TIME_STAMP, source="x")
    assert len(good.anchors) == 1
    with pytest.raises(TrustListError, match=r"^sample.pem: expected certificates of CAs"):
        _parse(ROOT.pem + LEAF.pem, ListPurpose.TIME_STAMP)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "^sample.pem: expected at least one certificate, got none"),
        (b"\xff\xfe", "^sample.pem: expected PEM or JSON text, got other bytes"),
        (ROOT.key_pem, "^sample.pem, line 1: expected a CERTIFICATE block, got PRIVATE KEY"),
        (b" " * (10 * 1024 * 1024 + 1), "^sample.pem: 10485761 bytes, expected 10485760 at most"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(data: bytes, reason: str) -> None:
    _parse(ROOT.pem)
    with pytest.raises(TrustListError, match=reason):
        _parse(data)


def test_a_list_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "studio list.pem"
    path.write_bytes(ROOT.pem)
    found = load_trust_list(path)
    assert (found.name, found.purpose, found.source) == (
        "studio list",
        ListPurpose.CLAIM,
        str(path),
    )
    assert load_trust_list(path, name="other").name == "other"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "missing.pem", "cannot be read: no such file or directory"),
        (tmp_path, "cannot be read: is a directory"),
    ):
        with pytest.raises(TrustListError) as error:
            load_trust_list(path)
        assert str(error.value) == f"{path}: {reason}"
