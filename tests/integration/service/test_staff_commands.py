"""`provenance staff`: what an operator types."""

from __future__ import annotations

import pytest

from tests.factory.command_line import Cli


def test_add_list_train_roles_disable(cli: Cli) -> None:
    described = ("--display-name", "민지", "--language", "ko", "--conflict", "aurora-entertainment")
    made = cli("staff", "add", "minji", "--role", "reviewer", "--role", "legal", *described)
    assert made.code == 0
    # The link is the only thing on standard output, so that it can be piped.
    assert made.out.startswith("http://127.0.0.1:8080/mod/enrol?link=")
    assert made.out.count("\n") == 1
    assert "minji: a link for setting up the account, for 72 hours" in made.err
    assert cli("staff", "list").out == "minji  counts  legal,reviewer  -  -  민지\n"
    assert cli("staff", "train", "minji", "--until", "2027-03-31").code == 0
    assert "  2027-03-31  " in cli("staff", "list").out
    assert cli("staff", "roles", "minji", "--role", "senior").out == (
        "minji: senior; signed out everywhere\n"
    )
    assert cli("staff", "describe", "minji", "--no-conflicts", "--exposure-cap", "5").code == 0
    assert cli("staff", "disable", "minji").code == 0
    assert cli("staff", "list").out == "minji  disabled  senior  2027-03-31  -  민지\n"
    assert cli("staff", "enable", "minji").code == 0
    first, second = (cli("staff", command, "minji").out for command in ("invite", "reset"))
    assert first != second
    assert cli("staff", "train", "minji").out == "minji: training is over\n"
    kinds = [line.split("  ")[1] for line in cli("staff", "log", "minji").out.splitlines()]
    assert kinds == [
        "trained", "invited", "reset", "invited", "enabled", "disabled", "described", "roles",
        "trained", "invited", "added",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "x y"), "name of the account: expected 2 to 32"),
        (("add", "bob", "--role", "boss"), "--role: expected reviewer, senior"),
        (("train", "nobody", "--until", "2027-01-01"), "expected one that is there, got none"),
        (("train", "nobody", "--until", "soon"), "--until: expected a date"),
        (("invite", "nobody"), "expected one that is there, got none"),
        (("link", "nobody", "--subject", "s"), "expected an identity provider, got none"),
    ],
)
def test_what_cannot_be_done(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    done = cli("staff", *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_an_identity_is_linked_with_the_provider_of_the_settings(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVENANCE_STAFF_OIDC_ISSUER", "https://id.example.org")
    monkeypatch.setenv("PROVENANCE_STAFF_OIDC_CLIENT_ID", "one")
    assert cli("staff", "add", "bob").code == 0
    assert cli("staff", "link", "bob", "--subject", "s-1").out == (
        "bob: linked with s-1 of https://id.example.org\n"
    )
    assert "an account's already" in cli("staff", "link", "bob", "--subject", "s-1").err
    assert cli("staff", "unlink", "bob").code == 0


def test_no_command_takes_a_password(cli: Cli) -> None:
    for command in ("add", "invite", "reset", "describe"):
        assert "password" not in cli("staff", command, "--help").out.lower()
