"""Forms of formulas for the logits of classes: from smooth log-odds to which terms are needed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import sympy
from scipy.special import log_softmax
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from edgewise._deadline import Deadline
from edgewise._typing import Array, Formula, Part
from edgewise.discovery import discover_directly
from edgewise.estimators._candidates import Rows, found_for, values_of
from edgewise.estimators._likelihood import Labelled, freed, full, logits_of, most_likely, slopes_of
from edgewise.estimators._settings import Settings
from edgewise.formulas.expressions import FreeFormula

_FOLDS = 5
_LARGEST = 8.0  # log-odds
_COMPONENTS = 100


def folds_of(rows: Labelled, seed: int) -> Array:
    """Return the number of each row's fold, (n,); every class is in as many folds as it can be."""
    fewest = int(np.bincount(rows.codes).min())
    if fewest < 2:
        return np.random.default_rng(seed).permutation(len(rows.codes)) % min(_FOLDS, len(rows.codes))
    folds = np.empty(len(rows.codes), dtype=np.int64)
    split = StratifiedKFold(min(_FOLDS, fewest), shuffle=True, random_state=seed)
    for number, (_, out) in enumerate(split.split(rows.x, rows.codes)):
        folds[out] = number
    return folds


def smooth_logits(rows: Labelled, folds: Array, seed: int) -> Array:
    """Return the logits of each row by the best of some smooth models that were not fitted to it.

    (n, 1) for two classes, else (n, classes), of mean zero in each row. The models are penalized logistic regressions:
    linear, additive in splines, and on kernels, which know interactions.
    """
    found = [_held_out(steps, rows, folds, strength) for steps, strength in _models(rows, seed)]
    best = min(found, key=lambda logits: float(rows.losses(logits).sum()))
    return np.clip(best, -_LARGEST, _LARGEST)


def _models(rows: Labelled, seed: int) -> list[tuple[list[object], float]]:
    n, p = rows.x.shape
    kernels = [
        Nystroem(gamma=gamma / p, n_components=min(_COMPONENTS, n // 2), random_state=seed) for gamma in (0.1, 0.5)
    ]
    splines = [SplineTransformer(n_knots=5, knots="quantile", include_bias=False, extrapolation="linear")]
    smooth = [splines] if n >= 30 else []
    return [
        ([StandardScaler()], 1.0),
        *(([*steps, StandardScaler()], 1.0) for steps in smooth),
        *(([StandardScaler(), kernel], 10.0) for kernel in kernels if n >= 30),
    ]


def _held_out(steps: list[object], rows: Labelled, folds: Array, strength: float) -> Array:
    logits = np.tile(rows.prior, (len(rows.codes), 1))
    for fold in range(int(folds.max()) + 1):
        inside, out = rows.part(folds != fold), folds == fold
        present = np.unique(inside.codes)
        if len(present) < 2:
            continue
        model = make_pipeline(*steps, LogisticRegression(C=strength, max_iter=2000))
        model.fit(inside.x, inside.codes, logisticregression__sample_weight=inside.weights)
        values = full(np.atleast_2d(model.decision_function(rows.x[out]).T).T)
        logs = np.full((int(out.sum()), rows.classes), -_LARGEST)
        logs[:, present] = log_softmax(values, axis=1)
        logits[out] = logs[:, 1:] - logs[:, :1] if rows.classes == 2 else logs - logs.mean(axis=1, keepdims=True)
    return logits


_NOISE = 0.3  # of smooth log-odds, over their standard deviation
_LEVELS = (2 * _NOISE, _NOISE)
_CURVED = 8  # distinct values of an input that has a curve
_VISIBLE = 0.1  # standard deviation of a curve, in log-odds
_ATTEMPTS = 60  # terms that are left out on trial
_STEPS = 12
_SHARE = 0.5  # of the time, for curves

Forms = tuple[Formula, ...]
"""A form for each logit."""


def forms_for(rows: Labelled, folds: Array, settings: Settings, seed: int) -> list[Forms]:
    """Return forms for the logits, found in smooth models of the classes.

    A full search also reads the curves of an additive model, one input at a time.
    """
    targets = smooth_logits(rows, folds, seed).T
    found = []
    if not settings.direct:
        found.append(_additive(rows, Deadline.after(_SHARE * settings.time_limit)))
    shared = replace(settings, time_limit=(1 - _SHARE) * settings.time_limit / len(targets), noise=_NOISE)
    fronts = []
    for target in targets:
        table = Rows.of(rows.names, rows.x, target, rows.weights)
        front = found_for(table, shared, seed, _LEVELS)
        fronts.append([_expanded(form) for form, _ in front if form.free_symbols] or [sympy.Integer(0)])
    for step in zip_longest(*fronts):
        found.append(tuple(form or front[-1] for form, front in zip(step, fronts, strict=True)))
    return [form for form in dict.fromkeys(found) if any(part.free_symbols for part in form)]


def criterion(forms: tuple[FreeFormula, ...], rows: Labelled) -> float:
    """Return the Bayesian information criterion of fitted forms: 2 sum of log losses + numbers log n.

    The numbers are those in the formulas, whether they were fitted or not; signs and exact exponents are none.
    """
    loss = rows.losses(logits_of(forms, rows, rows.prior)).sum()
    count = sum(_numbers(form.expression) for form in forms)
    return float(2 * loss + count * math.log(rows.count))


def _numbers(part: Part) -> int:
    if part.is_Number:
        return int(part not in (1, -1))
    if part.is_Pow and not part.exp.has(sympy.Float):
        return _numbers(part.base)
    return sum(map(_numbers, part.args))


def without_idle_terms(forms: tuple[FreeFormula, ...], rows: Labelled) -> tuple[FreeFormula, ...]:
    """Return fitted forms without the terms whose absence lowers the Bayesian information criterion, fitted again.

    The terms that vary least over the rows are tried first. A term is a summand with its factor.
    """
    best, attempts = criterion(forms, rows), 0
    improved = True
    while improved and attempts < _ATTEMPTS:
        improved = False
        for k, term in _terms(forms, rows):
            attempts += 1
            rest = freed(forms[k].expression - term)
            trial = most_likely([*forms[:k], rest, *forms[k + 1 :]], rows, _STEPS)
            value = criterion(trial, rows)
            if value < best:
                forms, best, improved = trial, value, True
                break
            if attempts >= _ATTEMPTS:
                break
    return forms


def _terms(forms: tuple[FreeFormula, ...], rows: Labelled) -> list[tuple[int, Formula]]:
    """Return the terms of the forms with the number of the form, those that vary least over the rows first."""
    found = []
    for k, form in enumerate(forms):
        for term in sympy.Add.make_args(form.expression):
            if term.free_symbols:
                found.append((float(np.nanstd(values_of(term, rows.names, rows.x))), k, term))
    return [(k, term) for _, k, term in sorted(found, key=lambda each: each[0])]


def _expanded(form: Formula) -> Formula:
    return sympy.expand(form) if form.is_polynomial(*form.free_symbols) else form


def _additive(rows: Labelled, deadline: Deadline) -> Forms:
    """Return sums of functions of one input: each curve of an additive model as the law that is most likely."""
    curves = _curves(rows)
    linear = [{name: sympy.Symbol(name) for name in rows.names} for _ in rows.prior]
    terms: list[dict[str, Formula]] = [dict(each) for each in linear]

    def fitted() -> tuple[FreeFormula, ...]:
        return most_likely([freed(sympy.Add(*each.values())) for each in terms], rows, _STEPS)

    order = sorted(curves, key=lambda key: -float(curves[key].std()))
    best = criterion(fitted(), rows)
    for k, name in order:
        if deadline.passed() or curves[k, name].std() < _VISIBLE:
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
    return tuple(each.expression for each in fitted())


def _curves(rows: Labelled) -> dict[tuple[int, str], Array]:
    """Return the curve (n,) of each logit and input in an additive model of splines, for inputs of many values."""
    curved = [i for i in range(len(rows.names)) if len(np.unique(rows.x[:, i])) >= _CURVED]
    others = [i for i in range(len(rows.names)) if i not in curved]
    if not curved or len(np.unique(rows.codes)) < rows.classes:
        return {}
    splines = SplineTransformer(n_knots=5, knots="quantile", include_bias=False, extrapolation="linear")
    design = splines.fit_transform(rows.x[:, curved])
    slopes, _ = slopes_of(np.column_stack([design, rows.x[:, others]]), rows)
    size = design.shape[1] // len(curved)
    return {
        (k, rows.names[i]): design[:, j * size : (j + 1) * size] @ slopes[k, j * size : (j + 1) * size]
        for k in range(len(slopes))
        for j, i in enumerate(curved)
    }
