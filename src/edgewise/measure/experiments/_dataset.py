"""Tables that every model is trained and tested on, in units that suit all of them, and errors on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.measure.baselines import TrainedMLP, parameter_count, seeded_mlp, train_mlp

Table = tuple[Array, Array]
"""Inputs (n, d) and values (n,)."""


def predict(module: torch.nn.Module, x: Array) -> Array:
    """Return the first output (n,) of a network at rows x (n, n_in)."""
    with torch.no_grad():
        return module(torch.from_numpy(x))[:, 0].numpy()


def rmse(found: Array, wanted: Array) -> float:
    """Return the root mean square difference.

    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0])) ** 2
    2.0000000000000004
    """
    return float(np.sqrt(np.mean((found - wanted) ** 2)))


class Scaled(NamedTuple):
    """Training, validation and test rows: inputs on [-1, 1], standardized values; and the standard deviation."""

    train: Table
    validation: Table
    test: Table
    std: float

    def errors(self, predicted: Callable[[Array], Array]) -> dict[str, float]:
        """Return the RMSE on validation and test rows in the original units of the values."""
        held, test = (self.std * rmse(predicted(x), y) for x, y in (self.validation, self.test))
        return {"held": held, "error": test}

    def errors_of(self, module: torch.nn.Module) -> dict[str, float]:
        """Return the errors of a network."""
        return self.errors(lambda x: predict(module, x))

    def train_mlp(self, hidden: Sequence[int], seconds: float) -> dict[str, Any]:
        """Train an MLP with those hidden layers, the better of two solvers by validation rows, and describe it."""
        x, y = (torch.from_numpy(part) for part in self.train)
        sizes = [x.shape[1], *hidden, 1]
        run: TrainedMLP = train_mlp(
            lambda: seeded_mlp(sizes, 0),
            lambda module: (module(x)[:, 0] - y).square().mean(),
            seconds,
            validate=lambda module: self.errors_of(module)["held"],
        )
        found = {"shape": str(sizes), "solver": run.solver, "parameters": parameter_count(run.module)}
        return {**found, "seconds": run.seconds, **self.errors_of(run.module)}


def scaled(tables: Sequence[Table], low: Sequence[float], high: Sequence[float], known: Array) -> Scaled:
    """Scale three tables by the corners of their box, and by mean and standard deviation of the known values."""
    bottom, size, mean, std = np.array(low), np.subtract(high, low), float(known.mean()), float(known.std())
    train, held, test = ((2 * (x - bottom) / size - 1, (y - mean) / std) for x, y in tables)
    return Scaled(train, held, test, std)
