"""Show the page with made-up media: an agency, its releases, and copies to try.

    python -m examples.serve [--out FOLDER] [--port PORT]

Makes the demo's agency, register and files, and runs `provenance serve`
in test mode until it is stopped. Needs what `examples/demo.py` needs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from examples.demo import make_copies, must, provenance


def prepare(out: Path) -> dict[str, str]:
    """Make everything: with which settings does the service show it?"""
    make_copies(out)
    key = out / "service.pem"
    must(provenance("key", "new", key, "--algorithm", "EdDSA", "--unsafe-plain-key"))
    return {
        "PROVENANCE_HOME": str(out / "home"),
        "PROVENANCE_DIRECTORY": str(out / "agency" / "directory.json"),
        "PROVENANCE_REGISTER": str(out / "register.db"),
        "PROVENANCE_SERVICE_SIGNING_KEY": str(key),
    }


def serve(out: Path, port: str) -> int:
    """Serve until stopped; the exit status is the service's."""
    settings = prepare(out)
    print(f"TEST: made-up agency, made-up media. Files to try are in {out}", flush=True)
    if port != "0":
        print(f"The page: http://127.0.0.1:{port}/", flush=True)
    command = [sys.executable, "-m", "provenance.cli.main", "serve", "--test", "--port", port]
    with subprocess.Popen(command, env={**os.environ, **settings}) as service:  # noqa: S603 - fixed command
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
