"""Simpler writings of formulas that are right already."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise._typing import Formula
from edgewise.discovery.judging._judge import Judge
from edgewise.expressions import Rows, complexity, evaluate, from_powers, simplify, to_powers

SYMBOLS = {
    str(s): s
    for s in sympy.symbols(
        "G I1 I2 T V1 V2 a:d delta gamma h k m n omega omega_0 p:r rho sigma t:v theta x x1 x2 y1 y2"
    )
}
NAMES = list(SYMBOLS)


def parsed(text: str) -> Formula:
    return sympy.parse_expr(text, local_dict=SYMBOLS)


def table(n: int = 300) -> np.ndarray:
    """Positive columns; u and v are small, c is large."""
    rows = np.random.default_rng(0).uniform(1, 3, (n, len(NAMES)))
    for name, factor in (("u", 0.3), ("v", 0.3), ("c", 2.0)):
        rows[:, NAMES.index(name)] *= factor
    return rows


# Found, and what it must become.
WRITINGS = [
    (
        "sqrt(2)*sqrt(theta**2*exp(-theta**2/sigma**2)/sigma**2)/(2*sqrt(pi)*theta)",
        "sqrt(2)*exp(-theta**2/(2*sigma**2))/(2*sqrt(pi)*sigma)",
    ),
    ("sqrt(x1**2 - 2*x1*x2 + x2**2 + y1**2 - 2*y1*y2 + y2**2)", "sqrt((x1 - x2)**2 + (y1 - y2)**2)"),
    ("G*m/(x1**2 - 2*x1*x2 + x2**2 + y1**2 - 2*y1*y2 + y2**2)", "G*m/((x1 - x2)**2 + (y1 - y2)**2)"),
    ("m*sqrt(c**2/(c**2 - v**2))", "m/sqrt(1 - v**2/c**2)"),
    (
        "h*omega**3/(c**2*(62.012553360599625*exp(h*omega/T) - 62.012553360599625))",
        "h*omega**3/(2*pi**3*c**2*(exp(h*omega/T) - 1))",
    ),
    ("I1 + 2*I2*sqrt(I1/I2)*cos(delta) + I2", "I1 + I2 + 2*sqrt(I1*I2)*cos(delta)"),
    ("x2*sqrt(x1**2/x2**2 - 2*x1*cos(theta)/x2 + 1)", "sqrt(x1**2 + x2**2 - 2*x1*x2*cos(theta))"),
    ("sqrt(gamma)*sqrt(p)/sqrt(rho)", "sqrt(gamma*p/rho)"),
    ("(cos(n*theta) - 1)/(cos(theta) - 1)", "(cos(n*theta) - 1)/(cos(theta) - 1)"),
    ("-T*k*n*log(V1/V2)", "T*k*n*log(V2/V1)"),
    ("x*(2 - 2*cos(a))", "2*x*(1 - cos(a))"),
    ("T*log(a) - T*log(b)", "T*log(a/b)"),
    ("log(a**2*exp(b)/c**2)", "b + 2*log(a/c)"),
    ("a/(3*omega**4 - 6*omega**2*omega_0**2 + 3*omega_0**4)", "a/(3*(omega**2 - omega_0**2)**2)"),
    ("exp(-x1**2/2 + x1*x2 - x2**2/2)", "exp(-(x1 - x2)**2/2)"),
    ("exp(a)/(exp(a) + 1)", "1/(1 + exp(-a))"),
    ("(exp(2*a) - 1)/(exp(2*a) + 1)", "tanh(a)"),
    ("b*sin(a)**2 + b*cos(a)**2 + c", "b + c"),
    ("-q*(b - a)/(c - d)", "q*(a - b)/(c - d)"),
    ("n/(2*cosh(b*m/(T*k)))", "n/(2*cosh(b*m/(T*k)))"),
    ("(a**2 - b**2)/(a - b)", "a + b"),
    ("(a*b - 0.5*a*b**2)/(a*b)", "1 - 0.5*b"),
    ("2.5/(1/a + 1/b)", "2.5/(1/a + 1/b)"),
    ("(a - 0.3*b)**12*(a + b)**30", "(a - 0.3*b)**12*(a + b)**30"),
]


@pytest.mark.parametrize(("found", "wanted"), WRITINGS)
def test_writings(found: str, wanted: str) -> None:
    assert simplify(parsed(found), NAMES, table()) == parsed(wanted)


def test_velocities_added() -> None:
    found = parsed("t*sqrt(u**2*(-c**2/u**2 + x/(t*u))**2/(c**2*(c**2/u**2 - 1)))")
    short = simplify(found, NAMES, table())
    assert complexity(short) <= 16
    assert sympy.count_ops(short) <= 10
    np.testing.assert_allclose(evaluate(short, NAMES, table()), evaluate(found, NAMES, table()), rtol=1e-9)


def test_common_factor_of_floats() -> None:
    found = parsed("r**2*(-2.0466534158929766 - 2.0466534158929766/(omega**2/omega_0**2 - 1))")
    short = simplify(found, NAMES, table())
    assert not short.atoms(sympy.Float)  # 2 sqrt(pi / 3)
    assert complexity(short) < complexity(found)


def test_floats_of_noisy_data_stay() -> None:
    formula = parsed("1.2345*a**1.3712 + 1.2346*b + 0.5671 - 0.3*sin(0.1*m + 0.15*n)")
    assert simplify(formula, NAMES, table()) == formula
    fitted = formula.xreplace({f: sympy.Float(float(f) * (1 + 1e-9), 17) for f in formula.atoms(sympy.Float)})
    assert simplify(fitted, NAMES, table()) == fitted


def test_signs_are_those_of_the_rows() -> None:
    root = parsed("sqrt(a**2*b)")
    rows = np.random.default_rng(0).uniform(1, 2, (50, 2))
    a, b = sympy.symbols("a b")
    assert simplify(root, ["a", "b"], rows) == a * sympy.sqrt(b)
    assert simplify(root, ["a", "b"], rows * [-1, 1]) == -a * sympy.sqrt(b)
    rows[::2, 0] *= -1
    assert simplify(root, ["a", "b"], rows) == sympy.Abs(a) * sympy.sqrt(b)
    assert simplify(sympy.Abs(a - 3 * b), ["a", "b"], np.abs(rows)) == 3 * b - a


def test_one_row_of_many_decides_a_sign() -> None:
    a, b = sympy.symbols("a b")
    rows = np.random.default_rng(0).uniform([2, 1], [3, 2], (5000, 2))
    rows[:, 0] += np.maximum(0, rows[:, 1] + 0.1 - rows[:, 0])
    root = sympy.sqrt(a**2 - 2 * a * b + b**2)
    assert simplify(root, ["a", "b"], rows) == a - b
    rows[1234] = [1.5, 1.7]
    assert simplify(root, ["a", "b"], rows) == sympy.Abs(a - b)


def test_symbols_with_assumptions_come_back() -> None:
    a = sympy.Symbol("a", real=True)
    assert simplify((a**2 + a) / a, ["a"], np.ones((5, 1))).free_symbols == {a}


@pytest.mark.parametrize(
    "formula", [sympy.Integer(3), sympy.Float(0.5), sympy.Symbol("nobody") ** 2 + 1, parsed("sqrt(a - 100)*b/b**2")]
)
def test_what_cannot_be_compared_stays(formula: Formula) -> None:
    assert simplify(formula, NAMES, table(20)) == formula


def test_large_formulas_stay() -> None:
    large = sum(SYMBOLS["a"] ** k * SYMBOLS["b"] for k in range(1, 40))
    assert simplify(large, NAMES, table(20)) == large


def test_result_does_not_depend_on_other_formulas_before() -> None:
    formula = parsed("sqrt(a**2 - 2*a*b + b**2)/(a/b - 1)")
    first = simplify(formula, NAMES, table())
    simplify(parsed("a**2 - 2*a*b + b**2"), NAMES, -table())
    assert simplify(formula, NAMES, table()) == first


def test_judge_simplifies() -> None:
    rows = np.random.default_rng(0).uniform(1, 2, (50, 2))
    judge = Judge(("a", "b"), rows, np.sqrt(rows[:, 0] / rows[:, 1]), np.ones(50))
    candidate = judge.judged(parsed("sqrt(a)/sqrt(b)"), 0.0)
    assert candidate is not None
    assert candidate.expression == parsed("sqrt(a/b)")
    assert candidate.complexity == complexity(candidate.expression)


A, B = sympy.symbols("a b")
SMALL = st.sampled_from([A, B, A - B, A + 1, sympy.Integer(2), sympy.Rational(1, 2), sympy.Float(0.37), -B])


def joined(parts: st.SearchStrategy) -> st.SearchStrategy:
    unary = st.sampled_from(
        [sympy.exp, sympy.sin, sympy.cos, sympy.sqrt, lambda z: z**2, lambda z: 1 / z, lambda z: sympy.log(z**2)]
    )
    return st.one_of(
        st.tuples(parts, parts).map(lambda p: p[0] + p[1]),
        st.tuples(parts, parts).map(lambda p: p[0] * p[1]),
        st.tuples(parts, parts).map(lambda p: p[0] - 2 * p[1]),
        st.tuples(unary, parts).map(lambda p: p[0](p[1])),
    )


FORMULAS = st.recursive(SMALL, joined, max_leaves=6).filter(lambda e: not e.has(sympy.zoo, sympy.nan, sympy.I))
SQUARE = np.random.default_rng(1).uniform(-1, 3, (60, 2))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(formula=FORMULAS)
def test_values_stay_and_complexity_never_rises(formula: Formula) -> None:
    short = simplify(formula, ["a", "b"], SQUARE)
    assert complexity(short) <= complexity(formula)
    assert sympy.count_ops(short) <= sympy.count_ops(formula)
    before, after = (evaluate(e, ["a", "b"], SQUARE) for e in (formula, short))
    at = np.isfinite(before)
    np.testing.assert_allclose(
        after[at], before[at], rtol=1e-9, atol=1e-9 * np.median(np.abs(before[at])) if at.any() else 0
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(formula=FORMULAS)
def test_products_taken_apart_and_written_again_agree(formula: Formula) -> None:
    rows = Rows(["a", "b"], SQUARE)
    if np.isfinite(rows.values(formula)).any() and formula != 0:
        assert rows.agree(from_powers(to_powers(formula, rows), rows), formula)
