"""The one training loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from edgewise._errors import InputError
from edgewise._memory import refused
from edgewise.kernels import one_thread
from edgewise.nn import KAN, Layout, add_constant, clone, layer_of, shaped
from edgewise.optim import CG, LBFGS, LM, Adam
from edgewise.train._classes import Classes
from edgewise.train._data import Shape, as_rows
from edgewise.train._error import accuracy_of, constant_error, error_of
from edgewise.train._first_order import FirstOrder
from edgewise.train._loss import CrossEntropy, Loss, choose_loss
from edgewise.train._monitor import Monitor
from edgewise.train._options import Options
from edgewise.train._parquet import Parquet
from edgewise.train._result import FitResult, Outcome
from edgewise.train._runner import Runner
from edgewise.train._schedule import Solver, check_grids, check_solver, choose_grids, choose_solver
from edgewise.train._second_order import SecondOrder
from edgewise.train._split import split
from edgewise.train._starts import respread
from edgewise.train._stream import Stream
from edgewise.train._table import Table

_REMEDY = "Use fewer nodes, a coarser grid, fewer rows, or solver 'adam'."
_SMALL = 1_000_000  # entries of the first Jacobian: below, one thread is fastest
_TRAINED = 0.4  # of the error that counts as next to nothing learned: below, a network is taken as trained
_FAR = 10.0  # of the target's spread: a line search gets no further than this by itself


def fit(  # noqa: PLR0913 (eight, and the loss that all of them are about)
    model: KAN,
    x: Any,
    y: Any = None,
    *,
    weights: Any = None,
    loss: str | Loss = "squared",
    grids: str | Sequence[int] | None = "auto",
    sparsity: float = 0.0,
    solver: str | Solver = "auto",
    options: Options | None = None,
) -> FitResult:
    """Train a network on a table and return the trained one; `model` stays as it was.

    minimises  mean_n w_n loss(f(x_n), y_n) + sparsity sum_e score_e + smoothing

    by Levenberg-Marquardt in float64, coarse grid to fine, hidden knots following what the nodes give, the grid chosen
    on held-out rows and then trained on all of them. A network that is trained already goes on from what it is.

    Shapes: x (n, n_in), y (n,) or (n, n_out), weights (n,): arrays, tensors or tables; or, in the place of x and y, a
    `train.Parquet` file or a torch DataLoader of batches (x, y) or (x, y, weights), which are read batch by batch,
    anew in each step. `loss` is "squared", "huber", "cauchy", "cross_entropy" (y: class numbers) or a `train` loss.
    `grids` is "auto", a list of cell counts, or None to keep the network's own. `sparsity` is in units of the target's
    spread; with it, and "auto", the grid stays coarse, to be refined after pruning. `solver` is "auto" (by size, with a
    note), "lm", "cg", "lbfgs", "adam" or an `edgewise.optim` object. Same arguments, same result.

    Errors: InputError for shapes that do not match, values that are not finite, unknown solvers, grids below 1.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> result = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    >>> result.validation_error < 1e-6
    True
    """
    if not isinstance(model, KAN):
        raise InputError(f"'model' must be an edgewise.KAN. Got {type(model).__name__}.")
    if isinstance(sparsity, bool) or not isinstance(sparsity, int | float) or not 0 <= sparsity < float("inf"):
        raise InputError(f"'sparsity' must be a number >= 0, in units of the target's spread. Got {sparsity!r}.")
    if options is not None and not isinstance(options, Options):
        raise InputError(f"'options' must be an edgewise.Options. Got {options!r}.")
    measure = choose_loss(loss)
    if sparsity > 0 and isinstance(measure, CrossEntropy):
        raise InputError("'sparsity' is for targets that are numbers. Classes are regularised by held-out rows.")
    check_solver(solver, isinstance(x, Parquet | DataLoader))
    check_grids(grids)
    monitor = Monitor(options or Options())
    rows = _rows(x, y, weights, Shape(model.n_in, model.n_out, isinstance(measure, CrossEntropy), model.device))
    job = _Fit(model, rows, measure, sparsity, monitor)
    small = Layout(model).size * len(rows) < _SMALL
    with refused("This fit", _REMEDY), monitor.running(), one_thread() if small else nullcontext():
        return job.run(grids, solver)


def _rows(x: Any, y: Any, weights: Any, shape: Shape) -> Table | Stream:
    """Rows in memory, or a stream of them."""
    if not isinstance(x, Parquet | DataLoader):
        if isinstance(x, str | Path):
            raise InputError(f"To train on a file, name its target: train.Parquet({str(x)!r}, target=...).")
        if y is None:
            raise InputError(
                f"y is missing. Only a train.Parquet file or a DataLoader brings its own. Got {type(x).__name__}."
            )
        return as_rows(x, y, weights, shape)
    if y is not None or weights is not None:
        raise InputError(f"Targets and weights come with the batches of a {type(x).__name__}: leave y and weights out.")
    return Stream.of(x, shape)


class _Fit:
    """One fit from rows to result; errors inside are in the split's units."""

    def __init__(
        self, model: KAN, rows: Table | Stream, loss: Loss, sparsity: float, monitor: Monitor
    ) -> None:  # fmt: skip
        self.monitor, self.options = monitor, monitor.options
        self.sparsity, self.dtype = sparsity, model.dtype
        self.split = split(rows, loss, self.options, model)
        self.units = self.split.units
        self.loss = loss.scaled(1 / self.units.scale)
        self.constant = constant_error(self.split.whole.sample, self.loss, model.n_out)
        self.model, self.trained = self._first(clone(model, torch.float64))

    def _first(self, model: KAN) -> tuple[KAN, bool]:
        """The network in units of the split, and whether it is trained already.

        One that explains nothing starts with its curves over the data's range.
        """
        few = self.split.whole.sample

        def error_at(start: KAN) -> float:
            with torch.no_grad():
                return error_of(start, few, self.loss.tuned(start(few.x), few.y))

        # The values of a network that learned nothing yet may be anything: then they are taken for the centred ones.
        scaled = min(self.units.inside(model), self.units.scaled(model), key=error_at)
        error = error_at(scaled)
        symbolic = any(layer.symbols for layer in model.layers)
        if symbolic or error < self.constant:
            return scaled, error < _TRAINED * self.loss.poor * self.constant
        locked = any(rule.locked for layer in model.layers for rule in layer.rules.values())  # type: ignore[union-attr,operator]
        return respread(scaled if locked else model, few.x), False

    def run(self, grids: str | Sequence[int] | None, solver: str | Solver) -> FitResult:
        whole = self.split.whole.rows
        classes, stream = isinstance(self.loss, CrossEntropy), isinstance(whole, Stream)
        chosen, notes = choose_solver(solver, self.model, len(whole), classes=classes, stream=stream)
        chosen = chosen if Layout(self.model).size else LM()  # which has nothing to do either, and knows
        notes += self.split.notes
        second = isinstance(chosen, LM | CG)
        schedule = choose_grids(
            grids, self.model, self.split.final, coarse=self.sparsity > 0, grow=second, trained=self.trained
        )  # fmt: skip
        if second and self.trained:
            notes.append("The network was trained already: training went on from it, and held-out rows may not be new.")
        if isinstance(chosen, LM | CG):
            runner = Runner(self.split, self.loss, self.options, self.monitor, chosen)
            if isinstance(self.loss, CrossEntropy):
                ended = Classes(runner, self.trained).run(self.model, schedule)
            else:
                ended = SecondOrder(runner, self.sparsity, self.trained).run(self.model, schedule, grids == "auto")
            return self._finish(*ended, runner.loss, notes)
        return self._first_order(schedule, chosen, notes)

    def _first_order(self, schedule: Sequence[int | None], solver: LBFGS | Adam, notes: list[str]) -> FitResult:
        train = self.split.train.rows
        assert isinstance(train, Table)
        held = self.split.held if self.split.has_held else None
        first = FirstOrder(train, held, solver, self.monitor, self.units.scale, loss=self.loss, seed=self.options.seed)
        start = self.model if self.trained else self._centred(0.0 if isinstance(solver, Adam) else _FAR)
        model, outcome = first.run(start, schedule, self.sparsity, self.dtype)
        few = self.split.train.sample
        with torch.no_grad():
            loss = self.loss.tuned(model(few.x), few.y)
        return self._finish(model, model, outcome, loss, notes)

    def _centred(self, least: float) -> KAN:
        """The network with its outputs about the best constant where this is as far off as `least`."""
        if self.model.nodes[-1].arities or any(layer.symbols for layer in self.model.layers):
            return self.model
        new, few = clone(self.model), self.split.train.sample
        with torch.no_grad():
            off = self.loss.constant(few.y, few.weights, new.n_out) - new(few.x).mean(0)
        if float(off.abs().max()) >= least:
            add_constant(layer_of(new, len(new.layers) - 1), off)
        return new

    def _finish(self, model: KAN, chosen: KAN, outcome: Outcome, loss: Loss, notes: list[str]) -> FitResult:
        """`chosen` is the network before it was trained on the rows that were held out as well."""
        found, split = self._returned(model), self.split
        final, before = self._inside(found), self._inside(found if chosen is model else self._returned(chosen))
        train, validation = error_of(final, split.whole.rows, loss), error_of(before, split.held, loss)
        outcome = self.monitor.asked() or outcome
        if not outcome.early and self.constant > 0 and validation > loss.poor * self.constant:
            outcome = Outcome.POOR
        scale = self.units.scale
        result = FitResult(
            found,
            self.monitor.history,
            outcome,
            train * scale,
            validation * scale if split.has_held else math.nan,
            [*notes, *self.monitor.notes()],
            loss.name,
            test_error=math.nan if split.test is None else error_of(before, split.test, loss) * scale,
        )
        if not isinstance(loss, CrossEntropy):
            return result
        return replace(
            result,
            train_accuracy=accuracy_of(final, split.whole.rows),
            validation_accuracy=accuracy_of(before, split.held) if split.has_held else math.nan,
            test_accuracy=math.nan if split.test is None else accuracy_of(before, split.test),
        )

    def _returned(self, model: KAN) -> KAN:
        """A network as it is returned: in the targets' units and its own dtype."""
        return clone(self.units.outside(shaped(model)), self.dtype)

    def _inside(self, model: KAN) -> Callable[[Tensor], Tensor]:
        """What a network that is returned gives, in the units of training."""
        return lambda x: self.units.of(model(x).double())
