"""Test functions of weak forms, and the integrals against them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse as sparse
import torch
from scipy.linalg import cholesky, solve_triangular
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise._jets import Order, below, halves
from edgewise._typing import Array
from edgewise.pde._box import Box
from edgewise.pde._domain import Domain
from edgewise.pde._jet import Jet
from edgewise.pde._local import spline_values
from edgewise.pde._quadrature import quadrature
from edgewise.pde._weak import Weak

_DEGREE = 4
_GAUSS = 5  # points of a cell and coordinate
_SEEN = 1e-8  # of the largest norm: functions of smaller ones live on next to nothing of the domain


@dataclass(frozen=True)
class TestSpace:
    """Functions v_1 to v_M, and points and weights of integrals.

    matrices: for each part of a weak form, which is what multiplies a derivative of v in one equation, the sparse
    matrix (M, n) of the weights times that derivative. gram: the products of the functions in H1.
    """

    __test__ = False  # no test of pytest
    points: Tensor
    matrices: tuple[Any, ...]
    equations: tuple[int, ...]
    gram: Any
    measure: float

    def __len__(self) -> int:
        return self.gram.shape[0]

    def rows(self, part: slice) -> TestSpace:
        """Return the same of a part of the points."""
        return replace(self, points=self.points[part], matrices=tuple(matrix[:, part] for matrix in self.matrices))

    def whole(self, parts: Sequence[Any]) -> list[Any]:
        """Return, for each equation, the sum of what its parts give."""
        found: list[Any] = []
        for equation, matrix, values in zip(self.equations, self.matrices, parts, strict=True):
            own = matrix @ values
            found[equation : equation + 1] = [found[equation] + own if equation < len(found) else own]
        return found

    def sizes(self, parts: Sequence[Any]) -> list[Any]:
        """Return the same sums of absolute values."""
        return replace(self, matrices=tuple(map(abs, self.matrices))).whole(list(map(abs, parts)))

    def whiten(self, values: Array) -> Array:
        """Return values (M, k) whose squares add up to the square of their dual norm, over the size of the domain."""
        return solve_triangular(self._factor, values, lower=True, check_finite=False) / math.sqrt(self.measure)

    @cached_property
    def _factor(self) -> Array:
        return cholesky(self.gram.toarray(), lower=True, check_finite=False)


def space_of(weak: Weak, domain: Domain, reads: Sequence[tuple[int, Order]], cells: int) -> TestSpace:
    """Return test functions on a number of cells per coordinate; InputError for unknown natural faces and breaks."""
    names, box = domain.names, isinstance(domain, Box)
    for name in weak.breaks:
        if name not in names:
            raise unknown("coordinate", name, names)
    if weak.natural is not None and weak.natural.box != domain:
        raise InputError(f"Natural faces must be those of the domain. Got {weak.natural.box!r} for {domain!r:.60}.")
    lines = [_lines(low, high, cells, weak.breaks.get(name, ()))
             for name, low, high in zip(names, domain.low, domain.high, strict=True)]  # fmt: skip
    points, weights = _lattice(lines) if box else quadrature(domain, _GAUSS ** len(names) * cells ** len(names))
    orders = below([*(order for _, order in reads), *((k,) for k in range(len(names)))])
    kept = [_kept(weak, k, low, high, box) for k, (low, high) in enumerate(zip(domain.low, domain.high, strict=True))]
    breaks = [np.isin(ends, np.array(list(weak.breaks.get(name, ())))) for name, ends in zip(names, lines, strict=True)]
    plain = _splines(lines, breaks, points, orders, kept)
    functions = plain if box else _masked(domain, points, plain)
    size = math.dist(domain.low, domain.high)
    rule = sparse.diags(weights.numpy())
    gram = functions[()].T @ rule @ functions[()] / size**2
    for k in range(len(names)):
        gram = gram + functions[(k,)].T @ rule @ functions[(k,)]
    norms = gram.diagonal()
    seen = np.flatnonzero(norms > _SEEN * norms.max())
    matrices = tuple((functions[order].T @ rule).tocsr()[seen] for _, order in reads)
    return TestSpace(points, matrices, tuple(e for e, _ in reads), gram.tocsr()[seen][:, seen], float(weights.sum()))


def _lines(low: float, high: float, cells: int, breaks: Sequence[float]) -> Array:
    """The ends of cells, at the breaks as well."""
    even = np.linspace(low, high, cells + 1)
    inside = np.array([float(place) for place in breaks if low < place < high])
    if len(inside):
        near = np.abs(even[:, None] - inside).min(1) > 1e-6 * (high - low)
        near[[0, -1]] = True
        even = np.unique(np.concatenate([even[near], inside]))
    return even


def _lattice(lines: list[Array]) -> tuple[Tensor, Tensor]:
    """Gauss points of every cell of a box, and their weights."""
    at, own = np.polynomial.legendre.leggauss(_GAUSS)
    sides, weights = [], torch.ones(1, dtype=torch.float64)
    for ends in lines:
        width = np.diff(ends)[:, None]
        sides.append(torch.from_numpy((ends[:-1, None] + width * (at + 1) / 2).ravel()))
        weights = (weights[:, None] * torch.from_numpy((width * own / 2).ravel())).flatten()
    return torch.cartesian_prod(*sides).reshape(-1, len(sides)), weights


def _kept(weak: Weak, k: int, low: float, high: float, box: bool) -> tuple[bool, bool]:
    """Whether the functions that do not vanish at each end of a coordinate are kept."""
    if not box:
        return True, True
    fixed = () if weak.natural is None else weak.natural.fixed
    return (k, low) in fixed, (k, high) in fixed


def _splines(
    lines: list[Array], breaks: list[Array], points: Tensor, orders: list[Order], kept: list[tuple[bool, bool]]
) -> dict[Order, Any]:
    """Products of splines and their derivatives at points, each sparse (n, M)."""
    sides = []
    for k, ends in enumerate(lines):
        times = np.where(breaks[k], _DEGREE, 1)  # at breaks the functions may have kinks
        knots = torch.from_numpy(np.concatenate([[ends[0]] * _DEGREE, np.repeat(ends, times), [ends[-1]] * _DEGREE]))
        most = max(1, max(order.count(k) for order in orders))
        first, values = spline_values(knots[None], points[:, k : k + 1], _DEGREE, most)
        columns = (first[0].unsqueeze(1) + torch.arange(_DEGREE + 1)).numpy()
        sides.append((columns, [part[0].numpy() for part in values], len(knots) - 1 - _DEGREE))
    chosen = np.zeros((), dtype=bool) | True
    for (_, _, count), (low, high) in zip(sides, kept, strict=True):
        own = np.ones(count, dtype=bool)
        own[0], own[-1] = low, high
        chosen = (chosen[..., None] & own).reshape(-1)
    found, n = {}, len(points)
    for order in orders:
        columns, whole, width = np.zeros((n, 1), dtype=np.int64), np.ones((n, 1)), 1
        for k, (own, values, count) in enumerate(sides):
            columns = (columns[:, :, None] * count + own[:, None]).reshape(n, -1)
            whole = (whole[:, :, None] * values[order.count(k)][:, None]).reshape(n, -1)
            width *= count
        ends = np.arange(0, whole.size + 1, whole.shape[1])
        found[order] = sparse.csr_matrix((whole.ravel(), columns.ravel(), ends), shape=(n, width)).tocsc()[:, chosen]
    return found


def _masked(domain: Domain, points: Tensor, plain: dict[Order, Any]) -> dict[Order, Any]:
    """The same functions times the distance from the boundary, by Leibniz's rule."""
    mask = domain.distance(SimpleNamespace(**Jet.coordinates(points, domain.names, plain))).parts
    found = {}
    for order in plain:
        parts = [count * sparse.diags(mask[one].numpy()) @ plain[two] for one, two, count in halves(order)]
        found[order] = sum(parts[1:], parts[0])
    return found
