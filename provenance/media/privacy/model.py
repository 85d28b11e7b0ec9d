"""Which private fields a file holds, and what became of each: the results of this package."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from provenance.limits import Limits
from provenance.media.metadata import RawField
from provenance.media.privacy.keeping import is_kept
from provenance.untrusted import clean_text

__all__ = ["Category", "Cleaning", "Edit", "Finder", "Inside", "PrivateField", "PrivateReading"]

_PREVIEW_CHARS = 80
_MAX_FINDS = 2_000


class Category(StrEnum):
    """Why a field is private."""

    POSITION = "position"
    SERIAL_NUMBER = "serial-number"
    OWNER = "owner"
    PREVIEW = "preview"
    HISTORY = "history"
    CONTACT = "contact"
    TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateField:
    """One private field of a file.

    Attributes:
        name: As `extract_metadata` names it where it lists it, `exif:BodySerialNumber`;
            else after the place, `exif:Thumbnail`, `png:prVW`, `trailer`.
        category: Why it is private.
        preview: The start of its value or what it is; untrusted text, cleaned.
        removable: Can it be taken out of a file of this format without re-encoding?
    """

    name: str
    category: Category
    preview: str
    removable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateReading:
    """The private fields of a file, each name once, and what could not be read."""

    fields: tuple[PrivateField, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What was taken out of a copy, what was left in it on request, and did it change?"""

    removed: tuple[PrivateField, ...] = ()
    kept: tuple[PrivateField, ...] = ()
    changed: bool = False


class Edit(NamedTuple):
    """Other bytes, perhaps none, for the bytes `start <= offset < end` of a file."""

    start: int
    end: int
    data: bytes


class Inside(NamedTuple):
    """A file that lies inside another: what its fields are named after, and its bytes.

    Where it is loose, more may follow than belongs to it.
    """

    name: str
    data: bytes
    is_loose: bool = False


class _Budget:
    """How many files inside, of how many bytes, may still be looked into; and their markup.

    Names are kept with what became of them, since the same few come in every drawing.
    """

    __slots__ = ("attributes_left", "bytes_left", "files_left", "names")

    def __init__(self, limits: Limits) -> None:
        self.files_left = limits.max_inside_files
        self.bytes_left = limits.max_inside_total_bytes
        self.attributes_left = limits.max_inside_attributes
        self.names: dict[str, Category | None] = {}


class Finder:
    """Gathers finds, and tells whoever found one whether it is to be erased.

    The same code finds and erases, so that nothing can be found that erasing misses.
    """

    __slots__ = (
        *("_erase", "_fields", "_keep", "_unreadable"),
        *("budget", "depth", "inside", "limits", "values"),
    )

    def __init__(
        self,
        limits: Limits,
        *,
        erase: bool,
        keep: Collection[str] = (),
        within: Finder | None = None,
    ) -> None:
        self.limits = limits
        # A file inside a file draws on the same budget, so that nesting multiplies nothing.
        self.depth: int = 0 if within is None else within.depth + 1
        self.budget: _Budget = _Budget(limits) if within is None else within.budget
        self.inside: list[Inside] = []
        self._erase = erase
        self._keep = tuple(keep)
        self._fields: dict[str, PrivateField] = {}
        self._unreadable: dict[str, None] = {}
        self.values: tuple[RawField, ...] = ()

    def keeps(self, name: str) -> bool:
        """Does the caller want this field to stay?"""
        return is_kept(name, self._keep)

    def found(
        self, name: str, category: Category, preview: str = "", *, removable: bool = True
    ) -> bool:
        """Note a private field. Is it to be erased?"""
        name = clean_text(name, max_chars=160)
        before = self._fields.get(name)
        if before is None and len(self._fields) >= _MAX_FINDS:
            self.unreadable(f"there are more than {_MAX_FINDS} private fields")
            return False
        if before is None or (before.removable and not removable):
            self._fields[name] = PrivateField(
                name=name,
                category=category,
                preview=clean_text(preview, max_chars=_PREVIEW_CHARS),
                removable=removable,
            )
        return self._erase and removable and not self.keeps(name)

    def may_look_into(self, what: str, size_bytes: int) -> bool:
        """May one more file inside of this size be looked into? Where not, it is noted."""
        budget, limits = self.budget, self.limits
        if self.depth >= limits.max_inside_depth:
            why = f"more than {limits.max_inside_depth} files inside each other"
        elif size_bytes > limits.max_inside_bytes:
            why = f"{size_bytes} bytes, expected at most {limits.max_inside_bytes}"
        elif budget.files_left <= 0:
            why = f"there are more than {limits.max_inside_files} files"
        elif size_bytes > budget.bytes_left:
            why = f"the files inside are more than {limits.max_inside_total_bytes} bytes"
        else:
            budget.files_left -= 1
            budget.bytes_left -= size_bytes
            return True
        self.unreadable(f"{what} was not looked into: {why}")
        return False

    def look_inside(self, name: str, data: bytes, *, is_loose: bool = False) -> None:
        """Keep a picture inside the file, to be searched when the file itself was."""
        if self.may_look_into(name, len(data)):
            self.inside.append(Inside(name, data, is_loose))

    def unreadable(self, what: str) -> None:
        """Note what could not be read."""
        if len(self._unreadable) < 100:
            self._unreadable[clean_text(what)] = None

    def take_over(self, reading: PrivateReading) -> None:
        """Note what another finder gathered where nothing can be taken out."""
        for sentence in reading.unreadable:
            self.unreadable(sentence)
        for field in reading.fields:
            self.found(field.name, field.category, field.preview, removable=False)

    def reading(self) -> PrivateReading:
        """What was gathered?"""
        return PrivateReading(
            fields=tuple(self._fields.values()), unreadable=tuple(self._unreadable)
        )
