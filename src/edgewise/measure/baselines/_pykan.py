"""The pykan baseline, trained as in its own notebooks: L-BFGS, with a finer grid at regular intervals."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.measure.baselines._mlp import parameter_count
from edgewise.measure.baselines._quiet import default_dtype, silenced


class PykanStage(NamedTuple):
    """One grid: the network, its parameters, its RMSE on other rows, and the seconds so far (CPU time)."""

    model: Any
    grid: int
    parameters: int
    error: float
    seconds: float

    def predict(self, x: Array) -> Array:
        """Return values (n,) or (n, n_out) at rows (n, n_in)."""
        with torch.no_grad():
            return self.model(torch.from_numpy(x)).numpy().squeeze()

    def columns(self) -> dict[str, Any]:
        """Return the columns of a row that describe the stage."""
        return {"grid": self.grid, "parameters": self.parameters, "error": self.error, "seconds": self.seconds}


def pykan_rows(train: tuple[Array, Array], test: tuple[Array, Array] | None = None) -> Mapping[str, torch.Tensor]:
    """Return rows as pykan's `fit` takes them; by default one test row, because `fit` evaluates them in each step."""
    parts = {"train": train, "test": test or (train[0][:1], train[1][:1])}
    return {
        f"{name}_{kind}": torch.from_numpy(np.ascontiguousarray(values.reshape(len(values), -1)))
        for name, part in parts.items()
        for kind, values in zip(("input", "label"), part, strict=True)
    }


def pykan_stages(
    widths: Sequence[int], train: tuple[Array, Array], test: tuple[Array, Array], grids: Sequence[int],
    steps: int = 200, seed: int = 1,
) -> Iterator[PykanStage]:  # fmt: skip
    """Train on coarse grids, then on finer ones, as the notebooks do, and yield a stage after each.

    Speed mode is on: without it, each step stores activations.
    """
    from kan import KAN

    rows, began = pykan_rows(train), time.process_time()
    with default_dtype(torch.float64), silenced():
        model = KAN(width=list(widths), grid=grids[0], k=3, seed=seed, auto_save=False).speed()
        for number, grid in enumerate(grids):
            if number:
                model.cache_data, model.save_act = rows["train_input"], True  # `refine` reads stored activations
                model = model.refine(grid).speed()
            model.fit(rows, opt="LBFGS", steps=steps)
            stage = PykanStage(model, grid, pykan_parameters(model), 0.0, time.process_time() - began)
            yield stage._replace(error=float(np.sqrt(np.mean((stage.predict(test[0]) - test[1]) ** 2))))


def pykan_parameters(model: Any) -> int:
    """Count the trained numbers without those of symbolic edges, which speed mode leaves out."""
    return parameter_count(model.act_fun)
