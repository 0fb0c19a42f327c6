"""What the trainers of a fit share: its rows and units, several starts, and what it must not end with.

Of several starts on a coarse grid the best is trained further. No fit ends with a network that is worse than the one
that it was given, or worse than a constant.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, Self, TypeVar

import torch
from torch import Tensor

from edgewise._workers import Workers
from edgewise.kernels import one_thread
from edgewise.nn import (
    KAN,
    MARGINS,
    Layout,
    clone,
    held_knots,
    knots_over,
    scale_outputs,
    shift_outputs,
    shiftable,
)
from edgewise.train._data import Rows, Table
from edgewise.train._loss import Loss, constant_error, error_of
from edgewise.train._monitor import Monitor
from edgewise.train._objective import penalty
from edgewise.train._options import Options, grid_of
from edgewise.train._result import Outcome
from edgewise.train._stream import Stream
from edgewise.train._tuning import TUNING
from edgewise.train.optim import Solver


@dataclass(frozen=True)
class Partition:
    """Rows, and a subsample of them in memory for knots and penalties."""

    rows: Rows
    subsample: Table

    @property
    def in_memory(self) -> "Partition":
        """The same without a stream: its subsample."""
        return self if isinstance(self.rows, Table) else Partition(self.subsample, self.subsample)


@dataclass(frozen=True)
class Units:
    """The units of training: (y - center) / scale, so that targets are of size one.

    `scale` is a power of two, and `center` (n_out,) so close to the targets that subtracting it is exact. The center is
    zero for outputs that are not far from zero or cannot take a constant.
    """

    scale: float
    center: Tensor

    def of(self, y: Tensor) -> Tensor:
        return y / self.scale - self.center / self.scale

    def inside(self, model: KAN) -> KAN:
        """Return a network in these units."""
        return shift_outputs(self.scaled(model), -self.center / self.scale)

    def outside(self, model: KAN) -> KAN:
        """Return a network of these units in those of the targets."""
        return shift_outputs(scale_outputs(model, torch.full_like(self.center, self.scale)), self.center)

    def scaled(self, model: KAN) -> KAN:
        """Return a network in these units, but for the center."""
        return scale_outputs(model, torch.full_like(self.center, 1 / self.scale))


@dataclass(frozen=True)
class Split:
    """All rows, the training rows, the validation rows that select the network, and the test rows, if any.

    Without validation rows (`validates` is False), the training rows stand in for them. Targets are in `units`. `notes`
    say what is unusual about the split.
    """

    full: Partition
    train: Partition
    validation: Table
    validates: bool
    test: Table | None
    units: Units
    notes: Sequence[str] = ()

    @property
    def final(self) -> int:
        """The number of rows that have to support the selected grid: training and test rows."""
        return len(self.train.rows) + (0 if self.test is None else len(self.test))

    @property
    def judged(self) -> Partition:
        """Rows in memory on which the networks of a stopped fit are compared: all, or those that it trains on if there
        are test rows."""
        return (self.full if self.test is None else self.train).in_memory

    @property
    def leaves_out(self) -> bool:
        """True if some rows are not trained on until the end."""
        return self.validates or self.test is not None


def split(rows: Table | Stream, loss: Loss, options: Options, model: KAN) -> Split:
    """Hold out validation and test rows, and scale the targets to size one."""
    classes = loss.classes
    validation = options.validation_rows(len(rows), classes=classes)
    test = options.test_rows(len(rows), validation)
    if isinstance(rows, Stream):
        found = rows.statistics
        units = _one(model) if classes else _units(model, found.std, found.size, found.mean)
        return _split_stream(rows.within(units.of), units, validation, test)
    units = _one(model)
    if not classes:
        deviation = float(rows.y.std(0, correction=0).square().mean().sqrt())
        units = _units(model, deviation, float(rows.y.abs().max()), loss.constant(rows.y, rows.weights, 0))
    full = Table(rows.x, rows.y if classes else units.of(rows.y), rows.weights)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(options.seed)).to(rows.x.device)
    train = full.rows(order[validation + test :])
    selecting = full.rows(order[:validation]) if validation else train
    reporting = full.rows(order[validation : validation + test]) if test else None
    whole, trained = (Partition(table, _subsample(table)) for table in (full, train))
    return Split(whole, trained, selecting, validation > 0, reporting, units)


def _split_stream(stream: Stream, units: Units, validation: int, test: int) -> Split:
    notes = []
    if validation or test:
        wanted = (1, validation, test)
        train, selecting, reporting = stream.split(validation, test)
        if len(train) and _about(selecting, validation) and _about(reporting, test):
            parts = [part for part, count in zip((train, selecting, reporting), wanted, strict=True) if count]
            rows, *tables = stream.subsamples(parts)
            selected, reported = (tables[0] if validation else rows), (tables[-1] if test else None)
            return Split(Partition(stream, rows), Partition(train, rows), selected, validation > 0, reported, units)
        notes.append(
            f"No row is held out: rows are assigned by the values of their inputs, and {len(selecting)} of "
            f"{len(stream)} would have been, not {validation}."
        )
    rows = stream.subsample()
    return Split(Partition(stream, rows), Partition(stream, rows), rows, False, None, units, notes)


def _about(part: Stream, count: int) -> bool:
    """Return True if a part has about as many rows as it should."""
    return 0 < len(part) <= 2 * count if count else True


def _one(model: KAN) -> Units:
    return Units(1.0, torch.zeros(model.n_out, dtype=torch.float64, device=model.device))


def _units(model: KAN, std: float, size: float, center: Tensor) -> Units:
    """Return a power of two near the targets' standard deviation, and their center if it is far from zero."""
    rounding = 1e-15  # of the targets' size: a smaller standard deviation is zero
    scale = 2.0 ** round(math.log2(std if std > rounding * size else max(size, 1e-300)))
    far = shiftable(model).to(center.device) & (center.abs() > TUNING.off_center * scale)
    return Units(scale, torch.where(far, center, 0.0))


def _subsample(table: Table) -> Table:
    """Return the table, or of a long one evenly spaced rows and those with the smallest and largest of each input."""
    if len(table) <= TUNING.subsample:
        return table
    steps = torch.linspace(0, len(table) - 1, TUNING.subsample, device=table.x.device).long()
    return table.rows(torch.cat([steps, table.x.argmin(0), table.x.argmax(0)]).unique())


def threads_for(parameters: int, rows: int) -> AbstractContextManager[None]:
    """Return a context with one thread, the fastest, where the Jacobian is small, and as many as there are if not."""
    return one_thread() if parameters * rows < 1_000_000 else nullcontext()


S = TypeVar("S", bound=Solver)


@dataclass(frozen=True)
class Context(Generic[S]):
    """The rows and settings of a fit. Errors are in the units of `split`.

    `trained`: the network was trained before, and goes on from there. `automatic`: the validation error chooses among
    the grids; otherwise all of them are trained. `dtype` is that of the network as it was given.
    """

    split: Split
    loss: Loss
    solver: S
    options: Options
    monitor: Monitor
    sparsity: float
    trained: bool
    automatic: bool
    dtype: torch.dtype

    def workers(self) -> Workers:
        """Return those that train starts: one where the starts share a checkpoint, ranks or rows that are read."""
        own = self.monitor.checkpoint is None and isinstance(self.split.full.rows, Table)
        return Workers(self.options.n_jobs if own else 1)

    def start_threads(self) -> AbstractContextManager[None]:
        """Return a context with as many threads as a worker has, if workers were asked for: all round alike."""
        return nullcontext() if self.options.n_jobs is None else one_thread()

    def apart(self) -> Self:
        """Return the context of a worker, which shows nothing and ends in time."""
        left = self.monitor.deadline.left()
        limit = None if left == math.inf else max(left, 1e-9)
        options = replace(self.options, time_limit=limit, callbacks=None, progress=False)
        return replace(self, options=options, monitor=Monitor(options))

    def record(self, model: KAN, train: float, validation: float) -> None:
        """Add a row to the history."""
        scale = self.split.units.scale
        self.monitor.record(grid_of(model), Layout(model).size, train * scale, validation * scale)


class Trained(NamedTuple):
    """What a trainer returns.

    `selected` is the network before it was trained on all rows, `loss` the loss as it was last tuned.
    """

    model: KAN
    selected: KAN
    outcome: Outcome
    loss: Loss


def rescale_knots(model: KAN, x: Tensor, seed: int | None = None) -> KAN:
    """Return the network with the knots of every layer over the range of its inputs, and its coefficients kept.

    The function changes; masks, symbols and locked edges do not.

    Parameters
    ----------
    model
        The network; it is not changed.
    x : (n, n_in)
        The inputs.
    seed
        Seed of new coefficients; None keeps them.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.train import rescale_knots
    >>> x = torch.linspace(0, 10, 20, dtype=torch.float64)[:, None]
    >>> model = rescale_knots(ew.KAN([1, 1], grid=3), x)
    >>> low, high = model.layers[0].basis.ends(model.layers[0].knots)
    >>> bool(low < 0), bool(high > 10)
    (True, True)
    """
    new = clone(model)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    h = x
    with torch.no_grad():
        for depth, (layer, nodes) in enumerate(zip(new.layers, new.nodes[1:], strict=True)):
            layer.knots = held_knots(layer, knots_over(layer, h, layer.grids, MARGINS[depth > 0]))
            if generator is not None:
                layer.reset_parameters(generator)
            h = nodes.combine(layer(h))
    return new


def objective(model: KAN, part: Partition, loss: Loss, sparsity: float) -> float:
    """Return the square of the error plus the sparsity times the scores, as they are."""
    square = error_of(model, part.rows, loss) ** 2
    if sparsity == 0:
        return square
    layout, form = Layout(model), penalty(model, part.subsample, sparsity, 0.0)
    # At the network it was made for, the form is half the scores.
    return square + 2 * form.at(layout, layout.read(model))


def safeguarded(trained: Trained, given: KAN, context: Context[Any]) -> Trained:
    """Return what a stopped or a sparse fit ends with: no worse than it began, nor than a constant.

    The network that was given is kept where both its error and its objective are smaller: with sparsity, a larger
    error may be the price of a simpler network. Other fits choose among grids and starts by validation rows.
    """
    if context.monitor.ended() is None and context.sparsity == 0:
        return trained
    part, loss = context.split.judged, trained.loss

    def worse(measure: Any) -> bool:
        return measure(given) < measure(trained.model)

    kept = trained.model
    if worse(lambda model: error_of(model, part.rows, loss)) and worse(
        lambda model: objective(model, part, loss, context.sparsity)
    ):
        kept = given
    kept = flattened(kept, part.subsample, loss)
    return trained if kept is trained.model else trained._replace(model=kept, selected=kept)


def flattened(model: KAN, table: Table, loss: Loss) -> KAN:
    """Return the network with outputs c + a (f - mean f) where its error exceeds that of the constant c.

    a >= 0 is the least-squares slope of each output, or zero where even that is worse, and for classes. A network whose
    outputs are locked or cannot take a constant is returned as it is.

    >>> import edgewise as ew, torch
    >>> from edgewise.train import Squared
    >>> x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    >>> far = scale_outputs(ew.KAN([1, 1]), torch.tensor([1000.0]))
    >>> table = Table(x, x**2, torch.ones(40, dtype=torch.float64))
    >>> error_of(flattened(far, table, Squared()), table) <= float(table.y.std(correction=0))
    True
    """
    limit = constant_error(table, loss, model.n_out)
    if error_of(model, table, loss) <= limit:
        return model
    held = bool(model.layers[-1].locked_mask().any()) or not bool(shiftable(model).all())
    with torch.no_grad():
        outputs = model(table.x)
    if held or not bool(outputs.isfinite().all()):
        return model
    weights = table.weights / table.weights.sum()
    mean, center = weights @ outputs, loss.constant(table.y, table.weights, model.n_out)
    factors = [torch.zeros_like(mean)]
    if not loss.classes:
        centered = outputs - mean
        slope = weights @ (centered * (table.y - center)) / (weights @ centered.square()).clamp_min(1e-300)
        factors.insert(0, slope.clamp_min(0))
    for factor in factors:
        new = shift_outputs(scale_outputs(model, factor), center - factor * mean)
        if error_of(new, table, loss) <= limit * (1 + 1e-12):
            return new
    return model
