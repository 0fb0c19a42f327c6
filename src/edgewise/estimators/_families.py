"""What a target is taken for: its loss, and constants of formulas that are best by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import sympy
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from edgewise._robust import HUBER, NORMAL, huber_weights
from edgewise._typing import Array, Formula
from edgewise.estimators._judging import Fit, Formulas, TargetRows, outputs_of, random_folds, settled
from edgewise.estimators._tuning import TUNING
from edgewise.formulas.expressions import FreeFormula, Tape, readable_float
from edgewise.tables.additive import Classes, Gaussian


@dataclass(frozen=True)
class SquaredError(Gaussian):
    """A number: the squared residual, in units of the variance."""

    def unit(self, rows: TargetRows) -> float:
        """Return the weighted variance; one for a constant."""
        return float(np.average((rows.y - rows.prior) ** 2, weights=rows.weights)) or 1.0

    def constant(self, rows: TargetRows) -> Formulas:
        """Return the mean."""
        return (readable_float(float(rows.prior[0])),)

    def plane(self, rows: TargetRows) -> Formulas:
        """Return the plane through the rows, by least squares in columns of equal variance."""
        mean, root = float(rows.prior[0]), np.sqrt(rows.weights / rows.count)
        center = np.average(rows.x, axis=0, weights=rows.weights)
        scale = np.sqrt(np.average((rows.x - center) ** 2, axis=0, weights=rows.weights))
        scale = np.where(scale > 0, scale, 1.0)
        design = root[:, None] * (rows.x - center) / scale
        slopes = np.linalg.lstsq(design, root * (rows.y - mean), rcond=1e-10)[0] / scale
        terms = [readable_float(float(s)) * sympy.Symbol(n) for s, n in zip(slopes, rows.names, strict=True) if s]
        return (sympy.Add(readable_float(mean - float(slopes @ center)), *terms),)

    def reweighted(self, rows: TargetRows, fit: Fit) -> TargetRows:
        """Return the rows with the weights that the loss gives them by the formula that is fitted with these."""
        return rows


@dataclass(frozen=True)
class HuberError(SquaredError):
    """A number with outliers: rows whose residuals are far from most count less."""

    def reweighted(self, rows: TargetRows, fit: Fit) -> TargetRows:
        """Return the rows with Huber's weights by the formula that is fitted with them, found in a few rounds."""
        weighted = rows
        for _ in range(TUNING.huber_rounds):
            residual = rows.y - outputs_of(fit(weighted), rows.names, rows.x)[:, 0]
            share = huber_weights(residual, HUBER * NORMAL * float(np.nanmedian(np.abs(residual))))
            weighted = replace(rows, weights=rows.weights * np.maximum(share, 1e-12))
        return weighted


Forms = tuple[FreeFormula, ...]
"""A form for each logit, with its constants."""


@dataclass(frozen=True)
class LogLoss(Classes):
    """One of some classes: the log loss of logits (n, 1) of the second of two classes, or (n, classes), unbounded."""

    def start(self, y: Array, weights: Array) -> Array:
        """Return the logarithms of the shares of the classes, (classes,); for two, the log-odds of the second, (1,)."""
        counts = np.bincount(y.astype(np.int64), weights, self.classes) + 0.5
        logs = np.log(counts / counts.sum())
        return logs[1:] - logs[:1] if self.classes == 2 else logs

    def loss(self, eta: Array, y: Array) -> Array:
        """Return the log losses (n,) of logits."""
        return -log_softmax(full(eta), axis=1)[np.arange(len(y)), y.astype(np.int64)]

    def unit(self, rows: TargetRows) -> float:
        """Return one."""
        return 1.0

    def constant(self, rows: TargetRows) -> Formulas:
        """Return the logits of the shares of the classes."""
        return written(_planes(np.zeros((len(rows.prior), 0)), rows.prior, rows))

    def plane(self, rows: TargetRows) -> Formulas:
        """Return logistic regression, of the highest likelihood where the rarest class has ten rows for each input.

        With fewer rows it is penalized in inputs of variance one, as scikit-learn does by default.

        Source: Peduzzi et al., A simulation study of the number of events per variable in logistic regression (1996).
        """
        slopes, intercepts = np.zeros((len(rows.prior), len(rows.names))), rows.prior
        if len(np.unique(rows.y)) == self.classes:
            slopes, intercepts = slopes_of(rows.x, rows)
        planes = _planes(slopes, intercepts, rows)
        rarest = np.bincount(codes(rows), rows.weights, self.classes).min()
        return written(most_likely(planes, rows) if rarest >= TUNING.events * len(rows.names) else planes)


def labelled(names: tuple[str, ...], x: Array, numbers: Array, weights: Array) -> TargetRows:
    """Return rows with the numbers of their classes. Weights that are not whole numbers are divided by their mean."""
    weights = weights if (weights == np.round(weights)).all() else weights / weights.mean()
    return TargetRows.of(names, x, numbers, weights, LogLoss(int(numbers.max()) + 1))


def classes_of(rows: TargetRows) -> int:
    """Return the number of classes that there are rows of, or may be."""
    assert isinstance(rows.family, LogLoss)
    return rows.family.classes


def codes(rows: TargetRows) -> Array:
    """Return the numbers of the classes (n,), as integers."""
    return rows.y.astype(np.int64)


def stratified_folds(rows: TargetRows, seed: int) -> Array:
    """Return the number of each row's fold, (n,); every class is in as many folds as it can be."""
    fewest = int(np.bincount(codes(rows)).min())
    if fewest < 2:
        return random_folds(len(rows.y), seed)
    folds = np.empty(len(rows.y), dtype=np.int64)
    split = StratifiedKFold(min(TUNING.folds, fewest), shuffle=True, random_state=seed)
    for number, (_, out) in enumerate(split.split(rows.x, codes(rows))):
        folds[out] = number
    return folds


def written(forms: Forms) -> Formulas:
    """Return forms with their constants written out."""
    return tuple(form.expression for form in forms)


def full(logits: Array) -> Array:
    """Return logits (n, classes): of two classes, the first one has 0."""
    return np.column_stack([np.zeros(len(logits)), logits]) if logits.shape[1] == 1 else logits


def freed(form: Formula) -> FreeFormula:
    """Return a form with a free intercept, and a free factor in each of its terms.

    >>> x = sympy.Symbol("x")
    >>> len(freed(x**2 - 3 * x + 1).symbols)
    3
    """
    terms = [term.as_coeff_Mul() for term in sympy.Add.make_args(form) if term.free_symbols]
    free = FreeFormula.of(sympy.Add(*(sympy.Float(float(factor)) * rest for factor, rest in terms)))
    start = float(sum(term for term in sympy.Add.make_args(form) if not term.free_symbols))
    intercept = sympy.Dummy("c")
    return FreeFormula(free.template + intercept, (intercept, *free.symbols), (start, *free.values))


def logits_of(forms: Sequence[FreeFormula], rows: TargetRows) -> Array:
    """Return the logits (n, number of forms) at the rows; where one is undefined, the row has those of the prior."""
    columns = tuple(np.ascontiguousarray(column) for column in rows.x.T)
    tapes = [Tape(form.template, rows.names, form.symbols) for form in forms]
    values = [tape.values(columns, form.values) for tape, form in zip(tapes, forms, strict=True)]
    return settled(np.column_stack(values), rows.prior)


def total_loss(logits: Array, rows: TargetRows) -> float:
    """Return the sum of the log losses of logits, each with its weight."""
    return float((rows.weights * rows.family.loss(logits, rows.y)).sum())


def probabilities(logits: Array) -> Array:
    """Return the probabilities (n, classes) of logits, all above 0 and below 1.

    >>> probabilities(np.array([[1000.0]])).max() < 1
    np.True_
    """
    return softmax(_centered(logits), axis=1)


def log_probabilities(logits: Array) -> Array:
    """Return the logarithms of the probabilities (n, classes) of logits."""
    return log_softmax(_centered(logits), axis=1)


def _centered(logits: Array) -> Array:
    """Return logits (n, classes) less the largest of each row, bounded below."""
    certain = 36.0  # log-odds beyond which a probability would be rounded to 0 or 1
    every = full(logits)
    return np.maximum(every - every.max(axis=1, keepdims=True), -certain)


def most_likely(forms: Sequence[FreeFormula], rows: TargetRows, steps: int = 40) -> Forms:
    """Return the forms with the constants that maximize the likelihood of the classes, jointly.

        sum_i w_i log p(class_i | x_i) - mean_i w_i |f_i|^2 / 80000,   p = softmax(f)

    The second term keeps constants finite where a formula separates the classes; it weighs as 1e-4 of a row.

    Source: Fisher scoring with the damping of Marquardt (1963).
    """
    least, most = 1e-12, 1e8  # of the damping
    enough = 1e-13  # gain of a step, per row, at which the fit ends
    columns = tuple(np.ascontiguousarray(column) for column in rows.x.T)
    tapes = [Tape(form.template, rows.names, form.symbols) for form in forms]
    sizes = np.cumsum([0, *(len(form.values) for form in forms)])
    values = np.concatenate([form.values for form in forms])

    def parts(at: Array) -> list[Array]:
        return [at[a:b] for a, b in pairwise(sizes)]

    def logits(at: Array) -> Array:
        each = [tape.values(columns, part) for tape, part in zip(tapes, parts(at), strict=True)]
        return settled(np.column_stack(each), rows.prior)

    loss, damping = _objective(logits(values), rows), 1e-3
    for _ in range(steps):
        gradient, matrix = _system(
            [tape.jacobian(columns, p) for tape, p in zip(tapes, parts(values), strict=True)], rows
        )
        before = loss
        while damping < most:
            scale = np.maximum(np.diag(matrix), least * np.diag(matrix).max() + 1e-300)
            step = np.linalg.lstsq(matrix + damping * np.diag(scale), -gradient, rcond=None)[0]
            after = _objective(logits(values + step), rows)
            if after < loss:
                values, loss, damping = values + step, after, max(damping / 10, least)
                break
            damping *= 10
        if damping >= most or before - loss < enough * rows.count:
            break
    new = parts(values)
    return tuple(FreeFormula(f.template, f.symbols, tuple(v.tolist())) for f, v in zip(forms, new, strict=True))


def slopes_of(design: Array, rows: TargetRows) -> tuple[Array, Array]:
    """Return slopes (k, m) and intercepts (k,) of a penalized logistic regression on columns (n, m)."""
    scaler, model = StandardScaler(), LogisticRegression(max_iter=2000)
    model.fit(scaler.fit_transform(design), codes(rows), rows.weights)
    slopes = model.coef_ / scaler.scale_
    return slopes, model.intercept_ - slopes @ scaler.mean_


def _planes(slopes: Array, intercepts: Array, rows: TargetRows) -> Forms:
    symbols = [sympy.Symbol(name) for name in rows.names]
    return tuple(
        FreeFormula.of(
            sympy.Add(
                sympy.Float(float(start)), *(sympy.Float(float(s)) * x for s, x in zip(row, symbols, strict=False))
            )
        )
        for row, start in zip(slopes, intercepts, strict=True)
    )


def _shares(rows: TargetRows) -> Array:
    """Return what the square of a logit costs in each row, (n,): constants stay finite where classes are separate."""
    usual = 2.0  # size of logits that this part of a row speaks for
    part = 1e-4  # of a row: the constants of other tables are those of the highest likelihood
    return part * rows.weights / rows.count / usual**2


def _objective(logits: Array, rows: TargetRows) -> float:
    return total_loss(logits, rows) + float(_shares(rows) @ (logits**2).sum(1)) / 2


def _system(parts: list[tuple[Array, Array]], rows: TargetRows) -> tuple[Array, Array]:
    """Return the gradient of the objective by all constants, and its expected second derivatives."""
    raw = np.column_stack([value for value, _ in parts])
    defined = np.asarray(np.isfinite(raw).all(axis=1))
    logits = settled(raw, rows.prior)
    probabilities = softmax(full(logits), axis=1)
    share = _shares(rows)
    first = probabilities.shape[1] - logits.shape[1]
    slopes = [np.where(defined[:, None] & np.isfinite(jacobian), jacobian, 0.0) for _, jacobian in parts]
    hits = np.eye(probabilities.shape[1])[codes(rows)]
    missed = probabilities - hits
    pulls = rows.weights[:, None] * missed[:, first:] + share[:, None] * logits
    gradient = np.concatenate([slope.T @ pulls[:, k] for k, slope in enumerate(slopes)])
    blocks = [
        [_block(slopes, probabilities[:, first:], rows.weights, share, i, j) for j in range(len(slopes))]
        for i in range(len(slopes))
    ]
    return gradient, np.block(blocks)


def _block(slopes: list[Array], p: Array, weights: Array, share: Array, i: int, j: int) -> Array:
    same = float(i == j)
    curvature = weights * p[:, i] * (same - p[:, j]) + same * share
    return slopes[i].T @ (curvature[:, None] * slopes[j])
