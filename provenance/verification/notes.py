"""What one step of a judgement has to say beside its answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.report import CheckNotRun, Finding

__all__ = ["Notes"]


@dataclass(slots=True)
class Notes:
    """Findings and checks not run, gathered on the way."""

    findings: list[Finding] = field(default_factory=list)
    checks_not_run: list[CheckNotRun] = field(default_factory=list)

    def not_run(self, check: str, why: str) -> None:
        """Note a check that was not made, and why."""
        self.checks_not_run.append(CheckNotRun(check=check, why=why))
