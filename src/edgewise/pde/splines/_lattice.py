"""Sums of products of splines over a box of two coordinates, with knots of any place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets, Order
from edgewise._typing import Array
from edgewise.pde.splines._space import Space

_SHARES = 2  # points of a cell at which densities are averaged over the other coordinate


class Patch(NamedTuple):
    """Points in groups that each lie in one cell, one set (C, Q, 2) or two of as many, and weights (C, Q) of sum 1."""

    sides: list[Tensor]
    weights: Tensor


@dataclass(frozen=True)
class Lattice:
    """Products of splines f_i(x) g_j(y), numbered so that the coordinate `inner` changes from each to the next.

    >>> space = Space(np.linspace(0, 1, 5), 3)
    >>> len(Lattice((space, space)))
    49
    """

    spaces: tuple[Space, Space]
    inner: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.spaces[0]), len(self.spaces[1])

    @property
    def cells(self) -> tuple[int, int]:
        return len(self.spaces[0].cells) - 1, len(self.spaces[1].cells) - 1

    def __len__(self) -> int:
        return self.shape[0] * self.shape[1]

    def matrices(self, coefficients: Tensor) -> Tensor:
        """Coefficients (len, m) by the functions of both spaces, (m, n_0, n_1)."""
        m = coefficients.shape[1]
        if self.inner == 1:
            return coefficients.T.reshape(m, *self.shape)
        return coefficients.T.reshape(m, self.shape[1], self.shape[0]).transpose(1, 2)

    def flat(self, matrices: Tensor) -> Tensor:
        """The reverse of `matrices`."""
        whole = matrices if self.inner == 1 else matrices.transpose(1, 2)
        return whole.reshape(len(matrices), -1).T.contiguous()

    def at(self, points: Tensor, orders: Sequence[Order]) -> tuple[Tensor, dict[Order, Tensor]]:
        """The functions that live at groups of points (C, Q, 2): numbers (C, K), and values (C, Q, K) of each order."""
        count, size, _ = points.shape
        firsts, sides = [], []
        for k, space in enumerate(self.spaces):
            x = points[:, :, k].reshape(-1).numpy()
            most = max(order.count(k) for order in orders)
            sides.append([torch.from_numpy(space.local(x, r)).view(count, size, -1) for r in range(most + 1)])
            firsts.append(torch.from_numpy(space.index(space.cell_of(points[:, 0, k].numpy()))))
        b, a = self.inner, 1 - self.inner
        numbers = (firsts[a].unsqueeze(2) * self.shape[b] + firsts[b].unsqueeze(1)).flatten(1)
        values = {
            order: (sides[a][order.count(a)].unsqueeze(3) * sides[b][order.count(b)].unsqueeze(2)).flatten(2)
            for order in orders
        }
        return numbers, values

    def jets(self, points: Tensor, coefficients: Tensor, orders: Sequence[Order]) -> Jets:
        """Functions with coefficients (len, m) at groups of points (C, Q, 2): (C Q, m) of each order."""
        numbers, values = self.at(points, orders)
        near = coefficients[numbers]
        return {order: (part @ near).flatten(0, 1) for order, part in values.items()}

    def inside(self, count: int) -> Patch:
        """Gauss points of each cell, `count` by each coordinate."""
        (x, v), (y, w) = (space.gauss(count) for space in self.spaces)
        n, m = self.cells
        at = torch.empty(n, m, count, count, 2, dtype=torch.float64)
        at[..., 0] = torch.from_numpy(x).view(n, 1, count, 1)
        at[..., 1] = torch.from_numpy(y).view(1, m, 1, count)
        weights = torch.from_numpy(v).view(n, 1, count, 1) * torch.from_numpy(w).view(1, m, 1, count)
        return Patch([at.view(n * m, -1, 2)], weights.reshape(n * m, -1) / weights.sum())

    def faces(self, fixed: Sequence[tuple[int, float]], count: int) -> Patch:
        """Gauss points of the cells at faces, each a coordinate's number and the end where it is held."""
        points, weights = [], []
        for k, end in fixed:
            x, v = self.spaces[1 - k].gauss(count)
            at = torch.full((len(x), 2), end, dtype=torch.float64)
            at[:, 1 - k] = torch.from_numpy(x)
            points.append(at.view(-1, count, 2))
            weights.append(torch.from_numpy(v / v.sum() / len(fixed)).view(-1, count))
        return Patch([torch.cat(points)], torch.cat(weights))

    def projected(self, other: Lattice, coefficients: Tensor) -> Tensor:
        """The coefficients of what is nearest, in L2, to a function of another lattice."""
        whole = other.matrices(coefficients)
        for k, (own, old) in enumerate(zip(self.spaces, other.spaces, strict=True)):
            x, weights = own.gauss(own.degree + 1)
            known = whole.transpose(1, 2) if k == 0 else whole  # (m, others, functions)
            m, others, _ = known.shape
            values = old.matrix(x) @ known.reshape(m * others, -1).T.numpy()
            found = torch.from_numpy(own.project(values, x, weights)).T.reshape(m, others, -1)
            whole = found.transpose(1, 2) if k == 0 else found
        return self.flat(whole)

    def density(self, coefficients: Tensor, k: int) -> Array:
        """How densely knots of a coordinate should lie in each cell: by the other coordinate's root mean square."""
        own, other = self.spaces[k], self.spaces[1 - k]
        whole = self.matrices(coefficients)
        y, w = other.gauss(_SHARES)
        across = other.matrix(y)
        parts = [(across @ (one if k == 1 else one.T).numpy()).T for one in whole]
        jumps = own.density(np.concatenate(parts, 1)) ** (own.degree + 1)
        return np.sqrt((jumps**2 * np.tile(w / w.sum(), len(parts))).sum(1)) ** (1 / (own.degree + 1))
