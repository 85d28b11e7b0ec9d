"""The verifier that a command line asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.cli.streams import say
from provenance.errors import ConfigurationError
from provenance.runtime.settings import Settings, load_settings
from provenance.runtime.verifier_setup import ListFile, VerifierSetup
from provenance.verification.policy import Policy

if TYPE_CHECKING:
    # These take long to import, and only processes that verify need them.
    from provenance.runtime.verification_pool import VerificationPool
    from provenance.trust.lists import TrustList
    from provenance.verification.verifier import Verifier

__all__ = ["make_pool", "make_verifier", "parse_time", "setup_of", "time_stamp_lists_of"]

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)", re.DOTALL)
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def setup_of(  # noqa: PLR0913 - what a command line may say
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
) -> VerifierSetup:
    """With what does a verifier judge by these documents and the operator's settings?

    Options come before settings, and lists given beside stored ones.

    Raises:
        ConfigurationError: A setting cannot be used.
    """
    settings = load_settings(
        directory=directory,
        use_stored_lists=None if stored_lists else False,
        max_directory_age_days=max_directory_age_days,
    )
    return VerifierSetup(
        directory=settings.directory,
        trust_lists=_list_files(trust_lists),
        time_stamp_lists=_list_files(time_stamp_lists),
        identity_lists=_list_files(identity_lists),
        stored_lists=settings.home if settings.use_stored_lists else None,
        policy=_policy(settings, second_engine=second_engine),
        fetch=fetch,
        network_allow=(*settings.network_allow, *network_allow) if fetch else (),
    )


def make_verifier(
    setup: VerifierSetup, *, at: datetime | None = None, judging: bool = True
) -> Verifier:
    """A verifier in this process.

    Says on standard error where there is no directory, or one that is too old at the moment
    of judging, if it is for judging.

    Raises:
        ConfigurationError: Something of its setup cannot be used.
        EngineUnsafeError: The engine fails its self-test.
    """
    return setup.make(say=say if judging else None, at=at)


def make_pool(
    setup: VerifierSetup, *, jobs: int | None, at: datetime | None = None
) -> VerificationPool:
    """Processes that verify for this one, shut in as far as the kernel allows.

    Says on standard error what `make_verifier` says, and which protection is missing.

    Raises:
        ConfigurationError: Something of its setup cannot be used, or a protection is
            missing that the settings require.
        EngineUnsafeError: The engine fails its self-test.
    """
    # It names the report's models, which take long to import.
    from provenance.runtime.verification_pool import VerificationPool

    return VerificationPool(
        setup,
        processes=jobs,
        require_isolation=load_settings().require_isolation,
        say=say,
        at=at,
    )


def time_stamp_lists_of(
    given: Sequence[str], network_allow: Sequence[str]
) -> tuple[list[TrustList], tuple[str, ...]]:
    """Which time-stamp lists count, and which places may be asked besides public ones?

    Raises:
        ConfigurationError: A list or a setting cannot be used.
    """
    settings = load_settings()
    setup = VerifierSetup(
        time_stamp_lists=_list_files(given),
        stored_lists=settings.home if settings.use_stored_lists else None,
    )
    return setup.load_time_stamp_lists(say), (*settings.network_allow, *network_allow)


def _policy(settings: Settings, *, second_engine: bool) -> Policy:
    days = settings.max_directory_age_days
    values = [] if days is None else [f"max-directory-age-days={days}"]
    if settings.territory is not None:
        values.append(f"territory={settings.territory}")
    if second_engine or settings.second_engine:
        from provenance.credentials.second_engine import NOT_INSTALLED, SecondEngine

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


def _list_files(given: Sequence[str]) -> tuple[ListFile, ...]:
    files = []
    for entry in given:
        named = _NAMED.fullmatch(entry)
        name, file = named.groups() if named else (None, entry)
        files.append(ListFile(path=Path(file), name=name))
    return tuple(files)


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
