"""`provenance key` and `provenance cert`, from a new key to a checked certificate."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cryptography import x509

from provenance.errors import SigningKeyError
from provenance.runtime.signing_keys import KeySpec, load_chain, open_signer
from tests.factory import pki
from tests.factory.command_line import Cli

EXAMPLES = Path(__file__).parents[2] / "examples"
CHAIN = pki.three_tier()[2]
SUBJECT = ("--common-name", "NOVA9", "--organization", "Aurora Entertainment", "--country", "KR")


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "chain.pem"
    path.write_bytes(CHAIN.chain_pem + pki.three_tier()[0].pem)
    return path


@pytest.fixture
def plain_key(tmp_path: Path) -> Path:
    path = tmp_path / "plain.pem"
    path.write_bytes(CHAIN.key_pem)
    return path


def test_a_new_key_makes_a_request(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "expected a passphrase" in cli("key", "new", "key.pem").err
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "a passphrase of this key")
    assert cli("key", "new", "key.pem").code == 0
    done = cli("cert", "request", "out.csr", "--key", "key.pem", *SUBJECT)
    assert (done.code, done.err) == (0, "")
    assert x509.load_pem_x509_csr((tmp_path / "out.csr").read_bytes()).is_signature_valid
    (tmp_path / "pass").write_text("another passphrase\n", "utf-8")
    done = cli(
        "cert", "request", "b.csr", "--key", "key.pem", "--passphrase-file", "pass", *SUBJECT
    )
    assert done.code == 2
    assert "opens with this passphrase" in done.err
    assert not (tmp_path / "b.csr").exists()


def test_a_new_key_says_what_comes_next(cli: Cli) -> None:
    """A service reads its key at every start: it is not encrypted, and gets no certificate."""
    done = cli("key", "new", "service.pem", "--algorithm", "EdDSA", "--unsafe-plain-key")
    assert done.code == 0, done.err
    first, for_service, for_releases = done.out.splitlines()
    assert first == "EdDSA key: service.pem"
    assert "for the service, next: name it as signing_key in its settings" in for_service
    assert "for releases, next: provenance cert request" in for_releases
    done = cli("key", "new", "release.pem", "--unsafe-plain-key")
    assert "next: provenance cert request REQUEST.csr --key release.pem" in done.out
    assert "signing_key" not in done.out


def test_a_good_certificate_may_sign(cli: Cli, chain: Path, plain_key: Path) -> None:
    done = cli(
        "cert", "check", "--certificate", str(chain), "--key", str(plain_key), "--unsafe-plain-key"
    )
    assert (done.code, done.err) == (0, "")
    assert "warning root: the chain includes its root" in done.out
    assert "ok      trial signature: ES256" in done.out
    assert done.out.endswith("may sign\n")


def test_faults_are_named_and_end_with_1(cli: Cli, chain: Path, plain_key: Path) -> None:
    done = cli("cert", "check", "--certificate", str(chain), "--at", "2099-01-01T00:00:00Z")
    assert done.code == 1
    assert "fault   validity: certificate 1 expired on 2044-12-31" in done.out
    plain_key.write_bytes(pki.three_tier("Other")[2].key_pem)
    done = cli(
        "cert", "check", "--certificate", str(chain), "--key", str(plain_key),
        "--unsafe-plain-key", "--json",
    )  # fmt: skip
    document = json.loads(done.out)
    assert (done.code, document["usable"]) == (1, False)
    (fault,) = [c for c in document["checks"] if c["state"] == "fault"]
    assert fault["name"] == "key"
    assert "its first certificate is not for" in fault["says"]


def test_the_root_is_left_out_of_what_is_signed(chain: Path, plain_key: Path) -> None:
    assert load_chain(chain) == CHAIN.chain
    spec = KeySpec(key=str(plain_key), certificate=chain, unsafe_plain=True)
    with open_signer(spec) as signer:
        assert signer.certificate_chain_pem == CHAIN.chain_pem


def test_the_example_of_a_cloud_key_signs(
    cli: Cli, chain: Path, plain_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("KMS_STAND_IN_KEY", str(plain_key))
    check = ("cert", "check", "--certificate", str(chain), "--key", "python:kms_key:signer")
    done = cli(*check)
    assert (done.code, done.err) == (0, "")
    assert "ok      trial signature: ES256" in done.out
    plain_key.write_bytes(pki.three_tier("Other")[2].key_pem)
    done = cli(*check)
    assert done.code == 1
    assert "aurora-releases: its signature" in done.out
    sys.modules.pop("kms_key", None)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("python:no_such_module:f", "that can be imported"),
        ("python:json:no_such", "that can be imported"),
        ("pkcs11:token=a;object=b", r"expected \?module-path="),
        ("pkcs11:object=b?module-path=/x", "expected token= or serial="),
        ("pkcs11:token=a;object=b?module-path=/x&pin-value=1", "pin-value is not accepted"),
    ],
)
def test_names_of_keys_that_cannot_be_used(chain: Path, key: str, says: str) -> None:
    with (
        pytest.raises(SigningKeyError, match=says),
        open_signer(KeySpec(key=key, certificate=chain)),
    ):
        pass
