"""Formulas found straight from a table, exact and noisy, and tables from which there are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy

from edgewise import InputError, datasets
from edgewise.discovery import discover_directly
from edgewise.discovery.generators import _direct, _rational
from edgewise.expressions import FitData, FittedFormula, evaluate

x, y, z, w = sympy.symbols("x y z w")


def on_table(fit: Callable[[FitData, float], list[FittedFormula]]) -> Callable[..., list[FittedFormula]]:
    def found(names, inputs, target, noise=0.0, weight=None):  # type: ignore[no-untyped-def]
        return fit(FitData.of(names, inputs, target, weight), noise)

    return found


power_law, polynomial, rational = map(on_table, (_direct.power_law, _direct.polynomial, _rational.rational))
DIRECT = [power_law, polynomial, rational]


def table(
    expr: sympy.Expr, seed: int, noise: float, low: float = 0.5, high: float = 3.0, n: int = 1000
) -> tuple[list[str], np.ndarray, np.ndarray]:
    names = sorted(s.name for s in expr.free_symbols)
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(low, high, (n, len(names)))
    target = evaluate(expr, names, inputs)
    return names, inputs, target + noise * target.std() * rng.standard_normal(n)


def same(found: list[FittedFormula], expr: sympy.Expr) -> bool:
    if not found:
        return False
    difference = found[0].expression - expr
    if difference.is_rational_function():
        return sympy.cancel(sympy.together(difference)) == 0
    positive = {s: sympy.Symbol(s.name, positive=True) for s in expr.free_symbols}
    return sympy.simplify(difference.subs(positive)) == 0


POWERS = [
    2 * sympy.pi * sympy.sqrt(x / y),
    x**2 * y / z,
    -3 * x ** sympy.Rational(3, 4) * y ** sympy.Rational(-2, 3),
    x * y * z / w**2,
]


@pytest.mark.parametrize("expr", POWERS)
def test_power_laws(expr: sympy.Expr) -> None:
    exact = power_law(*table(expr, 0, 0.0))
    assert same(exact, expr)
    assert exact[0].error < 1e-13
    assert sum(same(power_law(*table(expr, s, 0.01), noise=0.01), expr) for s in range(5)) >= 4


def test_power_law_with_signs_and_unused_variables() -> None:
    names, inputs, _ = table(x + y + z, 0, 0.0, -2, 2)
    target = 5 * inputs[:, 0] ** 3 / inputs[:, 1]
    assert power_law(names, inputs, target)[0].expression == 5 * x**3 / y
    target = np.abs(inputs[:, 0]) * inputs[:, 2]
    assert power_law(names, inputs, target)[0].expression == z * sympy.Abs(x)
    negative = -np.abs(inputs)
    target = np.sqrt(-negative[:, 0]) * negative[:, 1]
    assert power_law(names, negative, target)[0].expression == y * sympy.sqrt(-x)


def test_power_law_with_other_exponents() -> None:
    names, inputs, _ = table(x * y, 0, 0.0)
    found = power_law(names, inputs, 3 * inputs[:, 0] ** 0.7)
    assert found[0].expression == 3 * x ** sympy.Rational(7, 10)


def test_keplers_third_law_from_real_orbits() -> None:
    orbits = np.genfromtxt(datasets.path("orbits"), delimiter=",", names=True, dtype=None, encoding="utf-8")
    mass, axis, period = (orbits[c] for c in ("primary_mass_kg", "semi_major_axis_km", "period_days"))
    found = power_law(["M", "a"], np.column_stack([mass, axis]), period, noise=0.003, weight=1 / period)
    constant, law = found[0].expression.as_coeff_Mul()
    big, axis_symbol = sympy.symbols("M a")
    assert law == axis_symbol ** sympy.Rational(3, 2) / sympy.sqrt(big)
    kepler = 2 * np.pi * 1e9**0.5 / np.sqrt(6.6743e-11) / 86400
    assert float(constant) == pytest.approx(kepler, rel=2e-3)
    assert found[0].error < 5e-3


POLYNOMIALS = [
    x * y + z * w,
    x * (y - z) + 5 * w / 2,
    x**3 - 2 * x * y**2 + 1,
    sympy.Rational(1, 2) * x * (y**2 + z**2),
]


@pytest.mark.parametrize("expr", POLYNOMIALS)
@pytest.mark.parametrize("low", [-2.0, 0.5])
def test_polynomials(expr: sympy.Expr, low: float) -> None:
    exact = polynomial(*table(expr, 0, 0.0, low))
    assert same(exact, expr)
    assert exact[0].error < 1e-12
    assert sum(same(polynomial(*table(expr, s, 0.01, low), noise=0.01), expr) for s in range(5)) >= 3


def test_polynomials_stay_within_small_tables() -> None:
    names, inputs, target = table(x * y + z * w, 0, 0.0, n=40)
    assert polynomial(names, inputs, target) == []
    names, inputs, target = table(x + 2 * y, 0, 0.0, n=20)
    assert polynomial(names, inputs, target)[0].expression == x + 2 * y


RATIONALS = [
    x * y,
    x / y,
    (x + y) / (1 + x * y),
    x * (1 / y - 1),
    x * y + z * w,
    1 / (x / y + 1 / z),
    x**2 * y / z,
]


@pytest.mark.parametrize("expr", RATIONALS)
@pytest.mark.parametrize("low", [-2.0, 0.5])
def test_quotients_of_exact_data(expr: sympy.Expr, low: float) -> None:
    found = rational(*table(expr, 0, 0.0, low))
    assert same(found, expr)
    assert found[0].error < 1e-11


@pytest.mark.parametrize("expr", RATIONALS)
def test_quotients_of_noisy_data(expr: sympy.Expr) -> None:
    found = [rational(*table(expr, s, 0.01), noise=0.01) for s in range(5)]
    assert sum(same(f, expr) for f in found) >= 4
    assert all(f[0].error < 0.011 for f in found if f)


def test_quotients_with_constants_that_are_not_nice() -> None:
    names, inputs, _ = table(x * y, 0, 0.0)
    u, v = inputs.T
    found = rational(names, inputs, 1.2345678 * u / (v + 0.7654321 * u))
    assert found[0].error < 1e-13


@pytest.mark.parametrize("find", DIRECT)
def test_no_candidate_from_what_is_none(find: object) -> None:
    names, inputs, _ = table(x * y, 0, 0.0)
    target = np.sin(3 * inputs[:, 0]) + np.exp(inputs[:, 1] - 5)
    assert find(names, inputs, target) == []
    assert find(names, inputs, np.random.default_rng(0).standard_normal(len(target)), noise=0.01) == []


@pytest.mark.parametrize("find", DIRECT)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_tables_without_a_formula(find: object, noise: float) -> None:
    names, inputs, target = table(x * y, 0, 0.0)
    empty = np.zeros((0, 2))
    assert find(names, empty, np.zeros(0), noise) == []
    assert find(names, np.full_like(inputs, np.nan), target, noise) == []
    assert find(names, inputs, np.zeros_like(target), noise) == []
    assert find(names, inputs[:3], target[:3], noise) == []
    assert find(names, np.zeros_like(inputs), target, noise) == []
    find(names, np.column_stack([inputs[:, 0], inputs[:, 0]]), target, noise)
    find(names, -inputs, np.where(target > 2, -target, target), noise)
    find(names, inputs * np.array([1e200, 1e-200]), target, noise)


@pytest.mark.parametrize("find", DIRECT)
def test_rows_with_nan_are_left_out(find: object) -> None:
    names, inputs, target = table(x * y, 0, 0.0)
    inputs[3, 1] = np.nan
    target[7] = np.inf
    assert find(names, inputs, target)[0].expression == x * y
    weight = np.ones(len(target))
    target[10], weight[10] = 1e6, 0.0
    assert find(names, inputs, target, weight=weight)[0].expression == x * y


def test_a_direct_search_takes_weights_and_what_is_known() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, (60, 2))
    y = x[:, 0] ** 2 / x[:, 1]
    y[:20], weights = 7.0 * x[:20, 1], np.r_[np.zeros(20), np.ones(40)]
    assert str(discover_directly(x, y, ["a", "b"], weights=weights).best.expression) == "a**2/b"
    sigma = np.r_[np.full(20, 1e6), np.full(40, 1e-3)]
    assert str(discover_directly(x, y, ["a", "b"], sigma=sigma).best.expression) == "a**2/b"
    found = discover_directly(x, y, ["a", "b"], weights=weights, forbid="b", max_complexity=6)
    assert all("b" not in str(c.expression) and c.complexity <= 6 for c in found)
    with pytest.raises(InputError, match="'template' needs a search"):
        discover_directly(x, y, ["a", "b"], template="a*?")
