"""With what was it judged: the part of a report that names directory, lists, engine and policy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version

from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.engine import engine_version, native_version
from provenance.report import Context, DirectoryRef, EngineRef, PolicyRef, TrustListRef
from provenance.trust.certificates import Certificate
from provenance.trust.directory import LoadedDirectory
from provenance.trust.lists import TrustList
from provenance.untrusted import clean_text
from provenance.verification.policy import Policy

__all__ = ["JudgedWith"]


@cache
def _own_version() -> str:
    return version("provenance-verifier")


def _pem(certificates: Sequence[Certificate]) -> str:
    return "".join(c.x509.public_bytes(Encoding.PEM).decode("ascii") for c in certificates)


class JudgedWith:
    """What a verifier judges with; the same for every file it sees."""

    def __init__(
        self,
        directory: LoadedDirectory | None,
        trust_lists: Sequence[TrustList],
        time_stamp_lists: Sequence[TrustList],
        policy: Policy,
    ) -> None:
        self._directory = directory
        self._trust_lists = trust_lists
        self._policy = policy
        self._directory_ref = _directory_ref(directory)
        self._list_refs = tuple(map(_list_ref, (*trust_lists, *time_stamp_lists)))

    @property
    def is_test(self) -> bool:
        """Is the directory one for trials?"""
        return self._directory is not None and self._directory.document.test

    @property
    def has_directory(self) -> bool:
        """Is there a directory at all?"""
        return self._directory is not None

    def why_too_old(self, now: datetime) -> str | None:
        """Why may nothing be called official by this directory now? None where it may."""
        if self._directory is None:
            return None
        document = self._directory.document
        if document.expires_at is not None and now > document.expires_at:
            return f"it expired at {document.expires_at.isoformat()}"
        largest = self._policy.max_directory_age
        age = now - document.issued_at
        if largest is not None and age > largest:
            return f"it is {age // timedelta(days=1)} days old"
        return None

    def at(self, now: datetime) -> Context:
        """The context of a report made as of this time."""
        return Context(
            verified_at=now,
            verifier=f"provenance-verifier {_own_version()}",
            engine=EngineRef(
                name="c2pa-python", version=engine_version(), native_version=native_version()
            ),
            directory=self._directory_ref,
            trust_lists=self._list_refs,
            policy=PolicyRef(name=self._policy.name, version=self._policy.version),
        )

    def anchors_pem(self) -> dict[str, str]:
        """All claim anchors by list, for the engine's own opinion."""
        lists = {entry.name: _pem(entry.anchors) for entry in self._trust_lists}
        if self._directory is not None:
            agencies = self._directory.document.agencies
            anchors = [anchor.certificate for agency in agencies for anchor in agency.anchors]
            lists["agency directory"] = _pem(anchors)
        return {name: pem for name, pem in lists.items() if pem}


def _directory_ref(directory: LoadedDirectory | None) -> DirectoryRef | None:
    if directory is None:
        return None
    return DirectoryRef(
        name=clean_text(directory.document.name),
        version=directory.document.version,
        sha256=directory.sha256,
        source=directory.source,
        test=directory.document.test,
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
