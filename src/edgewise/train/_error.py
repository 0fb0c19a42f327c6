"""The one figure that says how well a network fits a table."""

from __future__ import annotations

import torch

from edgewise.nn import KAN
from edgewise.train._loss import Loss, Squared
from edgewise.train._table import Table

_ROWS = 16_384  # evaluated at once


def error_of(model: KAN, table: Table, loss: Loss | None = None) -> float:
    """The error over a table, root mean square unless another loss says otherwise; infinite where there is none."""
    loss = loss or Squared()
    total = weight = 0.0
    with torch.no_grad():
        for part in table.batches(_ROWS):
            total += float(loss.value(model(part.x), part.y) @ part.weights)
            weight += float(part.weights.sum())
    value = loss.error(total / weight) if total >= 0 else float("inf")
    return value if value == value else float("inf")
