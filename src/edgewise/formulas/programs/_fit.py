"""Least squares on the constants of programs, on rows that are checked, weighted and prepared once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._kernels import Job
from edgewise.formulas.programs._program import Program


@dataclass(frozen=True)
class Rows:
    """Rows of positive weight, with columns and target divided by powers of two, which is exact.

    Shapes: columns (n_columns, n), target and weights (n,), scales (n_columns,). The target's mean is subtracted.
    """

    columns: Array
    target: Array
    weights: Array
    scales: Array
    unit: float
    mean: float

    @classmethod
    def of(cls, x: Array, y: Array, weights: Array | None = None) -> Rows:
        """Return the rows of a table x (n, n_columns) with target y (n,) and non-negative weights (n,)."""
        table, target, weight = checked_table(x, y, weights)
        kept = weight > 0
        columns, target, weight = np.ascontiguousarray(table[kept].T), target[kept], weight[kept]
        scales = np.array([_scale(column) for column in columns])
        mean = float(np.average(target, weights=weight))
        unit = _power_of_two(float(np.std(target)))
        return cls(columns / scales[:, None], (target - mean) / unit, weight, scales, unit, mean)

    def __len__(self) -> int:
        return len(self.target)

    def job(self) -> Job:
        """Return a job on these rows."""
        return Job(self.columns, self.target, self.weights)

    def inside(self, program: Program) -> Program:
        """Return a program of the table in the units of these rows."""
        weights = self._weights(program, self.scales)
        scale, offset = program.scale / self.unit, (program.offset - self.mean) / self.unit
        return replace(program, weights=weights, scale=scale, offset=offset)

    def outside(self, program: Program) -> Program:
        """Return a program of these rows in the units of the table."""
        weights = self._weights(program, 1 / self.scales)
        scale, offset = program.scale * self.unit, program.offset * self.unit + self.mean
        return replace(program, weights=weights, scale=scale, offset=offset)

    def _weights(self, program: Program, factors: Array) -> tuple[float, ...]:
        parts = zip(program.opcodes, program.arguments, program.weights, strict=True)
        return tuple(
            weight * float(factors[place]) if code == layout.VARIABLE else weight for code, place, weight in parts
        )


def checked_table(x: Array, y: Array, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """Return a table (n, n_columns), a target (n,) and weights (n,) as doubles, once they can be worked with."""
    table, target = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if table.ndim != 2 or target.shape != (len(table),):
        raise InputError(f"'X' must be (n, columns) and 'y' (n,). Got {table.shape} and {target.shape}.")
    weight = np.ones(len(target)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != target.shape:
        raise InputError(f"'weights' must have one number for each of the {len(target)} rows. Got {weight.shape}.")
    for name, array in (("X", table), ("y", target), ("weights", weight)):
        if not np.isfinite(array).all():
            raise InputError(f"'{name}' must be finite. Leave out rows with nan or infinite values.")
    if (weight < 0).any() or not (weight > 0).any():
        raise InputError("'weights' must not be negative, and some must be positive.")
    return table, target, weight


def _scale(column: Array) -> float:
    usual = (0.2, 6.0)  # root mean squares of columns that stay as they are
    size = float(np.sqrt(np.mean(np.square(column / _largest(column))))) * _largest(column)
    return 1.0 if usual[0] <= size <= usual[1] else _power_of_two(size)


def _largest(column: Array) -> float:
    return float(np.max(np.abs(column), initial=0.0)) or 1.0


def _power_of_two(size: float) -> float:
    return 2.0 ** int(np.clip(np.round(np.log2(size)), -1000, 1000)) if size > 0 else 1.0


_ROUGH_TOLERANCE = 1e-7  # of the fits of many programs
_STEPS = 30


class Fitter:
    """`fit` of many programs to the same rows: several times faster for short tables, which are prepared once.

    Shapes: x (n, n_columns), y and weights (n,). `tolerance`: fits stop where a step lowers the error by less than this
    fraction. A fitter belongs to one thread at a time.

    Raises:
        InputError: arrays do not fit together, are not finite, or weights are negative.

    >>> from edgewise.formulas.programs import apply, variable
    >>> x = np.linspace(0.1, 2, 50)[:, None]
    >>> fitter = Fitter(x, 1 + 3 * np.exp(-2 * x[:, 0]))
    >>> fitter.fit(Program.of(apply("exp", variable(0, -1.9)))).program.constants.round(5)
    array([-2.,  3.,  1.])
    """

    def __init__(self, x: Array, y: Array, weights: Array | None = None, tolerance: float = _ROUGH_TOLERANCE) -> None:
        self._rows = Rows.of(x, y, weights)
        self._job = self._rows.job()
        self._tolerance = tolerance
        record = self._job.record[0]
        self._record = record
        self._codes, self._places, self._weights = record["opcodes"], record["arguments"], record["weights"]

    def fit(self, program: Program, steps: int = _STEPS) -> Fitted:
        """Return what `fit` does."""
        n, rows = len(program), self._rows
        if max(program.arguments) >= len(rows.scales) <= max(program.columns, default=0):
            raise InputError(f"The program reads column {program.columns[-1]}. 'X' has {len(rows.scales)} columns.")
        program.write(self._record)
        factors = np.where(self._codes[:n] == layout.VARIABLE, rows.scales.take(self._places[:n], mode="clip"), 1.0)
        self._weights[:n] *= factors
        self._job.prepare_fit(steps, self._tolerance)
        self._job.run("fit")
        record = self._record
        error = float(record["error"])
        if not np.isfinite(error):
            return fit_rows(program, rows, self._job, steps, self._tolerance)
        self._weights[:n] /= factors
        record["scale"], record["offset"] = record["scale"] * rows.unit, record["offset"] * rows.unit + rows.mean
        found = Program.from_record(record)
        vars(found)["_tree"] = int(record["nodes"]), tuple(self._job.free.tolist())
        return Fitted(found, error * rows.unit**2)


_TOLERANCE = 1e-9  # fits stop where a step lowers the error by less than this fraction


@dataclass(frozen=True)
class Fitted:
    """A program with fitted constants, and its weighted mean squared residual: inf where it is undefined."""

    program: Program
    error: float


def fit(
    program: Program,
    x: Array,
    y: Array,
    weights: Array | None = None,
    steps: int = _STEPS,
    frozen: Array | None = None,
) -> Fitted:
    """Fit all constants of a program from their present values.

    error = sum_n w_n (f(x_n) - y_n)^2 / sum_n w_n

    The free weights move by Levenberg-Marquardt with exact derivatives; the outer scale and the offset are solved at
    every trial. `frozen` (length of the program) marks nodes whose weight is held. A program that is undefined on a row
    of positive weight comes back unchanged, with the error inf; one with more than 28 free weights only gets its scale
    and offset. The waves of the program are counted on the rows.

    Shapes: x (n, n_columns), y and weights (n,).

    Raises:
        InputError: arrays do not fit together, are not finite, or weights are negative.

    >>> from edgewise.expressions import parse
    >>> x = np.linspace(0.1, 2, 50)[:, None]
    >>> start = Program.from_expression(parse("1.5*exp(-1.9*t)"), ["t"])
    >>> fitted = fit(start, x, 1 + 3 * np.exp(-2 * x[:, 0]))
    >>> fitted.error < 1e-25, fitted.program.constants.round(6)
    (True, array([-2.,  3.,  1.]))

    Source: Levenberg (1944), Marquardt (1963); the outer constants as Golub and Pereyra (1973).
    """
    if not is_int(steps, 0):
        raise InputError(f"'steps' must be a whole number from 0 on. Got {steps!r}.")
    rows = Rows.of(program.checked(x), y, weights)
    job = rows.job()
    job.freeze(_checked_frozen(frozen, program))
    return fit_rows(program, rows, job, steps)


def fit_rows(program: Program, rows: Rows, job: Job, steps: int, tolerance: float = _TOLERANCE) -> Fitted:
    """Fit a program in the table's units to prepared rows."""
    start = rows.inside(program)
    start.write(job.record[0])
    job.prepare_fit(steps, tolerance)
    job.run("fit")
    record = job.record[0]
    if np.isfinite(record["error"]):
        return Fitted(rows.outside(Program.from_record(record)), float(record["error"]) * rows.unit**2)
    values = np.empty(len(rows))
    job.run("values", values)
    if not np.isfinite(values).all() or np.ptp(values) > 1e-9 * np.max(np.abs(values)):
        return Fitted(program, float("inf"))
    mean = float(np.average(rows.target, weights=rows.weights))
    variance = float(np.average(np.square(rows.target - mean), weights=rows.weights))
    return Fitted(rows.outside(replace(start, scale=0.0, offset=mean)), variance * rows.unit**2)


def cross_validate(
    program: Program, x: Array, y: Array, folds: Array, weights: Array | None = None, steps: int = _STEPS
) -> Array:
    """Return the prediction (n,) of each row by constants that were fitted to the rows of the other folds.

    `folds` (n,) are whole numbers, the fold of each row. A prediction is nan where the formula is undefined on the
    other folds' rows or on the row itself.

    >>> from edgewise.expressions import parse
    >>> x = np.linspace(0.1, 2, 50)[:, None]
    >>> y = 1 + 3 * np.exp(-2 * x[:, 0])
    >>> program = Program.from_expression(parse("exp(-1.9*t)"), ["t"])
    >>> bool(np.abs(cross_validate(program, x, y, np.arange(50) % 5) - y).max() < 1e-9)
    True
    """
    table, fold_of = program.checked(x), np.asarray(folds)
    if fold_of.shape != (len(table),):
        raise InputError(f"'folds' must have one number for each of the {len(table)} rows. Got {fold_of.shape}.")
    if len(np.unique(fold_of)) < 2:
        raise InputError("'folds' must name at least two folds.")
    weight = np.ones(len(table)) if weights is None else np.asarray(weights, dtype=np.float64)
    target, predictions = np.asarray(y, dtype=np.float64), np.full(len(table), np.nan)
    for fold in np.unique(fold_of):
        held = fold_of == fold
        fitted = fit(program, table[~held], target[~held], weight[~held], steps)
        if np.isfinite(fitted.error):
            predictions[held] = fitted.program.predict(table[held])
    predictions[~np.isfinite(predictions)] = np.nan
    return predictions


def _checked_frozen(frozen: Array | None, program: Program) -> Array | None:
    if frozen is None:
        return None
    held = np.asarray(frozen)
    if held.shape != (len(program),):
        raise InputError(f"'frozen' must mark each of the {len(program)} nodes. Got shape {held.shape}.")
    return held.astype(bool)
