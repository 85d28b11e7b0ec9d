"""Real signed files made by others, and damaged ones: does each get its class?

The folder is named by TEST_CORPUS. Its `index.json` has one row a file, with
the classes that a correct verifier may give. A deviation stands in `DEVIATIONS`
by name, with the reason; one that no longer deviates fails too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from provenance.report import Report
from provenance.trust.lists import ListPurpose, load_trust_list
from provenance.verdict import IntegrityState, Verdict
from provenance.verification.verifier import Verifier

if not os.environ.get("TEST_CORPUS"):
    pytest.skip("TEST_CORPUS names no folder of files to grade", allow_module_level=True)
CORPUS = Path(os.environ["TEST_CORPUS"])

ROWS: list[dict[str, Any]] = json.loads((CORPUS / "index.json").read_text("utf-8"))

# Files whose class changes with the date are graded as of this moment.
AT = datetime(2026, 11, 1, tzinfo=UTC)

CLAIM_LISTS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "own": ("own-root.pem",),
    "union": (
        "C2PA-TRUST-LIST.pem",
        "cai-interim-anchors.pem",
        "cai-interim-allowed.pem",
        "c2pa-rs-test-roots.pem",
        "c2pa-rs-test-allowed.pem",
        "conformance-tool-anchors.pem",
        "conformance-tool-allowed.pem",
        "own-root.pem",
    ),
}
TIME_STAMP_LISTS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "own": (),
    "union": ("C2PA-TSA-TRUST-LIST.pem", "microsoft-digicert-tsa.pem"),
}

# The one table between our verdicts and the classes of the index. `undetermined`
# is an answer of "invalid" (something is wrong with it) as well as of
# "unsupported/malformed" (it cannot be read).
CLASSES: Mapping[Verdict, frozenset[str]] = {
    Verdict.OFFICIAL: frozenset({"trusted"}),
    Verdict.OFFICIAL_WITHDRAWN: frozenset({"trusted"}),
    Verdict.SIGNED: frozenset({"trusted"}),
    Verdict.SIGNED_UNRECOGNISED: frozenset({"valid-untrusted"}),
    Verdict.ALTERED: frozenset({"invalid"}),
    Verdict.UNDETERMINED: frozenset({"invalid", "unsupported/malformed"}),
    Verdict.UNVERIFIED: frozenset({"none"}),
    Verdict.LOOKALIKE: frozenset({"none"}),
}

_INGREDIENT = (
    "The file itself is intact and its own signature holds; what fails is the credentials of an "
    "ingredient. An ingredient never decides about the file; the failure is in the history."
)
DEVIATIONS: Mapping[str, tuple[Verdict, str]] = {
    "adobe-20220124-E-uri-CIE-sig-CA.jpg": (Verdict.SIGNED, _INGREDIENT),
    "contentauth__c2pa-python/CIE-sig-CA.jpg": (Verdict.SIGNED, _INGREDIENT),
    "legacy.mp4": (
        Verdict.UNDETERMINED,
        (
            "Its binding is of version 1, whose exclusions leave the chunk-offset tables of the "
            "movie unhashed: whoever changes them rearranges sound and picture unseen. Later "
            "versions hash them, so this file is called covered in part, not intact."
        ),
    ),
}


@cache
def verifier(profile: str) -> Verifier:
    trust = CORPUS / "trust"
    return Verifier(
        directory=None,
        trust_lists=[load_trust_list(trust / name) for name in CLAIM_LISTS[profile]],
        time_stamp_lists=[
            load_trust_list(trust / name, purpose=ListPurpose.TIME_STAMP)
            for name in TIME_STAMP_LISTS[profile]
        ],
        clock=lambda: AT,
    )


@cache
def judged(file: str, profile: str) -> Report:
    return verifier(profile).verify(CORPUS / file)


def deviation(file: str) -> tuple[Verdict, str] | None:
    return next((entry for name, entry in DEVIATIONS.items() if file.endswith(name)), None)


@pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])
def test_gets_its_class(row: dict[str, Any]) -> None:
    report = judged(row["file"], row["trust_profile"])
    accepted = bool(CLASSES[report.verdict] & set(row["accept"]))
    expected = deviation(row["file"])
    if expected is None:
        assert accepted, f"{report.verdict}: {report.summary} (accepted: {row['accept']})"
    else:
        assert report.verdict is expected[0]
        assert not accepted, "it no longer deviates: take it out of DEVIATIONS"


@pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])
def test_reports_the_bytes_it_judged(row: dict[str, Any]) -> None:
    report = judged(row["file"], row["trust_profile"])
    data = (CORPUS / row["file"]).read_bytes()
    assert report.asset.sha256 == hashlib.sha256(data).hexdigest()
    assert report.asset.size_bytes == len(data)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row["integrity"] == "ok"],
    ids=[row["file"] for row in ROWS if row["integrity"] == "ok"],
)
def test_nobody_is_accused_of_altering_an_intact_file(row: dict[str, Any]) -> None:
    report = judged(row["file"], row["trust_profile"])
    assert report.verdict is not Verdict.ALTERED
    assert report.integrity.state is not IntegrityState.ALTERED


def test_truepic_is_not_accused_on_one_implementations_word() -> None:
    # Published as valid; today's engine reports a mismatch because of its own rule
    # about exclusions, while the declared digest fits the declared bytes.
    name = "files/third/c2pa-org__public-testfiles/truepic-20230212-camera.jpg"
    report = judged(name, "union")
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is not None
    assert report.reason.value == "engines-disagree"


@pytest.mark.parametrize(
    ("sidecar", "asset", "verdict"),
    [
        ("pair.c2pa", "pair.jpg", Verdict.SIGNED),
        ("pair.c2pa", "pair_tampered.jpg", Verdict.ALTERED),
    ],
)
def test_sidecar(sidecar: str, asset: str, verdict: Verdict) -> None:
    folder = CORPUS / "files/gen/sidecar"
    report = verifier("own").verify(folder / asset, sidecar=folder / sidecar)
    assert report.verdict is verdict
    assert report.integrity.credentials_from == "sidecar"


@pytest.mark.parametrize(
    ("fragment", "state"),
    [("dash1.m4s", IntegrityState.INTACT), ("dash1_tampered.m4s", IntegrityState.ALTERED)],
)
def test_fragments(fragment: str, state: IntegrityState) -> None:
    folder = CORPUS / "files/gen/fragment"
    report = verifier("union").verify(folder / "dashinit.mp4", fragments=[folder / fragment], at=AT)
    assert report.integrity.state is state, report.findings
