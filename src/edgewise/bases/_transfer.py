"""Coefficients on new knots for functions given on old ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edgewise.bases._grid import spline_range
from edgewise.kernels import Family, basis


def transfer(coefficients: Tensor, old: Tensor, new: Tensor, degree: int) -> Tensor:
    """Return the coefficients on the knots `new` of the splines given on the knots `old`.

    Least squares over degree + 2 points in each new cell: exact to rounding where the new splines contain the old
    functions (refined cells), the least-squares error otherwise.

    Shapes: coefficients (n_out, n_in, K), old (n_in, K + degree + 1), new (n_in, K' + degree + 1), result
    (n_out, n_in, K').
    """
    x = _sites(new, degree)
    family = Family("bspline", degree)
    values = torch.einsum("mik,oik->imo", basis(x, old, family), coefficients)
    functions = basis(x, new, family).movedim(0, 1)
    # "gels", because torch's default on the CPU starts its pivoting from memory that it never set: no two runs agree.
    solution = torch.linalg.lstsq(functions, values, driver="gels").solution
    return solution.permute(2, 0, 1).contiguous()


def fit_curves(curves: Callable[[Tensor], Tensor], knots: Tensor, degree: int) -> Tensor:
    """Return the coefficients (m, K) on one input's knots (K + degree + 1,) that fit m curves by least squares.

    `curves` takes sites (s,) and gives values (s, m).
    """
    x = _sites(knots.unsqueeze(0), degree)
    functions = basis(x, knots.unsqueeze(0), Family("bspline", degree))[:, 0]
    return torch.linalg.lstsq(functions, curves(x[:, 0]), driver="gels").solution.T


def _sites(knots: Tensor, degree: int) -> Tensor:
    """Chebyshev points of each cell, (points, n_in)."""
    lo, hi = spline_range(knots, degree)
    count = degree + 2
    angle = (torch.arange(count, dtype=knots.dtype, device=knots.device) + 0.5) * torch.pi / count
    inner = knots[:, degree : knots.shape[-1] - degree]
    left, right = inner[:, :-1, None], inner[:, 1:, None]
    points = (left + right) / 2 - (right - left) / 2 * torch.cos(angle)
    return points.flatten(1).T.clamp(lo, hi).contiguous()
