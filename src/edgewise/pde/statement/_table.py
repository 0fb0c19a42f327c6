"""Functions that are given as arrays, as smooth functions with derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

import numpy as np
import torch
from scipy.interpolate import make_interp_spline
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._jets import Jets, Order, partitions, prod_of, sum_of
from edgewise._typing import Data
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.splines._pass import spline_values

Beyond = Literal["error", "tangent"]
_DEGREES = (1, 3, 5, 7)
_CLOSE = 1e-9  # over the range: rounding


@dataclass(frozen=True)
class Table:
    """What `table` returns: a function of one or more coordinates, each a tensor, a number or a Jet.

    Parameters
    ----------
    knots
        The knots of the spline, (knots,) for each coordinate.
    coefficients : (n1, n2, ...)
        The coefficients of the products of B-splines, one axis a coordinate.
    degree
        The degree of the spline.
    low, high
        The ends of the lattice, one number a coordinate.
    beyond
        What happens outside the lattice: an "error", or the spline goes on as its "tangent".
    """

    knots: tuple[Tensor, ...]
    coefficients: Tensor
    degree: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    beyond: Beyond = "error"

    def __call__(self, *at: Tensor | Jet | float) -> Any:
        """Return the values at points, a tensor; or a Jet where one of the coordinates is one."""
        if len(at) != len(self.knots):
            raise InputError(f"This table is a function of {len(self.knots)} coordinates. Got {len(at)}.")
        if any(isinstance(part, Jet) for part in at):
            return self._jet(at)
        parts = torch.broadcast_tensors(*(torch.as_tensor(part, dtype=torch.float64) for part in at))  # type: ignore[arg-type]
        points = torch.stack([part.reshape(-1) for part in parts], 1)
        return _At.apply(points, self, (0,) * len(at)).reshape(parts[0].shape)

    def derivative(self, points: Tensor, order: tuple[int, ...]) -> Tensor:
        """Return the derivative of the given order in each coordinate, (n,).

        Parameters
        ----------
        points : (n, d)
            Points, one a row.
        order
            How often to differentiate by each coordinate.

        Raises
        ------
        InputError
            For points outside the lattice where `beyond` is "error".
        """
        self._check(points)
        found = self.coefficients
        for k, knots in enumerate(self.knots):
            first, values = spline_values(knots[None], points[:, k : k + 1], self.degree, max(1, order[k]))
            near = first[0].unsqueeze(1) + torch.arange(self.degree + 1)
            chosen = found[torch.arange(len(points))[:, None], near] if k else found[near]
            found = torch.einsum("na...,na->n...", chosen, values[order[k]][0])
        return found

    def _check(self, points: Tensor) -> None:
        if self.beyond == "tangent":
            return
        for k, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            near, column = _CLOSE * (high - low), points[:, k]
            off = column[(column < low - near) | (column > high + near)]
            if len(off):
                raise InputError(
                    f"The table goes from {low:g} to {high:g}. Got {float(off[0]):g}: give a wider one, or "
                    "beyond='tangent'."
                )

    def _jet(self, at: tuple[Any, ...]) -> Jet:
        """The table of functions with derivatives, by Faà di Bruno's rule for several variables."""
        jets = [part for part in at if isinstance(part, Jet)]
        orders = [order for order in jets[0].parts if all(order in jet.parts for jet in jets)]
        like = jets[0].parts[()]
        inner: list[Jets] = [
            part.parts if isinstance(part, Jet) else {(): torch.as_tensor(part).to(like).expand_as(like)} for part in at
        ]
        points = torch.stack([parts[()] for parts in inner], 1)
        known: dict[tuple[int, ...], Tensor] = {}

        def outer(chosen: tuple[int, ...]) -> Tensor:
            order = tuple(chosen.count(k) for k in range(len(at)))
            if order not in known:
                known[order] = _At.apply(points, self, order)  # type: ignore[assignment]
            return known[order]

        parts: dict[Order, Tensor] = {(): outer(())}
        for order in orders:
            if order:
                parts[order] = sum_of(
                    count * outer(chosen) * prod_of(inner[k][block] for k, block in zip(chosen, blocks, strict=True))
                    for blocks, count in partitions(order)
                    for chosen in product([k for k, part in enumerate(at) if isinstance(part, Jet)], repeat=len(blocks))
                )
        return Jet(parts, jets[0].names, tuple(asked for jet in jets for asked in jet.asked))


class _At(torch.autograd.Function):
    """A derivative of a table at points (n, d), which can be differentiated by them as often as wanted."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, table: Table, order: tuple[int, ...]) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(points)
        ctx.table, ctx.order = table, order
        return table.derivative(points.detach(), order)

    @staticmethod
    def backward(ctx: Any, by: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (points,), order = ctx.saved_tensors, ctx.order
        higher = [tuple(n + (k == j) for j, n in enumerate(order)) for k in range(len(order))]
        return torch.stack([by * _At.apply(points, ctx.table, each) for each in higher], 1), None, None


def table(x: Any, values: Data, *, degree: int = 5, beyond: Beyond = "error") -> Table:
    """Return the smooth function that takes given values: an interpolating spline with its derivatives.

    Use it in residuals, in initial values, in ansatzes, and of the unknown itself, as a tabulated law k(u).

    Parameters
    ----------
    x : (n,)
        Where the values are, ascending; for several coordinates a tuple of such, one each, of a lattice.
    values : (n,)
        The values; (n1, n2, ...) on the lattice.
    degree
        Degree of the spline, 1, 3, 5 or 7. It has degree - 1 continuous derivatives. Take 1 or 3 where the values have
        kinks, near which splines of high degree overshoot.
    beyond
        What happens outside the lattice: an "error", or the spline goes on as its "tangent".

    Raises
    ------
    InputError
        For arrays of other shapes, too few values, places that do not ascend, NaN and infinity.

    Examples
    --------
    >>> x = torch.linspace(0, 3, 50).double()
    >>> sine = table(x, torch.sin(x))
    >>> round(float(sine(torch.tensor(1.0))), 6), round(float(sine(Jet.coordinates(x[:1, None], "x")["x"]).x), 6)
    (0.841471, 1.0)
    """
    several = isinstance(x, tuple) and any(np.ndim(side) for side in x)
    sides = [_side(side) for side in (x if several else (x,))]
    known = np.asarray(torch.as_tensor(values, dtype=torch.float64))
    if not is_int(degree) or degree not in _DEGREES:
        raise InputError(f"'degree' must be one of {', '.join(map(str, _DEGREES))}. Got {degree!r}.")
    if beyond not in get_args(Beyond):
        raise unknown("continuation of a table", beyond, get_args(Beyond))
    shape = tuple(map(len, sides))
    if known.shape != shape:
        raise InputError(f"A table of places {shape} needs as many values. Got {known.shape}.")
    if min(shape) <= degree:
        raise InputError(f"Splines of degree {degree} need {degree + 1} places or more a coordinate. Got {min(shape)}.")
    if not np.isfinite(known).all():
        raise InputError("The values of a table must be finite numbers. Got NaN or infinity among them.")
    knots = []
    for axis, side in enumerate(sides):
        spline = make_interp_spline(side, known, k=int(degree), axis=axis)
        knots.append(torch.from_numpy(np.ascontiguousarray(spline.t)))
        known = np.moveaxis(spline.c, 0, axis)
    low, high = tuple(float(side[0]) for side in sides), tuple(float(side[-1]) for side in sides)
    return Table(tuple(knots), torch.from_numpy(np.ascontiguousarray(known)), int(degree), low, high, beyond)


def _side(x: Any) -> np.ndarray:
    """The places of one coordinate; InputError for those that do not ascend."""
    side = np.asarray(torch.as_tensor(x, dtype=torch.float64))
    if side.ndim != 1 or not np.isfinite(side).all() or not (np.diff(side) > 0).all():
        raise InputError(f"The places of a table must be finite numbers that ascend, (n,). Got shape {side.shape}.")
    return side
