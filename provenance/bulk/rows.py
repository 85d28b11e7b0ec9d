"""What is written down about each file: one row."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from provenance.bulk.listing import SourceFile
from provenance.findings import FindingCode
from provenance.report import Report
from provenance.verdict import SignerKind, Verdict

__all__ = ["BulkRow", "RegisterRow", "Row", "SignRow", "error_row", "report_row"]

SCHEMA_VERSION: Literal["1.0"] = "1.0"


class Row(BaseModel):
    """What every row of results has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Which columns of the Parquet files are no text.
    WHOLE_NUMBERS: ClassVar[frozenset[str]] = frozenset({"size_bytes"})
    YES_OR_NO: ClassVar[frozenset[str]] = frozenset()
    DOCUMENTS: ClassVar[frozenset[str]] = frozenset()

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    path: str = Field(
        description="A path, or an address; `file://` and percent-encoding where it is no text."
    )
    size_bytes: int = Field(description="As it was listed.")
    version: str = Field(description="The store's mark of this state of the file, or its time.")
    answered_at: AwareDatetime
    error: str | None = Field(
        default=None,
        description="Why there is no answer: the file could not be read. It is tried again "
        "in the next run.",
    )

    @property
    def outcome(self) -> str | None:
        """The answer in a word; None where there is none."""
        raise NotImplementedError


class BulkRow(Row):
    """What is known about one file of a bulk job; `report` has all of it."""

    YES_OR_NO: ClassVar[frozenset[str]] = frozenset({"test"})
    DOCUMENTS: ClassVar[frozenset[str]] = frozenset({"report"})

    sha256: str | None = None
    verdict: Verdict | None = Field(default=None, description="Null: see error.")
    reason: FindingCode | None = None
    signer_kind: SignerKind | None = None
    agency: str | None = Field(default=None, description="The agency's id in the directory.")
    test: bool | None = None
    report: Report | None = None

    @property
    def outcome(self) -> str | None:
        """The verdict."""
        return None if self.verdict is None else self.verdict.value


class RegisterRow(Row):
    """What became of one file that was to be registered."""

    WHOLE_NUMBERS: ClassVar[frozenset[str]] = frozenset({"size_bytes", "change"})

    state: Literal["registered", "known", "refused"] | None = Field(
        default=None,
        description="`registered` now; `known`: the release had it already; `refused`: see "
        "refusal; null: see error.",
    )
    sha256: str | None = None
    agency: str | None = Field(default=None, description="The agency's id in the directory.")
    release: str | None = Field(default=None, description="The release's id.")
    change: int | None = Field(
        default=None, description="The change of the register that states a registered file."
    )
    verdict: Verdict | None = None
    refusal: str | None = Field(default=None, description="Why it may not be registered.")
    not_made: str | None = Field(
        default=None, description="What of its fingerprint could not be made; it is registered."
    )

    @property
    def outcome(self) -> str | None:
        """The state."""
        return self.state


class SignRow(Row):
    """What became of one file that was to be signed, or of a release manifest, as a whole."""

    kind: Literal["file", "release"] = Field(
        description="`release`: a release manifest, whose row comes after those of its files."
    )
    state: Literal["signed", "kept"] | None = Field(
        default=None,
        description="`signed` now; `kept`: it was there already, made by this very job; null: "
        "see error.",
    )
    release: str | None = Field(default=None, description="The release's id.")
    out: str | None = Field(default=None, description="Where the signed file is.")
    sha256: str | None = Field(default=None, description="Of the signed file.")

    @property
    def outcome(self) -> str | None:
        """The state."""
        return self.state


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
