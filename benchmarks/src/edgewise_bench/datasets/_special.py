"""Special functions of two variables, with the domains that they are fitted on."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._typing import Array


@dataclass(frozen=True)
class Special:
    """A special function of two variables on a rectangle.

    call: SciPy's name for it, and how its arguments are x and y. low, high: the corners of the rectangle.
    """

    name: str
    call: str
    low: tuple[float, float]
    high: tuple[float, float]
    values: Callable[[Array, Array], Array]

    def table(self, rows: int, seed: int) -> tuple[Array, Array]:
        """Uniform points (rows, 2) of the rectangle and the values there (rows,).

        >>> x, y = special("ellipj")[0].table(100, seed=0)
        >>> x.shape, y.shape
        ((100, 2), (100,))
        """
        if not is_int(rows, 1):
            raise InputError(f"'rows' must be an int >= 1. Got {rows!r}.")
        x = np.random.default_rng(seed).uniform(self.low, self.high, (rows, 2))
        return x, self.values(x[:, 0], x[:, 1])


def special(*names: str) -> list[Special]:
    """Fifteen special functions by name, all of them when none is named.

    Jacobi's sn, elliptic integrals, Bessel functions of real order, associated Legendre functions of real degree and
    spherical harmonics (real parts): the list of the KAN article, which states no domains; those here keep clear of
    singularities.

    >>> [s.name for s in special()][:3]
    ['ellipj', 'ellipkinc', 'ellipeinc']

    Source: Liu et al., KAN (2024), table 1, for the list.
    """
    known = {row.name: row for row in _ROWS}
    for name in names:
        if name not in known:
            raise unknown("special function", name, known)
    return [known[name] for name in names] or list(_ROWS)


def _harmonic(degree: int, order: int) -> Callable[[Array, Array], Array]:
    """The real part of Y_degree^order at azimuth x and polar angle y: N P_degree^order(cos y) cos(order x)."""
    size = (2 * degree + 1) / (4 * math.pi) * math.factorial(degree - order) / math.factorial(degree + order)
    return lambda x, y: np.sqrt(size) * _scipy("lpmv", order, degree, np.cos(y)) * np.cos(order * x)


def _scipy(name: str, *arguments: Array | float) -> Any:
    from scipy import special as functions

    return getattr(functions, name)(*arguments)


_BALL = ((0.0, 0.0), (2 * math.pi, math.pi))
_ROWS = (
    Special("ellipj", "ellipj(x, y)[0]", (0.0, 0.0), (4.0, 0.95), lambda x, y: _scipy("ellipj", x, y)[0]),
    Special("ellipkinc", "ellipkinc(x, y)", (0.0, 0.0), (math.pi / 2, 0.95), partial(_scipy, "ellipkinc")),
    Special("ellipeinc", "ellipeinc(x, y)", (0.0, 0.0), (math.pi / 2, 0.95), partial(_scipy, "ellipeinc")),
    Special("jv", "jv(x, y)", (0.0, 0.5), (3.0, 5.0), partial(_scipy, "jv")),
    Special("yv", "yv(x, y)", (0.0, 1.0), (2.0, 5.0), partial(_scipy, "yv")),
    Special("kv", "kv(x, y)", (0.0, 1.0), (2.0, 5.0), partial(_scipy, "kv")),
    Special("iv", "iv(x, y)", (0.0, 0.5), (3.0, 5.0), partial(_scipy, "iv")),
    Special("lpmv0", "lpmv(0, x, y)", (0.0, -0.9), (3.0, 0.95), partial(_scipy, "lpmv", 0.0)),
    Special("lpmv1", "lpmv(1, x, y)", (1.0, -0.9), (3.0, 0.95), partial(_scipy, "lpmv", 1.0)),
    Special("lpmv2", "lpmv(2, x, y)", (2.0, -0.9), (4.0, 0.95), partial(_scipy, "lpmv", 2.0)),
    Special("sph01", "sph_harm_y(1, 0, y, x)", *_BALL, _harmonic(1, 0)),
    Special("sph11", "sph_harm_y(1, 1, y, x)", *_BALL, _harmonic(1, 1)),
    Special("sph02", "sph_harm_y(2, 0, y, x)", *_BALL, _harmonic(2, 0)),
    Special("sph12", "sph_harm_y(2, 1, y, x)", *_BALL, _harmonic(2, 1)),
    Special("sph22", "sph_harm_y(2, 2, y, x)", *_BALL, _harmonic(2, 2)),
)
