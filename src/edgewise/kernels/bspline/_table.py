"""B-splines as one polynomial a cell: what the fast kernels read instead of running the recursion at every point."""

from typing import NamedTuple

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels._backend import Family
from edgewise.kernels.bspline.reference import cells_of
from edgewise.kernels.runtime._memo import cached_on

_UNSOUND = "The knots of a layer must be finite, and ascend."


class Splines(NamedTuple):
    """One derivative of all B-splines over the knots of each input.

    On cell q of input i, with t = (x - t_q)/(t_{q+1} - t_q), function m of the degree + 1 that live there is
    unit_i sum_p table[.., m, p] t^p; beyond the ends, order 0 goes on with `slopes`, the same polynomials'
    derivatives by t. Even knots share one table, (degree + 1, degree + 1); uneven ones have one for each input and
    cell, (n_in, G, degree + 1, degree + 1), with the unit worked in.

    `lo` holds the first interior knot of each input, or all of them (n_in, G + 1) when uneven; `inverse` is one over
    the spacing. Where even, these and the units go round once more, (n_in + 16,), so that a vector may begin anywhere.
    The units are followed by the numbers of cells of each input, as many; uneven ones have only these. `grid` is the
    largest of them: an input with fewer has knots that end in +inf, and tables that are not read there.
    `numbers` are the addresses and sizes as a CPU kernel reads them.
    """

    lo: Tensor
    inverse: Tensor
    unit: Tensor
    table: Tensor
    slopes: Tensor
    grid: int
    order: int
    uneven: bool
    numbers: list[int]


def degree_of(family: Family) -> int:
    assert family.degree is not None
    return family.degree


def splines(knots: Tensor, degree: int, order: int, dtype: torch.dtype) -> Splines:
    """Return the tables of the `order`-th derivative, made once for the knots as they are."""
    return cached_on(knots, (degree, order, dtype), lambda _: _make(knots.detach(), degree, order, dtype))


def _make(knots: Tensor, degree: int, order: int, dtype: torch.dtype) -> Splines:
    cells = cells_of(knots, degree)
    if bool(knots.isnan().any()) or bool((cells < 1).any()):
        raise InputError(_UNSOUND)
    t = _continued(knots.to(torch.float64), cells + 2 * degree)
    inner = t[:, degree : t.shape[1] - degree]
    steps, grid = t.diff(dim=1), inner.shape[1] - 1
    rounding = 8 * torch.finfo(knots.dtype).eps * t.abs().amax(1, keepdim=True)
    even = bool(((steps - steps.mean(1, keepdim=True)).abs() <= rounding).all())
    spacing = inner[:, -1:] - inner[:, :1] if even else inner.diff(dim=1)  # even knots may coincide after rounding
    if not bool(((spacing > 0) & (spacing < torch.inf)).all()):
        raise InputError(_UNSOUND)
    if even:
        windows = torch.arange(1.0 - degree, degree + 1, dtype=torch.float64, device=t.device)
        lo, hi = inner[:, 0], inner.gather(1, cells.unsqueeze(1))[:, 0]
        inverse = (hi - lo).reciprocal() * cells
        unit = inverse**order
    else:
        lo, inverse = inner, 1 / inner.diff(dim=1)
        windows = (t[:, 1:-1].unfold(1, 2 * degree, 1) - inner[:, :-1, None]) * inverse[..., None]
        unit = cells
    table = _polynomials(windows, degree)
    for _ in range(order):
        table = _slope(table)
    slopes = _slope(table)
    if not even:
        scale = (inverse**order)[..., None, None]
        table, slopes = table * scale, slopes * scale
    else:
        round_again = torch.arange(len(t) + 16, device=t.device) % len(t)
        lo, inverse = lo[round_again], inverse[round_again]
        unit = torch.cat([unit[round_again], cells.to(torch.float64)[round_again]])
    lo, inverse, unit, table, slopes = (part.to(dtype).contiguous() for part in (lo, inverse, unit, table, slopes))
    tensors = (lo, inverse, unit, table, slopes)
    return Splines(*tensors, grid, order, not even, [*(part.data_ptr() for part in tensors), grid, order, not even])


def _continued(knots: Tensor, last: Tensor) -> Tensor:
    """The knots (n_in, m), with those after an input's last one at the spacing before it in the place of +inf."""
    if bool((knots < torch.inf).all()):
        return knots
    place, at = torch.arange(knots.shape[1], device=knots.device), last.unsqueeze(1)
    end = knots.gather(1, at)
    return torch.where(place <= at, knots, end + (place - at) * (end - knots.gather(1, at - 1)))


def _polynomials(window: Tensor, degree: int) -> Tensor:
    """Coefficients (..., function, power) on the cell [0, 1] of knots (..., 2 degree), by de Boor's recursion."""
    zero = torch.zeros(*window.shape[:-1], degree + 1, dtype=window.dtype, device=window.device)
    one = zero.clone()
    one[..., 0] = 1
    functions = [one]
    for p in range(1, degree + 1):
        raised = [zero.clone() for _ in range(p + 1)]
        for i, function in enumerate(functions):
            left, right = window[..., degree - p + i, None], window[..., degree - 1 + i + 1, None]
            share = function / (right - left)
            shifted = torch.cat([zero[..., :1], share[..., :-1]], dim=-1)  # times t
            raised[i] += right * share - shifted
            raised[i + 1] += shifted - left * share
        functions = raised
    return torch.stack(functions, dim=-2)


def _slope(table: Tensor) -> Tensor:
    """The polynomials' derivatives."""
    powers = torch.arange(table.shape[-1], dtype=table.dtype, device=table.device)
    return torch.cat([(table * powers)[..., 1:], torch.zeros_like(table[..., :1])], dim=-1)
