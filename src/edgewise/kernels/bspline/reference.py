"""The B-spline basis in plain torch: the reference implementation, which faster ones must match."""

import torch
from torch import Tensor

from edgewise.kernels.runtime._memo import is_traced


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
    lo, hi = knots[:, degree], torch.gather(knots, -1, (last + 1).unsqueeze(-1)).squeeze(-1)
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
