"""An agency's office: its folder, a source folder, and the command line as its desk uses it."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.factory import media
from tests.factory.command_line import COMMAND, run_here
from tests.factory.desk import Desk, write_release

__all__ = ["PASSPHRASE", "Office"]

ROOT = Path(__file__).parents[2]
PASSPHRASE = "starlight over the river"


@dataclass(frozen=True, kw_only=True)
class Office:
    """An agency's folder, a source folder, and the command line as its desk uses it."""

    desk: Desk
    home: Path

    @property
    def source(self) -> Path:
        return self.home / "source"

    @property
    def out(self) -> Path:
        return self.home / "out"

    @property
    def journal(self) -> list[dict[str, object]]:
        lines = (self.out / ".provenance-results.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def photos(self, count: int) -> None:
        self.source.mkdir(exist_ok=True)
        # A few pictures under many names: their digests, and so their jobs, differ by name.
        for number in range(count):
            data = media.make("jpeg", 1 + number % 4)
            (self.source / f"{number:03}.jpg").write_bytes(data)
        entry = {"glob": "*.jpg", "digital_source_type": "digitalCapture"}
        write_release(self.source, [entry])

    def common(self) -> list[str]:
        agency = self.home / "agency"
        return [
            *("--certificate", str(agency / "chain.pem")),
            *("--directory", str(agency / "directory.json")),
            *("--tsa", self.desk.tsa.url),
        ]

    def sign_command(self, *options: str, release: bool = True, jobs: int = 1) -> list[str]:
        what = ["--release", str(self.source / "release.yaml")] if release else []
        return [
            *(*COMMAND, "sign"),
            *what,
            *("--out", str(self.out)),
            *("--key", str(self.home / "agency" / "leaf.key.pem")),
            *("--time-stamp-list", str(self.home / "tsa.pem")),
            *("--network-allow", self.desk.tsa.url.split("/")[2]),
            *("--jobs", str(jobs)),
            *self.common(),
            *options,
        ]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command line to its end; in this process, unless a test's own code signs."""
        environment = self.environment()
        if not any(part.startswith("python:") for part in command):
            return run_here(*command, environment=environment)
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    def sign(
        self, *options: str, release: bool = True, jobs: int = 1
    ) -> subprocess.CompletedProcess[str]:
        return self.run(*self.sign_command(*options, release=release, jobs=jobs))

    def plan(self) -> subprocess.CompletedProcess[str]:
        return self.run(
            *(*COMMAND, "release", "plan"),
            str(self.source / "release.yaml"),
            *("--out", str(self.home / "plan.json")),
            *self.common(),
        )

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PROVENANCE_KEY_PASSPHRASE": PASSPHRASE,
            "PYTHONPATH": os.pathsep.join([str(self.home), str(ROOT)]),
        }

    def service_key(self, before_signing: str) -> None:
        """A key behind a function that does this first; `count` is how often it was called.

        The trial at the beginning of each process is not counted.
        """
        (self.home / "service_key.py").write_text(
            f"""
import os
from pathlib import Path

from provenance.errors import SigningKeyError
from provenance.signing.dev_agency_folder import load_dev_signer

HOME = Path({str(self.home)!r})
tried = HOME / "tried"


class Service:
    def __init__(self, inner):
        self.inner = inner
        self.algorithm = inner.algorithm
        self.certificate_chain_pem = inner.certificate_chain_pem
        self.calls = -1

    def sign(self, data):
        self.calls += 1
        count = self.calls
        if count > 0:
{textwrap.indent(textwrap.dedent(before_signing).strip(), " " * 12)}
        return self.inner.sign(data)


def signer(chain):
    return Service(load_dev_signer(HOME / "agency", {PASSPHRASE.encode()!r}))
"""
        )

    def with_service_key(self) -> list[str]:
        """Options that use it: the last `--key` counts."""
        return ["--key", "python:service_key:signer"]

    def outputs(self) -> list[Path]:
        return sorted(self.out.glob("*.jpg"))

    def leftovers(self) -> list[Path]:
        return sorted(self.out.glob(".*provenance-tmp"))
