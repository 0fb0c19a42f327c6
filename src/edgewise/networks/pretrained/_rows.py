"""Rows that a model card is about: their ranges, their digest, and how well a network predicts them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.nn import KAN
from edgewise.tables.encoding import Inputs
from edgewise.train import as_inputs, as_matrix

_BATCH = 16_384


@dataclass(frozen=True)
class Rows:
    """Inputs (n, n_in) and targets (n, n_out), or class numbers (n, 1), in float64."""

    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, what: str, data: Any, model: KAN, inputs: Inputs | None, classes: bool) -> Rows:
        """Return the rows of a pair (x, y).

        Where `inputs` make numbers of a table, x is that table; a tensor holds the numbers already.

        Errors: InputError for what is no pair, and for rows or columns of other numbers.
        """
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise InputError(f"'{what}' must be a pair (x, y) of inputs and targets. Got {type(data).__name__}.")
        x = as_inputs(
            data[0] if inputs is None or isinstance(data[0], Tensor) else inputs.of(data[0]),
            model,
            f"The x of '{what}'",
        )
        y = as_matrix(data[1], f"The y of '{what}'")
        wanted = 1 if classes else model.n_out
        if len(x) != len(y):
            raise InputError(f"The x and y of '{what}' must have equally many rows. Got {len(x)} and {len(y)}.")
        if x.shape[1] != model.n_in or y.shape[1] != wanted:
            raise InputError(
                f"'{what}' must have {model.n_in} columns in x and {wanted} in y"
                f"{' (class numbers)' if classes else ''}. Got {x.shape[1]} and {y.shape[1]}."
            )
        if classes and not bool(((y == y.round()) & (y >= 0) & (y < max(model.n_out, 2))).all()):
            raise InputError(f"The y of '{what}' must hold class numbers from 0 to {max(model.n_out, 2) - 1}.")
        return cls(x.cpu(), y.cpu())

    def __len__(self) -> int:
        return len(self.x)

    @property
    def both(self) -> Tensor:
        return torch.cat([self.x, self.y], 1).contiguous()

    def digest(self) -> str:
        """The SHA-256 of the rows as little-endian doubles, row by row, inputs before targets."""
        return hashlib.sha256(self.both.numpy().astype("<f8").tobytes()).hexdigest()

    def common(self, other: Rows) -> int:
        """How many of these rows are also among the others."""
        known = {row.tobytes() for row in other.both.numpy()}
        return sum(row.tobytes() in known for row in self.both.numpy())


def metrics(model: KAN, rows: Rows, classes: bool) -> list[dict[str, float]]:
    """Return what a network's error over rows is, for each output; for classes in all.

    >>> import edgewise as ew, torch
    >>> model = ew.nn.set_function(ew.KAN([1, 1]), (0, 0, 0), "x")
    >>> x = torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)
    >>> [(name, round(value, 3)) for name, value in metrics(model, Rows(x, x + 0.5), False)[0].items()]
    [('r2', 0.625), ('rmse', 0.5), ('mae', 0.5), ('largest', 0.5)]
    """
    with torch.no_grad():
        parts = [model(part.to(model.device, model.dtype)).double().cpu() for part in rows.x.split(_BATCH)]
    outputs = torch.cat(parts)
    if classes:
        logits = torch.cat([torch.zeros_like(outputs), outputs], 1) if outputs.shape[1] == 1 else outputs
        numbers = rows.y[:, 0].long()
        return [
            {
                "accuracy": float((logits.argmax(1) == numbers).double().mean()),
                "cross_entropy": float(torch.nn.functional.cross_entropy(logits, numbers)),
            }
        ]
    found = []
    for error, target in zip((outputs - rows.y).T, rows.y.T, strict=True):
        variance = float(target.var(correction=0))
        square = float(error.square().mean())
        found.append({
            "r2": 1 - square / variance if variance > 0 else math.nan,
            "rmse": square**0.5,
            "mae": float(error.abs().mean()),
            "largest": float(error.abs().max()),
        })  # fmt: skip
    return found
