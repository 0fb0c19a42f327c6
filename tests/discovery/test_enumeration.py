"""Systematic search: every small formula is in the dictionary, and laws that other searches miss are found."""

import re

import numpy as np
import pytest
import sympy

import edgewise as ew
from edgewise.discovery.enumeration import Enumeration, Nearly, Peeled
from edgewise.expressions import evaluate
from edgewise.formulas.programs import Program

FUNCTIONS = ("{}**2", "{}**3", "1/{}", "sqrt({})", "exp({})", "log({})", "sin({})", "cos({})", "tanh({})")


def rows(columns: int, count: int = 300, low: float = 0.5, high: float = 2.5) -> np.ndarray:
    return np.random.default_rng(3).uniform(low, high, (count, columns))


def values(formula: str, x: np.ndarray) -> np.ndarray:
    names = [f"x{k}" for k in range(x.shape[1])]
    return sympy.lambdify(names, sympy.sympify(formula), "numpy")(*x.T)


def tree(symbols: int, columns: int, rng: np.random.Generator) -> str:
    """Draw a formula with a number of symbols."""
    if symbols == 1:
        return str(rng.choice([f"x{k}" for k in range(columns)] + ["1"]))
    if symbols == 2 or rng.random() < 0.5:
        return rng.choice(FUNCTIONS).format(f"({tree(symbols - 1, columns, rng)})")
    left = int(rng.integers(1, symbols - 1))
    one, two = tree(left, columns, rng), tree(symbols - 1 - left, columns, rng)
    return f"(({one}){rng.choice(list('+-*/'))}({two}))"


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_programs_have_the_values_of_the_dictionary(columns: int) -> None:
    x = rows(columns)
    search = Enumeration(x, x[:, 0])
    pool = search.pool
    for place in np.random.default_rng(0).integers(len(pool), size=200):
        program = Program.of(pool.store.nodes(int(pool.numbers[place])))
        np.testing.assert_allclose(program.predict(search.x), pool.values[place], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("columns", [1, 2])
def test_every_formula_of_few_symbols_is_in_the_dictionary(columns: int) -> None:
    x, rng = rows(columns), np.random.default_rng(columns)
    search = Enumeration(x, x[:, 0])
    pool = search.pool
    unit = pool.values - pool.values.mean(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    tried = 0
    while tried < 60:
        formula = tree(int(rng.integers(2, search.symbols + 1)), columns, rng)
        with np.errstate(all="ignore"):
            y = np.broadcast_to(values(formula, search.x), len(search.x)).astype(float)
        size = np.abs(y).max()
        if not np.isfinite(y).all() or not 1e-6 < size < 1e6 or np.ptp(y) < 1e-3 * size:
            continue
        tried += 1
        centered = (y - y.mean()) / np.linalg.norm(y - y.mean())
        assert np.abs(unit @ centered).max() > 1 - 1e-9, formula


LAWS = {
    "-1.2*x0**6 + 0.7*x0**5 + 2*x0**4 - x0**3 + 0.3*x0**2 - 1.1*x0": 1,
    "log(x0 + 2) + log(x0**2 + 3)": 1,
    "2.4/(1 - x0 - 0.1*x1 + log(x1 + 1))": 2,
    "3*(sin(x0) - tanh(x1))**4": 2,
    "2.5*x0*(tanh(x1) - x1*x2) + 0.4*x1*sin(x1)": 3,
    "0.44*x0 - x0/cos(x0)": 1,
    "x0 - tanh(1.2649*x0*sqrt(x0))": 1,
    "sin(x0*tanh(tanh(log(x0 + x1))))": 2,
    "x1 + (sin(x1) - cos(sqrt(x0)))**3": 2,
    "(x1 + 2.9)*sqrt(tanh(exp(cos(x0))))": 2,
    "sin(sqrt(x0 - 0.29))**2": 1,
    "exp(cos(cos(tanh(x0))) + cos(tanh(x1)))": 2,
}


@pytest.mark.parametrize("law", LAWS)
def test_laws_are_found_exactly(law: str) -> None:
    x = rows(LAWS[law], 1000, 0.3, 3.0)
    y = values(law, x)
    search = Enumeration(x, y)
    best = min([*search.short(), *search.long()], key=lambda each: each.error)
    fresh = np.random.default_rng(9).uniform(0.3, 3.0, x.shape)
    found = best.program.predict(fresh)
    usual = np.abs(values(law, fresh)) < 100
    np.testing.assert_allclose(found[usual], values(law, fresh)[usual], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_what_is_found_by_undoing_operations_has_the_values_of_the_target(columns: int) -> None:
    x, rng = rows(columns, 64), np.random.default_rng(columns)
    tried = 0
    while tried < 8:
        formula = tree(6, columns, rng)
        if sympy.sympify(formula).has(sympy.zoo, sympy.nan):
            continue
        with np.errstate(all="ignore"):
            y = np.broadcast_to(values(formula, x), len(x)).astype(float)
        if not np.isfinite(y).all() or np.ptp(y) < 1e-3 * np.abs(y).max():
            continue
        tried += 1
        found = [Program.of(nodes).predict(x) for part in Peeled(x, y, 4, 2).found() for nodes in part]
        apart = [np.abs(each - y).max() / np.ptp(y) for each in found]
        assert min(apart) < 1e-6 if found else re.search(r"sin|cos|\*\*2", formula), formula  # another branch


def test_operations_are_undone_on_rows_of_one_place() -> None:
    y = np.random.default_rng(0).standard_normal(24)
    assert not [formula for part in Peeled(np.full((24, 1), 3.0), y, 5, 3).found() for formula in part]


def test_most_rows_may_have_the_largest_target() -> None:
    x = np.linspace(0, 1, 40)[:, None]
    assert len(list(Enumeration(x, (x[:, 0] > 0.3) * 2.0).first())) == 0


def test_a_law_with_a_pole_is_discovered() -> None:
    """Its largest values decide every regression on all rows."""
    x = rows(2, 1000, 0.3, 3.0)
    found = ew.discover(x, values("2.4/(1 - x0 - 0.1*x1 + log(x1 + 1))", x), names=["u", "v"])
    assert found.outcome.name == "EXACT" and found.best.error < 1e-8


@pytest.mark.slow
def test_what_was_tried_without_gaps_is_said() -> None:
    x = rows(1, 200)
    wavy = np.sin(7 * np.exp(np.cos(3 * x[:, 0]) * np.tanh(x[:, 0] ** 2)))
    found = ew.discover(x, wavy, names=["t"], effort=500)
    assert "Every formula a*f + b with f of at most 5 symbols was tried (symbols: t, 1" in str(found)
    exact = ew.discover(x, 2 * x[:, 0] + 1, names=["t"], effort=500)
    assert "Every formula" not in str(exact)


def test_units_do_not_matter_to_what_is_tried() -> None:
    x = rows(2) * np.array([3e9, 2e-12])
    y = x[:, 0] / x[:, 1] ** 2
    search = Enumeration(x, y)
    best = [*search.best_of_each()][-1]
    assert best.error < 1e-24 and search.symbols == 4
    np.testing.assert_allclose(next(search.short()).program.predict(x), y, rtol=1e-9)


def test_what_only_comes_near_is_no_exact_formula() -> None:
    x = rows(1, 200)
    noisy = 0.7 * x[:, 0] + 2 + 0.4 * np.random.default_rng(1).standard_normal(200)
    search = Enumeration(x, noisy)
    assert not [*search.short()] and not [*search.long()]
    assert all(1e-3 < each.error < 1 for each in search.best_of_each())


@pytest.mark.parametrize(
    ("law", "most"), [("x1**2*cos(1.6*x1)", 6), ("x1**2 + 2*exp(0.7*x2)", 9), ("sin(2*x1) + x2**3 - tanh(x3)", 18)]
)
def test_sums_of_small_formulas_are_seen_through_noise(law: str, most: int) -> None:
    form = sympy.sympify(law)
    names = sorted(map(str, form.free_symbols))
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 2.5, (600, len(names)))
    truth = evaluate(form, names, x)
    y = truth + 0.1 * truth.std() * rng.standard_normal(len(x))
    found = Nearly(x, y, np.ones(len(x))).programs()
    near = [each for each in found if np.mean((each.predict(x) - truth) ** 2) < 6e-4 * truth.var()]
    assert near and min(each.complexity for each in near) <= most


@pytest.mark.parametrize("values", [1, 2, 3])
def test_sums_are_tried_of_columns_of_few_values(values: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, values, (60, 1)).astype(float)
    found = Nearly(x, x[:, 0] + 0.1 * rng.standard_normal(60), np.ones(60)).programs()
    assert bool(found) == (values > 1)


def test_weights_say_which_rows_a_sum_comes_near_to() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 2.5, (300, 1))
    first = rng.random(300) < 0.5
    y = np.where(first, np.exp(x[:, 0]), np.cos(3 * x[:, 0])) + 0.01 * rng.standard_normal(300)
    for weights, truth in ((first, np.exp(x[:, 0])), (~first, np.cos(3 * x[:, 0]))):
        best = Nearly(x, y, np.where(weights, 1.0, 1e-6)).programs()[0]
        assert np.mean(np.square(best.predict(x) - truth)) < 1e-3


def test_a_formula_under_noise_is_discovered_where_it_is_small() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0.5, 2.5, 400)
    y = x**2 * np.cos(1.6 * x)
    found = ew.discover(x[:, None], y + 0.1 * y.std() * rng.standard_normal(400), names=["x"], effort="quick")
    assert re.fullmatch(r"x\*\*2\*cos\(1\.60\d*\*x\)", str(found.best.expression))
    assert found.outcome.name == "NOISE"
