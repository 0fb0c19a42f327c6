"""The functions of a lattice at groups of points that each lie in one cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets, Order
from edgewise._typing import Array
from edgewise.pde.splines._space import Products

Slopes = dict[tuple[int, ...], Any]


class Local(NamedTuple):
    """The functions that live at groups of points (C, Q, d), as products of those of each coordinate.

    numbers (C, K): which they are. orders: the derivatives, each by the numbers of its coordinates. sides: of each
    coordinate the functions of that, by how often they are differentiated: (C, Q, degree + 1), or where the points are
    those of a `grid` (C, g, degree + 1) at the g places of its coordinate, Q = g^d.
    """

    numbers: Tensor
    orders: tuple[Order, ...]
    sides: list[dict[int, Array]]
    count: int
    grid: bool

    @classmethod
    def at(cls, products: Products, points: Tensor, orders: Iterable[Order]) -> Local:
        """The functions of products, and derivatives, at points (C, Q, d)."""
        orders, given = tuple(orders), points.numpy()
        places, grid = _places(given)
        sides = []
        for k, (line, x) in enumerate(zip(products.lines, places, strict=True)):
            found = line.derivatives(x.ravel(), {order.count(k) for order in orders})
            sides.append({count: values.reshape(*x.shape, -1) for count, values in found.items()})
        numbers = products.index(products.cell_of(given[:, 0]))
        return cls(torch.from_numpy(numbers), orders, sides, given.shape[1], grid)

    @property
    def kept(self) -> int:
        """How many numbers it holds."""
        return sum(values.size for side in self.sides for values in side.values())

    def values(self, order: Order) -> Tensor:
        """The functions, or a derivative: (C Q, K)."""
        parts = (self._spread(k, order.count(k)) for k in range(len(self.sides)))
        return torch.from_numpy(reduce(_outer, parts)).reshape(len(self.numbers) * self.count, -1)

    def jets(self, coefficients: Tensor) -> Jets:
        """Splines with coefficients (functions, m): (C Q, m) of each order, coordinate by coordinate."""
        d, groups = len(self.sides), len(self.numbers)
        near = np.ascontiguousarray(coefficients.numpy()[self.numbers.numpy()].transpose(2, 0, 1))
        held: dict[tuple[int, ...], Array] = {(): near.reshape(len(near), groups, 1, -1)}
        for order in self.orders:
            counts = tuple(map(order.count, range(d)))
            for k in range(d):
                if counts[: k + 1] not in held:
                    held[counts[: k + 1]] = self._summed(held[counts[:k]], k, self.sides[k][counts[k]])
        return {
            order: torch.from_numpy(held[tuple(map(order.count, range(d)))].reshape(len(near), -1).T.copy())
            for order in self.orders
        }

    def entries(self, by: Mapping[Order, Tensor]) -> Tensor:
        """Derivatives (C Q, K m) by coefficients (K, m), of what has derivatives by jets (C Q, m)."""
        d, m = len(self.sides), by[()].shape[1]
        found = []
        for q in range(m):
            slopes = {
                tuple(map(order.count, range(d))): slope[:, q].numpy().reshape(*self._axes, 1)
                for order, slope in by.items() if bool(slope[:, q].any())
            }  # fmt: skip
            with np.errstate(invalid="ignore", over="ignore"):  # where an equation is not finite
                found.append(self._product(slopes, 0))
        each = [torch.from_numpy(own).reshape(len(self.numbers) * self.count, -1) for own in found]
        return each[0] if m == 1 else torch.stack(each, 2).flatten(1)

    @property
    def _axes(self) -> tuple[int, ...]:
        """The axes of points: groups and points, or the places of each coordinate in the place of the latter."""
        if not self.grid:
            return len(self.numbers), self.count
        return len(self.numbers), *(next(iter(side.values())).shape[1] for side in self.sides)

    def _spread(self, k: int, count: int) -> Array:
        """The functions of one coordinate with all axes of points."""
        own = self.sides[k][count]
        if not self.grid:
            return own
        return own.reshape(len(own), *(own.shape[1] if j == k else 1 for j in range(len(self.sides))), -1)

    def _product(self, slopes: Slopes, k: int) -> Array:
        """The sum of slopes times products of the functions from one coordinate on."""
        if k == len(self.sides) - 1:
            parts = [slope * self._spread(k, counts[k]) for counts, slope in slopes.items()]
        else:
            parts = []
            for count in {counts[k] for counts in slopes}:
                own = {counts: slope for counts, slope in slopes.items() if counts[k] == count}
                parts.append(_outer(self._spread(k, count), self._product(own, k + 1)))
        if not parts:
            width = 1
            for side in self.sides[k:]:
                width *= next(iter(side.values())).shape[2]
            return np.zeros((*self._axes, width))
        return reduce(np.add, parts)

    def _summed(self, near: Array, k: int, side: Array) -> Array:
        """Sums over the functions of one coordinate, of (m, C, points so far, functions): one coordinate less."""
        m, groups, before = near.shape[:3]
        wide = side.shape[2]
        if self.grid:
            found = np.matmul(side[:, None], near.reshape(m, groups, before, wide, -1))
            return found.reshape(m, groups, before * side.shape[1], -1)
        if k == 0:
            return np.matmul(side, near.reshape(m, groups, wide, -1))
        return np.einsum("cqj,mcqjr->mcqr", side, near.reshape(m, groups, before, wide, -1))


def spline_jets(products: Products, coefficients: Tensor, points: Tensor, orders: Sequence[Order]) -> Jets:
    """Splines with coefficients (functions, m) at points (n, d): (n, m) of each order."""
    return Local.at(products, points.unsqueeze(1), orders).jets(coefficients)


def _places(points: Array) -> tuple[list[Array], bool]:
    """The coordinates of points (C, Q, d), (C, Q) of each; or (C, g) where each group is a grid of g^d points."""
    groups, count, d = points.shape
    g = round(count ** (1 / d))
    if d > 1 and g > 1 and g**d == count:
        found = []
        for k in range(d):
            own = points[:, :, k].reshape(groups, g**k, g, -1)
            if not (own == own[:, :1, :, :1]).all():
                break
            found.append(own[:, 0, :, 0])
        else:
            return found, True
    return [points[:, :, k] for k in range(d)], False


def _outer(one: Array, two: Array) -> Array:
    """Products of each of (..., j) with each of (..., k): (..., j k)."""
    whole = one[..., :, None] * two[..., None, :]
    return whole.reshape(*whole.shape[:-2], -1)
