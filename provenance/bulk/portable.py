"""A verifier's setup that another machine can use: with documents in it, not their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.runtime.directory_at import load_directory_at
from provenance.runtime.list_store import ListStore
from provenance.runtime.verifier_setup import ListFile, VerifierSetup
from provenance.trust.directory import LoadedDirectory
from provenance.trust.lists import ListPurpose, TrustList, load_trust_list

__all__ = ["job_of", "portable"]


def portable(setup: VerifierSetup) -> VerifierSetup:
    """The same setup, with the directory and every list read.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    stored: list[TrustList] = []
    if setup.stored_lists is not None:
        stored = [kept.trust_list for kept in ListStore(setup.stored_lists).load_all()]
    directory = setup.directory
    return replace(
        setup,
        directory=load_directory_at(directory) if isinstance(directory, Path) else directory,
        trust_lists=_read(setup.trust_lists, stored, ListPurpose.CLAIM),
        time_stamp_lists=_read(setup.time_stamp_lists, stored, ListPurpose.TIME_STAMP),
        identity_lists=_read(setup.identity_lists, stored, ListPurpose.IDENTITY),
        stored_lists=None,
    )


def _read(
    given: Sequence[TrustList | ListFile], stored: Sequence[TrustList], purpose: ListPurpose
) -> tuple[TrustList, ...]:
    lists = [
        load_trust_list(entry.path, purpose=purpose, name=entry.name)
        if isinstance(entry, ListFile)
        else entry
        for entry in given
    ]
    names = {entry.name for entry in lists}
    # A list that is given counts, and not the stored one of its name.
    return (*lists, *(k for k in stored if k.purpose is purpose and k.name not in names))


def job_of(
    setup: VerifierSetup,
    source: str,
    *,
    at: datetime | None = None,
    kind: str = "verify",
    more: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """On what do the answers depend, apart from the files and the program?

    Args:
        setup: A portable one.
        source: Where the files are.
        at: The moment that is judged as of, if it is not now.
        kind: What is done with them.
        more: On what else that depends.
    """
    directory = setup.directory
    lists = (*setup.trust_lists, *setup.time_stamp_lists, *setup.identity_lists)
    return {
        "schema_version": "1.0",
        "kind": kind,
        "source": source,
        "at": None if at is None else at.isoformat(),
        "directory_sha256": directory.sha256 if isinstance(directory, LoadedDirectory) else None,
        "lists": [
            {"name": entry.name, "purpose": entry.purpose.value, "sha256": entry.sha256}
            for entry in lists
            if isinstance(entry, TrustList)
        ],
        "policy": f"{setup.policy.name} {setup.policy.version}",
        "asks_issuers": setup.fetch,
        **(more or {}),
    }
