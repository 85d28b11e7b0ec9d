"""The pictures of growth are SVG that any viewer shows."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks.curves.drawing import Curve, Line, draw


def curve(*points: tuple[float, float]) -> Curve:
    return Curve(
        title="Files & more",
        across="files",
        lines=(Line(name="ms", points=points),),
        note="2 cores",
    )


def test_every_point_is_inside_the_picture_and_in_its_order() -> None:
    svg = ET.fromstring(draw(curve((10, 3.0), (100_000, 2.5), (1_000, 3.1))))
    (line,) = svg.iter("{http://www.w3.org/2000/svg}polyline")
    places = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert all(0 <= x <= 640 and 0 <= y <= 360 for x, y in places)
    # What is larger stands higher.
    assert places[2][1] > places[0][1] > places[1][1]
    assert "10,000" in "".join(svg.itertext())


def test_one_point_is_a_curve_too() -> None:
    assert "<circle" in draw(curve((10, 10)))


@pytest.mark.parametrize("points", [(), ((0, 1),), ((1, 0),)])
def test_what_has_no_place_on_it_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="expected points above 0"):
        draw(curve(*points))
