"""Smooth log-odds of classes: the target in which formulas are searched for."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from edgewise._typing import Array
from edgewise.estimators._likelihood import Labelled, full

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
