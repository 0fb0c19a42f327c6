"""The page of the studio: what it asks for, and in a browser what clicks and keys do to the session."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from studio_requests import small_session

import edgewise as ew
from edgewise.session import ACTIONS
from edgewise.studio import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from edgewise.studio import Studio

pytest_plugins = ("studio_browser",)

STATIC = Path(ew.studio.__file__).parent / "static"
EDGE = '.edge[data-edge="0,0,1"]'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, small_session())


@pytest.fixture
def touched(open_studio: Callable[..., Studio], look: Callable[..., Page]) -> tuple[Studio, Page]:
    """A studio on a small session, and its page, drawn."""
    studio = open_studio(small_session())
    page = look(studio)
    page.wait_for_selector(".edge")
    return studio, page


def wait_for_states(page: Page, count: int) -> None:
    page.locator(".states li").nth(count - 1).wait_for(state="attached", timeout=60000)
    assert page.locator(".states li").count() == count


def numbers_of(session: ew.Session) -> list[torch.Tensor]:
    return [*session.model.state_dict().values()]


def identical(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_vendored_files_are_those_that_were_published() -> None:
    folder = STATIC / "vendor"
    listed = {
        name: digest
        for row in json.loads(Path(__file__).with_name("vendored.json").read_text())
        for name, digest in row["files"].items()
    }
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_modules_import_what_there_is() -> None:
    for module in STATIC.glob("*.js"):
        code = re.sub(r"^\s*//.*$", "", module.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for name in re.findall(r'(?:from |import\(|^import )"(.+?)"', code, re.MULTILINE):
            assert (STATIC / name).is_file(), f"{module.name}: {name}"


def test_every_action_is_in_the_menu(desk: Desk) -> None:
    rows = desk.ask("actions", {})["actions"]
    assert [row["name"] for row in rows] == list(ACTIONS)
    assert all(row["does"].endswith((".", '"', ":")) or row["does"] for row in rows)
    for row in rows:
        takes = ACTIONS[row["name"]].takes
        assert [argument["name"] for argument in row["arguments"]] == list(takes)
        assert [argument["needed"] for argument in row["arguments"]] == [p.default is p.empty for p in takes.values()]


def test_a_trial_is_what_set_function_would_be(desk: Desk) -> None:
    fitted = desk.ask("trial", {"at": 0, "edge": [0, 0, 1], "function": "sin"})
    shown = desk.session.preview("set_function", [0, 0, 1], "sin", fitted["affine"])
    assert fitted["after"] == pytest.approx(shown.after, rel=1e-6)
    assert fitted["before"] == desk.session.error
    assert len(fitted["x"]) == len(fitted["y"]) == 201
    assert desk.session.state.id == 0


def test_a_cut_names_the_edges_that_prune_removes() -> None:
    session = ew.Session(ew.KAN([2, (2, 1), 1], grid=3, seed=0), *_rows(), ["x → h1", "y"])
    for arguments in (
        {"threshold": 0.2},
        {"cuts": {"what": "edges", "keep": 3}},
        {"cuts": {"what": "nodes", "keep": 1}},
    ):
        desk = Desk(Path(), session)
        found = desk.ask("cutting", {"at": 0, "arguments": arguments})
        pruned = session.prune(**arguments)
        assert found["left"] == pruned.state.edges
        assert found["after"] == pytest.approx(pruned.error)
        assert 0 < len(found["edges"]) == session.state.edges - pruned.state.edges
    assert desk.session is session


def _rows() -> tuple[torch.Tensor, torch.Tensor]:
    x = 2 * torch.rand(80, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 1
    return x, x[:, 0] + x[:, 1] ** 2


def test_a_node_is_the_sum_of_its_edges() -> None:
    session = ew.Session(ew.KAN([2, (1, 1), 1], grid=3, seed=0), *_rows(), ["t", "v"]).set_function((0, 2, 1), "sin")
    desk = Desk(Path(), session)
    assert desk.ask("node", {"node": [0, 1]})["factors"] == []
    product = desk.ask("node", {"node": [1, 1]})
    assert product["product"] and len(product["factors"]) == 2
    first, second = product["factors"]
    assert [term["formula"] for term in first] == [None, None]
    assert second[0]["from"] == "t" and "sin(" in second[1]["formula"] and "v" in second[1]["formula"]


def test_the_diagram_is_drawn(touched: tuple[Studio, Page]) -> None:
    studio, page = touched
    assert page.locator(".edge").count() == studio.session.state.edges
    assert page.locator(".node").count() == 5
    said = page.locator(EDGE).get_attribute("aria-label")
    assert said is not None and said.startswith("Edge from y to h1, spline, score 0.")
    assert page.locator(f"{EDGE} .curve").get_attribute("d", timeout=100) is not None
    assert "6 edges are splines still" in page.locator(".formula-line").inner_text()


def test_the_formula_is_typeset(open_studio: Callable[..., Studio], look: Callable[..., Page]) -> None:
    session = ew.Session(ew.KAN([2, 1, 1], grid=3, seed=0), *_rows(), ["t", "v"])
    for edge, function in (((0, 0, 0), "sin"), ((0, 0, 1), "x^2"), ((1, 0, 0), "exp")):
        session = session.set_function(edge, function, (1.0, 0.0, 1.0, 0.0))
    page = look(open_studio(session))
    page.wait_for_selector(".formula-line .katex")
    assert page.locator(".formula-line annotation").text_content() == session_latex(page)
    assert page.locator(".edge.symbolic .formula").count() == 3


def session_latex(page: Page) -> Any:
    asked = "fetch('ask/view', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
    answer = page.evaluate(f"{asked}.then((answer) => answer.json())")
    return answer["formula"]["latex"][0]


def test_training_by_a_click(touched: tuple[Studio, Page]) -> None:
    studio, page = touched
    before = page.locator(f"{EDGE} .curve").get_attribute("d")
    page.click(".training .primary")
    wait_for_states(page, 2)
    assert studio.session.state.name == "fit"
    assert studio.session.error < 0.1
    assert page.locator(f"{EDGE} .curve").get_attribute("d") != before


def test_pruning_and_undo_bring_back_the_same_numbers(touched: tuple[Studio, Page]) -> None:
    studio, page = touched
    before = numbers_of(studio.session)
    page.click(EDGE)
    page.click(".edge-panel button:has-text('Prune')")
    wait_for_states(page, 2)
    assert page.locator(".edge").count() == 5
    assert page.locator(".removed li").count() == 1
    assert not identical(numbers_of(studio.session), before)
    page.keyboard.press("Control+z")
    page.wait_for_selector(EDGE)
    assert studio.session.state.id == 0
    assert identical(numbers_of(studio.session), before)
    page.keyboard.press("Control+Shift+z")
    page.wait_for_selector(EDGE, state="detached")
    assert studio.session.state.id == 1


def test_snapping_an_edge_by_a_click(touched: tuple[Studio, Page]) -> None:
    studio, page = touched
    page.click(EDGE)
    suggestion = page.locator(".suggestions button").first
    suggestion.wait_for(timeout=15000)
    suggestion.hover()
    page.wait_for_selector(".edge-plot .curve.other")
    assert "error" in page.locator(".stage-note").inner_text()
    function = suggestion.get_attribute("data-function")
    suggestion.click()
    wait_for_states(page, 2)
    assert studio.session.state.arguments["function"] == function
    assert page.locator(f"{EDGE}.symbolic").count() == 1


@pytest.mark.parametrize("width", [1440, 390])
def test_functions_are_listed_with_a_legend_and_whole(
    open_studio: Callable[..., Studio], look: Callable[..., Page], width: int
) -> None:
    page = look(open_studio(small_session()), width=width)
    page.locator(EDGE).click()
    first = page.locator(".suggestions button").first
    first.wait_for(timeout=15000)
    head = page.locator(".suggest-head")
    assert head.inner_text().split() == ["function", "error", "×", "now"]
    assert "✓: the error stays" in str(head.get_attribute("title"))
    whole = "all => all.every((one) => one.clientWidth > 0 && one.scrollWidth <= one.clientWidth + 1)"
    assert page.locator(".suggestions .formula-text").evaluate_all(whole)
    factors = page.locator(".suggestions .factor").all_inner_texts()
    errors = page.locator(".suggestions .number").all_inner_texts()
    assert len({*errors}) > 1 and len({*factors}) > 1 and all(re.match(r"×\d", factor) for factor in factors)


def test_the_slider_shows_what_would_go(touched: tuple[Studio, Page]) -> None:
    studio, page = touched
    page.click("#tab-network")
    page.click(".segments label:has-text('by count')")
    page.locator(".prune input[type=range]").fill("100")
    page.wait_for_selector(".edge.going")
    assert page.locator(".edge.going").count() >= 3
    assert studio.session.state.id == 0
    page.click(".prune .primary")
    wait_for_states(page, 2)
    assert studio.session.state.edges <= 3
    assert page.locator(".edge.going").count() == 0


def test_every_action_has_a_form(touched: tuple[Studio, Page]) -> None:
    studio, page = touched
    page.click("#tab-network")
    page.click(".every-action summary")
    page.wait_for_selector(".action-name option", state="attached")
    names = page.locator(".action-name option").all_inner_texts()
    assert names == list(ACTIONS)
    for name in names:
        page.select_option(".action-name", name)
        shown = page.locator(".action-form").locator("> .field, > fieldset").count()
        assert shown == len(ACTIONS[name].takes), name
    page.select_option(".action-name", "monotone")
    page.locator(".action-form select").nth(1).select_option("down")
    page.click(".action-form button:has-text('Do it')")
    wait_for_states(page, 2)
    assert studio.session.state.call == "monotone(edge=(0, 0, 0), direction='down')"


def test_a_wrong_formula_is_said_at_its_field(touched: tuple[Studio, Page]) -> None:
    studio, page = touched
    page.click("#tab-network")
    page.click("summary:has-text('Add inputs and nodes')")
    page.fill("input[placeholder=beta]", "r")
    formula = page.locator("input[placeholder='v/c']")
    formula.fill("x*/y")
    page.click("button:has-text('Add the column')")
    page.wait_for_selector("input[placeholder='v/c'][aria-invalid=true]")
    formula.fill("x*y")
    page.click("button:has-text('Add the column')")
    wait_for_states(page, 2)
    assert [v.formula for v in studio.session.variables] == ["x*y"]


def test_all_by_keyboard(touched: tuple[Studio, Page]) -> None:
    studio, page = touched

    def focused() -> Any:
        return page.evaluate(
            "document.activeElement.getAttribute('data-edge') ?? document.activeElement.getAttribute('data-node')"
        )

    page.keyboard.press("?")
    page.wait_for_selector("dialog.keys[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    assert focused() is not None
    for key in ("Home", "ArrowDown", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    first = focused()
    assert len(first.split(",")) == 3
    page.keyboard.press("Enter")
    page.wait_for_selector(".edge.selected")
    page.keyboard.press("l")
    wait_for_states(page, 2)
    page.keyboard.press("l")
    wait_for_states(page, 3)
    page.keyboard.press("p")
    wait_for_states(page, 4)
    page.keyboard.press("r")
    wait_for_states(page, 5)
    assert [state.name for state in studio.session.states[1:]] == ["lock", "unlock", "prune_edge", "restore_edge"]
    assert ",".join(map(str, studio.session.state.arguments["edge"])) == first


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_nothing_is_cut_off(
    open_studio: Callable[..., Studio], look: Callable[..., Page], width: int, dark: bool
) -> None:
    page = look(open_studio(small_session()), width=width, dark=dark)
    page.wait_for_selector(".edge")
    page.click(EDGE)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = page.evaluate(
        """[...document.querySelectorAll('header button, .tabs button, .edge-panel button')].every((element) => {
            const { left, right, width } = element.getBoundingClientRect();
            return width === 0 || (left >= 0 && right <= innerWidth);
        })"""
    )
    assert inside


def test_constants_are_set_by_hand(open_studio: Callable[..., Studio], look: Callable[..., Page]) -> None:
    studio = open_studio(small_session().set_function((0, 0, 1), "sin", (1.0, 0.0, 1.0, 0.0)))
    page = look(studio)
    page.click(EDGE)
    page.click(".by-hand summary")
    first = page.locator("[aria-label='Constant a']")
    first.wait_for()
    assert page.locator(".by-hand select").input_value() == "sin"
    first.fill("2.5")
    page.wait_for_selector(".edge-plot .curve.other")
    page.wait_for_selector(".by-hand .primary:enabled")
    assert "sin(2.5 x)" in page.locator(".by-hand .hint").inner_text()
    assert studio.session.state.id == 1
    page.click(".by-hand .primary")
    wait_for_states(page, 3)
    assert studio.session.state.arguments["affine"] == (2.5, 0.0, 1.0, 0.0)


def test_the_history_is_a_tree(touched: tuple[Studio, Page]) -> None:
    studio, page = touched
    page.fill("input[placeholder^='why']", "as it came")
    page.click("button:has-text('Save note')")
    page.wait_for_selector(".states .note:has-text('as it came')")
    page.click(EDGE)
    page.keyboard.press("p")
    wait_for_states(page, 2)
    page.click(".states button:has-text('start')")
    page.wait_for_selector(EDGE)
    page.fill("input[placeholder='name of the branch']", "other")
    page.click("button:has-text('Begin')")
    page.wait_for_selector(".status:has-text('branch other')")
    page.keyboard.press("Escape")
    page.click(EDGE)
    page.keyboard.press("l")
    wait_for_states(page, 3)
    assert (studio.session.state.parent, studio.session.state.branch) == (0, "other")
    assert page.locator(".tree circle").count() == 3
    assert page.locator(".states [aria-current] .call").inner_text() == "Locked y → h1"


def test_what_only_shows_offers_no_changes(open_studio: Callable[..., Studio], look: Callable[..., Page]) -> None:
    page = look(open_studio(small_session(), read_only=True))
    page.wait_for_selector(".edge")
    page.click(EDGE)
    page.wait_for_selector(".edge-plot")
    for hidden in (".training", ".suggestions", "#tab-network", ".edge-panel button:has-text('Prune')"):
        assert not page.locator(hidden).first.is_visible(), hidden
