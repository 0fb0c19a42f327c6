"""The studio's first page and its rows in a browser: a table is uploaded and trained on, and rows are brushed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import edgewise as ew

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest_plugins = ("studio_browser",)
PATIENCE = 5000  # milliseconds
R = np.random.default_rng(0)
X = R.uniform(1, 3, (120, 2))
ROWS = [f"{k},{a:.5f},{b:.5f},{'good' if k % 2 else 'bad'},{a + b * b:.5f}" for k, (a, b) in enumerate(X)]
TABLE = "\n".join(["number,<b>width</b>,height,kind,area", *ROWS]).encode()


def test_a_table_is_uploaded_and_trained_on(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    studio = open_studio()
    page = look(studio)
    page.get_by_role("button", name="orbits").wait_for()
    page.locator("#start-upload").set_input_files(
        {"name": "boxes.csv", "mimeType": "text/csv", "buffer": TABLE}
    )  # as a drop on the page does
    page.get_by_role("heading", name="boxes.csv").wait_for()
    assert page.get_by_label("area is the target").is_checked()
    assert page.get_by_label("<b>width</b> is an input").is_checked()
    assert not page.get_by_label("number is an input").is_checked()
    assert page.get_by_text("Text (bad, good)").is_visible()
    page.get_by_label("kind is an input").uncheck()
    form = page.locator(".start-form")
    form.get_by_label("Hidden nodes").fill("two")
    form.get_by_text("Hidden nodes are whole numbers").wait_for()
    assert form.get_by_role("button", name="Train", exact=True).is_disabled()
    form.get_by_label("Hidden nodes").fill("none")
    form.get_by_text("KAN([2, 1])").wait_for()
    form.get_by_label("Unit of area").fill("m^2")
    form.get_by_role("button", name="Train", exact=True).press("Enter")
    page.get_by_text("Saved in boxes.session.").wait_for()
    page.locator(".session-name", has_text="area of <b>width</b>, height").wait_for()
    page.locator(".states", has_text="Trained").wait_for(timeout=3 * PATIENCE)
    assert studio.session.units == {"area": "m^2"} and studio.session.error < 0.1


def test_a_table_without_a_target_says_why_and_asks_for_nothing(
    open_studio: Callable[..., Any], look: Callable[..., Page]
) -> None:
    page = look(open_studio())
    constant = {"name": "constant.csv", "mimeType": "text/csv", "buffer": b"a,b\n" + b"1,5\n" * 30}
    page.locator("#start-upload").set_input_files(constant)  # type: ignore[arg-type]
    page.get_by_text("No column can be a target: that needs numbers that differ").wait_for()
    page.get_by_text("Cannot be used: it is 5 in every row.").wait_for()
    assert page.get_by_text("Choose a target").count() == page.get_by_role("button", name="Train").count() == 0
    page.get_by_role("button", name="← Files").click()
    page.get_by_role("button", name="constant").wait_for()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 800)])
def test_a_table_of_many_columns_begins_without_scrolling(
    open_studio: Callable[..., Any], look: Callable[..., Page], width: int, height: int
) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 16))
    table = "\n".join([",".join(f"column_{k}" for k in range(16)), *(",".join(map(str, row)) for row in rows)])
    page = look(open_studio(), width=width, height=height)
    many = {"name": "many.csv", "mimeType": "text/csv", "buffer": table.encode()}
    page.locator("#start-upload").set_input_files(many)  # type: ignore[arg-type]
    train = page.locator(".start-form").get_by_role("button", name="Train", exact=True)
    train.wait_for()
    place = train.bounding_box()
    assert place is not None and place["y"] + place["height"] <= height and place["x"] + place["width"] <= width
    under = "([x, y]) => document.elementFromPoint(x, y).textContent"
    assert page.evaluate(under, [place["x"] + place["width"] / 2, place["y"] + place["height"] / 2]) == "Train"


def test_the_former_target_is_an_input_again_unless_it_was_unticked(
    open_studio: Callable[..., Any], look: Callable[..., Page]
) -> None:
    page = look(open_studio("penguins"))
    ticks = {
        name: page.get_by_label(f"{name} is an input")
        for name in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "year")
    }

    def ticked(target: str) -> set[str]:
        page.get_by_label(f"{target} is the target").check()
        return {name for name, tick in ticks.items() if tick.is_checked()}

    page.get_by_label("body_mass_g is the target").wait_for()
    assert ticks["body_mass_g"].is_disabled() and not ticks["body_mass_g"].is_checked()
    assert ticked("flipper_length_mm") == set(ticks) - {"flipper_length_mm"}
    ticks["year"].uncheck()
    assert ticked("year") == set(ticks) - {"year"}
    assert ticked("body_mass_g") == set(ticks) - {"year", "body_mass_g"}
    page.get_by_role("button", name="Tick none").click()
    assert ticked("year") == set()
    page.get_by_role("button", name="Tick all").click()
    assert ticked("body_mass_g") == set(ticks) - {"body_mass_g"}


def test_inputs_that_were_named_stay_what_is_ticked(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    page = look(open_studio("penguins", inputs=["year", "bill_depth_mm"]))
    page.get_by_label("flipper_length_mm is the target").check()
    assert not page.get_by_label("body_mass_g is an input").is_checked()
    assert page.get_by_label("year is an input").is_checked()


def test_another_session_begins_in_a_window(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    studio = open_studio("orbits", target="period_days")
    page = look(studio, 390, 844)
    page.get_by_role("button", name="Open").click()
    window = page.get_by_role("dialog", name="Open")
    window.get_by_text("orbits.session is open").wait_for()
    window.get_by_role("button", name="penguins").click()
    for name in ("year", "species", "island", "sex"):
        window.get_by_label(f"{name} is an input").uncheck()
    window.get_by_label("Logarithm of body_mass_g").check()
    window.get_by_role("button", name="Open without training").click()
    page.get_by_text("The rows with logarithms are in penguins-log.csv.").wait_for()
    assert window.count() == 0
    assert studio.session.targets == ["ln_body_mass_g"] and len(studio.session.names) == 3


def test_brushed_rows_are_selected_everywhere(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    session = ew.Session(ew.KAN([2, 1], seed=0), X, X[:, 0] * X[:, 1], ["w", "h"], target="area")
    page = look(open_studio(session), 1280, 1600)
    page.get_by_role("tab", name="Rows").click()
    page.get_by_text("All 120 rows.").wait_for()
    card = page.get_by_role("region", name="w", exact=True)
    card.scroll_into_view_if_needed()
    place = card.locator(".overlay").bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 0.25 * place["width"], place["y"] + 10)
    page.mouse.down()
    page.mouse.move(place["x"] + 0.75 * place["width"], place["y"] + 20, steps=4)
    page.mouse.up()
    page.locator(".rows-chips", has_text="w: 1.").wait_for()
    low, high = (float(card.get_by_label(f"w {end}").input_value()) for end in ("from", "to"))
    assert low == pytest.approx(1.5, abs=0.05) and high == pytest.approx(2.5, abs=0.05)
    inside = (X[:, 0] >= low) & (X[:, 0] <= high)
    page.get_by_text(f"{inside.sum()} of 120 rows selected").wait_for()
    page.get_by_text(f"Scores and curves over {inside.sum()} of 120 rows").wait_for()  # at the diagram
    page.get_by_label("h from").fill("2")
    page.get_by_label("h from").press("Enter")
    both = inside & (X[:, 1] >= 2)
    page.get_by_text(f"{both.sum()} of 120 rows selected").wait_for()
    page.get_by_label("h from").fill("7")
    page.get_by_label("h from").press("Enter")
    page.get_by_text("Fewer than two rows are selected").wait_for()
    assert page.get_by_text(f"{both.sum()} of 120 rows selected").is_visible()
    page.get_by_role("button", name="Remove the range w").click()
    page.get_by_text(f"{(X[:, 1] >= 2).sum()} of 120 rows selected").wait_for()
    page.get_by_label("Number of a row").fill("5")
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator(".rows-values .target dd", has_text=f"{X[5, 0] * X[5, 1]:.4f}").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("All 120 rows.").wait_for()
