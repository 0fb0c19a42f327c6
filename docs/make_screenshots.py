"""The pictures of the studio in studio.md, from a real browser: python docs/make_screenshots.py.

Needs playwright, Chromium, and the extra `studio`. Times and errors in the pictures are of the machine that made them.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pandas import DataFrame
from playwright.sync_api import sync_playwright

import edgewise as ew

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = Path(__file__).parent / "pictures"
SIZE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
PATIENCE = 120_000  # milliseconds


def main() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    frame = DataFrame({"x": x[:, 0], "y": x[:, 1], "f": np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)})
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with ew.studio.open("orbits", folder=folder, open_browser=False, wait=False) as studio:
            choose(opened(browser, studio.url))
        session = ew.Session(ew.KAN([2, 2, 1], seed=0), frame[["x", "y"]], frame["f"], target="f").fit()
        with ew.studio.open(session, folder=folder, open_browser=False, wait=False) as studio:
            touch(opened(browser, studio.url))
            rows(opened(browser, studio.url))
            narrow(opened(browser, studio.url, narrow=True))
        with ew.studio.open("orbits", target="period_days", folder=folder, open_browser=False, wait=False) as studio:
            discover(opened(browser, studio.url))
        browser.close()


def opened(browser: Browser, url: str, *, narrow: bool = False) -> Page:
    """Return the page of a studio, in the dark where it is narrow."""
    size = NARROW if narrow else SIZE
    page = browser.new_page(viewport=size, color_scheme="dark" if narrow else "light")  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.wait_for_timeout(1500)
    return page


def choose(page: Page) -> None:
    """The table of orbits, with target and inputs chosen."""
    save(page, "studio_start")


def touch(page: Page) -> None:
    """An edge, the functions that it could become, and one of them drawn over its curve."""
    page.locator(".edge").first.click()
    page.locator(".suggestions button").first.hover()
    page.wait_for_timeout(600)
    save(page, "studio_edge")


def rows(page: Page) -> None:
    """Rows that were chosen in a histogram."""
    page.get_by_role("tab", name="Rows").click()
    page.wait_for_timeout(1000)
    save(page, "studio_rows")


def narrow(page: Page) -> None:
    """The page on a phone, in the dark."""
    save(page, "studio_narrow")


def discover(page: Page) -> None:
    """The front of a discovery, and one of its formulas."""
    page.get_by_role("tab", name="Discover").click()
    page.get_by_role("button", name="Discover formulas").click()
    page.locator(".candidates .best").wait_for()
    page.get_by_role("button", name="Discover formulas").wait_for()  # again: the search is over
    page.locator(".candidates .best").click()
    page.wait_for_timeout(1500)
    save(page, "studio_discover")


def save(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png")
    page.close()


if __name__ == "__main__":
    main()
