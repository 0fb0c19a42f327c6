"""The dimensionless equations of the lectures: each against a formula written independently."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy

from edgewise.symbolic import parse
from edgewise_bench.datasets import Equation, dimensionless

PI = np.pi
TRUTHS = {
    "I.6.2": lambda theta, s: np.exp(-0.5 * (theta / s) ** 2) / (s * np.sqrt(2 * PI)),
    "I.6.2b": lambda theta, mean, s: np.exp(-0.5 * ((theta - mean) / s) ** 2) / (s * np.sqrt(2 * PI)),
    "I.9.18": lambda a, b, c, d, e, f: a / (np.square(b - 1) + np.square(c - d) + np.square(e - f)),
    "I.12.11": lambda a, theta: 1 + a * np.sin(theta),
    "I.13.12": lambda a, b: a / b - a,
    "I.15.3x": lambda a, b: (1 - a) * np.cosh(np.arctanh(b)),
    "I.16.6": lambda a, b: np.tanh(np.arctanh(a) + np.arctanh(b)),
    "I.18.4": lambda a, b: b + (1 - b) / (1 + a),
    "I.26.2": lambda n, theta: np.angle(np.sqrt(1 - (n * np.sin(theta)) ** 2) + 1j * n * np.sin(theta)),
    "I.27.6": lambda a, b: 1 / (a * b + 1),
    "I.29.16": lambda a, one, two: np.abs(np.exp(1j * one) - a * np.exp(1j * two)),
    "I.30.3": lambda n, theta: (1 - np.cos(n * theta)) / (1 - np.cos(theta)),
    "I.30.5": lambda a, n: np.arctan2(a, np.sqrt(n**2 - a**2)),
    "I.37.4": lambda a, delta: np.abs(1 + np.sqrt(a) * np.exp(1j * delta)) ** 2,
    "I.40.1": lambda n, a: n / np.exp(a),
    "I.44.4": lambda n, a: n * np.log2(a) / np.log2(np.e),
    "I.50.26": lambda a, alpha: np.cos(a) * (1 + alpha * np.cos(a)),
    "II.2.42": lambda a, b: a * b - b,
    "II.6.15a": lambda a, b, c: c / (4 * PI) * np.hypot(a, b),
    "II.11.7": lambda n, a, theta: n + n * a * np.cos(theta),
    "II.11.27": lambda n, alpha: 3 * n * alpha / (3 - n * alpha),
    "II.35.18": lambda n, a: n / (2 * np.cosh(a)),
    "II.36.38": lambda a, alpha, b: a + alpha * b,
    "II.38.3": lambda a, b: a / b,
    "III.9.52": lambda a, b, c: 2 * a * (1 - np.cos(b - c)) / (b - c) ** 2,
    "III.10.19": lambda a, b: np.linalg.norm([np.ones_like(a), a, b], axis=0),
    "III.17.37": lambda beta, alpha, theta: beta + beta * alpha * np.cos(theta),
}


def _values(equation: Equation, x: np.ndarray) -> np.ndarray:
    formula = parse(equation.formula, equation.names)
    return sympy.lambdify(equation.names, formula, "numpy")(*x.T)


def test_there_are_27_with_names_of_their_own() -> None:
    assert [equation.name for equation in dimensionless()] == list(TRUTHS)


@pytest.mark.parametrize("equation", dimensionless(), ids=lambda equation: equation.name)
def test_values_are_finite_vary_and_are_those_of_an_independent_formula(equation: Equation) -> None:
    x = equation.sample(2000, seed=1)
    y = _values(equation, x)
    assert np.isfinite(y).all() and y.std() > 0.01
    np.testing.assert_allclose(y, TRUTHS[equation.name](*x.T), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("equation", dimensionless(), ids=lambda equation: equation.name)
def test_every_input_is_in_the_formula_and_is_without_dimension(equation: Equation) -> None:
    words = set(re.findall(r"[A-Za-z_]\w*", equation.formula))
    assert words - {"exp", "sqrt", "pi", "sin", "cos", "arcsin", "ln", "sinc"} == set(equation.names)
    assert all(variable.low < variable.high for variable in equation.variables)
    assert {variable.dimension for variable in equation.variables} == {equation.dimension} == {(0,) * 5}


@pytest.mark.parametrize("equation", dimensionless(), ids=lambda equation: equation.name)
def test_values_are_finite_at_the_corners_too(equation: Equation) -> None:
    ends = np.meshgrid(*[(v.low, v.high) for v in equation.variables])
    x = np.column_stack([end.ravel() for end in ends])
    assert np.isfinite(_values(equation, x)).all()
