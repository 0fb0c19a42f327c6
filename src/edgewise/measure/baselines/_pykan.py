"""pykan as its own notebooks use it: L-BFGS, a finer grid every so many steps."""

# pyright: reportMissingImports=false
# The library lives in an environment of its own.

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.measure import in_precision, silent


class Stage(NamedTuple):
    """One grid: the network, its parameters, and the root mean square error on other rows after so many seconds.

    Seconds are of computing on one core.
    """

    model: Any
    grid: int
    parameters: int
    error: float
    seconds: float

    def predict(self, x: Array) -> Array:
        """Values (n,) or (n, n_out) at rows (n, n_in)."""
        with torch.no_grad():
            return self.model(torch.from_numpy(x)).numpy().squeeze()


def refined(
    widths: Sequence[int], train: tuple[Array, Array], test: tuple[Array, Array], grids: Sequence[int],
    steps: int = 200, seed: int = 1, **fit: Any,
) -> Iterator[Stage]:  # fmt: skip
    """Train on coarse grids, then on finer ones, as the notebooks do; a stage after each.

    `fit` goes to pykan's own `fit`. Speed mode is on: without it, each step stores activations.
    """
    from kan import KAN

    rows = {
        f"{name}_{kind}": torch.from_numpy(np.ascontiguousarray(values.reshape(len(values), -1)))
        for name, part in (("train", train), ("test", (test[0][:1], test[1][:1])))  # `fit` runs test rows in each step
        for kind, values in zip(("input", "label"), part, strict=True)
    }
    x, y = test
    began = time.process_time()
    with in_precision(torch.float64), silent():
        model = KAN(width=list(widths), grid=grids[0], k=3, seed=seed, auto_save=False).speed()
        for number, grid in enumerate(grids):
            if number:
                model.cache_data, model.save_act = rows["train_input"], True  # `refine` reads stored activations
                model = model.refine(grid).speed()
            model.fit(rows, opt="LBFGS", steps=steps, **fit)
            stage = Stage(model, grid, parameters(model), math.inf, time.process_time() - began)
            yield stage._replace(error=float(np.sqrt(np.mean((stage.predict(x) - y) ** 2))))


def parameters(model: Any) -> int:
    """Numbers that are trained, without those of symbolic edges, which speed mode leaves out."""
    return sum(p.numel() for p in model.act_fun.parameters() if p.requires_grad)
