"""What each input does to a formula, in sentences."""

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise.discovery.judging import Candidate

_ROWS = 200  # at which the other inputs are kept
_LOW, _HIGH, _STEPS = 0.1, 0.9, 9  # quantiles of an input that it moves through
_FLAT = 1e-9  # of the range of the values: a step that is no change


def effects(candidate: Candidate, x: Array, target: str) -> list[str]:
    """Return a sentence on each input that a formula uses, and one on those that it does not use.

    The input moves from its 10 % to its 90 % quantile in the rows x (n, m), in eight steps, while the others keep the
    values of a row; the change is the average over at most 200 rows.

    >>> import sympy
    >>> candidate = Candidate(2 * sympy.Symbol("a"), ("a", "b"), 0.0, 2)
    >>> for sentence in effects(candidate, np.linspace(0, 1, 11)[:, None] * [1, 2], "y"):
    ...     print(sentence)
    a from 0.1 to 0.9: y rises by 1.6 on average, and falls nowhere.
    b is not in the formula.
    """
    used = {symbol.name for symbol in candidate.expression.atoms(sympy.Symbol)}
    rows = x[np.random.default_rng(0).permutation(len(x))[:_ROWS]]
    sentences = [
        _sentence(candidate, rows, k, _points(x[:, k]), target)
        for k, name in enumerate(candidate.names)
        if name in used
    ]
    unused = [name for name in candidate.names if name not in used]
    if unused:
        listed = " and ".join([", ".join(unused[:-1]), unused[-1]] if len(unused) > 1 else unused)
        sentences.append(f"{listed} {'are' if len(unused) > 1 else 'is'} not in the formula.")
    return sentences


def _points(column: Array) -> Array:
    low, high = np.quantile(column, [_LOW, _HIGH])
    if low == high:
        low, high = column.min(), column.max()
    return np.linspace(low, high, _STEPS)


def _sentence(candidate: Candidate, rows: Array, k: int, points: Array, target: str) -> str:
    moved = np.repeat(rows, len(points), axis=0)
    moved[:, k] = np.tile(points, len(rows))
    values = candidate.predict(moved).reshape(len(rows), len(points))
    values = values[np.isfinite(values).all(1)]
    span = f"{candidate.names[k]} from {points[0]:.4g} to {points[-1]:.4g}"
    if not len(values):
        return f"{span}: the formula is not defined all the way."
    change, flat = float((values[:, -1] - values[:, 0]).mean()), _FLAT * float(np.ptp(values))
    steps = np.diff(values)
    rises, falls = bool((steps > flat).any()), bool((steps < -flat).any())
    if rises and falls:
        return f"{span}: {target} changes by {change:.3g} on average; it rises in places and falls in others."
    verb, other = ("falls", "rises") if falls else ("rises", "falls")
    return f"{span}: {target} {verb} by {abs(change):.3g} on average, and {other} nowhere."
