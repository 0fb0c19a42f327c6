"""Least squares on the constants of a program."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.formulas.programs._kernels import Job
from edgewise.formulas.programs._program import Program
from edgewise.formulas.programs._rows import Rows

_TOLERANCE = 1e-9  # fits stop where a step lowers the error by less than this fraction
_STEPS = 30


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
