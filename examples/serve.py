"""Show the page with made-up media: an agency, its releases, and copies to try.

    python -m examples.serve [--out FOLDER] [--port PORT]

Makes the demo's agency, register and files, and runs `provenance serve`
in test mode until it is stopped, with complaints taken and one member of the
staff who may decide them. Needs what `examples/demo.py` needs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from examples.demo import make_copies, must, provenance


def prepare(out: Path) -> dict[str, str]:
    """Make everything: with which settings does the service show it?"""
    make_copies(out)
    key = out / "service.pem"
    must(provenance("key", "new", key, "--algorithm", "EdDSA", "--unsafe-plain-key"))
    contacts = out / "contacts.key"
    must(provenance("service", "contact-key", contacts))
    return {
        "PROVENANCE_HOME": str(out / "home"),
        "PROVENANCE_DIRECTORY": str(out / "agency" / "directory.json"),
        "PROVENANCE_REGISTER": str(out / "register.db"),
        "PROVENANCE_SERVICE_SIGNING_KEY": str(key),
        "PROVENANCE_MODERATION_CONTACT_KEY": str(contacts),
    }


def add_reviewer(name: str) -> str:
    """Make an account that may decide: where its holder sets it up, on this service."""
    must(provenance("staff", "add", name, "--role", "reviewer", "--role", "legal"))
    # Nobody decides without training; for a trial a year of it is written down.
    until = datetime.now(UTC).date() + timedelta(days=365)
    must(provenance("staff", "train", name, "--until", until.isoformat()))
    link = provenance("staff", "invite", name)
    must(link)
    parts = urlsplit(link.stdout.strip())
    return f"{parts.path}?{parts.query}"


def serve(out: Path, port: str) -> int:
    """Serve until stopped; the exit status is the service's."""
    os.environ.update(prepare(out))
    enrolment = add_reviewer("reviewer")
    here = "" if port == "0" else f"http://127.0.0.1:{port}"
    print(f"TEST: made-up agency, made-up media. Files to try are in {out}", flush=True)
    print(f"TEST: the page: {here}/ and to report a problem: {here}/report", flush=True)
    print(f"TEST: be the reviewer, set up the account: {here}{enrolment}", flush=True)
    command = [sys.executable, "-m", "provenance.cli.main", "serve", "--test"]
    command += ["--host", "127.0.0.1", "--port", port]
    with subprocess.Popen(command) as service:  # noqa: S603 - fixed command
        try:
            return service.wait()
        except KeyboardInterrupt:
            service.terminate()
            return service.wait()


def main() -> int:
    """Read the options, and serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="Keep the files in this new folder.")
    parser.add_argument("--port", default="8080", help="Port to listen on; 0 for any.")
    given = parser.parse_args()
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=False)
        return serve(given.out, given.port)
    with tempfile.TemporaryDirectory() as folder:
        return serve(Path(folder), given.port)


if __name__ == "__main__":
    sys.exit(main())
