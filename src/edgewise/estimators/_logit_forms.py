"""Formulas for the logits of classes: from smooth log-odds to which terms are needed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import sympy
from scipy.special import log_softmax
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from edgewise._deadline import Deadline
from edgewise._typing import Array, Formula, Part
from edgewise.discovery import discover_directly
from edgewise.estimators._families import (
    Forms,
    SquaredError,
    classes_of,
    codes,
    freed,
    full,
    logits_of,
    most_likely,
    slopes_of,
    stratified_folds,
    total_loss,
    written,
)
from edgewise.estimators._judging import CrossValidation, Fit, Formulas, Judged, TargetRows
from edgewise.estimators._symbolic import FormulaSearch
from edgewise.estimators._tuning import TUNING
from edgewise.formulas.expressions import evaluate


def smooth_logits(rows: TargetRows, folds: Array, seed: int) -> Array:
    """Return the logits of each row by the best of some smooth models that were not fitted to it.

    (n, 1) for two classes, else (n, classes), of mean zero in each row. The models are penalized logistic regressions:
    linear, additive in splines, and on kernels, which know interactions.
    """
    smooth = [_held_out(steps, rows, folds, strength) for steps, strength in _models(rows, seed)]
    best = min(smooth, key=lambda logits: total_loss(logits, rows))
    return np.clip(best, -TUNING.largest_logit, TUNING.largest_logit)


def _models(rows: TargetRows, seed: int) -> list[tuple[list[object], float]]:
    n, p = rows.x.shape
    kernels = [
        Nystroem(gamma=gamma / p, n_components=min(TUNING.kernels, n // 2), random_state=seed) for gamma in (0.1, 0.5)
    ]
    linear: list[tuple[list[object], float]] = [([StandardScaler()], 1.0)]
    if n < 30:
        return linear
    return [*linear, ([_splines(), StandardScaler()], 1.0), *(([StandardScaler(), each], 10.0) for each in kernels)]


def _splines() -> SplineTransformer:
    return SplineTransformer(n_knots=5, knots="quantile", include_bias=False, extrapolation="linear")


def _held_out(steps: list[object], rows: TargetRows, folds: Array, strength: float) -> Array:
    classes = classes_of(rows)
    logits = np.tile(rows.prior, (len(rows.y), 1))
    for fold in range(int(folds.max()) + 1):
        inside, out = rows.part(folds != fold), folds == fold
        labels = codes(inside)
        present = np.unique(labels)
        if len(present) < 2:
            continue
        model = make_pipeline(*steps, LogisticRegression(C=strength, max_iter=2000))
        model.fit(inside.x, labels, logisticregression__sample_weight=inside.weights)
        values = full(np.atleast_2d(model.decision_function(rows.x[out]).T).T)
        logs = np.full((int(out.sum()), classes), -TUNING.largest_logit)
        logs[:, present] = log_softmax(values, axis=1)
        logits[out] = logs[:, 1:] - logs[:, :1] if classes == 2 else logs - logs.mean(axis=1, keepdims=True)
    return logits


def formulas_for_classes(rows: TargetRows, search: FormulaSearch, seed: int) -> list[Judged]:
    """Return formulas for the logits with the prior and logistic regression, simplest first.

    Recommended are those with the lowest Bayesian information criterion, without their idle terms.
    """
    folds = stratified_folds(rows, seed)
    forms = forms_for(rows, folds, search, seed) if rows.names else []
    chosen = rows.sample(TUNING.likelihood_rows, seed)
    rows, folds = rows.part(chosen), folds[chosen]
    fitted = [most_likely([freed(part) for part in form], rows) for form in forms]
    fitted = [each for each in fitted if not _are_steps(each, rows)]
    if fitted:
        ranked = sorted(fitted, key=lambda each: criterion(each, rows))
        pruned = [without_idle_terms(each, rows) for each in ranked[: TUNING.pruned]]
        fitted = [min(pruned, key=lambda each: criterion(each, rows)), *fitted]
    fits = [(_refitting(each), k == 0) for k, each in enumerate(fitted)]
    front = CrossValidation(rows, rows, folds).front(fits, search.max_complexity)
    return sorted(front, key=lambda each: (each.complexity, each.held_out))


def _are_steps(forms: Forms, rows: TargetRows) -> bool:
    """Return whether nearly all logits lie at two ends each, though inputs have more values.

    Rows of separate classes do not show what is between.
    """
    near, most, few = 1e-6, 0.98, 10  # of the range; of the rows; values that inputs of 0 and 1 may give
    logits, used = logits_of(forms, rows), {str(s) for form in forms for s in form.template.free_symbols}
    inputs = rows.x[:, [k for k, name in enumerate(rows.names) if name in used]]
    low, high = logits.min(axis=0), logits.max(axis=0)
    ends = np.minimum(logits - low, high - logits) < near * (high - low)
    return bool((ends.mean(axis=0) > most).all()) and len(np.unique(inputs, axis=0)) > few


def _refitting(forms: Forms) -> Fit:
    """Return what fits forms from constants that suit all rows."""
    return lambda rows: written(most_likely(forms, rows, TUNING.refit_steps))


def forms_for(rows: TargetRows, folds: Array, search: FormulaSearch, seed: int) -> list[Formulas]:
    """Return forms for the logits, found in smooth models of the classes.

    A full search also reads the curves of an additive model, one input at a time.
    """
    targets = smooth_logits(rows, folds, seed).T
    forms: list[Formulas] = []
    noise, share = TUNING.smooth_noise, TUNING.curve_time
    if not search.direct:
        forms.append(_additive(rows, Deadline.after(share * search.time_limit)))
    shared = replace(search, time_limit=(1 - share) * search.time_limit / len(targets), noise=noise)
    fronts = []
    for target in targets:
        table = TargetRows.of(rows.names, rows.x, target, rows.weights, SquaredError())
        front = shared.forms(table, seed, (2 * noise, noise))
        fronts.append([_expanded(form) for form, _ in front if form.free_symbols] or [sympy.Integer(0)])
    for step in zip_longest(*fronts):
        forms.append(tuple(form or front[-1] for form, front in zip(step, fronts, strict=True)))
    return [form for form in dict.fromkeys(forms) if any(part.free_symbols for part in form)]


def criterion(forms: Forms, rows: TargetRows) -> float:
    """Return the Bayesian information criterion of fitted forms: 2 sum of log losses + numbers log n.

    The numbers are those in the formulas, whether they were fitted or not; signs and exact exponents are none.
    """
    loss = total_loss(logits_of(forms, rows), rows)
    count = sum(_numbers(form.expression) for form in forms)
    return float(2 * loss + count * math.log(rows.count))


def _numbers(part: Part) -> int:
    if part.is_Number:
        return int(part not in (1, -1))
    if part.is_Pow and not part.exp.has(sympy.Float):
        return _numbers(part.base)
    return sum(map(_numbers, part.args))


def without_idle_terms(forms: Forms, rows: TargetRows) -> Forms:
    """Return fitted forms without the terms whose absence lowers the Bayesian information criterion, fitted again.

    The terms that vary least over the rows are tried first. A term is a summand with its factor.
    """
    best, attempts = criterion(forms, rows), 0
    improved = True
    while improved and attempts < TUNING.attempts:
        improved = False
        for k, term in _terms(forms, rows):
            attempts += 1
            rest = freed(forms[k].expression - term)
            trial = most_likely([*forms[:k], rest, *forms[k + 1 :]], rows, TUNING.trial_steps)
            value = criterion(trial, rows)
            if value < best:
                forms, best, improved = trial, value, True
                break
            if attempts >= TUNING.attempts:
                break
    return forms


def _terms(forms: Forms, rows: TargetRows) -> list[tuple[int, Formula]]:
    """Return the terms of the forms with the number of the form, those that vary least over the rows first."""
    found = []
    for k, form in enumerate(forms):
        for term in sympy.Add.make_args(form.expression):
            if term.free_symbols:
                found.append((float(np.nanstd(evaluate(term, rows.names, rows.x))), k, term))
    return [(k, term) for _, k, term in sorted(found, key=lambda each: each[0])]


def _expanded(form: Formula) -> Formula:
    return sympy.expand(form) if form.is_polynomial(*form.free_symbols) else form


def _additive(rows: TargetRows, deadline: Deadline) -> Formulas:
    """Return sums of functions of one input: each curve of an additive model as the law that is most likely."""
    curves = _curves(rows)
    linear = [{name: sympy.Symbol(name) for name in rows.names} for _ in rows.prior]
    terms: list[dict[str, Formula]] = [dict(each) for each in linear]

    def fitted() -> Forms:
        return most_likely([freed(sympy.Add(*each.values())) for each in terms], rows, TUNING.trial_steps)

    order = sorted(curves, key=lambda key: -float(curves[key].std()))
    best = criterion(fitted(), rows)
    for k, name in order:
        if deadline.passed() or curves[k, name].std() < TUNING.visible:
            break
        column = rows.x[:, [rows.names.index(name)]]
        for candidate in discover_directly(column, curves[k, name], (name,)):
            before = terms[k][name]
            if not candidate.expression.free_symbols:
                continue
            terms[k][name] = _expanded(candidate.expression)
            value = criterion(fitted(), rows)
            if value < best:
                best = value
            else:
                terms[k][name] = before
    return written(fitted())


def _curves(rows: TargetRows) -> dict[tuple[int, str], Array]:
    """Return the curve (n,) of each logit and input in an additive model of splines, for inputs of many values."""
    curved = [i for i in range(len(rows.names)) if len(np.unique(rows.x[:, i])) >= TUNING.curve_values]
    others = [i for i in range(len(rows.names)) if i not in curved]
    if not curved or len(np.unique(codes(rows))) < classes_of(rows):
        return {}
    design = _splines().fit_transform(rows.x[:, curved])
    slopes, _ = slopes_of(np.column_stack([design, rows.x[:, others]]), rows)
    size = design.shape[1] // len(curved)
    return {
        (k, rows.names[i]): design[:, j * size : (j + 1) * size] @ slopes[k, j * size : (j + 1) * size]
        for k in range(len(slopes))
        for j, i in enumerate(curved)
    }
