"""Splines at points, by the few of them that live there, with derivatives of any order."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.kernels.gauss_newton import Edges, Local, add_splines
from edgewise.nn import KANLayer

_LANES = 8  # the kernel of products wants the numbers of an edge and row in multiples of this, zeros at the end


@dataclass(frozen=True)
class LocalSplines:
    """The splines of a layer at points: of each input and row the first that lives there, and their values.

    `first` (n_in, n); `values` (n_in, n, degree + 1) for each order. Beyond the knots a spline is its tangent.
    """

    first: Tensor
    values: list[Tensor]

    @classmethod
    def of(cls, layer: KANLayer, x: Tensor, most: int) -> LocalSplines:
        """At inputs (n, n_in), with derivatives up to the order `most` >= 1."""
        assert layer.degree is not None
        return cls(*spline_values(layer.knots, x, layer.degree, most))

    def combine(self, coefficients: Tensor) -> list[Tensor]:
        """What edges with coefficients (n_out, n_in, K) give, of each order: (n, n_out, n_in)."""
        windows = coefficients.unfold(2, self.values[0].shape[2], 1)
        near = windows[:, torch.arange(len(self.first)).unsqueeze(1), self.first]  # (n_out, n_in, n, degree + 1)
        return [(near * part).sum(3).permute(2, 0, 1) for part in self.values]


def spline_values(knots: Tensor, x: Tensor, degree: int, most: int) -> tuple[Tensor, list[Tensor]]:
    """The first spline (n_in, n) that lives at each point (n, n_in), and the values (n_in, n, degree + 1) of all.

    The list has their derivatives up to the order `most` >= 1. Knots are (n_in, K + degree + 1).
    """
    count, points = knots.shape[1] - degree - 1, x.T.contiguous()
    last = (knots < torch.inf).sum(1, keepdim=True) - degree - 1  # inputs with fewer cells end in infinite knots
    inside = torch.minimum(torch.maximum(points, knots[:, degree, None]), knots.gather(1, last))
    first = torch.searchsorted(knots[:, degree + 1 : count].contiguous(), inside, right=True)
    first = torch.minimum(first, last - degree - 1)
    around = first.unsqueeze(2) + torch.arange(1, 2 * degree + 1)
    t = knots[torch.arange(len(knots)).view(-1, 1, 1), around]
    values = _derivatives(t, inside.unsqueeze(2), degree, most)
    beyond = (points - inside).unsqueeze(2)
    if bool(beyond.any()):
        held = (beyond == 0).to(x.dtype)
        values = [values[0] + values[1] * beyond, values[1], *(part * held for part in values[2:])]
    return first, values


def _derivatives(t: Tensor, x: Tensor, degree: int, most: int) -> list[Tensor]:
    """The degree + 1 splines that live in a cell, and their derivatives up to an order: each (..., degree + 1).

    t (..., 2 degree) are the knots around the cell, x (..., 1) lies in it. De Boor's recursion gives each degree from
    the one below,

        N_m,p = (x - t_m) / (t_m+p - t_m) N_m,p-1 + (t_m+p+1 - x) / (t_m+p+1 - t_m+1) N_m+1,p-1,

    and a derivative of it has p in place of x - t_m, and -p in place of t_m+p+1 - x.
    """
    tables, inverse = [torch.ones_like(x)], [x]
    for p in range(1, degree + 1):
        right, left = t[..., degree : degree + p], t[..., degree - p : degree]
        inverse.append(1.0 / (right - left))
        part = tables[-1] * inverse[p]
        tables.append(_joined(part * (right - x), part * (x - left)))
    found = [tables[degree]]
    for order in range(1, most + 1):
        values = tables[max(0, degree - order)]
        for p in range(degree - order + 1, degree + 1) if order <= degree else ():
            part = values * (p * inverse[p])
            values = _joined(-part, part)
        found.append(values if order <= degree else torch.zeros_like(found[0]))
    return found


def _joined(falling: Tensor, rising: Tensor) -> Tensor:
    """(f_0, f_1 + r_0, ..., r_p-1) of two parts (..., p)."""
    out = torch.nn.functional.pad(falling, (0, 1))
    out[..., 1:] += rising
    return out


@dataclass(frozen=True)
class SparseRows:
    """Rows of a Jacobian (n, size) in which each spline edge has degree + 1 entries side by side.

    starts and cells (edges,): the first column of each edge, and its input's cells; first (edges, n): where its entries
    begin, from there; values (edges, n, degree + 1).
    """

    starts: Tensor
    cells: Tensor
    first: Tensor
    values: Tensor

    def add_gram(self, factor: float, hessian: Tensor) -> None:
        """Add factor * J'J to the lower triangle."""
        count, n, width = self.values.shape
        number = torch.arange(count)
        table = torch.stack([torch.zeros(count), number, self.starts, torch.full((count,), -1)], 1).int()
        padded = torch.nn.functional.pad(self.values, (0, -width % _LANES)).contiguous()
        local = Local(self.first.int().contiguous(), padded)
        ones = torch.ones(1, 1, n, dtype=torch.float64)
        edges = Edges(table, int(self.cells.max()), self.cells.int())
        add_splines(edges, local, None, factor * ones, ones, width - 1, hessian)

    def dense(self, size: int) -> Tensor:
        """The rows in full, (n, size)."""
        _, n, width = self.values.shape
        columns = (self.starts.view(-1, 1, 1) + self.first.unsqueeze(2)) + torch.arange(width)
        out = self.values.new_zeros(n, size)
        return out.scatter_(1, columns.transpose(0, 1).reshape(n, -1), self.values.transpose(0, 1).reshape(n, -1))

    def vjp(self, cotangents: Tensor, size: int) -> Tensor:
        """J' times (n, k): (size, k)."""
        columns = (self.starts.view(-1, 1, 1) + self.first.unsqueeze(2)) + torch.arange(self.values.shape[2])
        out = self.values.new_zeros(cotangents.shape[1], size)
        for row, own in zip(out, cotangents.T, strict=True):
            row.index_add_(0, columns.flatten(), (self.values * own[:, None]).flatten())
        return out.T
