"""The one adapter over the C2PA engine for reading: strict settings in, plain facts out.

The engine compares bytes with hashes; that is what it is asked for. Whether a
signer, a time-stamp authority or an identity may be believed is decided
elsewhere, since the engine does not keep the kinds of trust anchors apart.

Nothing above this package sees a class of the engine. The engine's settings
accept misspelt keys in silence, so they are built from strict models here, and
`Engine` reads one good and one damaged built-in sample before its first use.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any, BinaryIO, Literal

import c2pa
from pydantic import BaseModel, ConfigDict

from provenance.errors import EngineUnsafeError
from provenance.status import StatusKind, kind_of

__all__ = [
    "CLAIM_EKUS",
    "Engine",
    "EngineReading",
    "EngineState",
    "EngineStatus",
    "IngredientDelta",
    "engine_settings",
    "engine_version",
    "native_version",
]

# Extended key usages that allow claim signing: C2PA claimSigning, e-mail
# protection, document signing. Without this list in the top-level settings the
# engine refuses certificates that carry only the first.
CLAIM_EKUS = (
    "1.3.6.1.4.1.62558.2.1",
    "1.3.6.1.5.5.7.3.4",
    "1.3.6.1.5.5.7.3.36",
)
_REMOTE_MARK = "remote manifests from url"
# Exactly this: a message that repeats a label could hold these words as well.
_OUT_OF_MEMORY = "Io: out of memory"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Anchor(_Settings):
    trust_anchors: str
    trust_kind: Literal["manifest", "tsa", "cawg"]
    trust_uri: str


class _Trust(_Settings):
    anchors: tuple[_Anchor, ...] = ()
    trust_config: str = "\n".join(CLAIM_EKUS) + "\n"


class _Verify(_Settings):
    verify_after_reading: Literal[True] = True
    verify_trust: bool
    verify_timestamp_trust: bool
    remote_manifest_fetch: Literal[False] = False
    ocsp_fetch: Literal[False] = False


class _Core(_Settings):
    # An empty list is what stops every request, those of did:web included;
    # switching off remote manifests and OCSP alone does not.
    allowed_network_hosts: tuple[()] = ()
    allow_redirects: Literal[False] = False


class _EngineSettings(_Settings):
    trust: _Trust
    verify: _Verify
    core: _Core = _Core()


def engine_settings(anchors_pem: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Which settings is the engine given?

    Args:
        anchors_pem: Claim anchors by list name. None leaves the engine's own
            trust decision out: it costs as much as all the rest, and ours decides.
    """
    anchors = tuple(
        _Anchor(trust_anchors=pem, trust_kind="manifest", trust_uri=f"urn:list:{name}")
        for name, pem in (anchors_pem or {}).items()
    )
    asked = anchors_pem is not None
    settings = _EngineSettings(
        trust=_Trust(anchors=anchors),
        verify=_Verify(verify_trust=asked, verify_timestamp_trust=asked),
    )
    return settings.model_dump(mode="json")


class EngineState(StrEnum):
    """How did the engine's reading end?

    `none`: no manifest. `remote`: the asset names an address where its manifest
    is; nothing was fetched. `unsupported`: not a type the engine reads.
    `several`: more than one manifest store. `out-of-memory`: this process has not
    enough. `unreadable`: every other error.
    """

    MANIFEST = "manifest"
    NONE = "none"
    REMOTE = "remote"
    SEVERAL = "several"
    UNSUPPORTED = "unsupported"
    OUT_OF_MEMORY = "out-of-memory"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One validation status: code, the box it is about, the engine's explanation."""

    code: str
    url: str
    explanation: str


@dataclass(frozen=True, slots=True)
class IngredientDelta:
    """What the engine found about one ingredient beyond what its signer recorded."""

    assertion_uri: str
    failures: tuple[EngineStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReading:
    """What the engine says about one asset.

    Attributes:
        state: How the reading ended.
        message: The engine's words where it ended without a manifest.
        remote_url: The address, in state `remote`.
        active_label: Label of the active manifest.
        store: The whole manifest store as the engine read it (JUMBF).
        success: Statuses of the active manifest that report a success.
        informational: Statuses that are neither.
        failures: Statuses that report a failure; codes we do not know included.
        ingredients: Failures of ingredients.
    """

    state: EngineState
    message: str = ""
    remote_url: str | None = None
    active_label: str | None = None
    store: bytes = b""
    success: tuple[EngineStatus, ...] = ()
    informational: tuple[EngineStatus, ...] = ()
    failures: tuple[EngineStatus, ...] = ()
    ingredients: tuple[IngredientDelta, ...] = ()

    def succeeded(self, code: str) -> bool:
        """Is this success code present for the active manifest?"""
        return any(status.code == code for status in self.success)

    def failed(self, code: str) -> bool:
        """Is this failure code present for the active manifest?"""
        return any(status.code == code for status in self.failures)


def _statuses(results: object) -> dict[StatusKind, tuple[EngineStatus, ...]]:
    """The statuses of one results map, filed by our table instead of the engine's lists."""
    found: dict[StatusKind, list[EngineStatus]] = {kind: [] for kind in StatusKind}
    for listed_as in StatusKind:
        entries = results.get(listed_as.value) if isinstance(results, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                status = EngineStatus(
                    str(entry.get("code")),
                    str(entry.get("url", "")),
                    str(entry.get("explanation", "")),
                )
                found[kind_of(status.code, listed_as)].append(status)
    return {kind: tuple(statuses) for kind, statuses in found.items()}


def _failed_reading(error: c2pa.C2paError) -> EngineReading:
    message = str(error)
    if isinstance(error, c2pa.C2paError.ManifestNotFound):
        return EngineReading(state=EngineState.NONE, message=message)
    if isinstance(error, c2pa.C2paError.NotSupported):
        return EngineReading(state=EngineState.UNSUPPORTED, message=message)
    if _REMOTE_MARK in message:
        url = message.split(_REMOTE_MARK, 1)[1].strip()
        return EngineReading(state=EngineState.REMOTE, message=message, remote_url=url)
    if message == _OUT_OF_MEMORY:
        return EngineReading(state=EngineState.OUT_OF_MEMORY, message=message)
    if "more than one manifest store" in message:
        return EngineReading(state=EngineState.SEVERAL, message=message)
    return EngineReading(state=EngineState.UNREADABLE, message=message)


class Engine:
    """The C2PA engine, set up once and used for many files.

    Invariants: its context allows no network host, and the built-in samples
    were read as expected before the first file.

    Raises:
        EngineUnsafeError: The engine does not answer as expected.
    """

    def __init__(self, anchors_pem: Mapping[str, str] | None = None) -> None:
        self.asks_for_trust = anchors_pem is not None
        self._settings = engine_settings(anchors_pem)
        self._context = c2pa.Context.from_dict(self._settings)
        _self_test()

    def after_fork(self) -> None:
        """Set the engine up again in a process that was forked: its context does not cross."""
        self._context = c2pa.Context.from_dict(self._settings)

    def read(
        self,
        stream: BinaryIO,
        engine_type: str,
        *,
        manifest: bytes | None = None,
        fragments: Sequence[BinaryIO] = (),
    ) -> EngineReading:
        """What does the engine find in this asset?

        Args:
            stream: The asset, seekable, from its start.
            engine_type: Media type sniffed from the bytes. A name or extension
                is never given to the engine, which would prefer it.
            manifest: A manifest store kept beside the asset.
            fragments: Fragments of a fragmented MP4 whose initialisation
                segment is `stream`.
        """
        return _read(self._context, stream, engine_type, manifest, fragments)

    def crjson(
        self, stream: BinaryIO, engine_type: str, *, manifest: bytes | None = None
    ) -> dict[str, Any] | None:
        """What is the asset's crJSON, as the engine writes it? None without a manifest.

        Spec: C2PA 2.4, crJSON.

        Raises:
            c2pa errors never leave: an unreadable manifest gives None too.
        """
        try:
            with _open(self._context, stream, engine_type, manifest) as reader:
                document = json.loads(reader.crjson())
        except c2pa.C2paError:
            return None
        return document if isinstance(document, dict) else None


def _open(
    context: c2pa.Context, stream: BinaryIO, engine_type: str, manifest: bytes | None
) -> c2pa.Reader:
    stream.seek(0)
    if manifest is None:
        return c2pa.Reader(engine_type, stream, context=context)
    return c2pa.Reader(engine_type, stream, manifest_data=manifest, context=context)


def _read(
    context: c2pa.Context,
    stream: BinaryIO,
    engine_type: str,
    manifest: bytes | None = None,
    fragments: Sequence[BinaryIO] = (),
) -> EngineReading:
    readings = []
    try:
        with _open(context, stream, engine_type, manifest) as reader:
            if not fragments:
                return _reading(reader)
            for fragment in fragments:
                stream.seek(0)
                fragment.seek(0)
                reader.with_fragment(engine_type, stream, fragment)
                readings.append(_reading(reader))
    except c2pa.C2paError as error:
        return _failed_reading(error)
    # One bad fragment is enough: the first reading with a failure speaks.
    return next((reading for reading in readings if reading.failures), readings[-1])


def _reading(reader: c2pa.Reader) -> EngineReading:
    document = json.loads(reader.json())
    label = document.get("active_manifest")
    results = document.get("validation_results") or {}
    active = _statuses(results.get("activeManifest"))
    store = io.BytesIO()
    # Any box URI of the active manifest gives the whole store, whatever the container.
    reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.signature", store)
    return EngineReading(
        state=EngineState.MANIFEST,
        active_label=label,
        store=store.getvalue(),
        success=active[StatusKind.SUCCESS],
        informational=active[StatusKind.INFORMATIONAL],
        failures=active[StatusKind.FAILURE],
        ingredients=tuple(
            IngredientDelta(
                str(delta.get("ingredientAssertionURI", "")),
                _statuses(delta.get("validationDeltas"))[StatusKind.FAILURE],
            )
            for delta in results.get("ingredientDeltas") or ()
            if isinstance(delta, dict)
        ),
    )


@cache
def engine_version() -> str:
    """Which version of the engine's Python package is this?"""
    return version("c2pa-python")


@cache
def native_version() -> str:
    """Which version of the native library does the package carry?"""
    return str(c2pa.sdk_version())


@cache
def _self_test() -> None:
    """Refuse to work with an engine that misreads what we know.

    Raises:
        EngineUnsafeError: Naming the sample, what was expected, what came.
    """
    context = c2pa.Context.from_dict(engine_settings())
    folder = resources.files("provenance.credentials") / "samples"
    good = _read(context, io.BytesIO((folder / "good.jpg").read_bytes()), "image/jpeg")
    if not (
        good.state is EngineState.MANIFEST
        and good.succeeded("claimSignature.validated")
        and good.succeeded("assertion.dataHash.match")
        and not good.failures
    ):
        raise EngineUnsafeError(
            "engine self-test, good sample: expected a valid signature and a matching hash, "
            f"got {good.state} {[s.code for s in good.failures]} {good.message}"
        )
    bad = _read(context, io.BytesIO((folder / "bad.jpg").read_bytes()), "image/jpeg")
    if not (bad.state is EngineState.MANIFEST and bad.failed("assertion.dataHash.mismatch")):
        raise EngineUnsafeError(
            "engine self-test, damaged sample: expected assertion.dataHash.mismatch, "
            f"got {bad.state} {[s.code for s in bad.failures]} {bad.message}"
        )
