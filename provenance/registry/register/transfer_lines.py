"""The lines of an exported register: JSON, one document a line, always in the same form.

    {"register": {"v": 1}}            first
    {"manifest": {...}}               a manifest store, before what states it
    {"file": {...}}                   what is kept of a file, before the change that states it
    {"reference": {...}}              of that file
    {"change": {...}}                 a signed statement, when it was taken, where logs have it
    {"storer": {...}}                 who else put a manifest in without a statement
    {"binding": {...}}                a soft binding that was added later
    {"negative": {...}}               a code that counts for nothing
    {"end": {"changes": N}}           last; without it, something is missing

Whoever reads it checks every signature, and every manifest by the digest that is signed.
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)

from provenance.errors import MalformedError, RegisterError
from provenance.fingerprints.model import Reference
from provenance.fingerprints.sound import numbers_from
from provenance.registry.log.statement import Sha256, canonical_json, validation_text

__all__ = [
    "MAX_LINE_BYTES",
    "BindingLine",
    "ChangeLine",
    "EndLine",
    "FileLine",
    "Line",
    "ManifestLine",
    "NegativeLine",
    "Place",
    "ReferenceLine",
    "StartLine",
    "StorerLine",
    "encode_line",
    "means_something",
    "parse_line",
    "reference_of",
]

MAX_LINE_BYTES = 128 * 1024**2
"""More than a manifest store of the largest size makes."""


def _read_bytes(value: object) -> object:
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


def _write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


_Bytes = Annotated[
    bytes, BeforeValidator(_read_bytes), PlainSerializer(_write_bytes, return_type=str)
]
_Count = Annotated[int, Field(ge=0, lt=2**53)]
# Of the year 9999: later ones are no dates.
_LAST_SECOND = 253_402_300_799


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StartLine(_Line):
    """What this is."""

    v: Annotated[int, Field(ge=1, le=1)] = 1


class ManifestLine(_Line):
    """A manifest store.

    Attributes:
        sha256: Of its bytes.
        store: Its bytes.
        stored_by: Where no file refers to it: an agency that put it in. Others that did have
            lines of their own.
    """

    sha256: Sha256
    store: _Bytes
    stored_by: str | None = None


class FileLine(_Line):
    """What is kept of a file, beside what is stated."""

    sha256: Sha256
    title: dict[str, str] = {}
    channels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    codes: _Bytes | None = None
    duration_ms: _Count | None = None


class ReferenceLine(_Line):
    """What confirms a resemblance to a file."""

    sha256: Sha256
    kind: Literal["picture", "features", "sound"]
    data: _Bytes
    at_ms: _Count | None = None
    width: _Count | None = None
    height: _Count | None = None


class Place(_Line):
    """Where a log has a change."""

    origin: str
    entry: _Count
    logged_at: Annotated[int, Field(ge=0, le=_LAST_SECOND)]


class ChangeLine(_Line):
    """A signed statement.

    Attributes:
        signed: Statement and signature, as a log takes them.
        taken_at: When the register took it, in seconds since 1970.
        salt: Under embargo; a secret until the statement is revealed.
        commitment: Likewise: what a log was given.
        places: Where logs have it.
    """

    signed: dict[str, Any]
    taken_at: _Count
    salt: _Bytes | None = None
    commitment: dict[str, Any] | None = None
    places: Annotated[tuple[Place, ...], Field(strict=False)] = ()


class StorerLine(_Line):
    """That an agency put in a manifest, which came before, without stating a file.

    Beside a statement this is told after all changes: until what hides a manifest is there,
    nothing else may show it.
    """

    manifest_sha256: Sha256
    agency: str


class BindingLine(_Line):
    """A soft binding that was added without a statement."""

    algorithm: str
    value: str
    manifest_sha256: Sha256
    added_by: str


class NegativeLine(_Line):
    """A code that counts for nothing."""

    algorithm: str
    bits: _Bytes
    why: str


class EndLine(_Line):
    """That nothing is missing."""

    changes: _Count


Line = (
    StartLine
    | ManifestLine
    | FileLine
    | ReferenceLine
    | ChangeLine
    | StorerLine
    | BindingLine
    | NegativeLine
    | EndLine
)
_NAMES: dict[str, type[Line]] = {
    "register": StartLine,
    "manifest": ManifestLine,
    "file": FileLine,
    "reference": ReferenceLine,
    "change": ChangeLine,
    "storer": StorerLine,
    "binding": BindingLine,
    "negative": NegativeLine,
    "end": EndLine,
}
_NAME_OF = {kind: name for name, kind in _NAMES.items()}


def encode_line(line: Line) -> bytes:
    """How is this written? With the line's end."""
    return (
        canonical_json({_NAME_OF[type(line)]: line.model_dump(mode="json", exclude_none=True)})
        + b"\n"
    )


def parse_line(data: bytes, *, where: str) -> Line:
    """Which line is this?

    Raises:
        RegisterError: None of an exported register.
    """
    try:
        document = json.loads(data)
        ((name, content),) = document.items()
        kind = _NAMES[name]
        return kind.model_validate(content)
    except ValidationError as error:
        raise RegisterError(f"{where}: {validation_text(error)}") from error
    except (ValueError, KeyError, AttributeError, RecursionError) as error:
        raise RegisterError(f"{where}: expected a line of an exported register") from error


def reference_of(line: ReferenceLine) -> Reference:
    """What this line says is kept of a file."""
    return Reference(
        kind=line.kind, data=line.data, at_ms=line.at_ms, width=line.width, height=line.height
    )


def means_something(reference: Reference) -> bool:
    """Can a look for resemblances use it? Of a picture, that shows when it is decoded."""
    try:
        return reference.kind != "sound" or bool(len(numbers_from(reference)))
    except MalformedError:
        return False
