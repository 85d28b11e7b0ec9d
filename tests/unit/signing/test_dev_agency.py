from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from provenance.errors import ConfigurationError, SigningError
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.signing.dev_agency_folder import load_dev_signer, write_dev_agency
from tests.factory import pki

AT = datetime(2026, 3, 1, 9, 30, 15, 250_000, tzinfo=UTC)


def make(algorithm: str = "ES256") -> DevAgency:
    return create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT,
        algorithm=algorithm,
    )


@pytest.fixture(scope="module")
def fresh() -> DevAgency:
    return make()


def test_the_leaf_follows_the_certificate_profile(fresh: DevAgency) -> None:
    extensions = fresh.leaf.extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    authority = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    issuing = fresh.issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value

    assert fresh.leaf.version is x509.Version.v3
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert [p.dotted_string for p in purposes] == [pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION]
    assert constraints.critical
    assert not constraints.value.ca
    assert authority.key_identifier == issuing.digest
    own = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(fresh.leaf.public_key())


def test_the_chain_is_signed_from_the_root_down(fresh: DevAgency) -> None:
    fresh.root.verify_directly_issued_by(fresh.root)
    fresh.issuing.verify_directly_issued_by(fresh.root)
    fresh.leaf.verify_directly_issued_by(fresh.issuing)


def test_every_subject_says_test(fresh: DevAgency) -> None:
    for certificate in (fresh.root, fresh.issuing, fresh.leaf):
        units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert [u.value for u in units] == ["TEST - NOT FOR RELEASES"]
        assert "TEST" in str(common[0].value)


def test_the_windows_begin_when_told_and_the_leaf_ends_first(fresh: DevAgency) -> None:
    begin = AT.replace(microsecond=0)
    assert fresh.leaf.not_valid_before_utc == begin
    assert fresh.leaf.not_valid_after_utc == begin + timedelta(days=90)
    assert fresh.root.not_valid_after_utc == begin + timedelta(days=180)


def test_two_agencies_of_one_name_share_no_key(fresh: DevAgency) -> None:
    assert make().leaf_spki_sha256 != fresh.leaf_spki_sha256


def test_the_directory_lists_the_anchor_and_no_single_key(fresh: DevAgency) -> None:
    directory = json.loads(json.dumps(fresh.directory_entry()))
    (entry,) = directory["agencies"]
    (anchor,) = entry["anchors"]

    assert directory["test"] is True
    assert entry["test"] is True
    assert directory["issued_at"] == "2026-03-01T09:30:15Z"
    assert entry["id"] == "aurora-entertainment"
    assert entry["names"][1] == {"language": "ko", "name": "오로라 엔터테인먼트"}
    assert entry["keys"] == []
    assert anchor["certificate_pem"].encode() == fresh.root_pem
    assert anchor["subject"] == {"organization": "Aurora Entertainment"}
    assert entry["scope"]["artists"] == ["NOVA9"]
    assert entry["channels"] == [{"kind": "website", "url": "https://aurora.example"}]
    assert entry["contact"] == {"email": "provenance@aurora.example"}


def test_the_directory_can_list_the_key_instead(fresh: DevAgency) -> None:
    (entry,) = fresh.directory_entry(list_anchor=False, list_key=True)["agencies"]

    assert entry["anchors"] == []
    assert [k["spki_sha256"] for k in entry["keys"]] == [pki.spki_sha256(fresh.leaf)]


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(SigningError, match="expected an aware date and time"):
        create_dev_agency(
            name="A", name_ko="가", organization="A", artists=[], at=AT.replace(tzinfo=None)
        )


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(SigningError, match=r"expected one of ES256.*got 'RS256'"):
        make("RS256")


@pytest.mark.parametrize("agency_id", [None, "aurora"])
def test_a_name_without_latin_letters_needs_an_id(agency_id: str | None) -> None:
    def create() -> DevAgency:
        return create_dev_agency(
            name="오로라",
            name_ko="오로라",
            organization="오로라",
            artists=[],
            at=AT,
            agency_id=agency_id,
        )

    if agency_id is None:
        with pytest.raises(SigningError, match="expected Latin letters"):
            create()
    else:
        assert create().agency_id == "aurora"


def test_the_key_is_not_in_the_representation(fresh: DevAgency) -> None:
    assert "key=" not in repr(fresh)
    assert "key=" not in repr(fresh.signer())


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_what_is_written_signs_when_it_is_loaded(
    tmp_path: Path, algorithm: str, passphrase: bytes | None
) -> None:
    agency = make(algorithm)
    folder = tmp_path / "agency"
    write_dev_agency(agency, folder, passphrase=passphrase)

    signer = load_dev_signer(folder, passphrase)

    assert signer.algorithm == algorithm
    assert signer.certificate_chain_pem == agency.chain_pem
    assert len(signer.sign(b"claim")) == 64


def test_the_folder_is_for_its_owner_and_says_test(tmp_path: Path, fresh: DevAgency) -> None:
    folder = tmp_path / "agency"
    write_dev_agency(fresh, folder, passphrase=None)

    assert {path.name for path in folder.iterdir()} == {
        "README.txt",
        "chain.pem",
        "directory.json",
        "issuing.pem",
        "leaf.key.pem",
        "leaf.pem",
        "root.pem",
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "leaf.key.pem").stat().st_mode) == 0o600
    assert (folder / "README.txt").read_text().startswith("TEST - NOT FOR RELEASES")
    assert json.loads((folder / "directory.json").read_bytes()) == fresh.directory_entry()
    assert [path.name for path in tmp_path.iterdir()] == ["agency"]


def test_an_empty_folder_is_taken(tmp_path: Path, fresh: DevAgency) -> None:
    folder = tmp_path / "agency"
    folder.mkdir()
    write_dev_agency(fresh, folder, passphrase=None)
    assert (folder / "leaf.pem").read_bytes() == fresh.leaf_pem


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, fresh: DevAgency) -> None:
    folder = tmp_path / "agency"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")

    with pytest.raises(ConfigurationError, match="expected a new or empty folder"):
        write_dev_agency(fresh, folder, passphrase=None)

    assert [path.name for path in tmp_path.rglob("*")] == ["agency", "notes.txt"]


@pytest.mark.parametrize("passphrase", [None, b"wrong"])
def test_an_encrypted_key_opens_only_with_its_passphrase(
    tmp_path: Path, fresh: DevAgency, passphrase: bytes | None
) -> None:
    folder = tmp_path / "agency"
    write_dev_agency(fresh, folder, passphrase=b"correct horse")
    assert b"ENCRYPTED" in (folder / "leaf.key.pem").read_bytes()
    with pytest.raises(ConfigurationError, match="opens with this passphrase"):
        load_dev_signer(folder, passphrase)


def test_a_folder_without_a_key_cannot_sign(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the key or the chain"):
        load_dev_signer(tmp_path)


def test_a_key_beside_another_leaf_cannot_sign(tmp_path: Path, fresh: DevAgency) -> None:
    folder = tmp_path / "agency"
    write_dev_agency(fresh, folder, passphrase=None)
    (folder / "chain.pem").write_bytes(make().chain_pem)
    with pytest.raises(SigningError, match="the leaf is not for the signing key"):
        load_dev_signer(folder)
