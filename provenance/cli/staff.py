"""`provenance staff`: who may sign in to the service's own pages, and as what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.moments import end_of_day
from provenance.cli.streams import say, write_text
from provenance.cli.terminal import printable
from provenance.errors import ConfigurationError, ConflictError

if TYPE_CHECKING:
    # The database's library takes long to import: `--help` does without it.
    from provenance.runtime.settings import Settings
    from provenance.staff.accounts import Account, AccountStore
    from provenance.staff.roles import Role

__all__ = ["staff"]

staff = typer.Typer(
    help="Members of the staff: who may sign in, and as what.", rich_markup_mode=None
)

RegisterOption = Annotated[
    str | None,
    typer.Option("--register", metavar="PLACE", help="As for `provenance serve`."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
Roles = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="reviewer, senior, legal, admin or auditor; may be given several times.",
    ),
]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--language", metavar="TAG", help="They can judge in it; may be given several times."
    ),
]
Conflicts = Annotated[
    list[str] | None,
    typer.Option(
        "--conflict",
        metavar="AGENCY",
        help="An agency they must not judge about; may be given several times.",
    ),
]
Cap = Annotated[
    int | None,
    typer.Option("--exposure-cap", min=0, help="How many unblurred looks a day are theirs."),
]


@staff.command("add")
def add(
    *,
    name: Name,
    display_name: Annotated[
        str | None, typer.Option("--display-name", help="What colleagues call them.")
    ] = None,
    role: Roles = None,
    language: Languages = None,
    conflict: Conflicts = None,
    exposure_cap: Cap = None,
    register: RegisterOption = None,
) -> None:
    """Make an account; print the link with which its holder sets it up, once."""
    from provenance.runtime.clock import system_clock
    from provenance.staff.accounts import EXPOSURE_CAP

    with _store(register) as (accounts, settings):
        accounts.add(
            name,
            display_name=display_name or name,
            roles=_roles(role),
            now=system_clock(),
            languages=language or (),
            conflicts=conflict or (),
            exposure_cap=EXPOSURE_CAP if exposure_cap is None else exposure_cap,
        )
        _invite(accounts, settings, name)


@staff.command("list")
def list_(*, register: RegisterOption = None) -> None:
    """List the accounts: name, state, roles, end of training, ways in, display name."""
    with _store(register) as (accounts, _):
        found = accounts.all()
    for account in found:
        trained = account.trained_until
        write_text("  ".join([
            account.id,
            "disabled" if account.disabled_at is not None else "counts",
            ",".join(sorted(account.roles)) or "-",
            "-" if trained is None else trained.date().isoformat(),
            _ways(account),
            printable(account.display_name),
        ]))  # fmt: skip


@staff.command("log")
def log(*, name: Name, register: RegisterOption = None) -> None:
    """What happened to an account: when, what, by whom; the latest first."""
    with _store(register) as (accounts, _):
        events = accounts.events(name)
    for event in events:
        write_text(f"{event.at.isoformat(timespec='seconds')}  {event.kind}  {event.by}")


@staff.command("invite")
def invite(*, name: Name, register: RegisterOption = None) -> None:
    """Print a new link for setting up an account. Those before it count no more."""
    with _store(register) as (accounts, settings):
        _invite(accounts, settings, name)


@staff.command("roles")
def roles(*, name: Name, role: Roles = None, register: RegisterOption = None) -> None:
    """Give an account these roles instead of those it has; none: it may do nothing."""
    from provenance.runtime.clock import system_clock

    wanted = _roles(role)
    with _store(register) as (accounts, _):
        accounts.set_roles(name, wanted, now=system_clock())
    write_text(f"{name}: {','.join(sorted(wanted)) or 'no role'}; signed out everywhere")


@staff.command("train")
def train(
    *,
    name: Name,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="Last day on which it holds: 2027-03-31."),
    ] = None,
    register: RegisterOption = None,
) -> None:
    """Write down until when somebody's training holds; without a date it holds no more."""
    from provenance.runtime.clock import system_clock

    end = None if until is None else end_of_day(until, option="--until")
    with _store(register) as (accounts, _):
        accounts.train(name, end, now=system_clock())
    write_text(f"{name}: training {'is over' if until is None else f'holds until {until}'}")


@staff.command("describe")
def describe(
    *,
    name: Name,
    display_name: Annotated[
        str | None, typer.Option("--display-name", help="What colleagues call them.")
    ] = None,
    language: Languages = None,
    conflict: Conflicts = None,
    no_conflicts: Annotated[
        bool, typer.Option("--no-conflicts", help="They may judge about every agency.")
    ] = False,
    exposure_cap: Cap = None,
    register: RegisterOption = None,
) -> None:
    """Change what is given; the rest stays."""
    from provenance.runtime.clock import system_clock

    with _store(register) as (accounts, _):
        accounts.describe(
            name,
            now=system_clock(),
            display_name=display_name,
            languages=language,
            conflicts=[] if no_conflicts else conflict,
            exposure_cap=exposure_cap,
        )
    write_text(f"{name}: changed")


@staff.command("disable")
def disable(*, name: Name, register: RegisterOption = None) -> None:
    """Let nobody sign in with an account, and sign out whoever is."""
    from provenance.runtime.clock import system_clock

    with _store(register) as (accounts, _):
        accounts.disable(name, now=system_clock())
    write_text(f"{name}: disabled, signed out everywhere")


@staff.command("enable")
def enable(*, name: Name, register: RegisterOption = None) -> None:
    """Let an account count again, with the ways in that it had."""
    from provenance.runtime.clock import system_clock

    with _store(register) as (accounts, _):
        accounts.enable(name, now=system_clock())
    write_text(f"{name}: counts again")


@staff.command("reset")
def reset(*, name: Name, register: RegisterOption = None) -> None:
    """Take away every way in to an account, and print a link for setting it up anew."""
    from provenance.runtime.clock import system_clock

    with _store(register) as (accounts, settings):
        accounts.reset(name, now=system_clock())
        _invite(accounts, settings, name)


@staff.command("link")
def link(
    *,
    name: Name,
    subject: Annotated[
        str, typer.Option("--subject", help="What the identity provider calls them: `sub`.")
    ],
    register: RegisterOption = None,
) -> None:
    """Let somebody sign in through the identity provider of the settings."""
    from provenance.runtime.clock import system_clock

    with _store(register) as (accounts, settings):
        issuer = settings.staff.oidc_issuer
        if issuer is None:
            raise ConfigurationError("staff.oidc_issuer: expected an identity provider, got none")
        accounts.link(name, issuer=issuer, subject=subject, now=system_clock())
    write_text(f"{name}: linked with {printable(subject)} of {issuer}")


@staff.command("unlink")
def unlink(*, name: Name, register: RegisterOption = None) -> None:
    """Let no identity provider's word count for an account; it is signed out everywhere."""
    from provenance.runtime.clock import system_clock

    with _store(register) as (accounts, _):
        accounts.unlink(name, now=system_clock())
    write_text(f"{name}: not linked with anybody, signed out everywhere")


def _invite(accounts: AccountStore, settings: Settings, name: str) -> None:
    from provenance.runtime.clock import system_clock

    hours = settings.staff.enrolment_hours
    token = accounts.invite(name, now=system_clock(), lasts=timedelta(hours=hours))
    say(f"{name}: a link for setting up the account, for {hours:g} hours; it is shown only now")
    write_text(f"{settings.service.base_url}/mod/enrol?link={token}")


def _roles(given: list[str] | None) -> list[Role]:
    from provenance.staff.roles import Role

    known = [role.value for role in Role]
    for text in given or []:
        if text not in known:
            raise ConfigurationError(f"--role: expected {', '.join(known)}, got {text!r:.40}")
    return [Role(text) for text in given or []]


def _ways(account: Account) -> str:
    password = ["password"] if account.has_password else []
    codes = ["codes"] if account.has_codes else []
    return "+".join([*password, *codes]) or "-"


@contextmanager
def _store(register: str | None) -> Iterator[tuple[AccountStore, Settings]]:
    from provenance.runtime.settings import load_settings
    from provenance.runtime.staff_parts import open_staff

    settings = load_settings(register=register)
    try:
        with open_staff(settings) as accounts:
            yield accounts, settings
    except ConflictError as error:
        raise ConfigurationError(str(error)) from error
