"""How well a network fits a table, in one number."""

from collections.abc import Callable

import torch
from torch import Tensor

from edgewise.train._data import Rows, Table
from edgewise.train._loss import Loss, Squared

_ROWS = 16_384  # evaluated at once

Function = Callable[[Tensor], Tensor]  # x (n, n_in) -> outputs (n, n_out), as a network is


def error_of(model: Function, table: Rows, loss: Loss | None = None) -> float:
    """Return the error over a table: root mean square unless the loss says otherwise, infinite if undefined."""
    loss = loss or Squared()
    mean = _mean(table, lambda part: loss.value(model(part.x), part.y))
    value = loss.error(mean) if mean >= 0 else float("inf")
    return value if value == value else float("inf")


def accuracy_of(model: Function, table: Rows) -> float:
    """Return the weighted fraction of rows whose class is the network's first choice."""

    def right(part: Table) -> Tensor:
        return (first_choice(model(part.x)) == part.y[:, 0]).double()

    return _mean(table, right)


def first_choice(outputs: Tensor) -> Tensor:
    """Return the class (n,) that outputs (n, m) make most probable; of one output, the sign tells."""
    return outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()


def _mean(table: Rows, value: Callable[[Table], Tensor]) -> float:
    total = weight = 0.0
    with torch.no_grad():
        for part in table.batches(_ROWS):
            total += float(value(part) @ part.weights)
            weight += float(part.weights.sum())
    total, weight = table.ranks.total(total, weight)
    return total / weight


def tuned(loss: Loss, model: Function, rows: Table) -> Loss:
    """Return a loss with parameters estimated from a network's residuals."""
    with torch.no_grad():
        return loss.tuned(model(rows.x), rows.y)


def constant_error(table: Table, loss: Loss, outputs: int) -> float:
    """Return the error over a table of about the best network that ignores its inputs."""
    constant = loss.constant(table.y, table.weights, outputs).expand(len(table), -1)
    values = loss.tuned(constant, table.y).value(constant, table.y)
    return loss.error(float(values @ table.weights / table.weights.sum()))
