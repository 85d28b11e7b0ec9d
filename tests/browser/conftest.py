"""One service and one browser for all tests of the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.console import Console, console_on, keeping_policies
from tests.factory.stage import CHROMIUM, FLAGS, Stage, stage_of


@pytest.fixture(scope="session")
def stage(
    tmp_path_factory: pytest.TempPathFactory, agency: DevAgency, agency_signer: MemorySigner
) -> Iterator[Stage]:
    """The real service with a file for every verdict."""
    folder: Path = tmp_path_factory.mktemp("pages")
    with stage_of(
        folder,
        agency,
        agency_signer,
        service_policies=str(keeping_policies(folder)),
    ) as running:
        yield running


@pytest.fixture(scope="session")
def console(stage: Stage) -> Iterator[Console]:
    """The staff and the desks of the same service."""
    with console_on(stage.service) as opened:
        yield opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if CHROMIUM is None:
        pytest.fail("Chromium is not installed; `make browser` installs it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser, stage: Stage) -> Iterator[Callable[..., BrowserContext]]:
    """Makes a browser without memory; every request that leaves the service is a failure."""
    made: list[BrowserContext] = []
    strays: list[str] = []

    def make(**options: object) -> BrowserContext:
        fresh = browser.new_context(**{"locale": "en-GB", "base_url": stage.url, **options})  # type: ignore[arg-type]
        fresh.set_default_timeout(20_000)
        fresh.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(
                    (stage.url, "blob:", "data:", "http://localhost:", "http://127.0.0.1:")
                )
                else strays.append(request.url)
            ),
        )
        made.append(fresh)
        return fresh

    yield make
    for used in made:
        used.close()
    assert strays == []
