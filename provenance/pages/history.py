"""A report's history for the page: the picture, and the same as a list of lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provenance.pages.graph import Words, draw_graph
from provenance.pages.ingredient_tree import placed_ingredients
from provenance.report import Ingredient, Report
from provenance.verdict import Verdict
from provenance.wording.catalogue import Wording
from provenance.wording.keys import label_of
from provenance.wording.messages import Message, Quoted, say

__all__ = ["HistoryItem", "history_items", "history_svg"]

_STATES = {
    "holds": "history.holds",
    "failed": "history.failed",
    "missing": "history.missing",
    "none": "history.without",
    "unreadable": "history.unreadable",
}
_MAX_ITEMS = 60
# Deeper ones are not indented further: the words need their room.
_MAX_DEPTH = 5


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One thing the file was made from: what is said of it, and how deep it lies."""

    depth: int
    says: tuple[Message, ...]


def history_items(report: Report) -> tuple[tuple[HistoryItem, ...], int]:
    """What was the file made from, in the tree's order, and how many are left out?"""
    items: list[HistoryItem] = []
    for placed in placed_ingredients(report.ingredients):
        if len(items) == _MAX_ITEMS:
            break
        depth = min(len(placed.last), _MAX_DEPTH)
        items.append(HistoryItem(depth, tuple(_says(placed.ingredient))))
    return tuple(items), len(report.ingredients) - len(items)


def history_svg(report: Report, wording: Wording, *, holds: bool) -> str:
    """Which picture shows what the file was made from?

    Args:
        report: The answer.
        wording: The reader's language.
        holds: Whether it would still be given; if not, nobody is told that the file is official.
    """

    def description(_: int) -> str:
        return wording.text(say("history.count", count=len(report.ingredients)))

    def notes(hidden: int) -> Iterator[tuple[str, str]]:
        if report.test:
            yield wording.text("test.note"), "test"
        if hidden:
            yield wording.text(say("history.more", count=hidden)), "note"

    def lines(ingredient: Ingredient) -> Iterator[str]:
        yield from map(wording.text, _says(ingredient))

    return draw_graph(
        report,
        Words(
            title=wording.text("heading.history"),
            description=description,
            notes=notes,
            file=tuple(_file_lines(report, wording, holds=holds)),
            ingredient=lines,
        ),
    )


def _file_lines(report: Report, wording: Wording, *, holds: bool) -> Iterator[str]:
    yield wording.text("history.file")
    if report.asset.name:
        yield wording.quoted(report.asset.name)
    if not holds:
        yield wording.text("result.outdated")
        return
    yield wording.text(label_of(report.verdict))
    official = report.verdict in {Verdict.OFFICIAL, Verdict.OFFICIAL_WITHDRAWN}
    if official and report.signer.agency is not None:
        yield wording.agency(report.signer.agency)


def _says(ingredient: Ingredient) -> Iterator[Message]:
    if ingredient.title:
        yield say("plain", value=Quoted(ingredient.title))
    else:
        yield say("history.untitled")
    yield say(_STATES[ingredient.state])
    if ingredient.agency is not None:
        yield say("history.release-of", agency=ingredient.agency)
    elif ingredient.manifest is not None and ingredient.manifest.says_signer:
        yield say("result.says", name=Quoted(ingredient.manifest.says_signer))
