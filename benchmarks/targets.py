"""The functions that the benchmarks use: formulas, domains and limits, as rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy
from sympy import Expr, Symbol, besselj, exp, pi, sin, sqrt

_SIDE = (-1.0, 1.0)
_UPPER = (0.5, 2.0)


@dataclass(frozen=True)
class Target:
    """A function y = formula(inputs) on a box; `domain` gives each input, in the order of the columns, its interval."""

    name: str
    formula: Expr
    domain: dict[Symbol, tuple[float, float]]

    @property
    def inputs(self) -> list[Symbol]:
        return list(self.domain)

    def values(self, x: np.ndarray) -> np.ndarray:
        return sympy.lambdify(self.inputs, self.formula, modules=["scipy", "numpy"])(*x.T)

    def sample(self, rows: int, rng: np.random.Generator, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Uniform rows of the box and their values, with Gaussian noise of `noise` times the values' spread."""
        low, high = np.array(list(self.domain.values())).T
        x = rng.uniform(low, high, (rows, len(self.domain)))
        y = self.values(x)
        return x, y + noise * y.std() * rng.standard_normal(rows)


@dataclass(frozen=True)
class Fit:
    """A target to be fitted by a network of the given widths, and what is asked of it.

    `error` limits the root mean square error on fresh points, `seconds` the time, in each seed or in the median of all.
    """

    target: Target
    widths: list[int]
    error: float
    seconds: float | None = None
    of: str = "each"
    rows: int = 1000


# An input is positive where its interval is, so that sympy may simplify as the interval allows.
x, y, a, x1, x2, x3, x4 = sympy.symbols("x y a x1 x2 x3 x4", real=True)
b, s, y_upper = (Symbol(name, positive=True) for name in ("b", "s", "y"))

FIRST = Target("exp of sine plus square", exp(sin(pi * x) + y**2), {x: _SIDE, y: _SIDE})
PRODUCT = Target("product", x * y, {x: _SIDE, y: _SIDE})
BESSEL = Target("Bessel function", besselj(0, 20 * x), {x: _SIDE})
DEEP = Target(
    "four variables",
    exp((sin(pi * (x1**2 + x2**2)) + sin(pi * (x3**2 + x4**2))) / 2),
    dict.fromkeys((x1, x2, x3, x4), _SIDE),
)

FITS = [
    Fit(FIRST, [2, 1, 1], error=1e-7, seconds=5),
    Fit(PRODUCT, [2, 2, 1], error=1e-10),
    Fit(BESSEL, [1, 1], error=1e-6),
    Fit(DEEP, [4, 2, 1, 1], error=1e-6, seconds=60, of="median", rows=3000),
]

LAWS = [
    FIRST,
    PRODUCT,
    Target("quotient", x / y_upper, {x: _SIDE, y_upper: _UPPER}),
    Target("distance", sqrt(x**2 + y**2), {x: _SIDE, y: _SIDE}),
    Target("sum of velocities", (x + y) / (1 + x * y), dict.fromkeys((x, y), (0.0, 1.0))),
    Target("normal density", exp(-(x**2) / (2 * s**2)) / sqrt(2 * pi * s**2), {x: (-2.0, 2.0), s: _UPPER}),
    Target("growth", a * (1 / b - 1), {a: _SIDE, b: _UPPER}),
    Target("two products", x1 * x2 + x3 * x4, dict.fromkeys((x1, x2, x3, x4), _SIDE)),
]
