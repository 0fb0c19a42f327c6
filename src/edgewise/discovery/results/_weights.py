"""How much the rows speak for each formula of a front."""

from collections.abc import Sequence

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.judging import Candidate, Evidence, Outcome, criterion
from edgewise.expressions import FitData, FreeFormula

_STEPS = 30
_POWER = 0.25  # of the evidence
_ABSENT, _UNCLAIMED = {Outcome.EXACT: 0.0, Outcome.NOISE: 0.2}, 0.5  # weight of forms that were not found


def weights_of(evidence: Evidence, outcome: Outcome) -> Array:
    """Return the weight of each formula of a front; what they lack to 1 is that of all other forms.

        weight = (1 - absent(outcome)) exp(-lead / 8) / sum of exp(-lead / 8) over all forms assessed

    lead: the difference of its criterion to that of the best formula (`Contest.lead`). exp(-lead / 2) would be the
    evidence of models fixed beforehand. Forms that were chosen by the same rows are mostly not the truth: therefore
    its fourth root, as if there were a quarter of the rows.

    >>> weights_of(Evidence((0.0, 8.0), (12.0,)), Outcome.NOISE).round(2)
    array([0.5 , 0.18])

    Source: Schwarz, Estimating the dimension of a model (1978); evidence to a power: Grünwald and van Ommen,
    Inconsistency of Bayesian inference for misspecified linear models, and a proposal for repairing it (2017). The
    power and the values of `absent` were chosen on made tables: docs/discovery.md.
    """
    return (1 - absent(outcome)) * shares(evidence, _POWER)


def shares(evidence: Evidence, power: float) -> Array:
    """Return the share of each formula of a front in the evidence to a power, of all forms assessed.

    >>> shares(Evidence((0.0, 8.0), ()), 0.0)
    array([0.5, 0.5])
    """
    leads = np.array([*evidence.leads, *evidence.others])
    raw = np.exp(-power * (leads - leads.min()) / 2)
    return raw[: len(evidence.leads)] / raw.sum()


def evidence_of(candidates: Sequence[Candidate], best: Candidate, rows: int, noise: float) -> Evidence:
    """Return the evidence of a front alone, by the errors and sizes of its formulas as they stand."""
    costs = [criterion(c.error, c.complexity + c.fitted, rows, noise) for c in candidates]
    own = criterion(best.error, best.complexity + best.fitted, rows, noise)
    return Evidence(tuple(cost - own for cost in costs))


def absent(outcome: Outcome) -> float:
    """Return the weight of all forms that were not found: it depends on what is claimed.

    >>> [absent(outcome) for outcome in (Outcome.EXACT, Outcome.NOISE, Outcome.APPROXIMATE)]
    [0.0, 0.2, 0.5]
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
