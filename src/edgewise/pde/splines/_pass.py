"""Values and derivatives carried through a network's layers, by the few splines that live at each point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from edgewise._jets import Jets, Order, below, partitions, powers, prod_of, sum_of
from edgewise.formulas import functions
from edgewise.kernels.gauss_newton import Edges, Local, add_splines
from edgewise.nn import KAN, KANLayer, Layout, Nodes, derivatives, edge_derivatives, symbolic_derivatives
from edgewise.nn.bases import BSpline
from edgewise.pde.geometry._jet import orders_up_to

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


class _Level:
    """One layer at points: its inputs as jets, and each edge's function and derivatives (n, out, in).

    By Faà di Bruno's rule the derivative alpha of subnode j is  sum_k sum_i phi_ji^(k)(x_i) F_alpha,k,i  where F are
    products of the inputs' derivatives. It is linear in the functions' coefficients, and so is everything here.
    """

    def __init__(self, layer: KANLayer, nodes: Nodes, inputs: Jets, known: LocalSplines | None) -> None:
        self.layer, self.nodes, self.inputs = layer, nodes, inputs
        self.x, self.most = inputs[()], max(map(len, inputs))
        self.local = known
        if known is None and _is_local(layer):
            self.local = LocalSplines.of(layer, self.x, self.most + 1)
        self.edges = self._edges()
        self.factors = {order: powers(inputs, order) for order in inputs if order}
        self.subnodes: dict[Order, Tensor] = {(): self.edges[0].sum(2)}
        for order, parts in self.factors.items():
            self.subnodes[order] = sum(
                ((self.edges[k] @ part.unsqueeze(2)).squeeze(2) for k, part in parts.items()),
                torch.zeros_like(self.subnodes[()]),
            )

    def _edges(self) -> list[Tensor]:
        layer, x = self.layer, self.x
        if self.local is None:
            return [layer.edges(x), *(edge_derivatives(layer, x, k + 1) for k in range(self.most))]
        found = self.local.combine(layer.weights().detach())
        if layer.active_symbols():
            found[0] = layer.edges(x)
        for order in range(1, len(found)):
            for j, i, values in symbolic_derivatives(layer, x, order):
                found[order][:, j, i] = values
        return found

    @cached_property
    def beyond(self) -> Tensor:
        """The edges' derivatives of one order more than the jets have."""
        if self.local is None:
            return edge_derivatives(self.layer, self.x, self.most + 1)
        return self.edges[self.most + 1]

    def weights_of(self, by: Jets) -> list[Tensor]:
        """What a number's derivatives by the subnodes' jets make of each edge's phi, phi', ...: each (n, out, in)."""
        found = [by[()].unsqueeze(2).expand_as(self.edges[0])]
        found += [torch.zeros_like(self.edges[0]) for _ in range(self.most)]
        for order, parts in self.factors.items():
            for k, part in parts.items():
                found[k] = found[k] + by[order].unsqueeze(2) * part.unsqueeze(1)
        return found

    def pulled(self, by: Jets, weights: list[Tensor]) -> dict[Order, Tensor]:
        """Derivatives of a number a point by the subnodes' jets -> by the inputs'."""
        found = {order: torch.zeros_like(self.x) for order in self.inputs}
        for weight, edge in zip(weights, [*self.edges[1 : self.most + 1], self.beyond], strict=True):
            found[()] += (weight * edge).sum(1)
        for order, parts in self.factors.items():
            slopes = {k: (by[order].unsqueeze(1) @ self.edges[k]).squeeze(1) for k in parts}  # each (n, in)
            for blocks, count in partitions(order):
                for place, block in enumerate(blocks):
                    part = count * slopes[len(blocks)]
                    others = [self.inputs[other] for p, other in enumerate(blocks) if p != place]
                    found[block] += part * prod_of(others) if others else part
        return found


class JetPass:
    """A forward pass of a network's outputs and some of their derivatives, and what its parameters do to them.

    `outputs` are jets of shape (n, n_out).

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs.
    orders
        The derivatives of the outputs, and with them all below; by default up to the second order.
    first
        The first layer's splines at the same points, which may be handed on from one pass to the next; None computes
        them.
    """

    def __init__(
        self, model: KAN, x: Tensor, orders: Iterable[Order] | None = None, first: LocalSplines | None = None
    ) -> None:
        d = x.shape[1]
        jets = _identity(x, orders_up_to(2, d) if orders is None else below(orders))
        self.levels: list[_Level] = []
        for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
            self.levels.append(_Level(layer, nodes, jets, None if self.levels else first))
            jets = nodes.jets(self.levels[-1].subnodes)
        self.outputs: Jets = jets

    @property
    def first(self) -> LocalSplines | None:
        """The first layer's splines at the points, where they are B-splines."""
        return self.levels[0].local

    def jacobian(self, layout: Layout, by: Jets) -> Tensor:
        """Return the derivatives (n, layout.size) of a number a point by the free parameters.

        Parameters
        ----------
        layout
            Where the free parameters are in one vector.
        by
            The derivatives of that number by the outputs' jets, each (n, n_out).
        """
        out = self.outputs[()].new_zeros(len(self.outputs[()]), layout.size)
        for depth, weights in self._backward(by):
            level, block = self.levels[depth], layout.blocks[depth]
            if len(block.spline):
                j, i = block.spline.T
                part = out.new_zeros(len(out), len(j), block.widest)
                for order, weight in enumerate(weights):
                    part += weight[:, j, i, None] * level.layer.evaluate_basis(level.x, order)[:, i]
                out[:, block.start : block.middle] = block.flat(part)
            if len(block.affine):
                out[:, block.middle : block.stop] = _affine(level.layer, level.x, block.affine, weights)
        return out

    def sparse_jacobian(self, layout: Layout, by: Jets) -> SparseRows:
        """Return the same as `jacobian` by the few entries of each edge that are not zero.

        Every free parameter must be the coefficient of a spline, all of one degree.

        Parameters
        ----------
        layout
            Where the free parameters are in one vector.
        by
            The derivatives of the number by the outputs' jets, each (n, n_out).
        """
        starts, cells, first, values = [], [], [], []
        for depth, weights in self._backward(by):
            local, block = self.levels[depth].local, layout.blocks[depth]
            assert local is not None
            j, i = block.spline.T
            starts.append(torch.tensor(block.starts, dtype=torch.long))
            cells.append(torch.tensor(self.levels[depth].layer.grids)[i])
            first.append(local.first[i])
            parts = zip(weights, local.values, strict=False)
            values.append(sum_of(weight.permute(1, 2, 0)[j, i].unsqueeze(2) * part[i] for weight, part in parts))
        return SparseRows(*(torch.cat(parts[::-1]) for parts in (starts, cells, first, values)))

    def _backward(self, by: Jets) -> Iterator[tuple[int, list[Tensor]]]:
        """Each layer from the last, and what multiplies each edge's phi, phi', ...: (n, out, in)."""
        for depth in reversed(range(len(self.levels))):
            level = self.levels[depth]
            by = _pulled(level.nodes, level.subnodes, by)
            weights = level.weights_of(by)
            yield depth, weights
            if depth:
                by = level.pulled(by, weights)


def is_sparse(model: KAN, layout: Layout) -> bool:
    """Whether every free parameter is the coefficient of a spline, all of one degree."""
    layers = list(model.layers)
    alike = all(_is_local(layer) and layer.degree == layers[0].degree for layer in layers)
    return alike and not any(len(block.affine) for block in layout.blocks)


def _is_local(layer: KANLayer) -> bool:
    """Whether the layer's splines are given by the few functions that live at a point."""
    on_cpu = layer.dtype == torch.float64 and layer.coefficients.device.type == "cpu"
    return layer.base is None and on_cpu and isinstance(layer.basis, BSpline)


def _identity(x: Tensor, orders: list[Order]) -> dict[Order, Tensor]:
    """The coordinates as jets of themselves, (n, d) for each order."""
    n, d = x.shape
    found = {}
    for order in orders:
        row = x.new_zeros(d)
        if len(order) == 1:
            row[order[0]] = 1.0
        found[order] = row.expand(n, d)
    return {**found, (): x}


def _affine(layer: KANLayer, x: Tensor, entries: Tensor, weights: list[Tensor]) -> Tensor:
    """Derivatives of sum_k w_k phi^(k), phi = c f(a x + b) + d, by the listed constants: (n, A)."""
    out = x.new_zeros(len(x), len(entries))
    for column, (j, i, which) in enumerate(entries.tolist()):
        a, b, c, _ = layer.affine[j, i]
        u = x[:, i]
        f = derivatives(functions.get(layer.symbols[j, i]).torch, a * u + b, len(weights))
        for k, weight in enumerate(weights):
            own = (
                c * ((k * a ** (k - 1) * f[k] if k else 0) + a**k * u * f[k + 1]),
                c * a**k * f[k + 1],
                a**k * f[k],
                torch.ones_like(u) if k == 0 else torch.zeros_like(u),
            )
            out[:, column] += weight[:, j, i] * own[which]
    return out


def _pulled(nodes: Nodes, subnodes: Jets, by: Jets) -> Jets:
    """Derivatives by the nodes' jets -> by the subnodes'."""
    if not nodes.arities:
        return by
    with torch.enable_grad():
        parts: Mapping[Order, Tensor] = {order: part.detach().requires_grad_() for order, part in subnodes.items()}
        made = nodes.jets(parts)
        orders = list(parts)
        found = torch.autograd.grad(
            [made[order] for order in orders], list(parts.values()), [by[order] for order in orders],
            materialize_grads=True,
        )  # fmt: skip
    return dict(zip(orders, found, strict=True))
