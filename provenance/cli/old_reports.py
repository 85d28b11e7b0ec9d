"""Reading back the reports that `provenance verify --json` wrote, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from provenance.errors import ConfigurationError
from provenance.report import Report

__all__ = ["read_reports"]

_MAX_LINE_BYTES = 64 * 1024 * 1024


def read_reports(path: Path) -> Iterator[tuple[int, Report]]:
    """Which reports are in this file, each with the number of its line?

    Holds one line at a time. Fields that a report of the same schema version
    lacks, because they were added since, have their defaults. Empty lines are skipped.

    Raises:
        ConfigurationError: The file cannot be read, or a line holds no report;
            names the line.
    """
    try:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(_MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > _MAX_LINE_BYTES:
                    raise ConfigurationError(
                        f"{path}, line {number}: expected {_MAX_LINE_BYTES} bytes at most, got more"
                    )
                if line.strip():
                    yield number, _parse(line, f"{path}, line {number}")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{path}: cannot be read: {reason}") from error


def _parse(line: bytes, where: str) -> Report:
    try:
        return Report.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise ConfigurationError(
            f"{where}: expected a report of schema version 1.0: {place}: {first['msg']}"
        ) from error
