"""The shipped tables: each is there, readable, and explained."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from edgewise import InputError, datasets
from edgewise.io import read_table


@pytest.mark.parametrize("name", datasets.names())
def test_every_table_reads_and_names_its_columns_in_the_note_kept_it(name: str) -> None:
    table = read_table(datasets.path(name))
    note = datasets.path(name).with_suffix(".md").read_text(encoding="utf-8")
    assert table.n_rows > 0
    for column in [*table.names, *(column for column, _ in table.left_out)]:
        assert f"`{column}`" in note


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="Unknown dataset 'orbit'"):
        datasets.path("orbit")


def test_orbits_follow_the_third_law_as_closely_as_the_note_says() -> None:
    table = read_table(datasets.path("orbits"))
    assert table.n_rows == 44
    axis, mass, period = (table.columns[name] for name in ("semi_major_axis_km", "primary_mass_kg", "period_days"))
    assert len(np.unique(mass)) == 7
    constant = 2 * math.pi / math.sqrt(6.6743e-11) * 1000**1.5 / 86400
    assert constant == pytest.approx(2.8149e5, rel=1e-4)
    deviation = np.abs(period / (constant * axis**1.5 / np.sqrt(mass)) - 1)
    assert np.median(deviation) < 2.6e-4
    assert deviation.max() < 9e-3


def test_the_equations_are_120_with_all_their_variables_in_them() -> None:
    found = datasets.equations()
    assert len(found) == 120 and len({equation.name for equation in found}) == 120
    for equation in found:
        words = set(re.findall(r"[A-Za-z_]\w*", equation.formula))
        known = {"exp", "sqrt", "pi", "sin", "cos", "tanh", "arcsin", "arccos", "ln"}
        assert words - known == set(equation.names), equation.name
        x = equation.sample(50, seed=1)
        assert (x >= [v.low for v in equation.variables]).all() and (x <= [v.high for v in equation.variables]).all()
    with pytest.raises(InputError, match=r"I\.6\.2"):
        datasets.feynman("I.6.3")


def test_the_systems_are_seven_pairs_with_four_starts() -> None:
    found = datasets.strogatz()
    assert [system.derivative for system in found] == ["x", "y"] * 7
    assert all(len(system.starts) == 4 for system in found)
