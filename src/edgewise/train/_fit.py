"""The one training loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch

from edgewise._errors import InputError
from edgewise.kernels import one_thread
from edgewise.nn import KAN, Layout, adapt_grid, clone, scale_outputs
from edgewise.optim import LM
from edgewise.train._data import as_table
from edgewise.train._error import error_of
from edgewise.train._first_order import FirstOrder
from edgewise.train._monitor import Monitor
from edgewise.train._objective import Objective
from edgewise.train._options import Options
from edgewise.train._penalty import penalty, smoothing_by_gcv
from edgewise.train._quadratic import Quadratic
from edgewise.train._result import FitResult, Outcome
from edgewise.train._schedule import Solver, choose_grids, choose_solver, grid_of, spline_edges, too_fine
from edgewise.train._starts import best_start, respread
from edgewise.train._table import Table

_SMALL = 1_000_000  # entries of the first Jacobian: below, one thread is fastest
_NEAR = 1e-8  # first damping of a network that is already near a minimum
_PROMISING = 1e-6  # of the target's spread: the solution may be exact
_EXACT = 1e-13  # of the target's spread


def fit(
    model: KAN,
    x: Any,
    y: Any,
    *,
    weights: Any = None,
    grids: str | Sequence[int] | None = "auto",
    sparsity: float = 0.0,
    solver: str | Solver = "auto",
    options: Options | None = None,
) -> FitResult:
    """Train a network on a table and return the trained one; `model` stays as it was.

    minimises  mean_n w_n mean_o (f_o(x_n) - y_no)^2 + sparsity sum_e score_e + smoothing

    by Levenberg-Marquardt in float64, coarse grid to fine, hidden knots following what the nodes give, the grid chosen
    on held-out rows and then trained on all of them.

    Shapes: x (n, n_in), y (n,) or (n, n_out), weights (n,): arrays, tensors or tables. `grids` is "auto", a list of
    cell counts, or None to keep the network's own. `sparsity` is in units of the target's spread; with it, and
    "auto", the grid stays coarse, to be refined after pruning. `solver` is "auto" (by size, with a note), "lm",
    "lbfgs", "adam" or an `edgewise.optim` object. Same arguments, same result.

    Errors: InputError for shapes that do not match, values that are not finite, unknown solvers, grids below 1.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> result = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    >>> result.validation_error < 1e-6
    True
    """
    if not isinstance(model, KAN):
        raise InputError(f"'model' must be an edgewise.KAN. Got {type(model).__name__}.")
    if isinstance(sparsity, bool | str) or not 0 <= sparsity < float("inf"):
        raise InputError(f"'sparsity' must be a number >= 0, in units of the target's spread. Got {sparsity!r}.")
    if options is not None and not isinstance(options, Options):
        raise InputError(f"'options' must be an edgewise.Options. Got {options!r}.")
    table = as_table(x, y, weights, model.n_in, model.n_out)
    table = Table(*(part.to(model.device) for part in (table.x, table.y, table.weights)))
    loop = _Loop(model, table, sparsity, options or Options())
    small = Layout(model).size * len(table) < _SMALL
    with loop.monitor.running(), one_thread() if small else nullcontext():
        return loop.run(grids, solver)


class _Loop:
    """One fit: the rows, the clock and the record. Errors inside are in units of `scale`."""

    def __init__(self, model: KAN, table: Table, sparsity: float, options: Options) -> None:
        self.options, self.sparsity, self.dtype = options, sparsity, model.dtype
        self.monitor = Monitor(options)
        self.notes: list[str] = []
        spread = float(table.y.std(0, correction=0).square().mean().sqrt())
        size = spread if spread > 0 else float(table.y.abs().max().clamp_min(1e-300))
        self.scale = 2.0 ** round(math.log2(size))  # a power of two: scaling is exact
        self.all = Table(table.x, table.y / self.scale, table.weights)
        order = torch.randperm(len(table), generator=torch.Generator().manual_seed(options.seed)).to(table.x.device)
        held = options.held_out(len(table))
        self.rows = self.all.rows(order[held:])
        self.held = self.all.rows(order[:held]) if held else self.rows
        self.has_held = held > 0
        self.ones = torch.ones(model.n_out, dtype=torch.float64, device=table.x.device)
        self.model = self._first(clone(model, torch.float64), spread / self.scale)

    def _first(self, model: KAN, spread: float) -> KAN:
        """The network in units of `scale`; one that explains nothing starts with its curves over the data's range."""
        scaled = scale_outputs(model, self.ones / self.scale)
        symbolic = any(layer.symbols for layer in model.layers)
        if symbolic or error_of(scaled, self.all) < spread:
            return scaled
        return respread(model, self.all.x)

    def run(self, grids: str | Sequence[int] | None, solver: str | Solver) -> FitResult:
        chosen, self.notes = choose_solver(solver, self.model, len(self.all))
        second = isinstance(chosen, LM)
        schedule = choose_grids(grids, self.model, len(self.rows), coarse=self.sparsity > 0, grow=second)
        if isinstance(chosen, LM):
            coarse = self.model if schedule[0] is None else adapt_grid(self.model, self.rows.x, schedule[0])
            self.model = best_start(
                coarse, self.rows, self.held, self.options.restarts, self.options.seed, self._searching
            )
            outcome, held = self._grow(schedule, chosen, isinstance(grids, str))
        else:
            held_out = self.held if self.has_held else None
            first = FirstOrder(self.rows, held_out, chosen, self.monitor, self.scale, seed=self.options.seed)
            self.model, outcome = first.run(self.model, schedule, self.sparsity, self.dtype)
            held = error_of(self.model, self.held)
        return self._finish(outcome, held)

    def _grow(self, schedule: Sequence[int | None], solver: LM, automatic: bool) -> tuple[Outcome, float]:
        """Grid after grid, the best on held-out rows kept; returns how it ended and that error."""
        best, best_error, worse, model, error = self.model, math.inf, 0, self.model, math.inf
        outcome = Outcome.GRIDS_DONE
        for number, grid in enumerate(schedule):
            if automatic and number and too_fine(model, grid, len(self.rows)):
                outcome = Outcome.ROWS_EXHAUSTED
                break
            model = self._train(model, self.rows, grid, solver)
            error = self._record(model)
            if error < best_error:
                worse = 0 if error < 0.8 * best_error else worse + 1
                best, best_error = model, error
            else:
                worse += 1
            if best_error < _EXACT:
                outcome = Outcome.EXACT
                break
            # Until something is learned, a finer grid may be all that is missing.
            if automatic and worse >= (2 if best_error < 0.3 else 4):
                outcome = Outcome.OVERFIT if error > 1.2 * best_error else Outcome.CONVERGED
                break
            if ended := self._late():
                outcome = ended
                break
        self.model = best if automatic else model
        if self.has_held and not self._late():
            self._polish(solver)
        if len(schedule) == 1 and outcome is Outcome.GRIDS_DONE:
            outcome = Outcome.CONVERGED
        return outcome, best_error if automatic else error

    def _polish(self, solver: LM) -> None:
        """Train the chosen grid on all rows, kept unless that spoils it."""
        before = error_of(self.model, self.all)
        grid = grid_of(self.model) if spline_edges(self.model) else None
        polished = self._train(self.model, self.all, grid, solver)
        after = error_of(polished, self.all)
        if after <= before * (1 + 1e-6) or self.sparsity > 0:
            self.model = polished
            self._log(polished, after, math.nan)  # no row is held out any more

    def _train(self, model: KAN, rows: Table, grid: int | None, solver: LM) -> KAN:
        """Three runs at one grid; the knots move before all but the last."""
        if grid is None:
            return self._run(model, rows, solver, Quadratic())
        if self.sparsity > 0:
            return self._sparse(model, rows, grid, solver)
        for turn in range(3):
            if turn < 2:
                model = adapt_grid(model, rows.x, grid)
            model = self._run(model, rows, solver, penalty(model, rows, 0.0, self._smoothing(model, rows)))
            if self._late():
                return model
        return self._exact(model, rows, solver)

    def _sparse(self, model: KAN, rows: Table, grid: int, solver: LM) -> KAN:
        """Up to eight runs with sparsity, reweighted in each, as long as error and scores, as they really are, fall.

        Within a run the scores' sensitivities are frozen, so that it can end where only the frozen scores are small.
        """
        best, least = model, math.inf
        for _ in range(8):
            model = adapt_grid(model, rows.x, grid)
            form = penalty(model, rows, self.sparsity, self._smoothing(model, rows))
            model = self._run(model, rows, solver, form)
            layout = Layout(model)
            scores = penalty(model, rows, self.sparsity, 0.0).at(layout, layout.read(model))
            objective = (
                error_of(model, rows) ** 2 + 2 * scores
            )  # the form's value at its own network is half the scores
            if objective >= least:
                break
            best, least = model, objective
            if self._late():
                break
        return best

    def _exact(self, model: KAN, rows: Table, solver: LM) -> KAN:
        """On the way to an exact solution, run on without penalties, which bar the curved way there."""
        error = error_of(model, rows)
        if error > _PROMISING or Layout(model).size > 0.25 * len(rows) * model.n_out:
            return model
        for _ in range(8):
            freed = self._run(model, rows, solver, Quadratic())
            after = error_of(freed, rows)
            if after > error / 3:
                break
            model, error = freed, after
            if error < _EXACT or self._late():
                break
        return model

    def _run(self, model: KAN, rows: Table, solver: LM, form: Quadratic) -> KAN:
        problem = Objective(clone(model), rows, form)
        near = replace(solver, damping=_NEAR)
        place = f"grid {grid_of(model)}"
        vector, _ = near.minimise(problem, problem.start, lambda *_: self.monitor.step(place) is not None)
        return clone(problem.network(vector))

    def _smoothing(self, model: KAN, rows: Table) -> float:
        if not isinstance(self.options.smoothing, str):
            return self.options.smoothing
        size = Layout(model).size
        if size < 0.25 * len(rows) * model.n_out or size > 2000 or spline_edges(model) == 0:
            return 0.0
        problem = Objective(clone(model), rows)
        normal = problem.normal(problem.start)
        return smoothing_by_gcv(model, rows, normal, problem.start)

    def _late(self) -> Outcome | None:
        """Why training has to end now, if it has to."""
        return self.monitor.ended()

    def _searching(self) -> bool:
        return self.monitor.step("looking for a start") is not None

    def _record(self, model: KAN) -> float:
        """Log a round; returns its error on the held-out rows, on the trained ones where none are."""
        held = error_of(model, self.held)
        self._log(model, error_of(model, self.rows), held if self.has_held else math.nan)
        return held

    def _log(self, model: KAN, train: float, validation: float) -> None:
        self.monitor.record(grid_of(model), Layout(model).size, train * self.scale, validation * self.scale)

    def _finish(self, outcome: Outcome, held: float) -> FitResult:
        """`held` is the error on the held-out rows before they were trained on as well."""
        train = error_of(self.model, self.all)
        spread = float(self.all.y.std(0, correction=0).square().mean().sqrt())
        outcome = self.monitor.asked() or outcome
        if not outcome.early and spread > 0 and held > 0.7 * spread:
            outcome = Outcome.POOR
        model = clone(scale_outputs(self.model, self.ones * self.scale), self.dtype)
        validation = held * self.scale if self.has_held else math.nan
        notes = [*self.notes, *self.monitor.notes()]
        return FitResult(model, self.monitor.history, outcome, train * self.scale, validation, notes)
