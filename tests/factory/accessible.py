"""Whether anybody can use a page: what axe finds, and what does not fit on a screen."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

__all__ = ["NARROW", "OPEN_ALL", "barriers"]

NARROW: ViewportSize = {"width": 320, "height": 700}
_WIDTHS = (320, 768, 1280)
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# The dark differs by its colours alone.
_IN_THE_DARK = "axe.run({ runOnly: ['color-contrast'] })"
_WIDEST = "document.documentElement.scrollWidth"


def barriers(page: Page) -> list[tuple[str, ...]]:
    """What keeps somebody from using this page, everything on it unfolded.

    Every rule of WCAG 2.2 AA and axe's best practice on a narrow screen in the light,
    contrast in the dark, and what is wider than a narrow, a middling or a wide screen.
    No style depends on the width, so more of axe's rules at other widths would find the same.

    Args:
        page: As it was opened, [NARROW][tests.factory.accessible.NARROW] and with motion
            reduced. It is left narrow and in the light.
    """
    page.evaluate(OPEN_ALL)
    found = [("light", one) for one in Axe().run(page, options=_RULES).response["violations"]]
    page.emulate_media(color_scheme="dark")
    found += [("dark", one) for one in page.evaluate(_IN_THE_DARK)["violations"]]
    page.emulate_media(color_scheme="light")
    told = [
        (scheme, one["id"], *[node["html"][:160] for node in one["nodes"]]) for scheme, one in found
    ]
    for width in _WIDTHS:
        page.set_viewport_size({"width": width, "height": NARROW["height"]})
        wide = page.evaluate(_WIDEST)
        if wide > width:
            told.append(("overflow", f"{wide} of {width} px"))
    page.set_viewport_size(NARROW)
    return told
