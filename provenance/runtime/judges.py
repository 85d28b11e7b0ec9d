"""Who judges under which policy, with the directory and the lists of now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from provenance.atomic_files import read_bounded
from provenance.credentials.second_engine import SecondEngine
from provenance.errors import ConfigurationError
from provenance.records.judged_with import JudgedBy, judged_by
from provenance.records.policies import DEFAULT_PROFILE, PolicyProfile, parse_profile
from provenance.records.vouched import JudgedNow
from provenance.report import Report
from provenance.runtime.clock import system_clock
from provenance.runtime.directory_at import load_directory_at
from provenance.runtime.list_store import ListStore
from provenance.runtime.register_place import register_place
from provenance.runtime.settings import Settings
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.trust.directory import LoadedDirectory
from provenance.trust.lists import ListPurpose, TrustList
from provenance.verification.context import JudgedWith, second_engine_ref, why_too_old

__all__ = ["Judges", "load_profiles"]

_MAX_POLICY_BYTES = 256 * 1024
_MAX_POLICIES = 64

Say = Callable[[str], None]


def load_profiles(settings: Settings) -> dict[str, PolicyProfile]:
    """Which policies are there, by name?

    Raises:
        ConfigurationError: One cannot be used, the default one is missing, or one is for
            tests where the service is not, or the other way round.
    """
    service = settings.service
    profiles: dict[str, PolicyProfile] = {}
    for path in _policy_files(service.policies):
        text = read_bounded(path, _MAX_POLICY_BYTES).decode("utf-8", "replace")
        profile = parse_profile(text, where=str(path))
        if profile.name in profiles:
            raise ConfigurationError(f"{path}: there is a policy {profile.name!r} already")
        if profile.test != service.test:
            raise ConfigurationError(
                f"{path}: expected a policy {'for tests' if service.test else 'not for tests'}: "
                f"the service {'is' if service.test else 'is not'} in test mode"
            )
        profiles[profile.name] = profile
    default = service.default_policy
    if default == DEFAULT_PROFILE.name and default not in profiles:
        profiles[default] = _from_settings(settings)
    if default not in profiles:
        raise ConfigurationError(
            f"default policy: expected one of {', '.join(profiles) or 'none'}, got {default!r:.60}"
        )
    return profiles


def _policy_files(folder: Path | None) -> Sequence[Path]:
    if folder is None:
        return ()
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{folder}: cannot be read: {reason}") from error
    if len(files) > _MAX_POLICIES:
        raise ConfigurationError(f"{folder}: expected at most {_MAX_POLICIES} policies")
    return files


def _from_settings(settings: Settings) -> PolicyProfile:
    days = settings.max_directory_age_days
    values = [] if days is None else [f"age{days}"]
    values += [] if settings.territory is None else [settings.territory]
    values += ["second-engine"] if settings.second_engine else []
    # In test mode too it has this name: reports of a test directory say TEST by themselves.
    return DEFAULT_PROFILE.model_copy(
        update={
            "version": "-".join(["1", *values]),
            "max_directory_age_days": days,
            "territory": settings.territory,
            "second_engine": settings.second_engine,
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """One policy at work."""

    setup: VerifierSetup
    by: JudgedBy
    pool: VerificationPool


class Judges:
    """Judges files under every policy, with documents that may change while it runs.

    Args:
        settings: The operator's.
        profiles: The policies.
        say: Told, in one line each, of what the operator should know.

    Raises:
        ConfigurationError: The directory, a list or a policy cannot be used.
        EngineUnsafeError: The engine fails its self-test.
    """

    def __init__(
        self, settings: Settings, profiles: Mapping[str, PolicyProfile], *, say: Say
    ) -> None:
        self._settings = settings
        self._profiles = dict(profiles)
        self._say = say
        self._lock = threading.Lock()
        self._benches: dict[str, _Bench] = {}
        self._closed = False
        try:
            self.refresh()
        except BaseException:
            self.close()
            raise

    @property
    def profiles(self) -> Mapping[str, PolicyProfile]:
        """The policies, by name."""
        return self._profiles

    @property
    def pools(self) -> Mapping[str, VerificationPool]:
        """The pools at work, by policy."""
        with self._lock:
            return {name: bench.pool for name, bench in self._benches.items()}

    @property
    def is_closed(self) -> bool:
        """Is nothing judged any more?"""
        return self._closed

    def by(self, policy: str) -> JudgedBy | None:
        """What is judged with under this policy now? None: there is no such policy."""
        with self._lock:
            bench = self._benches.get(policy)
        return None if bench is None else bench.by

    def now(self, policy: str) -> JudgedNow | None:
        """The same, with the directory and the policy themselves."""
        with self._lock:
            bench = self._benches.get(policy)
        if bench is None:
            return None
        directory = bench.setup.directory
        return JudgedNow(
            by=bench.by,
            directory=directory if isinstance(directory, LoadedDirectory) else None,
            policy=bench.setup.policy,
        )

    def submit(
        self, policy: str, path: Path, *, name: str | None, sidecar: Path | None
    ) -> Future[Report]:
        """Verify a file under this policy, when its turn comes.

        Raises:
            KeyError: There is no such policy.
            CancelledError: They are closed: nothing is judged any more.
        """
        # A file without a name has no ending that could contradict its bytes.
        job = VerificationJob(path=path, name=name or "upload", sidecar=sidecar)
        with self._lock:
            if self._closed:
                raise CancelledError
            return self._benches[policy].pool.submit(job)

    def why_not_official(self) -> str | None:
        """Why can nothing be called official now, under any policy? None where it can."""
        with self._lock:
            benches = list(self._benches.values())
        for bench in benches:
            directory = bench.setup.directory
            if not isinstance(directory, LoadedDirectory):
                return "there is no agency directory"
            why = why_too_old(directory, bench.setup.policy, system_clock())
            if why is not None:
                return f"the agency directory: {why}"
        return None

    def refresh(self) -> bool:
        """Take up a new directory, one that is vouched for longer, or new lists: has any changed?

        Raises:
            ConfigurationError: One cannot be used; what was judged with goes on.
        """
        directory, lists = self._documents()
        changed = False
        for name, profile in self._profiles.items():
            setup = self._setup(profile, directory, lists)
            by = _judged_by(setup)
            with self._lock:
                old = self._benches.get(name)
            if old is not None and old.by == by and _ends(old.setup) == _ends(setup):
                continue
            pool = VerificationPool(
                setup,
                processes=self._settings.service.workers,
                require_isolation=self._settings.require_isolation,
                say=self._say if not changed else None,
            )
            changed = True
            with self._lock:
                self._benches[name] = _Bench(setup=setup, by=by, pool=pool)
            if old is not None:
                # What it has begun it finishes.
                threading.Thread(target=old.pool.close, name="old-pool", daemon=True).start()
        return changed

    def close(self) -> None:
        """Judge no more: what waits is cancelled, and what was begun raises `IsolationError`."""
        with self._lock:
            benches, self._benches = list(self._benches.values()), {}
            self._closed = True
        for bench in benches:
            bench.pool.close(cancel=True)

    def _documents(self) -> tuple[LoadedDirectory | None, Sequence[TrustList]]:
        place, service = self._settings.directory, self._settings.service
        directory = None if place is None else load_directory_at(place)
        if directory is not None and directory.document.test != service.test:
            raise ConfigurationError(
                f"{place}: expected a directory {'for tests' if service.test else 'not for tests'}:"
                f" the service {'is' if service.test else 'is not'} in test mode"
            )
        if not self._settings.use_stored_lists:
            return directory, ()
        stored = ListStore(self._settings.home).load_all()
        return directory, [entry.trust_list for entry in stored]

    def _setup(
        self,
        profile: PolicyProfile,
        directory: LoadedDirectory | None,
        lists: Sequence[TrustList],
    ) -> VerifierSetup:
        if profile.lists is not None:
            missing = set(profile.lists) - {entry.name for entry in lists}
            if missing:
                raise ConfigurationError(
                    f"policy {profile.name}: expected stored lists, got none named "
                    f"{', '.join(sorted(missing))}"
                )
            lists = [entry for entry in lists if entry.name in profile.lists]

        def of(purpose: ListPurpose) -> tuple[TrustList, ...]:
            return tuple(entry for entry in lists if entry.purpose is purpose)

        return VerifierSetup(
            directory=directory,
            trust_lists=of(ListPurpose.CLAIM),
            time_stamp_lists=of(ListPurpose.TIME_STAMP),
            identity_lists=of(ListPurpose.IDENTITY),
            policy=profile.policy,
            # What the public may know: a report is kept, and shown to others.
            register=register_place(None, self._settings),
        )


def _judged_by(setup: VerifierSetup) -> JudgedBy:
    """What the reports of a verifier made by this will say of themselves."""
    asks = setup.policy.second_engine and SecondEngine.available()
    lists = [
        e for e in (*setup.time_stamp_lists, *setup.identity_lists) if isinstance(e, TrustList)
    ]
    judged = JudgedWith(
        setup.directory if isinstance(setup.directory, LoadedDirectory) else None,
        [entry for entry in setup.trust_lists if isinstance(entry, TrustList)],
        lists,
        setup.policy,
        second_engine=second_engine_ref(SecondEngine()) if asks else None,
    )
    return judged_by(judged.at(system_clock()))


def _ends(setup: VerifierSetup) -> datetime | None:
    """Until when may anything be called official by its directory? It is no part of its bytes."""
    directory = setup.directory
    return directory.expires_at if isinstance(directory, LoadedDirectory) else None
