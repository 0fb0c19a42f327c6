"""Formulas for one target, each with its error on rows that it was not fitted to, and which one to take."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy

from edgewise._robust import HUBER, NORMAL, huber_weights
from edgewise._typing import Array, Formula
from edgewise.discovery import Outcome, discover, discover_directly
from edgewise.discovery.knowledge import Knowledge
from edgewise.estimators._settings import Settings
from edgewise.formulas.expressions import FitData, FreeFormula, complexity, evaluate, readable_float, shorten

_FEWEST = 5  # rows that discovery takes
_FOLDS = 5
_VALIDATED = 5000  # rows of the cross-validation
_STEPS = 30
_HALVINGS = 3  # of the noise that a direct search assumes
_FLAT = 1e-28  # variance over the squared mean of a target that is constant
_ROUNDS = 5  # of Huber's weights and fits
SAME = 1e-12  # of the variance: errors that do not differ


@dataclass(frozen=True)
class Rows:
    """Inputs x (n, m) by name, one target y (n,), and weights (n,); no row occurs twice, and they are sorted."""

    names: tuple[str, ...]
    x: Array
    y: Array
    weights: Array

    @classmethod
    def of(cls, names: tuple[str, ...], x: Array, y: Array, weights: Array) -> Rows:
        """Return the rows; of equal ones the weights are added, so that a row of weight 2 is a row given twice."""
        merged, place = np.unique(np.column_stack([x, y]), axis=0, return_inverse=True)
        return cls(names, merged[:, :-1], merged[:, -1], np.bincount(place.ravel(), weights))

    def part(self, index: Array) -> Rows:
        """Return some of the rows."""
        return Rows(self.names, self.x[index], self.y[index], self.weights[index])

    def lessened(self, form: Formula) -> Rows:
        """Return the rows with Huber's weights: those whose residuals from a formula are far from most count less."""
        residual = self.y - values_of(form, self.names, self.x)
        share = huber_weights(residual, HUBER * NORMAL * float(np.nanmedian(np.abs(residual))))
        return replace(self, weights=self.weights * np.maximum(share, 1e-12))

    @property
    def mean(self) -> float:
        """The weighted mean of the target."""
        return float(np.average(self.y, weights=self.weights))

    @property
    def variance(self) -> float:
        """The weighted variance of the target."""
        return float(np.average((self.y - self.mean) ** 2, weights=self.weights))

    @property
    def data(self) -> FitData:
        """The rows as data of a fit of constants."""
        return FitData.of(self.names, self.x, self.y, np.sqrt(self.weights))


@dataclass(frozen=True, eq=False)
class Scored:
    """A formula fitted to rows: its error there, and when its constants are fitted to other rows.

    Both errors are the root mean square residual over the standard deviation of the target. `losses` are the squared
    residuals, by row, of the second. `plain` marks the constant and the line.
    """

    expression: Formula
    error: float
    held_out: float
    losses: Array
    recommended: bool = False
    plain: bool = False

    @property
    def complexity(self) -> int:
        """How complex the formula is, as `edgewise.discover` counts."""
        return complexity(self.expression)

    @property
    def text(self) -> str:
        """The formula with numbers of six digits."""
        return text_of(self.expression)


Fit = Callable[[Rows], Formula]
"""Fits the constants of a form to rows."""


def text_of(expression: Formula) -> str:
    """Return a formula as text, with numbers of six digits."""
    return sympy.sstr(shorten(expression), full_prec=False)


def values_of(expression: Formula, names: tuple[str, ...], x: Array) -> Array:
    """Return the values (n,) of a formula at inputs (n, m), not finite where it is undefined."""
    return evaluate(expression, names, x) if names else np.full(len(x), float(expression))


def candidates(rows: Rows, settings: Settings, seed: int) -> list[Scored]:
    """Return the front of the formulas found for the rows, with the constant and the line, simplest first.

    The errors on held-out rows are those of a cross-validation in which the constants are fitted again.
    """
    knowledge = settings.knowledge(rows.names)
    found = found_for(rows, settings, seed)
    if settings.loss == "huber" and found:
        rows = _robust(rows, _refitting(next(form for form, best in found if best), knowledge))
    lines = [_constant, _line] if rows.names else [_constant]
    others = [(_refitting(form, knowledge), best) for form, best in found]
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows.y))[:_VALIDATED])
    judged = rows.part(chosen)
    folds = np.random.default_rng(seed).permutation(len(chosen)) % min(_FOLDS, len(chosen))
    scored = [replace(_scored(fit, rows, judged, folds), plain=True) for fit in lines]
    scored += [replace(_scored(fit, rows, judged, folds), recommended=best) for fit, best in others]
    most = math.inf if settings.max_complexity is None else settings.max_complexity
    kept = [each for each in scored if math.isfinite(each.error) and (each.complexity <= most or each is scored[0])]
    kept = [each for each in kept if each is scored[0] or _admits(knowledge, each.expression, rows)]
    unique: dict[str, Scored] = {}
    for each in kept:
        same = unique.get(each.text, each)
        recommended, plain = same.recommended or each.recommended, same.plain or each.plain
        unique[each.text] = replace(each, recommended=recommended, plain=plain)
    return sorted(unique.values(), key=lambda each: (each.complexity, each.error))


def _admits(knowledge: Knowledge, expression: Formula, rows: Rows) -> bool:
    """Return whether a formula is as it has to be, on these rows."""
    if knowledge.empty:
        return True
    places = [rows.names.index(name) for name in knowledge.names]
    return knowledge.admits(expression, rows.x[:, places], float(np.ptp(rows.y)))


def _robust(rows: Rows, fit: Fit) -> Rows:
    """Return the rows with Huber's weights by the formula that is fitted with them, found in a few rounds."""
    found = rows
    for _ in range(_ROUNDS):
        found = rows.lessened(fit(found))
    return found


def found_for(rows: Rows, settings: Settings, seed: int, levels: Sequence[float] = ()) -> list[tuple[Formula, bool]]:
    """Return the formulas of discovery, simplest first, and which it recommends; none where there is nothing to find.

    What needs no model is also searched for at these levels of noise. A direct search assumes half of the error that
    it reached, for as long as that halves it again.
    """
    if len(rows.y) < _FEWEST or not rows.names or rows.variance <= _FLAT * rows.mean**2:
        return []
    table, noise = (rows.x, rows.y, rows.names), settings.noise
    weights = rows.weights if np.ptp(rows.weights) > 0 else None
    directly = partial(discover_directly, *table, weights=weights, **settings.known)
    if settings.effort == "direct":
        found = [directly(noise=noise)]
    else:
        found = [
            discover(
                *table, noise=noise, weights=weights, loss=settings.loss, rounding=settings.rounding,
                effort=settings.effort, seed=seed, time_limit=settings.time_limit, n_jobs=settings.n_jobs,
                **settings.known,
            )
        ]  # fmt: skip
    if found[0].outcome is Outcome.EXACT or noise == "exact":
        levels = ()
    found += [directly(noise=level) for level in levels]
    if settings.direct and noise == "auto" and found[0].outcome is not Outcome.EXACT:
        for _ in range(_HALVINGS):
            reached = min(each.error for front in found for each in front)
            found.append(directly(noise=0.5 * min(reached, 1.0)))
            if min(each.error for each in found[-1]) > 0.5 * reached:
                break
    recommended = {each.best.expression for each in found}
    every = sorted((each for front in found for each in front), key=lambda each: each.complexity)
    return [(form, form in recommended) for form in dict.fromkeys(each.expression for each in every)]


def _scored(fit: Fit, rows: Rows, judged: Rows, folds: Array) -> Scored:
    expression = fit(rows)
    losses = np.empty(len(judged.y))
    for fold in range(folds.max() + 1):
        out = folds == fold
        inside = judged.part(~out)
        losses[out] = (_values(fit(inside), inside, judged.x[out]) - judged.y[out]) ** 2 if (~out).any() else 0.0
    scale = rows.variance or 1.0
    error = np.average((_values(expression, rows, rows.x) - rows.y) ** 2, weights=rows.weights)
    weighted = losses * judged.weights / judged.weights.mean()
    return Scored(expression, math.sqrt(error / scale), math.sqrt(weighted.mean() / scale), weighted)


def _values(expression: Formula, rows: Rows, x: Array) -> Array:
    """Return predictions, the mean of the rows where the formula is undefined."""
    values = values_of(expression, rows.names, x)
    return np.where(np.isfinite(values), values, rows.mean)


def _constant(rows: Rows) -> Formula:
    return readable_float(rows.mean)


def _line(rows: Rows) -> Formula:
    """Return the plane through the rows, by least squares in columns of equal variance."""
    root = np.sqrt(rows.weights / rows.weights.sum())
    center = np.average(rows.x, axis=0, weights=rows.weights)
    scale = np.sqrt(np.average((rows.x - center) ** 2, axis=0, weights=rows.weights))
    scale = np.where(scale > 0, scale, 1.0)
    design = root[:, None] * (rows.x - center) / scale
    slopes = np.linalg.lstsq(design, root * (rows.y - rows.mean), rcond=1e-10)[0] / scale
    terms = [readable_float(float(s)) * sympy.Symbol(n) for s, n in zip(slopes, rows.names, strict=True) if s]
    return sympy.Add(readable_float(rows.mean - float(slopes @ center)), *terms)


def _refitting(form: Formula, knowledge: Knowledge) -> Fit:
    """Return what fits the constants of a form, and leaves them where the result would not be as it has to be."""
    free = FreeFormula.of(form)

    def fit(rows: Rows) -> Formula:
        fitted = free.fit(rows.data, _STEPS)
        good = math.isfinite(fitted.error) and knowledge.admits(fitted.expression)
        return fitted.expression if good else form

    return fit
