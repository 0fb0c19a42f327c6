"""The plainest formulas of a table."""

from collections.abc import Iterator

import numpy as np
import sympy

from edgewise._typing import Formula
from edgewise.discovery.generators._direct import power_law
from edgewise.discovery.judging import Candidate, Judge
from edgewise.formulas.expressions import FitData

_ALONE = 10  # inputs that are tried alone, those with the largest correlations


def baselines(judge: Judge, noise: float) -> Iterator[Candidate]:
    """What anyone would try first: a constant, each input as a line and as a power, plane and power law of all."""
    yield from filter(None, (judge.judged(form, noise, keep_form=True) for form in _plainest(judge)))


def _plainest(judge: Judge) -> Iterator[Formula]:
    symbols = [sympy.Symbol(name) for name in judge.names]
    yield sympy.Float(np.average(judge.y, weights=judge.weight**2))
    chosen = _most_correlated(judge)
    yield from (sympy.Float(1.1) * symbols[i] + sympy.Float(0.1) for i in chosen)
    yield from (sympy.Float(1.1) * symbols[i] for i in chosen)
    yield sum((sympy.Float(1.1) * s for s in symbols), sympy.Float(0.1))
    for i in chosen:
        name = judge.names[i]
        alone = FitData.of([name], judge.x[:, [i]], judge.y, judge.weight)
        yield from (law.expression for law in power_law(alone, most=1.0))
    every = FitData.of(judge.names, judge.x, judge.y, judge.weight)
    yield from (law.expression for law in power_law(every, most=1.0))


def _most_correlated(judge: Judge) -> list[int]:
    """Return the columns that are tried alone, in their order."""
    x, y = (v - np.average(v, axis=0, weights=judge.weight**2) for v in (judge.x, judge.y))
    root = judge.weight / max(float(judge.weight.max()), 1e-300)
    with np.errstate(all="ignore"):
        size = np.linalg.norm(root[:, None] * x, axis=0)
        correlation = np.nan_to_num(np.abs((root * y) @ (root[:, None] * x)) / size)
    return sorted(np.argsort(-correlation, kind="stable")[:_ALONE].tolist())
