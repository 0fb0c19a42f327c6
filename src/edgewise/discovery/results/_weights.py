"""How much the rows speak for each formula of a front."""

from collections.abc import Sequence

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.judging import Candidate, criterion
from edgewise.expressions import FitData, FreeFormula

_STEPS = 30


def weights_of(candidates: Sequence[Candidate], rows: int, noise: float) -> Array:
    """Return the weight of evidence of each candidate, exp(-criterion / 2), as a fraction of their sum.

    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> near = [Candidate(x, ("x",), 0.10, 1), Candidate(x**2 + x, ("x",), 0.099, 5)]
    >>> weights_of(near, 50, 0.0).round(2)
    array([0.97, 0.03])
    """
    costs = np.array([criterion(c.error, c.complexity + c.fitted, rows, noise) for c in candidates])
    raw = np.exp(-(costs - costs.min()) / 2)
    return raw / raw.sum()


def stability_of(
    candidates: Sequence[Candidate], data: FitData, noise: float, resamples: int = 50, seed: int = 0
) -> Array:
    """Return the fraction of resampled tables on which each candidate has the lowest criterion, constants refitted.

    A resampled table draws as many rows, with replacement (the bootstrap).

    Errors: InputError unless resamples is at least 1 and the seed a whole number.
    """
    if not is_int(resamples, 1):
        raise InputError(f"'resamples' must be an int of at least 1. Got {resamples!r}.")
    if not is_int(seed, 0, 2**62 - 1):
        raise InputError(f"'seed' must be an int from 0 to 2^62. Got {seed!r}.")
    rng = np.random.default_rng(seed)
    free = [FreeFormula.of(candidate.expression) for candidate in candidates]
    sizes = [candidate.complexity + candidate.fitted for candidate in candidates]
    wins = np.zeros(len(candidates))
    for _ in range(resamples):
        keep = rng.integers(data.n, size=data.n)
        again = FitData.of(data.names, np.column_stack(data.columns)[keep], data.y[keep], data.weight[keep])
        errors = [formula.fit(again, _STEPS).error for formula in free]
        costs = [
            criterion(error, size, data.n, noise) if np.isfinite(error) else np.inf
            for error, size in zip(errors, sizes, strict=True)
        ]
        wins[int(np.argmin(costs))] += 1
    return wins / resamples
