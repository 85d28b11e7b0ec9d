"""Keys in files: encrypted, for their owner alone, and refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import ConfigurationError, SigningKeyError
from provenance.signing.private_keys import (
    generate_key,
    is_encrypted_key,
    load_key,
    write_new_key,
)
from tests.factory import pki

SECRET = "별빛 무대 위의 아홉 번째 밤".encode()
KEY = pki.make_key("file")


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "EdDSA"])
def test_a_new_key_comes_back_with_its_passphrase(tmp_path: Path, algorithm: str) -> None:
    path, key = tmp_path / "key.pem", generate_key(algorithm)
    write_new_key(path, key, passphrase=SECRET)
    assert path.stat().st_mode & 0o077 == 0
    assert is_encrypted_key(path)
    assert load_key(path, lambda: SECRET).public_key() == key.public_key()
    with pytest.raises(SigningKeyError, match="opens with this passphrase"):
        load_key(path, lambda: b"another passphrase")
    with pytest.raises(SigningKeyError, match="expected its passphrase, got none"):
        load_key(path, lambda: None)
    with pytest.raises(ConfigurationError, match="exists already"):
        write_new_key(path, key, passphrase=SECRET)


def test_a_plain_key_has_to_be_called_unsafe(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(SigningKeyError, match="expected a passphrase"):
        write_new_key(path, KEY, passphrase=None)
    assert not path.exists()
    write_new_key(path, KEY, passphrase=None, unsafe_plain=True)
    assert not is_encrypted_key(path)
    with pytest.raises(SigningKeyError, match="the key is not encrypted"):
        load_key(path, lambda: None)
    assert load_key(path, lambda: None, unsafe_plain=True).public_key() == KEY.public_key()


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError, match="at least 12 characters, got 5"):
        write_new_key(tmp_path / "key.pem", KEY, passphrase=b"short")


def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"a secret note")
    with pytest.raises(SigningKeyError, match="expected a private key in PEM") as caught:
        load_key(path, lambda: None, unsafe_plain=True)
    assert "secret note" not in str(caught.value)
    with pytest.raises(SigningKeyError, match="signing algorithm: expected one of"):
        generate_key("RS256")
