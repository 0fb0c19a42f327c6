"""Constants of a stated formula from a table, with their uncertainty."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import sympy

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise._renamed import renamed
from edgewise._typing import Data, Formula
from edgewise.discovery.likelihoods import Censored
from edgewise.discovery.regression._likeliest import likeliest_at
from edgewise.discovery.regression._loss import LossName, RobustLoss
from edgewise.discovery.regression._minimization import Minimization, Minimum
from edgewise.discovery.regression._mixed import Between, Varying, by_group
from edgewise.discovery.regression._result import Chosen, FitOutcome, FormulaFit
from edgewise.discovery.regression._rows import FEWEST_GROUPS, Columns, Rows
from edgewise.discovery.regression._scatter import Scatter
from edgewise.formulas.expressions import CovarianceName, Uncertainty, evaluate, read_formula
from edgewise.kernels import one_thread


def fit_at(found: Minimum, form: Formula, constants: Sequence[sympy.Symbol], rows: Rows, chosen: Chosen) -> FormulaFit:
    """Return the result of a fit that ended at a minimum."""
    exact = 1e-13  # error over the standard deviation of y
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
    elif robust is None and free.error < exact:
        outcome = FitOutcome.EXACT
    elif not found.converged:
        outcome = FitOutcome.NOT_CONVERGED
    return FormulaFit(
        chosen.stated, form, tuple(c.name for c in constants), rows, outcome, tuple(notes), found.held,
        tuple(undetermined), chosen.loss, chosen.absolute_sigma, found.weights, float(size), chosen.columns,
        uncertainty,
    )  # fmt: skip


def fit_by_group(
    found: Minimum, form: Formula, constants: Sequence[sympy.Symbol], rows: Rows, chosen: Chosen, asked: Varying
) -> FormulaFit:
    """Return the result of a fit whose constants differ by group, from one with the same constants for all rows."""
    by = by_group(found, form, constants, rows, asked)
    outcome = FitOutcome.CONVERGED if by.fit.converged else FitOutcome.NOT_CONVERGED
    return FormulaFit(
        chosen.stated, form, tuple(c.name for c in constants), rows, FitOutcome.EXACT if by.fit.exact else outcome,
        (*chosen.notes, *rows.notes), {}, (), chosen.loss, chosen.absolute_sigma, np.ones(len(rows.y)),
        0.0 if by.fit.exact else by.fit.sigma, chosen.columns, by.fit.uncertainty(rows.data), by,
    )  # fmt: skip


def _aside(found: Minimum, rows: Rows) -> list[str]:
    """Return a note on rows that count little under a robust loss."""
    least, most = 0.3, 6  # weight of a row under a robust loss below which it is named; rows that are
    little = np.flatnonzero(found.weights < least)
    if not len(little):
        return []
    order = little[np.argsort(found.weights[little], kind="stable")]
    more = f" and {len(order) - most} more" if len(order) > most else ""
    named = ", ".join(str(rows.kept[k]) for k in order[:most])
    return [f"Rows with a weight below {least:g} under the loss: {named}{more}."]


_EULER = re.compile(r"(?<![\w.`])[eE](?!\w)(?!\s*(?:\^|\*\*))")


def fit_formula(  # noqa: PLR0913 (what a fit may be asked)
    formula: str | Formula,
    x: Any,
    y: Data | Censored | str,
    *,
    names: Sequence[str] | None = None,
    start: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    sigma: Data | str | None = None,
    absolute_sigma: bool = False,
    weights: Data | str | None = None,
    groups: Any = None,
    varying: str | Sequence[str] | None = None,
    between: Between = "full",
    restricted: bool = True,
    loss: LossName = "squared",
    covariance: CovarianceName | None = None,
    trials: Data | str | None = None,
    sigma_x: Any = None,
    correlated: Data | str | bool | None = None,
) -> FormulaFit:
    """Fit the constants of a formula that you state, and say how well the rows determine them.

    minimize sum of weights (y - f(x, constants))^2 / sigma^2

    Values to start from are found: constants that the formula is linear in are solved for, the others drawn over many
    decades, always in the same way.

    Parameters
    ----------
    formula
        The formula. Names in it that are columns of x are inputs; all others are constants. Numbers stay as they are
        written.
    x
        A DataFrame, a mapping from names to columns, or an array (n, m) with `names`. Rows with gaps in what is used
        are left out, with a note.
    y : (n,)
        An array, a Series, or the name of a column of x. Cells of text as "<0.05" and ">100" are censored, as are those
        of an `edgewise.Censored`: they count by the Tobit likelihood.
    names
        Names of the columns of an array.
    start
        Values to start from, of some or all constants.
    bounds
        Limits (low, high) of constants.
    sigma : (n,)
        Standard error of each y up to a common factor, or the name of a column; None for equal ones.
    absolute_sigma
        Whether `sigma` holds the standard errors exactly.
    weights : (n,)
        Factors of squared residuals, or the name of a column; None for equal ones.
    groups
        Labels of rows, or a column's name, for "clustered" or `varying`.
    varying
        Constants that differ by group: those of a group are drawn from a normal distribution, whose mean, variance and
        covariance are estimated (a mixed-effects model); None if all groups have the same.
    between
        "full", or "diagonal" where constants that differ are independent of each other.
    restricted
        Whether variances maximize the restricted likelihood (REML), or the likelihood itself.
    loss
        "squared", or "huber" or "tukey" against rows far from the formula.
    covariance
        What the standard errors allow for: "classical" (independent errors of equal size over weight),
        "heteroscedastic" (of any sizes), "autocorrelated" (correlated along the order of the rows), "clustered" (within
        groups; the default where `groups` are given).
    trials : (n,)
        Number of trials of which y are the events, a number or a column's name: the formula is their probability, and
        constants maximize the binomial likelihood. None where y is measured.
    sigma_x
        Standard errors of inputs, by name: arrays, numbers, or names of columns; of a single input without its name.
        Needs `sigma`. Constants are those of orthogonal distance regression. None for inputs without errors.
    correlated
        True for errors that are correlated with those of the row before, or the positions of the rows, as times (n,),
        or the name of a column: an autoregression of first order is estimated with the constants. Rows of different
        `groups` are independent. None for independent errors.

    Returns
    -------
    FormulaFit
        The constants with their standard errors, and what they say.

    Raises
    ------
    InputError
        For texts that are no formula, unknown functions, a formula without constants or inputs, names in `start` and
        `bounds` that are no constants, bounds that exclude the start, columns of text and dates, infinities, fewer rows
        than constants, and a formula that is undefined at all values that were tried; with `varying`, for names that
        are no constants, fewer than two groups, groups of one row each, and what does not go with it; for kinds of
        errors that cannot be combined, limits of the wrong order, more events than trials, and a target that is
        censored in all rows.

    References
    ----------
    Bates and Watts, Nonlinear Regression Analysis and Its Applications (1988); Lindstrom and Bates, Nonlinear mixed
    effects models for repeated measures data (1990); this project, docs/design/fitting.md, for the starts.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise import fit_formula
    >>> c = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.1, 1.1])
    >>> rate = np.array([76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200])
    >>> fit = fit_formula("Vm*c/(K + c)", {"c": c}, rate)
    >>> print(fit.constants["Vm"], fit.constants["K"])
    212.7 ± 6.9 0.0641 ± 0.0083
    """
    columns = Columns.of(x, names)
    form, constants = _stated(formula, columns.names, {**(start or {}), **(bounds or {})})
    loss = renamed("loss", loss)
    robust = RobustLoss.of(loss)
    asked = None
    if varying is not None:
        others = {"covariance": covariance, "bounds": bounds, "absolute_sigma": absolute_sigma, "loss": robust}
        asked = Varying.of(varying, constants, between, restricted, others)
    used = [name for name in columns.names if sympy.Symbol(name) in form.free_symbols]
    scatter = Scatter.of(columns, used, y, trials, sigma_x, correlated)
    _check_combined(scatter, sigma, weights, groups, loss, covariance)
    if asked is not None and not scatter.plain:
        raise InputError(f"'varying' does not go with {scatter.kind}. Leave one of them out.")
    kind = "classical" if asked is not None else _kind(covariance, None if scatter.correlated else groups)
    stated = Rows.of(columns, used, scatter.target, sigma, weights, groups, scatter.extra)
    rows = scatter.rows(stated)
    if asked is not None:
        asked.check(rows)
    _check_rows(rows, constants, kind)
    limits = _limits(bounds, constants)
    values = _start(start, constants, limits)
    notes = _notes(formula, columns, constants)
    with one_thread(), np.errstate(all="ignore"):  # formulas may overflow at starts that are tried
        likelihood = scatter.likelihood(stated, rows, form, constants, absolute_sigma)
        found = Minimization(form, constants, rows.data, values, limits).minimum(robust)
        if found is None:
            raise InputError(
                f"The formula {formula} is not defined at all rows, for any constants that were tried. Check the "
                f"columns {', '.join(used)}, or give values with 'start'."
            )
        chosen = Chosen(str(formula), kind, loss, absolute_sigma, columns.names, notes)
        if asked is not None and not found.undetermined:
            return fit_by_group(found, form, constants, rows, chosen, asked)
        if likelihood is None:
            return fit_at(found, form, constants, rows, chosen)
        return likeliest_at(found, form, constants, rows, chosen, likelihood, limits)


def _check_combined(
    scatter: Scatter, sigma: object, weights: object, groups: object, loss: str, covariance: object
) -> None:
    """Raise InputError for what does not go with a likelihood."""
    if scatter.plain:
        return
    if loss != "squared" or covariance is not None:
        other = "covariance" if covariance is not None else "loss"
        raise InputError(f"{other!r} does not go with {scatter.kind}, whose likelihood says what errors count.")
    if groups is not None and not scatter.correlated:
        raise InputError(f"'groups' does not go with {scatter.kind}. Leave it out.")
    if scatter.trials and (sigma is not None or weights is not None):
        raise InputError("'sigma' and 'weights' do not go with 'trials', which say how much rows count.")
    if scatter.errors_in_x and sigma is None:
        raise InputError("'sigma_x' needs 'sigma', the standard errors of y: their ratio decides.")


def _stated(
    formula: object, columns: Sequence[str], given: Mapping[str, object]
) -> tuple[Formula, tuple[sympy.Symbol, ...]]:
    """Return a formula of columns, and its constants in the order of the text."""
    if isinstance(formula, str) and any(sign in formula for sign in "=~"):
        raise InputError(f"Write the right-hand side only, like 'Vm*c/(K + c)': the target is y. Got {formula!r}.")
    for name in given:
        if name in columns:
            raise InputError(f"{name!r} in 'start' or 'bounds' is a column of x, and no constant.")
    form, constants = read_formula(formula, columns, "A formula", [*given])
    for name in given:
        if sympy.Symbol(name) not in constants:
            raise unknown("constant in 'start' or 'bounds'", name, [c.name for c in constants])
    if not {str(symbol) for symbol in form.free_symbols} & {*columns}:
        raise InputError(
            f"The formula {formula} holds no column of x, which has {', '.join(columns)}. Give the columns their names "
            "with 'names', or a DataFrame."
        )
    if not constants:
        raise InputError(f"The formula {formula} has no constant to fit: its names are columns, its numbers stay.")
    text = formula if isinstance(formula, str) else ""
    places = {c: m.start() for c in constants if (m := re.search(rf"(?<!\w){re.escape(c.name)}(?!\w)", text))}
    return form, tuple(sorted(constants, key=lambda c: places.get(c, len(text))))


def _notes(formula: object, columns: Columns, constants: Sequence[sympy.Symbol]) -> tuple[str, ...]:
    """Return a note where e or E was read as Euler's number, unless it is raised to a power."""
    named = {*columns.names, *(constant.name for constant in constants)}
    found = {*_EULER.findall(formula)} - named if isinstance(formula, str) else set()
    return tuple(f"{e!r} is Euler's number, 2.71828: give {e!r} in 'start' or 'bounds' to fit it." for e in found)


def _kind(covariance: object, groups: object) -> CovarianceName:
    if covariance is None:
        return "classical" if groups is None else "clustered"
    known = get_args(CovarianceName)
    if covariance not in known:
        raise unknown("covariance", covariance, known)
    if covariance == "clustered" and groups is None:
        raise InputError("covariance='clustered' needs 'groups': labels of the rows, or the name of a column.")
    return covariance  # type: ignore[return-value]


def _check_rows(rows: Rows, constants: Sequence[sympy.Symbol], kind: CovarianceName) -> None:
    n, k = len(rows.y), len(constants)
    if n <= k:
        more = " ".join(rows.notes)
        raise InputError(f"{k} constants need at least {k + 1} complete rows. Got {n}. {more}".rstrip())
    with np.errstate(all="ignore"):
        usable = 0 < rows.data.weight.max() < math.inf
    if not usable:
        raise InputError(f"The values of {rows.target!r} are too large or too small for doubles. Rescale them.")
    count = 0 if rows.groups is None else len(np.unique(rows.groups))
    if kind == "clustered" and count < FEWEST_GROUPS:
        raise InputError(f"covariance='clustered' needs at least {FEWEST_GROUPS} groups of rows. Got {count}.")


def _limits(
    bounds: Mapping[str, tuple[float, float]] | None, constants: Sequence[sympy.Symbol]
) -> dict[sympy.Symbol, tuple[float, float]]:
    found = {}
    for constant in constants:
        if bounds is None or constant.name not in bounds:
            continue
        given = bounds[constant.name]
        try:
            low, high = (float(end) for end in given)
        except (TypeError, ValueError):
            low = high = math.nan
        if not low < high:
            raise InputError(
                f"The bounds of {constant.name!r} must be two numbers (low, high), low below high; infinity for none. "
                f"Got {given!r}."
            )
        found[constant] = (low, high)
    return found


def _start(
    start: Mapping[str, float] | None, constants: Sequence[sympy.Symbol],
    limits: Mapping[sympy.Symbol, tuple[float, float]],
) -> dict[sympy.Symbol, float]:  # fmt: skip
    found = {}
    for constant in constants:
        if start is None or constant.name not in start:
            continue
        value = start[constant.name]
        low, high = limits.get(constant, (-math.inf, math.inf))
        if not is_number(value):
            raise InputError(f"The start of {constant.name!r} must be a finite number. Got {value!r}.")
        if not low <= value <= high:
            raise InputError(f"The start of {constant.name!r} lies outside its bounds {low:g} to {high:g}: {value:g}.")
        found[constant] = float(value)
    return found
