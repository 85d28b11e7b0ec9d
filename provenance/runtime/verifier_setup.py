"""With what a verifier is to be made: a description that can be sent to another process.

Importing this module loads none of what verifying needs: a command line can describe
its verifier while the process that makes it is still starting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import ConfigurationError, RegisterError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.runtime.clock import system_clock
from provenance.verification.policy import Policy

if TYPE_CHECKING:
    # These take long to import, and are needed only where a verifier is made.
    from provenance.runtime.register_search import SearchedRegister
    from provenance.runtime.workers.relayed_register import RelayedRegister
    from provenance.trust.directory import LoadedDirectory
    from provenance.trust.lists import ListPurpose, TrustList
    from provenance.trust.revocation import OcspFetcher
    from provenance.verification.register import ReleaseRegister
    from provenance.verification.verifier import Verifier

__all__ = ["ListFile", "VerifierSetup"]

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFile:
    """A trust list that is read where the verifier is made.

    Attributes:
        path: The file, PEM or JSON.
        name: What reports call it; its file's name without the ending by default.
    """

    path: Path
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierSetup:
    """All that a `Verifier` is made with; it can be pickled.

    Attributes:
        directory: The agency directory, or where it is: a file, or the folder of a client.
            Without one nothing can be official.
        trust_lists: Lists of claim signers, in the order in which they are asked.
        time_stamp_lists: Lists of time-stamp authorities.
        identity_lists: Lists of anchors for statements of identity.
        stored_lists: The home folder whose stored lists count besides those given.
        policy: What is asked beyond whom to trust.
        fetch: Whether issuers are asked about revocation, over the network.
        network_allow: With `fetch`: HOST:PORT that may be asked besides public places.
        limits: Bounds on every untrusted input.
        register: Where the register of releases is: a path, or a URL. A pool opens it in
            its own process, and its workers ask there.
        register_name: What reports call the register that is asked through the parent;
            set for a worker's verifier.
        reads: Whether workers also read what a register keeps of a file.
    """

    directory: Path | LoadedDirectory | None = None
    trust_lists: tuple[TrustList | ListFile, ...] = ()
    time_stamp_lists: tuple[TrustList | ListFile, ...] = ()
    identity_lists: tuple[TrustList | ListFile, ...] = ()
    stored_lists: Path | None = None
    policy: Policy = field(default_factory=Policy)
    fetch: bool = False
    network_allow: tuple[str, ...] = ()
    limits: Limits = DEFAULT_LIMITS
    register: str | None = field(default=None, repr=False)
    register_name: str | None = None
    reads: bool = False

    def make(
        self,
        *,
        ocsp_fetcher: OcspFetcher | None = None,
        register: ReleaseRegister | None = None,
        say: Say | None = None,
        at: datetime | None = None,
    ) -> Verifier:
        """The verifier that this describes.

        Args:
            ocsp_fetcher: Asks issuers in place of a fetcher of its own, for a process
                that has no network.
            register: Is asked in place of one that is opened here, which nobody closes
                before this process ends.
            say: Told, in one line each, of what the operator should know: no directory,
                one that is too old, a stored list that is not used.
            at: The moment as of which will be judged, where it is not now.

        Raises:
            ConfigurationError: Something that it names cannot be used.
            RegisterError: The register cannot be opened.
            EngineUnsafeError: The engine fails its self-test.
        """
        # Not at the top of the module: see there.
        from provenance.trust.lists import ListPurpose
        from provenance.verification.verifier import Verifier

        say = say or _nobody
        if self.policy.second_engine:
            from provenance.credentials.second_engine import NOT_INSTALLED, SecondEngine

            if not SecondEngine.available():
                # Asked for by name: going on without it would look as if it had agreed.
                raise ConfigurationError(f"second engine: {NOT_INSTALLED}")
        stored = self._stored()
        directory = self.directory
        if isinstance(directory, Path):
            directory = _load(directory)
        if register is None and self.register is not None:
            register = self.open_register().view
        verifier = Verifier(
            directory=directory,
            trust_lists=_lists(self.trust_lists, stored, ListPurpose.CLAIM, say),
            time_stamp_lists=_lists(self.time_stamp_lists, stored, ListPurpose.TIME_STAMP, say),
            identity_lists=_lists(self.identity_lists, stored, ListPurpose.IDENTITY, say),
            register=register,
            policy=self.policy,
            clock=system_clock,
            ocsp_fetcher=(ocsp_fetcher or self.fetcher()) if self.fetch else None,
            limits=self.limits,
        )
        self._say_what_is_missing(directory, at or system_clock(), say)
        return verifier

    def load_time_stamp_lists(self, say: Say) -> list[TrustList]:
        """The lists of time-stamp authorities alone.

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        from provenance.trust.lists import ListPurpose

        return _lists(self.time_stamp_lists, self._stored(), ListPurpose.TIME_STAMP, say)

    def open_register(self) -> SearchedRegister:
        """The register, with a search; to be closed by whoever opens it.

        Raises:
            RegisterError: It cannot be opened.
        """
        from provenance.registry.register.register import Register
        from provenance.runtime.register_search import SearchedRegister

        if self.register is None:
            raise RegisterError("register: there is none")
        return SearchedRegister(Register(self.register, read_only=True), limits=self.limits)

    def relayed_register(self) -> RelayedRegister | None:
        """The register that a worker asks through its parent, where there is one."""
        if self.register_name is None:
            return None
        # What decodes pictures and sound is loaded once, for all workers of a host.
        from provenance.runtime.workers.relayed_register import RelayedRegister

        return RelayedRegister(self.register_name, limits=self.limits)

    def fetcher(self) -> OcspFetcher:
        """What asks issuers about revocation, over the network.

        Raises:
            ConfigurationError: An entry of `network_allow` is no HOST:PORT.
        """
        # HTTP and TLS take long to import, and mostly nobody is asked.
        from provenance.runtime.fetch import GuardedFetcher

        return GuardedFetcher(network_allow=self.network_allow)

    def _stored(self) -> Sequence[TrustList]:
        if self.stored_lists is None:
            return ()
        from provenance.runtime.list_store import ListStore

        return [stored.trust_list for stored in ListStore(self.stored_lists).load_all()]

    def _say_what_is_missing(
        self, directory: LoadedDirectory | None, at: datetime, say: Say
    ) -> None:
        from provenance.verification.context import why_too_old

        if directory is None:
            say("no agency directory given (--directory): nothing can be called official")
            return
        why = why_too_old(directory, self.policy, at)
        if why is not None:
            where = self.directory if isinstance(self.directory, Path) else directory.source
            say(f"agency directory {where}: {why}: nothing can be called official; get a newer one")


def _nobody(_line: str) -> None:
    return None


def _load(path: Path) -> LoadedDirectory:
    from provenance.runtime.directory_at import load_directory_at

    return load_directory_at(path)


def _lists(
    given: Sequence[TrustList | ListFile],
    stored: Sequence[TrustList],
    purpose: ListPurpose,
    say: Say,
) -> list[TrustList]:
    """The lists of one purpose: those given, then those stored under other names."""
    from provenance.trust.lists import load_trust_list

    lists: dict[str, TrustList] = {}
    for entry in given:
        loaded = entry
        if isinstance(loaded, ListFile):
            loaded = load_trust_list(loaded.path, purpose=purpose, name=loaded.name)
        if loaded.name in lists:
            where = entry.path if isinstance(entry, ListFile) else loaded.source
            raise ConfigurationError(
                f"{where}: expected a list of another name than {loaded.name!r}, which is given "
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
