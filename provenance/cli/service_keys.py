"""`provenance service`: who may use the HTTP API, and the key that contacts are sealed with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.streams import say, write_text
from provenance.cli.terminal import printable
from provenance.errors import ConfigurationError, ConflictError

if TYPE_CHECKING:
    # The database's library takes long to import: `--help` does without it.
    from provenance.records.keys import ApiKey, KeyStore

__all__ = ["service"]

service = typer.Typer(
    help="The HTTP API: who may use it, and its key for complaints.", rich_markup_mode=None
)
key = typer.Typer(help="Keys of the HTTP API.", rich_markup_mode=None)
service.add_typer(key, name="key")

RegisterOption = Annotated[
    str | None,
    typer.Option("--register", metavar="PLACE", help="As for `provenance serve`."),
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The key's id, from `key list`.")]

_MAX_GRACE_HOURS = 24 * 90


@service.command("contact-key")
def contact_key(
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where it goes (mode 600); not overwritten.")
    ],
    id: Annotated[  # noqa: A002 - what the file calls it
        str | None,
        typer.Option("--id", metavar="ID", help="What it is called; by default the month."),
    ] = None,
    old: Annotated[
        Path | None,
        typer.Option(
            "--old",
            metavar="FILE",
            help="The file before: its keys stand behind the new one, and open what they sealed.",
        ),
    ] = None,
) -> None:
    """Make the key that the contacts of people who complain are sealed with.

    With it the setting moderation.contact_key takes complaints. Whoever loses it can read no
    contact any more, and no PIN counts.
    """
    import os

    from provenance.atomic_files import new_file
    from provenance.moderation.contacts import new_key_line, parse_contact_keys
    from provenance.runtime.clock import system_clock
    from provenance.runtime.secret_key import read_secret

    name = f"{system_clock():%Y-%m}" if id is None else id
    line = new_key_line(os.urandom, name)
    before = b"" if old is None else read_secret(old)
    if old is not None and name in parse_contact_keys(_text(before), where=str(old)).keys:
        raise ConfigurationError(f"--id: expected one that {old} does not have, got {name!r:.40}")
    # Too many keys are refused before anything is written.
    known = parse_contact_keys(line + _text(before), where=str(file))
    with new_file(file, replace=False, mode=0o600) as stream:
        stream.write(line.encode("ascii") + before)
    opens = [key for key in known.keys if key != known.current]
    if opens:
        say(f"what was sealed before is still opened by {', '.join(opens)}")
    write_text(
        f"{name}: {file}\n"
        f'  next: contact_key = "{file.resolve()}" in the table [moderation] of the settings; '
        "keep a copy of the file apart from the database and its copies"
    )


@key.command("new")
def new(
    *,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Whose it is, and for what.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What it may be used for; may be given several times: verify (by default), "
            "verify:reference, jobs, metrics, fetch:manifests, store:manifests, store:bindings, "
            "complaints, complaints:trusted, actions, blocklist, audit.",
        ),
    ] = None,
    agency: Annotated[
        str | None,
        typer.Option(
            "--agency",
            metavar="ID",
            help="It is this agency's, which sees its own releases under embargo.",
        ),
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="For a service in test mode, and for no other.")
    ] = False,
    register: RegisterOption = None,
) -> None:
    """Make a key. It is printed this once; what is kept does not tell it."""
    from provenance.records.scopes import SCOPES, Scope
    from provenance.runtime.clock import system_clock

    wanted = scope or [Scope.VERIFY.value]
    unknown = sorted(set(wanted) - {known.value for known in SCOPES})
    if unknown:
        raise ConfigurationError(
            f"--scope: expected {', '.join(known.value for known in SCOPES)}, got {unknown[0]!r}"
        )
    with _refused(), _store(register) as keys:
        made, token = keys.create(
            label=label, scopes=map(Scope, wanted), now=system_clock(), agency=agency, test=test
        )
    say(f"key {made.id} for {label}: it is shown only now")
    write_text(token)


@key.command("list")
def list_(*, register: RegisterOption = None) -> None:
    """List the keys: id, state, scopes, agency, label."""
    from provenance.runtime.clock import system_clock

    with _store(register) as keys:
        entries = keys.all(now=system_clock())
    for entry in entries:
        write_text("  ".join([
            entry.id,
            _state(entry),
            ",".join(sorted(entry.scopes)),
            entry.agency or "-",
            printable(entry.label),
        ]))  # fmt: skip


@key.command("rotate")
def rotate(
    *,
    id: IdArgument,  # noqa: A002 - what it is called
    grace_hours: Annotated[
        int,
        typer.Option(
            "--grace-hours",
            min=0,
            max=_MAX_GRACE_HOURS,
            help="How long the secret before still counts. A third one ends the oldest at once.",
        ),
    ] = 168,
    register: RegisterOption = None,
) -> None:
    """Give a key a new secret, and let the one before count for a while."""
    from provenance.runtime.clock import system_clock

    with _refused(), _store(register) as keys:
        token = keys.rotate(id, now=system_clock(), grace=timedelta(hours=grace_hours))
    say(f"key {id}: the new secret is shown only now")
    write_text(token)


@key.command("revoke")
def revoke(*, id: IdArgument, register: RegisterOption = None) -> None:  # noqa: A002
    """Let a key count no more, with all of its secrets and tokens, from now on."""
    from provenance.runtime.clock import system_clock

    with _refused(), _store(register) as keys:
        keys.revoke(id, now=system_clock())
    write_text(f"key {id}: revoked")


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except ConflictError as error:
        raise ConfigurationError(str(error)) from error


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _state(entry: ApiKey) -> str:
    state = "revoked" if entry.revoked_at is not None else f"{entry.secrets} secret(s)"
    return f"TEST, {state}" if entry.test else state


def _store(register: str | None) -> AbstractContextManager[KeyStore]:
    from provenance.runtime.service_parts import open_keys
    from provenance.runtime.settings import load_settings

    return open_keys(load_settings(register=register))
