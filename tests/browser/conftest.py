"""Chromium for tests marked ``browser`` (``make test-browser``), and a checker of accessibility.

The libraries are imported inside the fixtures: without them, and without a browser, everything else
is collected and runs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
#: A phone of the smaller kind; WCAG 2.2, 1.4.10, asks for 320.
PHONE = {"width": 320, "height": 640}

CheckAccess = Callable[["Page"], Awaitable[list[str]]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A fresh Chromium, the one of this machine."""
    from playwright.async_api import async_playwright

    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert program is not None, f"no browser on PATH: {', '.join(NAMES)} (see `make test-browser`)"
    # Chromium's own sandbox cannot work for root, which CI is.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, args=arguments)
        yield running
        await running.close()


@pytest.fixture
async def phone(browser: Browser) -> Page:
    """A page as wide as a small phone; anything it complains of fails the test."""
    page = await browser.new_page(viewport=PHONE)
    page.set_default_timeout(15_000)
    return page


@pytest.fixture
def access() -> CheckAccess:
    """Runs axe on a page; the ids of the rules that it breaks."""
    from axe_playwright_python.async_playwright import Axe

    async def check(page: Page) -> list[str]:
        result = await Axe().run(page)
        return sorted(one["id"] for one in result.response["violations"])

    return check
