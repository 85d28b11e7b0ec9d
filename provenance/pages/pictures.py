"""Small pictures made for a report: the code with its link, and a badge without scripts."""

from __future__ import annotations

from html import escape
from io import BytesIO

import segno

from provenance.columns import display_width
from provenance.verdict import Verdict

__all__ = ["badge_svg", "qr_svg"]

# Background, ink: 7:1 and more. The words say it; colour only helps to find it.
_COLOURS = {
    Verdict.OFFICIAL: ("#e2f3f1", "#0b4f4a"),
    Verdict.ALTERED: ("#fbe9e7", "#7a1f13"),
    Verdict.OFFICIAL_WITHDRAWN: ("#fdf0d5", "#5c3d00"),
    Verdict.LOOKALIKE: ("#fdf0d5", "#5c3d00"),
    Verdict.UNDETERMINED: ("#fdf0d5", "#5c3d00"),
}
_NEUTRAL = ("#eceff2", "#27313b")
_COLUMN_PX, _PADDING_PX, _HEIGHT_PX = 7.7, 14, 32


def qr_svg(address: str) -> bytes:
    """Which QR code (ISO/IEC 18004) leads to this address?"""
    written = BytesIO()
    segno.make(address, error="m", micro=False).save(
        written, kind="svg", scale=5, border=4, dark="#000", light="#fff"
    )
    return written.getvalue()


def badge_svg(verdict: Verdict, label: str, *, test: bool) -> str:
    """Which picture says a verdict in a few words?

    It proves nothing, since anybody can draw it: it is for linking to the answer.
    """
    text = f"TEST. {label}" if test else label
    paper, ink = _COLOURS.get(verdict, _NEUTRAL)
    width = round(display_width(text) * _COLUMN_PX + 2 * _PADDING_PX)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT_PX}" '
        f'viewBox="0 0 {width} {_HEIGHT_PX}" role="img"><title>{escape(text)}</title>'
        f'<rect x="1" y="1" width="{width - 2}" height="{_HEIGHT_PX - 2}" rx="6" fill="{paper}" '
        f'stroke="{ink}" stroke-width="1.5"/>'
        f'<text x="{width / 2:g}" y="21" text-anchor="middle" fill="{ink}" '
        f'font-family="system-ui, sans-serif" font-size="14" font-weight="600" '
        f'textLength="{width - 2 * _PADDING_PX}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text></svg>\n"
    )
