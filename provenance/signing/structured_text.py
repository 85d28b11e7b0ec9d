"""A YAML or JSON document as plain values, and on which line each of them stands.

Every plain value is text: whether `1.10` is a version or a number, and `NO` a country
or a refusal, is for the schema to say and not for the notation. Only `null`, `~` and
nothing at all are none, and `true` and `false` are themselves.

Spec: YAML 1.2.2 (events are read, nothing is constructed); RFC 8259.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from provenance.errors import ReleaseError

__all__ = ["Place", "StructuredText", "parse_json", "parse_yaml"]

Place = tuple[str | int, ...]
"""Where a value is: names of members and positions in lists, from the top."""

# Above what the largest sensible document needs; a folder of files is stated by a pattern.
_MAX_VALUES = 200_000
_MAX_DEPTH = 24
_MAX_MEMBERS = 1_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NONE = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "false": False, "False": False}


@dataclass(frozen=True, slots=True)
class StructuredText:
    """A parsed document.

    Attributes:
        value: Maps, lists, text, `None` and booleans, nested.
        lines: The line (from 1) on which each value begins, where that is known.
    """

    value: Any
    lines: dict[Place, int] = field(default_factory=dict, repr=False)

    def line_of(self, place: Place) -> int | None:
        """On which line does this value begin, or what it would stand in?"""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None


def parse_yaml(text: str, *, where: str) -> StructuredText:
    """What does this YAML document say?

    Anchors and aliases (a few lines of them can stand for gigabytes), tags, keys that are
    no text or stand twice, and a second document are refused.

    Raises:
        ReleaseError: Not YAML of this kind, or larger or deeper than allowed; names the line.
    """
    try:
        return _Builder(where).build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise _refused(where, line, f"expected YAML: {_one_line(error.problem)}") from error
    except (yaml.YAMLError, UnicodeEncodeError, RecursionError) as error:
        raise _refused(where, None, f"expected YAML: {_one_line(error)}") from error


def parse_json(text: str, *, where: str) -> StructuredText:
    """What does this JSON document say? Its lines are not known.

    Raises:
        ReleaseError: Not JSON, a name stands twice in one object, or it is larger or
            deeper than allowed.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=str,
            parse_float=str,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise _refused(where, error.lineno, f"expected JSON: {error.msg.lower()}") from error
    except (ValueError, RecursionError) as error:
        raise _refused(where, None, f"expected JSON: {_one_line(error)}") from error
    _check_size(value, where)
    return StructuredText(value)


def _refused(where: str, line: int | None, why: str) -> ReleaseError:
    return ReleaseError(f"{where}: line {line}: {why}" if line else f"{where}: {why}")


def _one_line(said: object) -> str:
    return " ".join(str(said).split())[:200]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice[:60]!r} stands twice in one object")
    return found


def _check_size(value: Any, where: str) -> None:
    count = 0
    open_ = [(value, 0)]
    while open_:
        item, depth = open_.pop()
        count += 1
        inner = (
            list(item.values())
            if isinstance(item, dict)
            else item
            if isinstance(item, list)
            else ()
        )
        if isinstance(item, dict) and len(item) > _MAX_MEMBERS:
            raise _refused(where, None, f"expected {_MAX_MEMBERS} members at most in one object")
        if inner and depth >= _MAX_DEPTH:
            raise _refused(where, None, f"nested deeper than {_MAX_DEPTH} levels")
        count += len(inner)
        if count > _MAX_VALUES:
            raise _refused(where, None, f"expected {_MAX_VALUES} values at most")
        open_ += [(entry, depth + 1) for entry in inner if isinstance(entry, (dict, list))]


@dataclass(slots=True)
class _Open:
    """A list or map that has not ended yet; `key` is that of the value to come."""

    container: list[Any] | dict[str, Any]
    place: Place
    key: str | None = None


class _Builder:
    """Builds values from the parser's events, in one loop and without recursion."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._open: list[_Open] = []
        self._lines: dict[Place, int] = {}
        self._count = 0
        self._documents = 0
        self._value: Any = None

    def build(self, events: Iterator[Any]) -> StructuredText:
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise _refused(self._where, line, "expected one document, got a second")
            elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _refused(self._where, line, "anchors and aliases are not allowed here")
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event, line)
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                self._start([] if isinstance(event, yaml.SequenceStartEvent) else {}, event, line)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self._open.pop()
        return StructuredText(self._value, self._lines)

    def _check_plain(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag != "!":
            raise _refused(self._where, line, f"tags such as {event.tag[:40]!r} are not allowed")

    def _start(self, container: list[Any] | dict[str, Any], event: Any, line: int) -> None:
        self._check_plain(event, line)
        if len(self._open) >= _MAX_DEPTH:
            raise _refused(self._where, line, f"nested deeper than {_MAX_DEPTH} levels")
        place = self._add(container, line)
        self._open.append(_Open(container, place))

    def _scalar(self, event: Any, line: int) -> None:
        self._check_plain(event, line)
        text: str = event.value
        here = self._open[-1] if self._open else None
        if here is not None and isinstance(here.container, dict) and here.key is None:
            if text in here.container:
                raise _refused(self._where, line, f"{text[:60]!r} stands twice in one map")
            if len(here.container) >= _MAX_MEMBERS:
                raise _refused(
                    self._where, line, f"expected {_MAX_MEMBERS} members at most in one map"
                )
            here.key = text
            self._lines[(*here.place, text)] = line
            return
        plain = event.style in {None, ""}
        if plain and text in _NONE:
            self._add(None, line)
        else:
            self._add(_BOOLS.get(text, text) if plain else text, line)

    def _add(self, value: Any, line: int) -> Place:
        """Put a value where it belongs, and say where that is."""
        self._count += 1
        if self._count > _MAX_VALUES:
            raise _refused(self._where, line, f"expected {_MAX_VALUES} values at most")
        if not self._open:
            self._value = value
            self._lines[()] = line
            return ()
        here = self._open[-1]
        if isinstance(here.container, list):
            place = (*here.place, len(here.container))
            here.container.append(value)
            self._lines[place] = line
            return place
        if here.key is None:
            raise _refused(self._where, line, "expected text as the name of a member")
        place = (*here.place, here.key)
        here.container[here.key] = value
        here.key = None
        return place
