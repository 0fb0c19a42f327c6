"""Families of functions that edges combine, and what a backend does with one on a kind of device, by one route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor


class Sizes(NamedTuple):
    """What a choice of backend and route depends on.

    Parameters
    ----------
    rows
        The number of rows.
    n_in
        The number of inputs.
    n_out
        The number of outputs.
    count
        The number of functions of an edge.
    dtype
        The dtype of the points.
    device
        The kind of device, such as "cpu".
    """

    rows: int
    n_in: int
    n_out: int
    count: int
    dtype: torch.dtype
    device: str


class Backend:
    """The operations of families on one kind of device; here by plain torch, on any device: the reference.

    `contract`, `vjp_inputs` and `vjp_coefficients` are dense: all functions of some rows are written out, and BLAS
    multiplies them. So a backend that has a faster `evaluate` and `reduce` has them all.

    With K functions an input, shapes are x (N, n_in), coefficients c (n_out, n_in, K), weights v of the points
    (N, n_in) or None for ones, cotangents g of the outputs (N, n_out).
    """

    name: ClassVar[str] = "reference"
    entries: ClassVar[int] = 2_000_000  # of a basis that is written out at a time
    mixed: ClassVar[bool] = False  # whether tensors of several dtypes, and of any strides, are taken as they are

    def prepare(self, family: Family, dtype: torch.dtype) -> None:
        """Compile every kernel, or load it.

        Parameters
        ----------
        family
            The family of functions.
        dtype
            The dtype that kernels are compiled for.
        """

    def unavailable(self, dtype: torch.dtype) -> str | None:
        """Return why the backend cannot be used, None where it can.

        Parameters
        ----------
        dtype
            The dtype of the points.
        """
        return None

    def milliseconds(self, operation: str, family: Family, sizes: Sizes) -> float:
        """Return about how long an operation takes, for a backend that is one of several.

        Parameters
        ----------
        operation
            The operation: "evaluate", "contract", "vjp_inputs" or "vjp_coefficients".
        family
            The family of functions.
        sizes
            The sizes of the call.
        """
        raise NotImplementedError

    def evaluate(
        self, family: Family, x: Tensor, knots: Tensor, count: int, order: int, v: Tensor | None = None
    ) -> Tensor:
        """Return v_ni B_m^(order)(x_ni): (N, n_in, K).

        Parameters
        ----------
        family
            The family of functions.
        x : (N, n_in)
            The points x.
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        v : (N, n_in)
            The weights v of the points; None for ones.
        """
        values = family.reference(x, knots.to(x.dtype), count, order)
        return values if v is None else values * v.unsqueeze(-1)

    def reduce(self, family: Family, x: Tensor, weights: Tensor, knots: Tensor, order: int) -> Tensor:
        """Return sum_m weights_nim B_m^(order)(x_ni): (N, n_in).

        Parameters
        ----------
        family
            The family of functions.
        x : (N, n_in)
            The points x.
        weights : (N, n_in, K)
            The weight of each function at each point.
        knots : (n_in, ...)
            The knots of each input.
        order
            The order of the derivative; 0 for values.
        """
        return (weights * self.evaluate(family, x, knots, weights.shape[-1], order)).sum(-1)

    def contract(self, family: Family, x: Tensor, c: Tensor, v: Tensor | None, knots: Tensor, order: int) -> Tensor:
        """Return sum_i v_ni sum_m c_jim B_m^(order)(x_ni): (N, n_out).

        Parameters
        ----------
        family
            The family of functions.
        x : (N, n_in)
            The points x.
        c : (n_out, n_in, K)
            The coefficients c.
        v : (N, n_in)
            The weights v of the points; None for ones.
        knots : (n_in, ...)
            The knots of each input.
        order
            The order of the derivative; 0 for values.
        """
        matrix, parts = c.flatten(1).T, []
        for rows in self._chunks(x, c.shape[2]):
            weight = None if v is None else v[rows]
            values = self.evaluate(family, x[rows], knots, c.shape[2], order, weight)
            parts.append(values.flatten(1) @ matrix)
        return torch.cat(parts)

    def affine(
        self, family: Family, x: Tensor, c: Tensor, knots: Tensor, order: int, more: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Return `contract` without weights of the points, plus a linear map of other values: (N, n_out).

        Parameters
        ----------
        family
            The family of functions.
        x : (N, n_in)
            The points x.
        c : (n_out, n_in, K)
            The coefficients c.
        knots : (n_in, ...)
            The knots of each input.
        order
            The order of the derivative; 0 for values.
        more
            The values (N, p) and the weights (n_out, p) of the linear map.
        """
        return self.contract(family, x, c, None, knots, order).addmm_(more[0], more[1].T)

    def vjp_inputs(self, family: Family, x: Tensor, c: Tensor, g: Tensor, knots: Tensor, order: int) -> Tensor:
        """Return sum_j g_nj sum_m c_jim B_m^(order)(x_ni): (N, n_in).

        Parameters
        ----------
        family
            The family of functions.
        x : (N, n_in)
            The points x.
        c : (n_out, n_in, K)
            The coefficients c.
        g : (N, n_out)
            The cotangents g of the outputs.
        knots : (n_in, ...)
            The knots of each input.
        order
            The order of the derivative; 0 for values.
        """
        matrix, parts = c.flatten(1), []
        for rows in self._chunks(x, c.shape[2]):
            parts.append(self.reduce(family, x[rows], (g[rows] @ matrix).unflatten(1, c.shape[1:]), knots, order))
        return torch.cat(parts)

    def vjp_coefficients(
        self, family: Family, x: Tensor, g: Tensor, v: Tensor | None, knots: Tensor, count: int, order: int
    ) -> Tensor:
        """Return sum_n g_nj v_ni B_m^(order)(x_ni): (n_out, n_in, K).

        Parameters
        ----------
        family
            The family of functions.
        x : (N, n_in)
            The points x.
        g : (N, n_out)
            The cotangents g of the outputs.
        v : (N, n_in)
            The weights v of the points; None for ones.
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        """
        total = g.new_zeros(g.shape[1], x.shape[1] * count)
        for rows in self._chunks(x, count):
            values = self.evaluate(family, x[rows], knots, count, order, None if v is None else v[rows])
            total.addmm_(g[rows].T, values.flatten(1))
        return total.unflatten(1, (x.shape[1], count))

    def vjps(
        self, family: Family, x: Tensor, c: Tensor, g: Tensor, knots: Tensor, order: int
    ) -> tuple[Tensor, Tensor] | None:
        """Return `vjp_inputs` of `order + 1` and `vjp_coefficients` in one call; None where that saves nothing.

        Parameters
        ----------
        family
            The family of functions.
        x : (N, n_in)
            The points x.
        c : (n_out, n_in, K)
            The coefficients c.
        g : (N, n_out)
            The cotangents g of the outputs.
        knots : (n_in, ...)
            The knots of each input.
        order
            The order of the derivative; 0 for values.
        """
        return None

    def _chunks(self, x: Tensor, count: int) -> Iterator[slice]:
        """Rows whose functions are written out at a time."""
        step = max(1, x.shape[0] if x.is_meta else self.entries // max(1, x.shape[1] * count))
        for start in range(0, max(1, x.shape[0]), step):
            yield slice(start, start + step)


REFERENCE = Backend()


@dataclass(frozen=True)
class Family:
    """Functions B_1 .. B_K of one variable, for each input of a layer on its own range [lo, hi].

    What is written here serves a family whose functions are smooth on the whole range: its knots are the ends
    (n_in, 2), and a subclass says in `inside` what the functions are there. Beyond the ends e they continue along their
    tangents, B(x) = B(e) + B'(e) (x - e). K comes from the caller: the last dimension of the coefficients.

    `cpu` and `gpu` hold the backends that are faster than plain torch, by route: "dense" and, where functions live on
    few cells, "sparse". Families are compared by value: one with parameters is a frozen dataclass.
    """

    name: ClassVar[str]
    degree: ClassVar[int | None] = None  # of the pieces between knots, for a family that has them
    cpu: ClassVar[Mapping[str, Backend]] = {}
    gpu: ClassVar[Mapping[str, Backend]] = {}

    def reference(self, x: Tensor, knots: Tensor, count: int, order: int = 0) -> Tensor:
        """Return all functions, or their derivatives, in plain torch, which every backend must match: (..., n_in, K).

        Parameters
        ----------
        x : (..., n_in)
            The points.
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        """
        lo, hi = knots[:, 0], knots[:, -1]
        inside = torch.minimum(torch.maximum(x, lo), hi)
        values = self.inside(inside, lo, hi, count, order)
        if order == 0:
            # The tangent term is zero inside, where x equals its clamped value.
            return values + self.inside(inside, lo, hi, count, 1) * (x - inside).unsqueeze(-1)
        if order == 1:
            return values
        beyond = (x < lo) | (x > hi)
        return torch.where(beyond.unsqueeze(-1), 0.0, values)

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        """Return all functions, or their derivatives, at points within the range: (..., n_in, K).

        Parameters
        ----------
        x : (..., n_in)
            The points, each within its input's range.
        lo : (n_in,)
            The lower end of the range of each input.
        hi : (n_in,)
            The upper end of the range of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `inside`, its functions within the range.")
