"""A message before it has a language: its key, and what goes into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from provenance.report import AgencyRef

__all__ = ["Message", "Quoted", "Value", "say"]


@dataclass(frozen=True, slots=True)
class Quoted:
    """A stranger's text. It is shown in quotation marks, and never as our own words."""

    text: str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said, in whichever language.

    Attributes:
        key: Its entry in the catalogues.
        values: What stands in its places. An agency is named as the directory
            names it in the reader's language; a title is taken by language.
        count: Of a message with a plural.
    """

    key: str
    values: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    count: int | None = None


Value: TypeAlias = str | int | datetime | AgencyRef | Quoted | Message | Mapping[str, str]


def say(key: str, /, count: int | None = None, **values: Value) -> Message:
    """Make a message of this key."""
    return Message(key, MappingProxyType(values), count)
