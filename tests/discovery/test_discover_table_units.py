"""Units that come with a table: taken where all can be read, and told in the notes."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import edgewise as ew
from edgewise.cli import main
from edgewise.io import frame_of, read_table

QUICK: dict[str, Any] = {"effort": 20, "time_limit": 300.0}


def fall(path: Path, *, units: str = "s,m/s,m,m", kind: str = "") -> Path:
    rng = np.random.default_rng(0)
    t, v = rng.uniform(1, 3, 40), rng.uniform(2, 5, 40)
    lines = ["t,v,x,z", units] if units else ["t,v,x,z"]
    lines += [f"{a!r},{b!r},{a * b!r},{9.81 * a * a / 2!r}" for a, b in zip(t.tolist(), v.tolist(), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_from_a_file_hands_its_units_on(tmp_path: Path) -> None:
    table = read_table(fall(tmp_path / "fall.csv"))
    rows = table.select("x", ["t", "v"])
    found = ew.discover(rows.x, rows.y, rows.names, target="x", units=table, **QUICK)
    assert str(found.best.expression) == "t*v" and found.notes[-1] == "Units by the table: t in s, v in m/s, x in m."
    assert any("You asked for units: t = s, v = m/s, x = m" in stage for stage in found.stages)
    assert found.predict(rows.x).shape == (40,)


def test_a_data_frame_hands_its_units_on_for_several_targets_and_levels(tmp_path: Path) -> None:
    table = read_table(fall(tmp_path / "fall.csv"))
    x, y = frame_of(table, ["t", "v"]), frame_of(table, ["x", "z"])
    x["kind"] = ["a", "b"] * 20
    found: Any = ew.discover(x, y, units="table", **QUICK)
    assert str(found["x"].best.expression) == "t*v" and found["z"].best.r2 > 0.999
    assert found["x"].notes[-1] == "Units by the table: t in s, v in m/s, x in m; without: kind_b."
    assert found["z"].notes[-1].startswith("Units by the table: t in s, v in m/s, z in m")


@pytest.mark.parametrize(
    ("units", "note"),
    [
        ({"t": "s", "v": "furlongs per moon"}, "Units of the table are not used: 'furlongs per moon' is no unit"),
        ({"t": "-", "v": "", "x": "1"}, "Units of the table are not used: no column has one."),
        ({"t": "rad", "v": "", "x": "%"}, "Units of the table are not used: none has a dimension."),
        (None, "Units of the table are not used: no column has one."),
    ],
)
def test_units_that_say_nothing_are_noted_and_change_nothing(units: dict[str, str] | None, note: str) -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.uniform(1, 2, (30, 2)), columns=["t", "v"])
    y = pd.Series(x.t * x.v, name="x")
    if units is not None:
        x.attrs["units"] = units
    found = ew.discover(x, y, units="table", **QUICK)
    assert str(found.best.expression) == "t*v" and found.notes[-1].startswith(note)


def test_units_of_a_table_hold(tmp_path: Path) -> None:
    table = read_table(fall(tmp_path / "fall.csv", units="s,m/s,kg,m"))
    rows = table.select("x", ["t", "v"])
    found = ew.discovery.discover_directly(rows.x, rows.y, rows.names, target="x", units=table)
    assert "t*v" not in [str(each.expression) for each in found]


def test_the_command_takes_the_units_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fall(tmp_path / "fall.csv")
    said = io.StringIO()
    options = ["--target", "x", "--inputs", "t,v", "--units", "file", "--effort", "20", "--time-limit", "300"]
    with redirect_stdout(said):
        assert main(["discover", "fall.csv", *options]) == 0
    assert "Units by the table: t in s, v in m/s, x in m." in " ".join(said.getvalue().split())
    assert 'units = "file"' in Path("edgewise-report/search.toml").read_text()


def test_columns_of_text_and_columns_that_do_not_vary_need_no_unit_and_can_be_forbidden() -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"m": rng.uniform(1, 3, 40), "g": 9.81, "kind": rng.choice(["a", "b"], 40)})
    force = pd.Series(x.m * 9.81, name="F")
    found = ew.discover(x, force, units={"m": "kg", "g": "m/s^2", "F": "N"}, forbid=["kind", "g"], **QUICK)
    assert str(found.best.expression).startswith("9.81") and "m" in found.names
    with pytest.raises(ew.InputError, match="'units' names no unit of 'm'"):
        ew.discover(x, force, units={"g": "m/s^2"}, **QUICK)
