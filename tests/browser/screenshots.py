"""Pictures of every page, verdict and seat of the console, for anybody to look at.

python -m tests.browser.screenshots FOLDER

Korean and English, on a phone in the light and on a tablet in the dark.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from provenance.moderation.vocabulary import Category
from provenance.runtime.clock import system_clock
from provenance.signing.dev_agency import create_dev_agency
from provenance.verdict import Verdict
from tests.factory import pki
from tests.factory.accessible import OPEN_ALL
from tests.factory.console import Console, console_on, keep_busy, keeping_policies
from tests.factory.stage import CHROMIUM, FLAGS, Stage, stage_of

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


def seats_of(stage: Stage, console: Console) -> dict[str, dict[str, str]]:
    """Pages of the console, by who sees them."""
    data = stage.files[Verdict.LOOKALIKE].read_bytes()
    lookalike = console.case_of_file(data, "https://video.example/lookalike")
    claimed = console.claimed("https://video.example/claimed", "ro-reviewer")
    restricted = console.case("https://video.example/restricted", Category.CHILD_SAFETY)
    case, notice = keep_busy(console)
    console.desks.audit.close_days(now=system_clock() + timedelta(days=1))
    return {
        "ro-reviewer": {
            "mod-queue": "/mod",
            "mod-case": f"/mod/cases/{lookalike}",
            "mod-decide": f"/mod/cases/{claimed}/decide?policy=impersonation@1",
            "mod-help": "/mod/help",
        },
        "sun-senior": {
            "mod-restricted": f"/mod/cases/{restricted}",
            "mod-appeals": "/mod/appeals",
            "mod-blocklist": "/mod/blocklist",
            "mod-messages": "/mod/messages",
        },
        "lee-legal": {
            "mod-legal": f"/mod/cases/{case}",
            "mod-notice-form": f"/mod/cases/{case}/notice",
            "mod-notice": f"/mod/cases/{case}/notices/{notice}",
            "mod-audit": "/mod/audit",
        },
        "aud-auditor": {"mod-audit-check": "/mod/audit/check"},
    }


def take(stage: Stage, console: Console, out: Path) -> int:
    """Take them all: how many?"""
    filed = console.file("https://video.example/public")
    decided, _ = console.decided("https://video.example/decided", "rae-reviewer")
    who = console.reviewer("rae-reviewer")
    decision = console.desks.cases.get(decided, who, now=system_clock()).decisions[-1].id
    pages = {
        **PAGES,
        "decision": f"/decisions/{decision}",
        **{f"r-{name}": f"/r/{id_}" for name, id_ in stage.answers.items()},
    }
    seats = seats_of(stage, console)
    count = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
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
                    count += shot(page, out / f"{name}-{language}-{scheme}-{width}.png")
                page.goto("/report/follow")
                page.locator("#ref").fill(filed.complaint.ref)
                page.locator("#pin").fill(filed.pin or "")
                page.locator("main form button").click()
                count += shot(page, out / f"followed-{language}-{scheme}-{width}.png")
                for name, seat in seats.items():
                    token = console.members[name].begun.token
                    context.clear_cookies()
                    context.add_cookies([{"name": "staff", "value": token, "url": stage.url}])
                    for kind, path in seat.items():
                        page.goto(path)
                        count += shot(page, out / f"{kind}-{language}-{scheme}-{width}.png")
                context.close()
        browser.close()
    return count


def shot(page: Page, target: Path) -> int:
    """Take one picture, with all that folds open."""
    page.evaluate(OPEN_ALL)
    page.screenshot(path=str(target), full_page=True)
    return 1


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
        stage_of(
            Path(folder),
            agency,
            agency.signer(),
            service_policies=str(keeping_policies(Path(folder))),
        ) as stage,
        console_on(stage.service) as console,
    ):
        count = take(stage, console, out)
    sys.stdout.write(f"{count} pictures in {out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
