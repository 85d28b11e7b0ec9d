"""Where the passphrase of a key comes from, and when nobody is asked."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest
import typer

from provenance.cli.key_options import key_spec, new_passphrase
from provenance.errors import ConfigurationError
from provenance.signing.private_keys import write_new_key
from tests.factory import pki

SECRET = "a passphrase of this key"
CERTIFICATE = Path("chain.pem")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "key.pem"
    write_new_key(path, pki.make_key("options"), passphrase=SECRET.encode())
    return str(path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the terminal was asked; it answers `typed`."""
    questions: list[str] = []

    def prompt(text: str, **options: object) -> str:
        assert options["hide_input"]
        questions.append(text)
        return "typed"

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr("sys.stdin", Terminal())
    return questions


def test_the_file_comes_first_then_the_environment_then_the_terminal(
    key: str, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert key_spec(key, CERTIFICATE, None, False).passphrase == b"typed"  # noqa: FBT003
    assert asked == [f"passphrase of {key}"]
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "from the environment")
    spec = key_spec(key, CERTIFICATE, None, False)  # noqa: FBT003
    assert spec.passphrase == b"from the environment"
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\r\nnot this\n", "utf-8")
    spec = key_spec(key, CERTIFICATE, file, False)  # noqa: FBT003
    assert spec.passphrase == SECRET.encode()
    assert len(asked) == 1
    assert SECRET not in repr(spec)
    assert pickle.loads(pickle.dumps(spec)) == spec
    file.write_bytes(b"\n")
    with pytest.raises(ConfigurationError, match="in its first line, got none"):
        key_spec(key, CERTIFICATE, file, False)  # noqa: FBT003


def test_nobody_is_asked_without_a_terminal_or_a_need(
    key: str, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "plain.pem"
    write_new_key(plain, pki.make_key("options"), passphrase=None, unsafe_plain=True)
    for name in (str(plain), "python:a:b", "pkcs11:token=a;id=b?module-path=/a&pin-source=/p"):
        assert key_spec(name, CERTIFICATE, None, True).passphrase is None  # noqa: FBT003
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert key_spec(key, CERTIFICATE, None, False).passphrase is None  # noqa: FBT003
    assert new_passphrase(None, name="key.pem") is None
    assert asked == []


def test_the_pin_of_a_token_is_asked_for(asked: list[str]) -> None:
    uri = "pkcs11:token=a;object=b?module-path=/a"
    assert key_spec(uri, CERTIFICATE, None, False).passphrase == b"typed"  # noqa: FBT003
    assert asked == ["PIN of pkcs11:token=a;object=b"]
