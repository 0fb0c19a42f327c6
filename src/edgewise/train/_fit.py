"""Training a network on rows: the choices, the trainer, the result."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from edgewise._checks import is_number
from edgewise._errors import InputError, listed
from edgewise._memory import refused
from edgewise._typing import Array, Data
from edgewise.nn import KAN, Layout, clone, shaped
from edgewise.tables.encoding import Inputs, column_names, warn_of_index
from edgewise.train._additive import AdditiveTrainer
from edgewise.train._classification import ClassificationTrainer
from edgewise.train._context import Context, Split, Trained, rescale_knots, safeguarded, split, threads_for
from edgewise.train._data import Ranks, Shape, Table, as_rows, own_columns
from edgewise.train._first_order import FirstOrderTrainer
from edgewise.train._loss import Function, Loss, LossName, accuracy_of, choose_loss, constant_error, error_of, tuned
from edgewise.train._monitor import Monitor
from edgewise.train._options import Grids, Options, SolverChoice, check_grids, check_solver, choose_grids, choose_solver
from edgewise.train._result import FitResult, Outcome
from edgewise.train._second_order import RegressionTrainer
from edgewise.train._stream import Parquet, Stream
from edgewise.train._tuning import TUNING
from edgewise.train.optim import LM

_REMEDY = "Use fewer nodes, a coarser grid, fewer rows, or solver 'adam'."


def fit(  # noqa: PLR0913 (eight, and the loss that all of them are about)
    model: KAN,
    x: Data | Parquet | DataLoader[Any],
    y: Data | None = None,
    *,
    weights: Data | None = None,
    loss: LossName | Loss = "squared",
    grids: Grids = "auto",
    sparsity: float = 0.0,
    solver: SolverChoice = "auto",
    options: Options | None = None,
) -> FitResult:
    """Train a network on a table and return the trained one; `model` itself is not changed.

    minimizes  mean_n w_n loss(f(x_n), y_n) + sparsity sum_e score_e + smoothing

    by Levenberg-Marquardt in float64, from coarse to fine grids, with knots that follow the values of the nodes. The
    grid is selected on validation rows and then trained on all rows. Same arguments, same result.

    Parameters
    ----------
    model
        The network. One that was trained before continues from its parameters.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame. A DataFrame of pandas or polars may have text, dates and gaps:
        `encoding.Inputs` makes it numbers, and says how many inputs it has. In the place of x and y: a `train.Parquet`
        file or a torch DataLoader of batches (x, y) or (x, y, weights), which are read batch by batch in each step.
    y : (n, n_out)
        The targets; (n,) for one output, class numbers with "cross_entropy".
    weights : (n,)
        Weights of the rows, not negative; None for equal ones.
    loss
        "squared", "huber", "cauchy", "cross_entropy" or an object with the members of `train.Loss`.
    grids
        "auto", a list of cell counts that are trained one after another, or None to keep the network's own.
    sparsity
        Factor of the sum of the edges' scores, in standard deviations of the target. With it, and grids "auto", the
        grid stays coarse, to be refined after pruning.
    solver
        "auto" (by size, with a note), "lm", "cg", "lbfgs", "adam" or an object with the members of
        `optim.LeastSquaresSolver` or `optim.GradientSolver`.
    options
        What rarely needs changing; None for the defaults of `Options`.

    Returns
    -------
    FitResult
        The trained network, its errors and its history. Its `inputs` make numbers of later tables.

    Raises
    ------
    InputError
        For shapes that do not match, values that are not finite, unknown solvers, grids below 1.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> result = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    >>> result.validation_error < 1e-6
    True
    """
    if not isinstance(model, KAN):
        raise InputError(f"'model' must be an edgewise.KAN. Got {type(model).__name__}.")
    if not is_number(sparsity, 0):
        raise InputError(f"'sparsity' must be a number >= 0, in standard deviations of the target. Got {sparsity!r}.")
    if options is not None and not isinstance(options, Options):
        raise InputError(f"'options' must be an edgewise.Options. Got {options!r}.")
    measure = choose_loss(loss)
    if sparsity > 0 and measure.classes:
        raise InputError("'sparsity' is for targets that are numbers. Classes are regularized by validation rows.")
    options = options or Options()
    ranks = Ranks.of(options.process_group, model.device)
    check_solver(solver, isinstance(x, Parquet | DataLoader) or not ranks.alone)
    check_grids(grids)
    method = solver if isinstance(solver, str) else type(solver).__name__
    ranks.require_same(model, (grids, sparsity, measure.name, method, *options.settings()))
    monitor = Monitor(options, ranks)
    warn_of_index(x, y=y, weights=weights)
    inputs = Inputs.needed(x)
    if inputs is not None:
        if not ranks.alone:
            raise InputError("Ranks take numbers without gaps. Encode the whole table first: ew.encoding.Inputs.")
        x = _encoded(x, inputs, model)
        names = inputs.names
    else:
        x = own_columns(model, x)
        names = column_names(x) or model.input_names
    rows = _rows(x, y, weights, Shape(model.n_in, model.n_out, measure.classes, model.device), ranks)
    threads = threads_for(Layout(model).size, len(rows))
    with refused("This fit", _REMEDY), monitor.running(), threads:
        found = _fitted(model, rows, measure, float(sparsity), monitor, grids, solver, inputs)
    found.model.input_names = None if names is None else tuple(names)
    return found if inputs is None else replace(found, inputs=inputs)


def _encoded(x: Any, inputs: Inputs, model: KAN) -> Array:
    """Return the inputs of a table with text, dates or gaps, if the network has as many, and of the same names."""
    if len(inputs.names) != model.n_in:
        raise InputError(
            f"This KAN takes {model.n_in} inputs. The table has {len(inputs.names)}: {listed(inputs.names)}. "
            "A column of numbers with gaps has two."
        )
    if model.input_names is not None and [*model.input_names] != inputs.names:
        raise InputError(
            f"This KAN was trained on the inputs {listed(model.input_names)}. The table has {listed(inputs.names)}: "
            "arrange its columns alike, or train a new network."
        )
    return inputs.of(x)


def _rows(x: Any, y: Any, weights: Any, shape: Shape, ranks: Ranks) -> Table | Stream:
    """Return rows in memory, or a stream of them."""
    if not isinstance(x, Parquet | DataLoader):
        if isinstance(x, str | Path):
            raise InputError(f"To train on a file, name its target: train.Parquet({str(x)!r}, target=...).")
        if y is None:
            raise InputError(
                f"y is missing. Only a train.Parquet file or a DataLoader brings its own. Got {type(x).__name__}."
            )
        if not ranks.alone:
            return Stream.of([(x, y) if weights is None else (x, y, weights)], shape, ranks)
        return as_rows(x, y, weights, shape)
    if y is not None or weights is not None:
        raise InputError(f"Targets and weights come with the batches of a {type(x).__name__}: leave y and weights out.")
    return Stream.of(x.part(ranks.number, ranks.count) if isinstance(x, Parquet) else x, shape, ranks)


def _fitted(
    model: KAN, rows: Table | Stream, loss: Loss, sparsity: float, monitor: Monitor,
    grids: Grids, solver: SolverChoice, inputs: Inputs | None,
) -> FitResult:  # fmt: skip
    """Scale the problem to size one, choose a solver, a trainer and grids, and train."""
    parts = split(rows, loss, monitor.options, model)
    loss = loss.scaled(1 / parts.units.scale)
    baseline = constant_error(parts.full.subsample, loss, model.n_out)
    start, trained = _start(clone(model, torch.float64), parts, loss, baseline)
    chosen, notes = choose_solver(solver, start, len(rows), loss=loss, stream=isinstance(rows, Stream))
    chosen = chosen if Layout(start).size else LM()  # which ends at once if there is nothing to train
    second = chosen.needs.second_order
    if monitor.options.checkpoint is not None and not second:
        raise InputError("Checkpoints hold the steps of second-order solvers: use solver 'lm' or 'cg'.")
    schedule = choose_grids(grids, start, parts.final, coarse=sparsity > 0, grow=second, trained=trained)
    notes += parts.notes
    if second and trained:
        notes.append("The network was trained already: training continued from it, and held-out rows may not be new.")
    context: Context[Any] = Context(
        parts, loss, chosen, monitor.options, monitor, sparsity, trained, grids == "auto", model.dtype
    )
    trainer = (ClassificationTrainer if loss.classes else RegressionTrainer) if second else FirstOrderTrainer
    smooth = AdditiveTrainer(context, start, None if inputs is None else inputs.levels)
    smoothed = AdditiveTrainer.serves(context, start, isinstance(solver, str)) and smooth.run()
    trained = trainer(context).run(start, schedule)
    trained = safeguarded(smooth.chosen(trained) if smoothed else trained, start, context)
    return _result(context, trained, baseline, notes)


def _start(model: KAN, parts: Split, loss: Loss, baseline: float) -> tuple[KAN, bool]:
    """Return the network in the units of training, and whether it was trained before.

    The knots of a network that explains nothing are rescaled to the range of the data.
    """
    rows = parts.full.subsample

    def error_at(start: KAN) -> float:
        return error_of(start, rows, tuned(loss, start, rows))

    # The values of an untrained network may be anything: then they are taken as values of the centered target.
    scaled = min(parts.units.inside(model), parts.units.scaled(model), key=error_at)
    error = error_at(scaled)
    symbolic = any(layer.symbols for layer in model.layers)
    if symbolic or error < baseline:
        return scaled, error < TUNING.trained * loss.baseline_fraction * baseline
    locked = any(rule.locked for layer in model.layers for rule in layer.rules.values())
    return rescale_knots(scaled if locked else model, rows.x), False


def _result(context: Context[Any], trained: Trained, baseline: float, notes: list[str]) -> FitResult:
    """Measure the network as it is returned, in the targets' units and its own dtype."""
    parts, units, loss = context.split, context.split.units, trained.loss
    found, final = _returned(trained.model, context)
    _, before = _returned(trained.selected, context)
    outcome = context.monitor.asked() or trained.outcome
    if not outcome.early and baseline > 0 and _learned_nothing(outcome, (before, final), parts, loss, baseline):
        outcome = Outcome.POOR
    measured: dict[str, Any] = {}
    held_out = parts.validation if parts.validates else None
    for name, model, rows in (
        ("train", final, parts.full.rows), ("validation", before, held_out), ("test", before, parts.test)
    ):  # fmt: skip
        measured[f"{name}_error"] = math.nan if rows is None else error_of(model, rows, loss) * units.scale
        if loss.classes:
            measured[f"{name}_accuracy"] = math.nan if rows is None else accuracy_of(model, rows)
    notes = [*notes, *context.monitor.notes()]
    measured["baseline"] = baseline * units.scale
    return FitResult(found, context.monitor.history, outcome, notes=notes, loss=loss.name, **measured)


def _learned_nothing(
    outcome: Outcome, networks: tuple[Function, Function], parts: Split, loss: Loss, baseline: float
) -> bool:  # fmt: skip
    """Return True where a network, before and after training on held-out rows, explains little more than a constant.

    Smoothed curves do not overfit, so the rows that they were fitted to tell it too.
    """
    before, final = networks
    error = error_of(before, parts.validation, loss)
    if outcome is Outcome.SMOOTHED:
        return max(error, error_of(final, parts.full.rows, loss)) > TUNING.nothing * baseline
    return error > loss.baseline_fraction * baseline


def _returned(model: KAN, context: Context[Any]) -> tuple[KAN, Function]:
    """Return a network as it is returned, and its outputs in the units of training."""
    units, found = context.split.units, clone(context.split.units.outside(shaped(model)), context.dtype)
    return found, lambda x: units.of(found(x).double())
