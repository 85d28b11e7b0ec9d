"""Writes down what is said of every file of the corpus, for `test_continuity` to hold on to.

    TEST_CORPUS=FOLDER python -m tests.conformance.make_continuity

Run it when an answer was meant to change, and read what differs before it is kept.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from provenance.report import Report

__all__ = ["EXPECTED", "row_of"]

EXPECTED = Path(__file__).with_name("continuity.json")


def row_of(file: str, profile: str, report: Report) -> dict[str, Any]:
    """What is held on to of one report."""
    return {
        "file": file,
        "profile": profile,
        "sha256": report.asset.sha256,
        "verdict": report.verdict.value,
        "reason": report.reason.value if report.reason else None,
        "integrity": report.integrity.state.value,
    }


def main() -> int:
    """Write the expectations; 2 without a corpus."""
    if not os.environ.get("TEST_CORPUS"):
        sys.stderr.write("TEST_CORPUS names no folder of files\n")
        return 2
    # Without a corpus the module is skipped as a whole.
    from tests.conformance.test_corpus import ROWS, judged  # noqa: PLC0415

    reports = {(row["file"], row["trust_profile"]): None for row in ROWS}
    rows = [row_of(file, profile, judged(file, profile)) for file, profile in sorted(reports)]
    engine = judged(*next(iter(reports))).context.engine
    document = {"engine": engine.model_dump(), "files": rows}
    EXPECTED.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    sys.stderr.write(f"{EXPECTED.name}: {len(rows)} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
