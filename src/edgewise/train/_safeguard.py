"""What a fit must not end with: a network worse than the one it was given, or worse than a constant."""

from typing import Any

import torch

from edgewise.nn import KAN, Layout, scale_outputs, shift_outputs, shiftable
from edgewise.train._data import Table
from edgewise.train._error import constant_error, error_of
from edgewise.train._loss import Loss
from edgewise.train._penalty import penalty
from edgewise.train._split import Context, Partition, Trained


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
