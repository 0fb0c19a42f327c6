"""The page when another session is opened in it, when work is refused or fails, and where its messages stand."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from studio_requests import ask, small_session

import edgewise as ew
from edgewise.studio import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest_plugins = ("studio_browser",)
PATIENCE = 60_000  # milliseconds: a worker takes that long to load on a busy machine
EDGE = ".edge[data-edge='0,0,1']"


def two_targets() -> ew.Session:
    """A session on other columns, which has two targets."""
    x = 1 + np.random.default_rng(0).random((40, 2))
    y = np.column_stack([x[:, 0] * x[:, 1], x[:, 0] + x[:, 1]])
    return ew.Session(ew.KAN([2, 2, 2], grid=3, seed=0), x, y, ["p", "q"], target=["g", "h"])


def test_each_session_has_a_number(tmp_path: Path) -> None:
    small_session().save(tmp_path / "a.session")
    desk = Desk(tmp_path)
    assert desk.ask("seated", {}) == {"session": None}
    first = desk.ask("open_session", {"file": "a.session"})["session"]
    assert desk.ask("act", {"at": 0, "name": "lock", "arguments": {"edges": [[0, 0, 0]]}})["session"] == first
    with desk.listening() as events:
        second = desk.ask("open_session", {"file": "a.session"})["session"]
        assert events.get(timeout=1)["session"] == second != first


def test_what_no_training_can_begin_with_is_refused_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, small_session())
    with pytest.raises(ew.InputError, match="'grids' must be 'auto', a list of cell counts"):
        desk.ask("act", {"at": 0, "name": "fit", "arguments": {"grids": []}})
    assert desk.job is None


@pytest.mark.slow
def test_training_with_the_grids_as_they_are(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    studio = open_studio(small_session())
    page = look(studio)
    page.wait_for_selector(".edge")
    page.click("#tab-network")
    panel = page.locator("#panel-network")
    panel.get_by_label("At most steps").fill("2")
    panel.get_by_role("button", name="Train", exact=True).click()
    page.locator(".states [aria-current]", has_text="Trained").wait_for(timeout=PATIENCE)
    assert studio.session.state.arguments["grids"] is None
    panel.get_by_label("Grids").first.select_option("list")
    panel.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("'grids' must be 'auto', a list of cell counts").wait_for()


def test_training_follows_no_noise(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    """Also in a session that was opened without training: with grids as they are, it would end far from new rows."""
    random = np.random.default_rng(0)
    x = np.column_stack([random.normal(size=(120, 3)), random.integers(0, 2, (120, 6))]).astype(float)
    y = x[:, 0] + 0.5 * x[:, 1] ** 2 + x[:, 3] + 0.5 * random.normal(size=120)
    session = ew.Session(ew.KAN([9, 2, 1], grid=3, seed=0), x, y, held_out=0.2)
    studio = open_studio(session)
    page = look(studio)
    for states in (2, 3):
        page.locator(".training").get_by_role("button", name="Train").click()
        page.locator(".states li").nth(states - 1).wait_for(state="attached", timeout=60_000)
        page.locator(".training .stop").wait_for(state="hidden")
        assert studio.session.held_out_error < 0.65 < session.fit().held_out_error


def test_the_problem_of_work_that_fails_at_once_is_shown(
    open_studio: Callable[..., Any], look: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the work has ended before the page learns that it began."""
    studio = open_studio(small_session())
    answer = studio.desk.ask

    def late(name: str, given: Any) -> Any:
        said = answer(name, given)
        while name == "act" and studio.desk.job is not None:
            time.sleep(0.05)
        time.sleep(0.3 if name == "act" else 0)
        return said

    monkeypatch.setattr(studio.desk, "ask", late)
    page = look(studio)
    page.wait_for_selector(".edge")
    page.click("#tab-network")
    panel = page.locator("#panel-network")
    panel.get_by_label("Grids").first.select_option("list")
    panel.get_by_label("Cells of the grids").fill("100000")
    panel.get_by_role("button", name="Train", exact=True).click()
    page.locator(".status.bad", has_text="Use a coarser grid").wait_for(timeout=PATIENCE)
    page.wait_for_timeout(500)
    assert page.locator(".status.bad").is_visible() and studio.session.state.id == 0
    assert "coarser grid" in studio.desk.ask("view", {})["ended"]["problem"]  # for a page that missed the event


def test_nothing_of_a_session_survives_in_the_next(
    open_studio: Callable[..., Any], look: Callable[..., Page], tmp_path: Path
) -> None:
    two_targets().save(tmp_path / "two.session")
    small_session().save(tmp_path / "small.session")
    studio = open_studio(two_targets().lock([(0, 0, 0)]))
    page = look(studio)
    page.click(EDGE)
    page.get_by_role("tab", name="Discover").click()
    page.get_by_label("Target").locator("option", has_text="h").wait_for(state="attached")
    page.get_by_role("tab", name="Compare").click()
    page.locator(".state-shown svg").first.wait_for()
    page.get_by_role("tab", name="Network").click()
    page.click("summary:has-text('Add inputs and nodes')")
    page.get_by_role("textbox", name="Name", exact=True).fill("p")
    page.get_by_role("textbox", name="Formula").fill("p*q")
    page.get_by_role("button", name="Add the column").click()
    page.locator("#panel-network .field-said.bad", has_text="The name 'p' is taken").wait_for()
    assert page.get_by_role("textbox", name="Name", exact=True).get_attribute("aria-invalid") == "true"
    page.get_by_role("button", name="Open").click()
    page.get_by_role("dialog", name="Open").get_by_role("button", name="small.session").click()
    page.locator(".session-name", has_text="f of x, y").wait_for()
    assert page.locator(".edge.selected").count() == 0
    assert page.locator(".state-shown svg").count() == 0
    page.get_by_text("There is one state so far").wait_for()
    assert page.locator("#panel-network .field-said.bad").count() == 0
    page.get_by_role("tab", name="Discover").click()
    page.get_by_label("Effort").wait_for()
    assert page.get_by_label("Target").locator("visible=true").count() == 0
    page.locator("#panel-discovery").get_by_label("Effort").select_option("quick")
    page.get_by_label("Seconds").fill("1")
    page.get_by_role("button", name="Discover formulas").click()
    page.get_by_role("button", name="Stop, and keep").wait_for()
    assert page.locator("#panel-discovery .field-said.bad").count() == 0


def test_a_session_that_another_page_opened_is_shown(
    open_studio: Callable[..., Any], look: Callable[..., Page], tmp_path: Path
) -> None:
    """Both sessions are at state 0."""
    two_targets().save(tmp_path / "two.session")
    studio = open_studio(small_session())
    page = look(studio)
    page.get_by_role("tab", name="Rows").click()
    page.get_by_label("x from").fill("-0.5")
    page.get_by_label("x from").press("Enter")
    page.locator(".rows-chips li").first.wait_for()
    assert ask(studio, "open_session", file="two.session").status == 200
    page.locator(".session-name", has_text="g, h of p, q").wait_for()
    page.get_by_text("All 40 rows.").wait_for()
    assert page.locator(".status").inner_text() == ""


def test_a_problem_goes_with_the_ranges_that_it_is_about(
    open_studio: Callable[..., Any], look: Callable[..., Page]
) -> None:
    studio = open_studio(small_session())
    page = look(studio)
    page.get_by_role("tab", name="Rows").click()
    card = page.get_by_role("region", name="x", exact=True)
    for end, value in (("from", "-0.5"), ("to", "-0.6")):
        card.get_by_label(f"x {end}").fill(value)
        card.get_by_label(f"x {end}").press("Enter")
        page.locator(".rows-chips li").first.wait_for()
    page.locator(".status.bad").wait_for()
    page.get_by_role("button", name="Clear: select all").click()
    page.get_by_text("All 60 rows.").wait_for()
    assert page.locator(".status").inner_text() == ""
    card.get_by_label("x from").fill("-0.5")
    card.get_by_label("x from").press("Enter")
    page.locator(".rows-chips li").first.wait_for()
    assert len(card.get_by_label("x to").input_value()) <= 8  # the largest value has more digits, and stays selected
    inside = studio.session.table.x[:, 0] >= -0.5
    page.get_by_text(f"{int(inside.sum())} of 60 rows selected").wait_for()
    card.get_by_label("x from").fill("-0.4")
    card.get_by_label("x from").press("Enter")
    inside = studio.session.table.x[:, 0] >= -0.4
    page.get_by_text(f"{int(inside.sum())} of 60 rows selected").wait_for()


def test_the_first_page_asks_for_nothing_that_is_not_there(
    open_studio: Callable[..., Any], look: Callable[..., Page]
) -> None:
    page = look(open_studio())
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    page.reload()
    page.get_by_role("button", name="orbits").wait_for()
    assert refused == []


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    """The rectangles of all elements that are seen."""
    seen = "[...document.querySelectorAll(selector)].filter((element) => element.checkVisibility())"
    return page.evaluate(f"(selector) => {seen}.map((element) => element.getBoundingClientRect().toJSON())", selector)


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    across = min(one["right"], other["right"]) > max(one["left"], other["left"])
    return across and min(one["bottom"], other["bottom"]) > max(one["top"], other["top"])


def test_a_message_covers_no_row_and_takes_no_click(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    session = small_session()
    for _ in range(8):
        session = session.lock([(0, 0, 0)]).unlock([(0, 0, 0)])
    page = look(open_studio(session))
    page.fill("input[placeholder='name of the branch']", "a branch with a name that takes more than a line " * 4)
    page.click("button:has-text('Begin')")
    page.locator(".status", has_text="branch a branch").wait_for()
    (message,) = boxes(page, ".status")
    assert not any(overlap(message, row) for row in boxes(page, ".states button, .tabs button"))
    page.get_by_role("tab", name="Rows").click()
    page.locator(".rows-card").first.wait_for()
    (message,) = boxes(page, ".status")
    assert not any(overlap(message, plot) for plot in boxes(page, ".rows-card, .rows-plot"))
    under = "([x, y]) => document.elementFromPoint(x, y).closest('.status') === null"
    assert page.evaluate(under, [message["left"] + 20, message["top"] + 10])
    page.get_by_role("button", name="Close the message").click()
    assert page.locator(".status").inner_text() == ""


@pytest.mark.parametrize(("width", "tab"), [(1280, "Rows"), (780, "History")])
def test_removed_edges_cover_no_label(
    open_studio: Callable[..., Any], look: Callable[..., Page], width: int, tab: str
) -> None:
    x = 1 + np.random.default_rng(0).random((40, 9))
    session = ew.Session(ew.KAN([9, 2, 1], grid=3, seed=0), x, x[:, 0] * x[:, 1], target="mpg")
    page = look(open_studio(session.prune(cuts={"what": "edges", "keep": 9})), width=width)
    page.get_by_role("tab", name=tab).click()
    page.locator(".removed summary").wait_for()
    page.wait_for_timeout(300)
    assert page.locator(".removed summary").inner_text() == "11 removed edges"
    (removed,) = boxes(page, ".removed")
    assert not any(overlap(removed, label) for label in boxes(page, ".diagram .names > *, .diagram .edge"))
    page.locator(".removed summary").click()
    page.get_by_text(re.compile(r"^Not used: x\d, x\d$")).wait_for()


def test_a_brush_takes_the_bars_that_it_touches(
    open_studio: Callable[..., Any], look: Callable[..., Page], tmp_path: Path
) -> None:
    lines = [f"star {k},{k + 0.25},{(k - 20) ** 2}" for k in range(40)]
    (tmp_path / "stars.csv").write_text("\n".join(["name,size,light", *lines]) + "\n")
    studio = open_studio(tmp_path / "stars.csv", target="light")
    page = look(studio, 1280, 1200)
    page.get_by_role("tab", name="Rows").click()
    card = page.get_by_role("region", name="size", exact=True)
    card.scroll_into_view_if_needed()
    place = card.locator(".overlay").bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 2, place["y"] + 10)  # inside, where the first row is not
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + 12, steps=4)
    page.mouse.up()
    page.locator(".rows-chips", has_text="size: 0.25 to").wait_for()
    page.get_by_text("of 32 rows selected").wait_for()  # eight are held out
    at = studio.session.rows.index(15)
    page.get_by_label("Number of a row").fill(str(at))
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator(".rows-values .text", has_text="star 15").wait_for()


def test_the_numbers_of_axes_do_not_touch(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    """Masses of 1e30 kg, periods of 1e5 days."""
    page = look(open_studio("orbits", target="period_days"), 1280, 1000)
    page.get_by_role("tab", name="Rows").click()
    page.locator(".rows-plot svg").nth(1).wait_for()
    for against in ("fitted", "primary_mass_kg", "period_days"):
        page.locator("select[name=against]").select_option(against)
        for plot in (1, 2):
            texts = boxes(page, f".rows-plots > :nth-child({plot}) text")
            assert len(texts) > 4
            assert not any(overlap(one, other) for k, one in enumerate(texts) for other in texts[:k])
