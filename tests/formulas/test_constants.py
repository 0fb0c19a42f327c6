"""Exact constants: found where they are, never where they are not."""

from __future__ import annotations

import math
import random

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.expressions import exact_constant, name_floats, readable_float, simple_constants

FACTORS = [
    sympy.Integer(1),
    sympy.pi,
    1 / sympy.pi,
    sympy.pi**2,
    1 / sympy.pi**2,
    sympy.sqrt(2),
    sympy.sqrt(3),
    sympy.sqrt(sympy.pi),
    1 / sympy.sqrt(sympy.pi),
    sympy.sqrt(2 * sympy.pi),
    1 / sympy.sqrt(2 * sympy.pi),
    sympy.E,
]


@settings(max_examples=150, deadline=None)
@given(st.integers(-40, 40).filter(bool), st.integers(1, 32), st.sampled_from(FACTORS))
def test_simple_multiples_come_back_from_their_double(n: int, d: int, factor: sympy.Expr) -> None:
    expr = sympy.Rational(n, d) * factor
    value = float(expr)
    assert sympy.simplify(exact_constant(value) - expr) == 0
    candidates = simple_constants(value * (1 + 1e-9), 1e-8)
    assert any(sympy.simplify(c.expr - expr) == 0 for c in candidates)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.floats(-8, 8))
def test_a_random_double_is_never_exact_and_survives(seed: int, magnitude: float) -> None:
    value = random.Random(seed).uniform(1, 10) * 10**magnitude
    exact = exact_constant(value)
    assert exact.is_Float
    assert float(exact) == value
    assert simple_constants(value, 1e-12) == []


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_double_comes_back_within_one_unit(value: float) -> None:
    assert abs(float(sympy.N(exact_constant(value), 30)) - value) <= math.ulp(value)
    assert float(readable_float(value)) == value


@pytest.mark.parametrize("value", [0.25, 1.5, 0.001, -3.0, 6500.0, 0.37, 123456.0])
def test_short_decimals_become_fractions(value: float) -> None:
    assert exact_constant(value).is_Rational
    assert float(exact_constant(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(6.674e-11, "6.674e-11*x"), (8.31446, "8.31446*x"), (1.9885e30, "1.9885e+30*x")]
)
def test_other_decimals_stay_readable(value: float, text: str) -> None:
    assert str(exact_constant(value) * sympy.Symbol("x")) == text


def test_large_fractions_are_not_nice() -> None:
    assert simple_constants(355679 / 1000003, 1e-9) == []
    assert exact_constant(355679 / 1000003).is_Float
    assert simple_constants(1234567.3, 1e-7) == []


@pytest.mark.parametrize(
    ("value", "rtol", "first"),
    [
        (2.01, 0.01, 2),
        (0.4995, 0.01, sympy.Rational(1, 2)),
        (1.501, 0.1, sympy.Rational(3, 2)),
        (3.1416, 1e-3, sympy.pi),
        (-0.3183, 1e-3, -1 / sympy.pi),
        (1.4142, 1e-3, sympy.sqrt(2)),
    ],
)
def test_the_simplest_comes_first(value: float, rtol: float, first: sympy.Expr) -> None:
    found = simple_constants(value, rtol, 12)
    assert found[0].expr == first
    assert [c.complexity for c in found] == sorted(c.complexity for c in found)
    assert all(abs(c.value - value) <= rtol * abs(value) * (1 + 1e-12) for c in found)


def test_values_that_are_no_numbers() -> None:
    assert simple_constants(math.nan, 1e-3) == []
    assert simple_constants(math.inf, 1e-3) == []
    assert simple_constants(0.0, 1e-3)[0].expr == 0
    assert exact_constant(0.0) == 0
    assert exact_constant(math.inf) == sympy.oo


def test_numbers_of_any_two_sizes_are_told_apart() -> None:
    named, numbers = name_floats(sympy.Float(1e-310) * sympy.Symbol("x") + 1e10)
    assert len(numbers) == 2
    assert len(named.free_symbols) == 3
