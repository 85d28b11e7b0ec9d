"""A report's history as a tree of lines: what the file was made from, by whom, with what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from provenance.cli.moments import moment_text
from provenance.cli.terminal import COLUMNS, clipped, printable, quoted, wrap
from provenance.pages.ingredient_tree import Placed, children_of, placed_ingredients
from provenance.report import Action, Ingredient, ManifestFacts, Report
from provenance.verdict import TimeState

__all__ = [
    "STATES",
    "ingredient_title",
    "manifest_lines",
    "render_history",
]

STATES: Mapping[str, str] = {
    "holds": "its credentials hold together",
    "failed": "its credentials do not hold",
    "missing": "its credentials are not there",
    "none": "it had no credentials",
    "unreadable": "its credentials cannot be read",
}
_MAX_ACTIONS = 12
# Deeper ingredients are not indented further: the words need their room.
_MAX_INDENT = 10
_PLAIN_TERM = re.compile(r"[A-Za-z0-9._:+-]{1,60}(/[A-Za-z0-9._+-]{1,60})?")
_TITLE_COLUMNS = 40


def render_history(report: Report) -> str:
    """Which lines draw what the file says of its making?"""
    top = children_of(report.ingredients).get(None)
    bar = "\u2502  " if top else "   "
    title = report.manifest.title if report.manifest else None
    named = f", says its title is {_title(title)}" if title else ""
    lines = [clipped(f"History of this file{named}", COLUMNS)]
    for text in manifest_lines(report.manifest):
        lines += wrap(text, first=bar, rest=f"{bar}  ")
    if report.manifest is None:
        lines += wrap("It has no credentials that can be read.", first=bar)
    for placed in placed_ingredients(report.ingredients):
        lines += _ingredient_lines(placed)
    return "\n".join(lines)


def _ingredient_lines(placed: Placed) -> Iterator[str]:
    ingredient = placed.ingredient
    deep = len(placed.last) > _MAX_INDENT
    levels = placed.last[:_MAX_INDENT]
    guides = "".join("   " if last else "\u2502  " for last in levels[:-1])
    elbow = "\u2514\u2500 " if levels[-1] else "\u251c\u2500 "
    below = guides + ("   " if levels[-1] else "\u2502  ")
    text_below = below + ("\u2502  " if placed.has_children and not deep else "   ")
    depth = f"(level {len(placed.last)}) " if deep else ""
    yield from wrap(
        f"{depth}{ingredient_title(ingredient)}: {STATES[ingredient.state]}",
        first=guides + elbow,
        rest=f"{text_below}",
    )
    details = []
    if ingredient.agency is not None:
        details.append(f"a release of {printable(ingredient.agency.name)}")
    details += manifest_lines(ingredient.manifest)
    if ingredient.failures:
        details.append(f"failures: {_terms(ingredient.failures)}")
    if ingredient.recorded_failures:
        details.append(f"failures that its user wrote down: {_terms(ingredient.recorded_failures)}")
    for text in details:
        yield from wrap(text, first=text_below, rest=f"{text_below}  ")


def ingredient_title(ingredient: Ingredient) -> str:
    """What is this ingredient called, and how was it used?"""
    kind = f" ({_term(ingredient.media_type)})" if ingredient.media_type else ""
    title = _title(ingredient.title) if ingredient.title else "without a title"
    return f"{_term(ingredient.relationship)} {title}{kind}"


def _title(text: str) -> str:
    return quoted(clipped(printable(text), _TITLE_COLUMNS))


def _term(text: str) -> str:
    """A term of a vocabulary as it is, anything else in quotation marks."""
    return text if _PLAIN_TERM.fullmatch(text) else quoted(text)


def _terms(texts: Sequence[str]) -> str:
    return ", ".join(map(_term, texts))


def manifest_lines(manifest: ManifestFacts | None) -> Iterator[str]:
    """What does a manifest say of itself, a text for each thing?"""
    if manifest is None:
        return
    if manifest.says_signer:
        yield f"signer says {quoted(manifest.says_signer)}"
    if manifest.says_product:
        yield f"product says {quoted(manifest.says_product)}"
    if manifest.signed_at is not None:
        proven = "attested" if manifest.time_state is TimeState.TRUSTED else "claimed, not proven"
        yield f"signed {moment_text(manifest.signed_at)}, {proven}"
    if manifest.kind == "update":
        yield "an update: it adds to the credentials and leaves the content as it is"
    for action in manifest.actions[:_MAX_ACTIONS]:
        yield _action(action)
    if len(manifest.actions) > _MAX_ACTIONS:
        yield f"and {len(manifest.actions) - _MAX_ACTIONS} more actions"


def _action(action: Action) -> str:
    parts = [f"action {_term(action.action)}"]
    if action.when:
        parts.append(f"at {_term(action.when)}")
    if action.software:
        parts.append(f"with {quoted(action.software)}")
    if action.digital_source_type:
        # The last part of the vocabulary's URI is the term.
        parts.append(f"source type {_term(action.digital_source_type.rpartition('/')[2])}")
    if action.description:
        parts.append(f"says {quoted(action.description)}")
    if not action.created:
        parts.append("(gathered, the product does not vouch for it)")
    return " ".join(parts)
