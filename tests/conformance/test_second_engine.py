"""Both engines over the corpus: where do they agree, and is every difference a known one?

`pytest -rP tests/conformance/test_second_engine.py` prints how many agree.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.verdict import IntegrityState
from provenance.verification.policy import Policy
from provenance.verification.second_opinion import CHECK
from provenance.verification.verifier import Verifier

CORPUS = Path(os.environ["TEST_CORPUS"]) if os.environ.get("TEST_CORPUS") else None
if CORPUS is None:
    pytest.skip("TEST_CORPUS names no folder of files to compare", allow_module_level=True)

ROWS: list[dict[str, Any]] = json.loads((CORPUS / "index.json").read_text("utf-8"))
FILES = [row["file"] for row in ROWS]
AT = datetime(2026, 11, 1, tzinfo=UTC)

# By the end of the file's name; each difference has its reason in the code.
KNOWN = {
    "append1.mp4": "short-tail",
    "contentauth__c2pa-python/legacy.mp4": "first-bmff-binding",
}


@cache
def verifier() -> Verifier:
    policy = Policy(name="two engines", version="1", second_engine=True)
    return Verifier(directory=None, policy=policy, clock=lambda: AT)


@cache
def judged(file: str) -> Report:
    return verifier().verify(CORPUS / file)  # type: ignore[operator]


def outcome(report: Report) -> str:
    if report.has(FindingCode.SECOND_ENGINE_AGREES):
        return "agree"
    if any(f.evidence.get("about") == CHECK for f in report.findings):
        return "disagree"
    return "not run: " + next(e.why for e in report.checks_not_run if e.check == CHECK)


@pytest.mark.parametrize("file", FILES)
def test_no_difference_is_unknown(file: str) -> None:
    found = outcome(judged(file))
    assert found != "disagree"
    known = next((name for end, name in KNOWN.items() if file.endswith(end)), None)
    if known is not None:
        assert found.startswith(f"not run: known difference {known}:")
    else:
        assert "known difference" not in found


@pytest.mark.parametrize("file", FILES)
def test_every_intact_file_is_confirmed(file: str) -> None:
    report = judged(file)
    if report.integrity.state is IntegrityState.INTACT:
        assert outcome(report) == "agree"


def test_the_two_agree_on_most() -> None:
    counts = Counter(outcome(judged(file)) for file in FILES)
    for what, count in counts.most_common():
        print(f"{count:4} {what}")  # noqa: T201 - shown with -rP
    assert counts["disagree"] == 0
    # What is not compared is what the first engine gave no answer about, or the second.
    assert counts["agree"] >= len(FILES) * 0.6
