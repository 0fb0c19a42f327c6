"""The best flexible model of a table: what no formula has to beat, and what tells formulas that go astray."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from edgewise._typing import Array, Data
from edgewise.discovery.judging import columns_of
from edgewise.discovery.tables import Columns
from edgewise.nn import KAN
from edgewise.tables.additive import AdditiveFit, Gaussian, Request, Target, additive, network


@dataclass(frozen=True)
class Ceiling:
    """An additive network with products of two inputs, smoothed by restricted maximum likelihood.

    `held_out` is its root mean square error on rows that it was not fitted to, over the standard deviation of the
    target; `r2` the same as a coefficient of determination.
    """

    fit: AdditiveFit = field(repr=False)
    names: tuple[str, ...]
    held_out: float
    columns: Columns | None = field(repr=False, default=None)

    @classmethod
    def of(
        cls, names: tuple[str, ...], x: Array, y: Array, weights: Array | None = None, *, seed: int = 0,
        check: Callable[[str], None] = lambda stage: None,
    ) -> Ceiling:  # fmt: skip
        """Return the model of rows x (n, m), y (n,). `check` is called before each of its fits."""
        request = Request(values=False, seed=seed)
        fit = additive(x, y, [False] * x.shape[1], Gaussian(), request, weights=weights, check=check)
        return cls._measured(fit, names, y, weights)

    @classmethod
    def of_logarithms(
        cls, names: tuple[str, ...], x: Array, y: Array, weights: Array | None = None, *, seed: int = 0
    ) -> Ceiling:
        """Return the model of positive values y (n,) whose noise is relative: of their logarithms, all alike.

        `weights` are those of errors of y. Predictions are means of y, not of the logarithm.
        """
        logs = np.log(y)
        most = float(logs.max()) + 1  # below zero, logarithms are taken as they are
        request = Request(values=False, seed=seed)
        fit = additive(x, logs - most, [False] * x.shape[1], Gaussian(), request)
        target = Target("log", fit.target.center + most, fit.target.scale, float(y.max()) * np.e)
        return cls._measured(replace(fit, target=target), names, y, weights)

    @classmethod
    def _measured(cls, fit: AdditiveFit, names: tuple[str, ...], y: Array, weights: Array | None) -> Ceiling:
        rows = fit.rows
        w = np.ones(len(y)) if weights is None else weights
        deviation = np.sqrt(np.average((y - np.average(y, weights=w)) ** 2, weights=w))
        residual = y[rows] - fit.of(fit.held_out)[:, 0]
        error = float(np.sqrt(np.average(residual**2, weights=w[rows])))
        return cls(fit, names, error / float(deviation))

    @property
    def r2(self) -> float:
        """The share of the target's variance that it explains on rows that it was not fitted to."""
        return 1 - self.held_out**2

    def left_out(self) -> tuple[Array, Array]:
        """Return the rows that it was measured on, and its values there, each from a fit that did not see the row."""
        return np.asarray(self.fit.rows), self.fit.of(self.fit.held_out)[:, 0]

    def predict(self, x: Data) -> Array:
        """Return values (n,) at rows x (n, m); outside of the table its curves level off."""
        return self.fit.predict(columns_of(x, self.names, self.columns))[:, 0]

    def network(self) -> KAN:
        """Return the model as a network: of `fit.design.values(x)`, for the target that `fit.target` maps."""
        return network(self.fit.model)
