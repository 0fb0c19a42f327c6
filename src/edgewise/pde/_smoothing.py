"""How smooth unknown functions are, and how exactly an equation holds, chosen from the noise of the measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from edgewise._jets import sum_of
from edgewise.pde._laws import Laws, Penalty
from edgewise.pde._objective import Objective

_EXACT = 1e-3  # what the equation may leave, over its terms, for the misfit of noisy measurements
_RIDGE = 1e-12
_DECADES = torch.linspace(-12, 12, 97, dtype=torch.float64)
_FALL = 100.0  # what a weight may fall by at once
_SWEEPS = 2
_MOST = 3.0  # decades that a factor moves at once


def tuned(objective: Objective, measured: Sequence[int], stated: Sequence[float]) -> Laws:
    """Return the functions with new factors of their curvature and new weights of the measured terms.

    A measured term counts n / noise^2 times a number for which the equation's residual, in exchange for the misfit, is
    a thousandth of its terms, but no more than it was stated to. The factors maximize the restricted likelihood

        (n - m) log(loss + penalty) + log det(S + sum_j factor_j P_j) - sum_j rank P_j log factor_j

    of the linearized equations, with S the matrix of the loss in which all but the functions is eliminated.
    Source: Wood, Journal of the Royal Statistical Society B 73 (2011).
    """
    vector, laws = objective.start, objective.functions(objective.start)
    parts = [objective.normal_of(vector, [objective.terms[k]]) for k in measured]
    rest = objective.normal_of(vector, [term for k, term in enumerate(objective.terms) if k not in measured])
    moved = responses(sum_of([rest.hessian, *(part.hessian for part in parts)]), len(vector) - len(laws.read()))
    slopes = [moved.T @ part.gradient for part in parts]
    grams = [moved.T @ whole(part.hessian) @ moved for part in parts]
    gradient, matrix, loss = sum_of(slopes), sum_of(grams), sum(part.cost for part in parts)
    penalties, smoothing = laws.penalties(), dict(laws.smoothing)
    rows = sum(len(objective.terms[k]) for k in measured)
    auto = [name for name, own in laws.stated.items() if isinstance(own.smoothing, str)]
    for _ in range(_SWEEPS if len(auto) > 1 else 1):
        for name in auto:
            smoothing[name] = _best(name, smoothing, laws, penalties, (loss, gradient, matrix), rows)
    for name, own in penalties.items():
        at = laws.places[name]
        gradient[at] += smoothing[name] * own.gradient
        matrix[at, at] += smoothing[name] * own.matrix
    step = -torch.linalg.lstsq(matrix, gradient[:, None], driver="gelsd").solution[:, 0]
    size, weights, ratio = objective.sizes(vector, objective.terms[0])[1], [], 0.0
    for k, most, part, slope, gram in zip(measured, stated, parts, slopes, grams, strict=True):
        expected = part.cost + float(2 * slope @ step + step @ gram @ step)
        noise = max(expected, 1e-3 * part.cost, 1e-300) / objective.terms[k].weight
        exact = _EXACT**2 * size * len(objective.terms[k]) / (rows * noise)
        weights.append(min(most, max(exact, objective.terms[k].weight / _FALL)))
        ratio += weights[-1] / objective.terms[k].weight / len(measured)
    return laws.with_smoothing({name: own * ratio if name in auto else own for name, own in smoothing.items()}, weights)


def responses(lower: Tensor, inner: int) -> Tensor:
    """How the minimum of a quadratic x'Hx moves with its last variables: (all, last), given the lower triangle of H."""
    h = whole(lower)
    own = h[:inner, :inner]
    ridge = _RIDGE * (own.diagonal() + _RIDGE * own.diagonal().max())
    factor, failed = torch.linalg.cholesky_ex(own + torch.diag(ridge))
    right = h[:inner, inner:]
    solved = torch.cholesky_solve(right, factor) if not int(failed) else torch.linalg.lstsq(own, right).solution
    return torch.cat([-solved, torch.eye(len(h) - inner, dtype=h.dtype)])


def whole(lower: Tensor) -> Tensor:
    """A symmetric matrix from its lower triangle."""
    return lower.tril() + lower.tril(-1).T


def _best(
    name: str, smoothing: dict[str, float], laws: Laws, penalties: dict[str, Penalty],
    quadratic: tuple[float, Tensor, Tensor], rows: int,
) -> float:  # fmt: skip
    """The factor of one function's curvature that maximizes the restricted likelihood, the others held."""
    loss, gradient, matrix = quadratic
    gradient, matrix = gradient.clone(), matrix.clone()
    for other, own in penalties.items():
        if other != name:
            at = laws.places[other]
            loss += smoothing[other] * own.value
            gradient[at] += smoothing[other] * own.gradient
            matrix[at, at] += smoothing[other] * own.matrix
    own, at = penalties[name], laws.places[name]
    curving, drift = torch.zeros_like(matrix), torch.zeros_like(gradient)
    curving[at, at], drift[at] = own.matrix, own.gradient
    size, total = float(matrix.trace()), float(curving.trace())
    mixed = matrix / size + curving / total
    factor = torch.linalg.cholesky(mixed + _RIDGE * torch.diag(mixed.diagonal()))
    half = torch.linalg.solve_triangular(factor, matrix / size, upper=False)
    shares, turn = torch.linalg.eigh(torch.linalg.solve_triangular(factor, half.T, upper=False))
    shares = shares.clamp(1e-15, 1 - 1e-15)
    rank = int(torch.linalg.matrix_rank(own.matrix, rtol=1e-10, hermitian=True))
    slope, more = (
        turn.T @ torch.linalg.solve_triangular(factor, g[:, None], upper=False)[:, 0] for g in (gradient, drift)
    )
    known, curved = size * shares, total * (1 - shares)[:rank]
    bottom = max(loss - float((slope.square() / known).sum()), 1e-12 * loss, 1e-300)
    apart = (more[:rank] / curved - slope[:rank] / known[:rank]).square()  # of the smoothest and the best fitting
    free = max(1, rows - len(own.matrix) + rank)
    scores, factors = [], size / total * 10.0**_DECADES
    for each in factors.tolist():
        both = known[:rank] + each * curved
        least = bottom + float((known[:rank] * each * curved / both * apart).sum())
        scores.append(free * math.log(least) + float(both.log().sum()) - rank * math.log(each))
    best = math.log10(float(factors[int(torch.tensor(scores).argmin())]))
    now = math.log10(smoothing[name])
    return 10.0 ** (now + min(_MOST, max(-_MOST, best - now)))
