"""A register of releases in memory: the real protocol over what a test puts in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Literal

from provenance.errors import RegisterError
from provenance.media.formats import MediaFormat
from provenance.verdict import ReleaseState
from provenance.verification.register import (
    BindingMatch,
    RegisteredFile,
    RegisteredManifest,
    RegisteredRelease,
    ReleaseMatch,
    ResemblanceAnswer,
)
from tests.factory.judging import AT

__all__ = ["MemoryRegister", "file_of", "match_of", "release_of"]


def release_of(agency: str, **fields: Any) -> RegisteredRelease:
    """A current release of this agency; `fields` replace what is in it."""
    whole: dict[str, Any] = {
        "release": "NOVA9-2026-11",
        "title": {"en": "Starlight", "ko": "별빛"},
        "state": ReleaseState.CURRENT,
        "changed_at": AT,
        "first_stated_at": AT,
    }
    return RegisteredRelease(agency=agency, **{**whole, **fields})


def file_of(release: RegisteredRelease, data: bytes, media_type: str) -> RegisteredFile:
    """This file as one of the release."""
    return RegisteredFile(
        release=release, sha256=hashlib.sha256(data).hexdigest(), media_type=media_type
    )


@dataclass(kw_only=True)
class MemoryRegister:
    """Answers from what it holds; counts how often it was asked what things look like."""

    name: str = "register made by a test"
    entries: list[RegisteredFile] = field(default_factory=list)
    labels: dict[str, RegisteredFile] = field(default_factory=dict)
    manifests: list[RegisteredManifest] = field(default_factory=list)
    bindings: list[BindingMatch] = field(default_factory=list)
    answer: ResemblanceAnswer = field(default_factory=ResemblanceAnswer)
    looked: int = 0
    broken: str | None = None

    def _ask(self) -> None:
        if self.broken:
            raise RegisterError(self.broken)

    def files(self, sha256: str, *, at: datetime) -> Sequence[RegisteredFile]:
        assert at == AT
        self._ask()
        return [entry for entry in self.entries if entry.sha256 == sha256]

    def files_of_manifest(self, label: str, *, at: datetime) -> Sequence[RegisteredFile]:
        assert at == AT
        self._ask()
        return [self.labels[label]] if label in self.labels else []

    def manifests_for_bytes(self, sha256: str, *, at: datetime) -> Sequence[RegisteredManifest]:
        assert at == AT
        self._ask()
        return [entry for entry in self.manifests if entry.file.sha256 == sha256]

    def manifests_for_binding(
        self, algorithm: Literal["io.iscc.v0"], value: str, *, at: datetime, most: int = 10
    ) -> Sequence[BindingMatch]:
        assert (algorithm, value[:5], at) == ("io.iscc.v0", "ISCC:", AT)
        self._ask()
        return self.bindings[:most]

    def resembling(
        self, stream: BinaryIO, media_format: MediaFormat, *, at: datetime
    ) -> ResemblanceAnswer:
        assert at == AT
        assert stream.seekable()
        assert media_format.media_type
        self._ask()
        self.looked += 1
        return self.answer


def match_of(file: RegisteredFile, **fields: Any) -> ReleaseMatch:
    """A confirmed resemblance to this file."""
    whole: dict[str, Any] = {
        "distance": 12,
        "algorithm": "pdq",
        "confirmed_by": "local features",
        "inliers": 402,
    }
    return ReleaseMatch(file=file, **{**whole, **fields})
