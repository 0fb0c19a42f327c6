"""From a minimum to the result of a fit: the uncertainty of the constants, and how the fit ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import sympy

from edgewise._typing import Formula
from edgewise.discovery.regression._loss import LossName, RobustLoss
from edgewise.discovery.regression._minimum import Minimum
from edgewise.discovery.regression._outcome import FitOutcome
from edgewise.discovery.regression._result import FormulaFit
from edgewise.discovery.regression._rows import Rows
from edgewise.formulas.expressions import CovarianceName, Uncertainty, evaluate

_EXACT = 1e-13  # error over the standard deviation of y
_ASIDE, _NAMED = 0.3, 6  # weight of a row under a robust loss below which it is named; rows that are


class Chosen(NamedTuple):
    """What a user chose for a fit: the formula as stated, and more; and the names of all columns of the table."""

    stated: str
    covariance: CovarianceName
    loss: LossName
    absolute_sigma: bool
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def fit_at(found: Minimum, form: Formula, constants: Sequence[sympy.Symbol], rows: Rows, chosen: Chosen) -> FormulaFit:
    """Return the result of a fit that ended at a minimum."""
    free, robust = found.free, RobustLoss.of(chosen.loss)
    factor = rows.factor
    unit, inflation = free.error / np.sqrt(max(found.data.n - len(free.values), 1)), 1.0
    size, notes = unit / factor, [*chosen.notes, *rows.notes]
    if robust is not None and found.scale is not None:
        size = found.scale / factor
        residual = rows.data.weight * (rows.y - evaluate(free.expression, rows.names, rows.x))
        unit, inflation = robust.factors(residual, found.scale, len(free.values))
        notes += _aside(found, rows)
    elif chosen.absolute_sigma:
        unit = factor
    uncertainty = Uncertainty(free, found.data, float(unit), chosen.covariance, rows.groups, inflation)
    outcome, undetermined = FitOutcome.CONVERGED, found.undetermined
    if undetermined:
        outcome = FitOutcome.UNDETERMINED
        notes.append(f"Not determined by the rows: {', '.join(undetermined)}.")
    elif robust is None and free.error < _EXACT:
        outcome = FitOutcome.EXACT
    elif not found.converged:
        outcome = FitOutcome.NOT_CONVERGED
    return FormulaFit(
        chosen.stated, form, tuple(c.name for c in constants), rows, outcome, tuple(notes), found.held,
        tuple(undetermined), chosen.loss, chosen.absolute_sigma, found.weights, float(size), chosen.columns,
        uncertainty,
    )  # fmt: skip


def _aside(found: Minimum, rows: Rows) -> list[str]:
    """Return a note on rows that count little under a robust loss."""
    little = np.flatnonzero(found.weights < _ASIDE)
    if not len(little):
        return []
    order = little[np.argsort(found.weights[little], kind="stable")]
    more = f" and {len(order) - _NAMED} more" if len(order) > _NAMED else ""
    named = ", ".join(str(rows.kept[k]) for k in order[:_NAMED])
    return [f"Rows with a weight below {_ASIDE:g} under the loss: {named}{more}."]
