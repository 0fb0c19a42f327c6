"""Coefficients on new points for functions given on old ones."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise._memory import require
from edgewise.bases._basis import Basis, Curve
from edgewise.bases._solve import solve


def transfer(coefficients: Tensor, basis: Basis, old: Tensor, new: Tensor, count: int) -> Tensor:
    """Return the `count` coefficients on the points `new` of the functions given on the points `old`.

    Least squares over the basis's sites: exact to rounding where the new functions contain the old (refined cells,
    more terms), the least-squares error otherwise.

    Shapes: coefficients (n_out, n_in, K), old and new (n_in, ...), result (n_out, n_in, count).
    """
    sites = (4 if basis.degree is None else basis.degree + 2) * count
    require(
        8 * 3 * coefficients.shape[1] * sites * max(count, coefficients.shape[-1]),
        f"Carrying {coefficients.shape[1]} inputs' functions to {count} others",
        "Use a coarser grid.",
    )
    x = basis.sites(new, count)
    values = torch.einsum("mik,oik->imo", basis.values(x, old, coefficients.shape[-1]), coefficients)
    solution = solve(basis.values(x, new, count).movedim(0, 1), values, basis.ridge)
    return solution.permute(2, 0, 1).contiguous()


def fit_curves(curves: Curve, basis: Basis, points: Tensor, count: int) -> Tensor:
    """Return the coefficients (m, count) on one input's points that fit m curves by least squares.

    `curves` takes sites (s,) and gives values (s, m).
    """
    points = points.unsqueeze(0)
    x = basis.sites(points, count)
    return solve(basis.values(x, points, count)[:, 0], curves(x[:, 0]), basis.ridge).T
