"""How the columns of new rows differ from those of old ones, and what that does to predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import chi2_contingency, ks_2samp

from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions
from edgewise.tables.additive import Curve
from edgewise.tables.encoding import Category, Encoder

if TYPE_CHECKING:
    import pandas as pd

_BINS = 10  # of a number, as many old rows in each


def drift_table(parts: Sequence[Contributions], encoder: Encoder, old: Array, new: Array) -> pd.DataFrame:
    """Return for each column how far its values moved, and what that does to the sums: encoded rows (n, p)."""
    pd = needed("pandas")

    before, after = (np.concatenate([own.of(x).mean(0) for own in parts], 1) for x in (old, new))
    signed = before.shape[1] == 1
    moves = after - before
    sizes = np.abs(moves[:, 0]) if signed else np.sqrt((moves**2).mean(1))
    total = float(sizes.sum()) or 1.0
    rows = []
    for k, column in enumerate(encoder.columns):
        level = isinstance(column, Category)
        statistic, p_value = (_categories if level else _numbers)(old[:, k], new[:, k])
        rows.append({
            "psi": _psi(old[:, k], new[:, k], level=level), "statistic": statistic, "p_value": p_value,
            "shift": float(moves[k, 0] if signed else sizes[k]), "share": float(sizes[k]) / total,
            "outside": float(outside(parts, encoder, new)[:, k].mean()),
            "missing_old": float(np.isnan(old[:, k]).mean()), "missing_new": float(np.isnan(new[:, k]).mean()),
        })  # fmt: skip
    table = pd.DataFrame(rows, index=pd.Index(encoder.names, name="column"))
    return table.sort_values(["share", "psi"], ascending=False, kind="stable")


def outside(parts: Sequence[Contributions], encoder: Encoder, x: Array) -> Array:
    """Return which numbers are beyond those of the fit, and which levels it did not know, (n, p)."""
    found = np.zeros(x.shape, dtype=bool)
    for k, column in enumerate(encoder.columns):
        if isinstance(column, Category):
            found[:, k] = np.isnan(x[:, k])
    for part in (each for own in parts for each in own.model.design.inputs if isinstance(each, Curve)):
        found[:, part.column] |= part.beyond(x[:, part.column])
    return found


def _psi(old: Array, new: Array, *, level: bool) -> float:
    """Return the population stability index, sum (q - p) log(q / p), with half a row more in each bin."""
    seen = old[np.isfinite(old)]
    if level or len(np.unique(seen)) <= _BINS:
        cuts = np.unique(np.concatenate([seen, new[np.isfinite(new)]]))
        places = [np.where(np.isnan(x), 0, 1 + np.searchsorted(cuts, x)) for x in (old, new)]
    else:
        cuts = np.unique(np.quantile(seen, np.linspace(0, 1, _BINS + 1)[1:-1]))
        places = [np.where(np.isnan(x), 0, 1 + np.searchsorted(cuts, x)) for x in (old, new)]
    size = 2 + len(cuts)
    counts = np.array([np.bincount(place, minlength=size) for place in places])
    counts = counts[:, counts.any(0)] + 0.5
    p, q = counts / counts.sum(1, keepdims=True)
    return float(((q - p) * np.log(q / p)).sum())


def _numbers(old: Array, new: Array) -> tuple[float, float]:
    """Return the distance of Kolmogorov and Smirnov, and its p-value."""
    old, new = old[np.isfinite(old)], new[np.isfinite(new)]
    if not len(old) or not len(new):
        return np.nan, np.nan
    found: Any = ks_2samp(old, new, method="asymp")
    return float(found.statistic), float(found.pvalue)


def _categories(old: Array, new: Array) -> tuple[float, float]:
    """Return Cramér's V of levels and old or new, and the p-value of the chi-squared test."""
    codes = np.concatenate([old, new])
    levels, numbers = np.unique(np.nan_to_num(codes, nan=-1.0), return_inverse=True)
    if len(levels) < 2:
        return 0.0, 1.0
    counts = np.stack([np.bincount(part, minlength=len(levels)) for part in np.split(numbers, [len(old)])])
    found: Any = chi2_contingency(counts, correction=False)
    return float(np.sqrt(found.statistic / counts.sum())), float(found.pvalue)
