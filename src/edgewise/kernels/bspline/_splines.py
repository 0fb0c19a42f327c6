"""B-splines in plain torch, the reference; and as one polynomial a cell, which the fast kernels read.

The polynomials take the place of the recursion at every point.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels._backend import Family
from edgewise.kernels.runtime._memo import cached_on, is_traced


def basis(x: Tensor, knots: Tensor, degree: int, order: int = 0) -> Tensor:
    """Return the `order`-th derivative of every basis function at every point.

    With interior interval [lo, hi] = [t_k, t_{G+k}], cell m such that t_m <= x < t_{m+1}, and p = k - order,

        B_{i,0}(x) = 1 if i = m else 0
        B_{i,p}(x) = (x - t_i)/(t_{i+p} - t_i) B_{i,p-1}(x) + (t_{i+p+1} - x)/(t_{i+p+1} - t_{i+1}) B_{i+1,p-1}(x)
        B'_{i,k}(x) = k B_{i,k-1}(x)/(t_{i+k} - t_i) - k B_{i+1,k-1}(x)/(t_{i+k+1} - t_{i+1})

    Outside [lo, hi] a function goes on along its tangent: B(x) = B(e) + B'(e) (x - e) at the nearer end e.

    Shapes: x (..., n_in), knots (n_in, G + 2k + 1) ascending, result (..., n_in, G + k). An input with fewer cells than
    G has fewer knots, then +inf, and its last functions are zero.
    """
    n_basis = knots.shape[-1] - degree - 1
    last = cells_of(knots, degree) + degree - 1
    at_end = torch.arange(knots.shape[-1], device=x.device) == (last + 1).unsqueeze(-1)  # torch's ONNX dislikes gather
    lo, hi = knots[:, degree], torch.where(at_end, knots, 0.0).sum(-1)
    inside = torch.minimum(torch.maximum(x, lo), hi)
    cell = torch.minimum(_cell(inside.detach(), knots, degree), last)
    if order == 0:
        # The tangent term is zero inside, where x equals its clamped value.
        local = _local(inside, knots, cell, degree, 0)
        slope = _local(inside, knots, cell, degree, 1)
        local = local + slope * (x - inside).unsqueeze(-1)
    else:
        local = _local(inside, knots, cell, degree, order)
        if order > 1:
            local = torch.where(((x >= lo) & (x <= hi)).unsqueeze(-1), local, 0.0)
    columns = (cell - degree).unsqueeze(-1) + torch.arange(degree + 1, device=x.device)
    dense = torch.zeros(*x.shape, n_basis, dtype=local.dtype, device=x.device)
    return dense.scatter(-1, columns, local)


def cells_of(knots: Tensor, degree: int) -> Tensor:
    """Return the number of cells of each input, (n_in,), of knots (n_in, G + 2 degree + 1) that end in +inf or not.

    >>> inf = torch.inf
    >>> cells_of(torch.tensor([[-1.0, 0.0, 1.0, 2.0, 3.0], [-1.0, 0.0, 1.0, 2.0, inf]]), 1)
    tensor([2, 1])
    """
    return (knots < torch.inf).sum(-1) - 2 * degree - 1


def _cell(x: Tensor, knots: Tensor, degree: int) -> Tensor:
    """Index m of the cell [t_m, t_{m+1}) that holds each point, or one after an input's last."""
    inner = knots[:, degree + 1 : knots.shape[-1] - degree - 1].contiguous()
    if is_traced():  # ONNX has no searchsorted, and compilers fuse a comparison and a sum
        return (x.unsqueeze(-1) >= inner).sum(-1) + degree
    by_input = x.movedim(-1, 0).reshape(x.shape[-1], -1).contiguous()
    found = torch.searchsorted(inner, by_input, right=True)
    return found.reshape(x.shape[-1], *x.shape[:-1]).movedim(0, -1) + degree


def _local(x: Tensor, knots: Tensor, cell: Tensor, degree: int, order: int) -> Tensor:
    """The degree + 1 functions that live on each point's cell, differentiated `order` times."""
    if order > degree:
        return torch.zeros(*x.shape, degree + 1, dtype=x.dtype, device=x.device)
    window = cell.unsqueeze(-1) + torch.arange(1 - degree, degree + 1, device=x.device)
    spread = knots.expand(*x.shape[:-1], *knots.shape)
    t = torch.gather(spread, -1, window)  # t[..., degree - 1] <= x <= t[..., degree]
    values = [torch.ones_like(x)]
    for p in range(1, degree + 1):
        values = _raise_degree(values, x, t, degree, p) if p <= degree - order else _differentiate(values, t, degree, p)
    return torch.stack(values, dim=-1)


def _raise_degree(values: list[Tensor], x: Tensor, t: Tensor, degree: int, p: int) -> list[Tensor]:
    """From the p functions of degree p - 1 on a cell to the p + 1 of degree p."""
    out = [torch.zeros_like(x) for _ in range(p + 1)]
    for i, value in enumerate(values):
        left, right = t[..., degree - p + i], t[..., degree + i]
        share = value / (right - left)
        out[i] = out[i] + share * (right - x)
        out[i + 1] = out[i + 1] + share * (x - left)
    return out


def _differentiate(values: list[Tensor], t: Tensor, degree: int, p: int) -> list[Tensor]:
    """From p functions of degree p - 1 on a cell to the derivatives of the p + 1 of degree p."""
    out = [torch.zeros_like(values[0]) for _ in range(p + 1)]
    for i, value in enumerate(values):
        share = value * (p / (t[..., degree + i] - t[..., degree - p + i]))
        out[i] = out[i] - share
        out[i + 1] = out[i + 1] + share
    return out


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
