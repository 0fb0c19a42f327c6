"""The fit of a stated formula by a likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import sympy

from edgewise._errors import InputError
from edgewise._typing import Formula
from edgewise.discovery.likelihoods import Likelihood, Maximum, maximum
from edgewise.discovery.regression._minimization import Minimum, undetermined
from edgewise.discovery.regression._result import Chosen, FitOutcome, FormulaFit
from edgewise.discovery.regression._rows import Rows
from edgewise.formulas.expressions import Covariance, Uncertainty


def likeliest_at(
    found: Minimum, form: Formula, constants: Sequence[sympy.Symbol], rows: Rows, chosen: Chosen,
    likelihood: Likelihood, limits: Mapping[sympy.Symbol, tuple[float, float]],
) -> FormulaFit:  # fmt: skip
    """Return the result of the fit by a likelihood that starts where least squares ended."""
    best = maximum(likelihood, found.free, rows.data.names, rows.data.columns, limits)
    if best is None:
        raise InputError(
            f"The formula {chosen.stated} has no likelihood at constants that fit the rows by least squares. Give "
            "values with 'start', or another form."
        )
    open_ends = undetermined(best.linear.root, best.free.symbols)
    summary = likelihood.summary(best.values, best.theta, best.errors, len(best.free.values))
    notes = [*chosen.notes, *rows.notes, *summary.notes]
    outcome = FitOutcome.CONVERGED if best.converged else FitOutcome.NOT_CONVERGED
    if open_ends:
        outcome = FitOutcome.UNDETERMINED
        notes.append(f"Not determined by the rows: {', '.join(open_ends)}.")
    return FormulaFit(
        chosen.stated, form, tuple(c.name for c in constants), rows, outcome, tuple(notes), {**found.held, **best.held},
        tuple(open_ends), chosen.loss, chosen.absolute_sigma, np.ones(len(rows.y)), best.unit, chosen.columns,
        _uncertainty(best, rows), likeliest=best,
    )  # fmt: skip


def _uncertainty(best: Maximum, rows: Rows) -> Uncertainty:
    k = len(best.free.values)
    freedom = np.full(k, np.inf if best.likelihood.normal else float(max(len(rows.y) - k, 1)))
    return Uncertainty(best.free, rows.data, best.unit, given=Covariance(best.covariance, freedom))
