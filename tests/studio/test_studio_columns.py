"""Text and dates as inputs, and what the studio knows of a session besides its steps: meanings, formulas, rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from studio_requests import small_session

import edgewise as ew
from edgewise import InputError
from edgewise.studio import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest_plugins = ("studio_browser",)

PENGUINS = {"file": "penguins", "target": "body_mass_g", "inputs": ["flipper_length_mm", "sex", "species"]}
NAMES = ["primary_mass_kg", "semi_major_axis_km"]
KEPLER = {"file": "orbits", "target": "period_days", "inputs": NAMES, "logs": [*NAMES, "period_days"], "widths": [2, 1]}
LAW = r"\frac{2.8148 \cdot 10^{5} \, \mathrm{semi\_major\_axis\_km}^{3/2}}{\sqrt{\mathrm{primary\_mass\_kg}}}"


def test_text_has_an_input_for_each_level(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    answer = desk.ask("begin", PENGUINS)
    inputs = ["flipper_length_mm", "sex_female", "sex_missing", "species_Chinstrap", "species_Gentoo"]
    assert answer["names"] == inputs and answer["file"] == "penguins-numbers.session"
    assert any(note.startswith("Levels of 'species' have inputs (1 or 0): Chinstrap, Gent") for note in answer["notes"])
    assert not any("groups=" in note for note in answer["notes"])  # what only Python can do
    table = ew.io.read_table(ew.datasets.path("penguins"))
    there = np.flatnonzero(np.isfinite(table.columns["body_mass_g"]))
    texts = [table.texts["species"][row] for row in there[desk.session.rows]]
    assert desk.session.table.x[:, 4].tolist() == [float(text == "Gentoo") for text in texts]
    level = {"kind": "level", "of": "species", "levels": ["Gentoo"]}
    assert desk.ask("edge", {"edge": [0, 0, 4]})["meaning"] == level
    assert desk.ask("edge", {"edge": [0, 0, 2]})["meaning"] == {"kind": "gap", "of": "sex", "levels": []}
    assert desk.ask("edge", {"edge": [0, 0, 0]})["meaning"] is None
    assert {row["name"]: row["text"] for row in desk.ask("row", {"index": 0})["texts"]}["species"] == texts[0]


@pytest.mark.parametrize(("target", "classes"), [("species", ["Adelie", "Chinstrap", "Gentoo"]), ("sex", None)])
def test_a_text_is_a_target_of_classes(tmp_path: Path, target: str, classes: list[str] | None) -> None:
    desk = Desk(tmp_path)
    inputs = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    classes = classes or ["female", "male"]
    assert any("is a class" in note for note in desk.ask("open_table", {"file": "penguins", "target": target})["notes"])
    answer = desk.ask("begin", {"file": "penguins", "target": target, "inputs": inputs})
    assert (answer["classes"], answer["answer"]) == (classes, target)
    assert answer["targets"] == (classes if len(classes) > 2 else classes[1:])
    desk.change(desk.session.fit("auto"))
    view = desk.ask("view", {})
    judged, count = view["judged"], view["new_rows"]
    assert (
        judged["new"]["accuracy"] > 0.75
        and view["held_out"] < 0.45
        and sum(map(sum, judged["new"]["confusion"])) == count
    )
    right = sum(judged["new"]["confusion"][k][k] for k in range(len(classes)))
    assert judged["new"]["accuracy"] == pytest.approx(right / count)
    assert view["held_out"] == pytest.approx(desk.session.held_out_error)
    fitted = [one for one in desk.ask("rows", {})["columns"] if one["kind"] == "fitted"]
    assert [one["of"] for one in fitted] == answer["targets"] and all(
        0 <= one["low"] <= one["high"] <= 1 for one in fitted
    )
    assert desk.ask("open_session", {"file": answer["file"]})["classes"] == classes


def test_what_is_no_class_is_said(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(
        InputError, match="'body' cannot be the target: a target of text has 2 to 12 classes, and this has 4"
    ):
        desk.ask("plan", {"file": "orbits", "target": "body", "inputs": ["semi_major_axis_km"]})
    columns = {one["name"]: one["why_no_target"] for one in desk.ask("open_table", {"file": "orbits"})["columns"]}
    assert columns["period_days"] is None and "has fewer than 3 rows" in columns["primary"]


def test_a_session_with_text_is_replayed_by_its_script(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.ask("begin", PENGUINS)
    read = ew.io.read_table(tmp_path / "penguins-numbers.csv")
    assert torch.equal(torch.as_tensor(read.inputs(desk.session.names))[desk.session.rows], desk.session.table.x)


def test_dates_become_days(tmp_path: Path) -> None:
    lines = [f"2024-01-{day:02d},{day * day}" for day in range(1, 30)]
    (tmp_path / "days.csv").write_text("\n".join(["day,y", *lines]))
    desk = Desk(tmp_path)
    notes = desk.ask("open_table", {"file": "days.csv"})["notes"]
    assert "Text and dates can be inputs: tick 'day'. A text has an input for each level." in notes
    desk.ask("begin", {"file": "days.csv", "target": "y", "inputs": ["day"]})
    assert desk.session.names == ["day_days"]
    assert desk.session.table.x[:, 0].tolist() == [float(row) for row in desk.session.rows]


def test_text_that_says_little_is_no_input(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    columns = {one["name"]: one for one in desk.ask("open_table", {"file": "orbits"})["columns"]}
    assert columns["primary"]["why"] is None
    assert columns["body"]["why"] == "it is text with 44 different values in 44 rows"
    with pytest.raises(InputError, match="'body' cannot be an input: it is text with 44"):
        desk.ask("plan", {"file": "orbits", "target": "period_days", "inputs": ["body"]})


def test_messages_on_the_page_name_no_options_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes(
        "Länge;y\n".encode("latin-1") + b"\n".join(b"%d,5;%d,5" % (k, k * k) for k in range(20))
    )
    notes = Desk(tmp_path).ask("open_table", {"file": "old.csv"})["notes"]
    assert notes[0] == "The text is not UTF-8 (line 1) and is read as cp1252."


def test_the_law_is_shown_without_logarithms(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.ask("begin", KEPLER)["undone"] is None
    desk.change(desk.session.fit("auto").snap_all().round_constants())
    shown = desk.ask("view", {})
    assert shown["undone"]["latex"] == [r"\mathrm{period\_days} = " + LAW]
    again = Desk(tmp_path, desk.session, file=tmp_path / "orbits-log.session")
    assert again.ask("view", {})["undone"] == shown["undone"]
    assert Desk(tmp_path, desk.session).ask("view", {})["undone"] is None
    desk.ask("begin", {**PENGUINS, "inputs": ["year"]})
    assert desk.ask("view", {})["undone"] is None and not (tmp_path / "penguins.studio").exists()


def test_selected_rows_outlive_the_studio(
    open_studio: Callable[..., Any], look: Callable[..., Page], tmp_path: Path
) -> None:
    file = tmp_path / "mine.session"
    small_session().save(file)
    page = look(open_studio(file, folder=None))
    page.get_by_role("tab", name="Rows").click()
    page.get_by_label("x from").fill("0")
    page.get_by_label("x from").press("Enter")
    page.get_by_text("Scores and curves over").wait_for()
    page.wait_for_timeout(200)
    other = look(open_studio(file, folder=None))
    other.get_by_text("Scores and curves over").wait_for()
    other.get_by_role("tab", name="Rows").click()
    other.get_by_role("button", name="Clear").click()
    other.get_by_text("All 60 rows.").wait_for()
    assert json.loads((tmp_path / "mine.studio").read_text())["rows"] == []


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", '{"columns": 3, "rows": 4}', '{"columns": {"x": {"kind": "log"}}, "rows": [{"name": "x"}]}'],
)
def test_a_damaged_file_kept_the_session_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.studio").write_text(text)
    desk = Desk(tmp_path, small_session(), file=tmp_path / "mine.session")
    shown = desk.ask("view", {})
    assert shown["kept"] == [] and shown["undone"] is None


def test_a_file_that_no_studio_wrote_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.studio").write_text("a letter")
    desk = Desk(tmp_path, small_session(), file=tmp_path / "mine.session")
    desk.ask("keep_rows", {"rows": [{"name": "x", "low": 0, "high": 1}]})
    assert (tmp_path / "mine.studio").read_text() == "a letter" and len(desk.ask("view", {})["kept"]) == 1


def test_columns_that_follow_from_others_are_named(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    oil, gas, sun = np.round(random.uniform(0, 30, (3, 80)), 2)
    columns = {
        "oil": oil,
        "gas": gas,
        "sun": sun,
        "other": 100 - oil - gas - sun,
        "fossil": oil + gas,
        "kg": 1000 * oil,
    }
    price = 0.3 * oil + gas**2 + 0.001 * random.normal(size=80)  # no sum, and no line: nothing is said of it
    columns |= {"nearly": sun + 0.01 * random.normal(size=80), "price": price}
    lines = [",".join(columns)]
    lines += [
        ",".join("" if k in (8, 20) and name == "gas" else f"{values[k]:.10g}" for name, values in columns.items())
        for k in range(80)
    ]
    (tmp_path / "mix.csv").write_text("\n".join(lines))
    notes = Desk(tmp_path).ask("open_table", {"file": "mix.csv", "target": "price"})["notes"]
    assert [note for note in notes if note.startswith("In every row")] == [
        "In every row 'kg' is 1000 'oil': one of the two is enough.",
        "In every row 'nearly' is 'sun' to within 0.021: one of the two is enough.",
        "In every row 'other' is 100 - 'oil' - 'gas' - 'sun': one of these 4 columns can be left out.",
        "In every row 'fossil' is 'oil' + 'gas': one of these 3 columns can be left out.",
    ]


def test_a_text_is_ticked_on_the_page(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    studio = open_studio("penguins")
    page = look(studio)
    page.get_by_label("species is an input").check()
    page.get_by_text("Levels of 'species' have inputs").wait_for()
    page.get_by_role("button", name="Open without training").click()
    page.locator(".edge").first.wait_for()
    page.locator(f'.edge[data-edge="0,0,{studio.session.names.index("species_Gentoo")}"]').click()
    page.get_by_text("1 where species is Gentoo, else 0").wait_for()
    assert page.locator(".edge-plot .axes text").all_text_contents()[:2] == ["others", "Gentoo"]


def test_classes_are_trained_and_read_on_the_page(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    studio = open_studio("penguins")
    page = look(studio)
    page.get_by_label("species is the target").check()
    page.get_by_text("3 classes, an output for each.").wait_for()
    page.get_by_role("button", name="Train", exact=True).last.click()
    page.locator(".figures", has_text="new rows: log loss").wait_for(timeout=60_000)
    page.locator(".training .stop").wait_for(state="hidden", timeout=60_000)
    page.get_by_role("tab", name="Network").click()
    page.get_by_text("species on new rows: down as it is, across as the network says").wait_for()
    assert page.locator(".confusion tbody th").all_text_contents() == ["Adelie", "Chinstrap", "Gentoo"]


class _Book:
    """What openpyxl would read from a workbook with a note, numbers, and other numbers."""

    def __init__(self) -> None:
        rows = [[k, k * k] for k in range(20)]
        self.sheets = {"Info": [], "First": [["a", "b"], *rows], "Second": [["p", "q"], *rows]}
        self.sheetnames = [*self.sheets]

    def __getitem__(self, name: str) -> Any:
        return SimpleNamespace(iter_rows=lambda values_only: iter(self.sheets[name]))

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "openpyxl", SimpleNamespace(load_workbook=lambda path, **options: _Book()))
    (tmp_path / "book.xlsx").write_bytes(b"a workbook")
    return tmp_path / "book.xlsx"


def test_a_sheet_is_chosen_on_the_page(
    open_studio: Callable[..., Any], look: Callable[..., Page], workbook: Path
) -> None:
    assert ew.io.sheet_names(workbook) == ["Info", "First", "Second"] and ew.io.sheet_names("a.csv") == []
    studio = open_studio()
    page = look(studio)
    page.get_by_role("button", name="book.xlsx").click()
    page.get_by_label("b is the target").wait_for()
    page.get_by_label("Sheet").select_option("Second")
    page.get_by_label("q is the target").wait_for()
    page.get_by_role("button", name="Open without training").click()
    page.locator(".edge").first.wait_for()
    assert studio.session.names == ["p"] and studio.session.targets == ["q"]
