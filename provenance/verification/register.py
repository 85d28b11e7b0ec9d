"""The register of releases, as the verifier asks it: status, manifests, resemblance.

Whoever implements it shows one reader's view: an embargoed release is unknown to everybody
but its agency, in every answer alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Literal, Protocol

from provenance.media.formats import MediaFormat
from provenance.report import Region, Span
from provenance.verdict import ReleaseState

__all__ = [
    "BindingMatch",
    "LogPlace",
    "RegisteredFile",
    "RegisteredManifest",
    "RegisteredRelease",
    "ReleaseMatch",
    "ReleaseRegister",
    "ResemblanceAnswer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """Where the release log has what the agency stated first.

    Attributes:
        origin: The log's name.
        entry: Number of the entry.
        logged_at: When the log says it took it.
    """

    origin: str
    entry: int
    logged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredRelease:
    """A release, as it stands at the time that was asked for.

    Attributes:
        agency: The agency's id in the directory.
        release: The release's id, the agency's own.
        title: By language tag, from credentials that the agency signed.
        state: `current`, `withdrawn` or `superseded`.
        changed_at: When the agency said so.
        reason: Of a withdrawal, a code.
        replaced_by: Of a superseded one: the newer release's id.
        first_stated_at: When the agency first stated this release, by its own word.
        log: The same, by the log; None where no log has it.
        channels: Where the agency publishes it.
    """

    agency: str
    release: str
    title: Mapping[str, str] = field(default_factory=dict)
    state: ReleaseState
    changed_at: datetime
    reason: str | None = None
    replaced_by: str | None = None
    first_stated_at: datetime
    log: LogPlace | None = None
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredFile:
    """A file of a release.

    Attributes:
        release: The release.
        sha256: Of its bytes.
        media_type: Its media type.
        rendition_of: Digest of the file of which this is the agency's own transcode.
    """

    release: RegisteredRelease
    sha256: str
    media_type: str
    rendition_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredManifest:
    """A manifest store that the agency registered.

    Attributes:
        label: Label of its active manifest.
        store: The store's bytes (JUMBF).
        file: The file it was made for.
    """

    label: str
    store: bytes
    file: RegisteredFile


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingMatch:
    """A registered manifest found by a soft binding.

    Attributes:
        manifest: The manifest.
        distance: Bits that differ, of 256; 0 for an exact value.
    """

    manifest: RegisteredManifest
    distance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseMatch:
    """A registered file that an asset looks or sounds like, confirmed. A lead, never proof.

    Attributes:
        file: The registered file.
        certain_file: Whether it is this file of the release rather than another one that
            is nearly the same, as in a series from one shoot.
        distance: Bits that differ at the nearest, of 256; None where no code led to it.
        algorithm: What found it.
        confirmed_by: What confirmed it.
        inliers: Local features that agree on one geometry; None where none were compared.
        edits: What happened to the copy, as far as it can be shown.
        differs: Where the copy differs.
        spans: Which stretches of a video or track match.
    """

    file: RegisteredFile
    certain_file: bool = True
    distance: int | None
    algorithm: str
    confirmed_by: str
    inliers: int | None = None
    edits: tuple[str, ...] = ()
    differs: tuple[Region, ...] = ()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResemblanceAnswer:
    """Which registered releases does an asset look or sound like?

    Attributes:
        matches: Confirmed ones, the nearest first; empty is an answer too.
        iscc: The asset's own ISCC, for a look-up of soft bindings; None where there is none, and
            where it is that of nothing in particular: a plain picture, silence.
        not_run: Why no answer could be had; None where there is one.
        why_not: What part of the question could not be asked, and why.
    """

    matches: tuple[ReleaseMatch, ...] = ()
    iscc: str | None = None
    not_run: str | None = None
    why_not: tuple[str, ...] = ()


class ReleaseRegister(Protocol):
    """One reader's view of a register. Answers are as of `at`.

    Every method may raise RegisterError where the register cannot be read; whoever asks
    then reports the check as not run.
    """

    @property
    def name(self) -> str:
        """What reports call it; never a password or a path with one."""
        ...

    def files(self, sha256: str, *, at: datetime) -> Sequence[RegisteredFile]:
        """Which releases have a file of exactly these bytes? Of whichever agency."""
        ...

    def files_of_manifest(self, label: str, *, at: datetime) -> Sequence[RegisteredFile]:
        """Which releases have a file whose active manifest has this label?"""
        ...

    def manifests_for_bytes(self, sha256: str, *, at: datetime) -> Sequence[RegisteredManifest]:
        """Which manifests were registered for exactly these bytes, kept beside them?"""
        ...

    def manifests_for_binding(
        self, algorithm: Literal["io.iscc.v0"], value: str, *, at: datetime, most: int = 10
    ) -> Sequence[BindingMatch]:
        """Which registered manifests does this soft binding lead to, the nearest first?"""
        ...

    def resembling(
        self, stream: BinaryIO, media_format: MediaFormat, *, at: datetime
    ) -> ResemblanceAnswer:
        """Which registered releases does this asset look or sound like?

        Whatever is in the asset, there is an answer.
        """
        ...
