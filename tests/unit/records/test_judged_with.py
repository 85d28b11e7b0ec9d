"""What the register says of the releases that a report is about, as one value."""

from __future__ import annotations

from collections.abc import Callable

from provenance.records.judged_with import release_stamp
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.verdict import ReleaseState
from tests.factory.judging import AT, directory_of, verifier_of
from tests.factory.register import MemoryRegister, file_of, release_of


def test_a_report_of_an_earlier_version_is_asked_for_by_the_one_label_that_it_tells(
    agency: DevAgency, signed_jpeg: bytes
) -> None:
    """Otherwise it would be stale for ever, or a withdrawal be missed."""
    report = verifier_of(directory_of(agency)).verify(signed_jpeg)
    document = report.model_dump(mode="json")
    del document["integrity"]["manifests"]
    earlier = Report.model_validate(document)
    label = report.integrity.manifest
    assert label is not None

    def told(state: ReleaseState) -> Callable[[Report], str | None]:
        of = file_of(release_of("aurora-entertainment", state=state), b"another copy", "image/jpeg")
        register = MemoryRegister(labels={label: of})
        return lambda asked: release_stamp(asked, register, at=AT)

    current, withdrawn = told(ReleaseState.CURRENT), told(ReleaseState.WITHDRAWN)
    assert current(earlier) == current(report) != withdrawn(earlier)
