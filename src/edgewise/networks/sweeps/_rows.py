"""The rows of a sweep: those that settings are compared on, and those that no trial sees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.networks.sweeps._space import USUAL, Setting
from edgewise.nn import KAN
from edgewise.tables.encoding import Inputs
from edgewise.train import FitResult, Loss, Options, as_matrix, choose_loss, fit

_HELD, _LEAST = 0.2, 20  # of the rows, that no trial sees; and how many rows a sweep has at least
_LEFT_OUT = 0.2  # of the others, in each split


@dataclass(frozen=True)
class Rows:
    """A table, x (n, columns), y (n,) or (n, n_out), and which of its rows no trial sees."""

    x: Any
    y: Array
    loss: Loss
    held: Array
    seed: int

    @classmethod
    def of(cls, x: Any, y: Any, loss: Any, seed: int) -> Rows:
        """Return checked rows. Errors: InputError for too few rows, and what `fit` refuses."""
        measure = choose_loss(loss)
        targets = as_matrix(y, "y").numpy()
        frame = hasattr(x, "iloc") or hasattr(x, "columns")
        x = x if frame else as_matrix(x, "x").numpy()
        if len(x) != len(targets):
            raise InputError(f"x and y must have equally many rows. Got {len(x)} and {len(targets)}.")
        if len(targets) < _LEAST:
            raise InputError(f"A sweep compares settings on rows left out: it needs at least {_LEAST}. Got {len(x)}.")
        held = np.zeros(len(targets), bool)
        held[np.random.default_rng(seed).permutation(len(targets))[: round(_HELD * len(targets))]] = True
        return cls(x, targets, measure, held, seed)

    def fingerprint(self) -> str:
        """Return what tells these rows, and this seed, from others."""
        whole = hashlib.sha256(self.y.tobytes() + f"{self.loss.name} {self.seed}".encode())
        inputs = Inputs.needed(self.x)
        values = as_matrix(self.x, "x").numpy() if inputs is None else inputs.of(self.x)
        whole.update(np.ascontiguousarray(values).tobytes())
        return whole.hexdigest()[:16]

    def trained(self, settings: Mapping[str, Setting], split: int | None, seconds: float | None) -> FitResult:
        """Train a network on the rows that trials see, some of them left out by the number of a split; None: on all."""
        x, y = (self.x, self.y) if split is None else (_part(self.x, ~self.held), self.y[~self.held])
        chosen = {**USUAL, **settings}
        inputs = Inputs.needed(x)
        n_in = as_matrix(x, "x").shape[1] if inputs is None else len(inputs.names)
        grid = chosen["grid"]
        model = KAN(
            [n_in, *chosen["hidden"], self.outputs], grid=5 if grid == "auto" else grid, degree=chosen["degree"],
            basis=chosen["basis"], base=chosen["base"], seed=self.seed,
        )  # fmt: skip
        seed = self.seed if split is None else self.seed + split
        test: Any = "auto" if split is None else _LEFT_OUT
        options = Options(seed=seed, test=test, time_limit=seconds, progress=False)
        grids: Any = "auto" if grid == "auto" else None
        return fit(model, x, y, loss=self.loss, grids=grids, sparsity=chosen["sparsity"], options=options)

    def score(self, found: FitResult) -> float:
        """Return R^2, or the accuracy for classes, on the rows that no trial saw."""
        return found.score(_part(self.x, self.held), self.y[self.held])

    @property
    def outputs(self) -> int:
        """The outputs that a network needs; two classes need one."""
        if not self.loss.classes:
            return self.y.shape[1]
        classes = int(self.y.max()) + 1
        return 1 if classes == 2 else classes


def _part(x: Any, chosen: Array) -> Any:
    """Return rows of a table of pandas or polars, or of an array."""
    if hasattr(x, "iloc"):
        return x.iloc[np.flatnonzero(chosen)]
    return x.filter(chosen) if hasattr(x, "columns") else x[chosen]
