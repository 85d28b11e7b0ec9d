"""PKCS#11 tokens made of software (SoftHSM2), one set for each process."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pkcs11
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from provenance.signing.memory_signer import ClaimKey

__all__ = ["MODULE", "PIN", "Tokens", "tokens_of_this_process", "uri"]

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "nova9-pin"


class Tokens:
    """A folder of tokens. The library reads where it is when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "tokens"
        self.store.mkdir()
        self.configuration = folder / "softhsm2.conf"
        self.configuration.write_text(
            f"directories.tokendir = {self.store}\nobjectstore.backend = file\nlog.level = ERROR\n",
            "utf-8",
        )

    @property
    def environment(self) -> dict[str, str]:
        """For a process of its own."""
        return {**os.environ, "SOFTHSM2_CONF": str(self.configuration)}

    def _rescan(self) -> None:
        # The library looks for tokens when it is initialised, and not again.
        if os.environ.get("SOFTHSM2_CONF") == str(self.configuration):
            pkcs11.lib(str(MODULE)).reinitialize()

    def remove(self, label: str) -> None:
        """Take a token out, whoever uses it."""
        self._run("--delete-token", "--token", label)

    def add(self, label: str) -> Path:
        """A token of this label, with `PIN`; the folder that it is."""
        before = set(self.store.iterdir())
        self._run("--init-token", "--free", "--label", label, "--so-pin", "so-pin", "--pin", PIN)
        (folder,) = set(self.store.iterdir()) - before
        self._rescan()
        return folder

    def put(self, label: str, key: ClaimKey, name: str) -> None:
        """Put a key into a token."""
        file = self.folder / "import.pem"
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._run(
            *("--import", str(file), "--token", label, "--label", name, "--pin", PIN),
            *("--id", sha256(name.encode()).hexdigest()[:8]),
        )
        file.unlink()
        self._rescan()

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            ["softhsm2-util", *arguments],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)


def uri(token: str, name: str, **more: str) -> str:
    """The name of a key in a token (RFC 7512)."""
    said = {"token": token, "object": name, **more}
    path = ";".join(f"{key}={quote(value)}" for key, value in said.items())
    return f"pkcs11:{path}?module-path={MODULE}"


@cache
def tokens_of_this_process() -> Tokens:
    """The tokens that this process sees, once the library has been loaded."""
    folder = Path(tempfile.mkdtemp(prefix="tokens-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tokens = Tokens(folder)
    os.environ["SOFTHSM2_CONF"] = str(tokens.configuration)
    return tokens
