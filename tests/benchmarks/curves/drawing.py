"""A curve as a picture: SVG, with both axes in powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Curve", "Line", "draw"]

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 56, 74
_COLOURS = ("#1f5fa8", "#b4501e", "#3b7d3b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a curve.

    Attributes:
        name: What it shows, with its unit.
        points: Size and value, both above 0.
    """

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What was measured of one thing at several sizes.

    Attributes:
        title: What it shows.
        across: What grows, with its unit.
        lines: What was measured.
        note: On what, and when.
    """

    title: str
    across: str
    lines: tuple[Line, ...]
    note: str


def draw(curve: Curve) -> str:
    """The curve as an SVG document that needs no font, script or style of others.

    Raises:
        ValueError: There is no point to draw, or one is not above 0.
    """
    points = [point for line in curve.lines for point in line.points]
    if not points or any(x <= 0 or y <= 0 for x, y in points):
        raise ValueError(f"{curve.title}: expected points above 0, got {points}")
    across = _decades([x for x, _ in points])
    up = _decades([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (_WIDTH - _LEFT - _RIGHT) * _share(x, across),
            _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * _share(y, up),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f'<g font-family="sans-serif"><title>{escape(curve.title)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 22, curve.title, size=15),
    ]
    for power in range(across[0], across[1] + 1):
        x, bottom = place(10.0**power, 10.0 ** up[0])
        parts.append(_rule(x, _TOP, x, bottom))
        parts.append(_text(x, bottom + 17, _number(power), anchor="middle"))
    for power in range(up[0], up[1] + 1):
        left, y = place(10.0 ** across[0], 10.0**power)
        parts.append(_rule(left, y, _WIDTH - _RIGHT, y))
        parts.append(_text(left - 8, y + 4, _number(power), anchor="end"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(_text(middle, _HEIGHT - _BOTTOM + 36, curve.across, anchor="middle"))
    parts.append(_text(_LEFT, _HEIGHT - 12, curve.note, size=11, colour="#555555"))
    for number, line in enumerate(curve.lines):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [place(x, y) for x, y in sorted(line.points)]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(_text(_LEFT + 200 * number, 42, line.name, colour=colour))
    return "\n".join([*parts, "</g></svg>\n"])


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around these values; never the same twice."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _share(value: float, decades: tuple[int, int]) -> float:
    return (math.log10(value) - decades[0]) / (decades[1] - decades[0])


def _number(power: int) -> str:
    if power >= 6:
        return f"{10 ** (power - 6):,} M"
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    colour: str = "#222222",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        'stroke="#dddddd" stroke-width="1"/>'
    )
