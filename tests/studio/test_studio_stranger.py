"""What a person stumbled over who saw the studio for the first time, each in a browser or at the desk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from studio_requests import small_session

import edgewise as ew
from edgewise.session import Session
from edgewise.studio import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest_plugins = ("studio_browser",)


def wide_session() -> Session:
    """A session whose list of edges is longer than the page is high."""
    x = torch.rand(60, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    names = [f"column_{k}" for k in range(8)]
    return Session(ew.KAN([8, 3, 1], grid=3, seed=0), x, x[:, 0] * x[:, 1], names, target="f")


def test_the_page_has_one_scroll_bar(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    page = look(open_studio(wide_session()), height=700)
    page.locator(".edge-list li").nth(26).wait_for(state="attached")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_functions_are_tried_after_the_work_and_the_page_says_so(
    open_studio: Callable[..., Any], look: Callable[..., Page]
) -> None:
    studio = open_studio("orbits", target="period_days")
    page = look(studio)
    page.wait_for_selector(".edge")
    studio.desk.ask("act", {"at": 0, "name": "fit", "arguments": {"steps": 100000, "grids": [50]}})
    page.get_by_role("button", name="Stop and keep").wait_for()
    page.locator('.edge[data-edge="0,0,1"]').click()

    page.get_by_text("After the work that is going on.").wait_for()
    assert not page.get_by_role("button", name="More functions").is_visible()
    studio.desk.ask("stop", {"how": "kill"})


def test_pruning_that_removes_nothing_says_so(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    page = look(open_studio(small_session()))
    page.wait_for_selector(".edge")
    page.get_by_role("tab", name="Network").click()
    page.locator(".prune").get_by_role("button", name="Prune", exact=True).click()
    page.get_by_text("Nothing was removed").wait_for(timeout=20000)


def test_the_best_formula_is_shown_after_a_search_and_rows_can_be_clicked(
    open_studio: Callable[..., Any], look: Callable[..., Page]
) -> None:
    x = 1 + torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    page = look(open_studio(Session(ew.KAN([2, 1], grid=3), x, x[:, 0] / x[:, 1] ** 2, ["m", "r"], target="F")))
    page.set_default_timeout(60_000)
    page.get_by_role("tab", name="Discover").click()
    page.get_by_label("Effort").select_option("quick")
    page.get_by_role("button", name="Discover formulas").click()
    page.get_by_role("region", name="The best formula").locator(".katex").wait_for()
    page.locator(".candidates .best .candidate-numbers").click()
    page.get_by_role("button", name="Use in the session").wait_for()


def test_save_pressed_twice_does_not_close_what_it_opened(
    open_studio: Callable[..., Any], look: Callable[..., Page]
) -> None:
    page = look(open_studio(small_session()))
    page.get_by_role("button", name="Export").click()
    save = page.get_by_role("button", name="Save Report in the studio's folder")
    save.click()
    save.click()
    assert page.locator("[data-what=report] form").is_visible()


@pytest.mark.parametrize("ending", ["tab", "txt", "dat"])
def test_tables_of_other_endings_are_listed_and_open(tmp_path: Path, ending: str) -> None:
    sign = {"tab": "\t", "txt": ";", "dat": " "}[ending]
    lines = [sign.join(["a", "b"]), *(sign.join([str(k), str(k * k)]) for k in range(20))]
    (tmp_path / f"squares.{ending}").write_text("\n".join(lines))
    desk = Desk(tmp_path)
    assert [row["file"] for row in desk.ask("files", {})["tables"]] == [f"squares.{ending}"]
    assert desk.ask("open_table", {"file": f"squares.{ending}"})["target"] == "b"


def test_functions_for_another_edge_end_those_that_are_tried(tmp_path: Path) -> None:
    x = torch.randn(2000, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    desk = Desk(tmp_path, Session(ew.KAN([12, 5, 1], grid=5, seed=0), x, x[:, 0] * x[:, 1], target="f"))
    problems: list[str] = []

    def first() -> None:
        try:
            desk.ask("suggest", {"edge": [0, 0, 0], "limit": 40})
        except ew.InputError as problem:
            problems.append(str(problem))

    thread = threading.Thread(target=first)
    thread.start()
    time.sleep(0.3)
    found = desk.ask("suggest", {"edge": [0, 0, 1], "limit": 1})
    thread.join(timeout=60)
    assert problems == ["Another edge is looked at by now: select this one again."]
    assert found["edge"] == [0, 0, 1] and len(found["candidates"]) == 1


def test_a_click_before_the_session_is_there_does_no_harm(
    open_studio: Callable[..., Any], look: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = open_studio(small_session())
    answer = studio.desk.ask

    def late(name: str, given: Any) -> Any:
        time.sleep(1.5 if name == "view" else 0)
        return answer(name, given)

    monkeypatch.setattr(studio.desk, "ask", late)
    page = look(studio)
    page.click("#tab-network")
    page.locator("#panel-network").get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector(".edge")
    assert studio.session.state.id == 0
