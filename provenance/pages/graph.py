"""A history drawn as boxes in layers: SVG without scripts or references.

What stands in the boxes is a stranger's text. It is cleaned, cut and escaped
here, because the picture may end up in a web page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from provenance.columns import clipped, printable
from provenance.pages.ingredient_tree import Placed, placed_ingredients
from provenance.report import Ingredient, Report

__all__ = ["Words", "draw_graph"]

_BOX_WIDTH, _BOX_HEIGHT = 300, 92
_GAP_X, _GAP_Y = 24, 48
_MARGIN = 24
_LINE_COLUMNS = 36
_MAX_BOXES = 200
_MAX_TEXT = 400

_STYLE = """
.page { fill: #ffffff }
.box { fill: #f4f6f8; stroke: #5b6672; stroke-width: 1.5 }
.file { stroke-width: 3 }
.doubt { stroke-dasharray: 6 4 }
.edge { fill: none; stroke: #5b6672; stroke-width: 1.5 }
text { font: 13px system-ui, sans-serif; fill: #1b2127 }
.name { font-weight: 600 }
.test { font-weight: 700; fill: #8a4b00 }
@media (prefers-color-scheme: dark) {
  .page { fill: #14181c }
  .box { fill: #232a31; stroke: #9aa7b4 }
  .edge { stroke: #9aa7b4 }
  text { fill: #e8edf2 }
  .test { fill: #ffc46b }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the drawing says, in whichever language.

    Attributes:
        title: Its name.
        description: What it shows, by how many boxes are below the first.
        notes: What stands above it, as text and class (`test` or `note`), by how many
            ingredients are not drawn.
        file: Lines in the box of the file; at most four are shown.
        ingredient: Lines in the box of an ingredient.
    """

    title: str
    description: Callable[[int], str]
    notes: Callable[[int], Iterator[tuple[str, str]]]
    file: Sequence[str]
    ingredient: Callable[[Ingredient], Iterator[str]]


@dataclass(frozen=True, slots=True)
class _Box:
    """One node: its place in units of boxes, its lines, and what it hangs below."""

    column: float
    layer: int
    lines: tuple[str, ...]
    parent: int | None
    kind: str


def draw_graph(report: Report, words: Words) -> str:
    """Which SVG document draws what the file was made from?"""
    shown, boxes = _lay_out(report, words)
    hidden = len(report.ingredients) - shown
    width = int(max(box.column for box in boxes) * (_BOX_WIDTH + _GAP_X)) + _BOX_WIDTH
    height = (max(box.layer for box in boxes) + 1) * (_BOX_HEIGHT + _GAP_Y) - _GAP_Y
    notes = list(words.notes(hidden))
    top = _MARGIN + 20 * len(notes)
    across, down = width + 2 * _MARGIN, top + height + _MARGIN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}" '
            f'width="{across}" height="{down}" role="img" aria-labelledby="title desc">'
        ),
        f'<title id="title">{_safe(words.title)}</title>',
        f'<desc id="desc">{_safe(words.description(len(boxes) - 1))}</desc>',
        f"<style>{_STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>',
    ]
    for number, (note, kind) in enumerate(notes):
        parts.append(
            f'<text class="{kind}" x="{_MARGIN}" y="{_MARGIN + 20 * number}">{_safe(note)}</text>'
        )
    parts.append(f'<g transform="translate({_MARGIN} {top})">')
    parts += _edges(boxes)
    parts += _drawn(boxes)
    parts += ["</g>", "</svg>", ""]
    return "\n".join(parts)


def _safe(text: str, limit: int = _MAX_TEXT) -> str:
    """A stranger's text for XML: no control characters, cut, escaped."""
    return escape(printable(text[:limit]))


def _lay_out(report: Report, words: Words) -> tuple[int, list[_Box]]:
    """Place leaves side by side and everything else above the middle of what it has."""
    placed: list[Placed] = []
    for entry in placed_ingredients(report.ingredients):
        if len(placed) == _MAX_BOXES:
            break
        placed.append(entry)
    drawn = {entry.ingredient.id for entry in placed}
    children: dict[int | None, list[int]] = {}
    for entry in placed:
        children.setdefault(entry.ingredient.parent, []).append(entry.ingredient.id)
    columns: dict[int | None, float] = {}
    leaves = iter(range(len(placed) + 1))
    # In the order of the tree, so that leaves stand in the order of their branches;
    # then from the last to the first, so that what is below has its place already.
    for entry in placed:
        if entry.ingredient.id not in children:
            columns[entry.ingredient.id] = next(leaves)
    for identity in [*(entry.ingredient.id for entry in reversed(placed)), None]:
        below = [columns[child] for child in children.get(identity, ())]
        if below:
            columns[identity] = (below[0] + below[-1]) / 2
    number_of = {entry.ingredient.id: i for i, entry in enumerate(placed, 1)}
    boxes = [_Box(columns.get(None, 0.0), 0, tuple(words.file), None, "file")]
    for entry in placed:
        ingredient = entry.ingredient
        above = 0 if ingredient.parent is None else number_of[ingredient.parent]
        doubtful = ingredient.state != "holds" or bool(ingredient.recorded_failures)
        boxes.append(
            _Box(
                columns[ingredient.id],
                len(entry.last),
                tuple(words.ingredient(ingredient)),
                above,
                "doubt" if doubtful else "",
            )
        )
    return len(drawn), boxes


def _edges(boxes: Sequence[_Box]) -> Iterator[str]:
    for box in boxes[1:]:
        above = boxes[box.parent or 0]
        x1, y1 = _left(above) + _BOX_WIDTH / 2, _top(above) + _BOX_HEIGHT
        x2, y2 = _left(box) + _BOX_WIDTH / 2, _top(box)
        middle = (y1 + y2) / 2
        yield (
            f'<path class="edge" d="M{x1:g} {y1:g} C{x1:g} {middle:g} {x2:g} {middle:g} '
            f'{x2:g} {y2:g}"/>'
        )


def _left(box: _Box) -> float:
    return box.column * (_BOX_WIDTH + _GAP_X)


def _top(box: _Box) -> float:
    return box.layer * (_BOX_HEIGHT + _GAP_Y)


def _drawn(boxes: Sequence[_Box]) -> Iterator[str]:
    for box in boxes:
        x, y = _left(box), _top(box)
        # The whole text of a box that had to cut it shows under the pointer.
        yield f"<g><title>{_safe('; '.join(box.lines))}</title>"
        yield (
            f'<rect class="{f"box {box.kind}".rstrip()}" x="{x:g}" y="{y:g}" '
            f'width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="8"/>'
        )
        for number, line in enumerate(box.lines[:4]):
            kind = ' class="name"' if number == 0 else ""
            shown = clipped(printable(line[:_MAX_TEXT]), _LINE_COLUMNS)
            yield f'<text{kind} x="{x + 12:g}" y="{y + 24 + 19 * number:g}">{escape(shown)}</text>'
        yield "</g>"
