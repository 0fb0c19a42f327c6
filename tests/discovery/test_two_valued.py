"""Inputs of two values appear in formulas as factors or in sums: any function of one is a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import edgewise as ew
from edgewise.discovery.judging import lines_of_binaries, two_valued
from edgewise.expressions import evaluate
from tests.fuzzing import fuzz


def bent(expression: Any, names: set[str]) -> list[Any]:
    """Return functions and powers of inputs of two values alone."""
    return [
        part
        for part in sympy.preorder_traversal(expression)
        if (part.is_Function or part.is_Pow) and part.args[0].free_symbols
        if {str(s) for s in part.args[0].free_symbols} <= names
    ]


def random_formula(rng: np.random.Generator, names: list[str], depth: int = 3) -> sympy.Expr:
    """Return a formula of functions, sums, products and powers."""
    if depth == 0 or rng.uniform() < 0.2:
        return sympy.Symbol(str(rng.choice(names)))
    inner = random_formula(rng, names, depth - 1)
    constant = sympy.Float(round(float(rng.uniform(0.2, 2)), 2))
    match int(rng.integers(5)):
        case 0:
            return (sympy.cos, sympy.tanh, sympy.exp, sympy.Abs)[int(rng.integers(4))](constant * inner)
        case 1:
            return (inner + constant) ** int(rng.integers(2, 4))
        case 2:
            return constant * inner + random_formula(rng, names, depth - 1)
        case 3:
            return inner * random_formula(rng, names, depth - 1)
        case _:
            return 1 / (sympy.Abs(inner) + constant)


@fuzz(60)
@given(seed=st.integers(0, 10**6))
def test_any_formula_has_the_same_values_without_functions_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ["a", "d", "e"]
    x = np.column_stack([rng.uniform(-2, 2, 40), rng.integers(0, 2, 40), rng.choice([1.5, 4.0], 40)])
    levels = two_valued(names, x)
    assert set(levels) == {"d", "e"}
    formula = random_formula(rng, names)
    written = lines_of_binaries(formula, levels)
    assert not bent(written, set(levels)), (formula, written)
    with np.errstate(all="ignore"):
        before, after = evaluate(formula, names, x), evaluate(written, names, x)
    good = np.isfinite(before) & (np.abs(before) < 1e6)
    np.testing.assert_allclose(after[good], before[good], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))])
def test_no_search_shows_functions_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 80
    x = np.column_stack([rng.uniform(0.2, 3, n), rng.integers(0, 2, n), rng.choice([2.0, 5.0], n)])
    y = np.tanh(x[:, 0] + 0.4 * x[:, 1]) + 0.3 * x[:, 1] * x[:, 0] + 0.1 * x[:, 2] ** 1.3 + rng.normal(0, 0.1, n)
    found = ew.discover(x, y, names=["a", "d", "e"], effort=1000, seed=seed)
    for candidate in found:
        assert not bent(candidate.expression, {"d", "e"}), candidate


def test_an_exact_law_of_two_values_keeps_its_form() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.uniform(1, 3, 60), rng.choice([1.0, 2.0], 60)])
    found = ew.discover(x, 3 * x[:, 0] ** 2 / x[:, 1] ** 2, names=["m", "r"])
    assert found.outcome.name == "EXACT", found
