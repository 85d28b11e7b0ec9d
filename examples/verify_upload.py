"""Verify one uploaded file, as a platform would at ingest.

    python examples/verify_upload.py photo.jpg directory.json

Prints the verdict and what it means. Whether to publish, label or queue the
upload is a decision of the platform's own policy, taken by a named person.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from provenance.errors import ConfigurationError, SourceError
from provenance.trust.directory import load_directory
from provenance.verification.verifier import Verifier


def main() -> int:
    """Print what is known about the file that the command line names."""
    if len(sys.argv) != 3:
        print("usage: verify_upload.py FILE DIRECTORY", file=sys.stderr)
        return 2
    upload, directory = sys.argv[1:]
    try:
        # Make the verifier once, when the service starts, and use it for every upload.
        verifier = Verifier(directory=load_directory(directory), clock=lambda: datetime.now(UTC))
        report = verifier.verify(upload)
    except (ConfigurationError, SourceError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{report.verdict.value}: {report.summary}")
    for check in report.checks_not_run:
        print(f"not checked: {check.check} ({check.why})")
    # A report has no truth value: say what you need of it.
    return 0 if report.meets("official") else 1


if __name__ == "__main__":
    sys.exit(main())
