"""Tables as the commands read them: conventions from training to prediction, and names that carry commands."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import edgewise
from edgewise.cli import main
from edgewise.cli._output import console


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(names: list[str], target: str = "y", **said: dict[str, str]) -> None:
    edgewise.save(edgewise.KAN([len(names), 1], seed=0), "m.safetensors", names=names, target=target, **said)


def predicted(table: str, *options: str) -> pd.DataFrame:
    Path("t.tsv").write_text(table, encoding="utf-8")
    assert main(["predict", "m.safetensors", "t.tsv", "--out", "p.csv", *options]) == 0
    return pd.read_csv("p.csv")


def test_predict_reads_a_column_as_fit_did(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.tsv").write_text("a\ty\n" + "".join(f"0,{k}\t{k}\n" for k in range(100, 130)))
    assert main(["fit", "t.tsv", "--target", "y", "--widths", "1,1", "--grid", "3", "--out", "m.safetensors"]) == 0
    assert edgewise.io.load_with_metadata("m.safetensors").decimals == {"a": ",", "y": ","}
    assert predicted("a\tb\n1,500\t1\n")["a"].tolist() == [1.5]
    assert predicted("a\tb\n1,500\t1\n", "--decimal", ".")["a"].tolist() == [1500]
    capsys.readouterr()
    assert predicted("a\tb\n0.500\t1\n")["a"].tolist() == [0.5]
    assert "'a' has decimal points here, and had decimal commas before" in capsys.readouterr().out


def test_predict_reports_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    save(["a"])
    predicted("a\tb\n1,500\t1\n")
    assert "'1,500' in column 'a' is read as 1500, not 1.5" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "=1", "\uff1d1"])
def test_no_name_is_a_formula_in_a_spreadsheet(name: str) -> None:
    save(["a"], target="y")
    frame = predicted(f"a\t{name}\n0.5\t1\n")
    assert list(frame) == ["a", f"'{name}", "y_predicted"]
    save(["a"], target="=y")
    assert list(predicted("a\n0.5\n")) == ["a", "'=y_predicted"]


def test_control_characters_and_markup_are_printed_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    header = "\x1b[31mred\ta[bold]:smile:[/]\t\u202ey"
    Path("t.tsv").write_text(header + "\n" + "".join(f"0.{k}\tword\t{k}\n" for k in range(10, 40)), encoding="utf-8")
    options = ["--widths", "1,1", "--grid", "3", "--out", "m.safetensors"]
    assert main(["fit", "t.tsv", "--target", "\u202ey", *options]) == 0
    printed = capsys.readouterr().out
    assert "a[bold]:smile:[/]" in printed
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert main(["fit", "t.tsv", "--target", "no"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_console_shows_a_table_of_such_names(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    grid = Table()
    grid.add_column("\x1b[2Jhead")
    grid.add_row("\x07bell\x9b2J [/]")
    console().print(grid)
    printed = capsys.readouterr().out
    assert "\\x1b[2Jhead" in printed
    assert "\\x07bell\\x9b2J [/]" in printed
