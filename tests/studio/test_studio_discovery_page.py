"""Discovering in a browser: formulas at every width, what a person knows, and a formula of one's own."""

from __future__ import annotations

import json
import queue
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from studio_requests import LETTERS

import edgewise as ew
from edgewise.session import Session
from edgewise.studio import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from edgewise.studio import Studio

pytest_plugins = ("studio_browser",)
NAMES = ["body weight (kg)", "order", "sleep (h)"]
LONG = (
    "a*exp(-0.3*(order - 1.4)**2)*`body weight (kg)`"
    " + (d*`body weight (kg)` + k*`sleep (h)`**2)/(1 + `sleep (h)`*order + order**2) + m"
)
IN_SIGHT = """
() => [...document.querySelectorAll('.typeset')].filter((one) => one.clientWidth)
    .map((one) => one.querySelector('.katex') !== null && one.scrollWidth <= one.clientWidth + 1)
"""


def begin() -> Session:
    generator = torch.Generator().manual_seed(0)
    x = 0.5 + 2.5 * torch.rand(60, 3, dtype=torch.float64, generator=generator)
    y = torch.exp(-0.3 * (x[:, 1] - 1.4) ** 2) * x[:, 0] + 0.4 * x[:, 0] / (x[:, 2] + 1) ** 2
    noise = 0.03 * torch.randn(60, dtype=torch.float64, generator=generator)
    return Session(ew.KAN([3, 1], grid=3), x, y + noise, NAMES, target="brain weight (g)")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a session, and what a short search found for it."""
    folder = Path(tmp_path_factory.mktemp("searched"))
    file = folder / "brains.session"
    session = begin()
    session.save(file)
    desk = Desk(folder, session, file=file)
    events: queue.Queue[dict[str, Any]] = queue.Queue()
    with desk.listening(events):
        desk.ask("discover", {"effort": "quick", "time_limit": 3, "known": {"functions": "exp, sqrt"}})
        while (event := events.get(timeout=60))["kind"] != "ended":
            pass
    desk.close()
    assert event["problem"] is None
    return folder


@pytest.fixture
def discovering(
    open_studio: Callable[..., Studio], look: Callable[..., Page], searched: Path, tmp_path: Path
) -> Callable[..., Page]:
    """Return a function that opens the page on a session that was searched, at the front: discovering(width=390)."""
    shutil.copytree(searched, tmp_path, dirs_exist_ok=True)

    def opened(**options: Any) -> Page:
        page = look(open_studio(str(tmp_path / "brains.session")), **options)
        page.get_by_role("tab", name="Discover").click()
        page.locator(".candidates .katex").first.wait_for(timeout=20_000)
        page.wait_for_timeout(300)  # formulas are fitted to their places
        return page

    return opened


def fit(page: Page, formula: str) -> None:
    if not page.locator("details.own").evaluate("one => one.open"):
        page.get_by_text("Fit a formula of your own").click()
    field = page.locator("details.own").get_by_label("Formula", exact=True)
    field.fill(formula)
    field.press("Enter")


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_formulas_are_typeset_whole_at_every_width(discovering: Callable[..., Page], width: int) -> None:
    page = discovering(width=width, height=800)
    rows = page.locator(".candidates button")
    assert rows.count() > 1 and all(page.evaluate(IN_SIGHT))
    for k in range(rows.count()):
        formula = rows.nth(k).locator(".typeset").bounding_box()
        numbers = rows.nth(k).locator(".candidate-numbers").bounding_box()
        assert formula is not None and numbers is not None
        assert formula["y"] + formula["height"] <= numbers["y"] + 1 and formula["x"] + formula["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 390:
        assert min(page.evaluate(LETTERS, "#panel-discovery"))[0] >= 10
    rows.last.click()
    page.locator(".candidate .plots svg").first.wait_for()
    page.wait_for_timeout(300)
    assert all(page.evaluate(IN_SIGHT))


@pytest.mark.parametrize("width", [390, pytest.param(1024, marks=pytest.mark.slow)])
def test_a_long_formula_is_typeset_whole_wherever_it_is_shown(discovering: Callable[..., Page], width: int) -> None:
    page = discovering(width=width, height=800)
    page.set_default_timeout(20_000)
    fit(page, LONG)
    page.get_by_role("heading", name="Your formula").wait_for(timeout=30_000)
    page.locator(".candidate .plots svg").first.wait_for()
    page.wait_for_timeout(300)
    assert page.locator(".table-scroll:visible").evaluate("one => one.scrollWidth <= one.clientWidth")
    assert all(page.evaluate(IN_SIGHT)) and "±" in page.locator(".candidate .typeset").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 390:
        assert min(page.evaluate(LETTERS, "#panel-discovery"))[0] >= 10
    page.get_by_role("button", name="Use in the session").click()
    page.get_by_text("The formula is the network of state 1.").wait_for()
    page.locator(".formula-line .katex").wait_for()
    page.get_by_role("tab", name="Compare").click()
    page.locator(".state-shown .katex").wait_for()
    page.wait_for_timeout(300)
    assert all(page.evaluate(IN_SIGHT)) and page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_wrong_with_what_you_know_is_said_at_its_field(discovering: Callable[..., Page]) -> None:
    page = discovering()
    page.set_default_timeout(20_000)
    keys = page.keyboard
    page.get_by_role("button", name="Discover formulas").focus()
    for _ in range(3):
        keys.press("Tab")
        if page.evaluate("document.activeElement.innerText").startswith("What you know"):
            break
    keys.press("Enter")
    keys.press("Tab")
    assert page.evaluate("document.activeElement.labels[0].innerText") == "Functions"
    for label, text, message in [
        ("Functions", "exp, foo", "Unknown function 'foo'"),
        ("Noise", "a lot", "must be 'auto', 'exact' or a number"),  # the library says so in the worker
    ]:
        control = page.locator("details.know").get_by_label(label)
        control.fill(text)
        page.get_by_role("button", name="Discover formulas").click()
        page.locator("details.know .field-said.bad", has_text=message).wait_for()
        assert control.get_attribute("aria-invalid") == "true" and page.locator(".status.bad").count() == 0
        assert control.evaluate("one => one === document.activeElement")
        control.fill("")
        assert page.locator(".field-said.bad").count() == 0
    page.locator("details.know").get_by_label("Weights").select_option("order")
    page.locator("details.know").get_by_label("May not occur").fill("order")
    page.get_by_role("button", name="Discover formulas").click()
    page.locator("details.know .field-said.bad", has_text="Unknown column").wait_for()


def test_a_formula_of_ones_own_is_fitted_and_used(discovering: Callable[..., Page]) -> None:
    page = discovering()
    page.set_default_timeout(20_000)
    fit(page, "a*order*(")
    page.locator("details.own .field-said.bad", has_text="expected a number").wait_for()
    assert page.locator(".candidates").is_visible()
    fit(page, "a*`body weight (kg)` + c")
    table = page.locator(".fitted table")
    table.wait_for()
    assert [text.strip() for text in table.locator("tbody th").all_inner_texts()] == ["a", "c"]
    assert all("±" in text for text in table.locator("tbody td:nth-child(2)").all_inner_texts())
    page.get_by_role("button", name="‹ All formulas").press("Enter")
    page.get_by_role("button", name="Your formula").press("Enter")
    page.get_by_role("button", name="Use in the session").press("Enter")
    page.get_by_text("The formula is the network of state 1.").wait_for()


def test_the_page_says_what_the_rows_say_where_another_formula_has_the_largest_weight(
    discovering: Callable[..., Page], searched: Path
) -> None:
    front = json.loads((searched / "brains.studio").read_text())["discovery"]["front"]
    page = discovering()
    weights = {one["weight"]: one["best"] for one in front["candidates"]}
    opened = page.locator(".conclusion").evaluate("one => one.open")
    assert opened == (not weights[max(weights)])
    page.locator(".conclusion summary").click()
    assert page.locator(".conclusion").evaluate("one => one.open") != opened
    assert page.locator(".conclusion li").all_text_contents() == front["conclusion"][1:]


def test_the_version_in_logarithms_is_folded(open_studio: Callable[..., Studio], look: Callable[..., Page]) -> None:
    studio = open_studio()
    table = {"file": "kepler.csv", "inputs": ["a"], "target": "t", "logs": ["a", "t"]}
    (studio.desk.folder / "kepler.csv").write_text("a,t\n" + "\n".join(f"{k},{k**1.5}" for k in range(1, 40)))
    studio.desk.ask("begin", table)
    session = studio.session
    studio.desk.change(session.use_formula(f"1.5*{session.names[0]} + 2"))
    page = look(studio, width=390)
    page.locator(".formula-line .katex").first.wait_for()
    assert page.locator(".formula-line .typeset:visible").count() == 1
    page.get_by_text("In logarithms, as the network computes it").click()
    page.wait_for_timeout(300)
    assert page.locator(".formula-line .typeset:visible").count() == 2 and all(page.evaluate(IN_SIGHT))


@pytest.mark.parametrize("dark", [pytest.param(False, marks=pytest.mark.slow), True])
def test_axe_finds_nothing_in_a_discovery(discovering: Callable[..., Page], dark: bool) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install axe-playwright-python"
    )
    page = discovering(dark=dark, bypass_csp=True)  # axe is a script of another place
    found = []

    def check(part: str) -> None:
        page.wait_for_timeout(300)
        answer = axe.Axe().run(page).response
        found.extend(f"{part}: {each['id']} ({each['impact']}), {each['help']}" for each in answer["violations"])

    page.get_by_text("What you know", exact=True).click()
    check("front")
    page.locator(".candidates button").last.click()
    page.get_by_role("button", name="Use in the session").wait_for()
    check("formula")
    fit(page, LONG)
    page.locator(".fitted table").wait_for(timeout=20_000)
    check("own formula")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("latex", "broken"),
    [
        (r"\frac{a}{b} + c", r"\frac{a}{b} + c"),
        (r"\frac{1}{a + b + c + d + m + n + p + q + r}", r"\bigl(a + b + c + d + m + n + p + q + r\bigr)^{-1}"),
        (r"x \left(a + b\right)^{2} y", r"x \bigl(a + b\bigr)^{2}\allowbreak  y"),
        (r"\left(1.0 \pm 0.1\right) x", r"\left(1.0 \pm 0.1\right)\allowbreak  x"),
        (r"e^{- a x}", r"e^{- a x}"),
        (
            r"e^{- \left(a + b\right) x + c \left(d + m + n + q\right)}",
            r"\exp\bigl(- \bigl(a + b\bigr)\allowbreak  x + c \bigl(d + m + n + q\bigr)\bigr)",
        ),
        (r"\sqrt{a + b + c + d + m + n + p + q + r}", r"\bigl(a + b + c + d + m + n + p + q + r\bigr)^{1/2}"),
    ],
)  # fmt: skip
def test_long_formulas_are_written_so_that_they_break(
    open_studio: Callable[..., Studio], look: Callable[..., Page], latex: str, broken: str
) -> None:
    page = look(open_studio())
    module = page.evaluate("[...document.scripts].find((one) => one.type === 'module').src")
    place = module.rsplit("/", 1)[0] + "/breaking.js"
    made = page.evaluate("([place, latex]) => import(place).then((one) => one.breakable(latex))", [place, latex])
    assert made == broken
