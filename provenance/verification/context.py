"""With what was it judged: the part of a report that names directory, lists, engine and policy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.engine import engine_version, native_version
from provenance.report import (
    AgencyRef,
    Context,
    DirectoryRef,
    EngineRef,
    PolicyRef,
    RegisterRef,
    TrustListRef,
)
from provenance.trust.certificates import Certificate
from provenance.trust.directory import LoadedDirectory
from provenance.trust.lists import TrustList
from provenance.untrusted import clean_text
from provenance.verification.agencies import agency_ref
from provenance.verification.policy import Policy
from provenance.verification.register import ReleaseRegister

if TYPE_CHECKING:
    from provenance.credentials.second_engine import SecondEngine

__all__ = ["JudgedWith", "second_engine_ref", "why_too_old"]


@cache
def _own_version() -> str:
    return version("provenance-verifier")


def _pem(certificates: Sequence[Certificate]) -> str:
    return "".join(c.x509.public_bytes(Encoding.PEM).decode("ascii") for c in certificates)


def why_too_old(directory: LoadedDirectory, policy: Policy, now: datetime) -> str | None:
    """Why may nothing be called official by this directory now? None where it may."""
    expires_at = directory.expires_at
    if expires_at is not None and now > expires_at:
        return f"it expired at {expires_at.isoformat()}"
    age = directory.age(now)
    if policy.max_directory_age is not None and age > policy.max_directory_age:
        return f"it is {age // timedelta(days=1)} days old"
    return None


class JudgedWith:
    """What a verifier judges with; the same for every file it sees."""

    def __init__(
        self,
        directory: LoadedDirectory | None,
        trust_lists: Sequence[TrustList],
        time_stamp_lists: Sequence[TrustList],
        policy: Policy,
        *,
        register: ReleaseRegister | None = None,
        network_allow: tuple[str, ...] = (),
        second_engine: EngineRef | None = None,
    ) -> None:
        # Looked up now: a process that is shut in cannot do it later.
        self._version = _own_version()
        self._engine = EngineRef(
            name="c2pa-python", version=engine_version(), native_version=native_version()
        )
        self._directory = directory
        self._agencies = {
            agency.id: agency for agency in (directory.document.agencies if directory else ())
        }
        self._register = RegisterRef(name=clean_text(register.name)) if register else None
        self._network_allow = network_allow
        self._second_engine = second_engine
        self._trust_lists = trust_lists
        self._policy = policy
        self._list_refs = tuple(map(_list_ref, (*trust_lists, *time_stamp_lists)))

    @property
    def is_test(self) -> bool:
        """Is the directory one for trials?"""
        return self._directory is not None and self._directory.document.test

    @property
    def has_directory(self) -> bool:
        """Is there a directory at all?"""
        return self._directory is not None

    @property
    def undated_lists(self) -> tuple[str, ...]:
        """Which lists are there of which nobody says when they were made?"""
        return tuple(entry.name for entry in self._list_refs if entry.dated is None)

    def agency_of(self, agency_id: str) -> AgencyRef | None:
        """How does a report name the agency of this id? None for one that is not listed."""
        agency = self._agencies.get(agency_id)
        return agency_ref(agency) if agency else None

    def why_too_old(self, now: datetime) -> str | None:
        """Why may nothing be called official by this directory now? None where it may."""
        if self._directory is None:
            return None
        return why_too_old(self._directory, self._policy, now)

    def at(self, now: datetime) -> Context:
        """The context of a report made as of this time."""
        return Context(
            verified_at=now,
            verifier=f"provenance-verifier {self._version}",
            engine=self._engine,
            directory=_directory_ref(self._directory, now),
            trust_lists=self._list_refs,
            policy=PolicyRef(name=self._policy.name, version=self._policy.version),
            register_of_releases=self._register,
            second_engine=self._second_engine,
            network_allow=self._network_allow,
        )

    def anchors_pem(self) -> dict[str, str]:
        """All claim anchors by list, for the engine's own opinion."""
        lists = {entry.name: _pem(entry.anchors) for entry in self._trust_lists}
        if self._directory is not None:
            agencies = self._directory.document.agencies
            anchors = [anchor.certificate for agency in agencies for anchor in agency.anchors]
            lists["agency directory"] = _pem(anchors)
        return {name: pem for name, pem in lists.items() if pem}


def second_engine_ref(engine: SecondEngine | None) -> EngineRef | None:
    """What a report calls the second engine; its native code has no version of its own."""
    if engine is None:
        return None
    return EngineRef(name="encypher-c2pa", version=engine.version, native_version=engine.version)


def _directory_ref(directory: LoadedDirectory | None, now: datetime) -> DirectoryRef | None:
    if directory is None:
        return None
    return DirectoryRef(
        name=clean_text(directory.document.name),
        version=directory.document.version,
        sha256=directory.sha256,
        source=directory.source,
        test=directory.document.test,
        issued_at=directory.document.issued_at,
        expires_at=directory.expires_at,
        age_days=directory.age(now) // timedelta(days=1),
    )


def _list_ref(entry: TrustList) -> TrustListRef:
    return TrustListRef(
        name=entry.name,
        purpose=entry.purpose.value,
        sha256=entry.sha256,
        certificates=entry.certificates,
        source=entry.source,
        dated=entry.dated,
        note=entry.note,
    )
