"""Coefficients on new knots for functions given on old ones."""

import torch
from torch import Tensor

from edgewise._memory import require
from edgewise.nn.bases._basis import Basis, Curve
from edgewise.nn.bases._least_squares import least_squares


def transfer(coefficients: Tensor, basis: Basis, old: Tensor, new: Tensor, count: int) -> Tensor:
    """Return the `count` coefficients on the knots `new` of the functions given on the knots `old`.

    Least squares over the basis's sites: exact to rounding where the new functions contain the old (refined cells,
    more terms), the least-squares error otherwise.

    Shapes: coefficients (n_out, n_in, K), old and new (n_in, ...), result (n_out, n_in, count). Inputs with fewer
    functions have zeros after them.
    """
    counts = basis.counts(new, count)
    if len(set(counts)) <= 1 and counts[:1] in ([], [count]):
        return _transferred(coefficients, basis, old, new, count)
    out = coefficients.new_zeros(len(coefficients), len(new), count)
    for own in set(counts):
        some = [i for i, other in enumerate(counts) if other == own]
        fewer = new[some, : basis.n_knots(own)]
        out[:, some, :own] = _transferred(coefficients[:, some], basis, old[some], fewer, own)
    return out


def _transferred(coefficients: Tensor, basis: Basis, old: Tensor, new: Tensor, count: int) -> Tensor:
    sites = (4 if basis.degree is None else basis.degree + 2) * count
    require(
        8 * 3 * coefficients.shape[1] * sites * max(count, coefficients.shape[-1]),
        f"Carrying {coefficients.shape[1]} inputs' functions to {count} others",
        "Use a coarser grid.",
    )
    x = basis.sites(new, count)
    values = torch.einsum("mik,oik->imo", basis.evaluate(x, old, coefficients.shape[-1]), coefficients)
    solution = least_squares(basis.evaluate(x, new, count).movedim(0, 1), values, basis.ridge)
    return solution.permute(2, 0, 1).contiguous()


def fit_curves(curves: Curve, basis: Basis, knots: Tensor, count: int) -> Tensor:
    """Return the coefficients (m, count) on one input's knots that fit m curves by least squares.

    `curves` takes sites (s,) and gives values (s, m). Where the knots are of fewer functions, zeros follow.
    """
    (own,) = basis.counts(knots.unsqueeze(0), count)
    if own < count:
        return torch.nn.functional.pad(fit_curves(curves, basis, knots[: basis.n_knots(own)], own), (0, count - own))
    knots = knots.unsqueeze(0)
    x = basis.sites(knots, count)
    return least_squares(basis.evaluate(x, knots, count)[:, 0], curves(x[:, 0]), basis.ridge).T
