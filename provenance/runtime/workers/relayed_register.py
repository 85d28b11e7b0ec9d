"""A worker's side of a register: every question goes to the parent, which has it open.

A worker has no network and no files, and the search is too large to be held by each.
Decoding and comparing stay here, where a hostile picture does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from provenance.errors import MalformedError, RegisterError
from provenance.fingerprints.feature_index import FeatureCandidate
from provenance.fingerprints.features import LocalFeatures
from provenance.fingerprints.index import CodeHit
from provenance.fingerprints.model import Algorithm, Code, Reference
from provenance.fingerprints.negatives import NegativeBank
from provenance.fingerprints.sound import numbers_from
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import MediaFormat
from provenance.registry.search.resembler import resembling
from provenance.runtime.workers.channel import Channel
from provenance.runtime.workers.register_words import (
    CODES_AT_ONCE,
    codes_in,
    codes_out,
    files_in,
    manifests_in,
    matches_in,
    owned_in,
    reference_in,
    text_of,
)
from provenance.verification.register import (
    BindingMatch,
    RegisteredFile,
    RegisteredManifest,
    ResemblanceAnswer,
)

__all__ = ["RelayedRegister"]


class RelayedRegister:
    """The register as its parent's reader sees it; it satisfies `ReleaseRegister`.

    Args:
        name: What reports call it.
        limits: Bounds of decoding.
    """

    def __init__(self, name: str, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._name = name
        self._limits = limits
        self.channel: Channel | None = None

    @property
    def name(self) -> str:
        """What reports call it."""
        return self._name

    def files(self, sha256: str, *, at: datetime) -> tuple[RegisteredFile, ...]:
        """See `ReleaseRegister.files`."""
        return files_in(self.ask("files", at, sha256=sha256))

    def files_of_manifest(self, label: str, *, at: datetime) -> tuple[RegisteredFile, ...]:
        """See `ReleaseRegister.files_of_manifest`."""
        return files_in(self.ask("files-of-manifest", at, label=label))

    def manifests_for_bytes(self, sha256: str, *, at: datetime) -> tuple[RegisteredManifest, ...]:
        """See `ReleaseRegister.manifests_for_bytes`."""
        return manifests_in(self.ask("manifests-for-bytes", at, sha256=sha256))

    def manifests_for_binding(
        self, algorithm: Literal["io.iscc.v0"], value: str, *, at: datetime, most: int = 10
    ) -> tuple[BindingMatch, ...]:
        """See `ReleaseRegister.manifests_for_binding`."""
        found = self.ask("manifests-for-binding", at, algorithm=algorithm, value=value, most=most)
        return matches_in(found)

    def resembling(
        self, stream: BinaryIO, media_format: MediaFormat, *, at: datetime
    ) -> ResemblanceAnswer:
        """See `ReleaseRegister.resembling`."""
        return resembling(_RelayedSearch(self, at), stream, media_format, limits=self._limits)

    def ask(self, question: str, at: datetime, **values: Any) -> Any:
        """What does the parent answer?

        Raises:
            RegisterError: The register cannot be read, or nobody is there to ask.
        """
        if self.channel is None:
            raise RegisterError(f"{self._name}: nobody here asks it")
        self.channel.send_document({"register": question, "at": at.isoformat(), **values})
        answer, _ = self.channel.receive_document()
        if "answer" not in answer:
            raise RegisterError(str(answer.get("refused")))
        return answer["answer"]


class _RelayedSearch:
    """A search in the parent, for one file."""

    def __init__(self, register: RelayedRegister, at: datetime) -> None:
        self._register = register
        self._at = at
        never = codes_in(register.ask("begin", at))
        self._never = never
        self.negatives = NegativeBank(never)
        self.codes = _RelayedCodes(self)
        self.features = _RelayedFeatures(self)
        self.timelines = _RelayedTimelines(self)

    def ask(self, question: str, **values: Any) -> Any:
        return self._register.ask(question, self._at, **values)

    def never(self, algorithm: Algorithm) -> frozenset[bytes]:
        return frozenset(code.bits for code in self._never if code.algorithm is algorithm)

    def files(self, owners: Iterable[int]) -> dict[int, RegisteredFile]:
        wanted = sorted(set(owners))
        return owned_in(self.ask("owners", owners=wanted)) if wanted else {}

    def picture(self, owner: int) -> Reference | None:
        return reference_in(self.ask("picture", owner=owner))


class _RelayedCodes:
    def __init__(self, search: _RelayedSearch) -> None:
        self._search = search

    def search(self, codes: Sequence[Code], *, radius: int, most: int = 100) -> list[CodeHit]:
        hits: list[CodeHit] = []
        for start in range(0, len(codes), CODES_AT_ONCE):
            some = codes_out(codes[start : start + CODES_AT_ONCE])
            for query, *rest in self._search.ask("codes", codes=some, radius=radius, most=most):
                hits.append(CodeHit(start + query, *rest))
        return sorted(hits, key=lambda hit: (hit.distance, hit.query, hit.owner))


class _RelayedFeatures:
    def __init__(self, search: _RelayedSearch) -> None:
        self._search = search

    def search(
        self, features: LocalFeatures, *, mirrored: bool = False, most: int = 5
    ) -> list[FeatureCandidate]:
        if not len(features):
            return []
        packed = text_of(features.to_bytes())
        found = self._search.ask("features", features=packed, mirrored=mirrored, most=most)
        return [FeatureCandidate(*candidate) for candidate in found]


class _RelayedTimelines:
    def __init__(self, search: _RelayedSearch) -> None:
        self._search = search

    def frames(self, owner: int) -> Sequence[Code]:
        return codes_in(self._search.ask("frames", owner=owner))

    def sound(self, owner: int) -> NDArray[np.uint32] | None:
        reference = reference_in(self._search.ask("sound", owner=owner))
        try:
            return None if reference is None else numbers_from(reference)
        except MalformedError:
            # What is kept of one release must not end the look at all others.
            return None
