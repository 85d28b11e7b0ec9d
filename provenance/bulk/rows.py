"""What is written down about each file: one row."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from provenance.bulk.listing import SourceFile
from provenance.findings import FindingCode
from provenance.report import Report
from provenance.verdict import SignerKind, Verdict

__all__ = ["BulkRow", "error_row", "report_row"]

SCHEMA_VERSION: Literal["1.0"] = "1.0"


class BulkRow(BaseModel):
    """What is known about one file of a bulk job; `report` has all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    path: str = Field(
        description="A path, or an address; `file://` and percent-encoding where it is no text."
    )
    size_bytes: int = Field(description="As it was listed.")
    version: str = Field(description="The store's mark of this state of the file, or its time.")
    sha256: str | None = None
    verdict: Verdict | None = Field(default=None, description="Null: see error.")
    reason: FindingCode | None = None
    signer_kind: SignerKind | None = None
    agency: str | None = Field(default=None, description="The agency's id in the directory.")
    test: bool | None = None
    answered_at: AwareDatetime
    error: str | None = Field(
        default=None,
        description="Why there is no answer: the file could not be read. It is tried again "
        "in the next run.",
    )
    report: Report | None = None


def report_row(file: SourceFile, report: Report, *, at: AwareDatetime) -> BulkRow:
    """What does this report say, as a row?"""
    agency = report.signer.agency
    return BulkRow(
        path=file.shown,
        size_bytes=file.size_bytes,
        version=file.version,
        sha256=report.asset.sha256,
        verdict=report.verdict,
        reason=report.reason,
        signer_kind=report.signer.kind,
        agency=agency.id if agency else None,
        test=report.test,
        answered_at=at,
        report=report,
    )


def error_row(file: SourceFile, why: str, *, at: AwareDatetime) -> BulkRow:
    """The row of a file about which nothing can be said."""
    return BulkRow(
        path=file.shown,
        size_bytes=file.size_bytes,
        version=file.version,
        answered_at=at,
        error=why,
    )
