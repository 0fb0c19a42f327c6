"""What the noise of measurements says: how smooth unknown functions are, and what is uncertain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise._jets import sum_of
from edgewise.pde.solving._objective import Objective
from edgewise.pde.solving._settings import NOISE
from edgewise.pde.statement._coefficient import Laws, Penalty


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
    for _ in range(NOISE.sweeps if len(auto) > 1 else 1):
        for name in auto:
            smoothing[name] = _best(name, smoothing, laws, penalties, (loss, gradient, matrix), rows)
    replace(laws, smoothing=smoothing).add_penalties(penalties, gradient, matrix)
    step = -torch.linalg.lstsq(matrix, gradient[:, None], driver="gelsd").solution[:, 0]
    size, weights, ratio = objective.sizes(vector, objective.terms[0])[1], [], 0.0
    for k, most, part, slope, gram in zip(measured, stated, parts, slopes, grams, strict=True):
        expected = part.cost + float(2 * slope @ step + step @ gram @ step)
        noise = max(expected, 1e-3 * part.cost, 1e-300) / objective.terms[k].weight
        exact = NOISE.exact**2 * size * len(objective.terms[k]) / (rows * noise)
        weights.append(min(most, max(exact, objective.terms[k].weight / NOISE.fall)))
        ratio += weights[-1] / objective.terms[k].weight / len(measured)
    return laws.with_smoothing({name: own * ratio if name in auto else own for name, own in smoothing.items()}, weights)


def responses(lower: Tensor, inner: int) -> Tensor:
    """How the minimum of a quadratic x'Hx moves with its last variables: (all, last), given the lower triangle of H."""
    h = whole(lower)
    own = h[:inner, :inner]
    ridge = NOISE.ridge * (own.diagonal() + NOISE.ridge * own.diagonal().max())
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
    others = {other: own for other, own in penalties.items() if other != name}
    loss += replace(laws, smoothing=smoothing).add_penalties(others, gradient, matrix)
    own, at = penalties[name], laws.places[name]
    curving, drift = torch.zeros_like(matrix), torch.zeros_like(gradient)
    curving[at, at], drift[at] = own.matrix, own.gradient
    size, total = float(matrix.trace()), float(curving.trace())
    mixed = matrix / size + curving / total
    factor = _lower(mixed)
    if factor is None:  # rounding hides what the rows determine
        return smoothing[name]
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
    scores, factors = [], size / total * 10.0 ** torch.linspace(-12, 12, 97, dtype=torch.float64)
    for each in factors.tolist():
        both = known[:rank] + each * curved
        least = bottom + float((known[:rank] * each * curved / both * apart).sum())
        scores.append(free * math.log(least) + float(both.log().sum()) - rank * math.log(each))
    best = math.log10(float(factors[int(torch.tensor(scores).argmin())]))
    now = math.log10(smoothing[name])
    return 10.0 ** (now + min(NOISE.decades, max(-NOISE.decades, best - now)))


def _lower(matrix: Tensor) -> Tensor | None:
    """The lower factor of a matrix with a ridge that makes it positive definite; None where none of its size does."""
    for power in range(4):
        factor, failed = torch.linalg.cholesky_ex(matrix + 100**power * NOISE.ridge * torch.diag(matrix.diagonal()))
        if not int(failed):
            return factor
    return None


class Uncertainty(NamedTuple):
    """covariance (K, K): of the constants and, after them, of the parameters of unknown functions.

    noise: of each measured condition, estimated from its misfit. solution: the standard error of the unknown at the
    measured points, as a root mean square.
    """

    covariance: Tensor
    noise: list[float]
    solution: float


def uncertainty(objective: Objective, measured: Sequence[int]) -> Uncertainty:
    """Return what independent errors of the measured values make uncertain, near a solution and to first order.

    With H half the Hessian of the loss and w_t / n_t J_t'J_t its part of measured term t, the covariance is

        H^-1 (sum_t (w_t s_t / n_t)^2 J_t'J_t + k sum_j factor_j P_j) H^-1,    s_t^2 = RSS_t / (n_t - tr H^-1 H_t),

    where the smoothness of unknown functions, with k = min_t w_t s_t^2 / n_t, counts as a prior: so bands include the
    bias of smoothing. Source: Nychka, Journal of the American Statistical Association 83 (1988).
    """
    vector, size = objective.start, len(objective.start)
    begin = objective.layout.size
    own = objective.normal_equations(vector)
    hessian = whole(own.hessian)
    if not bool(torch.isfinite(hessian).all()):
        return Uncertainty(torch.full((size - begin, size - begin), math.nan), [math.nan] * len(measured), math.nan)
    bent = hessian - whole(objective.normal_of(vector, objective.terms).hessian)
    parts = [whole(objective.normal_of(vector, [objective.terms[k]]).hessian) for k in measured]
    scale = hessian.diagonal().clamp_min(1e-300).rsqrt()
    unit = scale[:, None] * hessian * scale + NOISE.ridge * torch.eye(size, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(unit)
    root = scale[:, None] * vectors / values.clamp_min(NOISE.ridge).sqrt()  # H^-1 = root root'
    noise, fitted, prior = [], 0.0, math.inf
    inner = torch.zeros(size, size, dtype=torch.float64)
    for k, part in zip(measured, parts, strict=True):
        term, count = objective.terms[k], len(objective.terms[k])
        taken = min(float(((part @ root) * root).sum()), 0.9 * count)
        square = objective.sizes(vector, term)[0] * count / (count - taken)
        factor = term.weight * square / count
        inner += factor * part
        noise.append(math.sqrt(square))
        fitted, prior = fitted + taken * square, min(prior, factor)
    rows = sum(len(objective.terms[k]) for k in measured)
    ends = root @ root[begin:].T
    covariance = ends.T @ (inner + prior * bent) @ ends if measured else torch.zeros(size - begin, size - begin)
    return Uncertainty(covariance, noise, math.sqrt(fitted / max(rows, 1)))
