"""Curves that measurements of one column follow: NIST's problems whose form is among them, and what few rows allow."""

import numpy as np
import pytest
import sympy

import edgewise as ew
from edgewise.discovery.generators import curves, textbook
from edgewise.expressions import FitData, evaluate, fitted_constants, free_numbers, parse, write
from edgewise_bench.datasets import nist

PROBLEMS = {problem.name: problem for problem in nist()}


@pytest.mark.parametrize(
    "name", ["Misra1a", "BoxBOD", "Eckerle4", "MGH17", "Rat42", "Rat43", "Kirby2", "Thurber", "Hahn1", "Lanczos2"]
)
def test_the_certified_sum_of_squares_is_reached_with_as_few_constants(name: str) -> None:
    problem = PROBLEMS[name]
    least = np.inf
    laws = textbook(FitData.of(problem.names, problem.x, problem.y))
    others = curves(tuple(problem.names), problem.x, problem.y, np.ones(len(problem.y)))
    for curve in (*(law.expression for law in laws), *others):
        if free_numbers(curve) <= len(problem.parameters):
            residual = evaluate(curve, list(problem.names), problem.x) - problem.y
            least = min(least, float(residual @ residual))
    assert least <= 1.001 * problem.residual


def test_curves_have_no_more_constants_than_rows_allow() -> None:
    x = np.linspace(1, 2, 6)[:, None]
    found = list(curves(("x",), x, np.exp(x[:, 0]) + 0.1 * (-1.0) ** np.arange(6), np.ones(6)))
    assert found and all(fitted_constants(curve) <= 2 for curve in found)


def test_quotients_have_no_pole_among_the_rows() -> None:
    x = np.linspace(-1, 1, 41)[:, None]
    y = np.sign(x[:, 0]) + 0.05 * np.random.default_rng(0).normal(size=41)
    grid = np.linspace(-1, 1, 2001)[:, None]
    for curve in curves(("x",), x, y, np.ones(41)):
        if sympy.fraction(sympy.together(curve))[1].is_polynomial():
            assert np.abs(evaluate(curve, ["x"], grid)).max() < 1e3


def test_a_factor_of_a_sum_is_one_constant() -> None:
    t = sympy.Symbol("t")
    curve = 12.6 * (1 - sympy.exp(-0.84 * t))
    assert fitted_constants(curve) == 2
    assert write(curve) == "12.6*(1 - exp(-0.84*t))"
    assert parse(write(curve), ["t"]).subs(t, 2).evalf() == pytest.approx(curve.subs(t, 2))
    assert ew.export.latex(curve, ["t"]) == r"12.6 \left(1 - \exp\left(- 0.84 t\right)\right)"


@pytest.mark.slow
def test_saturation_is_found_with_two_constants_and_their_errors() -> None:
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 3, 60)
    found = ew.discover(t[:, None], 12.7 * (1 - np.exp(-0.83 * t)) + rng.normal(0, 0.1, 60), ["t"], effort=2000)
    low, high = zip(
        *((c.value - 3 * c.error, c.value + 3 * c.error) for c in found.uncertainty().constants), strict=True
    )
    assert found.best.fitted == 2 and low[0] < 12.7 < high[0]
    assert low[1] < -0.83 < high[1]


@pytest.mark.slow
def test_without_rounding_constants_are_as_they_are_fitted() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 3, (100, 2))
    y = 3.3 * x[:, 0] ** 2 + 0.51 * x[:, 1] + rng.normal(0, 0.3, 100)
    rounded = ew.discover(x, y, ["a", "b"], effort=2000).best.expression
    fitted = ew.discover(x, y, ["a", "b"], effort=2000, rounding=False).best
    a, b = sympy.symbols("a b")
    assert rounded.coeff(b) == sympy.Rational(1, 2)
    assert fitted.expression.coeff(b).is_Float and abs(fitted.expression.coeff(b) - 0.505) < 0.02
    assert fitted.expression.coeff(a**2).is_Float and fitted.fitted == 2


def test_rounding_is_refused_where_it_is_no_truth_value() -> None:
    with pytest.raises(ew.InputError, match="'rounding' must be True or False"):
        ew.discover(np.ones((9, 1)), np.arange(9.0), rounding="off")  # type: ignore[arg-type]


@pytest.mark.slow
def test_waves_are_found_at_their_lowest_frequencies_though_the_network_sees_none() -> None:
    """Equidistant rows cannot tell a frequency from its aliases; a flexible model of few rows misses both waves."""
    rng = np.random.default_rng(1)
    month = np.arange(1.0, 145.0)
    y = 10 + 3 * np.cos(2 * np.pi * month / 12 + 1) + 1.5 * np.sin(2 * np.pi * month / 44) + rng.normal(0, 0.8, 144)
    found = ew.discover(month[:, None], y, ["month"], effort=1000)
    assert found.best.r2 > 0.8
    frequencies = [
        float(abs(wave.args[0].coeff(sympy.Symbol("month")))) for wave in found.best.expression.atoms(sympy.cos)
    ]
    assert sorted(2 * np.pi / f for f in frequencies)[0] == pytest.approx(12, rel=0.02)
    assert sorted(2 * np.pi / f for f in frequencies)[-1] == pytest.approx(44, rel=0.1)


def test_one_peak_on_a_line_is_among_the_curves() -> None:
    x = np.linspace(0, 10, 120)[:, None]
    y = 2 + 0.5 * x[:, 0] + 3 * np.exp(-(((x[:, 0] - 6) / 0.7) ** 2)) + np.random.default_rng(0).normal(0, 0.05, 120)
    errors = [np.std(evaluate(curve, ["x"], x) - y) for curve in curves(("x",), x, y, np.ones(120))]
    assert min(errors) < 0.06
