"""Pictures of every page and verdict, for anybody to look at.

python -m tests.browser.screenshots FOLDER

Korean and English, on a phone in the light and on a tablet in the dark.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

from provenance.signing.dev_agency import create_dev_agency
from tests.factory import pki
from tests.factory.stage import FLAGS, Stage, stage_of

SIZES: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 360), ("dark", 768))
PAGES = {
    "home": "/",
    "learn": "/learn",
    "sites": "/learn/sites",
    "learn-one": "/learn/lookalike",
    "report": "/report",
    "follow": "/report/follow",
    "guidelines": "/guidelines",
    "policies": "/policies",
    "policy": "/policies/intimate-images/1",
    "transparency": "/transparency",
}
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


def take(stage: Stage, out: Path) -> int:
    """Take them all: how many?"""
    pages = {**PAGES, **{f"r-{name}": f"/r/{id_}" for name, id_ in stage.answers.items()}}
    count = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        for language in ("ko", "en"):
            for scheme, width in SIZES:
                context = browser.new_context(
                    locale=language,
                    color_scheme=scheme,
                    viewport={"width": width, "height": 760},
                    base_url=stage.url,
                )
                page = context.new_page()
                for name, path in pages.items():
                    page.goto(path)
                    if name == "r-lookalike":
                        copy = next(iter(stage.files.values())).parent / "copy.jpg"
                        page.locator("#copy-file").set_input_files(copy)
                        page.locator("#slider-row").wait_for()
                    page.evaluate(OPEN_ALL)
                    target = out / f"{name}-{language}-{scheme}-{width}.png"
                    page.screenshot(path=str(target), full_page=True)
                    count += 1
                context.close()
        browser.close()
    return count


def main() -> int:
    """Make the stage, take the pictures, say where they are."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=pki.NOT_BEFORE,
        validity_days=19 * 365,
        authority_validity_days=20 * 365,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        stage_of(Path(folder), agency, agency.signer()) as stage,
    ):
        count = take(stage, out)
    sys.stdout.write(f"{count} pictures in {out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
