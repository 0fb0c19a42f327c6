"""Training that goes on: further rows are learned, and what they do not reach stays as it was."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels import one_thread
from edgewise.nn import KAN, KANLayer, Layout, Pass, clone, shaped
from edgewise.optim import CG, LM, Linear, Normal
from edgewise.train._anchors import away, spread
from edgewise.train._data import Shape, as_matrix, as_rows
from edgewise.train._error import error_of
from edgewise.train._monitor import Monitor
from edgewise.train._objective import Objective
from edgewise.train._options import Options
from edgewise.train._result import FitResult, Outcome
from edgewise.train._schedule import MOST_PARAMETERS, grid_of
from edgewise.train._table import Table

_SMALL = 1_000_000  # entries of the Jacobian: below, one thread is fastest
_RIDGE = 1e-10  # of the mean curvature: among changes that are equally good, the smallest
_ROUNDING = 1e-12  # of the targets' size
_ROUNDS = 10  # of weights of what stays


def update(
    model: KAN,
    x: Any,
    y: Any,
    *,
    weights: Any = None,
    keep: float = 10.0,
    anchors: Any = None,
    steps: int = 100,
) -> FitResult:
    """Train a network on further rows while what they do not reach stays as it was; `model` itself stays as it is.

    minimises  mean_n w_n |f(x_n) - y_n|^2 + k mean_m |f(z_m) - f_old(z_m)|^2 + 1e-10 h |c - c_old|^2

    by Levenberg-Marquardt from where the network is. No knot moves. In a network of one layer only coefficients c move
    whose functions are not zero at some of the rows; all others are the same bit for bit. In deeper ones all may move,
    as that keeps the function better. The last term, h the mean curvature, prefers the smallest change among equals.

    z_m are points at which the function is to stay: `anchors`, such as the inputs of earlier rows (no earlier target is
    needed), or else points spread over the box of the inputs' knots; without those that the rows reach. Their weight
    is k = keep (e / s)^2, with e the error on the rows as it falls and s the spread of their targets: what can be
    learned exactly is, and noise is not learned at the cost of what was known. keep=0 leaves the rest to chance.

    Shapes: x (n, n_in), y (n,) or (n, n_out), weights (n,), anchors (m, n_in): arrays, tensors or tables. The result is
    that of `fit`; a note says by how much the function changed at the points z_m. Same arguments, same result.

    Errors: InputError for shapes that do not match, values that are not finite, and a negative `keep`.

    >>> import edgewise as ew, torch
    >>> x = torch.linspace(-1, 0, 50, dtype=torch.float64).unsqueeze(1)
    >>> model = ew.update(ew.KAN([1, 1], grid=40), x, torch.sin(9 * x)).model
    >>> model = ew.update(model, x + 1, torch.sin(9 * (x + 1))).model
    >>> with torch.no_grad():                                            # what came first is still there
    ...     bool((model(x) - torch.sin(9 * x)).abs().max() < 1e-4)
    True
    """
    _check(model, keep, steps)
    rows = as_rows(x, y, weights, Shape(model.n_in, model.n_out, device=model.device))
    old, monitor = clone(model, torch.float64), Monitor(Options())
    size = Layout(old).size
    held = _held(old, rows, size, anchors) if keep > 0 else Table(rows.x[:0], rows.y[:0], rows.weights[:0])
    with monitor.running(), one_thread() if size * len(rows) < _SMALL else nullcontext():
        new, outcome = _trained(old, rows, held, keep, steps, monitor)
    error = error_of(new, rows)
    outcome = monitor.asked() or (Outcome.EXACT if error < _ROUNDING * float(rows.y.abs().max()) else outcome)
    monitor.record(grid_of(new), size, error, math.nan)
    notes = [*_notes(new, rows, held), *monitor.notes()]
    return FitResult(clone(new, model.dtype), monitor.history, outcome, error, math.nan, notes)


def _check(model: KAN, keep: float, steps: int) -> None:
    if not isinstance(model, KAN):
        raise InputError(f"'model' must be an edgewise.KAN. Got {type(model).__name__}.")
    if isinstance(keep, bool) or not isinstance(keep, int | float) or not 0 <= keep < float("inf"):
        raise InputError(f"'keep' must be a number >= 0, the weight of what stays. Got {keep!r}.")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise InputError(f"'steps' must be an int >= 1. Got {steps!r}.")


def _held(model: KAN, rows: Table, size: int, anchors: Any) -> Table:
    """The points at which the function is to stay, with what it is there."""
    points = spread(model, size) if anchors is None else as_matrix(anchors, "anchors").to(model.device)
    if points.shape[1] != model.n_in:
        raise InputError(f"This KAN takes {model.n_in} input columns. anchors has {points.shape[1]}.")
    points = points[away(points, rows.x, model)]
    with torch.no_grad():
        values = model(points)
    sound = values.isfinite().all(1)  # a formula may have poles
    return Table(points[sound], values[sound], torch.ones_like(values[sound, 0]))


def _trained(model: KAN, rows: Table, held: Table, keep: float, steps: int, monitor: Monitor) -> tuple[KAN, Outcome]:
    """The network after runs in which the points weigh less and less, as the rows are met, and how that ended."""
    problem, taken = _Reached(model, rows, held), 0

    def watch(vector: Tensor, cost: float) -> bool:
        nonlocal taken
        taken += 1
        return monitor.step("update") is not None or taken == steps

    if not len(problem.free):
        return model, Outcome.CONVERGED
    solver = LM(steps=steps) if len(problem.free) <= MOST_PARAMETERS else CG(steps=steps)
    vector, share = problem.start, 1.0
    for _ in range(_ROUNDS):
        problem.weigh(keep * share)
        vector, _ = solver.minimise(problem, vector, watch)
        before, share = share, min(error_of(problem.network(vector), rows) ** 2 / problem.size, 1.0)
        if taken == steps or monitor.ended() or not len(held) or share > before / 4:
            break
    return shaped(clone(problem.network(vector))), Outcome.STEPS_DONE if taken == steps else Outcome.CONVERGED


class _Reached:
    """The objective of the parameters that rows reach, the others fixed, with the smallest change preferred."""

    def __init__(self, model: KAN, rows: Table, held: Table) -> None:
        self.model, self.rows, self.held = clone(model), rows, held
        self.objective = Objective(self.model, rows)
        self.old = self.objective.start
        self.free = self._active(model, rows).nonzero()[:, 0]
        self.start = self.old[self.free]
        varied = float((rows.weights @ (rows.y - rows.y.mean(0)).square()).mean()) / len(rows)
        self.size = varied or float(rows.y.square().mean()) or 1.0
        self.ridge = 0.0
        if len(self.free):
            self.ridge = _RIDGE * float(self.objective.linear(self.old).diagonal[self.free].mean())

    def weigh(self, share: float) -> None:
        """Let the points at which the function is to stay weigh so much, all together, where the rows weigh one."""
        rows, held = self.rows, self.held
        weights = torch.cat([rows.weights, share * len(rows) / max(len(held), 1) * held.weights])
        table = Table(torch.cat([rows.x, held.x]), torch.cat([rows.y, held.y]), weights)
        self.objective = Objective(self.model, table)

    def network(self, vector: Tensor) -> KAN:
        return self.objective.network(self.whole(vector))

    def _active(self, model: KAN, rows: Table) -> Tensor:
        """Which parameters may change, (size,): in one layer those whose functions are not zero at some row."""
        found = torch.zeros_like(self.old, dtype=torch.bool)
        if len(model.layers) > 1:
            return ~found
        with torch.no_grad():
            for part in rows.batches(self.objective.chunk):
                found |= (Pass(model, part.x).flat_features(self.objective.layout) != 0).any(0)
        return found

    def whole(self, vector: Tensor) -> Tensor:
        """All parameters, with these in the places of those that are free."""
        return self.old.index_copy(0, self.free, vector)

    def cost(self, vector: Tensor) -> float:
        return self.objective.cost(self.whole(vector)) + self.ridge * float((vector - self.start).square().sum())

    def normal(self, vector: Tensor) -> Normal:
        found, change = self.objective.normal(self.whole(vector)), vector - self.start
        hessian = found.hessian[self.free][:, self.free]
        hessian.diagonal().add_(self.ridge)
        cost = found.cost + self.ridge * float(change.square().sum())
        return Normal(cost, found.gradient[self.free] + self.ridge * change, hessian)

    def linear(self, vector: Tensor) -> Linear:
        found, change = self.objective.linear(self.whole(vector)), vector - self.start

        def times(direction: Tensor) -> Tensor:
            image = found.times(torch.zeros_like(self.old).index_copy(0, self.free, direction))
            return image[self.free] + self.ridge * direction

        cost = found.cost + self.ridge * float(change.square().sum())
        gradient = found.gradient[self.free] + self.ridge * change
        return Linear(cost, gradient, found.diagonal[self.free] + self.ridge, times)


def _notes(model: KAN, rows: Table, held: Table) -> list[str]:
    """By how much the function changed where it was to stay, and whether rows lie where every curve is straight."""
    notes = []
    if len(held):
        notes.append(f"Away from the rows, at {len(held)} points, the function changed by {error_of(model, held):.2g}.")
    first = model.layers[0]
    assert isinstance(first, KANLayer)
    low, high = first.basis.ends(first.knots)
    outside = int(((rows.x < low) | (rows.x > high)).any(1).sum())
    if outside:
        notes.append(f"{outside} of {len(rows)} rows lie beyond the knots, where every curve is a straight line.")
    return notes
