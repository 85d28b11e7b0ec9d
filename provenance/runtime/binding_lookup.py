"""Looking up and storing soft bindings in the register, for one reader."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from provenance.errors import ConflictError, LimitError, MalformedError, RegisterError
from provenance.registry.register.bindings import StoredManifest
from provenance.registry.register.iscc import parse_iscc_unit
from provenance.registry.register.register import Register

__all__ = ["ISCC", "BindingLookup", "FoundManifest", "text_of"]

ISCC = "io.iscc.v0"
_BITS = 256


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """A manifest that was found.

    Attributes:
        label: Label of the active manifest.
        score: From 0 to 100; 100 is exactly the value, or exactly the bytes.
    """

    label: str
    score: int


class BindingLookup:
    """What one reader finds in the register, and an agency puts there.

    Args:
        register: The register.
        reader: The agency that asks; None for everybody.
        clock: Says what time it is.
    """

    def __init__(
        self, register: Register, reader: str | None, clock: Callable[[], datetime]
    ) -> None:
        self._desk = register.bindings(reader, clock=clock)
        self._view = register.view(reader, clock=clock)
        self._clock = clock

    def by_binding(self, algorithm: str, value: str, *, most: int) -> Sequence[FoundManifest]:
        """Which manifests does this soft binding lead to, the nearest first?

        Raises:
            MalformedError: The value is none of this algorithm.
            RegisterError: The register cannot be read.
        """
        text = text_of(algorithm, value)
        found = {binding.label: 100 for binding in self._desk.find(algorithm, text)}
        if algorithm == ISCC:
            for match in self._view.manifests_for_binding(ISCC, text, at=self._clock(), most=most):
                score = 100 * (_BITS - match.distance) // _BITS
                found.setdefault(match.manifest.label, score)
        nearest = sorted(found.items(), key=lambda pair: -pair[1])
        return [FoundManifest(label, score) for label, score in nearest[:most]]

    def by_digest(self, sha256: str, *, most: int) -> Sequence[FoundManifest]:
        """Which manifests were registered for exactly these bytes?"""
        manifests = self._view.manifests_for_bytes(sha256, at=self._clock())
        labels = dict.fromkeys(manifest.label for manifest in manifests)
        return [FoundManifest(label, 100) for label in labels][:most]

    def manifest(self, label: str) -> StoredManifest | None:
        """The manifest store whose active manifest has this label, if the reader sees one."""
        return next(iter(self._desk.manifests(label)), None)

    def store(self, data: bytes) -> str:
        """Keep a manifest store: the label of its active manifest."""
        with _refusals():
            return self._desk.store(data).label

    def remove(self, label: str) -> bool:
        """Take out the agency's own stored manifest and its bindings: was there one?"""
        with _refusals():
            return self._desk.remove(label)

    def bind(self, algorithm: str | None, value: str, label: str) -> bool:
        """Let this value lead to the manifest too: does the reader see one of that label?

        Raises:
            MalformedError: The value is none of the algorithm, or of none that is known.
            ConflictError: The manifest is not the agency's.
        """
        named, text = self._told(algorithm, value)
        manifest = self.manifest(label)
        if manifest is None:
            return False
        with _refusals():
            self._desk.bind(named, text, manifest.sha256)
        return True

    def repoint(self, algorithm: str | None, value: str, label: str) -> bool:
        """Let this value lead to this manifest, and no more to where it led.

        Raises:
            ConflictError: It led to several manifests, or one is not the agency's.
            MalformedError: The value is none of the algorithm, or of none that is known.
        """
        named, text = self._told(algorithm, value)
        manifest = self.manifest(label)
        old = self._desk.find(named, text)
        if manifest is None or not old:
            return False
        if len(old) > 1:
            raise ConflictError("soft binding: leads to several manifests")
        with _refusals():
            self._desk.repoint(named, text, old[0].manifest_sha256, manifest.sha256)
        return True

    def _told(self, algorithm: str | None, value: str) -> tuple[str, str]:
        """The standard leaves the algorithm out where bindings are stored; an ISCC shows itself."""
        return algorithm or ISCC, text_of(algorithm or ISCC, value)


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell what the register refuses from what it cannot do now."""
    try:
        yield
    except RegisterError as error:
        if isinstance(error.__cause__, MalformedError | LimitError):
            raise MalformedError("expected a manifest store") from error
        if error.__cause__ is None:
            raise ConflictError(str(error)) from error
        raise


def text_of(algorithm: str, value: str) -> str:
    """A binding's value in its algorithm's own form, as the register keeps it.

    The C2PA list gives no encoding for `io.iscc.v0`: the value is its canonical form as
    UTF-8, which on the wire is Base64 like any other.

    Raises:
        MalformedError: It is none.
    """
    try:
        padded = value + "=" * (-len(value) % 4)
        data = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise MalformedError("value: expected Base64") from error
    if algorithm != ISCC:
        return base64.b64encode(data).decode("ascii")
    text = data.decode("ascii", "replace")
    if parse_iscc_unit(text) is None:
        raise MalformedError("value: expected an ISCC content unit of 256 bits, in Base64")
    return text
