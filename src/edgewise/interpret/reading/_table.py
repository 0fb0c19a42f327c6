"""The rows that formulas are read at and refitted to, and points near them where they are compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.formulas.programs import Program, is_tame, probe
from edgewise.interpret.reading._columns import Columns
from edgewise.interpret.reading._edges import HIDDEN_EDF, edges
from edgewise.interpret.reading._joint import Found, Joint, Paths, blended
from edgewise.tables.additive import AdditiveFit, AdditiveModel, Gaussian, Levels


def between_rows(x: Array, rng: np.random.Generator, count: int) -> Array:
    """Return points (count, k) on the segments between two rows of x (n, k) each, drawn evenly.

    >>> between_rows(np.array([[0.0, 1.0], [2.0, 5.0]]), np.random.default_rng(0), 3).shape
    (3, 2)
    """
    return _on_lines(x, rng, rng.uniform(0.0, 1.0, (count, 1)))


def beyond_rows(x: Array, rng: np.random.Generator, count: int) -> Array:
    """Return points (count, k) on the lines through two rows of x (n, k), up to 0.6 of their distance outside.

    A formula that is wild outside the rows shows there. Columns that are never negative stay at least half of their
    smallest value.

    >>> bool(beyond_rows(np.array([[1.0], [2.0]]), np.random.default_rng(0), 100).min() >= 0.5)
    True
    """
    beyond = 0.6  # of the distance of two rows
    least = 0.5  # of the smallest value of a positive column
    return never_below(x, _on_lines(x, rng, rng.uniform(-beyond, 1.0 + beyond, (count, 1))), least)


def never_below(x: Array, points: Array, fraction: float) -> Array:
    """Return points (m, k) moved up to a fraction of the smallest value of each column of x that is never negative."""
    least = x.min(0)
    return np.maximum(points, np.where(least >= 0, fraction * least, -np.inf))


def _on_lines(x: Array, rng: np.random.Generator, place: Array) -> Array:
    first, second = (x[rng.integers(len(x), size=len(place))] for _ in range(2))
    return first * place + second * (1 - place)


_SEED = 0


class Table:
    """A sample of the rows: x (n, k), y (n,), weights (n,) of mean one, of a table with `rows` rows."""

    def __init__(self, fit: AdditiveFit, rows: int, columns: Columns, y: Array) -> None:
        between = 200  # points between the rows, at which formulas must agree with the model
        trial_rows = 400  # for the trials of the backward path
        rng = np.random.default_rng(_SEED)
        x, weights, scale = columns.x, columns.weights, fit.target.name
        self.fit, self.rows, self.columns, self.y = fit, rows, columns, y
        points = between_rows(x, rng, between)
        some = rng.permutation(len(y))[:trial_rows]
        self.joint = Joint(blended(fit, x, y, weights, points), scale)
        self.trials = Joint(blended(fit, x[some], y[some], weights[some], points), scale)
        self.near = never_below(x, probe(x, rng), 0.0)

    @classmethod
    def of(
        cls, fit: AdditiveFit, x: Array, y: Array, names: Sequence[str], weights: Array | None,
        functions: Collection[str] | None = None,
    ) -> Table:  # fmt: skip
        """Return the sample of a table, once it can be read."""
        most_rows = 2000  # of a table: others are left out
        x, y, w = _checked(fit, x, y, names, weights)
        rows = len(y)
        drawn = np.sort(np.random.default_rng(_SEED).permutation(rows)[:most_rows])
        w = w[drawn] / w[drawn].mean()
        return cls(fit, rows, Columns(x[drawn], w, list(names), functions), y[drawn])

    @property
    def is_constant(self) -> bool:
        """Whether the target has one value, or no column varies."""
        return bool(self.y.min() == self.y.max()) or not self.fit.design.inputs

    def read(self, model: AdditiveModel) -> Iterator[tuple[Found, dict[str, str]]]:
        """Return the formulas of one candidate, with the shapes that each has."""
        target = self.fit.target
        found = edges(model, self.columns, self.rows / (2 * self._noise(model)))
        unit = 1.0 if target.name == "identity" else target.scale
        constant = target.center + target.scale * float(model.intercept[0])
        for each in Paths(found, unit, constant, self.joint, self.trials).found():
            yield each, {edge.inputs: edge.options[k].name for edge, k in zip(found, each.choice, strict=True) if k}

    def is_tame(self, program: Program) -> bool:
        """Return whether a formula has no poles or wild values near the rows."""
        return is_tame(program, self.near, float(self.y.min()), float(self.y.max()))

    def _noise(self, model: AdditiveModel) -> float:
        """Return the variance of the noise of the mapped and standardized target."""
        least_noise = 1e-4  # of the variance of the target
        y = self.fit.target.forward(self.y)
        residual = y - model.eta(self.columns.x)[:, 0]
        edf = sum(float(each.sum()) for each in model.edf) + sum(model.product_edf.values())
        edf += HIDDEN_EDF if model.hidden is not None else 0.0
        mean = float(np.average(residual**2, weights=self.columns.weights))
        return max(mean * self.rows / max(self.rows - 1 - edf, 2.0), least_noise * float(np.var(y)))


def _checked(
    fit: AdditiveFit, x: Array, y: Array, names: Sequence[str], weights: Array | None
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Return the table, the target and the weights as doubles."""
    if not isinstance(fit.family, Gaussian):
        raise InputError(f"Formulas are read from a fit of the Gaussian family. Got {type(fit.family).__name__}.")
    table, target = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if table.ndim != 2 or target.shape != (len(table),) or not len(table):
        raise InputError(f"'x' must be (n, k) and 'y' (n,). Got {table.shape} and {target.shape}.")
    if table.shape[1] != len(names):
        raise InputError(f"'x' has {table.shape[1]} columns and {len(names)} names. Give one name a column.")
    weight = np.ones(len(target)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != target.shape:
        raise InputError(f"'weights' must have one number for each of the {len(target)} rows. Got {weight.shape}.")
    if not all(np.isfinite(part).all() for part in (table, target, weight)):
        raise InputError("'x', 'y' and 'weights' must be finite. Leave out rows and columns with gaps before the fit.")
    if (weight < 0).any() or not (weight > 0).any():
        raise InputError("'weights' must not be negative, and some must be positive.")
    for part in fit.design.inputs:
        if part.column >= table.shape[1]:
            raise InputError(f"The fit has a column {part.column}. 'x' has {table.shape[1]}.")
        if isinstance(part, Levels) and part.kind == "level":
            raise InputError(
                f"Column {names[part.column]!r} holds level numbers. Fit numeric columns to read formulas."
            )
    return table, target, weight
