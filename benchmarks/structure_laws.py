"""Forty laws of known structure, as rows: physics-like formulas of two to six columns, some of which do nothing.

The structure of each is not written by hand but derived from its formula, by `true_structure`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import sympy
from sympy import Expr, Symbol, cos, exp, log, pi, sin, sqrt, tanh
from targets import Target

a, b, c, d, e, f, g, h = sympy.symbols("a b c d e f g h", positive=True)
x, y, z = sympy.symbols("x y z", real=True)
v, w = sympy.symbols("v w", positive=True)
_ONE, _MID, _FIVE, _UNIT, _BOTH = (1.0, 2.0), (1.0, 3.0), (1.0, 5.0), (0.2, 1.0), (-2.0, 2.0)


def _law(name: str, formula: Expr, *domain: tuple[Symbol, tuple[float, float]]) -> Target:
    return Target(name, formula, dict(domain))


def _on(interval: tuple[float, float], *symbols: Symbol) -> list[tuple[Symbol, tuple[float, float]]]:
    return [(symbol, interval) for symbol in symbols]


LAWS = [
    _law("normal density", exp(-((a - b) ** 2) / (2 * c**2)) / (sqrt(2 * pi) * c), *_on(_MID, a, b, c)),
    _law("Coulomb force", a * b / (4 * pi * c * d**2), *_on(_FIVE, a, b, c, d), (x, _BOTH)),
    _law(
        "distance in the plane", sqrt((a - b) ** 2 + (c - d) ** 2), *_on(_FIVE, a, b), *_on((6.0, 9.0), c), (d, _FIVE)
    ),
    _law("change of potential", a * b * (1 / c - 1 / d), *_on(_FIVE, a, b, c, d)),
    _law("relativistic mass", a / sqrt(1 - b**2 / c**2), (a, _FIVE), (b, _ONE), (c, (3.0, 10.0)), (x, _BOTH)),
    _law("energy of a body", a * (x**2 + y**2 + z**2) / 2 + 3 * b, *_on(_FIVE, a, b), *_on((-3.0, 3.0), x, y, z)),
    _law("oscillator energy", a * b**2 / 2 + c * d**2 / 2, *_on(_MID, a, b, c, d), (x, _BOTH)),
    _law("black body", a * b**3 / (exp(a * b / (c * d)) - 1), *_on(_FIVE, a, b, c, d)),
    _law("ideal gas", a * b / c, *_on(_FIVE, a, b, c), *_on(_BOTH, x, y)),
    _law("drifting plume", b * exp(-a / 3) * exp(-(x**2 + y**2) / 4), *_on(_FIVE, a, b), *_on(_BOTH, x, y)),
    _law("interference", a + b + 2 * sqrt(a * b) * cos(c), *_on(_FIVE, a, b), (c, (0.5, 5.0)), (x, _BOTH)),
    _law("sum of velocities", (a + b) / (1 + a * b / c**2), *_on(_FIVE, a, b, c)),
    _law("travelling wave", a * sin(b * c - d * e), *_on(_MID, a), *_on(_ONE, b, c, d, e)),
    _law("two masses on a spring", 2 * pi * sqrt(a * b / ((a + b) * c)), *_on(_FIVE, a, b, c)),
    _law("Bernoulli", a + b * c**2 / 2 + b * d * e, *_on(_FIVE, a), *_on(_MID, b, c, d, e)),
    _law("cooling body", a + (b - c) * exp(-d / 3), *_on(_FIVE, a), *_on((6.0, 9.0), b), *_on(_FIVE, c, d), (x, _BOTH)),
    _law("signal in a cable", a * exp(-b / 4) * cos(c - d), *_on(_FIVE, a, b), *_on(_MID, c, d), (x, _BOTH)),
    _law("logistic growth", a / (1 + exp(-b * (c - d))), *_on(_FIVE, a), *_on(_ONE, b), *_on(_FIVE, c, d)),
    _law("growth on a nutrient", exp(a / 4) * b / (b + c), *_on(_FIVE, a, b, c), *_on(_BOTH, x, y)),
    _law("inhibited enzyme", a * b / (c * (1 + d / e) + b), *_on(_FIVE, a, b, c, d, e)),
    _law("spectral line", a * (1 / b**2 - 1 / c**2), *_on(_FIVE, a), (b, _ONE), (c, (2.5, 5.0)), (x, _BOTH)),
    _law("resistors in parallel", 1 / (1 / a + 1 / b + 1 / c), *_on(_FIVE, a, b, c), *_on(_BOTH, x, y)),
    _law("law of cosines", sqrt(a**2 + b**2 - 2 * a * b * cos(c)), *_on(_FIVE, a, b), (c, (0.5, 3.0))),
    _law(
        "flow through an orifice", a * sqrt(b - c) * d, *_on(_FIVE, a), (b, (6.0, 9.0)), *_on(_FIVE, c, d), (x, _BOTH)
    ),
    _law("torque with friction", a * b * sin(c) - d, *_on(_FIVE, a, b, c, d), (x, _BOTH)),
    _law("centre of mass", (a * b + c * d) / (a + c), *_on(_FIVE, a, b, c, d)),
    _law("heat flow", a * (b - c) * d / e, *_on(_FIVE, a, b, c, d, e), (x, _BOTH)),
    _law("cooling shell", exp(-a / 2) * (b**3 - c**3), *_on(_FIVE, a), (b, (3.0, 5.0)), (c, (1.0, 2.5))),
    _law("field of a dipole", a * cos(b) / c**3 + d, *_on(_FIVE, a), (b, (0.0, 3.0)), *_on(_MID, c, d)),
    _law("impedance", sqrt(a**2 + (b - c) ** 2), *_on(_FIVE, a, b, c), (x, _BOTH)),
    _law("two populations", a * exp(b / 4) + c * exp(-d / 5), *_on(_FIVE, a, b, c, d)),
    _law("charging capacitor", a * (1 - exp(-b / (c * d))), *_on(_FIVE, a, b, c, d)),
    _law("screened charge", a * exp(-b / 2) / b + exp(-c / 3), *_on(_FIVE, a, b, c)),
    _law("density of air", a / b * exp(-c / 8), *_on(_FIVE, a, b), (c, (0.0, 10.0)), (x, _BOTH)),
    _law("attenuated beam", a * exp(-b / 4) * exp(-c / 2) / (d**2 + e**2), *_on(_FIVE, a, b, c, d, e)),
    _law("discounted income", exp(-a / 5) * (b + c * d), *_on(_FIVE, a, b, c, d), (x, _BOTH)),
    _law("sum of three", sin(x) + exp(y / 2) + z**2, *_on(_BOTH, x, y, z), *_on(_FIVE, a, b)),
    _law("product of sums", (a + b) * (c - 2 * d), *_on(_FIVE, a, b, c, d), (x, _BOTH)),
    _law("ring", exp(x / 2) * sqrt(y**2 + z**2) + tanh(a - b), *_on(_BOTH, x, y, z), *_on(_MID, a, b)),
    _law("wind profile", a * log(b / c) * exp(-y), *_on(_FIVE, a), (b, (6.0, 20.0)), *_on(_ONE, c), (y, (-1.0, 1.0))),
]

KINDS = (
    "irrelevant", "additive", "multiplicative", "separable", "translation", "scaling", "power_sum", "monomial",
    "exponential",
)  # fmt: skip
_POWERS = (2, -1, -2, 3, sympy.Rational(1, 2))
_DIGITS = 40
_POINTS = 4


@dataclass(frozen=True)
class Question:
    """Whether a law has a structure, and the true answer."""

    law: str
    kind: str
    columns: tuple[int, ...]
    holds: bool


def questions(law: Target) -> Iterator[Question]:
    """Every question about a law, answered from its formula; none about columns that do nothing, but that they do."""
    live = [i for i, symbol in enumerate(law.inputs) if law.formula.has(symbol)]
    for i in range(len(law.inputs)):
        yield Question(law.name, "irrelevant", (i,), i not in live)
    for kind, groups in _groups(live).items():
        for columns in groups:
            yield Question(law.name, kind, columns, any(_vanishes(law, i) for i in _identities(law, kind, columns)))


def _groups(live: Sequence[int]) -> dict[str, list[tuple[int, ...]]]:
    """The sets of columns that each kind of structure is asked of."""
    m = len(live)
    splits = [s for k in range(1, m // 2 + 1) for s in combinations(live, k) if 2 * k < m or s[0] == live[0]]
    pairs, singles = list(combinations(live, 2)), [(i,) for i in live]
    return {
        "additive": splits,
        "multiplicative": splits,
        "separable": [s for k in range(2, m) for s in combinations(live, k)],
        **dict.fromkeys(("translation", "scaling", "power_sum"), pairs),
        **dict.fromkeys(("monomial", "exponential"), singles),
    }


def _identities(law: Target, kind: str, columns: Sequence[int]) -> list[list[Expr]]:
    """Lists of expressions: the structure is there if all of one list vanish."""
    live = [s for s in law.inputs if law.formula.has(s)]
    inside = [law.inputs[i] for i in columns]
    outside = [s for s in live if s not in inside]
    t = law.formula
    if kind in ("additive", "multiplicative"):
        return [
            [
                t.diff(s, r) if kind == "additive" else t * t.diff(s, r) - t.diff(s) * t.diff(r)
                for s in inside
                for r in outside
            ]
        ]
    if kind == "separable":
        ratios = [t.diff(s) / t.diff(inside[0]) for s in inside[1:]]
        return [[ratio.diff(r) for ratio in ratios for r in outside]]
    if kind in ("monomial", "exponential"):
        (s,) = inside
        ratio = t.diff(s) / t * (s if kind == "monomial" else 1)
        return [[ratio.diff(r) for r in live]]
    s, r = inside
    powers = {"translation": (1,), "scaling": (0,), "power_sum": _POWERS}[kind]
    ratios = [t.diff(r) * s ** (p - 1) / (t.diff(s) * r ** (p - 1)) for p in powers]
    return [[ratio.diff(q) for q in live] for ratio in ratios]


def _vanishes(law: Target, expressions: Sequence[Expr]) -> bool:
    """Whether all are zero at a few points, in 40 digits."""
    low, high = np.array(list(law.domain.values())).T
    for point in np.random.default_rng(0).uniform(low, high, (_POINTS, len(low))):
        # Exact fractions: with them every rounding is that of the 40 digits.
        at = {s: sympy.Rational(str(round(value, 3))) for s, value in zip(law.inputs, point, strict=True)}
        if any(not abs(expr.evalf(_DIGITS, subs=at)) < 1e-25 for expr in expressions):
            return False
    return True
