"""A report's history as a picture, in English, for `provenance inspect --svg`."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.cli.history_tree import STATES, ingredient_title
from provenance.cli.moments import moment_text
from provenance.cli.terminal import quoted
from provenance.pages.graph import Words, draw_graph
from provenance.report import Ingredient, Report

__all__ = ["graph_svg"]


def graph_svg(report: Report, *, name: str) -> str:
    """Which SVG document draws what the file was made from?

    Args:
        report: The report.
        name: What to call the file.
    """

    def notes(hidden: int) -> Iterator[tuple[str, str]]:
        if report.test:
            yield "TEST: judged with a directory made for trials", "test"
        if hidden:
            yield f"{hidden} more ingredients are not drawn", "note"

    def description(count: int) -> str:
        return f"{report.summary} {count} ingredient{'' if count == 1 else 's'} drawn."

    return draw_graph(
        report,
        Words(
            title=f"History of {name}",
            description=description,
            notes=notes,
            file=tuple(_file_lines(report, name)),
            ingredient=_ingredient_box_lines,
        ),
    )


def _file_lines(report: Report, name: str) -> Iterator[str]:
    yield name
    yield f"verdict: {report.verdict.value}"
    if report.signer.agency is not None:
        yield f"signer: {report.signer.agency.name}"
    elif report.manifest is not None and report.manifest.says_signer:
        yield f"signer says {quoted(report.manifest.says_signer)}"
    if report.manifest is not None and report.manifest.says_product:
        yield f"product says {quoted(report.manifest.says_product)}"


def _ingredient_box_lines(ingredient: Ingredient) -> Iterator[str]:
    yield ingredient_title(ingredient)
    recorded = ", failures written down" if ingredient.recorded_failures else ""
    yield STATES[ingredient.state] + recorded
    manifest = ingredient.manifest
    if ingredient.agency is not None:
        yield f"release of {ingredient.agency.name}"
    elif manifest is not None and manifest.says_signer:
        yield f"signer says {quoted(manifest.says_signer)}"
    if manifest is not None and manifest.signed_at is not None:
        yield f"{manifest.time_state.value} time {moment_text(manifest.signed_at)}"
