"""Leaving, comparing and discovering with the page's own buttons, in a browser."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from steering import begin

import edgewise as ew
from edgewise.session import Session

pytest_plugins = ("studio_browser",)


def test_a_person_leaves_with_the_formula_and_a_script_that_runs(open_studio: Any, look: Any, tmp_path: Path) -> None:
    session = begin().refit(2).use_formula("exp(a)/b + sin(2*b)")
    page = look(open_studio(session), permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Copy LaTeX").click()
    page.get_by_text("LaTeX is copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("y = ")
    with page.expect_download() as taken:
        page.locator("[data-what=script]").get_by_role("button", name="Download").click()
    with zipfile.ZipFile(taken.value.path()) as archive:
        archive.extractall(tmp_path / "there")
        (name,) = [name for name in archive.namelist() if name.endswith(".py")]
    code = f"import runpy; print(runpy.run_path({str(tmp_path / 'there' / name)!r})['session'].formula())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(session.formula()), done.stderr


def test_files_are_saved_in_the_folder_and_replaced_when_asked(open_studio: Any, look: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.c").write_text("")
    page = look(open_studio(begin()), width=390)
    page.get_by_role("button", name="Export").click()
    page.get_by_text("6 edges are splines: snap all edges first.").wait_for()
    assert page.get_by_role("button", name="Copy LaTeX").is_disabled()
    page.get_by_role("button", name="Save C in").click()
    row = page.locator("[data-what=c]")
    row.get_by_label("File in the studio's folder").fill("mine.c")
    row.get_by_role("button", name="Save", exact=True).click()
    row.get_by_text("There is a file mine.c already").wait_for()
    row.get_by_role("button", name="Replace it").click()
    page.get_by_text(f"Saved in the folder {tmp_path.name}: mine.c.").wait_for()
    assert "double" in (tmp_path / "mine.c").read_text()


def test_two_states_are_compared_side_by_side(open_studio: Any, look: Any) -> None:
    session = begin().refit(3).prune_edge((0, 0, 0)).use_formula("exp(a)/b")
    page = look(open_studio(session))
    page.get_by_role("tab", name="Compare").click()
    page.get_by_text("The networks have other nodes").wait_for()
    assert page.locator(".state-shown .katex").count() > 0
    page.get_by_label("compared with").select_option("1")
    page.get_by_label("State", exact=True).select_option("2")
    page.get_by_text("removed → spline").wait_for()
    assert page.get_by_role("table", name="The rows that differ most").locator("tbody tr").count() == 10
    page.get_by_label("Against the column").select_option("b")
    page.get_by_label("Differences against b, 40 rows").wait_for()


@pytest.mark.slow
def test_a_law_is_discovered_and_used(open_studio: Any, look: Any) -> None:
    x = 1 + torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    session = Session(ew.KAN([2, 1], grid=3), x, x[:, 0] / x[:, 1] ** 2, ["m", "r"], target="F")
    page = look(open_studio(session))
    page.set_default_timeout(30_000)
    page.get_by_role("tab", name="Discover").click()
    page.get_by_label("Effort").select_option("quick")
    page.get_by_role("button", name="Discover formulas").click()
    page.get_by_text("The formula reproduces the data to rounding.").wait_for()
    page.get_by_role("button", name="Best: m/r**2, complexity").press("Enter")
    page.get_by_role("button", name="Use in the session").click()
    page.get_by_text("The formula is the network of state 1.").wait_for()
    page.locator(".formula-line .katex").wait_for()
