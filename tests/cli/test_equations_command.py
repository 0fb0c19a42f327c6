"""`edgewise equations`: trajectories and fields in tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edgewise.cli import main

T = np.linspace(0, 5, 40)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_shipped_table_of_lynx_and_hare(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equations", "lynx", "--time", "year", "--effort", "quick", "--out", "lynx.svg"]) == 0
    said = capsys.readouterr().out
    assert "*hare*lynx" in said and "forecast of the last 30 %" in said
    assert Path("lynx.svg").read_text().count("<svg") == 1


def test_groups_are_trajectories_and_dates_are_days(capsys: pytest.CaptureFixture[str]) -> None:
    days = pd.date_range("2021-03-01", periods=40, freq="12h")
    t = np.arange(40) / 2
    parts = [pd.DataFrame({"day": days, "who": who, "dose": 4 * np.exp(-k * t)}) for who, k in (("a", 0.4), ("b", 0.4))]
    pd.concat(parts).sample(frac=1, random_state=0).to_csv("doses.csv", index=False)
    command = ["equations", "doses.csv", "--time", "day", "--groups", "who", "--effort", "quick"]
    assert main([*command, "--terms", "dose, 1", "--only", "--known", "dose=-k*dose"]) == 0
    said = capsys.readouterr().out
    assert "Times are days since 2021-03-01T00:00:00." in said and "dose' = -(0.4000" in said


def test_what_drives_the_states(capsys: pytest.CaptureFixture[str]) -> None:
    x = 1.5 * np.exp(-T) + (np.sin(T) - np.cos(T)) / 2  # x' = sin(t) - x
    pd.DataFrame({"t": T, "x": x, "power": np.sin(T)}).to_csv("oven.csv", index=False)
    assert (
        main(["equations", "oven.csv", "--time", "t", "--inputs", "power", "--states", "x", "--effort", "quick"]) == 0
    )
    (found,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("x' = ")]
    assert "*power" in found and "*x" in found


@pytest.mark.slow
def test_positions_make_it_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    t, x = (a.ravel() for a in np.meshgrid(np.linspace(1, 3, 31), np.linspace(-3, 3, 40), indexing="ij"))
    pd.DataFrame({"t": t, "x": x, "u": np.exp(-(x**2) / t) / np.sqrt(t)}).to_csv("field.csv", index=False)
    command = ["equations", "field.csv", "--time", "t", "--space", "x", "--effort", "quick"]
    assert main([*command, "--out", "field.png"]) == 0
    assert "*u_xx" in capsys.readouterr().out and Path("field.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--time", "day"], "day"),
        (["--time", "year", "--states", "year"], "other columns"),
        (["--time", "year", "--space", "hare", "--hidden", "h"], "--hidden is not taken with --space"),
        (["--time", "year", "--space", "hare", "--only"], "--only is not taken with --space"),
        (["--time", "year", "--known", "hare"], "--known must give"),
        (["--time", "year", "--out", "lynx.txt"], ".svg"),
    ],
)
def test_bad_options_end_in_one_line(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equations", "lynx", *options]) != 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and said in lines[0]
