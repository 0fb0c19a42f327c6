"""How much the rows speak for each formula of a front."""

from collections.abc import Sequence

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.judging import Candidate, Outcome, criterion
from edgewise.expressions import FitData, FreeFormula

_STEPS = 30
_POWER = 0.5  # of the evidence
_ABSENT, _UNCLAIMED = {Outcome.EXACT: 0.0, Outcome.NOISE: 0.05}, 0.5  # weight of forms that are not on the front


def weights_of(candidates: Sequence[Candidate], rows: int, noise: float, outcome: Outcome) -> Array:
    """Return the weight of evidence of each candidate; what they lack to 1 is that of forms that are not among them.

        weight = (1 - absent(outcome)) exp(-criterion / 4) / sum exp(-criterion / 4)

    exp(-criterion / 2) would be the evidence of models fixed beforehand. Those of a front were chosen by the same rows
    and are mostly not the truth: therefore the square root of it, as if there were half as many rows.

    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> near = [Candidate(x, ("x",), 0.10, 1), Candidate(x**2 + x, ("x",), 0.099, 5)]
    >>> weights_of(near, 50, 0.0, Outcome.NOISE).round(2)
    array([0.8 , 0.15])

    Source: Schwarz, Estimating the dimension of a model (1978); evidence to a power: Grünwald and van Ommen,
    Inconsistency of Bayesian inference for misspecified linear models, and a proposal for repairing it (2017). The
    power 1/2 and the shares of `absent` were chosen on made tables: benchmarks/uncertainty.py.
    """
    costs = np.array([criterion(c.error, c.complexity + c.fitted, rows, noise) for c in candidates])
    raw = np.exp(-_POWER * (costs - costs.min()) / 2)
    return (1 - absent(outcome)) * raw / raw.sum()


def absent(outcome: Outcome) -> float:
    """Return the weight of all forms that are not on a front: it depends on what is claimed.

    >>> [absent(outcome) for outcome in (Outcome.EXACT, Outcome.NOISE, Outcome.APPROXIMATE)]
    [0.0, 0.05, 0.5]
    """
    return _ABSENT.get(outcome, _UNCLAIMED)


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
