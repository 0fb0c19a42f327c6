"""A running studio and a real browser for tests, which name this plugin: `pytest_plugins = ("studio_browser",)`.

They import nothing from here, since pytest does that; sessions and requests are in `studio_requests`.

def test_the_page_has_a_title(open_studio, look):
    page = look(open_studio("orbits", target="period_days"))
    assert page.title() == "edgewise studio"
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import edgewise as ew

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

    from edgewise.studio import Studio

PATIENCE = 5000  # milliseconds that a page may take for one thing


@pytest.fixture
def open_studio(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Return a function that opens a studio, with the arguments of `ew.studio.open`, in an empty folder."""
    with ExitStack() as stack:

        def begin(source: Any = None, **options: Any) -> Studio:
            options = {"folder": tmp_path, "open_browser": False, "wait": False, **options}
            return stack.enter_context(ew.studio.open(source, **options))

        yield begin


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window; without one, tests are skipped."""
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    with sync.sync_playwright() as playwright:
        # Root has no sandbox to run in, which is who runs tests in a container.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the page of a studio: look(studio, width=1280, height=800, dark=False).

    The test fails at its end if the page wrote an error to its console, broke the Content-Security-Policy, raised what
    nothing caught, or asked anything of another place. Answers to asks may be problems.
    """
    problems: list[str] = []
    with ExitStack() as stack:

        def page_of(studio: Studio, width: int = 1280, height: int = 800, dark: bool = False, **options: Any) -> Page:
            scheme: Any = "dark" if dark else "light"
            context = chromium.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True, **options
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.on("console", lambda said: problems.extend(_errors(said)))
            page.on("pageerror", lambda error: problems.append(f"not caught: {error}"))
            page.on("request", lambda asked: problems.extend(_elsewhere(asked, studio.url)))
            page.goto(studio.url)
            return page

        yield page_of
    assert not problems, "\n".join(problems)


def _errors(said: ConsoleMessage) -> list[str]:
    answered = "/ask/" in said.location.get("url", "") and said.text.startswith("Failed to load resource")
    return [f"console: {said.text}"] if said.type == "error" and not answered else []


def _elsewhere(asked: Request, url: str) -> list[str]:
    return [] if asked.url.startswith((url, "data:", "blob:")) else [f"request to {asked.url}"]
