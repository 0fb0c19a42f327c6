"""Logarithms in the form that begins a session: the table that is written, and the formula that comes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import InputError
from edgewise.studio import Desk

NAMES = ["primary_mass_kg", "semi_major_axis_km"]
KEPLER = {"file": "orbits", "target": "period_days", "inputs": NAMES, "logs": [*NAMES, "period_days"]}


def test_kepler_s_law_is_two_steps_from_the_orbits(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert "Tick ln" in desk.ask("open_table", {"file": "orbits"})["notes"][-1]
    answer = desk.ask("begin", {**KEPLER, "widths": [2, 1], "units": {"period_days": "day"}})
    assert answer["names"] == [f"ln_{name}" for name in NAMES] and answer["targets"] == ["ln_period_days"]
    assert desk.session.units == {}
    formula = desk.session.fit("auto").snap_all().round_constants().formula()
    assert str(formula).startswith("-ln_primary_mass_kg/2 + 3*ln_semi_major_axis_km/2 + 12.5")


def test_the_rows_with_logarithms_replay_the_session(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    answer = desk.ask("begin", KEPLER)
    path = desk.drawers["start"]["table"]
    assert path == desk.folder / "orbits-log.csv" and answer["file"] == "orbits-log.session"
    assert answer["notes"][0] == "The rows with logarithms are in orbits-log.csv."
    read, table = ew.io.read_table(path), desk.session.table
    assert torch.equal(torch.as_tensor(read.inputs(desk.session.names))[desk.session.rows], table.x)
    raw = ew.io.read_table(ew.datasets.path("orbits")).columns["period_days"]
    np.testing.assert_array_equal(read.columns["ln_period_days"], np.log(raw))
    desk.session.export_script(tmp_path / "replay.py", path)
    desk.ask("begin", KEPLER)
    assert desk.drawers["start"]["table"].name == "orbits-log-2.csv"


def test_only_chosen_columns_are_in_the_table_of_logarithms(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    form = {"file": "penguins", "target": "body_mass_g", "inputs": ["bill_length_mm"], "logs": ["body_mass_g", "year"]}
    planned = desk.ask("plan", form)
    assert (planned["inputs"], planned["target"], planned["rows"]) == (["bill_length_mm"], "ln_body_mass_g", 342)
    assert not list(tmp_path.iterdir())
    desk.ask("begin", form)
    read = ew.io.read_table(tmp_path / "penguins-log.csv")
    assert read.names == ["bill_length_mm", "ln_body_mass_g"] and read.n_rows == 342


@pytest.mark.parametrize(
    ("logs", "message"),
    [
        (["a"], "'a' has no logarithm in 1 of 40 rows"), (["b"], "'b' has no logarithm in 21 of 40 rows"),
        ("ab", "'logs' are names"), ([1], "'logs' are names"),
    ],
)  # fmt: skip
def test_what_has_no_logarithm_is_said(tmp_path: Path, logs: object, message: str) -> None:
    lines = [f"{k},{k - 20.25},{k * k % 29 + 1},{k % 3 + 1}" for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,ln_y,y", *lines]))
    desk = Desk(tmp_path)
    form = {"file": "t.csv", "target": "ln_y", "inputs": ["a", "b", "y"]}
    with pytest.raises(InputError, match=message):
        desk.ask("begin", {**form, "logs": logs})
    assert not list(tmp_path.glob("*-log*"))
    desk.ask("begin", {**form, "logs": ["y"]})
    assert desk.session.names == ["a", "b", "ln_y_"] and desk.session.targets == ["ln_y"]
