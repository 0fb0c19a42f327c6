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
LAW = r"\frac{2.8143 \cdot 10^{5} \, \mathrm{semi\_major\_axis\_km}^{3/2}}{\sqrt{\mathrm{primary\_mass\_kg}}}"


def test_text_becomes_the_numbers_of_its_levels(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    answer = desk.ask("begin", PENGUINS)
    assert answer["names"] == PENGUINS["inputs"] and answer["file"] == "penguins-numbers.session"
    assert "Column 'species' as numbers: 0 is 'Adelie', 1 is 'Chinstrap', 2 is 'Gentoo'." in answer["notes"]
    assert any("'sex' lacks 11" in note for note in answer["notes"])
    table = ew.io.read_table(ew.datasets.path("penguins"))
    texts = [text for text, ok in zip(table.texts["species"], kept(table), strict=True) if ok]
    codes = desk.session.table.x[:, 2].tolist()
    assert codes == [["Adelie", "Chinstrap", "Gentoo"].index(text) for text in texts if text is not None]
    levels = ["Adelie", "Chinstrap", "Gentoo"]
    assert desk.ask("edge", {"edge": [0, 0, 2]})["meaning"] == {"kind": "codes", "of": "species", "levels": levels}
    assert desk.ask("edge", {"edge": [0, 0, 0]})["meaning"] is None
    assert {row["name"]: row["text"] for row in desk.ask("row", {"index": 0})["texts"]}["species"] == texts[0]


def kept(table: ew.io.Table) -> np.ndarray:
    numbers = np.isfinite(table.inputs(["flipper_length_mm", "body_mass_g"])).all(axis=1)
    return numbers & np.array([text is not None for text in table.texts["sex"]])


def test_a_session_with_text_is_replayed_by_its_script(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.ask("begin", PENGUINS)
    read = ew.io.read_table(tmp_path / "penguins-numbers.csv")
    assert torch.equal(torch.as_tensor(read.inputs(desk.session.names)), desk.session.table.x)


def test_dates_become_days(tmp_path: Path) -> None:
    lines = [f"2024-01-{day:02d},{day * day}" for day in range(1, 30)]
    (tmp_path / "days.csv").write_text("\n".join(["day,y", *lines]))
    desk = Desk(tmp_path)
    notes = desk.ask("open_table", {"file": "days.csv"})["notes"]
    assert "Text and dates become numbers where they are ticked: 'day'." in notes
    desk.ask("begin", {"file": "days.csv", "target": "y", "inputs": ["day"]})
    assert desk.session.table.x[:3, 0].tolist() == [19723.0, 19724.0, 19725.0]


def test_text_that_says_little_is_no_input(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    columns = {one["name"]: one for one in desk.ask("open_table", {"file": "orbits"})["columns"]}
    assert columns["primary"]["why"] is None
    assert columns["body"]["why"] == "it is text with 44 different values in 44 rows"
    with pytest.raises(InputError, match="'body' cannot be an input: it is text with 44"):
        desk.ask("plan", {"file": "orbits", "target": "period_days", "inputs": ["body"]})
    with pytest.raises(InputError, match="target"):
        desk.ask("plan", {"file": "penguins", "target": "species", "inputs": ["year"]})


def test_messages_on_the_page_name_no_options_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes(
        "Länge;y\n".encode("latin-1") + b"\n".join(b"%d,5;%d,5" % (k, k * k) for k in range(20))
    )
    notes = Desk(tmp_path).ask("open_table", {"file": "old.csv"})["notes"]
    assert notes[0] == "The text is not UTF-8 (line 1) and is read as cp1252."


def test_the_law_is_shown_without_logarithms(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.ask("begin", KEPLER)["undone"] is None
    desk.change(desk.session.fit("auto", sparsity=0.01).snap_all().round_constants())
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


def test_a_text_is_ticked_on_the_page(open_studio: Callable[..., Any], look: Callable[..., Page]) -> None:
    studio = open_studio("penguins")
    page = look(studio)
    page.get_by_label("species is an input").check()
    assert page.get_by_label("species is the target").count() == 0
    page.get_by_text("Column 'species' as numbers: 0 is 'Adelie'").wait_for()
    page.get_by_role("button", name="Open without training").click()
    page.locator('.edge[data-edge="0,0,4"]').click()
    page.get_by_text("0 is Adelie, 1 is Chinstrap, 2 is Gentoo").wait_for()
    assert studio.session.names[-1] == "species"


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
