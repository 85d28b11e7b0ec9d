"""Keys made for trials, where real releases are judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.trust.directory import parse_directory
from provenance.verdict import Verdict
from tests.factory import media, pki
from tests.factory.judging import verifier_of
from tests.factory.pki import Holder
from tests.factory.sign import sign

JPEG = "image/jpeg"
TRIAL = pki.three_tier("Trial")
REAL = pki.three_tier("Real", unit=None)


def judged(leaf: Holder, *, test: bool) -> Report:
    """A picture by this key, under a directory that lists exactly this key."""
    document: dict[str, Any] = {
        "schema_version": "1",
        "name": "Directory",
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "test": test,
        "agencies": [
            {
                "id": "aurora",
                "names": [{"language": "en", "name": "Aurora Entertainment"}],
                "keys": [{"id": "press", "spki_sha256": pki.spki_sha256(leaf.certificate)}],
            }
        ],
    }
    directory = parse_directory(json.dumps(document).encode(), where="d.json", source="test")
    data = sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf))
    return verifier_of(directory).verify(data)


def test_a_key_made_for_trials_is_nobodys_where_real_releases_are_judged() -> None:
    report = judged(TRIAL[2], test=False)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.has(FindingCode.TEST_KEY)
    assert report.test
    assert report.summary.startswith("TEST. ")


@pytest.mark.parametrize(("leaf", "test"), [(REAL[2], False), (TRIAL[2], True)])
def test_twin_each_in_its_own_directory(leaf: Holder, test: bool) -> None:  # noqa: FBT001
    report = judged(leaf, test=test)
    assert report.verdict is Verdict.OFFICIAL
    assert not report.has(FindingCode.TEST_KEY)
    assert report.test is test
