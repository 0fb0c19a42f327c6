"""How far curves go on beyond the data: less far, the less certain their continuation is."""

from dataclasses import replace

import numpy as np

from edgewise.tables.additive._algebra import Matrix, Vector
from edgewise.tables.additive._curve import Curve
from edgewise.tables.additive._design import Design
from edgewise.tables.additive._model import AdditiveModel

_SURE = 2.0  # standard deviations of a continuation that are taken off it
_SHORTEST = 0.02  # of the usual length
_LEAST = 1e-300


def with_sure_tails(model: AdditiveModel) -> AdditiveModel:
    """Return the model in which each curve goes on beyond the data only as far as the rows are sure of it.

    A tail levels off within its usual length or, if that is less, within the length |slope| / c in which a curve of the
    curvature c does, the root mean square of that on the data. If it then rises by d, with a posterior standard
    deviation s, it is shortened to max(0, 1 - 2 s / |d|) of that. On the data nothing changes.
    """
    if model.covariance is None:
        return model
    inputs = list(model.design.inputs)
    for number, (part, beta) in enumerate(zip(inputs, model.beta, strict=True)):
        if isinstance(part, Curve):
            turn = 1.5 / part.tail**2 / max(part.curvature(beta), _LEAST)  # of the change: |slope| / c over the length
            low, high = (_sure(change, beta, model.covariance[number], turn) for change in part.tails())
            inputs[number] = part if low == high == 1.0 else part.shortened(low, high)
    return replace(model, design=Design(tuple(inputs)))


def _sure(change: Vector, beta: Matrix, covariance: Matrix, turn: float) -> float:
    """Return the part of a tail to keep, given the change of each function in it."""
    size = float(np.linalg.norm(change @ beta))
    doubt = float(np.sqrt(np.maximum(np.einsum("i,kij,j->k", change, covariance, change), 0.0).sum()))
    if size == 0.0:
        return 1.0
    return max(min(1.0, turn * size) * (1.0 - _SURE * doubt / size), _SHORTEST)
