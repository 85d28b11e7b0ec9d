"""`provenance service key`: what an operator types."""

from __future__ import annotations

from tests.factory.command_line import Cli


def test_new_list_rotate_revoke(cli: Cli) -> None:
    made = cli("service", "key", "new", "Platform A", "--scope", "verify", "--scope", "jobs")
    assert made.code == 0
    token = made.out.strip()
    key = token.split("_")[2]
    assert token.startswith("pv_live_")
    # The secret is the only thing on standard output, so that it can be piped.
    assert f"key {key} for Platform A: it is shown only now" in made.err
    assert token not in made.err
    listed = cli("service", "key", "list")
    assert listed.out == f"{key}  1 secret(s)  jobs,verify  -  Platform A\n"
    rotated = cli("service", "key", "rotate", key)
    assert rotated.out.startswith(f"pv_live_{key}_")
    assert rotated.out.strip() != token
    assert "2 secret(s)" in cli("service", "key", "list").out
    assert cli("service", "key", "revoke", key).out == f"key {key}: revoked\n"
    assert f"{key}  revoked  " in cli("service", "key", "list").out


def test_what_cannot_be_done(cli: Cli) -> None:
    for arguments, said in (
        (("new", "x", "--scope", "everything"), "--scope: expected verify"),
        (("rotate", "0123"), "expected one that counts, got none"),
        (("revoke", "0123"), "expected one that counts, got none"),
        (("new", ""), "label of the key"),
    ):
        done = cli("service", "key", *arguments)
        assert done.code == 2
        assert said in done.err
        assert done.out == ""


def test_a_test_key_says_so(cli: Cli) -> None:
    made = cli("service", "key", "new", "Trial", "--test", "--agency", "aurora-entertainment")
    assert made.out.startswith("pv_test_")
    assert (
        "TEST, 1 secret(s)  verify  aurora-entertainment  Trial"
        in cli("service", "key", "list").out
    )
