"""Formulas as logits of classes, with constants of the highest likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sympy
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from edgewise._typing import Array, Formula
from edgewise.formulas.expressions import FreeFormula, Tape

_USUAL = 2.0  # size of logits that a part of a row speaks for, so that constants stay finite where classes are separate
_PART = 1e-4  # of a row: the constants of other tables are those of the highest likelihood
_DAMPING, _LEAST, _MOST = 1e-3, 1e-12, 1e8
_EVENTS = 10  # rows of the rarest class for each input of a plane without penalty
_CERTAIN = 36.0  # log-odds beyond which a probability would be rounded to 0 or 1
_ENOUGH = 1e-13  # gain of a step, per row, at which the fit ends


@dataclass(frozen=True)
class Labelled:
    """Inputs x (n, m) by name, the numbers of classes (n,), and weights (n,): how many rows each stands for."""

    names: tuple[str, ...]
    x: Array
    codes: Array
    weights: Array
    classes: int

    @classmethod
    def of(cls, names: tuple[str, ...], x: Array, codes: Array, weights: Array) -> Labelled:
        """Return the rows sorted; of equal ones the weights are added, so that a row of weight 2 is one given twice.

        Weights that are no whole numbers are divided by their mean.
        """
        weights = weights if (weights == np.round(weights)).all() else weights / weights.mean()
        merged, place = np.unique(np.column_stack([x, codes]), axis=0, return_inverse=True)
        added = np.bincount(place.ravel(), weights)
        numbers = merged[:, -1].astype(np.int64)
        return cls(names, merged[:, :-1], numbers, added, int(codes.max()) + 1)

    def part(self, index: Array) -> Labelled:
        """Return some of the rows."""
        return Labelled(self.names, self.x[index], self.codes[index], self.weights[index], self.classes)

    @property
    def prior(self) -> Array:
        """The logarithms of the shares of the classes, (classes,); for two, the log-odds of the second, (1,)."""
        counts = np.bincount(self.codes, self.weights, self.classes) + 0.5
        logs = np.log(counts / counts.sum())
        return logs[1:] - logs[:1] if self.classes == 2 else logs

    @property
    def count(self) -> float:
        """How many rows there are, equal ones too."""
        return float(self.weights.sum())

    def losses(self, logits: Array) -> Array:
        """Return the weighted log losses (n,) of logits (n, 1) of the second of two classes, or (n, classes)."""
        return -self.weights * log_softmax(full(logits), axis=1)[np.arange(len(self.codes)), self.codes]


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


def logits_of(forms: Sequence[FreeFormula], rows: Labelled, prior: Array) -> Array:
    """Return the logits (n, number of forms); where one is undefined, the row has those of the prior."""
    columns = tuple(np.ascontiguousarray(column) for column in rows.x.T)
    values = [
        Tape(form.template, rows.names, form.symbols).values(columns, form.values)
        if columns
        else np.full(len(rows.x), form.values[0])
        for form in forms
    ]
    return settled(np.column_stack(values), prior)


def probabilities(logits: Array) -> Array:
    """Return the probabilities (n, classes) of logits, all above 0 and below 1.

    >>> probabilities(np.array([[1000.0]])).max() < 1
    np.True_
    """
    return softmax(np.maximum(_centered(logits), -_CERTAIN), axis=1)


def log_probabilities(logits: Array) -> Array:
    """Return the logarithms of the probabilities (n, classes) of logits."""
    return log_softmax(np.maximum(_centered(logits), -_CERTAIN), axis=1)


def _centered(logits: Array) -> Array:
    """Return logits (n, classes) less the largest of each row."""
    every = full(logits)
    return every - every.max(axis=1, keepdims=True)


def settled(logits: Array, prior: Array) -> Array:
    """Return logits with the prior's in rows where one is not finite."""
    return np.where(np.isfinite(logits).all(axis=1, keepdims=True), logits, prior)


def most_likely(forms: Sequence[FreeFormula], rows: Labelled, steps: int = 40) -> tuple[FreeFormula, ...]:
    """Return the forms with the constants that maximize the likelihood of the classes, jointly.

        sum_i w_i log p(class_i | x_i) - mean_i w_i |f_i|^2 / 80000,   p = softmax(f)

    The second term keeps constants finite where a formula separates the classes; it weighs as 1e-4 of a row.

    Source: Fisher scoring with the damping of Marquardt (1963).
    """
    columns = tuple(np.ascontiguousarray(column) for column in rows.x.T)
    if not columns:
        return prior_of(rows)
    tapes = [Tape(form.template, rows.names, form.symbols) for form in forms]
    sizes = np.cumsum([0, *(len(form.values) for form in forms)])
    values = np.concatenate([form.values for form in forms])

    def parts(at: Array) -> list[Array]:
        return [at[a:b] for a, b in pairwise(sizes)]

    def logits(at: Array) -> Array:
        each = [tape.values(columns, part) for tape, part in zip(tapes, parts(at), strict=True)]
        return settled(np.column_stack(each), rows.prior)

    loss, damping = _objective(logits(values), rows), _DAMPING
    for _ in range(steps):
        gradient, matrix = _system(
            [tape.jacobian(columns, p) for tape, p in zip(tapes, parts(values), strict=True)], rows
        )
        before = loss
        while damping < _MOST:
            scale = np.maximum(np.diag(matrix), _LEAST * np.diag(matrix).max() + 1e-300)
            step = np.linalg.lstsq(matrix + damping * np.diag(scale), -gradient, rcond=None)[0]
            after = _objective(logits(values + step), rows)
            if after < loss:
                values, loss, damping = values + step, after, max(damping / 10, _LEAST)
                break
            damping *= 10
        if damping >= _MOST or before - loss < _ENOUGH * rows.count:
            break
    new = parts(values)
    return tuple(FreeFormula(f.template, f.symbols, tuple(v.tolist())) for f, v in zip(forms, new, strict=True))


def prior_of(rows: Labelled) -> tuple[FreeFormula, ...]:
    """Return constants: the logits of the shares of the classes."""
    return _planes(np.zeros((len(rows.prior), 0)), rows.prior, rows)


def logistic(rows: Labelled) -> tuple[FreeFormula, ...]:
    """Return logistic regression, of the highest likelihood where the rarest class has ten rows for each input.

    With fewer rows it is penalized in inputs of variance one, as scikit-learn does by default.

    Source: Peduzzi et al., A simulation study of the number of events per variable in logistic regression (1996).
    """
    slopes, intercepts = np.zeros((len(rows.prior), len(rows.names))), rows.prior
    if len(np.unique(rows.codes)) == rows.classes:
        slopes, intercepts = slopes_of(rows.x, rows)
    planes = _planes(slopes, intercepts, rows)
    rarest = np.bincount(rows.codes, rows.weights, rows.classes).min()
    return most_likely(planes, rows) if rarest >= _EVENTS * len(rows.names) else planes


def slopes_of(design: Array, rows: Labelled) -> tuple[Array, Array]:
    """Return slopes (k, m) and intercepts (k,) of a penalized logistic regression on columns (n, m)."""
    scaler, model = StandardScaler(), LogisticRegression(max_iter=2000)
    model.fit(scaler.fit_transform(design), rows.codes, rows.weights)
    slopes = model.coef_ / scaler.scale_
    return slopes, model.intercept_ - slopes @ scaler.mean_


def _planes(slopes: Array, intercepts: Array, rows: Labelled) -> tuple[FreeFormula, ...]:
    symbols = [sympy.Symbol(name) for name in rows.names]
    return tuple(
        FreeFormula.of(
            sympy.Add(
                sympy.Float(float(start)), *(sympy.Float(float(s)) * x for s, x in zip(row, symbols, strict=False))
            )
        )
        for row, start in zip(slopes, intercepts, strict=True)
    )


def _objective(logits: Array, rows: Labelled) -> float:
    sizes = np.average((logits**2).sum(1), weights=rows.weights)
    return float(rows.losses(logits).sum() + _PART * sizes / (2 * _USUAL**2))


def _system(parts: list[tuple[Array, Array]], rows: Labelled) -> tuple[Array, Array]:
    """Return the gradient of the objective by all constants, and its expected second derivatives."""
    raw = np.column_stack([value for value, _ in parts])
    defined = np.asarray(np.isfinite(raw).all(axis=1))
    logits = settled(raw, rows.prior)
    probabilities = softmax(full(logits), axis=1)
    share = _PART * rows.weights / rows.count / _USUAL**2
    first = probabilities.shape[1] - logits.shape[1]
    slopes = [np.where(defined[:, None] & np.isfinite(jacobian), jacobian, 0.0) for _, jacobian in parts]
    hits = np.eye(probabilities.shape[1])[rows.codes]
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
