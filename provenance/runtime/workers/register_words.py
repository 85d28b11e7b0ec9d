"""How what a register is asked and answers is written between a worker and its parent.

JSON throughout: the other side may be a worker that a hostile file has taken over.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from provenance.errors import RegisterError
from provenance.fingerprints.model import Algorithm, Code, Reference
from provenance.verification.register import (
    BindingMatch,
    RegisteredFile,
    RegisteredManifest,
)

__all__ = [
    "CODES_AT_ONCE",
    "bytes_in",
    "codes_in",
    "codes_out",
    "files_in",
    "files_out",
    "manifests_in",
    "manifests_out",
    "matches_in",
    "matches_out",
    "owned_in",
    "owned_out",
    "reference_in",
    "reference_out",
    "text_of",
]

CODES_AT_ONCE = 4_096
"""Codes in one question: each costs the parent a scan of the register."""

_FILE: TypeAdapter[RegisteredFile] = TypeAdapter(RegisteredFile)


def text_of(data: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(data).decode("ascii")


def bytes_in(text: object) -> bytes:
    """The bytes of such a text.

    Raises:
        RegisterError: It is none.
    """
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RegisterError("register: expected base64 from the other process") from error


def _file_out(file: RegisteredFile) -> dict[str, Any]:
    document: dict[str, Any] = _FILE.dump_python(file, mode="json")
    return document


def _file_in(document: object) -> RegisteredFile:
    try:
        return _FILE.validate_python(document)
    except ValidationError as error:
        raise RegisterError("register: expected a file from the other process") from error


def files_out(files: Sequence[RegisteredFile]) -> list[dict[str, Any]]:
    """Registered files."""
    return [_file_out(file) for file in files]


def files_in(document: Sequence[object]) -> tuple[RegisteredFile, ...]:
    """The same, read."""
    return tuple(_file_in(entry) for entry in document)


def owned_out(files: Mapping[int, RegisteredFile]) -> list[list[Any]]:
    """Registered files by the number of their codes."""
    return [[owner, _file_out(file)] for owner, file in files.items()]


def owned_in(document: Sequence[Sequence[Any]]) -> dict[int, RegisteredFile]:
    """The same, read."""
    return {int(owner): _file_in(file) for owner, file in document}


def manifests_out(manifests: Sequence[RegisteredManifest]) -> list[dict[str, Any]]:
    """Registered manifests."""
    return [
        {"label": entry.label, "store": text_of(entry.store), "file": _file_out(entry.file)}
        for entry in manifests
    ]


def manifests_in(document: Sequence[Mapping[str, Any]]) -> tuple[RegisteredManifest, ...]:
    """The same, read."""
    return tuple(
        RegisteredManifest(
            label=str(entry["label"]),
            store=bytes_in(entry["store"]),
            file=_file_in(entry["file"]),
        )
        for entry in document
    )


def matches_out(matches: Sequence[BindingMatch]) -> list[dict[str, Any]]:
    """Manifests found by a soft binding."""
    return [
        {"manifest": manifests_out([match.manifest])[0], "distance": match.distance}
        for match in matches
    ]


def matches_in(document: Sequence[Mapping[str, Any]]) -> tuple[BindingMatch, ...]:
    """The same, read."""
    return tuple(
        BindingMatch(manifest=manifests_in([entry["manifest"]])[0], distance=int(entry["distance"]))
        for entry in document
    )


def codes_out(codes: Sequence[Code]) -> list[list[Any]]:
    """Codes."""
    return [
        [code.algorithm.value, text_of(code.bits), code.view, code.quality, code.at_ms]
        for code in codes
    ]


def codes_in(document: Sequence[Sequence[Any]]) -> list[Code]:
    """The same, read.

    Raises:
        RegisterError: One of them is none.
    """
    try:
        return [
            Code(
                algorithm=Algorithm(algorithm),
                bits=bytes_in(bits),
                view=str(view),
                quality=int(quality),
                at_ms=None if at_ms is None else int(at_ms),
            )
            for algorithm, bits, view, quality, at_ms in document
        ]
    except (TypeError, ValueError) as error:
        raise RegisterError("register: expected codes from the other process") from error


def reference_out(reference: Reference | None) -> dict[str, Any] | None:
    """What is kept of an asset."""
    if reference is None:
        return None
    return {
        "kind": reference.kind,
        "data": text_of(reference.data),
        "at_ms": reference.at_ms,
        "width": reference.width,
        "height": reference.height,
    }


def reference_in(document: Mapping[str, Any] | None) -> Reference | None:
    """The same, read."""
    if document is None:
        return None
    return Reference(
        kind=document["kind"],
        data=bytes_in(document["data"]),
        at_ms=document["at_ms"],
        width=document["width"],
        height=document["height"],
    )
