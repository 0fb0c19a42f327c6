"""Formulas read from additive fits: shapes, constants, scales of the target, odd tables, refusals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import edgewise as ew
from edgewise.formulas.programs import FUNCTIONS
from edgewise.interpret.reading import ReadFormula, between_rows, beyond_rows, read_formulas
from edgewise.tables.additive import AdditiveFit, AdditiveModel, Classes, Gaussian, additive

NAMES = ["a", "b", "c", "d"]


def uniform(rows: int, seed: int = 0) -> np.ndarray:
    r = np.random.default_rng(seed)
    return np.column_stack([r.uniform(low, high, rows) for low, high in ((0.5, 10), (-2, 2), (0, 3), (-1, 1))])


def noisy(values: np.ndarray, share: float = 0.05) -> np.ndarray:
    return values + share * values.std() * np.random.default_rng(1).normal(size=len(values))


def fitted(x: np.ndarray, y: np.ndarray, **options: object) -> AdditiveFit:
    return additive(x, y, [False] * x.shape[1], Gaussian(), **options)


def error(formula: ReadFormula, x: np.ndarray, y: np.ndarray) -> float:
    """The mean squared error over the variance."""
    return float(np.mean((formula.program.predict(x) - y) ** 2) / np.var(y))


def shortest(found: list[ReadFormula], x: np.ndarray, y: np.ndarray, most: float) -> ReadFormula:
    return next(formula for formula in found if error(formula, x, y) < most)


@cache
def of_a_sum() -> tuple[np.ndarray, np.ndarray, AdditiveFit]:
    x = uniform(400)
    y = 2 * np.log(x[:, 0]) + 1.5 * x[:, 1] ** 2 + x[:, 2] * x[:, 3]
    return x, y, fitted(x, noisy(y))


def test_a_sum_of_a_logarithm_a_square_and_a_product_comes_back() -> None:
    x, truth, fit = of_a_sum()
    formula = shortest(read_formulas(fit, x, noisy(truth), NAMES), x, truth, 0.001)
    assert formula.terms == {"a": "log", "b": "x^2", "c * d": "x * x"}
    assert formula.source.startswith("curves and ") and formula.program.complexity < 20
    by_a = np.array([[1.0, 0, 0, 0], [np.e, 0, 0, 0]])
    by_b = np.array([[1.0, 0, 0, 0], [1, 2, 0, 0]])
    by_cd = np.array([[1.0, 0, 0, 0], [1, 0, 2, 1]])
    steps = [np.diff(formula.program.predict(points))[0] for points in (by_a, by_b, by_cd)]
    assert np.allclose(steps, [2, 6, 2], rtol=0.03)


def test_formulas_come_by_complexity_and_the_error_falls() -> None:
    x, truth, fit = of_a_sum()
    y = noisy(truth)
    found = read_formulas(fit, x, y, NAMES)
    sizes = [formula.program.complexity for formula in found]
    assert sizes == sorted(sizes) and sizes[0] <= 2
    assert len({(formula.program.opcodes, formula.program.arguments) for formula in found}) == len(found)
    assert {formula.way for formula in found} == {"price", "band", "backward"}
    assert {"curves", "line"} < {formula.source for formula in found} <= set(fit.candidates)
    best = [min(error(formula, x, y) for formula in found if formula.program.complexity <= size) for size in (2, 8, 15)]
    assert best[0] > best[1] > best[2] and best[2] < 0.005
    short = read_formulas(fit, x, y, NAMES, most_nodes=8)
    assert short and max(formula.program.complexity for formula in short) <= 8


def test_two_readings_are_the_same() -> None:
    x, truth, fit = of_a_sum()
    once, again = (read_formulas(fit, x, noisy(truth), NAMES) for _ in range(2))
    assert once == again


def test_a_logarithmic_target_becomes_an_exponential_of_the_raw_columns() -> None:
    x = uniform(300)[:, :2]
    truth = np.exp(0.4 * x[:, 0] + 0.5 * x[:, 1])
    y = truth * np.exp(0.1 * np.random.default_rng(1).normal(size=len(x)))
    fit = fitted(x, y)
    assert fit.target.name == "log"
    formula = shortest(read_formulas(fit, x, y, NAMES[:2]), x, truth, 0.003)
    assert formula.terms == {"a": "x", "b": "x"} and "exp" in [node.operation for node in formula.program.nodes]
    assert abs(formula.program.predict(x).mean() / y.mean() - 1) < 0.02  # the mean, not the median


def test_a_square_root_of_the_target_becomes_a_square() -> None:
    x = uniform(300)[:, :2]
    y = (1 + x[:, 0] + x[:, 1]) ** 2 * (1 + 0.03 * np.random.default_rng(1).normal(size=len(x)))
    fit = fitted(x, y)
    fit = fit if fit.target.name == "sqrt" else pytest.fail(f"the fit chose {fit.target.name}")
    formula = shortest(read_formulas(fit, x, y, NAMES[:2]), x, y, 0.005)
    assert formula.terms == {"a": "x", "b": "x"} and formula.program.nodes[-1].operation == "square"


def test_a_hidden_node_becomes_a_shape_of_a_sum() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    truth = np.tanh(3 * (x[:, 0] + x[:, 1] ** 2 + 0.5 * x[:, 2]))
    y = truth + 0.03 * np.random.default_rng(1).normal(size=500)
    formula = shortest(read_formulas(fitted(x, y), x, y, NAMES[:3]), x, truth, 0.001)
    assert formula.terms == {"hidden node": "tanh of a sum"} and formula.source == "curves and a hidden node"


def test_a_mapped_column_is_read_raw() -> None:
    r = np.random.default_rng(0)
    x = np.exp(2 * r.normal(size=(300, 2)))
    truth = np.log(x[:, 0]) + np.sqrt(x[:, 1])
    fit = fitted(x, truth + 0.1 * r.normal(size=300))
    formula = shortest(read_formulas(fit, x, truth, NAMES[:2]), x, truth, 0.01)
    assert formula.terms["a"] == "log"


@pytest.mark.parametrize(("name", "curve"), [("sin", np.sin), ("log", np.log), ("x exp(-x)", lambda t: t * np.exp(-t))])
def test_one_column(name: str, curve: Callable[[np.ndarray], np.ndarray]) -> None:
    x = np.random.default_rng(0).uniform(0.5, 9, (200, 1))
    y = noisy(curve(x[:, 0]), 0.02)
    found = read_formulas(fitted(x, y), x, y, ["t"])
    assert {"t": name} in [formula.terms for formula in found]


def test_twenty_rows_and_a_constant_column() -> None:
    r = np.random.default_rng(0)
    x = np.column_stack([r.normal(size=(20, 2)), np.ones(20)])
    y = x[:, 0] - 2 * x[:, 1] + 0.1 * r.normal(size=20)
    formula = shortest(read_formulas(fitted(x, y), x, y, NAMES[:3]), x, y, 0.02)
    assert formula.terms == {"a": "x", "b": "x"} and formula.program.complexity == 3


def test_nothing_to_read() -> None:
    x = uniform(50)
    assert read_formulas(fitted(x, np.ones(50)), x, np.ones(50), NAMES) == []
    flat, y = np.ones((50, 2)), np.random.default_rng(0).normal(size=50)
    assert read_formulas(fitted(flat, y), flat, y, NAMES[:2]) == []


def test_exact_values_and_few_rows() -> None:
    x = uniform(60)[:, :2]
    y = 3 * x[:, 0] - x[:, 1] + 1
    formula = shortest(read_formulas(fitted(x, y), x, y, NAMES[:2]), x, y, 1e-9)
    assert formula.terms == {"a": "x", "b": "x"}
    few = read_formulas(fitted(x[:4], y[:4]), x[:4], y[:4], NAMES[:2])
    assert all(np.isfinite(formula.program.predict(x)).all() for formula in few)


def test_units_do_not_matter() -> None:
    x, truth, _ = of_a_sum()
    y, factors = noisy(truth), np.array([1e6, 1e-6, 1e3, 1.0])
    found = read_formulas(fitted(x * factors, 1e5 * y), x * factors, 1e5 * y, NAMES)
    formula = shortest(found, x * factors, 1e5 * truth, 0.001)
    assert formula.terms == {"a": "log", "b": "x^2", "c * d": "x * x"}


def test_weights_count() -> None:
    x = uniform(300)[:, :1]
    wrong = np.arange(300) % 3 == 0
    y = noisy(np.where(wrong, -x[:, 0], x[:, 0]))
    weights = np.where(wrong, 1e-6, 1.0)
    fit = fitted(x, y, weights=weights)
    formula = read_formulas(fit, x, y, ["a"], weights=weights)[0]
    assert np.diff(formula.program.predict(np.array([[1.0], [2.0]])))[0] == pytest.approx(1.0, abs=0.05)


def test_a_fit_without_candidates_is_read_as_its_average() -> None:
    x, truth, fit = of_a_sum()
    found = read_formulas(dataclasses.replace(fit, candidates={}), x, noisy(truth), NAMES)
    assert {formula.source for formula in found} == {"average"} and error(found[-1], x, truth) < 0.01


def test_candidates_of_a_fit_are_models() -> None:
    x, truth, fit = of_a_sum()
    total = sum(weight * fit.candidates[name].eta(x) for name, weight in fit.weights.items())
    assert np.allclose(total, fit.model.eta(x)) and isinstance(fit.candidates["line"], AdditiveModel)
    assert additive(x, (truth > 1).astype(int), [False] * 4, Classes(2)).candidates == {}


def test_points_between_and_beyond_the_rows() -> None:
    x = uniform(100)
    inside = between_rows(x, np.random.default_rng(0), 500)
    outside = beyond_rows(x, np.random.default_rng(0), 500)
    assert (inside >= x.min(0)).all() and (inside <= x.max(0)).all()
    assert (outside > x.max(0)).any() and outside[:, 0].min() >= x[:, 0].min() / 2 and outside[:, 2].min() >= 0
    assert outside[:, 1].min() < x[:, 1].min()


def test_refusals() -> None:
    x, truth, fit = of_a_sum()
    levels = additive(np.column_stack([x[:, 0], np.arange(400) % 3]), truth, [False, True], Gaussian())
    gaps = np.where(np.arange(400)[:, None] % 5 == 0, np.nan, x)
    cases = [
        (fit, x[:, :3], truth, NAMES[:3], "column 3"),
        (fit, x, truth[:-1], NAMES, "must be"),
        (fit, x, truth, NAMES[:2], "names"),
        (fit, gaps, truth, NAMES, "finite"),
        (levels, x[:, :2], truth, NAMES[:2], "level numbers"),
        (additive(x, (truth > 1).astype(int), [False] * 4, Classes(2)), x, truth, NAMES, "Gaussian"),
    ]
    for given, table, target, names, said in cases:
        with pytest.raises(ew.InputError, match=said):
            read_formulas(given, table, target, names)
    for weights in (np.ones(3), -np.ones(400)):
        with pytest.raises(ew.InputError, match="weights"):
            read_formulas(fit, x, truth, NAMES, weights=weights)


def test_shapes_are_made_of_the_functions_that_are_allowed() -> None:
    x, truth, fit = of_a_sum()
    found = read_formulas(fit, x, noisy(truth), NAMES, functions=["exp", "square"])
    used = {node.operation for formula in found for node in formula.program.nodes} & {*FUNCTIONS}
    assert found and used <= {"exp", "square"}
