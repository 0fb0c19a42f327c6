"""What the noise of measurements makes uncertain: constants, unknown functions, the solution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.pde._objective import Objective
from edgewise.pde._smoothing import whole

_RIDGE = 1e-12


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
    unit = scale[:, None] * hessian * scale + _RIDGE * torch.eye(size, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(unit)
    root = scale[:, None] * vectors / values.clamp_min(_RIDGE).sqrt()  # H^-1 = root root'
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
