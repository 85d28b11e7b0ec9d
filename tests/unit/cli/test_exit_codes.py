from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from provenance.cli.exit_codes import ExitCode, exit_code_of, worst
from provenance.report import Integrity, Report
from provenance.verdict import IntegrityState, Verdict

_I, _E = IntegrityState, ExitCode


@pytest.mark.parametrize(
    ("verdict", "integrity", "official", "signed"),
    [
        (Verdict.OFFICIAL, _I.INTACT, _E.MET, _E.MET),
        (Verdict.OFFICIAL_WITHDRAWN, _I.INTACT, _E.NOT_MET, _E.MET),
        (Verdict.SIGNED, _I.INTACT, _E.NOT_MET, _E.MET),
        (Verdict.SIGNED_UNRECOGNISED, _I.INTACT, _E.NOT_MET, _E.NOT_MET),
        (Verdict.ALTERED, _I.ALTERED, _E.NOT_MET, _E.NOT_MET),
        (Verdict.LOOKALIKE, _I.INTACT, _E.NOT_MET, _E.NOT_MET),
        (Verdict.LOOKALIKE, _I.ABSENT, _E.NO_CREDENTIALS, _E.NO_CREDENTIALS),
        (Verdict.UNVERIFIED, _I.ABSENT, _E.NO_CREDENTIALS, _E.NO_CREDENTIALS),
        (Verdict.UNDETERMINED, _I.UNREADABLE, _E.UNDETERMINED, _E.UNDETERMINED),
        (Verdict.UNDETERMINED, _I.ABSENT, _E.UNDETERMINED, _E.UNDETERMINED),
    ],
)
def test_each_verdict_has_its_exit_code(
    make_report: Callable[..., Report],
    verdict: Verdict,
    integrity: IntegrityState,
    official: ExitCode,
    signed: ExitCode,
) -> None:
    report = make_report(verdict=verdict, integrity=Integrity(state=integrity))
    assert exit_code_of(report, "official") is official
    assert exit_code_of(report, "signed") is signed


def test_precedence_is_70_2_1_4_3_0() -> None:
    order = [_E.INTERNAL, _E.USAGE, _E.NOT_MET, _E.UNDETERMINED, _E.NO_CREDENTIALS, _E.MET]
    assert [int(code) for code in order] == [70, 2, 1, 4, 3, 0]
    for first, second in itertools.combinations(order, 2):
        assert worst([second, first]) is first


def test_an_empty_set_of_files_is_no_success() -> None:
    with pytest.raises(AssertionError):
        worst([])
