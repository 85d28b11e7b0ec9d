"""The verifier that a command line asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from provenance.cli.streams import say
from provenance.errors import ConfigurationError
from provenance.runtime.clock import system_clock
from provenance.trust.directory import load_directory
from provenance.trust.lists import ListPurpose, TrustList, load_trust_list
from provenance.verification.policy import Policy
from provenance.verification.verifier import Verifier

__all__ = ["make_verifier", "parse_time"]

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)", re.DOTALL)
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def make_verifier(
    *,
    directory: Path | None,
    trust_lists: Sequence[str],
    time_stamp_lists: Sequence[str],
    judging: bool = True,
) -> Verifier:
    """Which verifier judges with these documents, by the machine's clock?

    Says on standard error where there is no directory, if it is for judging.

    Raises:
        ConfigurationError: One of them cannot be used.
        EngineUnsafeError: The engine fails its self-test.
    """
    verifier = Verifier(
        directory=None if directory is None else load_directory(directory),
        trust_lists=_lists(trust_lists, ListPurpose.CLAIM),
        time_stamp_lists=_lists(time_stamp_lists, ListPurpose.TIME_STAMP),
        policy=Policy(),
        clock=system_clock,
    )
    if directory is None and judging:
        say("no agency directory given (--directory): nothing can be called official")
    return verifier


def _lists(given: Sequence[str], purpose: ListPurpose) -> list[TrustList]:
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
    return list(lists.values())


def parse_time(text: str | None) -> datetime | None:
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
    raise ConfigurationError(f"--at: expected a time like 2026-05-01T12:00:00Z, got {text!r:.60}")
