"""The table of subcommands: what it says of each is what the subcommand says."""

from __future__ import annotations

import pytest

from provenance.cli.commands import COMMANDS, load


@pytest.mark.parametrize("name", COMMANDS)
def test_each_says_of_itself_what_the_table_says(name: str) -> None:
    command = load(name)
    assert command.name == name
    assert command.get_short_help_str(500) == COMMANDS[name].summary
    assert not command.hidden
    # None of them is the whole command line: that alone offers to complete it.
    assert not {"install_completion", "show_completion"} & {p.name for p in command.params}


@pytest.mark.parametrize("name", ["verify", "sign", "stamp", "compare", "replay"])
def test_exit_statuses_stand_at_the_end_of_those_that_have_some(name: str) -> None:
    assert "Exit status" in str(load(name).epilog)
