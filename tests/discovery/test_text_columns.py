"""A text column that repeats what numbers say does not hide a law; one that matters stays in the formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.discovery import Discovery
from edgewise.discovery.enumeration import SEARCHED, Enumerated
from edgewise.discovery.tables import Problem

SPEED = "speed of sound (m/s)"
HEATS = {  # molar mass in g/mol, heat capacity over the gas constant at 0 K, and its slope per 1000 K
    "methane": (16.0428, 2.2, 7.9), "nitrogen": (28.01348, 3.3, 0.7), "argon": (39.948, 2.5, 0.0),
    "helium": (4.002602, 2.5, 0.0), "hydrogen": (2.01588, 3.3, 0.45),
}  # fmt: skip


def gases(apart: float = 0.0) -> pd.DataFrame:
    """Speeds of sound, rounded; gases differ by `apart` from the ideal one, more where they are cold."""
    rows = []
    for number, (fluid, (mass, heat, slope)) in enumerate(HEATS.items()):
        for temperature in np.linspace(200, 800, 13):
            ratio = round(1 / (1 - 1 / (heat + slope * temperature / 1000)), 7)
            speed = np.sqrt(8.314462618 * ratio * temperature / (mass / 1000))
            speed *= 1 + apart * (number - 2 - (250 / temperature) ** 1.5)
            rows.append((fluid, temperature, mass, ratio, float(f"{speed:.7g}")))
    return pd.DataFrame(rows, columns=["fluid", "T (K)", "M (g/mol)", "cp/cv", SPEED])


def searched(table: pd.DataFrame, target: str, effort: int = 3000) -> Discovery:
    return ew.discover(table.drop(columns=target), table[target], effort=effort)


def is_ideal(formula: sympy.Expr) -> bool:
    mass, temperature, ratio = map(sympy.Symbol, ("M (g/mol)", "T (K)", "cp/cv"))
    factor = formula / sympy.sqrt(temperature * ratio / mass)
    return bool(factor.is_number) and abs(float(factor) / np.sqrt(8314.462618) - 1) < 1e-4


@pytest.mark.parametrize("apart", [0.0, 1e-6])
def test_a_redundant_text_column_hides_no_law(apart: float) -> None:
    found = searched(gases(apart), SPEED)
    assert is_ideal(found.best.expression) and found.best.complexity == 8
    assert found.best is found[-1] or found.reason.startswith("Formula ")
    assert "formulas by evolution" not in [each.stage for each in found.log]  # the law ends the search


def test_a_law_stays_where_longer_formulas_have_more_weight() -> None:
    found = searched(gases(1e-6), SPEED)
    heaviest = int(found.weights.argmax())
    assert found[heaviest] is not found.best and found[heaviest].fitted > found.best.fitted
    assert found.reason in found.conclusion() and found.reason.startswith(f"Formula {heaviest} has the largest weight")
    assert found.reason.endswith("of the standard deviation, which the other one only corrects.")


def test_a_text_column_that_matters_stays() -> None:
    rng = np.random.default_rng(14)
    k, x, z = rng.integers(0, 3, 120), *rng.uniform(1, 5, (2, 120))
    table = pd.DataFrame({"mode": np.array(["low", "mid", "high"])[k], "x": x, "z": z})
    exact = searched(table.assign(y=x * z + np.array([0.0, 3.5, -2.0])[k]), "y")
    assert exact.outcome.name == "EXACT" and {"mode_low", "mode_mid"} <= {*map(str, exact.best.expression.free_symbols)}
    noisy = searched(table.assign(y=np.array([1.0, 2.0, 3.2])[k] * x + rng.normal(0, 0.1, 120)), "y")
    assert {"mode_low", "mode_mid"} <= {*map(str, noisy.best.expression.free_symbols)} and noisy.best.held_out < 0.06


def test_levels_of_a_category_leave_formulas_to_compare() -> None:
    rng = np.random.default_rng(0)
    numbers, level = rng.uniform(1, 3, (SEARCHED, 3)), rng.integers(0, 4, SEARCHED)
    x = np.column_stack([level[:, None] == [1, 2, 3], numbers]).astype(float)
    y = numbers[:, 0] + np.exp(-numbers[:, 1] * numbers[:, 2]) + (level == 2) + 0.01 * rng.normal(size=SEARCHED)
    names = tuple(sympy.symbols("a b c x y z"))
    problem = Problem(torch.from_numpy(x), names, torch.from_numpy(y), torch.ones(SEARCHED, dtype=torch.float64))
    small = Enumerated(problem, lambda: False)
    assert [*small.short] == [] and [*small.long] == []  # products of two levels are zero on all rows


def test_no_constant_of_the_best_formula_is_below_its_standard_error() -> None:
    rng = np.random.default_rng(3)
    x = pd.DataFrame({"length": rng.uniform(180, 240, 90), "male": rng.integers(0, 2, 90) * 1.0})
    y = 22 * x["length"] + 600 * x["male"] + rng.normal(0, 300, 90)
    found = ew.discover(x, y, effort=500)
    assert all(each.error < abs(each.value) for each in found.constants())
