"""The targets of the scaling laws: functions, shapes of networks, grids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array


@dataclass(frozen=True)
class Target:
    """A function on [-1, 1]^inputs and a network of its shape.

    rows: training rows. grids: of the network, coarse to fine. pykan_grids: the grids that pykan is given.
    patience: seconds of each of an MLP's two solvers.
    """

    name: str
    inputs: int
    values: Callable[[Array], Array]
    widths: list[int]
    grids: tuple[int, ...]
    rows: int = 5000
    pykan_grids: tuple[int, ...] = (3, 5, 10, 20, 50)
    patience: float = 4.0

    def table(self, seed: int, rows: int | None = None) -> tuple[Array, Array]:
        """Return uniform points (rows, inputs) and the values there (rows,)."""
        x = np.random.default_rng(seed).uniform(-1, 1, (rows or self.rows, self.inputs))
        return x, self.values(x)


def _bessel(x: Array) -> Array:
    from scipy.special import j0

    return j0(20 * x[:, 0])


def _wave(x: Array) -> Array:
    return np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)


def _product(x: Array) -> Array:
    return x[:, 0] * x[:, 1]


def _bent_product(x: Array) -> Array:
    return _product(np.sin(np.pi * x / 2))


def _hundred(x: Array) -> Array:
    return np.exp(np.mean(np.sin(np.pi * x / 2) ** 2, axis=1))


def _four(x: Array) -> Array:
    rings = np.sin(np.pi * (x[:, ::2] ** 2 + x[:, 1::2] ** 2))
    return np.exp(rings.mean(axis=1))


_FINE = (3, 5, 10, 20, 50, 100, 200)
_HUNDRED = (3, 5, 8, 12, 20, 30)
TARGETS = (
    Target("J0(20 x)", 1, _bessel, [1, 1], (*_FINE, 500)),
    Target("exp(sin(pi x) + y^2)", 2, _wave, [2, 1, 1], _FINE),
    Target("x y", 2, _product, [2, 2, 1], _FINE[:5]),
    Target("sin(pi x/2) sin(pi y/2)", 2, _bent_product, [2, 2, 1], _FINE[:6]),
    Target("exp(mean of 100 sin^2(pi x/2))", 100, _hundred, [100, 1, 1], _HUNDRED, 20_000, (), patience=5.0),
    Target("exp(mean of 2 sin(pi (x^2 + y^2)))", 4, _four, [4, 2, 1, 1], _FINE[:6]),
)
"""The five of the article, and the product on bent axes: the product itself is a sum of squares, exact in splines."""
