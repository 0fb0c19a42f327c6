"""From a table to a formula in the page, by pointer and by keyboard alone, and what axe-core says of every part."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sympy

import edgewise as ew

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest_plugins = ("studio_browser",)
PATIENCE = 60_000  # milliseconds: the worker is loaded first
FUNCTIONS = {"0,0,0": "sin", "0,0,1": "x^2", "1,0,0": "exp"}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file with exp(sin(pi x) + y^2), and a third column that is irrelevant."""
    x = np.random.default_rng(0).uniform(-1, 1, (400, 3))
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    path = tmp_path / "law.csv"
    rows = np.column_stack([x, y]).tolist()
    path.write_text("\n".join(["x,y,z,f", *(",".join(map(repr, row)) for row in rows)]) + "\n")
    return path


def is_law(session: ew.Session) -> bool:
    x, y = sympy.symbols("x y")
    return sympy.simplify(session.formula() - sympy.exp(sympy.sin(sympy.pi * x) + y**2)) == 0  # type: ignore[operator]


def wait_for_state(page: Page, name: str) -> None:
    page.locator(".states [aria-current]", has_text=name).wait_for()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_from_a_table_to_a_formula_and_a_script_by_pointer(
    open_studio: Callable[..., Any], look: Callable[..., Page], table: Path
) -> None:
    studio = open_studio(folder=table.parent)
    page = look(studio, permissions=["clipboard-read", "clipboard-write"])
    page.set_default_timeout(PATIENCE)
    page.get_by_role("button", name="law.csv").click()
    page.get_by_label("Hidden nodes").fill("1")
    page.get_by_text("KAN([3, 1, 1])").wait_for()
    page.locator(".start-form").get_by_role("button", name="Train", exact=True).click()
    wait_for_state(page, "Trained")
    page.click(".edge[data-edge='0,0,2']")
    page.get_by_role("button", name="Prune", exact=True).click()
    wait_for_state(page, "Removed")
    for edge, function in FUNCTIONS.items():
        page.click(f".edge[data-edge='{edge}']")
        page.locator(".suggestions button", has_text=function).first.click()
        page.locator(f".edge.symbolic[data-edge='{edge}']").wait_for()
    page.get_by_role("tab", name="Network").click()
    page.click(".every-action summary")
    page.locator(".action-name").select_option("round_constants")
    page.click(".action-form button:has-text('Do it')")
    wait_for_state(page, "Rounded constants")
    assert is_law(studio.session) and studio.session.error < 1e-12
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Copy LaTeX").click()
    page.get_by_text("LaTeX is copied.").wait_for()
    assert r"\sin" in page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as taken:
        page.locator("[data-what=script]").get_by_role("button", name="Download").click()
    assert run_script(taken.value.path(), table) == str(studio.session.formula())


def run_script(path: Path, table: Path) -> str:
    """Run an exported script in another process, with the table where it was; return its formula."""
    there = table.parent / "there"
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(there)
        (script,) = there.glob("*.py")
    else:
        script = table.parent / "script.py"
        script.write_bytes(path.read_bytes())
    code = f"import runpy; print(runpy.run_path({str(script)!r})['session'].formula())"
    done = subprocess.run([sys.executable, "-c", code], cwd=table.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_from_a_table_to_a_formula_by_keyboard_alone(
    open_studio: Callable[..., Any], look: Callable[..., Page], table: Path
) -> None:
    studio = open_studio(folder=table.parent)
    page = look(studio)
    page.set_default_timeout(PATIENCE)
    keys = page.keyboard

    def tab_to(name: str, most: int = 80) -> None:
        """Press Tab until what has this name is in focus."""
        for _ in range(most):
            keys.press("Tab")
            if name in page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText ?? ''"):
                return
        raise AssertionError(f"Tab does not come to {name!r}")

    def go_to(edge: str) -> None:
        """Move in the diagram by arrow keys until an edge is in focus."""
        keys.press("d")
        for key in ["Home", *["ArrowRight"] * 8, "ArrowUp", "Home", *["ArrowRight"] * 8, "ArrowUp", "Home", "ArrowUp"]:
            if page.evaluate("document.activeElement.dataset.edge ?? ''") == edge:
                keys.press("Enter")
                return
            keys.press(key)
        raise AssertionError(f"Arrow keys do not come to {edge}")

    page.get_by_role("button", name="law.csv").wait_for()
    tab_to("law.csv")
    keys.press("Enter")
    page.get_by_label("Hidden nodes").wait_for()
    for _ in range(80):
        keys.press("Tab")
        if page.evaluate("document.activeElement.labels?.[0]?.innerText ?? ''").startswith("Hidden nodes"):
            break
    keys.type("1")
    page.get_by_text("KAN([3, 1, 1])").wait_for()
    tab_to("Train")
    keys.press("Enter")
    wait_for_state(page, "Trained")
    go_to("0,0,2")
    keys.press("p")
    wait_for_state(page, "Removed")
    for edge, function in FUNCTIONS.items():
        go_to(edge)
        found = page.locator(".suggestions li", has_text=function).first
        found.wait_for()
        number = 1 + [function in text for text in page.locator(".suggestions li").all_inner_texts()].index(True)
        keys.press(str(number))
        page.locator(f".edge.symbolic[data-edge='{edge}']").wait_for()
    assert studio.session.state.splines == 0 and studio.session.error < 1e-6
    page.locator(".formula-line .katex").wait_for()


@pytest.mark.parametrize("dark", [pytest.param(False, marks=pytest.mark.slow), True])
def test_axe_finds_nothing(open_studio: Callable[..., Any], look: Callable[..., Page], table: Path, dark: bool) -> None:
    """Every part of the page, against the rules of axe-core."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install axe-playwright-python"
    )
    x = 1 + np.random.default_rng(0).random((60, 2))
    session = ew.Session(ew.KAN([2, 2, 1], grid=3, seed=1), x, x[:, 0] * x[:, 1], ["a", "b"], target="z").refit(5)
    found = []

    def check(page: Page, part: str) -> None:
        page.wait_for_timeout(300)
        answer = axe.Axe().run(page).response
        found.extend(f"{part}: {each['id']} ({each['impact']}), {each['help']}" for each in answer["violations"])

    page = look(open_studio(folder=table.parent), dark=dark, bypass_csp=True)  # axe is a script of another place
    page.get_by_role("button", name="law.csv").wait_for()
    check(page, "files")
    page.get_by_role("button", name="law.csv").click()
    page.get_by_label("Hidden nodes").wait_for()
    check(page, "columns")
    page = look(open_studio(session, folder=table.parent), dark=dark, bypass_csp=True)
    page.click(".edge[data-edge='0,0,0']")
    page.locator(".suggestions button").first.wait_for(timeout=PATIENCE)
    check(page, "edge")
    page.click(".node[data-node='1,0']")
    check(page, "node")
    for tab in ("Network", "Rows", "Compare", "Discover"):
        page.get_by_role("tab", name=tab).click()
        check(page, tab)
    page.get_by_role("button", name="Export").click()
    check(page, "export")
    assert not found, "\n".join(found)
