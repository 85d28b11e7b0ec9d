"""A log is given what agencies stand behind, whatever the register took."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.statement import Register as RegisterStatement
from provenance.registry.register.register import Register
from provenance.registry.register.to_log import give_to_log
from provenance.signing.dev_agency import create_dev_agency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.registers import AT, Desk
from tests.factory.release_log import ORIGIN, Trial

NOW = AT + timedelta(hours=1)


@pytest.fixture
def trial(tmp_path: Path, agency_signer: MemorySigner) -> Trial:
    return Trial(tmp_path / "log", agency_signer)


@pytest.fixture
def stranger() -> MemorySigner:
    """Somebody else by the same name."""
    return create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT - timedelta(days=1),
    ).signer()


def logged(trial: Trial) -> list[str]:
    with trial.writing() as writer:
        told = [writer.entry(number).statement for number in range(writer.size)]
    return [one.release for one in told if isinstance(one, RegisterStatement)]


def test_what_nobody_checked_when_it_was_taken_is_not_given(
    opened: Callable[..., Register],
    agencies: AgencyChecker,
    desk: Desk,
    stranger: MemorySigner,
    trial: Trial,
) -> None:
    """An import without a directory takes what anybody signed: a log would show it for ever."""
    register = opened(agencies=AgencyChecker(None))
    other = Desk(stranger, at=desk.at)
    for change in (desk.release("NOVA9-1"), other.release("NOVA9-2"), desk.release("NOVA9-3")):
        register.take(change, at=NOW)
    left_out: list[tuple[int, str]] = []

    def give(who: AgencyChecker | None) -> int:
        left_out.clear()
        with trial.writing() as writer:
            return give_to_log(
                register.ledger, writer, ORIGIN, at=NOW, agencies=who,
                leave_out=lambda number, why: left_out.append((number, why)),
            )  # fmt: skip

    assert give(agencies) == 2
    ((number, why),) = left_out
    assert number == 2
    assert "is not one of aurora-entertainment" in why
    assert logged(trial) == ["NOVA9-1", "NOVA9-3"]
    # It holds up nothing that comes after it, and is said again.
    register.take(desk.release("NOVA9-4"), at=NOW)
    assert give(agencies) == 1
    assert [number for number, _ in left_out] == [2]
    # The twin: who has nobody to ask gives everything, as `log append` does.
    assert give(AgencyChecker(None)) == 1
    assert (left_out, logged(trial)[-1]) == ([], "NOVA9-2")
