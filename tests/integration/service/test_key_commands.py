"""`provenance service key`: what an operator types."""

from __future__ import annotations

import stat
from pathlib import Path

from provenance.moderation.contacts import parse_contact_keys
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


def test_the_key_for_contacts_is_made_once_and_changed_by_a_new_file(
    cli: Cli, tmp_path: Path
) -> None:
    first, second = tmp_path / "contacts.key", tmp_path / "contacts-2.key"
    made = cli("service", "contact-key", "contacts.key", "--id", "2026-05")
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("2026-05: contacts.key\n")
    assert f'contact_key = "{first}" in the table [moderation]' in made.out
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    before = first.read_bytes()
    # The key itself is on no screen.
    assert before.decode("ascii").split()[1] not in made.out
    again = cli("service", "contact-key", "contacts.key")
    assert (again.code, first.read_bytes()) == (2, before)
    changed = cli("service", "contact-key", str(second), "--id", "2026-11", "--old", "contacts.key")
    assert changed.code == 0
    assert "what was sealed before is still opened by 2026-05" in changed.err
    keys = parse_contact_keys(second.read_text("ascii"), where="keys")
    assert list(keys.keys) == ["2026-11", "2026-05"]
    assert second.read_bytes().endswith(before)
    named = cli("service", "contact-key", "other.key")
    assert (
        named.out.split(":")[0]
        == parse_contact_keys((tmp_path / "other.key").read_text("ascii"), where="keys").current
    )


def test_a_key_for_contacts_that_cannot_be_made(cli: Cli, tmp_path: Path) -> None:
    assert cli("service", "contact-key", "contacts.key", "--id", "2026-05").code == 0
    (tmp_path / "open.key").write_bytes((tmp_path / "contacts.key").read_bytes())
    (tmp_path / "open.key").chmod(0o644)
    for arguments, said in (
        (("--id", "A b"), "expected an id like 2026-05"),
        (("--id", "2026-05", "--old", "contacts.key"), "--id: expected one that contacts.key"),
        (("--old", "open.key"), "that only its owner may read"),
        (("--old", "none.key"), "none.key: cannot be read"),
    ):
        done = cli("service", "contact-key", "new.key", *arguments)
        assert done.code == 2
        assert said in done.err
        assert not (tmp_path / "new.key").exists()
