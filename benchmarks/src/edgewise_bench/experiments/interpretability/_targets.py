"""Toy targets: their domains, their functions, and when a formula equals one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise.expressions import evaluate

_FRESH, _BEYOND = 2000, 0.1  # test points; the fraction of its range by which each input goes beyond it there
_EXACT, _FLAT = 1e-9, 1e-3  # relative to the value, or to this fraction of the standard deviation if that is more


@dataclass(frozen=True)
class ToyTarget:
    """A function of columns x_1, x_2, ... that are uniform on [low, high], and what the article saw in its network."""

    name: str
    columns: int
    low: float
    high: float
    law: Callable[[Array], Array]
    published: str

    @property
    def names(self) -> list[str]:
        return [f"x_{number}" for number in range(1, self.columns + 1)]

    def table(self, rows: int, seed: int, beyond: float = 0.0) -> tuple[Array, Array]:
        """Draw rows (n, columns) and their values (n,); `beyond` widens the range at both ends by that fraction."""
        more = beyond * (self.high - self.low)
        x = np.random.default_rng(seed).uniform(self.low - more, self.high + more, (rows, self.columns))
        return x, self.law(x)

    def error(self, formula: Any, seed: int = 12345) -> float:
        """Return the largest deviation at fresh points, also a tenth of the range beyond the data."""
        worst = 0.0
        for beyond in (0.0, _BEYOND):
            x, y = self.table(_FRESH, seed, beyond)
            off = np.abs(evaluate(formula, self.names, x) - y) / np.maximum(np.abs(y), _FLAT * y.std())
            worst = max(worst, float(off.max()) if np.isfinite(off).all() else float("inf"))
        return worst


def exact(formula: Any, error: float) -> bool:
    """Return whether a formula equals the target: no deviation beyond rounding, and no decimal number.

    >>> x = sympy.Symbol("x")
    >>> exact(x**2 / 3, 1e-16), exact(0.333 * x**2, 1e-16), exact(x**2, 1e-3)
    (True, False, False)
    """
    return error < _EXACT and not formula.atoms(sympy.Float)


_NAMED = (
    ToyTarget("x y", 2, -1, 1, lambda x: x[:, 0] * x[:, 1], "2 x y as a square of a sum less squares"),
    ToyTarget("x / y", 2, 0.1, 1, lambda x: x[:, 0] / x[:, 1], "exp of log x less log y"),
    ToyTarget("tanh(5 (x1^4 + x2^4 + x3^4 - 1))", 3, -1, 1,
        lambda x: np.tanh(5 * ((x**4).sum(axis=1) - 1)), "quartics, tanh"),
    ToyTarget("sqrt((x1 - x2)^2 + (x3 - x4)^2)", 4, -1, 1,
        lambda x: np.hypot(x[:, 0] - x[:, 1], x[:, 2] - x[:, 3]), "differences, squares, root"),
)  # fmt: skip
TARGETS = {target.name: target for target in _NAMED}
"""Those that a formula says."""


def inner_bessel(x: Array) -> Array:
    """Return J0(20 x)."""
    from scipy.special import j0

    return j0(20 * x)


BESSEL = ToyTarget("exp(J0(20 x) + y^2)", 2, -1, 1,
    lambda x: np.exp(inner_bessel(x[:, 0]) + x[:, 1] ** 2), "the Bessel curve as a spline")  # fmt: skip
DIGITS = ToyTarget("first decimal digit", 1, 0, 1, lambda x: np.floor(10 * x[:, 0]), "spikes at the matching digit")
SIX = "six columns, no target"
SIX_PUBLISHED = "one relation in each of two seeds"


def six(rows: int, seed: int) -> Array:
    """Draw six columns, uniform on [-1, 1] except x_3 = exp(sin(pi x_1) + x_2^2) and x_4 = x_5^3."""
    x = np.random.default_rng(seed).uniform(-1, 1, (rows, 6))
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 3] = x[:, 4] ** 3
    return x
