"""How well a network fits a table, in one number."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edgewise.train._loss import Loss, Squared
from edgewise.train._table import Rows, Table

_ROWS = 16_384  # evaluated at once

Function = Callable[[Tensor], Tensor]  # x (n, n_in) -> outputs (n, n_out), as a network is


def error_of(model: Function, table: Rows, loss: Loss | None = None) -> float:
    """Return the error over a table: root mean square unless the loss says otherwise, infinite if undefined."""
    loss = loss or Squared()
    total = weight = 0.0
    with torch.no_grad():
        for part in table.batches(_ROWS):
            total += float(loss.value(model(part.x), part.y) @ part.weights)
            weight += float(part.weights.sum())
    value = loss.error(total / weight) if total >= 0 else float("inf")
    return value if value == value else float("inf")


def accuracy_of(model: Function, table: Rows) -> float:
    """Return the weighted fraction of rows whose class is the network's first choice."""
    right = weight = 0.0
    with torch.no_grad():
        for part in table.batches(_ROWS):
            outputs = model(part.x)
            choice = outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()
            right += float((choice == part.y[:, 0]).double() @ part.weights)
            weight += float(part.weights.sum())
    return right / weight


def constant_error(table: Table, loss: Loss, outputs: int) -> float:
    """Return the error over a table of about the best network that ignores its inputs."""
    constant = loss.constant(table.y, table.weights, outputs).expand(len(table), -1)
    values = loss.tuned(constant, table.y).value(constant, table.y)
    return loss.error(float(values @ table.weights / table.weights.sum()))
