"""Changes of a model by hand: of the control points of a curve, and of tables of steps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.interpolate import BSpline

from edgewise.tables.additive._curve import DEGREE, Curve
from edgewise.tables.additive._design import Design
from edgewise.tables.additive._hidden import HiddenNode
from edgewise.tables.additive._knots import with_knots
from edgewise.tables.additive._model import AdditiveModel
from edgewise.tables.additive._reml import Matrix, Vector
from edgewise.tables.steps import StepModel, StepTable, added

_CELLS = 48  # of a curve that is changed by hand, at least
_WIDTH = 0.01  # of a cell next to an end of an interval, of the range of the rows


def with_room(model: AdditiveModel, number: int, ends: Sequence[float]) -> AdditiveModel:
    """Return the same model, in which a curve has functions for changes by hand, and fine cells outside of `ends`.

    A change of the control points between the ends, of which the first is the lower one, then fades within three cells
    of one percent of the range. `ends` are values of the column; infinite ones need no cells.
    """
    part = model.design.inputs[number]
    assert isinstance(part, Curve)
    core = part.standard_knots[DEGREE + 1 : -DEGREE - 1]
    wide, places = float(core[-1] - core[0]), [_split(core)]
    for end, side in zip(ends, (-1.0, 1.0), strict=True):
        if np.isfinite(end):
            at = float(part.standardized(np.array([end]))[0])
            places.append(at + side * _WIDTH * wide * np.arange(4))
    inner = np.concatenate(places)
    knots, matrix = with_knots(part.standard_knots, inner[(inner > core[0]) & (inner < core[-1])])
    functions = matrix @ part.coefficients
    if part.by_hand:
        return _with_input(model, number, replace(part, standard_knots=knots, coefficients=functions))
    more = model.outputs
    functions = np.hstack([functions, np.zeros((len(functions), more))])
    means = np.append(part.means, np.zeros(more))
    wider = replace(part, standard_knots=knots, coefficients=functions, means=means, by_hand=more)
    beta, covariance = list(model.beta), model.covariance
    beta[number] = np.vstack([beta[number], np.eye(more)])
    if covariance is not None:
        room = ((0, 0), (0, more), (0, more))
        covariance = tuple(np.pad(own, room) if k == number else own for k, own in enumerate(covariance))
    end = sum(each.n_features for each in model.design.inputs[: number + 1])
    hidden = None if model.hidden is None else _with_gap(model.hidden, end, more)
    return replace(
        _with_input(model, number, wider), beta=tuple(beta), covariance=covariance, hidden=hidden
    )  # fmt: skip


def control_points(model: AdditiveModel, number: int) -> Matrix:
    """Return the B-spline coefficients (m, K) of a curve."""
    part = model.design.inputs[number]
    assert isinstance(part, Curve)
    return (part.coefficients - part.means) @ model.beta[number]


def between(part: Curve, low: float, high: float) -> np.ndarray:
    """Return which control points (m,) have an effect between two values of the column."""
    first, last = (
        float(part.standardized(np.array([end]))[0]) if np.isfinite(end) else end for end in (low, high)
    )  # fmt: skip
    knots = part.standard_knots
    return (knots[DEGREE + 1 :] > first) & (knots[: -DEGREE - 1] < last)


def weights_of(part: Curve, x: Vector, weights: Vector) -> Vector:
    """Return the weight of the rows, x (n,) of the column, that each control point (m,) has."""
    seen = np.isfinite(x)
    z = np.clip(part.standardized(x[seen]), part.standard_knots[DEGREE], part.standard_knots[-DEGREE - 1])
    return np.asarray(BSpline.design_matrix(z, part.standard_knots, DEGREE).T @ weights[seen])


def moved(model: AdditiveModel, number: int, change: Matrix) -> AdditiveModel:
    """Return the model whose curve has other control points, by `change` (m, K): see `with_room`."""
    part = model.design.inputs[number]
    assert isinstance(part, Curve) and part.by_hand
    own = model.beta[number][-part.by_hand :]
    functions = part.coefficients.copy()
    functions[:, -part.by_hand :] += np.linalg.solve(own.T, change.T).T
    return _with_input(model, number, replace(part, coefficients=functions))


def with_table(model: AdditiveModel, table: StepTable) -> AdditiveModel:
    """Return the model with a table added to that of the same columns."""
    zero = np.zeros(model.outputs)
    return replace(model, steps=added([model.steps or StepModel(zero, ()), StepModel(zero, (table,))]))


def _split(core: Vector) -> Vector:
    """Return places that split the widest cells between breakpoints until there are enough."""
    cells = np.diff(core)
    parts = np.ones(len(cells), dtype=int)
    while parts.sum() < _CELLS:
        parts[np.argmax(cells / parts)] += 1
    inner = [np.linspace(a, b, n + 1)[1:-1] for a, b, n in zip(core[:-1], core[1:], parts, strict=True)]
    return np.concatenate(inner)


def _with_input(model: AdditiveModel, number: int, part: Curve) -> AdditiveModel:
    inputs = list(model.design.inputs)
    inputs[number] = part
    return replace(model, design=Design(tuple(inputs)))


def _with_gap(node: HiddenNode, place: int, count: int) -> HiddenNode:
    """Return the node that has no weight for more features from a place on."""
    alpha, mean = (np.insert(each, place, np.zeros(count)) for each in (node.alpha, node.mean))
    return replace(node, alpha=alpha, mean=mean)
