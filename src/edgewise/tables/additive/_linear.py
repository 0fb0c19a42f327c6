"""Linear terms without a penalty: their maximum likelihood, given all other parts of a fit."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from edgewise.tables.additive._candidates import WeightedRows
from edgewise.tables.additive._penalized import working_moments
from edgewise.tables.additive._reml import Matrix, Vector
from edgewise.tables.additive._search import AdditiveFit


def linear_inputs(fit: AdditiveFit) -> list[int]:
    """Return the numbers of the inputs that are linear terms."""
    return [k for k, part in enumerate(fit.design.inputs) if part.blocks()[0].kind == "linear"]


def with_exact_lines(fit: AdditiveFit, rows: WeightedRows) -> AdditiveFit:
    """Return the fit whose linear terms and intercept have the largest likelihood, the other parts as they are.

    An average of candidates and of steps has shrunken them.
    """
    numbers = linear_inputs(fit)
    if not numbers:
        return fit
    inputs = [fit.design.inputs[k] for k in numbers]
    features = np.hstack([part.features(rows.x[:, part.column]) for part in inputs])
    y = fit.target.forward(rows.y) if fit.family.is_location else rows.y
    change, shift = _change(fit, features, y, rows)
    beta = list(fit.model.beta)
    at = np.cumsum([0, *(part.n_features for part in inputs)])
    for k, (a, b) in zip(numbers, itertools.pairwise(at), strict=True):
        beta[k] = beta[k] + change[a:b]
    return replace(fit, model=replace(fit.model, beta=tuple(beta), intercept=fit.model.intercept + shift))


def _change(fit: AdditiveFit, features: Matrix, y: Vector, rows: WeightedRows) -> tuple[Matrix, Vector]:
    """Return by how much coefficients (P, K) and intercepts (K,) change, after Newton steps."""
    family, eta = fit.family, fit.model.eta(rows.x)
    beta, shift = np.zeros((features.shape[1], family.outputs)), np.zeros(family.outputs)
    longest, smallest, most = 8.0, 1e-9, 50  # change of eta in a step, and the last; steps
    for _ in range(most):
        largest = 0.0
        for k in range(family.outputs):
            about = working_moments(family, features, eta, y, rows.weights, k, about=eta[:, k]).centered()
            step = _solved(about.gram, about.cross)
            level = about.mean - float(about.means @ step)
            change = level + features @ step
            size = float(np.abs(change).max())
            share = min(1.0, longest / max(size, 1e-300))
            beta[:, k] += share * step
            shift[k] += share * level
            eta[:, k] += share * change
            largest = max(largest, size)
        if largest < smallest:
            break
    return beta, shift


def _solved(gram: Matrix, cross: Vector) -> Vector:
    """Return gram^-1 cross; columns that others determine get what is shortest."""
    return (
        torch.linalg.lstsq(torch.from_numpy(gram), torch.from_numpy(cross)[:, None], driver="gelsd")
        .solution[:, 0]
        .numpy()
    )


def standard_errors(fit: AdditiveFit, number: int) -> Sequence[Vector]:
    """Return the standard errors of one input's coefficients, for each output."""
    assert fit.model.covariance is not None
    return [np.sqrt(np.maximum(np.diag(each), 0.0)) for each in fit.model.covariance[number]]
