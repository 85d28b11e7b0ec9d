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
from provenance.report import Report
from provenance.verdict import IntegrityState

__all__ = ["ISCC", "BindingLookup", "FoundManifest", "text_of"]

ISCC = "io.iscc.v0"
_BITS = 256


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """A manifest that was found.

    Attributes:
        label: Label of the active manifest.
        score: From 0 to 100; 100 is exactly the value, or exactly the bytes. None where no
            bits were compared.
    """

    label: str
    score: int | None


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
        self._reader = reader

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
                found.setdefault(match.manifest.label, _score(match.distance) or 0)
        nearest = sorted(found.items(), key=lambda pair: -pair[1])
        return [FoundManifest(label, score) for label, score in nearest[:most]]

    def by_digest(self, sha256: str, *, most: int) -> Sequence[FoundManifest]:
        """Which manifests were registered for exactly these bytes?"""
        manifests = self._view.manifests_for_bytes(sha256, at=self._clock())
        labels = dict.fromkeys(manifest.label for manifest in manifests)
        return [FoundManifest(label, 100) for label in labels][:most]

    def by_report(self, report: Report, *, most: int) -> Sequence[FoundManifest]:
        """Which manifests do the leads of a judged file come to? They prove nothing.

        By its soft binding, and by what it looks or sounds like; of a file whose credentials
        hold, the manifest in it, if it is registered.
        """
        found: dict[str, int | None] = {}
        intact = report.integrity.state is IntegrityState.INTACT
        for label in report.integrity.registered_as if intact else ():
            if self.manifest(label) is not None:
                found[label] = 100
                break
        for step in report.recovery:
            if step.place == "register-binding" and step.manifest is not None:
                found.setdefault(step.manifest, _score(step.distance))
        for lead in report.resemblance:
            if lead.file_sha256 is None:
                continue
            for manifest in self._view.manifests_for_bytes(lead.file_sha256, at=self._clock()):
                found.setdefault(manifest.label, _score(lead.distance))
        nearest = sorted(found.items(), key=lambda pair: -(pair[1] or 0))
        return [FoundManifest(label, score) for label, score in nearest[:most]]

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
        found = self._desk.find(named, text)
        # What others let the same value lead to is theirs, and keeps nobody from his own.
        own = [binding for binding in found if binding.added_by == self._reader]
        old = own or found
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


def _score(distance: int | None) -> int | None:
    """How like, of 100? None where no bits were compared."""
    return None if distance is None else 100 * (_BITS - distance) // _BITS


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
