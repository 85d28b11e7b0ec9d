"""Reading a release manifest: YAML or JSON, with errors that say where in it they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from provenance.atomic_files import read_bounded
from provenance.errors import ConfigurationError, ReleaseError
from provenance.signing.release_model import Release
from provenance.signing.structured_text import Place, StructuredText, parse_json, parse_yaml
from provenance.untrusted import clean_text

__all__ = ["LoadedRelease", "Release", "load_release", "parse_release"]

_MAX_BYTES = 4 * 1024 * 1024
_MAX_PROBLEMS = 10
_MAX_SHOWN_CHARS = 60

# Pydantic's words, where a person at a desk needs others.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "expected text",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "model_type": "expected a map",
    "model_attributes_type": "expected a map",
    "dict_type": "expected a map",
    "tuple_type": "expected a list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRelease:
    """A release manifest together with where it came from.

    Attributes:
        document: What it says.
        sha256: Digest of the bytes it was read from.
        folder: The folder that its paths start from, resolved.
        path: The manifest itself, resolved.
    """

    document: Release
    sha256: str
    folder: Path
    path: Path


def load_release(path: str | os.PathLike[str]) -> LoadedRelease:
    """Which release does this manifest describe?

    A name that ends in `.json` is JSON, any other YAML.

    Raises:
        ReleaseError: Not readable, too large, or not a release manifest. The message has
            one line for each problem, with its place and, in YAML, its line.
    """
    try:
        data = read_bounded(Path(path), _MAX_BYTES)
        resolved = Path(path).resolve(strict=True)
    except ConfigurationError as error:
        raise ReleaseError(str(error)) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise ReleaseError(f"{path}: cannot be read: {error}") from error
    try:
        str(resolved).encode()
    except UnicodeEncodeError as error:
        # A plan names it.
        raise ReleaseError(f"{path}: expected a path that is UTF-8") from error
    document = parse_release(data, where=str(path), json=resolved.suffix.lower() == ".json")
    return LoadedRelease(
        document=document,
        sha256=hashlib.sha256(data).hexdigest(),
        folder=resolved.parent,
        path=resolved,
    )


def parse_release(data: bytes, *, where: str, json: bool = False) -> Release:
    """Which release do these bytes describe?

    Args:
        data: The document, UTF-8.
        where: What to call it in messages.
        json: Whether it is JSON; else YAML.

    Raises:
        ReleaseError: It is none; says where and why.
    """
    if len(data) > _MAX_BYTES:
        raise ReleaseError(f"{where}: {len(data)} bytes, expected {_MAX_BYTES} at most")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReleaseError(f"{where}: line {line}: expected UTF-8") from error
    parsed = (parse_json if json else parse_yaml)(text, where=where)
    if not isinstance(parsed.value, dict):
        raise ReleaseError(f"{where}: expected a map with schema_version, agency, files and more")
    try:
        return Release.model_validate(parsed.value)
    except ValidationError as error:
        raise ReleaseError(*_problems(error, parsed, where)) from error


def _problems(error: ValidationError, parsed: StructuredText, where: str) -> Iterator[str]:
    found = []
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    # A list of which no entry is right is also said to be too short.
    deeper = {one["loc"][:end] for one in problems for end in range(len(one["loc"]))}
    problems = [p for p in problems if p["type"] != "too_short" or p["loc"] not in deeper]
    for one in problems:
        place, value = _place(one["loc"], parsed.value)
        # A rule about the whole document names the place itself.
        line = parsed.line_of(place) if place else None
        parts = (f"line {line}" if line else "", _path(place), _words(one, value))
        # What was typed may hold line breaks, and would be read as another problem.
        found.append((line or 0, clean_text(": ".join(filter(None, parts)), max_chars=1_000)))
    for _, problem in sorted(found, key=lambda entry: entry[0])[:_MAX_PROBLEMS]:
        yield f"{where}: {problem}"
    if len(found) > _MAX_PROBLEMS:
        yield f"{where}: and {len(found) - _MAX_PROBLEMS} more problems"


def _place(loc: Place, value: Any) -> tuple[Place, Any]:
    """Where is this in the document as it was written, and what stands there?

    Shorter forms are written out before they are checked, which adds steps to a place.
    """
    place: list[str | int] = []
    for step in loc:
        inside = (isinstance(value, list) and isinstance(step, int) and step < len(value)) or (
            isinstance(value, Mapping) and step in value
        )
        if inside:
            value = value[step]
        elif isinstance(step, int) or not isinstance(value, Mapping):
            continue
        else:
            value = None
        place.append(step)
    return tuple(place), value


def _path(place: Place) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:_MAX_SHOWN_CHARS]}"
    return text.removeprefix(".")


def _words(problem: Mapping[str, Any], value: Any) -> str:
    words = _WORDS.get(problem["type"])
    if words is None:
        said: str = problem["msg"].removeprefix("Value error, ")
        if said.startswith("Input should be"):
            said = said.replace("Input should be", "expected", 1)
        words = said[:1].lower() + said[1:] if said[1:2].islower() else said
    if isinstance(value, str) and problem["type"] not in {"extra_forbidden", "missing"}:
        shown = value if len(value) <= _MAX_SHOWN_CHARS else value[:_MAX_SHOWN_CHARS] + "\u2026"
        words += f", got {shown!r}"
    return words
