"""One call for one file, by the system's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from provenance.media.source import Source
from provenance.report import Report
from provenance.runtime.clock import system_clock
from provenance.trust.directory import LoadedDirectory
from provenance.trust.lists import TrustList
from provenance.verification.policy import Policy
from provenance.verification.verifier import Verifier

__all__ = ["verify"]


def verify(
    source: Source,
    *,
    directory: LoadedDirectory | None,
    policy: Policy | None = None,
    trust_lists: Sequence[TrustList] = (),
    time_stamp_lists: Sequence[TrustList] = (),
    identity_lists: Sequence[TrustList] = (),
    sidecar: Source | None = None,
    at: datetime | None = None,
) -> Report:
    """Who released this, and is it unchanged?

    Sets everything up for this one file. For more than a few, make a `Verifier`
    and keep it.

    Args:
        source: A path, bytes or a binary stream.
        directory: Agencies; without one (None) nothing can be official.
        policy: What is asked beyond whom to trust.
        trust_lists: Lists of claim signers.
        time_stamp_lists: Lists of time-stamp authorities.
        identity_lists: Lists of anchors for statements of identity (CAWG).
        sidecar: A manifest store kept beside the file.
        at: Judge as of this time instead of now.

    Raises:
        SourceError: The source cannot be opened or read.
        EngineUnsafeError: The C2PA engine misreads the built-in samples.
    """
    verifier = Verifier(
        directory=directory,
        trust_lists=trust_lists,
        time_stamp_lists=time_stamp_lists,
        identity_lists=identity_lists,
        policy=policy,
        clock=system_clock,
    )
    return verifier.verify(source, sidecar=sidecar, at=at)
