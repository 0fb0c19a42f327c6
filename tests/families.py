"""The families of basis functions on two inputs, each with an independent formula, and pairs of what tests vary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev, hermite
from scipy.interpolate import BSpline
from torch import Tensor

from edgewise import bases
from edgewise.bases import RBF, Chebyshev, Fourier, uniform_knots
from edgewise.kernels import Family, evaluate_basis

LO, HI = torch.tensor([-1.3, 0.5]).double(), torch.tensor([0.9, 7.0]).double()
RANGE = torch.stack([LO, HI], 1)

Formula = Callable[[np.ndarray, float, float, int, int], np.ndarray]


@dataclass(frozen=True)
class Functions:
    """One family on two inputs, and its m-th function's derivative by an independent formula (x, lo, hi, m, order)."""

    family: Family
    knots: Tensor
    count: int
    formula: Formula

    def __call__(self, x: Tensor, order: int = 0) -> Tensor:
        return evaluate_basis(x, self.knots, self.family, self.count, order)


def _spline(degree: int, grid: int) -> Formula:
    def formula(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
        knots = lo + (hi - lo) * np.arange(-degree, grid + degree + 1) / grid
        return BSpline(knots, np.eye(grid + degree)[m], degree)(x, nu=order)

    return formula


def _chebyshev(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
    series = chebyshev.Chebyshev.basis(m, domain=[lo, hi])
    return (series.deriv(order) if order else series)(x)


def _rbf(count: int) -> Formula:
    def formula(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
        h = (hi - lo) / (count - 7)
        z = (x - lo - (m - 3) * h) / (1.5 * h)
        return hermite.hermval(z, np.eye(order + 1)[order]) * np.exp(-(z**2)) * (-1 / (1.5 * h)) ** order

    return formula


def _fourier(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
    rate = (m + 1) // 2 * np.pi / (hi - lo)
    wave = np.exp(1j * rate * (x - lo)) * (1j * rate) ** order
    return wave.imag if m and m % 2 == 0 else wave.real


def _splines(degree: int, grid: int) -> Functions:
    knots = uniform_knots(LO, HI, grid, degree)
    return Functions(bases.BSpline(degree), knots, grid + degree, _spline(degree, grid))


FUNCTIONS = {
    **{f"bspline {k}": _splines(k, 4) for k in (1, 2, 3, 4, 5, 7, 9)},
    **{f"chebyshev {n}": Functions(Chebyshev(), RANGE, n + 1, _chebyshev) for n in (1, 2, 9)},
    **{f"rbf {n}": Functions(RBF(), RANGE, n, _rbf(n)) for n in (8, 12)},
    **{f"fourier {n}": Functions(Fourier(), RANGE, 2 * n + 1, _fourier) for n in (1, 4)},
}
every_family = pytest.mark.parametrize("functions", FUNCTIONS.values(), ids=FUNCTIONS)
#: those that have compiled kernels: a basis needs none
COMPILED = {name: functions for name, functions in FUNCTIONS.items() if functions.family.cpu}
#: one of each kind, for what does not depend on how many functions there are
KINDS = {name: FUNCTIONS[name] for name in ("bspline 3", "chebyshev 9", "rbf 12", "fourier 4")}


def covering(*factors: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return rows, one level of each factor, such that any two levels of two factors occur together; always the same.

    Greedy: each row is that of the full product with the most pairs that no row before it has.

    >>> covering("ab", "xy", "12")
    [('a', 'x', '1'), ('a', 'y', '2'), ('b', 'x', '2'), ('b', 'y', '1')]
    """
    rows = {row: {*combinations(enumerate(row), 2)} for row in product(*(range(len(levels)) for levels in factors))}
    missing, found = set().union(*rows.values()), []
    while missing:
        found.append(max(rows, key=lambda row: len(rows[row] & missing)))
        missing -= rows[found[-1]]
    return [tuple(levels[k] for levels, k in zip(factors, row, strict=True)) for row in sorted(found)]


def each_pair(**factors: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrize a test by rows in which any two levels of two arguments occur; a mapping names its levels."""
    named = [[*(one.items() if isinstance(one, Mapping) else ((level, level) for level in one))]
             for one in factors.values()]  # fmt: skip
    rows = covering(*named)
    ids = ["-".join(str(name).removeprefix("torch.") for name, _ in row) for row in rows]
    return pytest.mark.parametrize([*factors], [[value for _, value in row] for row in rows], ids=ids)


def inside(rows: int, seed: int = 0) -> Tensor:
    share = torch.rand(rows, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return LO + (HI - LO) * share


def around(rows: int, seed: int = 0) -> Tensor:
    """Points within the range and on both sides of it."""
    return (inside(rows, seed) - (LO + HI) / 2) * 1.6 + (LO + HI) / 2


def close(found: Tensor, expected: Tensor | np.ndarray, tolerance: float = 1e-12) -> None:
    expected = torch.as_tensor(expected).detach()
    size = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * size)
