"""Fits of programs: minima, weights, frozen constants, cross-validation, tameness, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import least_squares

import edgewise as ew
from edgewise.expressions import parse
from edgewise.formulas.programs import (
    Program,
    apply,
    combine,
    constant,
    cross_validate,
    fit,
    is_tame,
    prepare,
    probe,
    variable,
)

RNG = np.random.default_rng(0)
X = RNG.uniform(0.3, 3.0, (400, 3))
NOISE = 0.1 * RNG.normal(size=400)


@pytest.fixture(scope="module", autouse=True)
def compiled_programs() -> None:
    """Compile the kernels before anything else, since compiling is told on stderr."""
    prepare()


def program(text: str, names: str = "abc") -> Program:
    found = Program.from_expression(parse(text), list(names))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("start", "truth"),
    [
        ("sin(1.4*a) + b*c + exp(-0.6*c)", "2.1*sin(1.7*a) + 3*b*c - 0.7*exp(-c) + 1.3"),
        ("a^1.3/(b + 1)", "4*a^1.9/(b + 0.4) - 2"),
        ("tanh(a) + log(b + c)", "3*tanh(2*a) + log(b + 3*c)"),
        ("a*b + cos(a) + sqrt(b + 2)", "a*b + 2*cos(1.2*a) + 4*sqrt(b + 1)"),
        ("a", "3*a - 2"),
        ("a^2*b^3/c", "7*a^2*b^3/c"),
    ],
)
def test_exact_laws_are_fitted_to_rounding(start: str, truth: str) -> None:
    y = program(truth).predict(X)
    fitted = fit(program(start), X, y, steps=100)
    assert fitted.error < 1e-20 * np.var(y)
    np.testing.assert_allclose(fitted.program.predict(X), y, rtol=1e-8)


def test_columns_of_any_size_are_fitted() -> None:
    big = X * np.array([1e9, 1e-7, 1e3])
    y = 1e12 * (3 * np.exp(-X[:, 0]) + X[:, 1] * X[:, 2])
    start = Program.of(
        combine("add", apply("exp", variable(0, -0.7e-9)), combine("mul", variable(1, 1e4), variable(2)))
    )
    fitted = fit(start, big, y)
    assert fitted.error < 1e-20 * np.var(y)
    np.testing.assert_allclose(fitted.program.predict(big), y, rtol=1e-8)


def test_weighted_fits_are_those_of_scipy() -> None:
    y = 2 * np.exp(-0.8 * X[:, 0]) + X[:, 1] + NOISE
    weights = RNG.uniform(0, 2, 400) * (RNG.random(400) < 0.8)
    fitted = fit(program("exp(-a) + b"), X, y, weights, steps=100)

    def residual(c: np.ndarray) -> np.ndarray:
        return np.sqrt(weights) * (c[0] * np.exp(c[1] * X[:, 0]) + c[2] * X[:, 1] + c[3] - y)

    expected = least_squares(residual, [1, -1, 1, 0], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert fitted.error == pytest.approx(2 * expected.cost / weights.sum(), rel=1e-10)
    rows = weights > 0
    np.testing.assert_allclose(fit(program("exp(-a) + b"), X[rows], y[rows], weights[rows]).error, fitted.error)


def test_rows_of_weight_zero_may_be_undefined() -> None:
    x = np.vstack([X, -X[:5]])
    y = np.concatenate([np.log(X[:, 0]), np.zeros(5)])
    weights = np.concatenate([np.ones(400), np.zeros(5)])
    assert fit(program("log(a)"), x, y, weights).error < 1e-20
    assert fit(program("log(a)"), x, y).error == np.inf


def test_integer_weights_repeat_rows() -> None:
    y = np.sin(X[:, 0]) + NOISE
    weights = RNG.integers(0, 3, 400).astype(float)
    repeated = np.repeat(np.arange(400), weights.astype(int))
    found, expected = fit(program("sin(1.1*a)"), X, y, weights), fit(program("sin(1.1*a)"), X[repeated], y[repeated])
    assert found.error == pytest.approx(expected.error, rel=1e-9)
    np.testing.assert_allclose(found.program.constants, expected.program.constants, rtol=1e-5)


def test_frozen_weights_stay() -> None:
    y = 2 * np.exp(-0.8 * X[:, 0]) + X[:, 1] + NOISE
    start = program("exp(-a) + b")
    frozen = np.array([node.operation == "variable" and node.argument == 0 for node in start.nodes])
    fitted = fit(start, X, y, frozen=frozen)
    held = [node.weight for node in fitted.program.nodes if node.operation == "variable" and node.argument == 0]
    assert held == [-1.0] and fitted.error > fit(start, X, y).error
    assert fit(start, X, y, steps=0).error >= fitted.error


def test_constant_formulas_become_the_mean() -> None:
    y = X[:, 0] + 5
    for nodes in (constant(3.0), combine("sub", variable(0), variable(0)), variable(0, 0.0)):
        fitted = fit(Program.of(nodes), X, y)
        assert fitted.error == pytest.approx(np.var(y)) and fitted.program.predict(X[:1])[0] == pytest.approx(y.mean())
    flat = fit(program("exp(a)"), X, np.full(400, 7.0))
    assert flat.error < 1e-25 and flat.program.predict(X) == pytest.approx(7.0)


def test_waves_are_counted_on_the_rows() -> None:
    start = program("sin(20*a) + b")
    assert start.waves == 0
    fitted = fit(start, X, np.sin(20 * X[:, 0]) + X[:, 1])
    assert fitted.program.waves == int(20 * np.ptp(X[:, 0]) / np.pi)
    assert fitted.program.complexity == start.complexity + fitted.program.waves


def test_fits_are_finite_whatever_the_start() -> None:
    y = X[:, 0] ** 2 + NOISE
    for text in (
        "exp(exp(exp(a*b)))",
        "1/(a - b)",
        "log(a - 1)",
        "(a*b)^12*c^12",
        "1e200*a",
        "sin(3000*a)",
        "a^(-40.5)",
    ):
        fitted = fit(program(text), X, y)
        assert np.isfinite(fitted.program.constants).all()
        if np.isfinite(fitted.error):
            values = fitted.program.predict(X)
            assert np.mean((values - y) ** 2) == pytest.approx(fitted.error, rel=1e-6)


def test_many_constants_leave_the_outer_two() -> None:
    nodes = variable(0)
    for k in range(31):
        nodes = combine("add", nodes, variable(k % 3, 1.0 + k))
    fitted = fit(Program.of(nodes), X, X[:, 0])
    assert np.isfinite(fitted.error) and fitted.program.weights == Program.of(nodes).weights
    with pytest.raises(ew.InputError, match="at most 28"):
        fitted.program.jacobian(X)


def test_predictions_out_of_fold_are_those_of_separate_fits() -> None:
    y = 2 * np.exp(-0.8 * X[:, 0]) + X[:, 1] + NOISE
    folds, weights, start = np.arange(400) % 4, RNG.uniform(0.5, 2, 400), program("exp(-a) + b")
    found = cross_validate(start, X, y, folds, weights)
    for fold in range(4):
        held = folds == fold
        expected = fit(start, X[~held], y[~held], weights[~held]).program.predict(X[held])
        np.testing.assert_array_equal(found[held], expected)
    assert np.mean((found - y) ** 2) > fit(start, X, y).error
    assert np.isnan(cross_validate(program("log(a - 1)"), X, y, folds)).all()


def test_poles_between_the_rows_are_not_tame() -> None:
    points, again = (probe(X, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(points, again)
    width = np.ptp(X, axis=0)
    assert points.shape == (2000, 3) and (points > 0).all() and (points < X.max(0) + 0.13 * width).all()
    assert (points > X.max(0)).any()
    y = X[:, 0] + X[:, 1]
    assert is_tame(program("a + b"), points, y.min(), y.max())
    assert not is_tame(program("a + b + 0.01/(a - 1.5)"), points, y.min(), y.max())
    assert not is_tame(program("a + log(b - 0.299)"), points, y.min(), y.max())
    assert not is_tame(program("10*a"), points, y.min(), y.max())


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda p: fit(p, X, NOISE[:5]), "'X' must be"),
        (lambda p: fit(p, X, np.full(400, np.nan)), "'y' must be finite"),
        (lambda p: fit(p, np.full((400, 3), np.inf), NOISE), "'X' must be finite"),
        (lambda p: fit(p, X, NOISE, -np.ones(400)), "must not be negative"),
        (lambda p: fit(p, X, NOISE, np.zeros(400)), "some must be positive"),
        (lambda p: fit(p, X, NOISE, np.ones(3)), "one number for each"),
        (lambda p: fit(p, X, NOISE, steps=-1), "'steps'"),
        (lambda p: fit(p, X, NOISE, frozen=np.zeros(50)), "'frozen'"),
        (lambda p: fit(p, X[:, :1], NOISE), "reads column 1"),
        (lambda p: fit(p, np.empty((0, 3)), np.empty(0)), "some must be positive"),
        (lambda p: cross_validate(p, X, NOISE, np.zeros(400)), "two folds"),
        (lambda p: cross_validate(p, X, NOISE, np.arange(3)), "'folds'"),
    ],
)
def test_bad_tables_are_refused(call: Callable[[Program], object], what: str) -> None:
    with pytest.raises(ew.InputError, match=what):
        call(program("a + b"))
