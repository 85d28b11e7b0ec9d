from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.cli.graph_svg import graph_svg
from provenance.report import Ingredient, Report

MakeReport = Callable[..., Report]
SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {SVG + tag for tag in ("svg", "title", "desc", "style", "rect", "g", "text", "path")}


def ingredient(number: int, parent: int | None = None, **fields: Any) -> Ingredient:
    whole = {"depth": 1, "relationship": "componentOf", "title": f"part {number}", "state": "holds"}
    return Ingredient(id=number, parent=parent, **{**whole, **fields})


def boxes(document: Element) -> list[Element]:
    return [r for r in document.iter(SVG + "rect") if "box" in r.get("class", "")]


def test_a_box_for_the_file_and_each_ingredient_and_a_line_to_each(
    make_report: MakeReport,
) -> None:
    report = make_report(ingredients=(ingredient(0), ingredient(1), ingredient(2, 0)))
    document = fromstring(graph_svg(report, name="stage.jpg"))
    assert len(boxes(document)) == 4
    assert len(list(document.iter(SVG + "path"))) == 3
    assert document.findtext(SVG + "title") == "History of stage.jpg"
    assert document.findtext(SVG + "desc") == f"{report.summary} 3 ingredients drawn."


def test_boxes_of_one_layer_do_not_overlap(make_report: MakeReport) -> None:
    parts = [ingredient(0), ingredient(1), ingredient(2)]
    parts += [ingredient(n, n % 3) for n in range(3, 12)]
    placed = {
        (float(r.get("x", "")), float(r.get("y", "")), float(r.get("width", "")))
        for r in boxes(fromstring(graph_svg(make_report(ingredients=tuple(parts)), name="x")))
    }
    assert len(placed) == 13
    rows: dict[float, list[float]] = {}
    for x, y, _ in placed:
        rows.setdefault(y, []).append(x)
    for row in rows.values():
        row.sort()
        assert all(b - a >= 300 for a, b in pairwise(row))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_no_text_of_a_stranger_becomes_markup(make_report: MakeReport, text: str) -> None:
    hostile = f"</text><script>alert(1)</script>{text}]]>&#0;\" onload='x"
    report = make_report(ingredients=(ingredient(0, title=hostile, relationship=hostile),))
    document = fromstring(graph_svg(report, name=hostile))
    assert {element.tag for element in document.iter()} <= ALLOWED
    names = {name for element in document.iter() for name in element.attrib}
    assert not any(name.lower().startswith("on") or "href" in name.lower() for name in names)


def test_nothing_outside_is_referred_to(make_report: MakeReport) -> None:
    text = graph_svg(make_report(), name="x").replace("http://www.w3.org/2000/svg", "")
    assert not any(word in text for word in ("http", "url(", "@import", "script", "<!"))
    assert "prefers-color-scheme: dark" in text


def test_long_texts_and_long_histories_are_cut(make_report: MakeReport) -> None:
    parts = tuple(ingredient(n, title="x" * 5000) for n in range(1000))
    text = graph_svg(make_report(ingredients=parts), name="y" * 5000)
    assert len(boxes(fromstring(text))) == 201
    assert "800 more ingredients are not drawn" in text
    assert len(text) < 400_000


def test_a_trial_says_test(make_report: MakeReport) -> None:
    assert "TEST: judged with" in graph_svg(make_report(test=True), name="x")
