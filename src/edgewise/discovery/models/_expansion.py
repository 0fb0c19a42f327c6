"""Sparse polynomial expansions: a surrogate of many columns in a tenth of a second, with its gradient."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import torch
from torch import Tensor

_NORM = 0.75  # of the degrees of a term of more than three columns: below 1 prefers terms of few columns
_TOP = 60  # the largest degree
_FEW = 3
_TERMS = 2000  # that may be chosen from
_BLOCK = 5  # terms chosen at a time, at least ...
_GROWTH = 6  # ... and one for each six available
_PATIENCE = 4  # blocks without gain before the choice ends, and half as many terms again
_SETTLED = 1.25  # the error of half the terms over that of all, up to which more of them no longer help
_EARLY = 0.5  # ... and the share of all terms that it could have, below which it stopped by itself
_SHARE = 3  # rows for each term at least

Term = tuple[tuple[int, int], ...]
"""Column and degree of each factor."""


@dataclass(frozen=True)
class Expansion:
    """sum_k c_k prod_i T_aki(u_i): Chebyshev polynomials of columns scaled to [-1, 1], over few of all terms.

    residual (n,): of each row, had it been left out; `settled`: more terms do not help, as where
    noise is left; `powers` holds T_0, T_1, ... of each column and their slopes.
    """

    residual: Tensor
    settled: bool
    terms: Tensor
    factors: Tensor
    powers: list[tuple[Tensor, Tensor]]
    widths: Tensor

    def read(self) -> tuple[Tensor, Tensor]:
        """Values (n,) and gradient (n, m) by the columns, at the rows that were fitted."""
        gradient = [self._summed(i) * 2 / self.widths[i] for i in range(len(self.powers))]
        return self._summed(None), torch.stack(gradient, dim=1)

    def _summed(self, slope_of: int | None) -> Tensor:
        product = torch.ones(len(self.residual), len(self.terms), dtype=self.factors.dtype)
        for i, pair in enumerate(self.powers):
            used = self.terms[:, i]
            if i == slope_of or bool(used.any()):
                product *= pair[i == slope_of][:, used]
        return product @ self.factors


@lru_cache(maxsize=64)
def exponents(m: int, limit: int = _TERMS) -> Tensor:
    """Degrees (terms, m) with sum a_i^q <= D^q for the largest D with few enough terms.

    >>> exponents(2, 8).tolist()
    [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [2, 0]]
    """
    best: list[Term] = []
    norm = 1.0 if m <= _FEW else _NORM
    for top in range(1, _TOP + 1):
        found = list(islice(_terms(m, top**norm, norm), limit + 1))
        if len(found) > limit:
            break
        best = found
    rows = [[degrees.get(i, 0) for i in range(m)] for degrees in map(dict, best)]
    return torch.tensor(sorted(rows), dtype=torch.int64).reshape(-1, m)


def _terms(m: int, left: float, norm: float, first: int = 0) -> Iterator[Term]:
    """Degrees of the columns from the first on, without those of degree 0."""
    yield ()
    for i in range(first, m if left + 1e-9 >= 1 else first):
        degree = 1
        while degree**norm <= left + 1e-9:
            for rest in _terms(m, left - degree**norm, norm, i + 1):
                yield ((i, degree), *rest)
            degree += 1


def expand(columns: Tensor, target: Tensor, weight: Tensor) -> Expansion | None:
    """Fit a sparse polynomial by orthogonal matching pursuit; None where a column is constant or there are few rows.

    Terms are chosen by their correlation with the residual, a few at a time, and orthogonalised; the number of terms
    is the one of least leave-one-out error r_i / (1 - h_ii). Shapes: columns (n, m), target and weight (n,).

    Source: Blatman and Sudret, Adaptive sparse polynomial chaos expansion (2011), for hyperbolic sets of terms.
    """
    n, m = columns.shape
    low, high = columns.amin(0), columns.amax(0)
    if n < 4 * _BLOCK or bool((high - low <= 1e-12 * torch.maximum(low.abs(), high.abs())).any()):
        return None
    degrees = exponents(m)
    if not len(degrees):  # too many columns to choose even from the columns themselves
        return None
    scaled = (2 * columns - low - high) / (high - low)
    powers = [_chebyshev(scaled[:, i], int(degrees[:, i].max())) for i in range(m)]
    table = torch.ones(n, len(degrees), dtype=columns.dtype)
    for i, (values, _) in enumerate(powers):
        table *= values[:, degrees[:, i]]
    table *= weight.unsqueeze(1)
    norms = table.norm(dim=0).clamp_min(1e-300)
    table /= norms
    chosen, coefficients, residual, settled = _pursue(table, weight * target)
    return Expansion(residual, settled, degrees[chosen], coefficients / norms[chosen], powers, high - low)


def _chebyshev(u: Tensor, degree: int) -> tuple[Tensor, Tensor]:
    """T_0 .. T_degree at u (n,) and their derivatives, each (n, degree + 1)."""
    values, slopes = [torch.ones_like(u), u], [torch.zeros_like(u), torch.ones_like(u)]
    for _ in range(2, degree + 1):
        slopes.append(2 * values[-1] + 2 * u * slopes[-1] - slopes[-2])
        values.append(2 * u * values[-1] - values[-2])
    return torch.stack(values[: degree + 1], 1), torch.stack(slopes[: degree + 1], 1)


def _pursue(table: Tensor, aim: Tensor) -> tuple[list[int], Tensor, Tensor, bool]:
    """Columns of a normalised table (n, terms), their coefficients, leave-one-out residuals (n,), and `settled`."""
    n = len(aim)
    most = max(1, n // _SHARE)
    basis = torch.zeros(n, most + _BLOCK, dtype=aim.dtype)
    free = torch.ones(table.shape[1], dtype=torch.bool)
    chosen: list[int] = []
    residual, leverage = aim.clone(), torch.zeros(n, dtype=aim.dtype)
    best, kept, left_out = math.inf, 0, residual
    errors: list[tuple[int, float]] = []
    batch, tiny = [0], 1e-13 * float(aim.norm()) / math.sqrt(n)
    while batch and len(chosen) < most:
        free[batch] = False
        k, new = len(chosen), table[:, batch]
        for _ in range(2):
            new = new - basis[:, :k] @ (basis[:, :k].T @ new)
        new, triangle = torch.linalg.qr(new)
        good = triangle.diagonal().abs() > 1e-9
        new = new[:, good]
        chosen += [j for j, ok in zip(batch, good.tolist(), strict=True) if ok]
        basis[:, k : len(chosen)] = new
        residual = residual - new @ (new.T @ residual)
        leverage = leverage + new.square().sum(1)
        loo = residual / (1 - leverage).clamp_min(1e-3)
        error = float(loo.square().mean().sqrt())
        errors.append((len(chosen), error))
        if error < best:
            best, kept, left_out = error, len(chosen), loo
        elif len(chosen) > 1.5 * kept + _PATIENCE * _BLOCK or error > 1.5 * best:
            break
        if best <= tiny:
            break
        gains = (table.T @ residual).abs().masked_fill(~free, -1.0)
        count = min(max(_BLOCK, len(chosen) // _GROWTH), most + _BLOCK - len(chosen), int(free.sum()))
        batch = gains.topk(count).indices.tolist() if count > 0 else []
    chosen = chosen[:kept]
    solution = torch.linalg.lstsq(table[:, chosen], aim.unsqueeze(1), driver="gelsy").solution[:, 0]
    half = [e for size, e in errors if size <= kept // 2]
    settled = bool(half) and half[-1] < _SETTLED * best
    return chosen, solution, left_out, settled or (kept < _EARLY * most and bool(free.any()))
