"""Continual training: learn further rows, and keep the function elsewhere."""

import math
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.nn import KAN, Layout, Pass, clone, shaped
from edgewise.tables.encoding import warn_of_index
from edgewise.train._context import threads_for
from edgewise.train._data import Shape, Table, as_inputs, as_rows
from edgewise.train._loss import error_of
from edgewise.train._monitor import Monitor
from edgewise.train._objective import Objective
from edgewise.train._options import MAX_PARAMETERS, Options, grid_of
from edgewise.train._result import FitResult, Outcome
from edgewise.train.optim import CG, LM, GaussNewtonOperator, NormalEquations


def update(
    model: KAN,
    x: Data,
    y: Data,
    *,
    weights: Data | None = None,
    keep: float = 10.0,
    anchors: Data | None = None,
    steps: int = 100,
) -> FitResult:
    """Train a network on further rows, and keep its function elsewhere; `model` itself is not changed.

    minimizes  mean_n w_n |f(x_n) - y_n|^2 + k mean_m |f(z_m) - f_old(z_m)|^2 + 1e-10 h |c - c_old|^2

    by Levenberg-Marquardt from the current parameters. No knot moves. In a network of one layer, only coefficients c
    whose functions are nonzero at some row change; all others stay the same bit for bit. In deeper networks all may
    change, which keeps the function better. The last term, h the mean curvature, selects the smallest change. Same
    arguments, same result.

    z_m are the points where the function is kept; those close to the rows are left out. Their weight is
    k = keep (e / s)^2, with e the current error on the rows and s the standard deviation of their targets: rows that
    can be learned exactly are, and noise is not learned at the cost of the old function.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    y : (n, n_out)
        The targets; (n,) for one output.
    weights : (n,)
        Weights of the rows, not negative; None for equal ones.
    keep
        Weight of the points where the function is kept; 0 for none.
    anchors : (m, n_in)
        These points, such as the inputs of earlier rows (their targets are not needed); None for points over the box of
        the inputs' knots.
    steps
        Steps at most.

    Returns
    -------
    FitResult
        As that of `fit`; a note says how much the function changed at the points z_m.

    Raises
    ------
    InputError
        For shapes that do not match, values that are not finite, and a negative `keep`.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.linspace(-1, 0, 50, dtype=torch.float64).unsqueeze(1)
    >>> model = ew.update(ew.KAN([1, 1], grid=40), x, torch.sin(9 * x)).model
    >>> model = ew.update(model, x + 1, torch.sin(9 * (x + 1))).model
    >>> with torch.no_grad():                                            # the first rows are not forgotten
    ...     bool((model(x) - torch.sin(9 * x)).abs().max() < 1e-4)
    True
    """
    _check(model, keep, steps)
    warn_of_index(x, y=y, weights=weights)
    rows = as_rows(as_inputs(x, model), y, weights, Shape(model.n_in, model.n_out, device=model.device))
    old, monitor = clone(model, torch.float64), Monitor(Options())
    size = Layout(old).size
    kept = _anchors(old, rows, size, anchors) if keep > 0 else Table(rows.x[:0], rows.y[:0], rows.weights[:0])
    with monitor.running(), threads_for(size, len(rows)):
        new, outcome = _trained(old, rows, kept, keep, steps, monitor)
    error = error_of(new, rows)
    rounding = 1e-12 * float(rows.y.abs().max())
    outcome = monitor.asked() or (Outcome.EXACT if error < rounding else outcome)
    monitor.record(grid_of(new), size, error, math.nan)
    notes = [*_notes(new, rows, kept), *monitor.notes()]
    return FitResult(clone(new, model.dtype), monitor.history, outcome, error, math.nan, notes)


def _check(model: KAN, keep: float, steps: int) -> None:
    if not isinstance(model, KAN):
        raise InputError(f"'model' must be an edgewise.KAN. Got {type(model).__name__}.")
    if not is_number(keep, 0, 1e150):
        raise InputError(f"'keep' must be a number from 0 to 1e150, the weight of the anchors. Got {keep!r:.60}.")
    if not is_int(steps, 1):
        raise InputError(f"'steps' must be an int >= 1. Got {steps!r}.")


def _anchors(model: KAN, rows: Table, size: int, anchors: Any) -> Table:
    """Return the points where the function is kept, with its values there."""
    low, high = _box(model)
    if anchors is None:
        count = min(max(1000, 4 * size), 10_000)  # four for each parameter
        draws = torch.quasirandom.SobolEngine(model.n_in, scramble=True, seed=0).draw(count, dtype=torch.float64)
        points = low + (high - low) * draws.to(low)
    else:
        points = as_inputs(anchors, model, "anchors")
    points = points[_far_from(rows.x, points, high - low)]
    with torch.no_grad():
        values = model(points)
    sound = values.isfinite().all(1)  # a formula may have poles
    return Table(points[sound], values[sound], torch.ones_like(values[sound, 0]))


def _trained(model: KAN, rows: Table, kept: Table, keep: float, steps: int, monitor: Monitor) -> tuple[KAN, Outcome]:
    """Return the network after runs in which the anchors' weight falls with the error, and how training ended."""
    problem, taken = _UpdateObjective(model, rows, kept), 0

    def callback(vector: Tensor, cost: float) -> bool:
        nonlocal taken
        taken += 1
        return monitor.step("update") is not None or taken == steps

    if not len(problem.free):
        return model, Outcome.CONVERGED
    solver = LM(steps=steps) if len(problem.free) <= MAX_PARAMETERS else CG(steps=steps)
    vector, fraction = problem.start, 1.0
    for _ in range(10):  # the anchors are reweighted
        problem.reweight(keep * fraction)
        vector, _ = solver.minimize(problem, vector, callback)
        before, fraction = fraction, min(error_of(problem.network(vector), rows) ** 2 / problem.size, 1.0)
        if taken == steps or monitor.ended() or not len(kept) or fraction > before / 4:
            break
    return shaped(clone(problem.network(vector))), Outcome.STEPS_DONE if taken == steps else Outcome.CONVERGED


class _UpdateObjective:
    """The objective as a function of the parameters that rows depend on, with a ridge on their change."""

    def __init__(self, model: KAN, rows: Table, kept: Table) -> None:
        self.model, self.rows, self.kept = clone(model), rows, kept
        self.objective = Objective(self.model, rows)
        self.old = self.objective.start
        self.free = self._active(model, rows).nonzero()[:, 0]
        self.start = self.old[self.free]
        variance = float((rows.weights @ (rows.y - rows.y.mean(0)).square()).mean()) / len(rows)
        self.size = variance or float(rows.y.square().mean()) or 1.0
        self.ridge = 0.0
        if len(self.free):
            # of the mean curvature: selects the smallest of equally good changes
            self.ridge = 1e-10 * float(self.objective.operator(self.old).diagonal[self.free].mean())

    def reweight(self, weight: float) -> None:
        """Set the total weight of the anchors, in units of that of the rows."""
        rows, kept = self.rows, self.kept
        weights = torch.cat([rows.weights, weight * len(rows) / max(len(kept), 1) * kept.weights])
        table = Table(torch.cat([rows.x, kept.x]), torch.cat([rows.y, kept.y]), weights)
        self.objective = Objective(self.model, table)

    def network(self, vector: Tensor) -> KAN:
        return self.objective.network(self._full(vector))

    def _ridge(self, vector: Tensor) -> tuple[float, Tensor]:
        """Return the cost of the ridge, and half its gradient."""
        change = vector - self.start
        return self.ridge * float(change.square().sum()), self.ridge * change

    def _active(self, model: KAN, rows: Table) -> Tensor:
        """Return which parameters may change, (size,): in one layer, those whose functions are nonzero at some row."""
        found = torch.zeros_like(self.old, dtype=torch.bool)
        if len(model.layers) > 1:
            return ~found
        with torch.no_grad():
            for part in rows.batches(self.objective.chunk):
                found |= (Pass(model, part.x).flat_features(self.objective.layout) != 0).any(0)
        return found

    def _full(self, vector: Tensor) -> Tensor:
        """Return all parameters, given the free ones."""
        return self.old.index_copy(0, self.free, vector)

    def cost(self, vector: Tensor) -> float:
        return self.objective.cost(self._full(vector)) + self._ridge(vector)[0]

    def normal_equations(self, vector: Tensor) -> NormalEquations:
        found, (cost, gradient) = self.objective.normal_equations(self._full(vector)), self._ridge(vector)
        hessian = found.hessian[self.free][:, self.free]
        hessian.diagonal().add_(self.ridge)
        return NormalEquations(found.cost + cost, found.gradient[self.free] + gradient, hessian)

    def operator(self, vector: Tensor) -> GaussNewtonOperator:
        found, (cost, gradient) = self.objective.operator(self._full(vector)), self._ridge(vector)

        def matvec(direction: Tensor) -> Tensor:
            image = found.matvec(torch.zeros_like(self.old).index_copy(0, self.free, direction))
            return image[self.free] + self.ridge * direction

        diagonal = found.diagonal[self.free] + self.ridge
        return GaussNewtonOperator(found.cost + cost, found.gradient[self.free] + gradient, diagonal, matvec)


def _notes(model: KAN, rows: Table, kept: Table) -> list[str]:
    """Return how much the function changed at the anchors, and whether rows lie beyond the knots."""
    notes = []
    if len(kept):
        notes.append(f"Away from the rows, at {len(kept)} points, the function changed by {error_of(model, kept):.2g}.")
    low, high = _box(model)
    outside = int(((rows.x < low) | (rows.x > high)).any(1).sum())
    if outside:
        notes.append(f"{outside} of {len(rows)} rows lie beyond the knots, where every curve is a straight line.")
    return notes


def _box(model: KAN) -> tuple[Tensor, Tensor]:
    """Return the ends of the range of each input's knots."""
    return model.layers[0].basis.ends(model.layers[0].knots)


def _far_from(rows: Tensor, points: Tensor, widths: Tensor) -> Tensor:
    """Return which points are further from every row than twice the spacing of the rows, (m,).

    Lengths are in units of each input's range, `widths`. The spacing is the 90 % quantile of the distance to the
    nearest row.
    """
    rows, points = (rows / widths).unique(dim=0), points / widths
    subsample = rows[torch.linspace(0, len(rows) - 1, min(len(rows), 1000)).long()]
    if len(rows) < 2:
        return torch.ones(len(points), dtype=torch.bool, device=points.device)
    spacing = _nearest(subsample, rows, 2).quantile(0.9)
    return _nearest(points, rows, 1) > 2 * spacing


def _nearest(points: Tensor, rows: Tensor, rank: int) -> Tensor:
    """Return the distance from each point to its nearest (rank 1) or second nearest (rank 2) row."""
    step = max(1, 4_000_000 // len(rows))  # distances held at once
    parts = [torch.cdist(part, rows).kthvalue(rank, dim=1).values for part in points.split(step)]
    return torch.cat(parts)
