"""The known equations: all are there, each with its variables."""

from __future__ import annotations

import re

import pytest

from edgewise import InputError
from edgewise_bench import datasets


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
