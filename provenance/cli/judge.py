"""The verifier that a command line asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.cli.streams import say
from provenance.credentials.second_engine import NOT_INSTALLED, SecondEngine
from provenance.errors import ConfigurationError
from provenance.runtime.clock import system_clock
from provenance.runtime.directory_client import load_directory_at
from provenance.runtime.list_store import ListStore
from provenance.runtime.settings import Settings, load_settings
from provenance.trust.lists import ListPurpose, TrustList, load_trust_list
from provenance.verification.context import why_too_old
from provenance.verification.policy import Policy
from provenance.verification.verifier import Verifier

if TYPE_CHECKING:
    from provenance.runtime.fetch import GuardedFetcher

__all__ = ["make_verifier", "parse_time", "time_stamp_lists_of"]

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)", re.DOTALL)
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def make_verifier(  # noqa: PLR0913 - what a command line may say
    *,
    directory: Path | None,
    trust_lists: Sequence[str],
    time_stamp_lists: Sequence[str],
    identity_lists: Sequence[str] = (),
    stored_lists: bool = True,
    fetch: bool = False,
    network_allow: Sequence[str] = (),
    max_directory_age_days: int | None = None,
    second_engine: bool = False,
    at: datetime | None = None,
    judging: bool = True,
) -> Verifier:
    """Which verifier judges with these documents and the operator's settings?

    Options come before settings, and lists given beside stored ones. Says on
    standard error where there is no directory, or one that is too old at the moment
    of judging, if it is for judging.

    Raises:
        ConfigurationError: One of them cannot be used.
        EngineUnsafeError: The engine fails its self-test.
    """
    settings = load_settings(
        directory=directory,
        use_stored_lists=None if stored_lists else False,
        max_directory_age_days=max_directory_age_days,
    )
    stored = _stored_lists(settings)
    policy = _policy(settings, second_engine=second_engine)
    given = None if settings.directory is None else load_directory_at(settings.directory)
    verifier = Verifier(
        directory=given,
        trust_lists=_lists(trust_lists, stored, ListPurpose.CLAIM),
        time_stamp_lists=_lists(time_stamp_lists, stored, ListPurpose.TIME_STAMP),
        identity_lists=_lists(identity_lists, stored, ListPurpose.IDENTITY),
        policy=policy,
        clock=system_clock,
        ocsp_fetcher=_fetcher((*settings.network_allow, *network_allow)) if fetch else None,
    )
    if given is None and judging:
        say("no agency directory given (--directory): nothing can be called official")
    elif given is not None and judging:
        why = why_too_old(given, policy, at or system_clock())
        if why is not None:
            say(
                f"agency directory {settings.directory}: {why}: nothing can be called official; "
                "get a newer one"
            )
    return verifier


def time_stamp_lists_of(
    given: Sequence[str], network_allow: Sequence[str]
) -> tuple[list[TrustList], tuple[str, ...]]:
    """Which time-stamp lists count, and which places may be asked besides public ones?

    Raises:
        ConfigurationError: A list or a setting cannot be used.
    """
    settings = load_settings()
    lists = _lists(given, _stored_lists(settings), ListPurpose.TIME_STAMP)
    return lists, (*settings.network_allow, *network_allow)


def _policy(settings: Settings, *, second_engine: bool) -> Policy:
    days = settings.max_directory_age_days
    values = [] if days is None else [f"max-directory-age-days={days}"]
    if settings.territory is not None:
        values.append(f"territory={settings.territory}")
    if second_engine or settings.second_engine:
        if not SecondEngine.available():
            # Asked for by name: going on without it would look as if it had agreed.
            asked = "--second-engine" if second_engine else "settings, second_engine"
            raise ConfigurationError(f"{asked}: {NOT_INSTALLED}")
        values.append("second-engine")
    if not values:
        return Policy()
    return Policy(
        name="settings",
        version=" ".join(values),
        max_directory_age=None if days is None else timedelta(days=days),
        territory=settings.territory,
        second_engine=second_engine or settings.second_engine,
    )


def _fetcher(network_allow: Sequence[str]) -> GuardedFetcher:
    # HTTP and TLS take long to import, and mostly nobody is asked.
    from provenance.runtime.fetch import GuardedFetcher

    return GuardedFetcher(network_allow=network_allow)


def _stored_lists(settings: Settings) -> list[TrustList]:
    if not settings.use_stored_lists:
        return []
    return [stored.trust_list for stored in ListStore(settings.home).load_all()]


def _lists(
    given: Sequence[str], stored: Sequence[TrustList], purpose: ListPurpose
) -> list[TrustList]:
    """The lists of one purpose: those given, then those stored under other names."""
    lists: dict[str, TrustList] = {}
    for entry in given:
        named = _NAMED.fullmatch(entry)
        name, file = named.groups() if named else (None, entry)
        loaded = load_trust_list(Path(file), purpose=purpose, name=name)
        if loaded.name in lists:
            raise ConfigurationError(
                f"{file}: expected a list of another name than {loaded.name!r}, which is given "
                "already; name it with NAME=FILE"
            )
        lists[loaded.name] = loaded
    for kept in stored:
        if kept.purpose is not purpose:
            continue
        if kept.name in lists:
            say(f"list {kept.name}: the one given is used, not the stored one of that name")
            continue
        lists[kept.name] = kept
    return list(lists.values())


def parse_time(text: str | None, *, option: str = "--at") -> datetime | None:
    """Which moment does this option name?

    Spec: RFC 3339 §5.6.

    Raises:
        ConfigurationError: None that has a date, a time and an offset.
    """
    if text is None:
        return None
    # `fromisoformat` alone also takes dates without a time, and weeks.
    if _RFC3339.fullmatch(text):
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    raise ConfigurationError(
        f"{option}: expected a time like 2026-05-01T12:00:00Z, got {text!r:.60}"
    )
