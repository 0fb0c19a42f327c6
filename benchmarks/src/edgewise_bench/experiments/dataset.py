"""Tables that every model is trained and tested on, in units that suit all of them, and errors on them."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.nn import KAN, Layout
from edgewise.train import Options, fit
from edgewise_bench import read
from edgewise_bench.baselines import parameter_count, seeded_mlp, train_mlp

Table = tuple[Array, Array]
"""Inputs (n, d) and values (n,)."""


def stored(name: str) -> list[dict[str, str]]:
    """Return the rows of a table of published values, from the file next to this one."""
    return read(Path(__file__).with_name(f"{name}.csv"))


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


def refined(model: KAN, train: Table, grids: Iterable[int], options: Options) -> Iterator[tuple[KAN, dict[str, Any]]]:
    """Train on coarse grids, then on finer ones; yield the network after each, and columns of a row."""
    spent = 0.0
    for grid in grids:
        began = time.process_time()
        model = fit(model, *train, grids=[grid], options=options).model
        spent += time.process_time() - began
        yield model, {"shape": str(model.widths), "grid": grid, "parameters": Layout(model).size, "seconds": spent}


class Dataset(NamedTuple):
    """Training rows, and rows of each column that holds an error; values are in units of `std`.

    The first column chooses between MLPs.
    """

    train: Table
    judged: Mapping[str, Table]
    std: float = 1.0

    def errors(self, module: torch.nn.Module) -> dict[str, float]:
        """Return the RMSE of a network for each column, in the original units of the values."""
        return {column: self.std * rmse(predict(module, x), y) for column, (x, y) in self.judged.items()}

    def rows(self, stages: Iterable[tuple[Any, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
        """Yield the columns of each stage of training with the errors of its network."""
        for module, found in stages:
            yield {**found, **self.errors(module)}

    def train_mlp(self, hidden: Sequence[int], seconds: float) -> dict[str, Any]:
        """Train an MLP with those hidden layers, the better of two solvers, and describe it."""
        x, y = (torch.from_numpy(part) for part in self.train)
        sizes = [x.shape[1], *hidden, 1]
        run = train_mlp(
            lambda: seeded_mlp(sizes, 0),
            lambda module: (module(x)[:, 0] - y).square().mean(),
            seconds,
            validate=lambda module: next(iter(self.errors(module).values())),
        )
        found = {"shape": str(sizes), "solver": run.solver, "parameters": parameter_count(run.module)}
        return {**found, "seconds": run.seconds, **self.errors(run.module)}


def scaled(
    train: Table, judged: Mapping[str, Table], low: Sequence[float] | float, high: Sequence[float] | float, known: Array
) -> Dataset:
    """Scale tables by the corners of their box, and by mean and standard deviation of the known values."""
    bottom, size, mean, std = np.array(low), np.subtract(high, low), float(known.mean()), float(known.std())

    def units(table: Table) -> Table:
        return 2 * (table[0] - bottom) / size - 1, (table[1] - mean) / std

    return Dataset(units(train), {column: units(table) for column, table in judged.items()}, std)
