"""What the process says with its exit status."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

from provenance.verdict import IntegrityState, Verdict

if TYPE_CHECKING:
    # The report's models take long to import, and are only named here.
    from provenance.report import Report

__all__ = ["EXIT_CODES_HELP", "ExitCode", "exit_code_of", "worst"]

EXIT_CODES_HELP = """\b
Exit status, the first that applies:
  70  internal error
  2   usage, configuration, or a file that cannot be read
  1   a file has credentials and does not meet --require
  4   a file could not be checked
  3   a file has no credentials
  0   every file met --require
"""


class ExitCode(IntEnum):
    """Exit statuses; scripts rely on them."""

    MET = 0
    NOT_MET = 1
    USAGE = 2
    NO_CREDENTIALS = 3
    UNDETERMINED = 4
    INTERNAL = 70
    INTERRUPTED = 130  # 128 + SIGINT
    OUTPUT_CLOSED = 141  # 128 + SIGPIPE


_PRECEDENCE = (
    ExitCode.INTERNAL,
    ExitCode.USAGE,
    ExitCode.NOT_MET,
    ExitCode.UNDETERMINED,
    ExitCode.NO_CREDENTIALS,
)


def exit_code_of(report: Report, requirement: Literal["official", "signed"]) -> ExitCode:
    """What does one report add to the exit status?"""
    if report.meets(requirement):
        return ExitCode.MET
    if report.verdict is Verdict.UNDETERMINED:
        return ExitCode.UNDETERMINED
    if report.integrity.state is IntegrityState.ABSENT:
        return ExitCode.NO_CREDENTIALS
    return ExitCode.NOT_MET


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Which status speaks for all files? There has to be at least one."""
    seen = set(codes)
    if not seen:
        raise AssertionError("an empty set of files has no exit status")
    return next((code for code in _PRECEDENCE if code in seen), ExitCode.MET)
