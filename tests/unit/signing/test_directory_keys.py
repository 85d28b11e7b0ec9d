from __future__ import annotations

import stat
from pathlib import Path

import pytest

from provenance.errors import DirectoryError
from provenance.signing.directory_keys import load_public_key, load_signer, write_new_key
from tests.factory import pki

PASSPHRASE = b"correct horse battery"


def test_an_encrypted_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    public = write_new_key(tmp_path, "alice", passphrase=PASSPHRASE)
    path = tmp_path / "alice.pem"
    assert b"ENCRYPTED" in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    asked = []

    def ask(name: str) -> bytes:
        asked.append(name)
        return PASSPHRASE

    assert load_signer(path, ask).public_key.keyid == public.keyid
    assert asked == ["alice"]
    assert load_public_key(tmp_path / "alice.pub.pem").keyid == public.keyid
    with pytest.raises(DirectoryError, match=r"alice\.pem: expected a private key .* passphrase"):
        load_signer(path, lambda _: b"another")
    with pytest.raises(DirectoryError, match="is encrypted; expected its passphrase, got none"):
        load_signer(path, lambda _: None)


def test_a_plain_key_is_refused_unless_it_is_called_unsafe(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match="key bora: expected a passphrase, got none"):
        write_new_key(tmp_path, "bora", passphrase=None)
    with pytest.raises(DirectoryError, match="at least 12 characters, got 5"):
        write_new_key(tmp_path, "bora", passphrase=b"short")
    assert list(tmp_path.iterdir()) == []
    write_new_key(tmp_path, "bora", passphrase=None, unsafe_plain=True)
    load_signer(tmp_path / "bora.pem", lambda _: pytest.fail("asked for a passphrase"))


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    write_new_key(tmp_path, "chan", passphrase=PASSPHRASE)
    before = (tmp_path / "chan.pem").read_bytes()
    with pytest.raises(DirectoryError, match=r"chan\.pem: cannot be written: file exists"):
        write_new_key(tmp_path, "chan", passphrase=PASSPHRASE)
    assert (tmp_path / "chan.pem").read_bytes() == before


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    path.write_bytes(pki.root().key_pem)
    with pytest.raises(DirectoryError, match=r"k\.pem: expected an Ed25519 key"):
        load_signer(path, lambda _: None)
    path.write_bytes(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    with pytest.raises(DirectoryError, match=r"k\.pem: expected a public key in PEM"):
        load_public_key(path)
    with pytest.raises(DirectoryError, match="gone: cannot be read"):
        load_public_key(tmp_path / "gone")
