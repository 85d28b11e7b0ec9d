"""Verify one uploaded file, as a platform would at ingest.

    python examples/verify_upload.py photo.jpg directory.json [register.db]

Prints the verdict and what it means; with a register of releases also which release
the file resembles and whether one was withdrawn. Whether to publish, label or queue the
upload is a decision of the platform's own policy, taken by a named person.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from provenance.errors import ConfigurationError, RegisterError, SourceError
from provenance.runtime.register_search import SearchedRegister
from provenance.trust.directory import load_directory
from provenance.verification.verifier import Verifier


def main() -> int:
    """Print what is known about the file that the command line names."""
    if len(sys.argv) not in {3, 4}:
        print("usage: verify_upload.py FILE DIRECTORY [REGISTER]", file=sys.stderr)
        return 2
    upload, directory, *place = sys.argv[1:]
    try:
        # Open the register and make the verifier once, when the service starts, and use them
        # for every upload. What is looked through is read into memory at the first one, and
        # kept up to date from then on.
        register = SearchedRegister.open(place[0]) if place else None
        verifier = Verifier(
            directory=load_directory(directory),
            register=register.view if register else None,
            clock=lambda: datetime.now(UTC),
        )
        report = verifier.verify(upload)
    except (ConfigurationError, RegisterError, SourceError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{report.verdict.value}: {report.summary}")
    for lead in report.resemblance:
        print(f"resembles {lead.release}, and differs in {len(lead.differs)} places")
    for check in report.checks_not_run:
        print(f"not checked: {check.check} ({check.why})")
    # A report has no truth value: say what you need of it.
    return 0 if report.meets("official") else 1


if __name__ == "__main__":
    sys.exit(main())
